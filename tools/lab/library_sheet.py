"""Paint every style of the library at four moments of the demo track onto one sheet: for the docs, and for eyes.

python tools/lab/library_sheet.py docs/pictures/library.jpg [--only trained] [--kinds gan vqvae] [--columns 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.frame import Size
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.generators.still import sequence
from phosphene.engine.library.previews import demo_signals, to_bytes
from phosphene.engine.models.style import KINDS, Style, list_styles, load_style
from phosphene.tools.handing_over import check_picture, hand_over_picture
from phosphene.tools.lab.numbers_given import whole

SIZE = Size(192, 108)
FPS = 24
# s into the excerpt, which begins 2 s before the drop: in the break, on the first kick, and in the drop.
MOMENTS = (1.5, 2.1, 4.6, 6.9)
_MARGIN, _LINE = 4, 15
_GROUND, _INK, _DIM = (12, 13, 16), (200, 205, 212), (128, 134, 143)


def strip(style: Style) -> np.ndarray:
    """Return the style's moments side by side, uint8 [h, moments * w, 3], after running it up to each."""
    signals = demo_signals()[: round(MOMENTS[-1] * FPS) + 1]
    frames = list(sequence(style, SIZE, signals, 1.0 / FPS))
    return np.hstack([to_bytes(frames[round(t * FPS)]) for t in MOMENTS])


def sheet(styles: Sequence[Style], columns: int) -> Image.Image:
    """Return all styles, `columns` strips a row, each with its name and its prompt, or what it learnt from."""
    wide, high = len(MOMENTS) * SIZE.width + _MARGIN, SIZE.height + _LINE + _MARGIN
    rows = -(-len(styles) // columns)
    image = Image.new("RGB", (columns * wide + _MARGIN, rows * high + _MARGIN), _GROUND)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    for i, style in enumerate(styles):
        x, y = _MARGIN + i % columns * wide, _MARGIN + i // columns * high
        name = f"{style.name}  {style.spec.told}"
        draw.text((x, y), name, _INK, font)
        draw.text((x + draw.textlength(name, font) + 10, y), _learnt(style), _DIM, font)
        image.paste(Image.fromarray(strip(style)), (x, y + _LINE))
    return image


def _learnt(style: Style) -> str:
    return style.meta.prompt or (style.meta.description if style.meta.trained else "untrained")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sheet. A file of that name is kept under a number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=("trained", "untrained"))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--columns", type=whole(1, 100), default=2)
    args = parser.parse_args(argv)
    check_picture(args.out)
    styles = [load_style(slug) for kind in args.kinds for slug in list_styles(kind)]
    styles.sort(key=lambda s: (_learnt(s) == "untrained", s.kind, s.slug))
    if args.only:
        styles = [style for style in styles if (_learnt(style) != "untrained") == (args.only == "trained")]
    hand_over_picture(args.out, sheet(styles, args.columns), optimize=True, quality=70)


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("library_sheet", main)

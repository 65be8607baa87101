"""Mood boards to try guides on, made anew by a command: five that Phosphene paints, three cut from free photographs.

    python tools/lab/texture_boards.py boards/

Makes `boards/<name>/` with eight pictures to train on, and `boards/<name>-held/` with three that no training sees.
Photographs lie in the wheel of scikit-image, which need not be installed: --photos names a folder with that wheel in it.
What is held out of a photograph comes from another part of it than what is trained on.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from typer import Argument, Option

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.pictures import read_image
from phosphene.tools.command_line import read
from phosphene.tools.motif.pictures import paint
from phosphene.tools.motif.subject import Subject
from phosphene.tools.runs.boundary import exit_code

TRAINED, HELD = 8, 3
WIDTH, HEIGHT = 320, 180

PAINTED = {
    "wood": Subject("wood", ("brown", "orange"), "dark", "muted", density="medium", sharpness="medium"),
    "honeycomb": Subject("hexagons", ("gold", "orange"), "dark", density="medium", sharpness="sharp"),
    "checker": Subject("checker", ("white", "red"), "black", contrast="high", density="medium", sharpness="sharp"),
    "caustics": Subject("caustics", ("teal", "cyan"), "dark", density="medium"),
    "marble": Subject("marble", ("navy", "gold", "white"), "dark", contrast="high"),
}
# file in the wheel, share of its width (0..1) that is trained on: what lies right of it is held out
PHOTOS = {
    "brick": ("skimage/data/brick.png", 0.62),  # CC0
    "gravel": ("skimage/data/gravel.png", 0.62),  # CC0
    "tissue": ("skimage/data/ihc.png", 0.62),  # no known copyright restrictions
}
NAMES = (*PAINTED, *PHOTOS)


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the command line says."""

    place: Annotated[Path, Argument(help="folder to make the boards in")]
    photos: Annotated[Path | None, Option(help="folder with the wheel of scikit-image")] = None


def make_boards(place: Path, photos: Path | None = None, names: Sequence[str] = NAMES) -> list[str]:
    """Write the boards; return the names of those that could be made. Raises UserError where a file cannot be written."""
    return write_boards(
        names,
        lambda name: painted(name) if name in PAINTED else cut(name, photos),
        lambda name, k: place / (name if k < TRAINED else f"{name}-held"),
    )


def write_boards(
    names: Sequence[str], pictures: Callable[[str], list[np.ndarray]], folder: Callable[[str, int], Path]
) -> list[str]:
    """Write `NAME-K.png` of each board that can be made; return their names, and say why the others could not.

    pictures: uint8 [h, w, 3] of a name; folder: of a name and a picture's number. Raises UserError as `make_boards` does.
    """
    made = []
    for name in names:
        try:
            found = pictures(name)
        except UserError as error:
            print(error.line(), file=sys.stderr)
            continue
        for k, picture in enumerate(found):
            place = folder(name, k)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place / f"{name}-{k}.png")
        made.append(name)
    return made


def painted(name: str, count: int = TRAINED + HELD) -> list[np.ndarray]:
    """Return pictures uint8 [180, 320, 3] of one painted subject, each another drawing of it."""
    pictures = []
    for k in range(count):
        whole = paint(PAINTED[name], np.random.default_rng([NAMES.index(name), k]), WIDTH)
        top = (WIDTH - HEIGHT) // 2
        pictures.append(np.round(255 * np.clip(whole[top : top + HEIGHT], 0, 1)).astype(np.uint8))
    return pictures


def cut(name: str, photos: Path | None) -> list[np.ndarray]:
    """Return cut-outs uint8 [180, 320, 3] of a photograph: eight of the part to train on, three of the rest.

    Raises UserError where the photograph is not at hand.
    """
    inside, share = PHOTOS[name]
    whole = np.asarray(read_image(io.BytesIO(photograph(inside, photos))).convert("RGB"))
    edge = round(share * whole.shape[1])
    rng = np.random.default_rng(NAMES.index(name))
    pictures = []
    for k in range(TRAINED + HELD):
        part = whole[:, :edge] if k < TRAINED else whole[:, edge:]
        # As large a 16:9 cut-out as the narrower part holds: both parts show the texture at one scale.
        width = min(edge, whole.shape[1] - edge)
        height = width * HEIGHT // WIDTH
        x, y = rng.integers(part.shape[1] - width + 1), rng.integers(part.shape[0] - height + 1)
        cutout = Image.fromarray(part[y : y + height, x : x + width])
        pictures.append(np.asarray(cutout.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)))
    return pictures


def photograph(inside: str, photos: Path | None) -> bytes:
    for place in (photos, *map(Path, sys.path)):
        if place is None:
            continue
        if (place / inside).is_file():
            return (place / inside).read_bytes()
        for wheel in sorted(place.glob("scikit_image-*.whl")) if place == photos else ():
            with zipfile.ZipFile(wheel) as packed:
                if inside in packed.namelist():
                    return packed.read(inside)
    remedy = "pip download --no-deps -d wheels scikit-image, then --photos wheels"
    raise UserError("a photograph is not at hand", where=inside, remedy=remedy)


def main(argv: Sequence[str] | None = None, prog: str = "texture_boards.py") -> int:
    """Return the exit code."""
    args = read(CommandLine, argv, prog, __doc__)
    return exit_code(lambda: 0 if make_boards(args.place, args.photos) else 1, prog=prog)


if __name__ == "__main__":
    sys.exit(main())

"""A contact sheet of styles in music, a row for each style and a column for each moment: for eyes, as in docs/pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phosphene.engine.core.frame import Size
from phosphene.engine.library.previews import to_bytes
from phosphene.engine.models.style import Style
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.scores import as_music, rendered

_CELL = Size(240, 135)
_MARGIN, _LINE, _SIDE = 6, 18, 150
_GROUND, _INK, _DIM = (8, 8, 11), (214, 211, 222), (143, 139, 155)


def contact_sheet(
    styles: Sequence[Style], signals: Music | Sequence[Mapping[str, float]], path: Path, size: Size = _CELL
) -> Path:
    """Write a PNG: a row for each style, a column for each of `sheet_moments`; return `path`."""
    music = as_music(signals)
    columns = sheet_moments(music)
    width = _SIDE + len(columns) * (size.width + _MARGIN)
    image = Image.new("RGB", (width, _LINE + _MARGIN + len(styles) * (size.height + _MARGIN)), _GROUND)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for column, (name, _) in enumerate(columns):
        draw.text((_SIDE + column * (size.width + _MARGIN), 3), name, _DIM, font)
    for row, style in enumerate(styles):
        y = _LINE + _MARGIN + row * (size.height + _MARGIN)
        draw.text((_MARGIN, y), _fit(style.name, font), _INK, font)
        draw.text((_MARGIN, y + _LINE), style.spec.told, _DIM, font)
        for k, colour in enumerate(style.palette):
            draw.rectangle((_MARGIN + 24 * k, y + 2.4 * _LINE, _MARGIN + 24 * k + 22, y + 3.2 * _LINE), colour)
        pictures = rendered(style, music, [moment for _, moment in columns], size).permute(0, 2, 3, 1).numpy()
        for column, picture in enumerate(pictures):
            image.paste(Image.fromarray(to_bytes(picture)), (_SIDE + column * (size.width + _MARGIN), y))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)
    return path


def sheet_moments(music: Music) -> list[tuple[str, tuple[float, int]]]:
    """Return (name, (integrated time in s, frame)) of each column: what sound does at one time, then what time does."""
    level = np.array([each["rms"] + each["bass"] for each in music.levels])
    kick = np.array([each["onset"] + each["bass"] for each in music.levels])
    order = np.argsort(level, kind="stable")
    quiet, middle = int(order[len(order) // 50]), int(order[len(order) // 2])
    struck, full = int(kick.argmax()), int(order[-1 - len(order) // 50])
    after = struck + int(kick[struck : struck + 12].argmin())  # the calmest moment of the half second that follows
    return [
        ("quiet, 20 s", (20.0, quiet)),
        ("middling, 20 s", (20.0, middle)),
        ("kick, 20 s", (20.0, struck)),
        ("after it, 20 s", (20.0, after)),
        ("full, 60 s", (60.0, full)),
        ("quiet, 180 s", (180.0, quiet)),
        ("kick, 420 s", (420.0, struck)),
    ]


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while text and font.getlength(text) > _SIDE - 2 * _MARGIN:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    return text

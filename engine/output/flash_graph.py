"""Draws how often a film flashes over its length, into a picture. Called by `vj flash`."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phosphene.engine.output.flash_check import KINDS, FlashReport
from phosphene.kernels.guard.reference import MOST_FLASHES

_SIZE, _LEFT, _RIGHT = (1280, 420), 90, 30
_FLASHES, _LIGHT = (40, 270), (310, 380)  # top and bottom of the two graphs
_BACK, _TEXT, _DIM, _LINE = (14, 16, 20), (228, 232, 238), (136, 147, 162), (44, 50, 60)
_COLOURS = {"luminance": (242, 200, 120), "red": (255, 86, 74)}
_FAILS = (70, 22, 24)


def draw_graph(report: FlashReport) -> Image.Image:
    """Return flashes a second over time, at the worst region of each moment, with the limit; below it the mean light."""
    image = Image.new("RGB", _SIZE, _BACK)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    seconds = max(1e-6, report.seconds)
    top = max(6.0, float(report.course.max()) / 2 + 0.5)

    def x(t: float) -> float:
        return _LEFT + (_SIZE[0] - _LEFT - _RIGHT) * min(1.0, t / seconds)

    def y(flashes: float) -> float:
        return _FLASHES[1] - (_FLASHES[1] - _FLASHES[0]) * flashes / top

    for stretch in report.stretches:
        draw.rectangle((x(stretch.start), _FLASHES[0], max(x(stretch.end), x(stretch.start) + 2), _FLASHES[1]), fill=_FAILS)
    for n in range(int(top) + 1):
        draw.line((_LEFT, y(n), _SIZE[0] - _RIGHT, y(n)), fill=_LINE)
        draw.text((_LEFT - 24, y(n) - 9), str(n), _DIM, font)
    draw.line((_LEFT, y(MOST_FLASHES), _SIZE[0] - _RIGHT, y(MOST_FLASHES)), fill=_TEXT, width=2)
    draw.text((_LEFT, 12), "flashes a second, at the worst place", _DIM, font)
    draw.text((_LEFT, _LIGHT[0] - 24), "mean light", _DIM, font)
    for i, kind in enumerate(KINDS):
        column = 900 + 180 * i
        draw.rectangle((column, 17, column + 16, 27), fill=_COLOURS[kind])
        draw.text((column + 24, 12), kind, _TEXT, font)
        _course(draw, report.times, [y(v / 2) for v in report.course[:, i]], x, _COLOURS[kind])
    bottom, height = _LIGHT[1], _LIGHT[1] - _LIGHT[0]
    _course(draw, report.times, [bottom - height * float(v) for v in report.light], x, _TEXT)
    for k in range(6):
        t = seconds * k / 5
        draw.text((x(t) - 14, _LIGHT[1] + 8), f"{int(t) // 60}:{t % 60:04.1f}", _DIM, font)
    return image


def _course(draw: ImageDraw.ImageDraw, times: np.ndarray, heights: list[float], x: object, colour: tuple) -> None:
    points = [(x(float(t)), h) for t, h in zip(times, heights, strict=True)]
    # A picture of a moment each would be 100,000 of an hour: the highest of each column is what must be seen.
    columns: dict[int, tuple[float, float]] = {}
    for px, py in points:
        at = int(px)
        if at not in columns or py < columns[at][1]:
            columns[at] = (px, py)
    line = list(columns.values())
    if len(line) > 1:
        draw.line(line, fill=colour, width=2)

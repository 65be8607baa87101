"""Curves and score strips as inline SVG, for pages that open from a disk without a network.

Called by `page`. Returns markup with every text escaped; knows nothing of files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# Told apart on a dark ground, also without red and green; the nulls are grey, so that colour means "trained".
COLOURS = ("#7aa2f7", "#e0af68", "#5fc9b0", "#d97aa6", "#a894f5", "#b7c46b")
GREY = "#8b919d"
_WIDTH, _HEIGHT = 420.0, 180.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 12.0, 22.0
_NAME = 230.0  # px of a strip's name at most
_POINTS = 160  # of a drawn curve: 800 noisy steps say no more, and 40 runs make one page

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """faint: drawn thin, behind the others, without a name in the legend."""

    name: str
    points: Points
    colour: str
    faint: bool = False


def smoothed(points: Points, share: float = 0.06) -> list[tuple[float, float]]:
    """Return `points` with each value the mean of its neighbourhood, `share` of the curve wide, cut off at the ends."""
    half = max(1, round(len(points) * share / 2))
    found = []
    for k, (x, _) in enumerate(points):
        near = points[max(0, k - half) : k + half + 1]
        found.append((x, sum(y for _, y in near) / len(near)))
    return found


def chart(title: str, curves: Sequence[Curve], level: tuple[str, float] | None = None) -> str:
    """Return a figure with curves over steps. level: a named horizontal line, such as a null. "" when nothing is drawn."""
    curves = [c for c in curves if len(c.points) > 1]
    if not curves:
        return ""
    xs = [x for c in curves for x, _ in c.points]
    ys = [y for c in curves for _, y in c.points] + ([level[1]] if level else [])
    low, high = min(ys), max(ys)
    pad = 0.06 * (high - low) or 0.05
    low, high, first, last = low - pad, high + pad, min(xs), max(xs)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / ((last - first) or 1.0)
        up = (y - low) / (high - low)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in ticks(low, high):
        y = at(first, tick)[1]
        parts.append(f'<line class="grid" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6:g}" y="{y + 3.5:.1f}" text-anchor="end">{_short(tick)}</text>')
    parts.append(f'<text x="{_LEFT:g}" y="{_HEIGHT - 6:g}">{first:g}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT:g}" y="{_HEIGHT - 6:g}" text-anchor="end">step {last:g}</text>')
    if level:
        y = at(first, level[1])[1]
        parts.append(f'<line class="null" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for curve in sorted(curves, key=lambda c: not c.faint):
        step = max(1, math.ceil(len(curve.points) / _POINTS))
        kept = [*curve.points[::step], curve.points[-1]]
        line = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in kept)
        kind = ' class="faint"' if curve.faint else ""
        parts.append(f'<polyline{kind} stroke="{curve.colour}" points="{line}"/>')
    names = [(c.name, c.colour) for c in curves if not c.faint and c.name]
    names += [(level[0], GREY)] if level else []
    legend = "".join(f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in names)
    return _figure("chart", title, _WIDTH, _HEIGHT, parts) + f'<div class="legend">{legend}</div></figure>'


@dataclass(frozen=True)
class Strip:
    """One row of a score strip. values: one dot a seed. nulls: (name, value), drawn hollow."""

    name: str
    values: Sequence[float]
    nulls: Sequence[tuple[str, float]]
    colour: str


def strips(title: str, rows: Sequence[Strip]) -> str:
    """Return a figure: a row for each group with its seeds as dots, their mean as a bar, its nulls as hollow marks."""
    rows = [row for row in rows if row.values]
    if not rows:
        return ""
    every = [v for row in rows for v in [*row.values, *(n for _, n in row.nulls)]]
    low, high = min(every), max(every)
    pad = 0.05 * (high - low) or 0.05
    low, high = low - pad, high + pad
    line, top = 26.0, 8.0
    left = min(_NAME, 6.2 * max(len(row.name) for row in rows)) + 24.0
    height = top + line * len(rows) + 20.0

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (_WIDTH + 100.0 - left - _RIGHT)

    parts = []
    for tick in ticks(low, high):
        x = at(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{height - 18:g}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 5:g}" text-anchor="middle">{_short(tick)}</text>')
    for k, row in enumerate(rows):
        y = top + line * (k + 0.5)
        parts.append(f'<text class="name" x="0" y="{y + 4:.1f}">{escape(_cut(row.name))}</text>')
        for name, value in row.nulls:
            x, said = at(value), f"<title>{escape(name)} {value:.4f}</title>"
            if name == "untrained":
                parts.append(f'<circle class="hollow" cx="{x:.1f}" cy="{y:.1f}" r="4">{said}</circle>')
            else:
                parts.append(f'<rect class="hollow" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7">{said}</rect>')
        parts += [
            f'<circle fill="{row.colour}" fill-opacity=".75" cx="{at(value):.1f}" cy="{y:.1f}" r="4">'
            f"<title>{value:.4f}</title></circle>"
            for value in row.values
        ]
        x = f"{at(sum(row.values) / len(row.values)):.1f}"
        parts.append(f'<line stroke="{row.colour}" class="mean" x1="{x}" x2="{x}" y1="{y - 8:.1f}" y2="{y + 8:.1f}"/>')
    return _figure("chart wide", title, _WIDTH + 100, height, parts) + "</figure>"


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers from `low` to `high`, `about` so many."""
    raw = (high - low) / about
    scale = 10.0 ** math.floor(math.log10(raw))
    step = min((m * scale for m in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step) + 1)]


def _figure(kind: str, title: str, width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<figure class="{kind}"><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-label="{escape(title, quote=True)}">{"".join(parts)}</svg>'
    )


def _cut(name: str) -> str:
    fits = int(_NAME / 6.2)
    return name if len(name) <= fits else name[: fits - 1] + "…"


def _short(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}"

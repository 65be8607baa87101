"""The arithmetic of sharp effects in plain numpy, one function per shader. The conventions are those of `reference.py`.

Pictures are float [h, w, 4], row 0 = top, linear light, premultiplied. Names and units are the shaders' uniforms. Slow and
readable; never used in a show.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from phosphene.kernels.effects.palettes import ENTRIES, PALETTES, table
from phosphene.kernels.effects.reference import LIGHT_MAX, Picture, coordinates, finite, fold, hash3, sample

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_SLANT = (np.sqrt(0.75), 0.5)
_BEND = 0.35
_LARGEST = 1.9921875  # on the filter's scale: LIGHT_MAX


def enlarge(source: Picture, height: int, width: int) -> Picture:
    """Return `source` at another size, by Catmull-Rom on a scale that is even to the eye."""
    here = finite(source)
    seen = np.sqrt(here[..., :3])
    seen = np.where(seen > 1.0, 2.0 - 1.0 / np.maximum(seen, 1.0), seen)
    scaled = np.concatenate([seen, here[..., 3:]], axis=-1)
    for axis, count in ((1, width), (0, height)):
        place = (np.arange(count) + 0.5) / count * scaled.shape[axis] - 0.5
        below = np.floor(place).astype(int)
        t = (place - below).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        p0, p1, p2, p3 = (np.take(scaled, np.clip(below + k, 0, scaled.shape[axis] - 1), axis=axis) for k in (-1, 0, 1, 2))
        scaled = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    seen = np.clip(scaled[..., :3], 0.0, _LARGEST)
    seen = np.where(seen > 1.0, 1.0 / (2.0 - seen), seen)
    return np.concatenate([seen**2, np.clip(scaled[..., 3:], 0.0, 1.0)], axis=-1)


class Lines(NamedTuple):
    """The nearest line of each family: distances to their middles, half of what lies between two, unit normal away."""

    away: tuple[np.ndarray, ...]
    apart: np.ndarray
    normal: tuple[np.ndarray, np.ndarray]


def _nearest(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    off = x - np.floor(x + 0.5)
    return np.abs(off), np.where(off < 0.0, -1.0, 1.0)


def lines_at(form: int, x: np.ndarray, y: np.ndarray, level: np.ndarray, travelled: float, number: float) -> Lines:
    """Return the lines of a form, 1 to 9, at places in periods. level: y of these places where the pattern is not turned."""
    half, none = np.full_like(x, 0.5), np.zeros_like(x)
    moved = x - travelled
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    small = np.maximum(radius, 1e-6)
    if form == 1:
        (ax, sx), (ay, sy) = _nearest(moved - 0.5), _nearest(y - 0.5)
        return Lines((ax, ay), half, (np.where(ax < ay, sx, 0.0), np.where(ax < ay, 0.0, sy)))
    if form == 2:
        wide, high = 1.0, np.sqrt(3.0)
        a = moved - wide * np.floor(moved / wide + 0.5), y - high * np.floor(y / high + 0.5)
        b = moved - wide * (np.floor(moved / wide) + 0.5), y - high * (np.floor(y / high) + 0.5)
        first = a[0] ** 2 + a[1] ** 2 < b[0] ** 2 + b[1] ** 2
        gx, gy = np.where(first, a[0], b[0]), np.where(first, a[1], b[1])
        sx, sy = np.where(gx < 0.0, -1.0, 1.0), np.where(gy < 0.0, -1.0, 1.0)
        flat, lean = np.abs(gx), 0.5 * np.abs(gx) + _SLANT[0] * np.abs(gy)
        normal = np.where(flat > lean, -sx, -0.5 * sx), np.where(flat > lean, 0.0, -_SLANT[0] * sy)
        return Lines((0.5 - np.maximum(flat, lean),), half, normal)
    if form == 3:
        u, v = _SLANT
        (a, sa), (b, sb), (c, sc) = (_nearest(q) for q in (y, u * x + v * y - travelled, u * x - v * y - travelled))
        first, second = a < np.minimum(b, c), b < c
        normal_x = np.where(first, 0.0, np.where(second, sb * u, sc * u))
        normal_y = np.where(first, sa, np.where(second, sb * v, -sc * v))
        return Lines((a, b, c), half, (normal_x, normal_y))
    if form == 4:
        gx, gy = moved - np.floor(moved) - 0.5, y - np.floor(y) - 0.5
        away = np.hypot(gx, gy)
        return Lines((away,), np.full_like(x, np.sqrt(0.5)), (gx / np.maximum(away, 1e-6), gy / np.maximum(away, 1e-6)))
    if form == 5:
        away, side = _nearest(radius - travelled - 0.5)
        return Lines((away,), half, (side * x / small, side * y / small))
    if form == 6:
        arc = 2.0 * np.pi * radius / number
        away, side = _nearest(angle / (2.0 * np.pi) * number - travelled)
        return Lines((away * arc,), 0.5 * arc, (-side * y / small, side * x / small))
    if form == 7:
        away, side = _nearest(moved)
        return Lines((away,), half, (side, none))
    if form == 8:
        away, side = _nearest(level + travelled)
        return Lines((away,), half, (none, side))
    sector = 2.0 * np.pi / number
    facing = sector * np.floor((angle - 0.5 * np.pi) / sector) + 0.5 * np.pi + 0.5 * sector
    away, side = _nearest(x * np.cos(facing) + y * np.sin(facing) - travelled - 0.5)
    return Lines((away,), half, (side * np.cos(facing), side * np.sin(facing)))


def covered(form: int, away: np.ndarray, reach: np.ndarray, apart: np.ndarray, pixel: float) -> np.ndarray:
    """Return the share of a pixel that one family of lines covers."""

    def edge(x: np.ndarray) -> np.ndarray:
        share: np.ndarray = np.clip(x / pixel + 0.5, 0.0, 1.0)
        return share

    here = edge(reach - away) + edge(reach + away) - 1.0
    beside = edge(reach + away - 2.0 * apart)
    mean = np.minimum(np.pi * reach**2, 1.0) if form == 4 else reach / np.maximum(apart, 1e-6)
    even = np.clip(pixel / np.maximum(apart, 1e-6) - 1.0, 0.0, 1.0)
    r = reach / pixel
    large, small = r**2 / (r**2 + 1.0 / 12.0), r / (0.5 + 2.0 / 3.0 * r**2)
    whole = np.where(r > 0.5, large, small) if form == 4 else np.ones_like(r)
    return np.asarray((1.0 - even) * whole * np.minimum(here + beside, 1.0) + even * mean)


def _opposite(light: np.ndarray) -> np.ndarray:
    seen = np.sqrt(np.minimum(light, 1.0))
    most, least = seen.max(axis=-1, keepdims=True), seen.min(axis=-1, keepdims=True)
    t = np.clip((most - 0.1) / 0.5, 0.0, 1.0)
    grey = t * t * (3.0 - 2.0 * t) * (1.0 - np.sqrt((most - least) / np.maximum(most, 1e-4)))
    return np.asarray(((1.0 - grey) * (most + least - seen) + grey * (1.0 - seen)) ** 2)


def _ink(light: np.ndarray, lightness: np.ndarray, palette: float) -> np.ndarray:
    own = light / np.maximum(light.max(axis=-1, keepdims=True), 0.02)
    rows = table().astype(np.float64)
    place = max(palette, 1.0) - 1.0
    lower = int(np.clip(np.floor(place), 0, len(PALETTES) - 1))
    upper = min(lower + 1, len(PALETTES) - 1)
    stops = rows[lower] * (1 - place + lower) + rows[upper] * (place - lower)
    at = (0.5 + 0.45 * lightness) * (ENTRIES - 1)
    paint = np.stack([np.interp(at, np.arange(ENTRIES), stops[:, c]) for c in range(3)], axis=-1)
    painted = min(palette, 1.0)
    return np.asarray((1.0 - painted) * own + painted * paint)


def shapes(
    source: Picture, *, amount: float, form: int, mode: int, number: float, travelled: float, turn: tuple[float, float],
    scale: float, width: float, glow: float, palette: float,
) -> Picture:  # fmt: skip
    """Return geometry over, behind and through `source`. scale: periods over the height; turn: cos and sin of the angle."""
    here = finite(source)
    height, columns = here.shape[:2]
    aspect, pixel = columns / height, scale / height
    u, v = coordinates(height, columns)
    rgb, alpha = here[..., :3], here[..., 3:]
    light = rgb / np.maximum(alpha, 1e-4)
    lightness = np.sqrt(np.minimum(light @ _LUMINANCE, 1.0))
    px, py = (u - 0.5) * aspect * scale, (v - 0.5) * scale
    lines = lines_at(form, turn[0] * px + turn[1] * py, turn[0] * py - turn[1] * px, py, travelled, number)
    share = np.minimum(width * (0.4 + 1.2 * lightness), 1.0) if form == 8 else np.full_like(px, width)
    reach = share * lines.apart
    free = np.ones_like(px)
    for family in lines.away:
        free = free * (1.0 - covered(form, family, reach, lines.apart, pixel))
    cover = 1.0 - free
    away = np.min(lines.away, axis=0)
    if mode <= 2:
        halo = np.maximum(away - reach, 0.0) / np.maximum(0.3 * lines.apart, 1e-6)
        lit = cover + glow * (1.0 - cover) * 0.35 / (1.0 + halo**2)
        lit *= 0.4 + lightness if mode == 1 else 0.5 * (1.0 - lightness) ** 2
        added = amount * lit[..., None] * _ink(light, lightness, palette) * alpha
        return np.concatenate([np.minimum(rgb + added, LIGHT_MAX), alpha], axis=-1)
    if mode == 3:
        return here * (1.0 - amount + amount * cover)[..., None]
    if mode == 4:
        mixed = amount * cover[..., None]
        return np.concatenate([(1.0 - mixed) * rgb + mixed * _opposite(light) * alpha, alpha], axis=-1)
    return _glass(here, lines, form, away, reach, cover, amount, turn, scale, pixel)


def _glass(
    here: Picture, lines: Lines, form: int, away: np.ndarray, reach: np.ndarray, cover: np.ndarray, amount: float,
    turn: tuple[float, float], scale: float, pixel: float,
) -> Picture:  # fmt: skip
    height, columns = here.shape[:2]
    u, v = coordinates(height, columns)
    within = np.clip(away / np.maximum(reach, 1e-6), 0.0, 1.0)
    bevel = within if form == 4 else 1.0 - within
    nx, ny = lines.normal
    if form != 8:
        nx, ny = turn[0] * nx - turn[1] * ny, turn[1] * nx + turn[0] * ny
    length = -amount * _BEND * bevel**2 / scale
    dx, dy = length * nx * height / columns, length * ny
    seen = sample(here, fold(u + dx), fold(v + dy))
    if form != 4:
        other = np.maximum(0.5 - away / pixel, 0.0)[..., None]
        seen = (1.0 - other) * seen + other * sample(here, fold(u - dx), fold(v - dy))
    gleam = (1.0 + amount * bevel * (-0.35 * nx + 0.6 * ny))[..., None]
    seen = np.concatenate([np.minimum(seen[..., :3] * gleam, LIGHT_MAX), seen[..., 3:]], axis=-1)
    return here + cover[..., None] * (seen - here) if form == 4 else seen


def slices(
    source: Picture, *, turn: tuple[float, float], rows: float, columns: float, reach: float, share: float, uneven: float,
    split: float, jump: int,
) -> Picture:  # fmt: skip
    """Return the picture in rows that have jumped. columns: tiles over a length of one height, 0: rows are whole."""
    here = finite(source)
    height, width = here.shape[:2]
    aspect = width / height
    u, v = coordinates(height, width)
    px, py = (u - 0.5) * aspect, v - 0.5
    x, y = (turn[0] * px + turn[1] * py) * columns, (turn[0] * py - turn[1] * px) * rows

    def way(column: np.ndarray, row: np.ndarray) -> np.ndarray:
        four, far = row >> 2, 32768
        together = hash3(far + four, np.full_like(four, 1), np.full_like(four, jump))[..., 0] < uneven
        dice = hash3(far + column, far + np.where(together, 4 * four, row), np.full_like(row, jump))
        aside = 2.0 * dice[..., 0] - 1.0
        return np.where(dice[..., 1] < share, reach * aside * np.abs(aside), 0.0)

    def shown(column: np.ndarray, row: np.ndarray) -> Picture:
        move = way(column, row)

        def read(part: float) -> Picture:
            return sample(here, fold((px + part * move * turn[0]) / aspect + 0.5), fold(py + part * move * turn[1] + 0.5))

        middle = read(1.0)
        further, nearer = read(1.0 + split)[..., :1], read(1.0 - split)[..., 2:3]
        return np.concatenate([further, middle[..., 1:2], nearer, middle[..., 3:]], axis=-1)

    def beside(at: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
        within = at - np.floor(at)
        side = np.where(within < 0.5, -1, 1)
        return side, np.maximum(0.5 - np.where(within < 0.5, within, 1.0 - within) / pixel, 0.0)[..., None]

    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    (right, wx), (up, wy) = beside(x, max(columns, 1e-6) / height), beside(y, rows / height)
    wx = wx if columns else np.zeros_like(wx)
    level = (wy >= wx)[..., 0]
    other = shown(np.where(level, column, column + right), np.where(level, row + up, row))
    return shown(column, row) + np.maximum(wx, wy) * (other - shown(column, row))


def straight(premultiplied: Picture) -> np.ndarray:
    """Return light without alpha, [h, w, 3]."""
    light: np.ndarray = np.minimum(premultiplied[..., :3] / np.maximum(premultiplied[..., 3:], 1e-4), LIGHT_MAX)
    return light


def contours(
    source: Picture, *, amount: float, levels: float, width: float, line: float, fill: float, ground: float
) -> Picture:  # fmt: skip
    """Return the picture with lines of equal light. width: in picture heights. line: -1 black .. 1 in its own colours."""
    here = finite(source)
    seen = straight(here)
    tall, wide = here.shape[:2]
    u, v = coordinates(tall, wide)
    reach = max(0.5 * width * tall, 1.0)

    def height(du: float, dv: float) -> np.ndarray:
        light = straight(sample(here, u + du, v + dv)) @ _LUMINANCE
        return levels * np.sqrt(np.minimum(light, 1.0))

    left, right, below, above = (
        height(dx * reach / wide, dy * reach / tall) for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))
    )
    level = 0.25 * (left + right + below + above)
    slope = np.hypot(right - left, above - below) / (2.0 * reach)
    edge, within = np.maximum(slope, 1e-6), level - np.floor(level)
    steps = np.floor(level) + np.clip((within - 1.0) / edge + 0.5, 0.0, 1.0) + np.clip(within / edge + 0.5, 0.0, 1.0) - 1.0
    light = np.clip(steps / max(levels - 1.0, 1.0), 0.0, 1.0)
    stepped = np.minimum(seen * (light**2 / np.maximum(seen @ _LUMINANCE, 1e-4))[..., None], LIGHT_MAX)
    between = (seen + fill * (stepped - seen)) * ground
    away = np.where(np.floor(level + 0.5) < 0.5, 1e6, np.abs(within - np.floor(within + 0.5)) / edge)
    half = 0.5 * width * tall
    share = np.clip(half - away + 0.5, 0.0, 1.0) - np.clip(-half - away + 0.5, 0.0, 1.0)
    t = np.clip((slope * tall - 0.5) / 0.5, 0.0, 1.0)
    share = (share * t * t * (3.0 - 2.0 * t) * abs(line))[..., None]
    ink = seen / np.maximum(seen.max(axis=-1, keepdims=True), 1e-4) if line > 0.0 else np.zeros_like(seen)
    drawn = between + share * (ink - between)
    return np.concatenate([here[..., :3] + amount * (drawn * here[..., 3:] - here[..., :3]), here[..., 3:]], axis=-1)


def halftone(
    source: Picture, *, amount: float, form: int, rows: float, turn: tuple[float, float], ink: float
) -> Picture:  # fmt: skip
    """Return the picture as a print. form: 1 dots, 2 squares, 3 lines, 4 crossed lines. rows: cells over the height."""
    here = finite(source)
    height, width = here.shape[:2]
    aspect, pixel = width / height, rows / height
    u, v = coordinates(height, width)
    px, py = (u - 0.5) * aspect, v - 0.5
    x, y = (turn[0] * px + turn[1] * py) * rows, (turn[0] * py - turn[1] * px) * rows
    off_x, off_y = np.abs(x - np.floor(x) - 0.5), np.abs(y - np.floor(y) - 0.5)
    cell_x, cell_y = np.floor(x) + 0.5, np.floor(y) + 0.5

    def tone(rgb: np.ndarray) -> np.ndarray:
        level: np.ndarray = (1.0 - ink) * (rgb @ _LUMINANCE) + ink * rgb.max(axis=-1)
        return level

    def light(ax: np.ndarray, ay: np.ndarray) -> np.ndarray:
        bx, by = (turn[0] * ax - turn[1] * ay) / rows, (turn[1] * ax + turn[0] * ay) / rows
        return np.minimum(tone(straight(sample(here, fold(bx / aspect + 0.5), fold(by + 0.5)))), 1.0)

    def line(off: np.ndarray, reach: np.ndarray) -> np.ndarray:
        a, b, c = (np.clip(r / pixel + 0.5, 0.0, 1.0) for r in (reach - off, reach + off, reach + off - 1.0))
        return a + b - 1.0 + c

    def along(ax: np.ndarray, ay: np.ndarray, dx: float, dy: float) -> np.ndarray:
        return (light(ax, ay) + light(ax - 0.3 * dx, ay - 0.3 * dy) + light(ax + 0.3 * dx, ay + 0.3 * dy)) / 3.0

    if form <= 2:
        around = ((0.0, 0.0), (0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3))
        area = sum(light(cell_x + dx, cell_y + dy) for dx, dy in around) / 5.0
        if form == 1:
            gap = np.clip((1.0 - area) / (1.0 - np.pi / 4.0), 0.0, 1.0)
            joined = np.sqrt(0.5) - (np.sqrt(0.5) - 0.5) * gap**0.45
            radius = np.where(area < np.pi / 4.0, np.sqrt(area / np.pi), joined)
            small = 0.5 * radius * pixel / (0.25 * pixel**2 + radius**2 / 3.0)
            keep = np.where(radius < 0.5 * pixel, small, radius**2 / np.maximum(radius**2 + pixel**2 / 12.0, 1e-12))
            share = np.zeros_like(area)
            for away in (np.hypot(off_x, off_y), np.hypot(1.0 - off_x, off_y), np.hypot(off_x, 1.0 - off_y)):
                share += keep * (sum(np.clip((radius + side * away) / pixel + 0.5, 0.0, 1.0) for side in (-1.0, 1.0)) - 1.0)
            share = np.minimum(share, 1.0)
        else:
            share = line(off_x, 0.5 * np.sqrt(area)) * line(off_y, 0.5 * np.sqrt(area))
    else:
        area = along(x, cell_y, 0.0, 1.0)
        if form == 3:
            share = line(off_y, 0.5 * area)
        else:
            other = along(cell_x, y, 1.0, 0.0)
            a, b = line(off_y, 0.5 - 0.5 * np.sqrt(1.0 - area)), line(off_x, 0.5 - 0.5 * np.sqrt(1.0 - other))
            share, area = 1.0 - (1.0 - a) * (1.0 - b), 1.0 - np.sqrt((1.0 - area) * (1.0 - other))
    t = np.clip((pixel - 0.33) / 0.33, 0.0, 1.0)
    share = share + t * t * (3.0 - 2.0 * t) * (area - share)
    rgb, seen = here[..., :3], straight(here)
    own = seen / np.maximum(seen.max(axis=-1, keepdims=True), 1e-4)
    paint = (1.0 - ink + ink * own) * np.maximum(tone(seen), 1.0)[..., None] * here[..., 3:]
    return np.concatenate([rgb + amount * (share[..., None] * paint - rgb), here[..., 3:]], axis=-1)


def particles(
    source: Picture, *, count: int, born: int, time: float, reach: float, course: tuple[float, float], size: float,
    strength: float, palette: float,
) -> Picture:  # fmt: skip
    """Return `source` with `count` discs of light on it. size: mean radius in picture heights; course: cos and sin."""
    here = finite(source)
    height, width = here.shape[:2]
    aspect, near, steps = width / height, 0.012, 6
    index = np.arange(count)
    own = hash3(index, np.zeros_like(index), np.zeros_like(index))
    clock = time + own[:, 0]
    age = clock - np.floor(clock)
    dice = hash3(index, np.ones_like(index), born + np.floor(clock).astype(int))
    x, y = (dice[:, 0] - 0.5) * aspect, dice[:, 1] - 0.5

    def seen(px: np.ndarray, py: np.ndarray) -> Picture:
        return sample(here, fold(px / aspect + 0.5), fold(py + 0.5))

    def level(at: Picture) -> np.ndarray:
        return np.asarray(np.sqrt(np.minimum(at[..., :3] @ _LUMINANCE / np.maximum(at[..., 3], 1e-4), 1.0)))

    for _ in range(steps):
        right = level(seen(x + near, y)) - level(seen(x - near, y))
        up = level(seen(x, y + near)) - level(seen(x, y - near))
        far = reach * age / steps / (np.hypot(right, up) + 0.02)
        x, y = x + far * (course[0] * right - course[1] * up), y + far * (course[1] * right + course[0] * up)
    u, v = fold(x / aspect + 0.5), fold(y + 0.5)
    there = sample(here, u, v)
    lightness = level(there)
    ink = _ink(there[..., :3] / np.maximum(there[..., 3:], 1e-4), lightness, palette)
    bright = strength * 4.0 * age * (1.0 - age) * (0.25 + lightness) * there[..., 3]
    radius = size * (0.5 + 1.5 * own[:, 1] ** 2) * height
    large, small = radius**2 / (radius**2 + 1.0 / 12.0), radius / (0.5 + 2.0 / 3.0 * radius**2)
    whole = np.where(radius > 0.5, large, small)

    light = np.zeros((height, width, 3))
    column, row = u * width - 0.5, (1.0 - v) * height - 0.5
    span = int(np.ceil(radius.max() + 1.0))
    for dx in range(-span, span + 1):
        for dy in range(-span, span + 1):
            i, j = np.rint(column).astype(int) + dx, np.rint(row).astype(int) + dy
            away = np.hypot(i - column, j - row)
            cover = np.clip(radius - away + 0.5, 0.0, 1.0) + np.clip(radius + away + 0.5, 0.0, 1.0) - 1.0
            inside = (i >= 0) & (i < width) & (j >= 0) & (j < height)
            np.add.at(light, (j[inside], i[inside]), ((whole * cover * bright)[:, None] * ink)[inside])
    return np.concatenate([here[..., :3] + light, here[..., 3:]], axis=-1)

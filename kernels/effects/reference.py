"""The effects' arithmetic in plain numpy, one function per shader: what the contract tests hold the GPU to.

Pictures are float [h, w, 4], row 0 = top, linear light, premultiplied. Names and units are the shaders' uniforms. Slow and
readable; never used in a show.
"""

from __future__ import annotations

import numpy as np

from phosphene.kernels.effects.palettes import ENTRIES, PALETTES, table

Picture = np.ndarray
LIGHT_MAX = 16384.0


def finite(x: Picture) -> Picture:
    """Return what every shader reads: NaN is black, light is in 0..LIGHT_MAX, alpha in 0..1."""
    x = np.nan_to_num(np.asarray(x, np.float64), nan=0.0, posinf=LIGHT_MAX, neginf=0.0)
    return np.concatenate([np.clip(x[..., :3], 0.0, LIGHT_MAX), np.clip(x[..., 3:], 0.0, 1.0)], axis=-1)


def coordinates(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return u and v of every pixel's centre, [h, w] each; v points up."""
    u = (np.arange(width) + 0.5) / width
    v = 1.0 - (np.arange(height) + 0.5) / height
    return np.broadcast_to(u, (height, width)), np.broadcast_to(v[:, None], (height, width))


def sample(source: Picture, u: np.ndarray, v: np.ndarray) -> Picture:
    """Return `source` read at (u, v), bilinear, clamped to the edge, as GL does it."""
    height, width = source.shape[:2]
    x, y = u * width - 0.5, (1.0 - v) * height - 0.5
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]

    def texel(dx: int, dy: int) -> Picture:
        row = np.clip(y0 + dy, 0, height - 1).astype(int)
        column = np.clip(x0 + dx, 0, width - 1).astype(int)
        return source[row, column]

    top = texel(0, 0) * (1 - fx) + texel(1, 0) * fx
    bottom = texel(0, 1) * (1 - fx) + texel(1, 1) * fx
    return finite(top * (1 - fy) + bottom * fy)


def fold(at: np.ndarray) -> np.ndarray:
    """Return coordinates folded back into 0..1 (mirrored repeat)."""
    return 1.0 - np.abs(1.0 - (at - 2.0 * np.floor(at * 0.5)))


def _centred(source: Picture) -> tuple[np.ndarray, np.ndarray, float]:
    height, width = source.shape[:2]
    u, v = coordinates(height, width)
    return (u - 0.5) * (width / height), v - 0.5, width / height


def _read_at(source: Picture, x: np.ndarray, y: np.ndarray, aspect: float) -> Picture:
    return sample(source, fold(x / aspect + 0.5), fold(y + 0.5))


def _luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array([0.2126, 0.7152, 0.0722])


def kaleidoscope(source: Picture, *, amount: float, wedge: float, rotation: float, look: float, zoom: float) -> Picture:
    x, y, aspect = _centred(source)
    angle = np.arctan2(y, x) - rotation
    angle = np.abs(angle - wedge * np.floor(angle / wedge + 0.5)) + look
    radius = np.hypot(x, y) / zoom
    x = (1 - amount) * x + amount * radius * np.cos(angle)
    y = (1 - amount) * y + amount * radius * np.sin(angle)
    return _read_at(source, x, y, aspect)


def mirror(source: Picture, *, amount: float, normal: tuple[float, float], offset: float, quad: float) -> Picture:
    x, y, aspect = _centred(source)
    nx, ny = normal
    for (ax, ay), shift, share in (((nx, ny), offset, amount), ((-ny, nx), 0.0, amount * quad)):
        behind = np.minimum(x * ax + y * ay - shift, 0.0)
        x, y = x - 2.0 * share * behind * ax, y - 2.0 * share * behind * ay
    return _read_at(source, x, y, aspect)


def warp(
    source: Picture, *, reach: float, scale: float, ripple: float, phase: tuple[float, ...], ring_phase: float
) -> Picture:
    x, y, aspect = _centred(source)
    qx, qy = x * scale, y * scale
    first_x, first_y = np.sin(qy * 1.9 + phase[0]), np.sin(qx * 2.3 + phase[1])
    second_x = np.sin((qy + 0.9 * first_y) * 3.1 + phase[2])
    second_y = np.sin((qx + 0.9 * first_x) * 2.7 + phase[3])
    radius = np.hypot(x, y)
    ring = np.sin(6.2831853 * scale * radius - ring_phase) / (radius + 0.05)
    shift_x = (1 - ripple) * (0.6 * first_x + 0.4 * second_x) + ripple * ring * x
    shift_y = (1 - ripple) * (0.6 * first_y + 0.4 * second_y) + ripple * ring * y
    return _read_at(source, x + reach * shift_x, y + reach * shift_y, aspect)


def feedback(
    source: Picture, history: Picture, *, turn: tuple[float, float], fall: tuple[float, ...], rise: float
) -> Picture:
    """Return the next history; the effect then mixes it with the source by `amount`."""
    x, y, aspect = _centred(source)
    past = _read_at(history, turn[0] * x + turn[1] * y, turn[0] * y - turn[1] * x, aspect)
    now = finite(source)
    keep = np.where(now < past, np.array(fall), rise)
    return now + (past - now) * keep


def blend(source: Picture, other: Picture, *, amount: float) -> Picture:
    return (1.0 - amount) * finite(source) + amount * finite(other)


def grade(source: Picture, *, amount: float, palette: float, tint: float, contrast: float, matrix: np.ndarray) -> Picture:
    here = finite(source)
    rgb, alpha = here[..., :3], here[..., 3:]
    seen = np.maximum(np.sqrt(rgb / np.maximum(alpha, 1e-4)) @ np.asarray(matrix, np.float64).T, 0.0)
    graded = np.maximum(0.5 + (seen - 0.5) * contrast, 0.0) ** 2
    lightness = np.sqrt(_luminance(graded))
    rows = table().astype(np.float64)
    lower = int(np.clip(np.floor(palette - 1.0), 0, len(PALETTES) - 1))
    upper = min(lower + 1, len(PALETTES) - 1)
    between = palette - 1.0 - lower
    stops = rows[lower] * (1 - between) + rows[upper] * between
    at = np.minimum(lightness, 1.0) * (ENTRIES - 1)
    painted = np.stack([np.interp(at, np.arange(ENTRIES), stops[:, c]) for c in range(3)], axis=-1)
    painted *= np.maximum(1.0, lightness**2)[..., None]
    graded = (1 - tint) * graded + tint * painted
    mixed = np.minimum((1 - amount) * rgb + amount * graded * alpha, LIGHT_MAX)
    return np.concatenate([mixed, alpha], axis=-1)


def strobe(source: Picture, *, gain: float, white: float) -> Picture:
    here = finite(source)
    return np.concatenate([here[..., :3] * gain + white * here[..., 3:], here[..., 3:]], axis=-1)


def hash3(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return [..., 3] numbers in 0..1 from unsigned integers (pcg3d); the same bits as the shader's."""
    v = [np.asarray(c, np.uint64) for c in np.broadcast_arrays(x, y, z)]
    mask = np.uint64(0xFFFFFFFF)
    v = [(c * np.uint64(1664525) + np.uint64(1013904223)) & mask for c in v]

    def stir() -> None:
        for i in range(3):
            v[i] = (v[i] + v[(i + 1) % 3] * v[(i + 2) % 3]) & mask

    stir()
    v = [c ^ (c >> np.uint64(16)) for c in v]
    stir()
    return np.stack([(c >> np.uint64(8)).astype(np.float64) / 16777216.0 for c in v], axis=-1)


def grain(source: Picture, *, strength: float, chroma: float, seed: int) -> Picture:
    here = finite(source)
    height, width = here.shape[:2]
    noise = hash3(np.arange(width)[None, :], np.arange(height)[::-1, None], np.full((1, 1), seed))
    grey = (noise[..., :1] + noise[..., 1:2]) - 1.0
    rgb, alpha = here[..., :3], here[..., 3:]
    level = np.sqrt(_luminance(rgb / np.maximum(alpha, 1e-4)))[..., None]
    size = strength * alpha * level / (1.0 + level)
    grained = rgb + size * ((1 - chroma) * grey + chroma * (2.0 * noise - 1.0))
    return np.concatenate([np.maximum(grained, 0.0), alpha], axis=-1)


def relief(
    source: Picture, *, amount: float, reach: float, height: float, gloss: float, metal: float, light: np.ndarray,
    halfway: np.ndarray,
) -> Picture:  # fmt: skip
    """Return light on the picture's lightness as height. reach: of a slope, as a fraction of the picture's height."""
    here = finite(source)
    rows, columns = here.shape[:2]
    aspect = columns / rows
    u, v = coordinates(rows, columns)

    def level(dx: int, dy: int) -> np.ndarray:
        there = sample(here, u + dx * reach / aspect, v + dy * reach)
        lightness: np.ndarray = np.sqrt(np.minimum(_luminance(there[..., :3]) / np.maximum(there[..., 3], 1e-4), 1.0))
        return lightness

    right, up = level(1, 0) - level(-1, 0), level(0, 1) - level(0, -1)
    normal = np.stack([-height * right, -height * up, np.ones_like(right)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = np.maximum(normal @ light, 0.0)[..., None] / light[2]
    shine = np.maximum(np.maximum(normal @ halfway, 0.0) ** 40 - halfway[2] ** 40, 0.0)[..., None]
    t = np.clip((level(0, 0) - 0.02) / 0.28, 0.0, 1.0)
    there = (t * t * (3.0 - 2.0 * t))[..., None]
    seen = sample(here, fold(u + 0.35 * normal[..., 0] / aspect), fold(v + 0.35 * normal[..., 1]))
    rgb, alpha = here[..., :3], here[..., 3:]
    mirrored = seen[..., :3] / np.maximum(seen[..., 3:], 1e-4) * alpha
    body = rgb + metal * there * (mirrored - rgb)
    lit = body * shade + gloss * shine * there * alpha * (0.7 + 0.3 * rgb / np.maximum(alpha, 1e-4))
    return np.concatenate([np.minimum(rgb + amount * (lit - rgb), LIGHT_MAX), alpha], axis=-1)


def bloom(source: Picture, *, gain: float, threshold: float, knee: float, spread: float, levels: int) -> Picture:
    """Return all passes of bloom: down `levels` times, up again, added."""
    narrow: list[Picture] = []
    finer = finite(source)
    for n in range(levels):
        finer = _bloom_down(finer, source.shape[0] >> (n + 1), source.shape[1] >> (n + 1), threshold, knee)
        threshold = -1.0
        narrow.append(finer)
    wide = narrow[-1]
    for fine in narrow[-2::-1]:
        wide = (1 - spread) * fine + spread * _tent(wide, *fine.shape[:2])
    here = finite(source)
    glow = sample(wide, *coordinates(*here.shape[:2]))
    return np.concatenate([here[..., :3] + gain * glow[..., :3], here[..., 3:]], axis=-1)


def _bloom_down(finer: Picture, height: int, width: int, threshold: float, knee: float) -> Picture:
    u, v = coordinates(max(1, height), max(1, width))
    du, dv = 1.0 / finer.shape[1], 1.0 / finer.shape[0]
    total = 4.0 * sample(finer, u, v)
    for sx, sy in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        total = total + sample(finer, u + sx * du, v + sy * dv)
    total *= 0.125
    if threshold >= 0.0:
        brightest = total[..., :3].max(axis=-1, keepdims=True) / np.maximum(total[..., 3:], 1e-4)
        t = np.clip((brightest - threshold + knee) / (2.0 * knee), 0.0, 1.0)
        total = total * (t * t * (3.0 - 2.0 * t))
    return total


def _tent(coarse: Picture, height: int, width: int) -> Picture:
    u, v = coordinates(height, width)
    du, dv = 0.5 / coarse.shape[1], 0.5 / coarse.shape[0]
    taps = [sample(coarse, u + sx * du, v + sy * dv) for sx, sy in ((1, 1), (-1, -1), (1, -1), (-1, 1))]
    return 0.25 * sum(taps)

"""From fields to colours: one table per picture over (u, v), mixed in OKLab, then looked up.

Called by `pictures.paint`. Treatment, ground and contrast live here and nowhere else. Never changes a shape.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from phosphene.engine.models.colour import from_hex, oklab, oklab_to_srgb
from phosphene.tools.motif.pictures.canvas import Fields
from phosphene.tools.motif.subject import COLOURS, Subject

U, V = 64, 24  # entries of the table: steps of 1/64 vanish when four pixels are averaged
GROUND_LIGHT = {"black": (0.0, 0.07), "dark": (0.17, 0.27), "light": (0.8, 0.88), "white": (0.96, 0.995)}
NAMED = {name: oklab(from_hex(code)) for name, code in COLOURS.items()}


def _treated(lab: np.ndarray, name: str, subject: Subject, rng: np.random.Generator) -> np.ndarray:
    """Return the OKLab colour of `name` for this picture: a nearby hue and lightness, then the treatment."""
    light, chroma, hue = lab[0], float(np.hypot(lab[1], lab[2])), float(np.arctan2(lab[2], lab[1]))
    hue += rng.normal(0, 0.07)
    light += rng.normal(0, 0.025)
    chroma *= rng.uniform(0.9, 1.08)
    plain = name in ("white", "gray", "black")
    if subject.treatment == "vivid":
        chroma *= 1.22
    elif subject.treatment == "neon":
        chroma *= 1.25
        light = light if plain else max(light, 0.62 + 0.3 * (light - 0.5))
    elif subject.treatment == "pastel":
        light, chroma = (light, chroma) if plain else (0.74 + 0.15 * light, chroma * 0.6)
    elif subject.treatment == "muted":
        light, chroma = 0.16 + 0.68 * light if not plain else light, chroma * 0.45
    return np.array([np.clip(light, 0.02, 0.99), chroma * np.cos(hue), chroma * np.sin(hue)])


def _ground(subject: Subject, colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the OKLab colour of the background; dark and light ones take a hint of one of the colours."""
    light = rng.uniform(*GROUND_LIGHT[subject.ground])
    if subject.treatment == "neon" and subject.ground == "dark":
        light *= 0.6
    tint = {"black": 0.02, "dark": 0.22, "light": 0.16, "white": 0.02}[subject.ground] * rng.uniform(0.3, 1.0)
    return np.array([light, *(colours[rng.integers(len(colours))][1:] * tint)])


def _bend(fields: Fields, subject: Subject) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tones [U] for the table's rows (0 ground, 1 full colour), and a thinned u and v [n] of the picture."""
    few = (slice(None, None, 5), slice(None, None, 5))
    u, v = np.clip(fields.u[few].ravel(), 0, 1), fields.v[few].ravel()
    low, high = fields.cover
    mean, power = float(u.mean()), 1.0
    for _ in range(4):  # a power brings the mean into the range asked; two or three rounds suffice
        if low <= mean <= high or not 1e-4 < mean < 1.0 - 1e-4:  # empty or full: no power changes it
            break
        goal = low if mean < low else high
        power = float(np.clip(power * np.log(goal) / np.log(mean), 0.3, 3.5))
        mean = float((u**power).mean())
    tone = np.linspace(0, 1, U) ** power
    if subject.contrast == "high":
        tone = tone + 0.6 * (tone * tone * (3 - 2 * tone) - tone)
    elif subject.contrast == "medium":
        tone = 0.05 + 0.9 * tone
    else:
        tone = 0.2 + 0.52 * tone
    return tone, u**power, v


def _order(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return where each table column lies on 0..1 by rank of v among the figure's pixels [V], the lowest v, and v's span."""
    figure = u > 0.3
    seen = v[figure] if figure.sum() > 20 else v[u >= np.quantile(u, 0.8)]
    lowest, highest = float(v.min()), float(v.max())
    span = max(highest - lowest, 1e-6)
    marks = np.quantile(seen, np.linspace(0, 1, 17)) + np.arange(17) * 1e-9
    columns = lowest + (np.arange(V) + 0.5) / V * span
    return np.interp(columns, marks, np.linspace(0, 1, 17)), lowest, span


def _table(fields: Fields, subject: Subject, rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """Return the table, float32 sRGB [U * V, 3], and the lowest value and the span of v."""
    names = subject.colours
    colours = np.array([_treated(NAMED[n], n, subject, rng) for n in names])
    ground = _ground(subject, colours, rng)
    gap = float(np.linalg.norm(colours[0] - ground))
    least = {"pastel": 0.1, "muted": 0.2}.get(subject.treatment, 0.3)
    if gap < least:  # navy on black, white on white: move the first colour away until it can be seen
        colours[0, 0] += (least - gap) * (1 if ground[0] < 0.5 else -1)
    tone, u, v = _bend(fields, subject)
    place, lowest, span = _order(u, v)
    shares = {1: (1.0,), 2: (0.62, 0.38), 3: (0.46, 0.3, 0.24)}[len(names)]
    order = rng.permutation(len(names))
    if fields.ramp:  # from the colour nearest the ground outwards to the one farthest from it: heat, depth, glow
        order = np.argsort(np.abs(colours[:, 0] - ground[0]), kind="stable")
    ends = np.cumsum([shares[k] for k in order])
    blend = (
        0.4
        if fields.melt
        else 0.03
        if fields.crisp and not fields.ramp
        else {"soft": 0.16, "medium": 0.1, "sharp": 0.05}[subject.sharpness]
    )
    chosen = np.broadcast_to(colours[order[0]], (V, 3)).copy()
    for k in range(1, len(names)):
        s = np.clip((place - ends[k - 1]) / blend + 0.5, 0, 1)[:, None]
        chosen += (colours[order[k]] - colours[order[k - 1]]) * (s * s * (3 - 2 * s))
    if len(names) == 1:  # one colour alone: let its lightness and hue wander, as light does
        wander = (place[:, None] - 0.5) * np.array([rng.uniform(-0.16, 0.16), 0, 0])
        chosen = chosen + wander
    full = np.broadcast_to(chosen[None], (U, V, 3))
    t = tone[:, None, None]
    if fields.ramp and len(names) > 1:
        t = np.clip(t * 1.45, 0, max(tone[-1], 0.72))  # the hot middle must not be dimmed once more by a low u
    lab = ground + (full - ground) * t
    light = ground[0] < 0.5
    top = np.clip((tone - 0.75) * 4, 0, 1)[:, None] ** 2
    if subject.treatment == "neon":
        lab[..., 0] += top * (0.16 if light else 0.05)
        lab[..., 1:] *= (1 - 0.45 * top)[..., None]
    elif subject.contrast == "high":
        lab[..., 0] += top * (0.06 if light else -0.05)
    lab[..., 0] = np.clip(lab[..., 0], 0, 1)
    return oklab_to_srgb(lab.reshape(-1, 3)).astype(np.float32), lowest, span


@lru_cache(maxsize=8)
def _blur(side: int, wide: float) -> np.ndarray:
    """Return the matrix [side, side] that blurs along one axis, `wide` px to either side."""
    k = np.arange(side, dtype=np.float32)
    kernel = np.exp(-0.5 * ((k[:, None] - k[None]) / wide) ** 2)
    return kernel / kernel.sum(1, keepdims=True)


def colour(fields: Fields, subject: Subject, rng: np.random.Generator) -> np.ndarray:
    """Return sRGB 0..1 float32 [side, wide, 3] of fields [2 side, 2 wide]: coloured, then averaged (no jagged edges)."""
    if fields.ramp:
        fields = replace(fields, v=fields.u)
    table, lowest, span = _table(fields, subject, rng)
    row = (fields.u * np.float32(U - 1) + np.float32(0.5)).astype(np.int32)
    column = ((fields.v - np.float32(lowest)) * np.float32(V / span)).astype(np.int32)
    np.clip(row, 0, U - 1, out=row)
    np.clip(column, 0, V - 1, out=column)
    row *= V
    row += column
    picture = table.take(row, axis=0)
    picture = (picture[0::2, 0::2] + picture[1::2, 0::2] + picture[0::2, 1::2] + picture[1::2, 1::2]) * np.float32(0.25)
    if subject.treatment == "neon":
        high, across = picture.shape[:2]
        down = (_blur(high, 0.05 * high) @ picture.reshape(high, -1)).reshape(picture.shape)
        halo = np.matmul(_blur(across, 0.05 * high), down)
        picture = 1 - (1 - picture) * (1 - 0.36 * halo)
    return np.clip(picture, 0.0, 1.0)

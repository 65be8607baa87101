"""Materials in relief under coloured light: boards of pictures for the library's textures, painted by Phosphene itself.

Called by `tools/lab/library_boards.py`. A material is a height and an albedo; `light` shines two lamps on it. Fields come
from `tools.motif.pictures.banks`. Pure functions of their arguments; any size; never reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phosphene.engine.models.colour import from_hex, linear_to_srgb, srgb_to_linear
from phosphene.tools.motif.pictures import banks

TURN = 2.0 * np.pi
_OVER = 2  # samples a pixel and axis


@dataclass(frozen=True)
class Ground:
    """The plane of one drawing. x, y: float32 [h, w] in units of the material's features, y up, from a random place."""

    x: np.ndarray
    y: np.ndarray
    rng: np.random.Generator
    tile: int

    def noise(self, kind: str, zoom: float = 1.0, stretch: float = 1.0) -> np.ndarray:
        """Return noise 0..1, `zoom` times as fine as the features, `stretch` times longer in y."""
        return _read(banks.noise(kind), self.tile, self.x * zoom, self.y * zoom / stretch)

    def cells(self, zoom: float = 1.0, warp: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what `banks.voronoi` holds: offset x and y, distance to the edge, number 0..1; warped by smooth noise."""
        x, y = self.x * zoom, self.y * zoom
        if warp:
            x, y = x + warp * (self.noise("smooth", 0.5) - 0.5), y + warp * (self.noise("smooth", 0.7) - 0.5)
        bank = banks.voronoi()
        x_off, y_off, edge = (_read(np.ascontiguousarray(bank[:, k]), self.tile, x, y) for k in range(3))
        return x_off, y_off, edge, _nearest(np.ascontiguousarray(bank[:, 3]), self.tile, x, y)


@dataclass(frozen=True)
class Matter:
    """What a material is made of, all [h, w] or [h, w, 3]. height in features; shade: 0..1, along the ramp of colours; glow:
    0..1, light of its own; gloss: 0..1."""

    height: np.ndarray
    shade: np.ndarray
    glow: np.ndarray | float = 0.0
    gloss: float = 0.3


@dataclass(frozen=True)
class Look:
    """How a material looks. colours: of its ramp, dark to light. key, rim: colours of the lamps from above left and from
    below right. glow: colour of its own light. features: how many lie over a picture's height."""

    make: Callable[[Ground], Matter]
    colours: tuple[str, ...]
    key: str = "#ffffff"
    rim: str = "#404040"
    glow: str = "#000000"
    features: float = 4.0


def paint(look: Look, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Return one drawing, uint8 [height, width, 3] sRGB."""
    w, h = width * _OVER, height * _OVER
    unit = look.features / h
    x0, y0 = rng.uniform(8, 16, 2)
    x = ((np.arange(w, dtype=np.float32) * unit) + x0)[None].repeat(h, 0)
    y = ((np.arange(h, dtype=np.float32)[::-1] * unit) + y0)[:, None].repeat(w, 1)
    matter = look.make(Ground(x.astype(np.float32), y.astype(np.float32), rng, int(rng.integers(4))))
    lit = light(matter, look, unit)
    lit = lit.reshape(height, _OVER, width, _OVER, 3).mean((1, 3))
    return np.round(255 * np.clip(linear_to_srgb(lit), 0, 1)).astype(np.uint8)


def light(matter: Matter, look: Look, unit: float) -> np.ndarray:
    """Return linear light [h, w, 3] of a material under its two lamps. unit: features a sample."""
    down, across = np.gradient(matter.height, unit)
    normal = np.stack([-across, down, np.ones_like(across)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    albedo = _ramp(matter.shade, look.colours)
    total = 0.05 * albedo
    for colour, place, power in ((look.key, (-0.55, 0.6, 0.58), 1.15), (look.rim, (0.75, -0.55, 0.35), 0.9)):
        lamp = np.array(place) / np.linalg.norm(place)
        tint = _linear(colour)
        facing = np.clip(normal @ lamp, 0, 1)
        half = lamp + np.array((0, 0, 1.0))
        shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 40
        total = total + power * facing[..., None] * albedo * tint + matter.gloss * shine[..., None] * tint
    total = total + np.asarray(matter.glow)[..., None] * _linear(look.glow) * 1.6
    return 1 - np.exp(-1.5 * total)


def _linear(colour: str) -> np.ndarray:
    return np.asarray(srgb_to_linear(np.array(from_hex(colour))), np.float64)


def _ramp(shade: np.ndarray, colours: tuple[str, ...]) -> np.ndarray:
    stops = np.stack([_linear(c) for c in colours])
    place = np.clip(shade, 0, 1) * (len(stops) - 1)
    return np.stack([np.interp(place, np.arange(len(stops)), stops[:, k]) for k in range(3)], -1)


def _texels(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    each = banks.SIDE / banks.PERIODS
    return x * each, y * each


def _nearest(bank: np.ndarray, tile: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    column, row = (each.astype(np.int64) & (banks.SIDE - 1) for each in _texels(x, y))
    return bank[(tile * banks.SIDE + row) * banks.SIDE + column]


def _read(bank: np.ndarray, tile: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the bank's values between texels."""
    column, row = _texels(x, y)
    i, j = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    a, b = column - i, row - j
    mask = banks.SIDE - 1

    def at(di: int, dj: int) -> np.ndarray:
        return bank[(tile * banks.SIDE + ((j + dj) & mask)) * banks.SIDE + ((i + di) & mask)]

    return (at(0, 0) * (1 - a) + at(1, 0) * a) * (1 - b) + (at(0, 1) * (1 - a) + at(1, 1) * a) * b


def _step(t: np.ndarray, low: float, high: float) -> np.ndarray:
    s = np.clip((t - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def cobbles(g: Ground) -> Matter:
    """Round stones with dark joints."""
    _, _, edge, number = g.cells(warp=0.3)
    dome = np.sqrt(_step(edge, 0.0, 0.45))
    return Matter(
        0.32 * dome + 0.05 * g.noise("rough", 1.3), 0.25 + 0.5 * number * dome + 0.25 * g.noise("rough", 2.0), gloss=0.25
    )


def lava(g: Ground) -> Matter:
    """A crust in plates, with fire in its cracks."""
    _, _, edge, number = g.cells(warp=0.7)
    crack = 1 - _step(edge, 0.02, 0.17)
    rock = g.noise("ridged", 1.2)
    return Matter(0.3 * _step(edge, 0.0, 0.3) + 0.12 * rock, 0.3 * rock + 0.2 * number, glow=crack**1.5, gloss=0.1)


def crystals(g: Ground) -> Matter:
    """Facets: a plane of its own tilt in every cell."""
    x, y, edge, number = g.cells()
    _, _, _, other = g.cells(0.5)
    turn = TURN * ((number * 7.31 + other * 3.7) % 1)
    plane = 0.9 * (x * np.cos(turn) + y * np.sin(turn))
    return Matter(plane, 0.15 + 0.55 * ((number * 13.7) % 1) + 0.3 * (1 - _step(edge, 0.0, 0.06)), gloss=0.8)


def scales(g: Ground) -> Matter:
    """Overlapping scales in rows, each rising to its lower rim."""
    x, y = g.x + 0.06 * (g.noise("smooth") - 0.5), g.y + 0.06 * (g.noise("smooth", 1.3) - 0.5)
    best = np.full(x.shape, -9.0)
    shade = np.zeros(x.shape)
    for shift in (1, 0, -1):  # a row above lies over the one below
        row = np.floor(y * 1.7) + shift
        across = (x + 0.5 * (row % 2)) % 1.0 - 0.5
        down = y * 1.7 - row  # 0 at its root below the row above, -1.. at its tip
        inside = (across**2 * 3.6 + np.clip(down - 0.35, None, 0) ** 2 * 0.95) < 0.9
        lift = 0.55 * np.clip(0.9 - across**2 * 3.6 - (down - 0.35) ** 2 * 0.95, 0, 1) - 0.32 * down
        take = inside & (best < -8)
        best = np.where(take, lift, best)
        rim = np.clip(across**2 * 3.6 + (down - 0.35) ** 2 * 0.95, 0, 1)
        shade = np.where(take, 0.75 - 0.55 * rim + 0.15 * np.sin(12 * across) * (1 - rim), shade)
    best = np.where(best < -8, 0, best)
    return Matter(0.55 * best, shade + 0.1 * g.noise("rough", 1.5), gloss=0.55)


def dunes(g: Ground) -> Matter:
    """Long ridges of sand with fine ripples on their slopes."""
    warp = 1.3 * (g.noise("smooth", 0.35) - 0.5)
    wave = (g.y * 0.8 + 0.35 * g.x + warp) % 1.0
    ridge = np.where(wave < 0.72, wave / 0.72, (1 - wave) / 0.28)  # a long windward slope, a short lee
    ripple = np.sin(TURN * (6.5 * g.x - 2.5 * g.y + 2.5 * warp + 1.2 * g.noise("smooth", 0.8)))
    return Matter(0.42 * ridge + 0.012 * ripple * (wave < 0.72), 0.35 + 0.5 * ridge + 0.1 * g.noise("fine"), gloss=0.05)


def foil(g: Ground) -> Matter:
    """Crumpled metal: creases between flat facets, at two scales."""
    height = np.zeros(g.x.shape)
    for zoom, deep in ((0.7, 0.75), (1.6, 0.3)):
        x, y, _, number = g.cells(zoom)
        turn = TURN * ((number * 11.3) % 1)
        height += deep * (x * np.cos(turn) + y * np.sin(turn)) / zoom
    return Matter(height, 0.55 + 0.3 * g.noise("smooth", 0.6), gloss=0.9)


def bark(g: Ground) -> Matter:
    """Deep furrows that run up the picture."""
    deep = g.noise("ridged", 1.0, stretch=3.2)
    fine = g.noise("rough", 2.2, stretch=4.0)
    return Matter(0.5 * deep**1.5 + 0.16 * fine, 0.1 + 0.6 * deep + 0.25 * fine, gloss=0.08)


def foam(g: Ground) -> Matter:
    """Bubbles that touch, with a film that shimmers."""
    x, y, edge, number = g.cells()
    radius = np.hypot(x, y)
    dome = np.sqrt(np.clip(1 - (radius / 0.72) ** 2, 0.02, 1))
    film = 0.5 + 0.5 * np.sin(TURN * (1.6 * radius + 2.0 * number + 0.6 * g.noise("smooth", 0.6)))
    return Matter(
        0.6 * dome, 0.15 + 0.75 * film * _step(edge, 0.0, 0.2), glow=(1 - _step(edge, 0.0, 0.09)) * 0.35, gloss=0.9
    )


def tread(g: Ground) -> Matter:
    """A steel floor with lozenges that turn from place to place."""
    column, row = np.floor(g.x), np.floor(g.y)
    u, v = g.x - column - 0.5, g.y - row - 0.5
    sign = np.where((column + row) % 2 > 0, 1.0, -1.0)
    along, across = (u + sign * v) * 0.7071, (v - sign * u) * 0.7071
    bump = np.clip(1 - (along / 0.55) ** 2 - (across / 0.16) ** 2, 0, 1) ** 0.6
    worn = g.noise("rough", 1.5)
    return Matter(0.26 * bump + 0.05 * worn, 0.25 + 0.5 * bump + 0.2 * worn, gloss=0.8)


def wicker(g: Ground) -> Matter:
    """Bands that go over and under each other."""
    u, v = g.x % 1.0 - 0.5, g.y % 1.0 - 0.5
    over = (np.floor(g.x) + np.floor(g.y)) % 2 > 0
    along, across = np.where(over, u, v), np.where(over, v, u)
    band = np.sqrt(np.clip(1 - (across / 0.5) ** 2, 0, 1))
    strands = 0.5 + 0.5 * np.cos(TURN * 4 * across)
    height = 0.35 * band + 0.3 * np.cos(np.pi * along) + 0.06 * strands
    return Matter(height, 0.2 + 0.5 * np.cos(np.pi * along) * band + 0.3 * strands, gloss=0.3)


def coral(g: Ground) -> Matter:
    """A brain coral: walls that wander at one distance from each other."""
    field = g.noise("smooth", 0.9)
    wall = 0.5 + 0.5 * np.cos(TURN * 2.6 * field)
    grain = g.noise("puffy", 2.0)
    return Matter(0.3 * _step(wall, 0.1, 0.9) + 0.05 * grain, 0.1 + 0.75 * wall + 0.15 * grain, gloss=0.25)


def velvet(g: Ground) -> Matter:
    """Cushions in diamonds, with a button at every corner."""
    u, v = g.x + g.y * 0.62, g.x - g.y * 0.62
    a, b = u % 1.0 - 0.5, v % 1.0 - 0.5
    puff = np.sqrt(np.clip(np.cos(np.pi * a) * np.cos(np.pi * b), 0, 1))
    button = _step(np.hypot(a - np.sign(a) * 0.5, b - np.sign(b) * 0.5), 0.13, 0.09)
    return Matter(
        0.45 * puff + 0.3 * button, 0.2 + 0.65 * puff + 0.1 * g.noise("smooth", 1.5), glow=0.75 * button, gloss=0.35
    )


def chrome(g: Ground) -> Matter:
    """Molten metal: wide swells that mirror bands of colour."""
    x = g.noise("smooth", 0.55)
    swell = g.noise("smooth", 0.8) + 0.5 * x
    bands = 0.5 + 0.5 * np.sin(TURN * (1.9 * swell + 0.9 * x))
    return Matter(0.9 * swell, bands, gloss=1.0)


def craters(g: Ground) -> Matter:
    """Bowls with raised rims, large ones and small ones, on dust."""
    height = 0.12 * g.noise("rough")
    for zoom, deep in ((0.6, 0.4), (1.3, 0.2), (2.7, 0.09)):
        x, y, edge, number = g.cells(zoom)
        radius = np.hypot(x, y) / (0.1 + 0.2 * ((number * 9.7) % 1))
        bowl = np.where(radius < 1, radius**2 - 1, 0) + 0.5 * np.exp(-(((radius - 1) / 0.2) ** 2))
        height += deep * bowl * (edge > 0.04)  # between texels on both sides of an edge there is no offset
    return Matter(height, 0.35 + 0.45 * g.noise("rough", 0.8) + 0.2 * g.noise("fine"), gloss=0.05)


MATERIALS: dict[str, Look] = {
    "cobbles": Look(cobbles, ("#05070f", "#1c2c48", "#5a80b0"), "#ffb060", "#2a4cff", features=4.5),
    "lava": Look(lava, ("#080405", "#2b1512", "#5a2a20"), "#ff9a5a", "#40102a", "#ff5a08", features=3.6),
    "crystals": Look(crystals, ("#04121f", "#1f7fb0", "#d8f6ff"), "#c8f0ff", "#8a3cff", features=4.0),
    "scales": Look(scales, ("#02140e", "#0d6b47", "#b8e06a"), "#ffe9a8", "#0a8f8a", features=4.0),
    "dunes": Look(dunes, ("#5a2a1c", "#d0783c", "#ffd9a0"), "#ffd0a0", "#6a2a9a", features=3.4),
    "foil": Look(foil, ("#0c0616", "#5a4a70", "#f4f0ff"), "#ff5ad0", "#18d8ff", features=3.0),
    "bark": Look(bark, ("#0a0503", "#5a3016", "#d09048"), "#ffcf90", "#1a4a3a", features=3.2),
    "foam": Look(foam, ("#0a0a2a", "#d03cae", "#38c8e8", "#f6e690"), "#ffffff", "#5a3cff", "#a8d8ff", features=3.6),
    "tread": Look(tread, ("#10141c", "#4a5260", "#d0d8e4"), "#ff9a40", "#1878ff", features=6.0),
    "wicker": Look(wicker, ("#1c0406", "#a01828", "#ff8a6a"), "#ffe0c0", "#5a1070", features=5.0),
    "coral": Look(coral, ("#020c14", "#0a8a90", "#ffd880"), "#fff0d8", "#e01880", features=2.6),
    "velvet": Look(velvet, ("#12041c", "#5a1490", "#c060e8"), "#ffc8ff", "#2030c0", "#e8b040", features=3.0),
    "chrome": Look(chrome, ("#06060c", "#3048a0", "#f050a0", "#fff0c0"), "#ffffff", "#60a0ff", features=3.2),
    "craters": Look(craters, ("#0a0618", "#5a4080", "#ffd0a0"), "#ffe0a0", "#4028d0", features=3.5),
    "plasma": Look(lava, ("#03040a", "#0c1630", "#1c3a60"), "#5ab0ff", "#5a1080", "#08a8ff", features=3.2),
}  # fmt: skip

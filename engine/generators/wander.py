"""How the camera wanders over a still picture: from place to place in time with the music, never beyond the picture's edge.

Pure functions of where the music is: a take and its rerender see the same. The path has four places and is closed; the
camera eases into each of them and is there on a bar line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

PLACES = 4
_CLOSE = ((0.15, 0.35), (0.75, 1.1))  # how much larger the picture is seen, in places far and near in turn
_OFF_MIDDLE = (0.35, 0.9)  # of the way to where the edge would be seen
_PUNCH = 0.08  # that a hard kick adds to the size for its 60 ms

Window = tuple[float, float, float]
"""What is looked at: its middle, 0..1 from the picture's top left, and how much larger than the whole it is seen."""


def path(seed: int) -> np.ndarray:
    """Return the places of a picture's path, [PLACES, 3]: x and y, -1..1 of the way to the edge, and the size, over 1."""
    rng = np.random.default_rng([seed, 21])
    turn = rng.uniform(0.0, 2.0 * math.pi)
    places = []
    for n in range(PLACES):
        angle = turn + n * math.pi * rng.uniform(0.8, 1.2)  # about across from the place before
        off = rng.uniform(*_OFF_MIDDLE)
        places.append((off * math.cos(angle), off * math.sin(angle), rng.uniform(*_CLOSE[n % 2])))
    return np.array(places)


def window_at(places: np.ndarray, turns: float, wander: float, half: tuple[float, float]) -> Window:
    """Return what the camera looks at after `turns` ways from place to place. wander: 0 stays on the whole, 1 all the path.

    half: half of what the screen shows of the whole picture, 0..0.5 of its width and height. Where that is little, as of an
    upright picture on a wide screen, going along it is movement enough: there the camera goes less close.
    """
    n = math.floor(turns)
    share = turns - n
    ease = share * share * (3.0 - 2.0 * share)
    x, y, more = (1.0 - ease) * places[n % PLACES] + ease * places[(n + 1) % PLACES]
    size = 1.0 + wander * more * math.sqrt(4.0 * half[0] * half[1])
    reach = [max(0.0, 0.5 - side / size) for side in half]
    return 0.5 + wander * x * reach[0], 0.5 + wander * y * reach[1], size


def punched(window: Window, signals: Mapping[str, float], react: float) -> Window:
    """Return the window while a kick rings: a small step towards the picture, which is back before the next one."""
    x, y, size = window
    return x, y, size * (1.0 + _PUNCH * react * min(1.0, signals.get("kick", 0.0)))

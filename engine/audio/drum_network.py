"""How likely a kick, a snare or a hat has just been hit: a small network over the last 122 ms of the mel spectrum, in numpy.

Three layers (360-64-32-3) on nine hops of 40 log-mel bands, the newest and eight earlier ones, farther and farther apart:
what the attack looks like, and what it came out of. It was trained by tools/lab/ears/train_drums.py on mixes that are made
from seeds; it says "yes" one or two hops after the one that holds the attack, when the analysis window is full of it.

Called by `drums.Drums` on the audio thread, once a hop: no clock, no BLAS (see `audio.analyzer`).
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import MEL_BANDS

WEIGHTS = Path(__file__).with_name("weights") / "drums.npz"
TAPS = (0, 1, 2, 3, 4, 6, 9, 14, 22)  # hops ago
HIDDEN = (64, 32)
CLASSES = 3

_log = logging.getLogger(__name__)
_REST_HOPS = 8  # 43 ms from one hit of a class to the next; the 32nds of a trap hat at 160 bpm are 47 ms apart
_AGAIN = 0.5  # of the threshold: when the chance was below it, the next hit may come
_SIZES = (len(TAPS) * MEL_BANDS, *HIDDEN, CLASSES)
_SHAPES = {
    **{f"weight{k}": (_SIZES[k], _SIZES[k + 1]) for k in range(len(HIDDEN) + 1)},
    **{f"bias{k}": (_SIZES[k + 1],) for k in range(len(HIDDEN) + 1)},
    "threshold": (CLASSES,),  # 0..1, that a hit's chance has to reach
    "lag_s": (CLASSES,),  # from the hit to the end of the hop that flags it, median
}


def load_weights(path: Path = WEIGHTS) -> dict[str, np.ndarray]:
    """Return the network by name, float32. Raises UserError for a file that is not there, or not this."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            weights = {name: file[name].astype(np.float32) for name in _SHAPES}
    except Exception as error:
        raise UserError("the weights of the drum network cannot be read", where=str(path), got=error) from error
    for name, shape in _SHAPES.items():
        if weights[name].shape != shape or not np.isfinite(weights[name]).all():
            got = weights[name].shape
            raise UserError("no weights of the drum network", where=f"{path}, {name}", allowed=str(shape), got=got)
    return weights


@cache
def shipped() -> dict[str, np.ndarray] | None:
    """Return the shipped weights, read once; None, told once in the log, where they cannot be read."""
    try:
        return load_weights()
    except UserError as error:
        _log.warning("%s: drums are told apart by bands alone", error.line())
        return None


class Crossing:
    """Finds hits in the chances of one class: where they come up through the threshold, not sooner than 43 ms again."""

    def __init__(self, threshold: float) -> None:
        """threshold: 0..1."""
        self._threshold, self._ready, self._rest = threshold, True, 0

    def step(self, chance: float) -> bool:
        """Take the next hop's chance, 0..1; return whether a hit is to be flagged."""
        self._rest -= 1
        if chance < _AGAIN * self._threshold:
            self._ready = True
        if chance < self._threshold or not self._ready or self._rest > 0:
            return False
        self._ready, self._rest = False, _REST_HOPS
        return True


class DrumNetwork:
    """Hears one stream. chances: float32 [3], 0..1, of kick, snare and hat, that one was hit within the last hops."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """weights: as `load_weights` returns them."""
        self.crossings = [Crossing(float(x)) for x in weights["threshold"]]
        self.lags_s = [float(x) for x in weights["lag_s"]]
        self.chances = np.zeros(CLASSES, np.float32)
        self._past = np.zeros((TAPS[-1] + 1, MEL_BANDS), np.float32)  # the newest comes last
        self._rows = np.array([TAPS[-1] - tap for tap in TAPS], np.intp)
        self._input = np.zeros((len(TAPS), MEL_BANDS), np.float32)
        self._layers = [
            (np.ascontiguousarray(weights[f"weight{k}"]), weights[f"bias{k}"], np.zeros(_SIZES[k + 1], np.float32))
            for k in range(len(HIDDEN) + 1)
        ]

    def step(self, mel: np.ndarray) -> None:
        """Take float32 [40], log(1 + c power), finite."""
        past = self._past
        past[:-1] = past[1:]
        past[-1] = mel
        np.take(past, self._rows, axis=0, out=self._input, mode="clip")  # "raise" would copy
        x = self._input.reshape(-1)
        for matrix, bias, out in self._layers:
            np.einsum("i,ij->j", x, matrix, out=out)
            out += bias
            if len(out) > CLASSES:
                np.maximum(out, 0.0, out=out)
            x = out
        np.multiply(x, 0.5, out=self.chances)
        np.tanh(self.chances, out=self.chances)  # a sigmoid that cannot overflow
        self.chances += 1.0
        self.chances *= 0.5

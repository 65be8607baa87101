"""How likely a kick, a snare or a hat has just been hit: a small network over the last 122 ms of the mel spectrum, in numpy.

Three layers (360-64-32-3) on nine hops of 40 log-mel bands, the newest and eight earlier ones, farther and farther apart:
what the attack looks like, and what it came out of. It was trained by tools/lab/ears/train_drums.py on mixes that are made
from seeds; it says "yes" one or two hops after the one that holds the attack, when the analysis window is full of it.

Called by `drums.Drums` on the audio thread, once a hop: no clock, no BLAS (see `audio.analyzer`).
"""

from __future__ import annotations

import logging
import math
from functools import cache
from pathlib import Path

import numpy as np

from phosphene.engine.core import shipped as core_shipped
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
    weights = core_shipped.load_weights(path, _SHAPES, "drum network")
    threshold = weights["threshold"]
    if not ((threshold > 0.0) & (threshold < 1.0)).all():
        raise UserError("no weights of the drum network", where=f"{path}, threshold", allowed="0..1", got=threshold)
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
    """Finds hits of one class: where its chance comes up through the threshold, not sooner than 43 ms again."""

    def __init__(self, threshold: float) -> None:
        """threshold: 0..1, neither of them."""
        self._threshold, self._again = _logit(threshold), _logit(_AGAIN * threshold)
        self._ready, self._rest = True, 0

    def step(self, logit: float) -> bool:
        """Take what the network says of the next hop, log(chance / (1 - chance)); return whether to flag a hit."""
        self._rest -= 1
        if logit < self._again:
            self._ready = True
        if not logit >= self._threshold or not self._ready or self._rest > 0:
            return False
        self._ready, self._rest = False, _REST_HOPS
        return True


def _logit(chance: float) -> float:
    return math.log(chance / (1.0 - chance))


class DrumNetwork:
    """Hears one stream. logits: float32 [3], log(c / (1 - c)) of the chance c that kick, snare, hat has just been hit."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """weights: as `load_weights` returns them."""
        self.crossings = [Crossing(float(x)) for x in weights["threshold"]]
        self.lags_s = [float(x) for x in weights["lag_s"]]
        # A ring of hops, and for each place of the newest where the taps are.
        self._length, self._at = TAPS[-1] + 1, 0
        self._past = np.zeros((self._length, MEL_BANDS), np.float32)
        self._rows = [np.array([(at - tap) % self._length for tap in TAPS], np.intp) for at in range(self._length)]
        self._input = np.zeros((len(TAPS), MEL_BANDS), np.float32)
        self._flat, self._zero = self._input.reshape(-1), np.zeros((), np.float32)
        self._biases = [weights[f"bias{k}"] for k in range(3)]
        self._out = [np.zeros(size, np.float32) for size in _SIZES[1:]]
        self._first = np.ascontiguousarray(weights["weight0"])
        # Small ones as a product and a sum: half of what einsum asks, most of which is reading its formula.
        self._second, self._third = (np.ascontiguousarray(weights[f"weight{k}"].T) for k in (1, 2))
        self._products = [np.zeros_like(self._second), np.zeros_like(self._third)]
        self.logits = self._out[2]

    def step(self, mel: np.ndarray) -> None:
        """Take float32 [40], log(1 + c power), finite."""
        self._at = (self._at + 1) % self._length
        self._past[self._at] = mel
        np.take(self._past, self._rows[self._at], axis=0, out=self._input, mode="clip")  # "raise" would copy
        first, second, third = self._out
        np.einsum("i,ij->j", self._flat, self._first, out=first)
        np.add(first, self._biases[0], out=first)
        np.maximum(first, self._zero, out=first)
        np.multiply(self._second, first, out=self._products[0])
        np.add.reduce(self._products[0], axis=1, out=second)
        np.add(second, self._biases[1], out=second)
        np.maximum(second, self._zero, out=second)
        np.multiply(self._third, second, out=self._products[1])
        np.add.reduce(self._products[1], axis=1, out=third)
        np.add(third, self._biases[2], out=third)

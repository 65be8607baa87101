"""Fit the confidence of the beat tracker: the constants of engine/tempo/confidence.py.

    python tools/lab/ears/fit_confidence.py [--pieces 96] [--workers 2]

Logistic regression on the tracker's signs, ten times a second after the first 5 s, against whether its beat is right at any
level then. Heard: random pieces, whose seeds and voices are no case of the benchmark, and as many seconds again without a
beat. A third of the pieces is left out of the fit and scored: ECE and AUC of both thirds are printed beside those of the
filter's share alone, and of signs that were shuffled against the truth (the null). Some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from phosphene.engine.audio.listener import plain_listener
from phosphene.engine.core.signals import HOP
from phosphene.engine.tempo import confidence
from phosphene.tools.lab.ears.calibration import reliability
from phosphene.tools.lab.ears.piece import Piece
from phosphene.tools.lab.ears.random_piece import random_piece
from phosphene.tools.lab.ears.scoring import right_at
from phosphene.tools.lab.ears.spoiling import BEATLESS, beatless
from phosphene.tools.lab.ears.trackers import HOP_S, Crossings

_FIRST_SEED = 500
_EVERY, _WARM_UP = 19, 938  # hops: 0.1 s, 5 s
_RIDGE, _ROUNDS = 1e-3, 40
_BEATLESS_SHARE = 4  # of so many pieces one has no beat


def heard(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (signs [n, 7], right bool [n]) of one piece."""
    rng = np.random.default_rng(seed)
    kinds = list(BEATLESS)
    if seed % _BEATLESS_SHARE:
        piece = random_piece(seed)
    else:
        piece = beatless(kinds[seed // _BEATLESS_SHARE % len(kinds)], 30.0, rng, float(rng.uniform(-40.0, -12.0)))
    return signs(piece)


def signs(piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """Let the tracker hear a piece; return (signs [n, 7], right bool [n]) ten times a second."""
    listener, _ = plain_listener()
    hops = len(piece.pcm) // HOP
    crossed, found = Crossings(), np.zeros((hops, len(confidence.NAMES)))
    for k in range(hops):
        t = (k + 1) * HOP_S
        crossed.until(t)
        crossed.line = listener.hear(piece.pcm[k * HOP : (k + 1) * HOP], t)
        found[k] = listener.tracker.confidence.signs
    right = right_at(np.array(crossed.beats), piece, hops)
    return found[_WARM_UP::_EVERY], right[_WARM_UP::_EVERY]


def fit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (weights [signs], bias) of a logistic regression by Newton's method."""
    design = np.hstack([x, np.ones((len(x), 1))])
    w = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-design @ w))
        slope = design.T @ (y - p) / len(y) - _RIDGE * w
        bend = (design * (p * (1.0 - p))[:, None]).T @ design / len(y) + _RIDGE * np.eye(len(w))
        w += np.linalg.solve(bend, slope)
    return w[:-1], float(w[-1])


def main() -> None:
    """Fit, and print the constants and how good they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=96)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        found = list(pool.map(heard, range(_FIRST_SEED, _FIRST_SEED + options.pieces)))
    held_out = np.arange(len(found)) % 3 == 2  # every kind, with and without a beat, is on both sides

    def joined(which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [found[k] for k in np.flatnonzero(which)]
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]).astype(float)

    x, y = joined(~held_out)
    weights, bias = fit(x, y)
    null = fit(x, np.random.default_rng(0).permutation(y))
    for name, which in (("fitted", ~held_out), ("held out", held_out)):
        x, y = joined(which)
        for how, sure in (
            ("signs", _chance(x, weights, bias)),
            ("share alone", x[:, 0]),
            ("null", _chance(x, *null)),
        ):
            told = reliability(sure, y > 0.5)
            print(f"{name}, {how}: ECE {told['ece']}, AUC {told['auc']}, {told['n']} instants, {y.mean():.2f} of them right")
    print("NAMES =", confidence.NAMES)
    print("WEIGHTS =", tuple(round(float(w), 2) for w in weights))
    print("BIAS =", round(bias, 2))


def _chance(x: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    chance: np.ndarray = 1.0 / (1.0 + np.exp(-(x @ weights) - bias))
    return chance


if __name__ == "__main__":
    main()

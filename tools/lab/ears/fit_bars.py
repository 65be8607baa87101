"""Fit the bars of the beat tracker: the constants ONE, MIDDLE and SURE of engine/tempo/bars.py.

    python tools/lab/ears/fit_bars.py [--pieces 96] [--workers 2]

Multinomial logistic regression on the signs of each beat after the first 5 s, against what it is in its bar: the "one", the
beat half way to the next, or another; its constants less how frequent each is. Heard: random pieces in bars of four, whose
seeds are no case of the benchmark. Then SURE: logistic regression on the share of what is shown, against whether it was
right. A third of the pieces is left out of the fit and scored: how well "ones" are told from other beats by a single beat
(AUC), how often the bar is right, and the ECE, beside signs that were shuffled against the truth (the null).

What is shipped lies between this fit and a rounder one: the music of the fit is not all music.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from phosphene.engine.audio.listener import plain_listener
from phosphene.engine.core.signals import HOP
from phosphene.engine.tempo import bars
from phosphene.tools.lab.ears.calibration import reliability
from phosphene.tools.lab.ears.fit_confidence import fit
from phosphene.tools.lab.ears.random_piece import random_piece
from phosphene.tools.lab.ears.trackers import HOP_S

_FIRST_SEED = 500
_WARM_UP_S, _NEAR_S = 5.0, 0.08
_RATE, _ROUNDS = 0.3, 3000


def heard(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (signs [n, 4], true number of the beat [n], number that was shown [n], share of it in log odds [n]) of a piece.

    Empty where it is not in bars of four. Beats that are none in truth are left out.
    """
    piece = random_piece(seed)
    listener, _ = plain_listener()
    tracker, found, judged = listener.tracker, [], None
    if int(piece.numbers.max(initial=0)) == 4:
        for k in range(len(piece.pcm) // HOP):
            t = (k + 1) * HOP_S
            line = listener.hear(piece.pcm[k * HOP : (k + 1) * HOP], t)
            told = tracker.bars
            if line is None or told.judged == judged or t < _WARM_UP_S:
                continue
            judged = told.judged
            at = line.time_of(judged)
            nearest = int(np.abs(piece.beats - at).argmin())
            if abs(float(piece.beats[nearest]) - at) < _NEAR_S:
                slope, constant = bars.SURE
                sure = min(1.0 - 1e-9, max(1e-9, told.confidence))
                share = (math.log(sure / (1.0 - sure)) - constant) / slope
                shown = (judged - told.one) % told.per_bar + 1
                found.append((*told.signs, piece.numbers[nearest], shown, share))
    rows = np.array(found).reshape(-1, len(bars.SIGNS) + 3)
    return rows[:, :-3], rows[:, -3], rows[:, -2], rows[:, -1]


def softmax(x: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return weights [signs + 1, 3] of a multinomial logistic regression of `kind`, int [n] 0..2, by gradient descent."""
    design = np.hstack([x, np.ones((len(x), 1))])
    weights, true = np.zeros((design.shape[1], 3)), np.eye(3)[kind]
    for _ in range(_ROUNDS):
        odds = np.exp(design @ weights)
        weights -= _RATE * design.T @ (odds / odds.sum(axis=1, keepdims=True) - true) / len(x)
    return weights


def main() -> None:
    """Fit, and print the constants and how good they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=96)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        found = list(pool.map(heard, range(_FIRST_SEED, _FIRST_SEED + options.pieces)))
    fitted, held_out = ([each for k, each in enumerate(found) if (k % 3 == 2) == out] for out in (False, True))
    x, number, shown, share = (np.concatenate(part) for part in zip(*fitted, strict=True))
    kind = np.where(number == 1, 0, np.where(number == 3, 1, 2))
    weights = softmax(x, kind)
    null = softmax(x, np.random.default_rng(0).permutation(kind))
    slope, constant = fit(share[:, None], (shown == number).astype(float))
    for name, part in (("fitted", fitted), ("held out", held_out)):
        x, number, shown, share = (np.concatenate(each) for each in zip(*part, strict=True))
        design = np.hstack([x, np.ones((len(x), 1))])
        sure = 1.0 / (1.0 + np.exp(-share * slope[0] - constant))
        told = reliability(sure, shown == number)
        alone, by_chance = (
            reliability(1.0 / (1.0 + np.exp(-(design @ (w[:, 0] - w[:, 2])))), number == 1)["auc"] for w in (weights, null)
        )
        right = float((shown == number).mean())
        print(
            f"{name}: one beat alone AUC {alone} (null {by_chance}); bar right {right:.2f} (chance .25), ECE {told['ece']}"
        )
    often = np.log(np.bincount(kind, minlength=3) / len(kind))
    for name, k in (("ONE", 0), ("MIDDLE", 1)):
        w = weights[:, k] - weights[:, 2]
        w[-1] -= often[k] - often[2]
        print(f"{name} =", tuple(round(float(v), 2) for v in w))
    print("SURE =", (round(float(slope[0]), 2), round(constant, 2)))


if __name__ == "__main__":
    main()

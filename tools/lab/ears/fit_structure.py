"""Fit live structure: the weights of engine/audio/structure_weights.py.

    python tools/lab/ears/fit_structure.py [--tracks 87] [--features DIR] [--write]

Heard: tracks made by `arrangement.arrange` with seeds of their own (LEARNING), one in four spoilt. Two logistic regressions,
23 times a second, against whether it is a break or a build; where it builds up nothing is said about the break. Then a third
one on every attack of the lows that the first two let through, against whether it is a drop. Every third track is left out
of the fit and scored: AUC beside those of one sign alone (how far the lows are below what they were) and of truth that was
moved against the signs (the null); and from end to end, in the words of `structure_scoring.py`, beside the same moved round
in time. --features keeps what was heard, so that a second fit takes a minute.
"""

from __future__ import annotations

import argparse
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from phosphene.engine.audio import structure, structure_weights
from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE
from phosphene.tools.lab.ears.arrangement import LEARNING, Arrangement, arrange
from phosphene.tools.lab.ears.structure_scoring import PLACES, Score, Told, auc, inside, moved

HOP_S = HOP / SAMPLE_RATE
_RIDGE, _ROUNDS = 1e-3, 40
_LEAST_S = 3.0  # of a track: before that nothing can be known
_NEAR_S, _FAR_S = 0.12, 0.5  # an attack so near to the truth is the drop; between the two it is neither right nor wrong
_THRESHOLDS = 200
_ALONE = 1  # of the state signs: how far the lows are below what they were, the simplest thing to go by


def heard(seed: int, folder: Path | None) -> dict[str, np.ndarray]:
    """Return {mel, active, breaks, builds, drops} of a track, out of `folder` where it is there already."""
    path = folder / f"{seed}.npz" if folder else None
    if path is not None and path.is_file():
        with np.load(path) as kept:
            return dict(kept)
    track = arrange(seed, LEARNING, spoilt=seed % 4 == 3)
    found = {**log_mel(track.pcm), **_truth(track)}
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)  # type: ignore[arg-type]
    return found


def log_mel(pcm: np.ndarray) -> dict[str, np.ndarray]:
    """Return {"mel": float32 [hops, 40], "active": float32 [hops]} of float32 [n, 2], as the analyser publishes them."""
    analyzer, mono = Analyzer(), np.ascontiguousarray(pcm.mean(axis=1), np.float32)
    hops = len(mono) // HOP
    mel, active = np.zeros((hops, MEL_BANDS), np.float32), np.zeros(hops, np.float32)
    for k in range(hops):
        record = analyzer.process(mono[k * HOP : (k + 1) * HOP], (k + 1) * HOP_S)
        mel[k], active[k] = record["mel"], record["active"]
    return {"mel": mel, "active": active}


def _truth(track: Arrangement) -> dict[str, np.ndarray]:
    spans = {"breaks": track.breaks, "builds": track.builds}
    return {**{name: np.array(of, np.float64).reshape(-1, 2) for name, of in spans.items()}, "drops": track.drops}


def signs_of(
    track: dict[str, np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Let a Structure with these weights of break and build hear it, told by the truth which attacks are drops.

    Returns (t float64 [ticks], state signs [ticks, 34], active bool [ticks], hit signs [hits, 32], drop bool [hits]).
    """
    heard_by, drops = structure.Structure(HOP_S), track["drops"]
    heard_by._weights = weights
    hits: list[np.ndarray] = []
    right: list[bool] = []

    def judge() -> float:
        apart = float(np.abs(drops - heard_by._hit_time).min()) if len(drops) else math.inf
        if apart < _NEAR_S or apart > _FAR_S:
            hits.append(heard_by.hit_signs.copy())
            right.append(apart < _NEAR_S)
        return float(apart < _NEAR_S)

    heard_by._judge = judge  # type: ignore[method-assign]
    ticks = len(track["mel"]) // structure.TICK_HOPS
    signs = np.zeros((ticks, structure.STATE_SIGNS))
    for k in range(ticks * structure.TICK_HOPS):
        heard_by.step(track["mel"][k], float(track["active"][k]), (k + 1) * HOP_S)
        if k % structure.TICK_HOPS == structure.TICK_HOPS - 1:
            signs[k // structure.TICK_HOPS] = heard_by.signs
    t = (np.arange(ticks) + 1) * structure.TICK_HOPS * HOP_S
    active = track["active"][structure.TICK_HOPS - 1 :: structure.TICK_HOPS][:ticks] > 0.5
    return t, signs, active, np.array(hits).reshape(-1, structure.HIT_SIGNS), np.array(right, bool)


def told_by(track: dict[str, np.ndarray], weights: np.ndarray, drop: np.ndarray) -> tuple[Score, Score]:
    """Let a Structure with these weights hear a track; return how right it was, and how right by chance."""
    heard_by = structure.Structure(HOP_S)
    heard_by._weights, heard_by._drop_weights = weights, drop
    frames, drops = [], []
    for k, (mel, active) in enumerate(zip(track["mel"], track["active"], strict=True)):
        t, before = (k + 1) * HOP_S, heard_by.drop_time
        heard_by.step(mel, float(active), t)
        if heard_by.drop_time > before:
            drops.append((heard_by.drop_time, t, heard_by.drop_strength))
        if k % structure.TICK_HOPS == structure.TICK_HOPS - 1:
            frames.append((t, heard_by.break_, heard_by.build))
    told = Told(*np.array(frames).T, np.array(drops).reshape(-1, 3))
    silent = np.zeros((len(track["mel"]) * HOP, 2), np.float32)
    truth = Arrangement(silent, tuple(track["breaks"]), tuple(track["builds"]), track["drops"], (), "")
    right, null = Score(), Score()
    right.add(truth, told)
    for k in range(PLACES):
        null.add(truth, moved(told, truth.seconds, (k + 0.5) / PLACES))
    return right, null


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weights of a logistic regression, float64 [signs]; a constant is one of the signs. By Newton's steps."""
    weights = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30.0, 30.0)))
        slope = x.T @ (y - p) / len(x) - _RIDGE * weights
        curve = (x.T * (p * (1.0 - p))) @ x / len(x) + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights += step
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


def _centred(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weights with the constant moved to where F of y is highest at a chance of a half."""
    score = x @ weights
    places = np.quantile(score, np.linspace(1.0 - 3.0 * float(y.mean()), 1.0, _THRESHOLDS, endpoint=False))
    f = [2.0 * (y & (score > place)).sum() / (y.sum() + (score > place).sum()) for place in places]
    best = np.flatnonzero(np.array(f) > max(f) - 0.01)  # as good as the best: the middle of them
    return np.append(weights[:-1], weights[-1] - float(places[best].mean()))


def _report(name: str, x: np.ndarray, y: np.ndarray, held: np.ndarray, weights: np.ndarray, alone: np.ndarray) -> str:
    score, moved = x @ weights, np.roll(y, len(y) // 3)
    figures = [
        auc(score[~held], y[~held]),
        auc(score[held], y[held]),
        auc(alone[held], y[held]),
        auc(score[held], moved[held]),
    ]
    text = "  ".join(
        f"{what} {value:.3f}" for what, value in zip(("fitted", "held out", "one sign", "null"), figures, strict=True)
    )
    return f"{name}: {len(y)} of which {y.mean():.3f}; AUC {text}"


def main() -> None:
    """Fit, print how well it holds, and write the weights where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tracks", type=int, default=87)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--features", type=Path, help="a folder that keeps what was heard")
    parser.add_argument("--write", action="store_true", help="write engine/audio/structure_weights.py")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        tracks = list(pool.map(partial(heard, folder=options.features), range(options.tracks)))
        nothing = np.zeros((2, structure.STATE_SIGNS))
        found = list(pool.map(partial(signs_of, weights=nothing), tracks))
        rows = [(k, t > _LEAST_S) for k, (t, *_) in enumerate(found)]
        out, two_thirds = {}, []
        for name in ("break", "build"):
            x, y, held = [], [], []
            for k, kept in rows:
                t, signs, active = found[k][:3]
                build = inside(tracks[k]["builds"], t)
                use = kept & active & (np.ones_like(build) if name == "build" else ~build)
                x.append(signs[use][::2])
                y.append((build if name == "build" else inside(tracks[k]["breaks"], t))[use][::2])
                held.append(np.full(len(y[-1]), k % 3 == 0))
            xs, ys, helds = np.concatenate(x), np.concatenate(y), np.concatenate(held)
            two_thirds.append(_centred(fit(xs[~helds], ys[~helds]), xs[~helds], ys[~helds]))
            sys.stdout.write(_report(name, xs, ys, helds, two_thirds[-1], -xs[:, _ALONE]) + "\n")
            out[name.upper()] = _centred(fit(xs, ys), xs, ys)
        weights = np.stack([out["BREAK"], out["BUILD"]])
        found = list(pool.map(partial(signs_of, weights=weights), tracks))
    hits = np.concatenate([hits for *_, hits, _ in found])
    drops = np.concatenate([right for *_, right in found])
    held = np.concatenate([np.full(len(right), k % 3 == 0) for k, (*_, right) in enumerate(found)])
    drop = _centred(fit(hits[~held], drops[~held]), hits[~held], drops[~held])
    scores = {"structure": Score(), "null": Score()}
    for track in tracks[::3]:
        for whole, one in zip(scores.values(), told_by(track, np.stack(two_thirds), drop), strict=True):
            whole.join(one)
    for who, whole in scores.items():
        sys.stdout.write(f"held out, end to end, {who}: {whole.figures()}\n")
    true = sum(len(track["drops"]) for track in tracks)
    sys.stdout.write(_report("drop", hits, drops, held, drop, hits[:, 0]) + "\n")
    for name, of in (("fitted", ~held), ("held out", held)):
        said = hits[of] @ drop > 0.0
        sys.stdout.write(f"drop, {name}: F {2 * (said & drops[of]).sum() / max(1, said.sum() + drops[of].sum()):.3f}\n")
    sys.stdout.write(f"{int(drops.sum())} attacks within {_NEAR_S} s of the {true} drops\n")
    out["DROP"] = _centred(fit(hits, drops), hits, drops)
    if options.write:
        _write(out)


def _write(weights: dict[str, np.ndarray]) -> None:
    lines = [
        '"""The weights of live structure. Made by tools/lab/ears/fit_structure.py."""',
        "",
    ]
    for name, values in weights.items():
        lines.append(f"\n{name} = (")
        rows = [values[first : first + 8] for first in range(0, len(values), 8)]
        lines += ["    " + " ".join(f"{value:.3f}," for value in row) for row in rows]
        lines.append(")  # fmt: skip")
    Path(str(structure_weights.__file__)).write_text("\n".join(lines).replace("-0.000", "0.000") + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Finds where two pieces fit: which bars of each, which key shift, which tempo. Refuses what cannot fit, with a reason.

Called by `vj muse`. Harmony is compared by bars of chroma (AutoMashUpper, Davies et al. 2014, in small): the mean cosine
over a phrase, less 0.004 for each semitone of shift. Phrases that one of the two hardly sounds in lose up to 0.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phosphene.engine.audio.feature_file import FeatureFile
from phosphene.engine.audio.hearing import FEATURES_FILE
from phosphene.engine.audio.per_beat import mean_features
from phosphene.engine.audio.prepared import Prepared
from phosphene.engine.core.errors import UserError
from phosphene.engine.tempo.grid import BeatGrid

BEATS = 4  # of a bar: other metres are refused
MOST_STRETCH = 0.12  # beyond it attacks smear and voices sound wrong
MOST_SHIFT = 3  # semitones that the search tries
LEAST_BEAT = 0.25  # mean confidence of the beats below which there is none to follow
_SHIFT_COST, _QUIET_COST = 0.004, 0.3
_STEPS = (1.0, 2.0, 0.5)  # beats of B to one of A


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece that can be matched. beats: float64 s; bars: int64, which beats begin one; chroma [beats, 12];
    level [beats]."""

    name: str
    beats: np.ndarray
    bars: np.ndarray
    chroma: np.ndarray
    level: np.ndarray

    @property
    def bpm(self) -> float:
        """The median tempo."""
        return float(60.0 / np.median(np.diff(self.beats)))


@dataclass(frozen=True, eq=False)
class Match:
    """times_a, times_b: float64 [4 * bars + 1], s: the beats that fall together. shift: semitones that B is moved by.

    fit: mean cosine of the chroma of the bars, -1..1; fit_null: the median over all places and keys. stretch: how much
    longer B becomes, 1 = not. bar_a, bar_b: numbers of the first bars, from 0.
    """

    times_a: np.ndarray
    times_b: np.ndarray
    shift: int
    fit: float
    fit_null: float
    stretch: float
    bar_a: int
    bar_b: int


def piece_of(prepared: Prepared, name: str) -> Piece:
    """Return what matching needs of a piece that was heard. Raises UserError: silence, no beat, not 4:4."""
    peak = max((float(np.abs(block).max()) for block in prepared.pcm_blocks()), default=0.0)
    if peak < 1e-4:
        raise UserError("this piece is silent", where=name, allowed="sound above -80 dBFS", remedy="choose another file")
    file = FeatureFile(prepared.folder / FEATURES_FILE)
    try:
        mel, chroma = mean_features(file.windows(), prepared.grid.times)
    finally:
        file.close()
    return of_grid(name, prepared.grid, mel.mean(axis=1), chroma)


def of_grid(name: str, grid: BeatGrid, level: np.ndarray, chroma: np.ndarray) -> Piece:
    """Return a piece of its beats. level: [beats], 0 and up; chroma: [beats, 12]. Raises UserError as `piece_of`."""
    sure = float(grid.confidence.mean())
    if sure < LEAST_BEAT:
        raise UserError(
            "no beat can be followed in this piece",
            where=name,
            allowed=f"a mean confidence of the beats of {LEAST_BEAT} or more",
            got=f"{sure:.2f}",
            remedy="choose music with a steady beat",
        )
    downbeats = grid.downbeats
    if len(downbeats) > 2 and np.median(np.diff(downbeats)) == BEATS / 2:
        downbeats = downbeats[::2]  # bars of two: a pair of them is one of four, and which two are a pair cannot be told
    lengths = np.diff(downbeats)
    if len(lengths) and (metre := int(np.median(lengths))) != BEATS:
        raise UserError("bars of this piece have another length", where=name, allowed="4 beats a bar", got=metre)
    whole = np.flatnonzero(lengths == BEATS)
    return Piece(name, grid.times, downbeats[whole], chroma, level)


def find_match(a: Piece, b: Piece, bars: int, start: int | None = None, key: int | None = None) -> Match:
    """Return where `bars` bars of B fit best under those of A. Raises UserError where they do not.

    start: the bar of A, from 0; None: the best. key: semitones for B; None: the best of -3..3.
    """
    step = _step(a, b)
    first_a, chroma_a, level_a = _by_bar(a, 1.0)
    first_b, chroma_b, level_b = _by_bar(b, step)
    for piece, found in ((a, len(first_a)), (b, len(first_b))):
        if found < bars:
            raise UserError(
                "the piece is too short", where=piece.name, allowed=f"{bars} whole bars", got=found, remedy="lower --bars"
            )
    last = len(first_a) - bars
    if start is not None and not 0 <= start <= last:
        raise UserError("cannot start there", where=a.name, allowed=f"bar 0 to {last}", got=start, remedy="change --start")
    shifts = range(-MOST_SHIFT, MOST_SHIFT + 1) if key is None else (key,)
    quiet_a, quiet_b = _quiet(level_a, bars), _quiet(level_b, bars)
    best, best_score, fits = (0, 0, 0), -np.inf, []
    for shift in sorted(shifts, key=abs):
        fit = _phrases(chroma_a @ np.roll(chroma_b, shift, axis=1).T, bars)
        fits.append(fit)
        score = fit - _SHIFT_COST * abs(shift) - _QUIET_COST * (quiet_a[:, None] + quiet_b[None, :])
        if start is not None:
            score[np.arange(len(score)) != start] = -np.inf
        place = np.unravel_index(int(np.argmax(score)), score.shape)
        if score[place] > best_score + 1e-9:
            best, best_score, chosen = (int(place[0]), int(place[1]), shift), float(score[place]), float(fit[place])
    at_a, at_b, shift = best
    slots = np.arange(bars * BEATS + 1)
    times_a = _times(a, first_a[at_a] + slots)
    times_b = _times(b, first_b[at_b] + slots * step)
    stretch = float((times_a[-1] - times_a[0]) / (times_b[-1] - times_b[0]))
    null = float(np.median(np.concatenate([fit.ravel() for fit in fits])))
    return Match(times_a, times_b, shift, chosen, null, stretch, at_a, at_b)


def _step(a: Piece, b: Piece) -> float:
    """Return how many beats of B go to one of A: half and double tempo are folded to the nearest."""
    step = min(_STEPS, key=lambda s: abs(np.log(a.bpm * s / b.bpm)))
    if not 1 / (1 + MOST_STRETCH) <= b.bpm / (a.bpm * step) <= 1 + MOST_STRETCH:
        raise UserError(
            "the tempi are too far apart, also at half and double",
            where=f"{a.name}, {b.name}",
            allowed=f"{MOST_STRETCH:.0%} of stretch",
            got=f"{a.bpm:.1f} and {b.bpm:.1f} bpm",
            remedy="choose pieces of nearer tempo",
        )
    return step


def _by_bar(piece: Piece, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (first beat, unit chroma less its mean [bars, 12], level) of each bar of `4 * step` beats that is whole."""
    length = round(BEATS * step)
    firsts = piece.bars[(piece.bars + length < len(piece.beats))]
    if step == 2.0:
        firsts = firsts[::2]
    rows = firsts[:, None] + np.arange(length)
    chroma = piece.chroma[rows].mean(axis=1) if len(firsts) else np.zeros((0, 12))
    chroma = chroma - chroma.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(chroma, axis=1, keepdims=True)
    return firsts, chroma / np.maximum(norm, 1e-9), piece.level[rows].mean(axis=1) if len(firsts) else np.zeros(0)


def _phrases(similar: np.ndarray, bars: int) -> np.ndarray:
    """Return the means over `bars` steps down each diagonal of [n, m], as [n - bars + 1, m - bars + 1]."""
    n, m = similar.shape[0] - bars + 1, similar.shape[1] - bars + 1
    total = np.zeros((n, m))
    for k in range(bars):
        total += similar[k : k + n, k : k + m]
    return total / bars


def _quiet(level: np.ndarray, bars: int) -> np.ndarray:
    """Return 0 for phrases as loud as the loudest, up to 1 for silent ones."""
    sums = np.convolve(level, np.ones(bars), "valid")
    return 1.0 - sums / max(float(sums.max()), 1e-9)


def _times(piece: Piece, beats: np.ndarray) -> np.ndarray:
    times: np.ndarray = np.interp(beats, np.arange(len(piece.beats)), piece.beats)
    return times

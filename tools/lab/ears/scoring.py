"""How right a tracker was, and how sure of it.

The words, all of them on the time after the first 5 s unless they say otherwise:

F           of the beats at the annotated tempo, one-to-one within 70 ms.
level       the annotated beats; half of them (the even or the odd ones); and the beats divided by what divides them, 2, or 3
            in 6/8. The off-beat is no level: it is wrong, and has an F of its own.
right       a stretch between two beats that were heard in a row is right where, at one and the same level, both lie within
            70 ms of beats that follow each other. So chance is rarely right, and neither is a line on the off-beat.
any level   the best F over the levels; at other levels than the annotated one only beats that bound a right stretch count.
falsely     the tracker's confidence is `SURE` or more in a stretch that is not right: in all, and the longest in one go.
sure        A hole between beats of more than 2 s is not right either.
lock        when the first 4 s of right stretches in a row begin, from the first beat on; relock: the same from each cut.
shown       as the conductor plays it, where the confidence reaches the conductor's floor: s that were right, s that were
            wrong; withheld: right, but the floor was not reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phosphene.engine.tempo.conductor import CONFIDENCE_FLOOR
from phosphene.tools.lab.ears.piece import Piece
from phosphene.tools.lab.ears.trackers import HOP_S, Heard, Shown

WINDOW_S, WARM_UP_S = 0.070, 5.0
SURE = 0.6
LOCK_S = 4.0
_HOLE_S = 2.0
_EVERY_S = 0.1  # how often confidence is compared with truth


def f_measure(found: np.ndarray, true: np.ndarray, since: float = WARM_UP_S, until: float = np.inf) -> float:
    """Return F 0..1 of times in s, one-to-one within the window, only `since` <= t < `until` counted on both sides."""
    found, true = (times[(times >= since) & (times < until)] for times in (found, true))
    return 2.0 * _hits(found, true) / max(1, len(found) + len(true))


def _hits(found: np.ndarray, true: np.ndarray) -> int:
    hits = i = j = 0
    while i < len(found) and j < len(true):
        apart = found[i] - true[j]
        hits += bool(abs(apart) <= WINDOW_S)
        i += bool(apart <= WINDOW_S)
        j += bool(apart >= -WINDOW_S)
    return hits


def levels(beats: np.ndarray, divided: int = 2) -> dict[str, np.ndarray]:
    """Return {name: float64 s} of what else a beat may be counted as; "annotated" comes first."""
    steps = np.arange(divided) / divided
    between = (beats[:-1, None] + np.diff(beats)[:, None] * steps).ravel() if len(beats) > 1 else beats[:0]
    return {
        "annotated": beats,
        "divided": np.concatenate([between, beats[-1:]]),
        "half": beats[::2],
        "half, odd": beats[1::2],
    }


def off_beats(beats: np.ndarray) -> np.ndarray:
    """Return the middles between beats, float64 s."""
    return (beats[1:] + beats[:-1]) / 2


def right_stretches(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return bool [len(found) - 1]: whether the stretch from each found beat to the next is right by the beats `true`."""
    if len(found) < 2 or len(true) < 2:
        return np.zeros(max(0, len(found) - 1), bool)
    after = np.clip(np.searchsorted(true, found), 1, len(true) - 1)
    nearest = np.where(found - true[after - 1] <= true[after] - found, after - 1, after)
    hit = np.abs(found - true[nearest]) <= WINDOW_S
    together: np.ndarray = hit[:-1] & hit[1:] & (np.diff(nearest) == 1) & (np.diff(found) <= _HOLE_S)
    return together


def right_at(found: np.ndarray, piece: Piece, hops: int) -> np.ndarray:
    """Return bool [hops]: whether the stretch that holds the end of each hop is right at any level."""
    out = np.zeros(hops, bool)
    if len(found) < 2:
        return out
    right = np.zeros(len(found) - 1, bool)
    for true in levels(piece.beats, piece.divided).values():
        right |= right_stretches(found, true)
    at = np.searchsorted(found, (np.arange(hops) + 1) * HOP_S, "right") - 1
    inside = (at >= 0) & (at < len(right))
    out[inside] = right[at[inside]]
    # The line went on after the last beat that it passed: judged as the stretch before, for one beat.
    last = (at == len(right)) & ((np.arange(hops) + 1) * HOP_S - found[-1] <= found[-1] - found[-2])
    out[last] = right[-1]
    return out


def f_any_level(found: np.ndarray, piece: Piece) -> float:
    """Return the best F over the levels: see the top of this module."""
    best = f_measure(found, piece.beats)
    for name, true in levels(piece.beats, piece.divided).items():
        if name != "annotated":
            right = right_stretches(found, true)
            bounding = np.concatenate([right, [False]]) | np.concatenate([[False], right]) if len(found) > 1 else found < 0
            kept, missed = found[bounding], int(np.count_nonzero(found[~bounding] >= WARM_UP_S))
            kept, true = kept[kept >= WARM_UP_S], true[true >= WARM_UP_S]
            best = max(best, 2.0 * _hits(kept, true) / max(1, len(kept) + missed + len(true)))
    return best


def first_lock(right: np.ndarray, since: float = 0.0, until: float = np.inf) -> float | None:
    """Return s after `since` at which the first LOCK_S of right hops in a row begin, all before `until`; None: never."""
    first, last = round(since / HOP_S), len(right) if until == np.inf else min(len(right), round(until / HOP_S))
    need = round(LOCK_S / HOP_S)
    begun = first
    for k in range(first, last):
        if not right[k]:
            begun = k + 1
        elif k + 1 - begun >= need:
            return (begun - first) * HOP_S
    return None


def longest(flags: np.ndarray) -> float:
    """Return the longest run of true hops in s."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return float((edges[1::2] - edges[::2]).max(initial=0)) * HOP_S


@dataclass(frozen=True)
class Judged:
    """figures: of one piece, for a table. confidence float32 [m], right bool [m]: ten times a second, for calibration."""

    figures: dict[str, float | None]
    confidence: np.ndarray
    right: np.ndarray


def judge(heard: Heard, seen: Shown | None, piece: Piece, beats_count: bool = True) -> Judged:
    """Score what was heard of a piece. beats_count: whether there is a truth to its beats; else confidence alone is judged.

    Times in s; F 0..1; `relock` is the mean over the cuts, a cut after which it never came counting as all that was left.
    """
    hops = len(heard.confidence)
    late = np.arange(hops) >= round(WARM_UP_S / HOP_S)
    right = right_at(heard.beats, piece, hops)
    falsely = (heard.confidence >= SURE) & ~right & late
    found: dict[str, float | None] = {
        "falsely_sure_s": float(falsely.sum()) * HOP_S,
        "falsely_sure_longest_s": longest(falsely),
        "confidence": float(heard.confidence[late].mean()) if late.any() else 0.0,
    }
    if beats_count:
        found |= {
            "f": f_measure(heard.beats, piece.beats),
            "f_any": f_any_level(heard.beats, piece),
            "f_off": f_measure(heard.beats, off_beats(piece.beats)),
            "right_s": float((right & late).sum()) * HOP_S,
            "lock_s": first_lock(right, float(piece.beats[0]) if len(piece.beats) else 0.0),
            "relock_s": _relock(right, piece),
            "bars_f": f_measure(heard.bars, piece.bars) if heard.bars is not None and len(piece.bars) else None,
        }
    if seen is not None:
        followed = seen.confidence >= CONFIDENCE_FLOOR
        seen_right = right_at(seen.beats, piece, hops)
        found |= {
            "shown_f": f_measure(seen.beats, piece.beats) if beats_count else None,
            "shown_bars_f": f_measure(seen.bars, piece.bars) if beats_count and len(piece.bars) else None,
            "shown_right_s": float((followed & seen_right & late).sum()) * HOP_S,
            "shown_wrong_s": float((followed & ~seen_right & late).sum()) * HOP_S,
            "withheld_right_s": float((~followed & seen_right & late).sum()) * HOP_S,
        }
    every = np.flatnonzero(late)[:: max(1, round(_EVERY_S / HOP_S))]
    return Judged(found, heard.confidence[every], right[every])


def _relock(right: np.ndarray, piece: Piece) -> float | None:
    if not piece.cuts:
        return None
    ends = [*piece.cuts[1:], piece.seconds]
    took = [first_lock(right, cut, end) for cut, end in zip(piece.cuts, ends, strict=True)]
    return float(np.mean([end - cut if s is None else s for s, cut, end in zip(took, piece.cuts, ends, strict=True)]))

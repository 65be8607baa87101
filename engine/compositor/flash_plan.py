"""What an offline render holds back, knowing what is to come: of too many flashes the weakest are softened, not the fourth.

A show can only hold back what comes once three flashes have been. A render is painted small first, measured like a show, and
planned here; the guard then runs behind the plan as in a show, for what a small picture could not tell. Pure arithmetic on
what was measured; called by `offline._foresee`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from phosphene.kernels.guard import reference
from phosphene.kernels.guard.reference import (
    CAUTION,
    DARK,
    FADED,
    HOLD,
    LUMINANCE_STEP,
    MOST_FLASHES,
    RED_STEP,
    REGIONS,
    WINDOW_S,
)


@dataclass(slots=True)
class Flash:
    """A rise and the fall after it, in frames. before, after: the darkest values beside it; first, last: where those are."""

    rise: int
    fall: int
    peak: float
    before: float
    after: float
    first: int
    last: int

    @property
    def height(self) -> float:
        """How far it stands out: what is lost when it is softened."""
        return self.peak - max(self.before, self.after)

    @property
    def limit(self) -> float:
        """How light it may be where it is softened: hardly lighter than beside it, and not a landing on a stair.

        A rise that rests halfway is one change by WCAG, and two for analysers that do not ask that changes oppose.
        """
        low, high = sorted((self.before, self.after))
        soft = HOLD * CAUTION * LUMINANCE_STEP
        return (high if high - low + soft < LUMINANCE_STEP else low) + soft


def find_flashes(values: np.ndarray, step: float, dark: float) -> list[Flash]:
    """Return the flashes of a course of values, float [n], which comes after darkness; one that lasts falls at its end."""
    seen = reference.Transitions(np.float32([step]), np.float32([dark]), dark_before=True)
    found: list[Flash] = []
    first, before, rise = 0, 0.0, -1
    for k, value in enumerate(values):
        if not seen.rising[0] and value <= before:
            first, before = k, float(value)
        if not seen.add(values[k : k + 1], 0.0)[0]:
            continue
        if seen.rising[0]:
            rise = k
            continue
        found.append(Flash(rise, k, float(values[rise : k + 1].max()), before, float(value), first, k))
        first, before = k, float(value)
    if seen.rising[0]:
        end = len(values) - 1
        found.append(Flash(rise, end, float(values[rise:].max()), before, before, first, end))
    for flash, following in pairwise(found):  # where it is darkest after it
        flash.last, flash.after = following.first, following.before
    if found and not seen.rising[0]:
        found[-1].last, found[-1].after = first, before
    return found


def too_many(flashes: list[Flash], fps: float) -> list[Flash]:
    """Return the weakest flashes, without which no second has more than three, nor more than six transitions."""
    window = WINDOW_S * fps - 0.5
    kept, left_out = list(flashes), []
    i = 0
    while i < len(kept):
        lately = kept[max(0, i - 2 * MOST_FLASHES) : i + 1]
        start = kept[i].fall - window  # of the second that ends with this flash; the other one ends with its rise
        in_one = [f for f in lately if f.fall > start]
        in_other = [f for f in lately if f.rise > kept[i].rise - window]
        if len(in_other) <= MOST_FLASHES and sum((f.rise > start) + 1 for f in in_one) <= 2 * MOST_FLASHES:
            i += 1
            continue
        weakest = min(in_other if len(in_other) > MOST_FLASHES else in_one, key=lambda f: f.height)
        at = kept.index(weakest)
        kept.pop(at)
        left_out.append(weakest)
        # Softened, it is the beginning of the next one's rise, or the end of the fall before it: on its lighter side.
        if at < len(kept) and weakest.before < weakest.after:
            kept[at].rise, kept[at].first, kept[at].before = weakest.rise, weakest.first, weakest.before
        elif at > 0 and weakest.before >= weakest.after:
            kept[at - 1].last, kept[at - 1].after = weakest.last, weakest.after
        i = min(i, at)
    return left_out


def plan_flashes(measured: np.ndarray, fps: float) -> Mapping[int, np.ndarray]:
    """Return {frame: what to hold back, float32 [6, 6, 2]} for the frames where anything is.

    measured: float [frames, 26, 3], luminance, saturated and nearly saturated red of each region, as without a guard.
    """
    count = len(measured)
    flashing = _flashing(measured, fps)
    factors: dict[int, np.ndarray] = {}
    fadings: dict[int, np.ndarray] = {}
    for region in range(REGIONS):
        light, *reds = np.ascontiguousarray(measured[:, region].T, np.float32)
        flashes = find_flashes(light, LUMINANCE_STEP * CAUTION, DARK) if flashing[region, 0] else []
        for flash in too_many(flashes, fps):
            limit = flash.limit
            for k in range(flash.first, min(flash.last + 1, count)):
                if light[k] > limit:
                    factors.setdefault(k, np.ones(REGIONS, np.float32))[region] = limit / light[k]
        for red, flashes_often in zip(reds, flashing[region, 1:], strict=True):
            flashes = find_flashes(red, RED_STEP * CAUTION, np.inf) if flashes_often else []
            for flash in too_many(flashes, fps):
                for k in range(flash.first, min(flash.last + 1, count)):
                    if red[k] > flash.before:
                        fadings.setdefault(k, np.zeros(REGIONS, np.float32))[region] = FADED
    ones, none = np.ones(REGIONS, np.float32), np.zeros(REGIONS, np.float32)
    return {k: reference.field(factors.get(k, ones), fadings.get(k, none)) for k in factors.keys() | fadings.keys()}


def _flashing(measured: np.ndarray, fps: float) -> np.ndarray:
    """Return which region has six transitions in a second anywhere, of each of its measures, bool [26, 3]: few have."""
    steps = np.tile(np.float32([LUMINANCE_STEP, RED_STEP, RED_STEP]), REGIONS) * np.float32(CAUTION)
    seen = reference.Transitions(steps, np.tile(np.float32([DARK, np.inf, np.inf]), REGIONS))
    most = np.zeros(len(steps), int)
    for values in measured:
        if seen.add(values.reshape(-1).astype(np.float32), 1.0 / fps).any():
            most = np.maximum(most, seen.recent(1.0 / fps).sum(axis=1))
    return (most >= 2 * MOST_FLASHES).reshape(REGIONS, -1)

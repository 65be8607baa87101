"""Pictures laid edge to edge so that no seam is seen: at a period of their own, cut where both sides are alike.

The cut is the one of image quilting (Efros & Freeman 2001, "Image Quilting for Texture Synthesis and Transfer"). A regular
pattern is first cut to whole periods, and moved so that its rows meet its neighbour's. Pure functions; pictures float32
[h, w, 3], sRGB 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_MARGIN = 2 / 15  # of a picture's height: how much of two pictures lies over each other where they are cut
_LEAST = 0.6  # of a picture's side that a period spans: less of it repeats too often on a screen
_SOFT = 3  # px over which one side of a cut turns into the other
_STEP = 2  # px between the places that are tried


def tile(pictures: Sequence[np.ndarray], equal: bool = False) -> tuple[np.ndarray, float]:
    """Return what repeats without a seam across and down, [p, q, 3], and how unlike both sides of its cuts are: their mean
    squared difference over the variance, 0 where the pictures repeat by themselves.

    One picture is cut to a period across and down, at least 0.6 of its sides. Several, all of one size, stand in a row: all
    have one period down, each is moved up or down to meet its neighbours, and gives up to 0.4 of its right side for that;
    where they are to be equally wide, nothing.
    """
    margin = max(2, round(_MARGIN * pictures[0].shape[0]))
    variance = max(float(np.var(np.stack(pictures))), 1e-6)
    row, down = _down(pictures, margin)
    if len(row) == 1:
        cost, period, (begin,) = _period(row, margin)
        return _closed(row[0], margin, period, begin), (down + cost) / 2 / variance
    for k in range(1, len(row)):
        costs = _joins(row[k - 1], row[k], margin, equal).min(1)
        if k == len(row) - 1:  # the last meets the first as well, which stays where it is: rolled down here is up there
            back = _joins(row[k], row[0], margin, equal).min(1)
            costs = costs + np.roll(back[::-1], 1)
        row[k] = np.roll(row[k], int(costs.argmin()) * _STEP, 0)
    costs = [_joins(left, right, margin, equal)[0] for left, right in zip(row, [*row[1:], row[0]], strict=True)]
    ends = [left.shape[1] - int(cost.argmin()) * _STEP for left, cost in zip(row, costs, strict=True)]
    parts = []
    for k, right in enumerate(row):
        before = row[k - 1][:, ends[k - 1] - margin : ends[k - 1]]
        parts += [_cut(before, right[:, :margin]), right[:, margin : ends[k] - margin]]
    return np.concatenate(parts, 1), (down + float(np.mean([cost.min() for cost in costs]))) / 2 / variance


def _down(pictures: Sequence[np.ndarray], margin: int) -> tuple[list[np.ndarray], float]:
    """Return the pictures cut to one period down, an even number of px, and the mean squared difference over the cuts."""
    turned = [each.swapaxes(0, 1) for each in pictures]
    cost, period, begins = _period(turned, margin)
    found = zip(turned, begins, strict=True)
    return [_closed(each, margin, period, begin).swapaxes(0, 1) for each, begin in found], cost


def _joins(left: np.ndarray, right: np.ndarray, margin: int, whole: bool) -> np.ndarray:
    """Return the mean squared difference where `right` begins on the end of `left`, [rolls down, px off the end], in steps
    of 2 px. whole: nothing is taken off the end."""
    high, wide = left.shape[:2]
    begin = np.stack([np.roll(right[:, :margin], down, 0) for down in range(0, high, _STEP)]).reshape(-1, high * margin * 3)
    ends = range(wide, wide - (1 if whole else round((1 - _LEAST) * wide)), -_STEP)
    strips = np.stack([left[:, end - margin : end] for end in ends]).reshape(-1, high * margin * 3)
    squares = np.square(begin).sum(1)[:, None] + np.square(strips).sum(1)[None] - 2 * begin @ strips.T
    return np.maximum(squares, 0) / begin.shape[1]


def _period(pictures: Sequence[np.ndarray], margin: int) -> tuple[float, int, list[int]]:
    """Return the mean squared difference over a cut across, the even period that makes it least, and each picture's begin.

    A longer period is worth a little more difference: in proportion to its length.
    """
    wide = pictures[0].shape[1]
    found = []
    for period in range(min(round(_LEAST * wide), wide - margin) // _STEP * _STEP, wide - margin + 1, _STEP):
        costs, begins = 0.0, []
        for picture in pictures:
            places = range(wide - margin - period + 1)
            ends = ((picture[:, x : x + margin], picture[:, x + period : x + period + margin]) for x in places)
            apart = [float(np.square(one - other).mean()) for one, other in ends]
            begins.append(places[int(np.argmin(apart))])
            costs += min(apart) / len(pictures)
        found.append((costs * wide / period, period, begins))
    return min(found)


def _closed(picture: np.ndarray, margin: int, period: int, begin: int) -> np.ndarray:
    """Return one period, whose first columns go over into what follows its last."""
    one = picture[:, begin : begin + period]
    after = picture[:, begin + period : begin + period + margin]
    return np.concatenate([_cut(after, one[:, :margin]), one[:, margin:]], 1)


def _cut(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return `left` on the left and `right` on the right of the line from top to bottom along which they differ least."""
    cost = np.square(left - right).sum(-1).astype(np.float64) + 1e-4
    high, wide = cost.shape
    came = np.zeros((high, wide), np.int64)
    for y in range(1, high):
        before = np.pad(cost[y - 1], 1, constant_values=np.inf)
        steps = np.stack([before[:-2], before[1:-1], before[2:]])
        came[y] = steps.argmin(0) - 1
        cost[y] += steps.min(0)
    line = np.zeros(high)
    x = int(cost[-1].argmin())
    for y in range(high - 1, -1, -1):
        line[y] = x
        x += int(came[y, x])
    share = np.clip((np.arange(wide) - line[:, None]) / _SOFT + 0.5, 0.0, 1.0)[..., None].astype(np.float32)
    return left * (1 - share) + right * share

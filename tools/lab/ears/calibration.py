"""Is a confidence of .7 right seven times out of ten? A reliability table, its error, and a picture of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

BINS = 10
_SIDE, _EDGE, _BARS = 480, 56, 90  # of the picture: the square, the room around it, the heights of the counts
_COLOURS = ((38, 94, 168), (200, 96, 32), (60, 140, 80), (140, 70, 150))


def reliability(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Return {"bins": rows, "ece", "auc", "n"} of confidence float [n] 0..1 and right bool [n].

    A row: {"from", "to", "n", "confidence": mean, "right": share}, the last two None where n is 0. ece: the mean distance of
    the two, weighted by n. auc: how often one that is right is surer than one that is not; None where there is but one kind.
    """
    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, bool)
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows, error = [], 0.0
    for b in range(BINS):
        inside = bins == b
        n = int(inside.sum())
        row: dict[str, Any] = {"from": b / BINS, "to": (b + 1) / BINS, "n": n, "confidence": None, "right": None}
        if n:
            mean, share = float(confidence[inside].mean()), float(right[inside].mean())
            row |= {"confidence": round(mean, 3), "right": round(share, 3)}
            error += n * abs(mean - share)
        rows.append(row)
    n = len(confidence)
    return {"bins": rows, "ece": round(error / n, 4) if n else None, "auc": _auc(confidence, right), "n": n}


def _auc(confidence: np.ndarray, right: np.ndarray) -> float | None:
    positive, negative = int(right.sum()), int((~right).sum())
    if not positive or not negative:
        return None
    values, place = np.unique(confidence, return_inverse=True)
    below = np.cumsum(np.bincount(place, minlength=len(values)))
    ranks = below - (np.bincount(place, minlength=len(values)) - 1) / 2.0  # equal ones share their ranks
    return round(float((ranks[place][right].sum() - positive * (positive + 1) / 2) / (positive * negative)), 4)


def draw(tables: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write the reliability diagram of {tracker: what `reliability` returned} as a PNG. Raises OSError."""
    width, height = _SIDE + 2 * _EDGE, _SIDE + 2 * _EDGE + _BARS
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)

    def at(x: float, y: float) -> tuple[float, float]:
        return _EDGE + x * _SIDE, _EDGE + (1.0 - y) * _SIDE

    for k in range(BINS + 1):
        u = k / BINS
        pen.line([at(u, 0), at(u, 1)], (228, 228, 228))
        pen.line([at(0, u), at(1, u)], (228, 228, 228))
        if k % 2 == 0:
            pen.text((at(u, 0)[0] - 8, at(u, 0)[1] + 4), f"{u:.1f}", "black")
            pen.text((_EDGE - 28, at(0, u)[1] - 6), f"{u:.1f}", "black")
    pen.line([at(0, 0), at(1, 1)], (150, 150, 150), 2)
    pen.text((_EDGE, 8), "share of the time that was right, by confidence (grey: as it should be)", "black")
    pen.text((_EDGE + _SIDE // 2 - 30, _EDGE + _SIDE + 18), "confidence", "black")
    base, most = height - 22, max([row["n"] for table in tables.values() for row in table["bins"]] + [1])
    for k, (name, table) in enumerate(tables.items()):
        colour = _COLOURS[k % len(_COLOURS)]
        rows = [row for row in table["bins"] if row["n"]]
        points = [at(row["confidence"], row["right"]) for row in rows]
        if len(points) > 1:
            pen.line(points, colour, 3)
        for (x, y), row in zip(points, rows, strict=True):
            pen.ellipse((x - 5, y - 5, x + 5, y + 5), colour)
            left = _EDGE + (row["from"] + (k + 0.5) / (len(tables) + 1) / BINS) * _SIDE
            pen.rectangle(
                (left, base - _BARS * 0.7 * row["n"] / most, left + _SIDE / BINS / (len(tables) + 1), base), colour
            )
        auc = "-" if table["auc"] is None else f"{table['auc']:.2f}"
        pen.text((_EDGE + 12, _EDGE + 10 + 16 * k), f"{name}: ECE {table['ece']:.3f}, AUC {auc}, n {table['n']:,}", colour)
    pen.text((_EDGE, height - 16), "below: how often each confidence was heard", "black")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)

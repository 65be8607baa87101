"""Numbers on the command lines of the laboratory: in their range, or one line that says which. NaN is in no range."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number of `low` to `high`: for `type=` of an option."""

    def number(text: str) -> int:
        return int(_checked(int(text), text, low, high))

    return number


def decimal(low: float, high: float) -> Callable[[str], float]:
    """Return what reads a number of `low` to `high`: for `type=` of an option."""

    def number(text: str) -> float:
        return _checked(float(text), text, low, high)

    return number


def _checked(value: float, text: str, low: float, high: float) -> float:
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text[:40]}: allowed: {low:g} to {high:g}")
    return value

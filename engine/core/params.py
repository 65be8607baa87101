"""Parameters: named, ranged numbers that a performer can move. Declared in ISF's terms as data beside what they steer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from phosphene.engine.core.errors import UserError


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. `name` is its OSC segment (lower case, `_`); the value is a float in [minimum, maximum]."""

    name: str
    label: str
    minimum: float
    maximum: float
    default: float
    description: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.minimum <= self.default <= self.maximum:
            raise ValueError(f"{self.name}: default {self.default} outside [{self.minimum}, {self.maximum}]")

    def clamp(self, value: float) -> float:
        """Return `value` moved into the range; NaN becomes the default."""
        if math.isnan(value):
            return self.default
        return min(self.maximum, max(self.minimum, value))

    def check(self, value: object, where: str = "") -> float:
        """Return `value` as a float in range, or raise UserError."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError("not a number", where=where or self.name, allowed=self.range_text, got=value)
        if not self.minimum <= value <= self.maximum:
            raise UserError("value out of range", where=where or self.name, allowed=self.range_text, got=value)
        return float(value)

    def from_unit(self, unit: float) -> float:
        """Map 0..1 to the range."""
        return self.clamp(self.minimum + unit * (self.maximum - self.minimum))

    @property
    def range_text(self) -> str:
        return f"{self.minimum:g} to {self.maximum:g}{' ' + self.unit if self.unit else ''}"


def defaults(params: Iterable[Param]) -> dict[str, float]:
    """Return {name: default}."""
    return {p.name: p.default for p in params}


def complete(params: Iterable[Param], values: Mapping[str, float]) -> dict[str, float]:
    """Return a value for every parameter: the given one clamped, else the default. Unknown names are ignored."""
    return {p.name: p.clamp(values[p.name]) if p.name in values else p.default for p in params}


def within(where: str, value: float, low: float, high: float) -> float:
    """Return a number that a person typed, if it lies in its range: NaN lies in none. Raises UserError."""
    if not low <= value <= high:
        raise UserError("value out of range", where=where, allowed=f"{low:g} to {high:g}", got=value)
    return value

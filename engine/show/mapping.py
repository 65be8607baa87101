"""Mappings: signal -> curve -> attack/release -> range -> parameter.

Called once a frame by the render loop. What is seen = base value + the sum of all mapped values, clamped to the
parameter's range: so OSC and scenes move the base, the music moves around it, and a mapping with range [0, x] leaves the
picture untouched in silence. (Replacing the base instead would make a mapped parameter deaf to the performer.)
Envelopes are in seconds: the same music gives the same motion at any frame rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SIGNALS
from phosphene.engine.show.acts import Direction, scene_signals, weight

CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "pow2": lambda x: x * x,
    "pow3": lambda x: x * x * x,
    "sqrt": math.sqrt,
    "exp": lambda x: math.expm1(3.0 * x) / math.expm1(3.0),  # 0..1 to 0..1; half way up at x = 0.78
    "smoothstep": lambda x: x * x * (3.0 - 2.0 * x),
    "step": lambda x: 1.0 if x >= 0.5 else 0.0,
    "triangle": lambda x: 1.0 - abs(2.0 * x - 1.0),  # for phases: 0..1..0 without a jump
    "sine": lambda x: 0.5 - 0.5 * math.cos(2.0 * math.pi * x),  # for phases: the same, rounder
    "invert": lambda x: 1.0 - x,
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping. parameter: absolute path, `deck/a/zoom`. attack, release: time constants in s. range: added at 0 and 1.

    times: a second signal that scales the curve's output ("" for none): `bass` inverted times `active` is a break.
    acts: which acts of its scene it belongs to, counted from 0; () for all.
    """

    signal: str
    parameter: str
    curve: str = "linear"
    attack: float = 0.0
    release: float = 0.0
    range: tuple[float, float] = (0.0, 1.0)
    times: str = ""
    acts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.signal not in SIGNALS or self.times not in ("", *SIGNALS):
            raise UserError("unknown signal", where=self.parameter, got=f"{self.signal}, {self.times}")
        if self.curve not in CURVES:
            raise UserError("unknown curve", where=self.parameter, allowed=", ".join(CURVES), got=self.curve)


def identity(m: Mapping) -> tuple[str, ...]:
    """Return what makes two mappings one that was edited: what moves what, and when. The rest is how."""
    return m.signal, m.parameter, m.times, *map(str, m.acts)


class Mappings:
    """Evaluates the mappings in use and keeps one envelope for each: the only memory between frames."""

    def __init__(self) -> None:
        self._groups: tuple[tuple[Mapping, ...], ...] = ()
        self._envelopes: dict[Mapping, float] = {}
        self._of: dict[Mapping, int] = {}  # which group each is of

    def use(self, *groups: tuple[Mapping, ...]) -> None:
        """Make these the mappings in use (one group a deck). Envelopes of those that stay are kept; new ones start at 0.

        One that was edited goes on from the level that it had: under a hand that drags its range or its release, a picture
        that fell back to 0 with each step would flicker.
        """
        if len(groups) == len(self._groups) and all(map(lambda a, b: a is b, groups, self._groups)):
            return
        self._groups = groups
        before = self._envelopes
        edited = {identity(m)[:3]: level for m, level in before.items()}  # in whichever acts: those may be others now
        edited |= {identity(m): level for m, level in before.items()}
        self._envelopes = {
            m: before.get(m, edited.get(identity(m), edited.get(identity(m)[:3], 0.0))) for group in groups for m in group
        }
        self._of = {m: i for i, group in enumerate(groups) for m in group}

    def memory(self) -> list[float]:
        """Return the level of each mapping in use, in the order of the groups."""
        return list(self._envelopes.values())

    def resume(self, memory: list[float]) -> None:
        """Go on from the levels of another one with the same mappings; levels of others are left alone."""
        if len(memory) == len(self._envelopes):
            self._envelopes = dict(zip(self._envelopes, memory, strict=True))

    def evaluate(self, signals: MappingOf[str, float], dt: float, directions: Sequence[Direction] = ()) -> dict[str, float]:
        """Advance every envelope by `dt` s and return {parameter path: value to add to its base}.

        directions: where the scene of each group is; its own time takes the place of that in `signals`.
        """
        values: dict[str, float] = {}
        own = [scene_signals(direction) for direction in directions]
        none: dict[str, float] = {}
        for m, before in self._envelopes.items():
            scene = own[self._of[m]] if own else none
            x = CURVES[m.curve](_unit(scene[m.signal] if m.signal in scene else signals[m.signal]))
            if m.times:
                x *= _unit(scene[m.times] if m.times in scene else signals[m.times])
            tau = m.attack if x > before else m.release
            # Exact for a signal that holds still over the frame, so the frame rate drops out; tau 0 follows at once.
            level = x + (before - x) * math.exp(-dt / tau) if tau > 0.0 else x
            self._envelopes[m] = level
            low, high = m.range
            added = low + level * (high - low)
            if m.acts and own:
                added *= weight(directions[self._of[m]], m.acts)
            values[m.parameter] = values.get(m.parameter, 0.0) + added
        return values


def _unit(value: float) -> float:
    """Return `value` within 0..1; what is not a number is 0, or it would stay in an envelope for ever."""
    return min(1.0, max(0.0, value))

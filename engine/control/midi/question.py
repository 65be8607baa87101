"""What has to be asked before something is learnt: the control that was moved plays something, or the address has a control.

On the surface's thread. A question waits for its answer; without one nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from phosphene.engine.control.address import Address, Table
from phosphene.engine.control.midi.files import Found, with_learnt, without_input
from phosphene.engine.control.midi.learn import Target
from phosphene.engine.control.midi.mapping import Control, ControlEntry
from phosphene.engine.control.midi.messages import Key
from phosphene.engine.control.midi.plugs import Plug
from phosphene.engine.control.surface import Args

ANSWERS = ("replace", "add", "keep")
NO_QUESTION: Args = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Question:
    """What was moved, and what is in the way. plays: what the control plays now; others: what else plays the target."""

    target: Target
    entry: ControlEntry
    plug: Plug
    t: float
    plays: str
    others: tuple[tuple[Plug, Key], ...]

    @property
    def control(self) -> str:
        """The control that was moved, for people."""
        return f"{self.plug.device.title}: {self.entry.input}"

    @property
    def told(self) -> Args:
        """(what is learnt, the control, what that plays now, which controls play what is learnt); "" for nothing."""
        return self.target.text, self.control, self.plays, ", ".join(f"{p.device.title}: {key}" for p, key in self.others)

    @property
    def text(self) -> str:
        """The question as a line."""
        target, control, plays, others = self.told
        parts = [f"{control} plays {plays}"] if plays else []
        parts += [f"{target} has {others}"] if others else []
        may = "replace, add" if others else "replace"
        return f"{' and '.join(parts)}: {may} or keep?"

    def answered(self, answer: str, table: Table) -> list[tuple[Plug, Found]]:
        """Return the mappings that change, with their devices. Raises UserError where what was learnt cannot be."""
        if answer == "keep":
            return []
        changed: dict[Plug, Found] = {}
        for plug, key in self.others if answer == "replace" else ():
            changed[plug] = without_input(changed.get(plug, plug.device.found), key, table)
        before = changed.get(self.plug, self.plug.device.found)
        changed[self.plug] = with_learnt(before, self.entry, table, beside=answer == "add")
        return list(changed.items())


def question(target: Target, entry: ControlEntry, key: Key, plug: Plug, plugs: Iterable[Plug], t: float) -> Question | None:
    """Return what has to be asked before `key` of `plug` plays the target; None where nothing is in the way."""
    now = plug.device.found.controls.get(key)
    if now is not None and _plays(now, target):
        return None  # it is taught again what it does already
    others = tuple(
        (each, other)
        for each in plugs
        for other, control in each.device.found.controls.items()
        if _plays(control, target) and (each, other) != (plug, key)
    )
    plays = "" if now is None else _text(now)
    return Question(target, entry, plug, t, plays, others) if plays or others else None


def _plays(control: Control, target: Target) -> bool:
    return _text(control) == target.text


def _text(control: Control) -> str:
    return Target(Address(control.address, (), ""), control.arguments).text

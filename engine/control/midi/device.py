"""One controller that is plugged in: what it sends becomes addresses with arguments. Owned by the surface's thread.

Nothing here opens a port or touches the bus: the surface does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from phosphene.engine.control.midi.clock_in import ClockIn, DeltaTime
from phosphene.engine.control.midi.files import Found
from phosphene.engine.control.midi.lights import Lights, current
from phosphene.engine.control.midi.mapping import Control
from phosphene.engine.control.midi.messages import RELATIVE, Decoder, Event, Key, Message, Splitter
from phosphene.engine.control.midi.takeover import Takeover
from phosphene.engine.control.surface import Args
from phosphene.engine.show.change import Value

Play = tuple[str, tuple[Value, ...]]  # an address, and what it is sent
_OWN_S = 0.25  # a value that this device sent is believed for so long: the show tells it a frame or two later


class Device:
    """name: for people and mapping files; unit: which of equal ones, from 1."""

    def __init__(self, name: str, unit: int, found: Found, scenes: Sequence[str] = ()) -> None:
        self.name, self.unit = name, unit
        self.source = f"midi {self.title}"
        self.splitter, self.delta, self.clock = Splitter(), DeltaTime(), ClockIn()
        self.waiting: tuple[str, float] | None = None  # an address that the hand moves in vain, and how far it is away
        self._scenes = scenes
        self._places: dict[Key, float] = {}  # where the hands are; they stay there when the mapping changes
        self._pressed: set[Key] = set()
        self._sent: dict[str, tuple[float, float]] = {}  # address -> value, when
        self._takeovers: dict[Key, Takeover] = {}
        self.use(found)

    @property
    def title(self) -> str:
        """The name, with a number where there are several of it."""
        return self.name if self.unit == 1 else f"{self.name} {self.unit}"

    def use(self, found: Found) -> None:
        """Play by this mapping from now on. Controls that stay as they were keep what they hold."""
        before = getattr(self, "found", Found()).controls
        self.found = found
        self.lights = Lights(found.controls.values(), self._scenes)
        self._decoder = Decoder(found.controls)
        kept = {k: self._takeovers[k] for k, c in found.controls.items() if k in self._takeovers and before.get(k) == c}
        self._takeovers = {}
        for key, control in found.controls.items():
            self._takeovers[key] = kept.get(key) or Takeover(control.mode)
            if key not in kept:
                self._takeovers[key].last = self._places.get(key)

    def take(self, message: Message, t: float, values: Mapping[str, Args]) -> list[Play]:
        """Return what a message plays."""
        return self._played(self._decoder.feed(message, t), t, values)

    def note(self, message: Message) -> None:
        """Note where a hand is, and play nothing: somebody learns."""
        key = Key(message.kind, message.channel, message.number)
        self._places[key] = message.value / (16383.0 if message.kind == "bend" else 127.0)

    def due(self, t: float, values: Mapping[str, Args]) -> list[Play]:
        """Return what halves of 14-bit values play that stayed alone."""
        return self._played(self._decoder.due(t), t, values)

    @property
    def is_waiting(self) -> bool:
        """Whether half a value is there."""
        return self._decoder.waiting

    def released(self) -> list[Play]:
        """Return what lets go of everything that is held: the device is gone, and nobody can let go of it any more."""
        controls = [self.found.controls[key] for key in self._pressed if key in self.found.controls]
        self._pressed.clear()
        return [_ended(control, 0.0) for control in controls if control.button == "hold"]

    def _played(self, events: Iterable[Event], t: float, values: Mapping[str, Args]) -> list[Play]:
        found: list[Play] = []
        for event in events:
            self._places[event.key] = event.unit
            control = self.found.controls.get(event.key)
            if control is None:
                continue
            self.lights.moved(event.key, t)
            play = self._button(control, event, t, values) if control.button else self._knob(control, event, t, values)
            if play is not None:
                found.append(play)
        return found

    def _knob(self, control: Control, event: Event, t: float, values: Mapping[str, Args]) -> Play | None:
        if event.key.kind == "program":
            value = control.low + event.raw
            return (control.address, (value, *control.arguments)) if value <= control.high else None
        told = current(control, values)
        now = None if told is None else control.unit(told)
        takeover = self._takeovers[control.key]
        unit = takeover.turn(event.raw, now, t) if control.mode in RELATIVE else takeover.move(event.unit, now, t)
        if unit is None:
            self.waiting = (control.address, takeover.waiting) if takeover.waiting else self.waiting
            return None
        if self.waiting and self.waiting[0] == control.address:
            self.waiting = None
        return control.address, (control.value(unit), *control.arguments)

    def _button(self, control: Control, event: Event, t: float, values: Mapping[str, Args]) -> Play | None:
        # Pads send how hard they are hit; a knob that serves as a button is one over its half.
        pressed = event.raw > 0 if event.key.kind == "note" else 2 * event.raw > event.full
        before = event.key in self._pressed
        (self._pressed.add if pressed else self._pressed.discard)(event.key)
        if control.button == "hold":
            return _ended(control, float(pressed)) if pressed != before else None
        if not pressed:
            return None
        if control.button == "toggle" and control.takes_value:
            play = _ended(control, 0.0 if self._is_on(control, t, values) else 1.0)
            self._sent[control.address] = float(play[1][0]), t
            return play
        if control.takes_value and not control.switch:
            return _ended(control, 1.0)
        return control.address, control.arguments

    def _is_on(self, control: Control, t: float, values: Mapping[str, Args]) -> bool:
        value, sent_t = self._sent.get(control.address, (control.low, -1e9))
        told = current(control, values)
        if told is not None and t - sent_t >= _OWN_S:
            value = told
        return control.unit(value) >= 0.5


def _ended(control: Control, unit: float) -> Play:
    """Return what plays one end of a control."""
    if not control.takes_value:
        return control.address, control.arguments if control.arguments else (int(unit),)
    return control.address, (control.value(unit), *control.arguments)

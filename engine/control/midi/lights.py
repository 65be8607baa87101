"""What LEDs, rings and motor faders of a device are to show, and the messages that make them. Surface's thread.

A message is sent where something changed, and everything when the device comes. Nothing goes to a control that a hand moved
in the last quarter of a second: a motor would pull against the finger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from phosphene.engine.control.midi.mapping import Control
from phosphene.engine.control.midi.messages import Key
from phosphene.engine.control.surface import Args

MOST_AT_ONCE = 200  # messages of one look; the rest follows with the next. ALSA's pool was overrun by 2,000
_HOLD_S = 0.25
_BLINKS_HZ = 2.0  # of a light whose scene or style is still to come; below the three flashes that are allowed
# Where the state of an address that is not sent back under its own name is told.
STATE = {
    "/record": "/state/recorder/on",
    "/tempo/bpm": "/state/tempo/bpm",
    "/scene": "/state/scene",
    "/deck/a/style": "/state/deck/a/style",
    "/deck/b/style": "/state/deck/b/style",
}
Sent = tuple[int, ...]


def current(control: Control, values: Mapping[str, Args]) -> float | None:
    """Return the value of what a control plays, in the address's unit; None where it is not told, or no number."""
    args = values.get(STATE.get(control.address, control.address), ())
    return float(args[0]) if args and not isinstance(args[0], str) else None


class Lights:
    """Those of one device. scenes: slugs in the order of `/scene/number`."""

    def __init__(self, controls: Iterable[Control], scenes: Sequence[str] = ()) -> None:
        self._controls = {c.light: c for c in controls if c.light is not None}
        self._by_key = {c.key: light for light, c in self._controls.items()}
        self._scenes = scenes
        self._shown: dict[Key, int] = {}
        self._held: dict[Key, float] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._controls)

    def moved(self, key: Key, t: float) -> None:
        """Note that a hand moved a control: what it shows now is where the hand is."""
        if (light := self._by_key.get(key)) is not None:
            self._held[light] = t + _HOLD_S
            self._shown.pop(light, None)

    def due(self, values: Mapping[str, Args], t: float) -> list[Sent]:
        """Return the messages for what changed, at most MOST_AT_ONCE controls; they count as sent."""
        found: list[Sent] = []
        for light, control in self._controls.items():
            if t < self._held.get(light, 0.0):
                continue
            level = self._level(light, control, values, t)
            if level is None or self._shown.get(light) == level:
                continue
            if len(found) >= MOST_AT_ONCE:
                break
            self._shown[light] = level
            found += _encoded(light, level)
        return found

    def off(self) -> list[Sent]:
        """Return the messages that put every light out. Motor faders stay where they are."""
        return [
            each
            for light, control in self._controls.items()
            if light in self._shown and (control.button or light.kind == "note")
            for each in _encoded(light, control.off)
        ]

    def _level(self, light: Key, control: Control, values: Mapping[str, Args], t: float) -> int | None:
        if control.button:
            state = self._state(control, values, t)
            return control.on if state else control.off
        value = current(control, values)
        if value is None:
            return None
        if light.kind in ("cc14", "bend"):
            return round(control.unit(value) * 16383.0)
        return round(control.off + control.unit(value) * (control.on - control.off))

    def _state(self, control: Control, values: Mapping[str, Args], t: float) -> bool:
        """Whether a button is lit: what it plays is on, or stands where it would put it; blinking while that is to come."""
        wanted: object = control.arguments[0] if control.arguments else None
        if control.address == "/scene/number" and isinstance(wanted, (int, float)):
            number = int(wanted)
            wanted = self._scenes[number - 1] if 1 <= number <= len(self._scenes) else None
            told = values.get("/state/scene", ())
        else:
            told = values.get(STATE.get(control.address, control.address), ())
        if isinstance(wanted, str):
            if values.get("/state/pending") == (wanted,):
                return int(t * 2.0 * _BLINKS_HZ) % 2 == 0
            return told[:1] == (wanted,)
        if not told or isinstance(told[0], str):
            return False
        if isinstance(wanted, (int, float)):
            return abs(float(told[0]) - wanted) < 1e-6
        return bool(told[0]) if control.switch else control.unit(float(told[0])) >= 0.5


def _encoded(light: Key, level: int) -> list[Sent]:
    channel = light.channel - 1
    match light.kind:
        case "note":
            return [(0x90 | channel, light.number, level & 0x7F)]
        case "cc":
            return [(0xB0 | channel, light.number, level & 0x7F)]
        case "cc14":
            coarse, fine = level >> 7 & 0x7F, level & 0x7F
            return [(0xB0 | channel, light.number, coarse), (0xB0 | channel, light.number + 32, fine)]
        case _:
            return [(0xE0 | channel, level & 0x7F, level >> 7 & 0x7F)]

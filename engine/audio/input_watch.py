"""Tells when a running input should be left although it delivers. Called by the supervisor's thread; never waits."""

from __future__ import annotations

from collections.abc import Mapping

from phosphene.engine.audio.devices import PULSE
from phosphene.engine.audio.looks import Look, input_found, look_for_input, look_for_source, source_number
from phosphene.engine.core import clock

BETTER = "better"  # the wanted input is back
GONE = "gone"  # this one is another now
_EVERY_S = 1.0  # between looks: one costs 0.1 s of one core


class InputWatch:
    """Watches a device that stands in for the one called `spec` (`on_default`), or a source of PulseAudio.

    PulseAudio moves a stream whose source is unplugged to whatever else there is, without a word: a laptop's microphone,
    say, in place of the mixer. So a source must keep its number.
    """

    def __init__(self, spec: str, device: Mapping[str, object] | None, *, on_default: bool) -> None:
        self.on_default = on_default
        self._spec = spec
        self._source = str(device["name"]) if device is not None and device["kind"] == PULSE else None
        self._number = ""
        self._look: Look | None = None
        self._next = clock.now() + (0.0 if self._source else _EVERY_S)

    def verdict(self) -> str:
        """Return BETTER, GONE, or nothing: stay."""
        if not self.on_default and self._source is None:
            return ""
        if self._look is None:
            if clock.now() >= self._next:
                self._look = look_for_input(self._spec) if self.on_default else look_for_source()
                self._next = clock.now() + _EVERY_S
            return ""
        if not self._look.done:
            return ""
        text, self._look, self._next = self._look.end(), None, clock.now() + _EVERY_S
        if self.on_default:
            return "" if "error" in input_found(text) else BETTER
        number = source_number(text, str(self._source))
        if number is None or (self._number and number and number != self._number):
            return GONE
        self._number = number or self._number
        return ""

    def end(self) -> None:
        """Stop looking."""
        if self._look is not None:
            self._look.end()
            self._look = None

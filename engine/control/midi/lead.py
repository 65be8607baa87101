"""A MIDI clock as the one who leads the tempo. It says where the beat is, and not where a bar begins: bars stay ours."""

from __future__ import annotations

from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.tempo.timeline import Timeline


class MidiClock:
    """Leads while a clock was heard in the last half second."""

    name = "midi clock"

    def __init__(self, midi: MidiSurface) -> None:
        self._midi = midi

    def line(self) -> Timeline | None:
        """Return the clock's line; None while there is none."""
        return self._midi.clock_line()

    def set_bpm(self, bpm: float) -> bool:
        """Do nothing: whoever sends a clock sets its tempo."""
        return False

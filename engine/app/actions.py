"""What the show asks of the outside while live: recording, gain, the input itself, scenes to be saved, MIDI to be learnt.

Called by the frame function on the render thread; every call returns at once and none raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.core.frame import Frame
from phosphene.engine.show.change import (
    Action,
    AudioGain,
    AudioInput,
    Input,
    MidiAnswer,
    MidiForget,
    MidiLearn,
    Output,
    Record,
    SaveScene,
)


class LiveActions:
    """`open` binds it to its stage and recording once those exist. report: makes the report of a take.

    heard: returns what the input has to say since it was asked last, a line each.
    """

    def __init__(self, heard: Callable[[], Sequence[str]] = tuple) -> None:
        self._heard = heard
        self._stage: Stage | None = None
        self._recording: Recording | None = None
        self.midi: MidiSurface | None = None  # where there is one
        self.display: Callable[[str, str | bool | None], None] | None = None  # takes what an `Output` says
        self.report: Callable[[], Mapping[str, object]] = dict

    def open(self, stage: Stage, recording: Recording, report: Callable[[], Mapping[str, object]]) -> None:
        """Act on these from now on."""
        self._stage, self._recording, self.report = stage, recording, report

    def applied(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Log what is applied, if a take is running; say what the input says."""
        for line in self._heard():
            assert self._stage is not None
            self._stage.say(line)
        if self._recording is not None:
            self._recording.log(inputs, frame)

    def act(self, action: Action, frame: Frame) -> None:
        """Carry out one action."""
        assert self._stage is not None
        assert self._recording is not None
        match action:
            case Record(on):
                if on or (on is None and not self._recording.active):
                    self._recording.start(None, self.report)
                else:
                    self._recording.stop()
            case AudioGain(gain):
                self._stage.source.set_gain(gain)
            case AudioInput(name):
                self._stage.source.set_input(name)
            case Output(what, value):
                if self.display is not None:
                    self.display(what, value)
            case SaveScene(slug, again, scene):
                self._stage.written[slug] = None
                self._stage.loader.request_save(scene, again)
            case MidiLearn(word) | MidiAnswer(word) | MidiForget(word):
                self._controllers(action, word)

    def _controllers(self, action: MidiLearn | MidiAnswer | MidiForget, word: str) -> None:
        if self.midi is None:
            assert self._stage is not None
            self._stage.say("no MIDI: vj doctor says why")
        elif isinstance(action, MidiLearn):
            self.midi.learn(word)
        elif isinstance(action, MidiAnswer):
            self.midi.answer(word)
        else:
            self.midi.forget(word)


class NoActions:
    """Offline: there is nothing outside to act on. Scenes are not saved either: a rerender has the answer of the show."""

    def applied(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Do not log: an offline render reads a log, it writes none."""

    def act(self, action: Action, frame: Frame) -> None:
        """Leave recorder and devices alone: an offline render has neither."""

"""What is asked of the outside by an address reaches MIDI, and is said where there is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from phosphene.engine.app.actions import LiveActions
from phosphene.engine.core.frame import Frame
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.change import Change, MidiAnswer, MidiForget, MidiLearn
from phosphene.engine.show.document import Document

FRAME = Frame(0, 0.0, 0.0, 1 / 60, 60.0)


def test_midi_is_learnt_and_forgotten_by_address() -> None:
    document = Document(show_catalogue())
    sent = [
        Change("/midi/learn", ("/master",)),
        Change("/midi/learn"),
        Change("/midi/forget", ("/master",)),
        Change("/midi/answer", ("add",)),
    ]
    _, asked = document.apply(document.empty(), sent, BeatPosition())
    assert asked == [MidiLearn("/master"), MidiLearn(""), MidiForget("/master"), MidiAnswer("add")]
    heard: list[tuple[str, str]] = []
    actions: Any = LiveActions()
    said: list[str] = []
    actions.open(SimpleNamespace(say=said.append), SimpleNamespace(), dict)
    for action in asked:
        actions.act(action, FRAME)
    assert said == ["no MIDI: vj doctor says why"] * 4
    actions.midi = SimpleNamespace(
        learn=lambda address: heard.append(("learn", address)),
        forget=lambda address: heard.append(("forget", address)),
        answer=lambda answer: heard.append(("answer", answer)),
    )
    for action in asked:
        actions.act(action, FRAME)
    assert heard == [("learn", "/master"), ("learn", ""), ("forget", "/master"), ("answer", "add")]

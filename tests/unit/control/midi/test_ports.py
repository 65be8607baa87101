"""Names of ports, the output that belongs to an input, and systems without MIDI."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from phosphene.engine.control.midi import ports
from phosphene.engine.control.midi.ports import is_a_device, output_for, plain_name, refusal


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0", "nanoKONTROL2 MIDI 1"),
        ("MIDI Mix:MIDI Mix MIDI 1 128:12", "MIDI Mix MIDI 1"),
        ("a2j:nanoKONTROL2 [20] (capture): MIDI 1", "a2j:nanoKONTROL2 (capture): MIDI 1"),
        ("virtual:out", "virtual:out"),
        ("MIDI Mix", "MIDI Mix"),
        ("", ""),
    ],
)
def test_what_changes_at_a_replug_is_no_part_of_a_name(name: str, plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert plain_name(name) == plain


def test_windows_numbers_its_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert plain_name("MIDI Mix 1") == "MIDI Mix"
    assert plain_name("nanoKONTROL2 0") == "nanoKONTROL2"


def test_our_own_ports_are_no_devices() -> None:
    assert not is_a_device("phosphene:in 129:0")
    assert not is_a_device("Midi Through:Midi Through Port-0 14:0")
    assert is_a_device("MIDI Mix:MIDI Mix MIDI 1 20:0")


@pytest.mark.parametrize(
    ("name", "unit", "outputs", "found"),
    [
        ("A:A MIDI 1 20:0", 1, ["B:B 16:0", "A:A MIDI 1 20:0"], ("A:A MIDI 1 20:0", 0)),
        ("A:A MIDI 1 24:0", 2, ["A:A MIDI 1 20:0", "A:A MIDI 1 24:0"], ("A:A MIDI 1 24:0", 0)),
        ("A", 2, ["A", "B", "A"], ("A", 1)),
        ("x:out", 1, ["y:in", "x:in"], ("x:in", 0)),
        ("system:midi_capture_2", 1, ["system:midi_playback_1", "system:midi_playback_2"], ("system:midi_playback_2", 0)),
        ("A", 1, [], None),
    ],
)
def test_lights_go_to_the_device_that_is_played(name: str, unit: int, outputs: list, found: tuple | None) -> None:
    assert output_for(name, unit, outputs) == found


def test_what_is_missing_is_said_and_nothing_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PHOSPHENE_MIDI_API", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ports, "_SEQUENCER", tmp_path / "seq")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert "modprobe snd-seq" in refusal()
    monkeypatch.setenv("PHOSPHENE_MIDI_API", "jack")
    assert refusal() == ""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "python-rtmidi" in refusal()

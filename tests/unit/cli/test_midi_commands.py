"""`vj midi`, over ports without a driver: the list, what comes, what is learnt."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phosphene.engine.cli import midi_commands
from phosphene.engine.control.midi import surface
from phosphene.engine.control.midi.files import learnt_path
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from tests.fake_midi import FakePorts


class Playing(FakePorts):
    """Plays once somebody listens."""

    def __init__(self, *names: str, messages: list[list[int]]) -> None:
        super().__init__(*names)
        self._messages = messages

    def open_input(self, *given):
        port = super().open_input(*given)

        def play() -> None:
            clock.sleep(0.3)
            self.play(*self._messages)

        threading.Thread(target=play, daemon=True).start()
        return port


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path))
    monkeypatch.delenv("PHOSPHENE_MIDI", raising=False)
    return tmp_path


def vj_midi(monkeypatch: pytest.MonkeyPatch, ports: FakePorts, *arguments: str, typed: str | None = None) -> str:
    monkeypatch.setattr(midi_commands, "RtMidiPorts", lambda: ports)
    monkeypatch.setattr(surface, "RtMidiPorts", lambda: ports)
    done = CliRunner().invoke(midi_commands.app, [*arguments], input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert ports.closed
    return done.output


def test_it_lists_what_is_plugged_in_and_the_faults_of_files(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "midi").mkdir()
    (folder / "midi/broken.toml").write_text("version = 3\n", encoding="utf-8")
    said = vj_midi(monkeypatch, FakePorts("MIDI Mix:MIDI Mix MIDI 1 20:0", "Box 24:0", "phosphene:in 128:0"))
    assert "unknown version of a MIDI mapping" in said
    assert "MIDI Mix MIDI 1" in said
    assert "52" in said
    assert "vj midi learn ADDRESS" in said
    assert "phosphene:in" not in said


def test_it_says_that_nothing_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no MIDI controller is plugged in" in vj_midi(monkeypatch, FakePorts())


def test_it_shows_what_comes_and_what_that_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Playing("MIDI Mix", messages=[[0xB0, 62, 127], [0x90, 1, 127], [0xE3, 0, 64], [0xF0, 1, 0xF7]])
    said = vj_midi(monkeypatch, ports, "monitor", "--seconds", "1.5")
    assert "MIDI Mix: is there" in said
    assert "MIDI Mix: cc 1 62 = 127 -> /master 1.0" in said
    assert "MIDI Mix: note 1 1 = 127 -> /scene/number 1.0" in said
    assert "MIDI Mix: bend 4 = 8192" in said


def test_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "LISTENS_S", 0.1)
    ports = Playing("Box", messages=[[0xB0, 9, value] for value in range(20, 40)])
    said = vj_midi(monkeypatch, ports, "learn", "/deck/a/zoom")
    assert "move the control that is to play /deck/a/zoom" in said
    assert "Box: cc 1 9 plays /deck/a/zoom" in said
    assert 'input = "cc 1 9"' in learnt_path("Box", 1).read_text("utf-8")


TURNED = [[0xB0, 62, value] for value in range(20, 40)]


@pytest.mark.parametrize(
    ("typed", "arguments", "says", "plays"),
    [
        ("replace\n", (), "cc 1 62 plays /deck/a/rotate", True),
        ("nonsense\nreplace\n", (), "cc 1 62 plays /deck/a/rotate", True),
        ("\n", (), "all stays as it is", False),
        (None, (), "all stays as it is", False),
        (None, ("--answer", "replace"), "cc 1 62 plays /deck/a/rotate", True),
        (None, ("--answer", "keep"), "all stays as it is", False),
    ],
)
def test_it_asks_before_a_control_that_plays_something_is_taken(
    monkeypatch: pytest.MonkeyPatch, typed: str | None, arguments: tuple[str, ...], says: str, plays: bool
) -> None:
    monkeypatch.setattr(surface, "LISTENS_S", 0.1)
    ports = Playing("MIDI Mix", messages=TURNED)
    said = vj_midi(monkeypatch, ports, "learn", "/deck/a/rotate", *arguments, typed=typed)
    assert says in said
    if not arguments:
        assert "cc 1 62 plays /master now: it would play /deck/a/rotate instead" in said
        assert "/deck/a/rotate is played by MIDI Mix: cc 1" in said
        assert "replace, add or keep" in said
    assert learnt_path("MIDI Mix", 1).exists() == plays


def test_an_answer_that_there_is_not_is_refused_before_anything_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"no such answer.*replace, add, keep"):
        CliRunner().invoke(
            midi_commands.app, ["learn", "/master", "--answer", "maybe"], catch_exceptions=False, standalone_mode=False
        )

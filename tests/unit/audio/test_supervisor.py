"""The supervisor: what it cannot start, what its process dies of, and how one input follows another."""

from __future__ import annotations

import os
import signal
import struct
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from phosphene.engine.audio import supervisor as module
from phosphene.engine.audio.base import AudioHealth
from phosphene.engine.audio.source_process import SourceProcess
from phosphene.engine.audio.supervisor import Supervisor
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE
from tests.contract.test_audio_sources import beats


def until(condition: Callable[[], object], say: Callable[[], object] = str, seconds: float = 60.0) -> None:
    give_up = clock.now() + seconds
    while not condition():
        assert clock.now() < give_up, say()
        clock.sleep(0.005)


@contextmanager
def playing(path: Path, **options: bool) -> Iterator[Supervisor]:
    """A supervisor with the file at `path` running."""
    source = Supervisor(f"file:{path}", **options)
    try:
        until(lambda: source.health().state == "running", source.health)
        yield source
    finally:
        source.close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return beats(tmp_path / "beats.flac")


def audio_processes() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        try:
            if "phosphene.engine.audio.process" in child.cmdline():
                found.append(child)
        except psutil.Error:
            continue
    return found


def test_sound_comes_back_when_no_process_could_be_started(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses two processes (out of memory, out of descriptors), then has room again."""
    refused: list[int] = []
    start = module.SourceProcess

    def refusing(*arguments) -> SourceProcess:
        if len(refused) < 2:
            refused.append(1)
            raise OSError(12, "Cannot allocate memory")
        return start(*arguments)

    monkeypatch.setattr(module, "SourceProcess", refusing)
    source = Supervisor(f"file:{song}")
    errors = set()
    give_up = clock.now() + 180.0
    while source.health().state != "running":
        errors.add(source.health().error)
        assert clock.now() < give_up, source.health()
        clock.sleep(0.005)
    assert len(refused) == 2
    assert any("Cannot allocate memory" in error for error in errors)
    until(lambda: not source.health().error, source.health)
    source.close()


PLANTED = {
    "import": ("raise ImportError('libaubio.so.5: cannot open shared object file')", "libaubio.so.5"),
    "exit": ("import os; os._exit(9)", "ended with code 9"),
    "abort": ("import os; os.abort()", "SIGABRT"),
    "kill": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "much": ("import sys; sys.stderr.write('noise\\n' * 300_000); sys.exit('and then the end')", "and then the end"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals and descriptors of POSIX")
@pytest.mark.parametrize("how", PLANTED)
def test_what_the_process_dies_of_before_it_can_say_anything_is_told(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A broken installation: the first thing that the process imports ends it."""
    code, told = PLANTED[how]
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "aubio.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    # PYTHONPATH comes before what is installed.
    source = Supervisor(f"file:{song}")
    try:
        until(lambda: source.health().error, source.health)
        health = source.health()
        assert told in health.error
        assert "\n" not in health.error
        assert len(health.error) < 400
        assert health.state == "lost"
    finally:
        source.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_what_the_process_dies_of_in_mid_show_is_told_and_it_goes_on(song: Path, number: int, caplog) -> None:
    with playing(song) as source:
        errors: set[str] = set()
        (process,) = audio_processes()
        os.kill(process.pid, number)

        def back() -> bool:
            health: AudioHealth = source.health()
            errors.add(health.error)
            return health.restarts == 1 and health.state == "running" and not health.error

        until(back, source.health)
        assert any(signal.Signals(number).name in error for error in errors), errors
        assert signal.Signals(number).name in caplog.text


def tone(path: Path, amplitude: float = 0.5) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        wave_ = amplitude * np.sin(2 * np.pi * 1000 * np.arange(60 * SAMPLE_RATE) / SAMPLE_RATE)
        file.writeframes((wave_ * 32767).astype("<i2").tobytes())
    return path


def wrong_inputs(tmp_path: Path) -> dict[str, str]:
    """Return inputs that are none, by name."""
    (tmp_path / "notes.txt").write_text("no sound in here\n" * 100)
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:10,\n{tmp_path / 'tone.wav'}\n#EXT-X-ENDLIST\n")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "cut.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    os.mkfifo(tmp_path / "pipe.wav")
    os.symlink(tmp_path / "round", tmp_path / "round")
    names = (
        "notes.txt",
        "list.m3u8",
        "empty.wav",
        "cut.wav",
        "pipe.wav",
        "round",
        "nothing.wav",
        "",
        "a\0b",
        "no\udcfftext",
    )
    found = {name: f"file:{tmp_path / name}" for name in names}
    protocols = (
        "http://127.0.0.1:9/x.wav",
        f"concat:{tmp_path / 'tone.wav'}|x",
        "pipe:0",
        "/dev/zero",
        "/dev/stdin",
        "lavfi",
    )
    found |= {name: f"file:{name}" for name in protocols}
    return found | {"program": f"file:{sys.executable}", "device": "no such device at all", "odd device": "a\0b\ud800"}


def test_an_input_that_is_none_leaves_the_one_that_plays_alone(tmp_path: Path) -> None:
    path = tone(tmp_path / "tone.wav")
    with playing(path) as source:
        before = source.health()
        for name, wrong in wrong_inputs(tmp_path).items():
            source.said()
            source.set_input(wrong)
            said: list[str] = []
            give_up = clock.now() + 180.0
            while not said:
                assert source.health().state == "running", name
                assert clock.now() < give_up, name
                clock.sleep(0.005)
                said += source.said()
            assert said[0].startswith("input refused: "), (name, said)
            assert said[0].endswith(f"{path} goes on"), (name, said)
            assert "\n" not in said[0]
            assert source.health().source == f"file:{path}"
            assert source.health().error == ""
        after = source.health()
        # It never stopped: no hop is missing between the first and the last.
        assert after.restarts == before.restarts
        records = source.records(clock.now())
        assert records[-1]["rms"] == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
        assert source._state.pcm.latest()["sample"] == source._state.pcm.written * 256


def test_another_input_takes_over_once_it_has_sound(tmp_path: Path) -> None:
    first, second = tone(tmp_path / "a.wav", 0.5), tone(tmp_path / "b.wav", 0.1)
    with playing(first) as source:
        source.set_input(f"file:{second}")
        gap, last = 0.0, clock.now()
        written = source._state.pcm.written

        def over() -> bool:
            nonlocal gap, last, written
            if (now := source._state.pcm.written) != written:
                gap, last, written = max(gap, clock.now() - last), clock.now(), now
            health = source.health()
            return health.source == f"file:{second}" and health.state == "running"

        until(over, source.health)
        until(lambda: source.records(clock.now())[-1]["rms"] < 0.1, source.health)
        assert gap < 2.0, "the first one played on while the second was opened"
        assert source.health().restarts == 0
        assert source.said() == []
        until(lambda: len(audio_processes()) == 1)


def test_the_last_wish_counts(tmp_path: Path) -> None:
    paths = [tone(tmp_path / f"{k}.wav") for k in range(3)]
    with playing(paths[0]) as source:
        for path in paths[1:] * 5:
            source.set_input(f"file:{path}")
        until(lambda: source.health().source == f"file:{paths[2]}", source.health)
        until(lambda: len(audio_processes()) == 1)


def test_setting_an_input_touches_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is called by the render loop, and a disk may take seconds to answer."""
    with playing(tone(tmp_path / "a.wav")) as source:
        monkeypatch.setattr(source, "_supervise", None)
        for name in ("stat", "open", "access", "lstat"):
            monkeypatch.setattr(os, name, lambda *_, name=name, **__: pytest.fail(f"os.{name} was called"))
        source._closing.set()
        source._wake.set()
        source._thread.join(30)
        source.set_input(f"file:{tmp_path}/somewhere.wav")
        monkeypatch.undo()


def test_a_file_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    for name, wrong in wrong_inputs(tmp_path).items():
        if wrong.startswith("file:"):
            with pytest.raises(UserError) as refused:
                Supervisor(wrong)
            assert "\n" not in refused.value.line(), name


def test_names_are_any_bytes(tmp_path: Path) -> None:
    for name in ("Artist: Title.wav", "no\udcfftext.wav", "a\nb.wav", "http:x.wav", "100 %d.wav", "n" * 245 + ".wav"):
        path = tone(tmp_path / name)
        with playing(path) as source:
            assert source.health().source == f"file:{path}"


def test_oddities_of_a_sound_are_said_once(tmp_path: Path) -> None:
    t = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    mono = (0.3 * np.sin(2 * np.pi * 300 * t)).astype("<f4")
    pcm = np.stack([mono, -mono], axis=1)
    pcm[SAMPLE_RATE : SAMPLE_RATE + 7, 0] = np.nan
    body = pcm.tobytes()
    head = struct.pack("<IHHIIHH", 16, 3, 2, SAMPLE_RATE, SAMPLE_RATE * 8, 8, 32)
    path = tmp_path / "odd.wav"
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + head + b"data" + struct.pack("<I", len(body)) + body
    )
    with playing(path) as source:
        said: list[str] = []

        def both() -> bool:
            said.extend(source.said())
            return len(said) >= 2

        until(both, lambda: said)
        assert sum("left minus right" in line for line in said) == 1
        assert sum("7 samples are no sound" in line for line in said) == 1
        notes = " ".join(source.health().notes)
        assert "left minus right" in notes
        assert "7 samples are no sound" in notes
        clock.sleep(0.5)
        assert source.said() == []


def test_closing_leaves_nothing_behind(song: Path) -> None:
    with playing(song) as source:
        source.set_input("no such device at all")
        source.set_input(f"file:{song}")
    assert audio_processes() == []
    assert not source._thread.is_alive()


def test_asking_for_what_plays_changes_nothing(tmp_path: Path) -> None:
    with playing(tone(tmp_path / "a.wav")) as source:
        (process,) = audio_processes()
        source.set_input(f"file:{tmp_path / 'a.wav'}")
        until(lambda: not source._wishes)
        clock.sleep(0.2)
        assert [p.pid for p in audio_processes()] == [process.pid]
        assert source.said() == []

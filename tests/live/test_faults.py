"""Faults in mid-show: the picture goes on, with no gap of more than 250 ms, and the program says what happened."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from phosphene.engine.core import clock, paths
from tests.live.machine import went_on, without_gaps
from tests.live.show_process import ShowProcess, start_show

__all__ = ["start_show"]

pytestmark = [pytest.mark.live, pytest.mark.faults]

Start = Callable[..., ShowProcess]


def library(folder: Path) -> tuple[Path, str]:
    """Copy the shipped styles into a library of the test's own; return (library, a slug of it)."""
    shutil.copytree(paths.PACKAGE / "styles", folder)
    return folder, sorted(p.parent.name for p in folder.glob("*/style.toml"))[0]


def spoil(style: Path, how: str) -> None:
    """Break a style's weights in one of the ways that files break."""
    weights = style / "weights.safetensors"
    if how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
        return
    if how == "pickle":
        weights.write_bytes(b"\x80\x04cos\nsystem\n(S'touch " + str(style / "owned").encode() + b"'\ntR.")
        return
    tensors = load_file(weights)
    first = sorted(tensors)[0]
    if how == "nan":
        tensors[first] = np.full_like(tensors[first], np.nan)
    else:
        tensors[first] = np.zeros((3, 5), np.float32)
    save_file(tensors, weights)


def play_seconds(path: Path) -> tuple[float, float]:
    """Decode the whole file; return the seconds of picture and of sound in it."""
    with av.open(str(path)) as file:
        picture = max((float(f.pts * f.time_base) for f in file.decode(video=0)), default=0.0)
    with av.open(str(path)) as file:
        sound = max((float(f.pts * f.time_base) for f in file.decode(audio=0)), default=0.0)
    return picture, sound


def test_audio_process_killed(start_show: Start) -> None:
    show = start_show()
    show.wait_for_picture()
    clock.sleep(1.0)
    victims = show.child_pids()
    assert victims, "the show has no audio process"
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    show.state("/state/audio/state", "lost")
    assert show.state("/state/audio/state", "running") == "running", "no new audio process"
    report = show.end()
    assert report["audio"]["restarts"] >= 1
    assert report["audio"]["source"] == "demo"
    went_on(report, "the audio process is killed")


def test_capture_source_unloaded_and_loaded(pulseaudio, start_show: Start) -> None:
    noise = np.random.default_rng(5).normal(0.0, 0.2, 48_000 * 40).astype(np.float32)
    show = start_show("--input", "stage.monitor", environment=pulseaudio.environment)
    player = pulseaudio.play(noise)
    try:
        show.wait_for_picture()
        assert show.state("/state/audio/state", "running") == "running"
        clock.sleep(1.0)
        pulseaudio.unload_sink()
        assert show.state("/state/audio/state", "lost") == "lost"
        pulseaudio.load_sink()
        player.kill()
        player.wait()
        player = pulseaudio.play(noise)
        assert show.state("/state/audio/state", "running") == "running", "capture is not back"
        clock.sleep(4.0)  # the server may have a default again before it names the source: that one is heard meanwhile
        show.state("/state/audio/state", "running")
        report = show.end()
    finally:
        player.kill()
        player.wait()
    assert report["audio"]["restarts"] >= 1
    assert "stage.monitor" in report["audio"]["source"], show.log
    went_on(report, "the sound device goes away and comes back")


@pytest.mark.parametrize("how", ["truncated", "nan", "shape", "pickle"])
def test_broken_style_is_refused(how: str, start_show: Start, tmp_path: Path) -> None:
    folder, slug = library(tmp_path / "styles")
    shutil.copytree(folder / slug, folder / "broken")
    spoil(folder / "broken", how)
    show = start_show("--seconds", "5", environment={"PHOSPHENE_STYLES": str(folder)})
    show.wait_for_picture()
    show.osc.send_message("/deck/a/style", slug)
    clock.sleep(1.0)
    show.osc.send_message("/deck/a/style", "broken")
    report = show.finished()
    refusals = [m for m in report["messages"] if "broken" in m]
    assert refusals, report["messages"]
    assert "weights.safetensors" in refusals[0]
    assert report["backend"]["name"] == "cpu", "the style that played should play on"
    assert not (folder / "broken" / "owned").exists()
    went_on(report, f"a style is loaded whose weights are broken: {how}")


def test_scene_with_an_unknown_key_is_refused(start_show: Start, tmp_path: Path) -> None:
    scenes = tmp_path / "scenes"
    shutil.copytree(paths.PACKAGE / "scenes", scenes)
    good = sorted(p for p in scenes.glob("*.toml") if p.name != "setlist.toml")[0]
    (scenes / "bad.toml").write_text(good.read_text() + "\n[wobble]\namount = 1\n")
    show = start_show("--scene", good.stem, "--seconds", "4", environment={"PHOSPHENE_SCENES": str(scenes)})
    show.wait_for_picture()
    show.osc.send_message("/scene", "bad")
    report = show.finished()
    refusals = [m for m in report["messages"] if "bad" in m]
    assert refusals
    assert "wobble" in refusals[0]
    assert "unknown key" in refusals[0]
    assert report["scene"] == good.stem
    went_on(report, "a scene with an unknown key is called")


def test_floods(start_show: Start) -> None:
    """20,000 datagrams that are no OSC, then 5,000 good messages a second for 20 s."""
    show = start_show("--seconds", "27")
    show.wait_for_picture()
    rng = np.random.default_rng(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for i in range(20_000):
            sender.sendto(rng.bytes(int(rng.integers(1, 64))), ("127.0.0.1", show.port))
            if i % 100 == 99:
                clock.sleep(0.01)  # 10,000 a second: faster ones would only be lost by the kernel
        messages = [b"/crossfade\x00\x00,f\x00\x00" + np.array(v, ">f4").tobytes() for v in np.linspace(0.0, 1.0, 50)]
        began = clock.now()
        for k in range(20 * 200):
            for message in messages[:25]:
                sender.sendto(message, ("127.0.0.1", show.port))
            clock.sleep_until(began + (k + 1) / 200)
        took = clock.now() - began
    report = show.finished()
    without_gaps(took < 22.0, "the sender did not keep 5,000 messages a second")
    assert report["control"]["received"] >= 20_000
    assert report["control"]["rejected"] >= 1_000
    went_on(report, "20,000 datagrams that are no OSC, then 5,000 messages a second")


def test_disk_full_while_recording(start_show: Start, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        show = start_show("--record", str(disk / "out.mp4"), "--seconds", "14")
        report = show.finished(code=1)  # asked to record, and it is not all there
        recordings = [p for p in disk.iterdir() if p.suffix in (".mp4", ".mkv") and p.stat().st_size > 100_000]
        assert recordings, list(disk.iterdir())
        picture, sound = play_seconds(recordings[0])
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert report["frames"] + report["missed"] == 14 * 24, "the show must go on to its end"
    assert any("recording failed: disk full" in m for m in report["messages"]), report["messages"]
    assert report["recorder"]["failures"] == [m for m in report["messages"] if "recording failed" in m]
    assert "recording failed: disk full" in show.log
    assert picture > 1.0
    assert abs(picture - sound) < 1.0
    went_on(report, "the disk of the recording is full")


def test_program_killed_while_recording(start_show: Start, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    show = start_show("--record", str(out))
    show.wait_for_picture()
    began = clock.now()
    clock.sleep(7.0)
    lived = clock.now() - began
    show.kill()
    left = [p for p in tmp_path.iterdir() if p.suffix in (".mkv", ".mp4")]
    assert len(left) == 1
    picture, sound = play_seconds(left[0])
    assert picture >= lived - 2.0
    assert sound >= lived - 2.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_signals_end_with_a_finished_file(number: int, start_show: Start, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    show = start_show("--record", str(out))
    show.wait_for_picture()
    clock.sleep(3.0)
    report = show.end(number)
    picture, sound = play_seconds(out)
    assert picture >= 2.5
    assert abs(picture - sound) < 0.1
    assert report["recorder"]["path"] == str(out)
    assert report["recorder"]["dropped"] == 0
    assert [p for p in tmp_path.iterdir() if p.suffix == ".mkv"] == []


@pytest.mark.parametrize("later_s", [0.05, 0.15, 0.4])  # the last one finds the interpreter ending
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_cut_the_finishing_short(
    number: int, later_s: float, start_show: Start, tmp_path: Path
) -> None:
    """As where a terminal closes: the terminal and the shell in it send one each."""
    out = tmp_path / "out.mp4"
    show = start_show("--record", str(out), "--size", "160x90")
    show.wait_for_picture()
    clock.sleep(2.0)
    show.process.send_signal(number)
    clock.sleep(later_s)
    report = show.end(number)
    assert play_seconds(out)[0] >= 1.5
    assert report["recorder"]["failures"] == []
    assert sorted(p.name for p in tmp_path.iterdir() if out.stem in p.name) == ["out.mp4"]


def test_a_third_signal_is_obeyed_at_once(start_show: Start, tmp_path: Path) -> None:
    show = start_show("--size", "160x90")
    show.wait_for_picture()
    os.kill(show.process.pid, signal.SIGSTOP)  # all of them come in one moment
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        show.process.send_signal(number)
    os.kill(show.process.pid, signal.SIGCONT)
    assert show.process.wait(180) == 130
    assert "Traceback" not in show.log


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO"])
def test_signals_that_ask_for_nothing_do_nothing(name: str, start_show: Start) -> None:
    show = start_show()
    show.wait_for_picture()
    for _ in range(3):
        show.process.send_signal(getattr(signal, name))
        clock.sleep(0.05)
    assert show.state("/state/fps", None) is not None
    assert show.process.poll() is None
    show.end()


def test_an_input_that_is_none_leaves_the_sound_alone(start_show: Start, tmp_path: Path) -> None:
    """A slip in /audio/input: the demo plays on, and the panel and the report say why."""
    (tmp_path / "notes.txt").write_text("no sound in here\n" * 100)
    os.mkfifo(tmp_path / "pipe.wav")
    show = start_show()
    show.wait_for_picture()
    assert show.state("/state/audio/state", "running") == "running"
    files = (str(tmp_path / "notes.txt"), str(tmp_path / "pipe.wav"), "/dev/zero", "http://x/y")
    wrong = (*(f"file:{path}" for path in files), "nosuch")
    for name in wrong:
        show.osc.send_message("/audio/input", name)
        show.wait_for_line(f"input refused: {'no sound' if 'notes' in name else ''}")
        clock.sleep(2.5)  # lines of one kind are 2 s apart at least
        assert show.state("/state/audio/state", "running") == "running", name
    report = show.end()
    refusals = [m for m in report["messages"] if m.startswith("input refused: ")]
    assert len(refusals) == len(wrong), report["messages"]
    assert all(m.endswith("demo goes on") for m in refusals)
    assert report["audio"]["source"] == "demo"
    assert report["audio"]["restarts"] == 0
    went_on(report, "wrong inputs are asked for: text, pipe, device, address, nothing")


@pytest.mark.parametrize("kind", ["text", "pipe", "missing", "list", "folder"])
def test_a_wrong_file_at_the_start_is_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    if kind == "text":
        path.write_text("no sound")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "list":
        path.write_text(f"ffconcat version 1.0\nfile {tmp_path}/b.wav\n")
    elif kind == "folder":
        path.mkdir()
    command = [
        sys.executable,
        "-m",
        "phosphene.engine.cli.main",
        "live",
        "--output",
        "headless",
        "--input",
        f"file:{path}",
        "--seconds",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("vj: ")
    assert "a.wav" in line


def test_a_missing_device_is_said_on_the_terminal_and_the_show_goes_on(start_show: Start) -> None:
    show = start_show("--input", "no such mixer", "--seconds", "3")
    report = show.finished()
    assert report["frames"] > 0
    assert "no such audio input" in show.log or "no audio input" in show.log


def test_a_style_that_is_written_while_it_is_loaded(start_show: Start, tmp_path: Path) -> None:
    """`cp` over a file in place makes it short and long again: of mapped memory that ends a program."""
    folder, slug = library(tmp_path / "styles")
    weights = folder / slug / "weights.safetensors"
    data, done = weights.read_bytes(), threading.Event()

    def copy() -> None:
        while not done.is_set():
            with weights.open("wb") as file:
                file.write(data[: len(data) // 3])
                file.flush()
                clock.sleep(0.002)
                file.write(data[len(data) // 3 :])
            clock.sleep(0.004)

    show = start_show(environment={"PHOSPHENE_STYLES": str(folder)})
    show.wait_for_picture()
    thread = threading.Thread(target=copy)
    thread.start()
    try:
        for _ in range(100):
            show.osc.send_message("/deck/a/style", slug)
            clock.sleep(0.05)
    finally:
        done.set()
        thread.join()
    show.osc.send_message("/deck/a/style", slug)
    assert show.state("/state/deck/a/style", slug) == slug
    went_on(show.end(), "a style is copied over itself, again and again, while it is loaded")


def test_the_beat_is_set_back_during_crossfades(start_show: Start) -> None:
    show = start_show("--seconds", "8")
    show.wait_for_picture()
    for k in range(40):
        show.osc.send_message("/scene/next", [])
        show.osc.send_message("/crossfade", k % 2 * 1.0)
        show.osc.send_message("/crossfade/to", ["ab"[k % 2], 0.0])
        for address, value in (
            ("/tempo/resync", []),
            ("/tempo/nudge", -1.0),
            ("/tempo/multiply", 0.25),
            ("/tempo/bpm", 300.0),
        ):
            show.osc.send_message(address, value)
        clock.sleep(0.1)
    report = show.finished()
    assert not any("a frame failed" in m for m in report["messages"]), report["messages"]
    went_on(report, "scenes are called and the beat is set back ten times a second")


def test_the_record_button_flutters(start_show: Start, tmp_path: Path) -> None:
    show = start_show("--seconds", "6")
    show.wait_for_picture()
    for _ in range(150):
        for _ in range(20):
            show.osc.send_message("/record", [])
        clock.sleep(0.02)
    report = show.finished(code=None)
    takes = list((tmp_path / "takes").glob("*"))
    assert all((take / "recording.mp4").exists() for take in takes), takes
    assert show.log.count("not recording") < 20
    went_on(report, "the record button flutters: a thousand presses a second")


@pytest.mark.skipif(os.name != "posix", reason="a pseudo terminal")
def test_a_terminal_that_does_not_read(start_show: Start) -> None:
    import pty

    master, slave = pty.openpty()
    show = start_show("--seconds", "6", terminal=slave)
    os.close(slave)
    try:
        assert show.state("/state/fps") is not None
        os.write(master, b"\x13")  # Ctrl-S
        for k in range(200):
            show.osc.send_message(f"/nonsense/{k}", 1.0)
            clock.sleep(0.01)
        report = show.finished()
    finally:
        os.close(master)
    assert report["control"]["rejected"] >= 200
    went_on(report, "the terminal does not read: Ctrl-S, then 200 messages that are refused")


SLOW_DISK = """
import os, sys, time
def ask(event, arguments):
    if arguments and isinstance(arguments[0], (str, bytes)) and "SLOW-DISK" in os.fsdecode(arguments[0]):
        time.sleep(3.0)
sys.addaudithook(ask)
"""


def test_a_disk_that_answers_each_question_after_three_seconds(tmp_path: Path, start_show: Start) -> None:
    """A stick that spins up, a busy share: whatever Python opens, makes, renames, lists or removes there waits."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(SLOW_DISK)
    slow = tmp_path / "SLOW-DISK"
    slow.mkdir()
    with wave.open(str(slow / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(192_000))
    environment = {"PYTHONPATH": str(tmp_path / "hook")}
    show = start_show("--takes", str(slow / "takes"), environment=environment)
    show.wait_for_picture()
    show.osc.send_message("/audio/input", f"file:{slow / 'tone.wav'}")
    show.osc.send_message("/record", 1)
    clock.sleep(12.0)
    report = show.end(code=None)  # 1 where the recording had not begun by then
    assert report["frames"] > 24 * 5
    went_on(report, "a disk that answers after 3 s is recorded to, and played from")

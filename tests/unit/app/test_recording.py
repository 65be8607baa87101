"""Recording by the render loop: it is never held up, one take may follow the other, and what fails is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.app import recording as recordings
from engine.app.recording import Recording
from engine.app.take_state import FRAMES
from engine.audio.offline import FileAnalysis
from engine.core import clock
from engine.core.frame import Frame, Size
from engine.core.signals import SAMPLE_RATE
from engine.gpu.texture import RenderTarget
from engine.output import encoder, muxer
from engine.show.catalogue import Catalogue
from engine.show.document import Document
from engine.show.state import snapshot

SIZE, FPS = Size(64, 36), Fraction(24)
STATE = Document(Catalogue((), {}, ())).empty()


class Empty:
    """What there is to say of a stage without decks."""

    def opening(self) -> dict:
        return {"show": snapshot(STATE)}

    def trails(self) -> dict:
        return {}

    def frame(self, frame: Frame, t_picture: float) -> bytes:
        return np.zeros((), FRAMES).tobytes()

    def played(self, deck: str) -> dict:
        return {}


class Loop:
    """What the render loop does with a recording, one frame after the other, on file time."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.source = FileAnalysis(np.zeros(60 * SAMPLE_RATE, np.float32))
        self.recording = Recording(self.source, SIZE, FPS, folder, {}, self.said.append, Empty())
        self.picture = RenderTarget(SIZE, "rgba8")
        self.frames = 0

    def play(self, frames: int) -> float:
        """Hand over pictures; return the longest time that one took, s."""
        longest = 0.0
        for _ in range(frames):
            t = self.frames / 24
            self.source.records(t)
            began = clock.now()
            frame = Frame(self.frames, t, t, 1 / 24, 24.0)
            self.recording.log((), frame)
            self.recording.accept(self.picture, frame, t)
            longest = max(longest, clock.now() - began)
            self.frames += 1
            clock.sleep(0.004)
        return longest

    def start(self, path: Path | None = None) -> None:
        self.recording.start(path, lambda: {"recorded": str(self.recording.result and self.recording.result.path)})


@pytest.fixture
def loop(gl, tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path / "takes")
    yield made
    made.recording.close()
    made.picture.close()


def frames_in(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_a_second_recording_starts_while_the_first_is_finished(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy into the MP4 is held for a second, as an hour's recording holds it for many."""
    remux = muxer.remux

    def slow(*arguments: object) -> None:
        clock.sleep(1.0)
        remux(*arguments)

    monkeypatch.setattr(muxer, "remux", slow)
    loop.start(tmp_path / "one.mp4")
    loop.play(24)
    began = clock.now()
    loop.recording.stop()
    loop.start(tmp_path / "two.mp4")
    longest = loop.play(12)
    assert clock.now() - began < 0.9, "the second began before the first was done"
    assert longest < 0.25
    assert loop.recording.active
    loop.play(12)
    loop.recording.close()
    assert abs(frames_in(tmp_path / "one.mp4") - 24) <= 1
    assert abs(frames_in(tmp_path / "two.mp4") - 24) <= 1
    reports = [json.loads(p.read_text())["recorded"] for p in sorted((tmp_path / "takes").glob("*/report.json"))]
    assert reports == [str(tmp_path / "one.mp4"), str(tmp_path / "two.mp4")]
    assert loop.recording.counts[0] == frames_in(tmp_path / "one.mp4") + frames_in(tmp_path / "two.mp4")
    assert loop.said == []


def test_the_report_is_there_soon_after_the_stop_and_the_log_has_ended(loop: Loop, tmp_path: Path) -> None:
    loop.start()
    loop.play(10)
    loop.recording.stop()
    (events,) = (tmp_path / "takes").glob("*/events.jsonl")
    give_up = clock.now() + 5.0
    while not (events.parent / "report.json").exists():
        assert clock.now() < give_up, "no report although the show goes on"
        loop.play(1)
    assert not loop.recording.active
    assert loop.recording.status is not None
    assert loop.recording.status.state == "done"
    kinds = [json.loads(line)["kind"] for line in events.read_text().splitlines()]
    assert kinds == ["start", "recording"]


@pytest.mark.parametrize("name", ["show", "show.avi"])
def test_a_path_that_cannot_be_recorded_to_is_said_and_the_next_one_works(loop: Loop, tmp_path: Path, name: str) -> None:
    loop.start(tmp_path / name)
    loop.play(2)
    assert not loop.recording.active
    assert len(loop.said) == 1
    assert "unknown kind of recording" in loop.said[0]
    loop.start(tmp_path / "good.mp4")
    loop.play(5)
    loop.recording.close()
    assert frames_in(tmp_path / "good.mp4") >= 4


def test_an_encoder_that_raises_ends_the_recording_only(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the driver went away")

    monkeypatch.setattr(muxer.Muxer, "_open_container", broken)
    loop.start(tmp_path / "one.mp4")
    loop.play(2)
    assert loop.said == ["not recording: RuntimeError: the driver went away"]
    monkeypatch.undo()
    loop.start(tmp_path / "two.mp4")
    loop.play(5)
    loop.recording.close()
    assert frames_in(tmp_path / "two.mp4") >= 4


def test_a_folder_that_cannot_be_written_is_said(gl, tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("in the way")
    made = Loop(tmp_path / "takes")
    made.start()
    made.play(2)
    made.recording.close()
    made.picture.close()
    assert len(made.said) == 1
    assert "cannot write the take" in made.said[0]


def test_a_button_that_flutters_makes_no_more_than_a_few_takes(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remux = muxer.remux
    monkeypatch.setattr(muxer, "remux", lambda *arguments: (clock.sleep(0.5), remux(*arguments)))
    for _ in range(20):
        loop.start()
        loop.play(1)
        loop.recording.stop()
    assert 1 <= len(list((tmp_path / "takes").iterdir())) <= 10
    assert any("still being finished" in line for line in loop.said)


def test_a_stage_that_cannot_be_told_of_costs_the_log_not_the_frame(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Empty) -> dict:
        raise RuntimeError("the driver went away")

    monkeypatch.setattr(Empty, "trails", broken)
    loop.start(tmp_path / "one.mp4")
    loop.play(6)
    loop.recording.close()
    assert loop.said == ["the take's log is not whole: RuntimeError: the driver went away"]
    assert frames_in(tmp_path / "one.mp4") >= 5


class Capture:
    """Stands where pictures are taken on the GPU; its pictures are refused by the real PyAV, which finds no driver."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed: list[str] = []

    def take(self, picture: RenderTarget) -> Capture:
        self.taken += 1
        return self

    def video_frame(self) -> av.VideoFrame:
        raise PermissionError("Operation not permitted")

    def release(self) -> None:
        """Nothing is held."""

    def let_go(self) -> None:
        self.closed.append("texture")

    def close(self) -> None:
        self.closed.append("memory")


def test_what_the_gpu_does_not_encode_is_recorded_through_host_memory(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture()
    monkeypatch.setattr(recordings, "DeviceCapture", lambda packer, picture, pictures: capture)
    monkeypatch.setattr(encoder, "nvenc_refusal", lambda: "" if not capture.closed else "gone")
    loop.recording._packer = object()  # as if the probe had found nothing wrong
    loop.start(tmp_path / "a.mp4")
    loop.play(40)
    loop.recording.close()
    assert capture.taken >= 1
    assert sorted(capture.closed) == ["memory", "texture"]
    assert loop.said == ["recording through host memory: PermissionError: Operation not permitted"]
    assert loop.recording.device_refusal == "PermissionError: Operation not permitted"
    assert frames_in(tmp_path / "a.mp4") >= 30
    assert [path.name for path in tmp_path.glob("a*")] == ["a.mp4"]
    assert loop.recording.result is not None
    assert loop.recording.result.error == ""


def test_a_texture_that_is_not_shared_is_no_reason_not_to_record(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("OpenGL draws on another GPU")

    monkeypatch.setattr(recordings, "DeviceCapture", refuses)
    loop.recording._packer = object()
    loop.start(tmp_path / "a.mp4")
    loop.play(10)
    loop.recording.close()
    assert loop.said == ["recording through host memory: RuntimeError: OpenGL draws on another GPU"]
    assert frames_in(tmp_path / "a.mp4") >= 9


def test_without_an_encoder_on_the_gpu_the_other_way_is_taken_at_once(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture()
    monkeypatch.setattr(recordings, "DeviceCapture", lambda packer, picture, pictures: capture)
    monkeypatch.setattr(encoder, "nvenc_refusal", lambda: "no driver")
    loop.recording._packer = object()
    loop.start(tmp_path / "a.mp4")
    loop.play(10)
    loop.recording.close()
    assert capture.taken == 0
    assert sorted(capture.closed) == ["memory", "texture"]
    assert "pictures in device memory need NVENC" in loop.said[0]
    assert frames_in(tmp_path / "a.mp4") >= 9

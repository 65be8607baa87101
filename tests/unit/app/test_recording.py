"""Recording by the render loop: it is never held up, one take may follow the other, and what fails is said."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from phosphene.engine.app.gpu_pictures import GpuPictures
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.take_state import FRAMES
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.media import open_media
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output import encoder, muxer
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.document import Document
from phosphene.engine.show.state import snapshot

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

    def __init__(self, folder: Path, gpu: GpuPictures | None = None) -> None:
        self.said: list[str] = []
        self.source = FileAnalysis(np.zeros(60 * SAMPLE_RATE, np.float32))
        self.recording = Recording(self.source, SIZE, FPS, folder, {}, self.said.append, Empty(), gpu)
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
        """Press the button, and wait until all is open: the next picture is recorded."""
        self.press(path)
        self.play(1)
        self.wait_open()

    def press(self, path: Path | None = None) -> None:
        self.recording.start(path, lambda: {"recorded": str(self.recording.result and self.recording.result.path)})

    def wait_open(self) -> None:
        give_up = clock.now() + 180.0
        while self.opening:
            assert clock.now() < give_up, self.said
            clock.sleep(0.002)

    @property
    def opening(self) -> bool:
        return self.recording.status is not None and self.recording.status.state == "opening"

    def until(self, done: Callable[[], object]) -> None:
        give_up = clock.now() + 180.0
        while not done():
            assert clock.now() < give_up, self.said
            self.play(1)

    def ended(self) -> None:
        """Stop, and play until everything is on the disk."""
        self.recording.stop()
        self.until(lambda: not self.recording.ending)


@pytest.fixture
def loop(gl, tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path / "takes")
    yield made
    made.recording.close()
    made.picture.close()


def frames_in(path: Path) -> int:
    with open_media(path) as file:
        return sum(1 for _ in file.decode(video=0))


def takes(folder: Path) -> list[Path]:
    return sorted((folder / "takes").glob("*/"))


def test_a_second_recording_starts_while_the_first_is_finished(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy into the MP4 is held until the second recording runs, as an hour's recording holds it for long."""
    copy, gate = muxer.remux, threading.Event()

    def held(*arguments: Any) -> Path:
        assert gate.wait(30.0)
        return copy(*arguments)

    monkeypatch.setattr(muxer, "remux", held)
    loop.start(tmp_path / "one.mp4")
    loop.play(24)
    loop.recording.stop()
    loop.start(tmp_path / "two.mp4")
    loop.play(12)
    assert loop.recording.active
    assert not (tmp_path / "one.mp4").exists(), "the second began before the first was done"
    gate.set()
    loop.until(lambda: loop.recording.result)
    recorded = loop.recording.status.frames
    loop.recording.close()
    assert frames_in(tmp_path / "one.mp4") == 24
    assert abs(frames_in(tmp_path / "two.mp4") - recorded) <= 1
    reports = [json.loads((take / "report.json").read_text())["recorded"] for take in takes(tmp_path)]
    assert reports == [str(tmp_path / "one.mp4"), str(tmp_path / "two.mp4")]
    assert loop.recording.counts[0] == frames_in(tmp_path / "one.mp4") + frames_in(tmp_path / "two.mp4")
    assert loop.said == loop.recording.failures == []


def test_the_report_is_there_soon_after_the_stop_and_the_log_has_ended(loop: Loop, tmp_path: Path) -> None:
    loop.start()
    loop.play(10)
    loop.recording.stop()
    (take,) = takes(tmp_path)
    loop.until((take / "report.json").exists)
    assert not loop.recording.active
    assert loop.recording.status is not None
    assert loop.recording.status.state == "done"
    kinds = [json.loads(line)["kind"] for line in (take / "events.jsonl").read_text().splitlines()]
    assert kinds == ["start", "recording"]
    assert len((take / "frames.bin").read_bytes()) == 10 * FRAMES.itemsize


def test_what_is_recorded_from_the_start_holds_the_first_picture(loop: Loop, tmp_path: Path) -> None:
    loop.recording.open(tmp_path / "a.mp4", dict, loop.picture)
    loop.play(7)
    loop.recording.close()
    assert frames_in(tmp_path / "a.mp4") == 7
    (take,) = takes(tmp_path)
    first = json.loads((take / "events.jsonl").read_text().splitlines()[1])
    assert (first["kind"], first["frame"]) == ("recording", 0)


def test_a_show_that_ends_before_its_first_picture_was_not_recorded(loop: Loop, tmp_path: Path) -> None:
    loop.recording.open(tmp_path / "a.mp4", dict, loop.picture)
    loop.recording.close()
    assert loop.recording.failures == ["not recording: the show ended before it had begun"]
    assert not (tmp_path / "a.mp4").exists()
    assert takes(tmp_path) == []


@pytest.mark.parametrize("name", ["show", "show.avi", "file/a.mp4", "folder.mp4", "n" * 260 + ".mp4"])
def test_a_recording_that_cannot_begin_is_one_line_and_the_next_one_works(loop: Loop, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError) as refused:
        loop.recording.open(tmp_path / name, dict, loop.picture)
    assert name[:60] in refused.value.line()
    loop.press(tmp_path / name)
    loop.until(lambda: not loop.recording.active)
    assert len(loop.said) == 1
    assert loop.said[0].startswith("not recording: ")
    assert loop.recording.failures == loop.said
    assert takes(tmp_path) == [], "no folder for what was never recorded"
    loop.start(tmp_path / "good.mp4")
    loop.play(5)
    loop.recording.close()
    assert frames_in(tmp_path / "good.mp4") == 5


def test_an_encoder_that_raises_ends_the_recording_only(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the driver went away")

    monkeypatch.setattr(muxer, "create_media", broken)
    loop.press(tmp_path / "one.mp4")
    loop.until(lambda: not loop.recording.active)
    assert loop.said == ["not recording: RuntimeError: the driver went away"]
    assert list(tmp_path.glob("one*")) == []
    monkeypatch.undo()
    loop.start(tmp_path / "two.mp4")
    loop.play(5)
    loop.recording.close()
    assert frames_in(tmp_path / "two.mp4") == 5


def test_an_encoder_that_breaks_leaves_the_film_so_far_and_the_sound_and_log_go_on(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop.start(tmp_path / "a.mp4")
    loop.play(24)
    loop.until(lambda: loop.recording.status.waiting == 0)

    def broken(*_: object) -> None:
        raise RuntimeError("the driver went away")

    monkeypatch.setattr(muxer.Muxer, "video", broken)
    loop.until(lambda: loop.said)
    film = tmp_path / "a.mp4"
    assert loop.said == [f"recording failed: RuntimeError: the driver went away; what was recorded lies at {film}"]
    assert not loop.recording.active
    loop.play(24)
    frames = loop.frames
    loop.ended()
    assert loop.recording.failures == loop.said
    assert frames_in(film) >= 24
    (take,) = takes(tmp_path)
    with open_media(take / "audio.flac") as file:
        seconds = sum(frame.samples for frame in file.decode(audio=0)) / SAMPLE_RATE
    assert seconds > 2.0
    assert len((take / "frames.bin").read_bytes()) // FRAMES.itemsize >= frames - 3


def test_without_a_folder_for_takes_a_film_that_has_a_place_is_recorded(gl, tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("in the way")
    made = Loop(tmp_path / "takes")
    made.press()
    made.until(lambda: made.said)
    assert "not recording: cannot write the take" in made.said[0]
    assert made.recording.failures == made.said
    made.start(tmp_path / "a.mp4")
    made.play(5)
    made.recording.close()
    made.picture.close()
    assert frames_in(tmp_path / "a.mp4") == 5
    assert "recording without a take: cannot write the take" in made.said[1]
    assert len(made.recording.failures) == 1, "the film is whole"


def test_a_full_disk_of_takes_does_not_end_a_film_on_another(gl, small_disk: Path, tmp_path: Path) -> None:
    made = Loop(small_disk / "takes")
    made.start(tmp_path / "a.mp4")
    (small_disk / "more").write_bytes(bytes(900_000))
    (take,) = (small_disk / "takes").iterdir()
    with suppress(OSError), (small_disk / "rest").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    made.until(lambda: any("the sound of the take" in line for line in made.said))
    made.until(lambda: any("cannot write the take" in line for line in made.said))
    made.play(5)
    made.recording.close()
    made.picture.close()
    result = made.recording.result
    assert result.error == ""
    assert frames_in(tmp_path / "a.mp4") == result.frames
    assert made.recording.failures == []
    assert (take / "audio.flac").exists()


def test_a_full_disk_of_the_film_does_not_end_its_take(gl, small_disk: Path, tmp_path: Path) -> None:
    made = Loop(tmp_path / "takes")
    made.start(small_disk / "a.mp4")
    with suppress(OSError), (small_disk / "rest").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    made.until(lambda: made.said)
    assert made.said[0].startswith("recording failed: disk full; ")
    made.play(48)
    frames = made.frames
    made.recording.close()
    made.picture.close()
    (take,) = takes(tmp_path)
    with open_media(take / "audio.flac") as file:
        seconds = sum(frame.samples for frame in file.decode(audio=0)) / SAMPLE_RATE
    assert seconds > 2.0
    assert len((take / "frames.bin").read_bytes()) // FRAMES.itemsize >= frames - 3
    assert json.loads((take / "report.json").read_text())


def test_a_button_that_flutters_makes_no_folder_without_a_picture(loop: Loop, tmp_path: Path) -> None:
    for k in range(60):
        for _ in range(k % 7):
            if loop.recording.active:
                loop.recording.stop()
            else:
                loop.press()
        loop.play(1)
    loop.recording.close()
    assert all((take / "recording.mp4").exists() for take in takes(tmp_path))


def test_more_recordings_than_can_be_finished_are_refused(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, gate = muxer.remux, threading.Event()
    monkeypatch.setattr(muxer, "remux", lambda *arguments: (gate.wait(30), copy(*arguments))[1])
    for _ in range(4):
        loop.start()
        loop.play(2)
        loop.recording.stop()
    for _ in range(50):
        loop.press()
        loop.play(1)
    gate.set()
    assert set(loop.said) == {"not recording: 4 recordings are still being finished"}
    assert loop.recording.failures == ["not recording: 4 recordings are still being finished"]
    loop.recording.close()
    assert len(takes(tmp_path)) == 4


class SlowDisk:
    """A folder on a disk that answers when it is told to, and notes what a thread that may not wait asks of it.

    Everything that Python opens, makes, renames or removes is heard by an audit hook; looks (`stat`) are wrapped.
    """

    EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "os.link", "os.truncate")

    def __init__(self) -> None:
        self.place = ""
        self.answers = threading.Event()
        self.render_thread: threading.Thread | None = None
        self.touched: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self.place and event in self.EVENTS:
            self.asked(event, args[0])

    def asked(self, event: str, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)) or not os.fsdecode(path).startswith(self.place):
            return
        if threading.current_thread() is self.render_thread:
            self.touched.append(f"{event} {path}")
        else:
            self.answers.wait(30.0)


@pytest.fixture(scope="module")
def hooked() -> SlowDisk:
    return SlowDisk()  # a hook stays for good: one is enough


@pytest.fixture
def slow_disk(hooked: SlowDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    for name in ("stat", "lstat"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda path, *a, real=real, name=name, **k: (hooked.asked(name, path), real(path, *a, **k))[1]
        )
    hooked.answers.clear()
    hooked.touched.clear()
    hooked.render_thread, hooked.place = threading.current_thread(), str(tmp_path / "slow")
    yield hooked
    hooked.place = ""
    hooked.answers.set()


def test_a_disk_that_does_not_answer_holds_no_frame(gl, slow_disk: SlowDisk, tmp_path: Path) -> None:
    loop = Loop(tmp_path / "slow" / "takes")
    loop.press(tmp_path / "slow" / "a.mp4")
    loop.play(48)
    assert loop.opening
    loop.recording.stop()
    loop.press(tmp_path / "slow" / "b.mp4")
    loop.play(24)
    assert loop.opening
    slow_disk.answers.set()
    loop.until(lambda: loop.recording.active and not loop.opening)
    loop.play(24)
    slow_disk.answers.clear()  # it falls asleep in the middle, and the recording is ended
    loop.play(24)
    loop.recording.stop()
    loop.press()
    loop.play(24)
    slow_disk.answers.set()
    loop.wait_open()
    loop.play(12)
    loop.ended()
    assert slow_disk.touched == []
    slow_disk.place = ""
    loop.recording.close()
    loop.picture.close()
    assert frames_in(tmp_path / "slow" / "b.mp4") >= 24
    assert sorted(path.name for path in (tmp_path / "slow").iterdir()) == ["b.mp4", "takes"]
    assert len(takes(tmp_path / "slow")) == 2
    assert all("recording" not in line for line in loop.said)


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
    assert frames_in(tmp_path / "one.mp4") == 6


def test_a_second_show_takes_another_name_and_says_so(loop: Loop, tmp_path: Path) -> None:
    other = Loop(tmp_path / "other")
    for each in (loop, other):
        each.start(tmp_path / "a.mp4")
        each.play(5)
    assert loop.said == []
    assert other.said == [f"another program is writing {tmp_path}/a.mp4: this recording is {tmp_path}/a-1.mp4"]
    for each in (loop, other):
        each.recording.close()
        assert frames_in(each.recording.result.path) == 5
    other.picture.close()
    start = json.loads(next((tmp_path / "other").glob("*/events.jsonl")).read_text().splitlines()[0])
    assert start["recording"] == f"{tmp_path}/a-1.mp4"


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


class Gpu(GpuPictures):
    """A GPU whose probe found nothing wrong, although there is none."""

    def __init__(self, capture: Capture | None, refusal: str = "") -> None:
        super().__init__()
        self.given = capture, refusal

    def probe(self) -> None:
        """Nothing is tried."""

    def capture(self, picture: RenderTarget) -> tuple[Any, str]:
        return (None, "") if self.refusal else self.given


@pytest.fixture
def on_gpu(gl, tmp_path: Path) -> Iterator[Callable[..., Loop]]:
    made: list[Loop] = []

    def begin(capture: Capture | None, refusal: str = "") -> Loop:
        made.append(Loop(tmp_path / "takes", Gpu(capture, refusal)))
        return made[-1]

    yield begin
    for each in made:
        each.recording.close()
        each.picture.close()


def test_what_the_gpu_does_not_encode_is_recorded_through_host_memory(
    on_gpu: Callable[..., Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture()
    monkeypatch.setattr(encoder, "nvenc_refusal", lambda: "" if not capture.closed else "gone")
    loop = on_gpu(capture)
    loop.start(tmp_path / "a.mp4")
    loop.until(lambda: loop.said)
    loop.wait_open()
    loop.play(30)
    loop.recording.close()
    assert capture.taken >= 1
    assert sorted(capture.closed) == ["memory", "texture"]
    assert loop.said == ["recording through host memory: PermissionError: Operation not permitted"]
    assert loop.recording.device_refusal == "PermissionError: Operation not permitted"
    assert loop.recording.failures == []
    assert frames_in(tmp_path / "a.mp4") == 30
    assert [path.name for path in tmp_path.glob("a*")] == ["a.mp4"]
    assert len(takes(tmp_path)) == 1
    assert loop.recording.result is not None
    assert loop.recording.result.error == ""


def test_a_recording_that_is_stopped_while_it_begins_again_leaves_its_take(
    on_gpu: Callable[..., Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture()
    monkeypatch.setattr(encoder, "nvenc_refusal", lambda: "" if not capture.closed else "gone")
    loop = on_gpu(capture)
    loop.start(tmp_path / "a.mp4")
    loop.until(lambda: loop.said)
    assert loop.recording.active
    assert loop.recording.status is not None
    assert loop.recording.status.state in ("opening", "ready")
    loop.ended()
    assert not loop.recording.active
    (take,) = takes(tmp_path)
    assert (take / "report.json").exists()
    loop.recording.close()
    assert list(tmp_path.glob("a*")) == [], "no film that nothing is on"


def test_a_texture_that_is_not_shared_is_no_reason_not_to_record(on_gpu: Callable[..., Loop], tmp_path: Path) -> None:
    loop = on_gpu(None, "RuntimeError: OpenGL draws on another GPU")
    loop.start(tmp_path / "a.mp4")
    loop.play(10)
    loop.recording.close()
    assert loop.said == ["recording through host memory: RuntimeError: OpenGL draws on another GPU"]
    assert frames_in(tmp_path / "a.mp4") == 10


def test_without_an_encoder_on_the_gpu_the_other_way_is_taken_at_once(
    on_gpu: Callable[..., Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture()
    monkeypatch.setattr(encoder, "nvenc_refusal", lambda: "no driver")
    loop = on_gpu(capture)
    loop.start(tmp_path / "a.mp4")
    loop.play(10)
    loop.recording.close()
    assert capture.taken == 0
    assert sorted(capture.closed) == ["memory", "texture"]
    assert "pictures in device memory need NVENC" in loop.said[0]
    assert frames_in(tmp_path / "a.mp4") == 10

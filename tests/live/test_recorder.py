"""Real encoders, real files, read back with PyAV: lengths, alignment, crashes, full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.output.flac import FlacWriter
from phosphene.engine.output.muxer import AUDIO_RATE, Muxer, remux
from phosphene.engine.output.recorder import Recorder

pytestmark = pytest.mark.live

HOP = 256
PCM = np.dtype([("t_adc", np.float64), ("sample", np.int64), ("pcm", np.float32, (HOP, 2))])


class Tape:
    """A capture of known sound: its hops appear as clock time passes, as the audio process publishes them."""

    def __init__(
        self, pcm: np.ndarray, t_begin: float, *, latency: float = 0.02, jitter: float = 0.0, gap=(0.0, 0.0)
    ) -> None:
        """gap: (after how many s of sound, for how many s) the capture dies and comes back counting from zero."""
        self.records = []
        rng = np.random.default_rng(1)
        for i in range(len(pcm) // HOP):
            t = t_begin + (i + 1) * HOP / AUDIO_RATE
            into = t - t_begin
            if gap[0] < into <= sum(gap):
                continue
            sample = (i + 1) * HOP - (round(sum(gap) * AUDIO_RATE) if into > sum(gap) and gap[1] else 0)
            record = np.zeros((), PCM)
            record["t_adc"], record["sample"] = t + rng.uniform(-jitter, jitter), sample
            record["pcm"] = pcm[i * HOP : (i + 1) * HOP]
            self.records.append((t + latency, record[()]))
        self.now = float("-inf")

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        end = cursor
        while end < len(self.records) and self.records[end][0] <= self.now:
            end += 1
        return [r for _, r in self.records[cursor:end]], end, 0


def pictures(size: Size, flash: bool) -> np.ndarray:
    picture = np.full((size.height, size.width, 4), 230 if flash else 20, np.uint8)
    picture[:, : size.width // 4] = (40, 80, 160, 255)
    return picture


def clicks(seconds: float, times: list[float]) -> np.ndarray:
    pcm = np.zeros((round(seconds * AUDIO_RATE), 2), np.float32)
    for t in times:
        at = round(t * AUDIO_RATE)
        pcm[at : at + 96] = 0.9 * np.sin(np.arange(96) * 0.8)[:, None]
    return pcm


def read_video(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (times in s, mean luma of the right half) of every frame."""
    with av.open(str(path)) as file:
        frames = [(float(f.time), f.to_ndarray(format="gray")[:, f.width // 2 :].mean()) for f in file.decode(video=0)]
    return np.array([t for t, _ in frames]), np.array([y for _, y in frames])


def read_sound(path: Path) -> tuple[float, np.ndarray]:
    """Return (time of the first sample in s, float32[2, n])."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    return float(frames[0].time), np.concatenate([f.to_ndarray() for f in frames], axis=1)


def stream_seconds(path: Path) -> tuple[float, float]:
    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        return float(video.duration * video.time_base), float(audio.duration * audio.time_base)


def onsets(signal_: np.ndarray, rate: float, level: float, apart: float = 0.3) -> list[float]:
    found: list[float] = []
    for at in np.flatnonzero(signal_ > level) / rate:
        if not found or at - found[-1] > apart:
            found.append(float(at))
    return found


def play(
    recorder: Recorder, tape: Tape, t_start: float, fps: float, frames: range, size: Size, flashes, lag: float = 0.0
) -> None:
    """Offer the pictures of `frames` in the order of real time, without waiting for it."""
    dark, bright = pictures(size, False), pictures(size, True)
    for k in frames:
        t_picture = t_start + k / fps - lag
        tape.now = t_picture + 0.03
        flash = any(t <= t_picture - t_start + 1e-9 < t + 0.1 for t in flashes)
        while not recorder.offer(bright if flash else dark, t_picture):
            clock.sleep(0.002)


@pytest.mark.parametrize(
    ("fps", "lag", "jitter"), [(Fraction(24), 0.0, 0.0), (Fraction(60), 0.007, 0.004), (Fraction(30000, 1001), 0.02, 0.004)]
)
def test_click_and_flash_meet_within_a_frame_and_both_streams_are_as_long_as_asked(tmp_path, fps, lag, jitter):
    size, seconds, t_start = Size(320, 180), 6.0, 1000.0
    times = [1.0, 2.0, 3.5, 5.0]
    # The capture began a second before the recording, as it does on stage.
    tape = Tape(clicks(seconds + 2, [t + 1.0 for t in times]), t_start - 1.0, jitter=jitter)
    recorder = Recorder(tmp_path / "a.mp4", size, fps, audio=tape, t_start=t_start, codec="x264")
    play(recorder, tape, t_start, float(fps), range(round(seconds * fps)), size, times, lag)
    tape.now = float("inf")
    result = recorder.stop(t_start + seconds)
    frame = float(1 / fps)
    assert result.error == ""
    assert result.path == tmp_path / "a.mp4"
    assert abs(result.seconds - seconds) <= frame
    video_s, audio_s = stream_seconds(result.path)
    assert abs(video_s - seconds) <= frame
    assert abs(audio_s - seconds) <= frame
    assert abs(video_s - audio_s) < 0.001
    t, luma = read_video(result.path)
    assert len(t) == result.frames
    assert np.allclose(t, np.arange(len(t)) * frame, atol=1e-4)
    first, sound = read_sound(result.path)
    seen = [float(t[i]) for i in range(1, len(t)) if luma[i] > 120 >= luma[i - 1]]
    heard = [first + s for s in onsets(np.abs(sound[0]), AUDIO_RATE, 0.3)]
    assert len(seen) == len(heard) == len(times)
    assert np.abs(np.array(heard) - times).max() < 0.008
    assert np.abs(np.array(seen) - heard).max() <= frame
    assert not list(tmp_path.glob("*.part*"))


def test_a_capture_that_died_leaves_silence_and_stays_aligned(tmp_path):
    size, fps, t_start = Size(160, 90), 24, 0.0
    times = [1.0, 5.0, 7.0]
    tape = Tape(clicks(9, times), t_start, gap=(1.5, 2.0))
    recorder = Recorder(tmp_path / "a.mkv", size, fps, audio=tape, t_start=t_start, codec="x264", flac=tmp_path / "a.flac")
    play(recorder, tape, t_start, fps, range(8 * fps), size, times)
    tape.now = float("inf")
    result = recorder.stop(8.0)
    assert (result.error, result.frames) == ("", 8 * fps)
    for path in (result.path, tmp_path / "a.flac"):
        first, sound = read_sound(path)
        level = np.abs(sound.reshape(-1, 2)[:, 0] / 2.0**31) if path.suffix == ".flac" else np.abs(sound[0])
        assert abs(len(level) - 8 * AUDIO_RATE) < 1100
        heard = [first + s for s in onsets(level, AUDIO_RATE, 0.3)]
        assert np.allclose(heard, times, atol=0.008), path
        assert level[round(1.6 * AUDIO_RATE) : round(3.4 * AUDIO_RATE)].max() < 1e-3


def test_without_sound_the_track_is_silent_and_as_long_as_the_picture(tmp_path):
    recorder = Recorder(tmp_path / "a.mp4", Size(161, 91), 25, audio=None, t_start=5.0, codec="x264")
    for k in range(25):
        picture = np.full((91, 161, 4), 4 * k, np.uint8)
        while not recorder.offer(picture, 5.0 + k / 25):
            clock.sleep(0.002)
    result = recorder.stop(6.0)
    assert stream_seconds(result.path) == (1.0, pytest.approx(1.0, abs=1e-4))
    assert np.abs(read_sound(result.path)[1]).max() == 0
    with av.open(str(result.path)) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (160, 90)


def test_holes_are_repeated_extras_left_out_and_a_full_queue_drops(tmp_path):
    released = []
    recorder = Recorder(
        tmp_path / "a.mp4", Size(64, 64), 24, audio=None, t_start=0.0, queue=4, codec="x264", release=released.append
    )
    picture = np.zeros((64, 64, 4), np.uint8)
    offered = 0
    for k in [0, 1, 2, 2, 3, 10, 11, 11]:
        while not recorder.offer(picture, k / 24):
            clock.sleep(0.002)
            offered += 1
        offered += 1
    waited = recorder.dropped
    taken = sum(recorder.offer(picture, (12 + i) / 24) for i in range(400))
    result = recorder.stop(0.5)
    assert result.dropped == waited + 400 - taken
    assert result.dropped > waited
    assert result.late == 2
    assert result.duplicated >= 6
    assert len(released) == offered + 400
    assert len(read_video(result.path)[0]) == result.frames


def test_colours_come_back_within_three_steps_tagged_bt709_limited(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (255, 255, 255), (0, 0, 0), (200, 100, 50)]
    muxer = Muxer(tmp_path / "c.mp4", Size(128, 72), 24, codec="x264")
    for colour in colours:
        picture = np.zeros((72, 128, 4), np.uint8)
        picture[..., :3] = colour
        for _ in range(3):
            muxer.video(picture)
    muxer.audio(np.zeros((len(colours) * 6000, 2), np.float32))
    path = muxer.close()
    assert muxer.error == ""
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    for colour, frame in zip(colours, frames[2::3], strict=True):
        assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
        planes = frame.to_ndarray(format="yuv420p").astype(float)
        y, cb, cr = planes[36, 64], planes[72 + 9, 32], planes[72 + 18 + 9, 32]
        # The inverse of ITU-R BT.709 in limited range, written out: libav's own inverse would forgive libav's mistakes.
        luma, cb, cr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
        rgb = 255 * np.array([luma + 1.5748 * cr, luma - 0.1873 * cb - 0.4681 * cr, luma + 1.8556 * cb])
        assert np.abs(rgb - colour).max() <= 3, colour


CHILD = """
import sys, numpy as np
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.output.recorder import Recorder
HOP = 256
PCM = np.dtype([("t_adc", np.float64), ("sample", np.int64), ("pcm", np.float32, (HOP, 2))])
class Live:
    def pcm_since(self, cursor):
        records = []
        while t0 + (cursor + 1) * HOP / 48000 <= clock.now():
            record = np.zeros((), PCM)
            record["t_adc"], record["sample"] = t0 + (cursor + 1) * HOP / 48000, (cursor + 1) * HOP
            record["pcm"] = 0.2 * np.sin(np.arange(HOP) * 0.1)[:, None]
            records.append(record[()]); cursor += 1
        return records, cursor, 0
t0 = clock.now()
recorder = Recorder(sys.argv[1], Size(320, 180), 24, audio=Live(), t_start=t0, codec="x264", flac=sys.argv[1] + ".flac")
rng = np.random.default_rng(0)
for k in range(24 * 60):
    clock.sleep_until(t0 + (k + 1) / 24)
    recorder.offer(rng.integers(0, 255, (180, 320, 4)).astype(np.uint8), t0 + k / 24)
    print((k + 1) / 24, flush=True)
"""


def test_killed_with_9_everything_but_the_last_two_seconds_plays_and_can_be_made_an_mp4(tmp_path):
    path = tmp_path / "a.mp4"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert child.stdout is not None
    reached = 0.0
    for line in child.stdout:
        reached = float(line)
        if reached >= 6.0:
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    torn = tmp_path / "a.mp4.part.mkv"
    t, _ = read_video(torn)
    first, sound = read_sound(torn)
    assert t[-1] > reached - 2.0
    assert first + sound.shape[1] / AUDIO_RATE > reached - 2.0
    assert np.allclose(t, np.arange(len(t)) / 24, atol=0.002)
    remux(torn, path, Fraction(24))
    assert len(read_video(path)[0]) == len(t)
    assert read_sound(tmp_path / "a.mp4.flac")[1].size / 2 / AUDIO_RATE > reached - 2.0


def test_a_full_disk_fails_the_recording_readable_and_never_the_show(small_disk):
    recorder = Recorder(
        small_disk / "a.mp4", Size(320, 180), 24, audio=None, t_start=0.0, codec="x264", flac=small_disk / "a.flac"
    )
    rng = np.random.default_rng(0)
    for k in range(24 * 8):
        noise = rng.integers(0, 255, (180, 320, 4)).astype(np.uint8)
        while not recorder.offer(noise, k / 24):
            clock.sleep(0.002)
    assert recorder.status().state == "failed: disk full"
    result = recorder.stop(8.0)
    assert result.error == "disk full"
    assert result.path == small_disk / "a.mp4.part.mkv"
    t, _ = read_video(result.path)
    assert 6 <= len(t) <= result.frames < 24 * 8
    assert np.allclose(t, np.arange(len(t)) / 24, atol=0.002)


def test_no_room_for_the_mp4_keeps_the_whole_recording_and_says_so(small_disk):
    muxer = Muxer(small_disk / "a.mp4", Size(320, 180), 24, codec="x264")
    rng = np.random.default_rng(0)
    while muxer.bytes < 700_000:
        muxer.video(rng.integers(0, 255, (180, 320, 4)).astype(np.uint8))
        muxer.audio(np.zeros((2000, 2), np.float32))
    path = muxer.close()
    assert path == small_disk / "a.mp4.part.mkv"
    assert "no MP4 (disk full)" in muxer.error
    assert len(read_video(path)[0]) == muxer.frames
    assert not (small_disk / "a.mp4").exists()
    assert not list(small_disk.glob("*.part.mp4"))


def test_an_earlier_recording_is_never_written_over(tmp_path):
    """The same command twice, and once more after a crash that left a torn file."""
    size, picture = Size(64, 36), np.full((36, 64, 4), 90, np.uint8)
    for left in (b"first", b"second"):
        (tmp_path / "out.mp4").write_bytes(left)
        (tmp_path / "out.mp4.part.mkv").write_bytes(left)
        muxer = Muxer(tmp_path / "out.mp4", size, 24)
        muxer.video(picture)
        muxer.audio(np.zeros((2000, 2), np.float32))
        assert muxer.close() == tmp_path / "out.mp4"
        with av.open(str(tmp_path / "out.mp4")) as file:
            assert sum(1 for _ in file.decode(video=0)) == 1
    for n, left in ((1, b"first"), (2, b"second")):
        assert (tmp_path / f"out-{n}.mp4").read_bytes() == left
        assert (tmp_path / f"out-{n}.mp4.part.mkv").read_bytes() == left
    assert not (tmp_path / "out.mp4.part.mkv").exists()


def test_flac_gives_back_24_bits(tmp_path):
    sound = (np.random.default_rng(0).standard_normal((50_000, 2)) * 0.2).astype(np.float32)
    writer = FlacWriter(tmp_path / "a.flac")
    for at in range(0, len(sound), 777):
        writer.write(sound[at : at + 777])
    writer.close()
    back = read_sound(tmp_path / "a.flac")[1].reshape(-1, 2) / 2.0**31
    assert back.shape == sound.shape
    assert np.abs(back - sound).max() <= 2.0**-23


def test_offering_never_waits_for_the_encoder(tmp_path, monkeypatch):
    goes_on, encode = threading.Event(), Muxer.video
    monkeypatch.setattr(Muxer, "video", lambda self, picture: (goes_on.wait(), encode(self, picture))[1])
    recorder = Recorder(tmp_path / "a.mp4", Size(64, 36), 24, audio=None, t_start=0.0, codec="x264", queue=8)
    picture = np.zeros((36, 64, 4), np.uint8)
    taken = [recorder.offer(picture, k / 24) for k in range(100)]  # one that waited would never come back
    assert recorder.dropped == taken.count(False) >= 100 - 9
    goes_on.set()
    assert recorder.stop(100 / 24).frames == 100

"""Films of several movies: real encoders, read back; loudness against the signals of EBU Tech 3341."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.audio.decode import load_audio
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.joining import join_movies, measure_loudness
from phosphene.engine.output.loudness import Gain, Loudness, gain_to
from phosphene.engine.output.movie import MovieSpec, open_movie
from phosphene.engine.output.muxer import AUDIO_RATE
from phosphene.tools.lab.av_sync import offsets

SIZE = Size(64, 48)
NTSC = Fraction(30000, 1001)


def sine(decibels: float, seconds: float, frequency: float = 997.0, phase: float = 0.0) -> np.ndarray:
    """A stereo sine whose peak is `decibels` below full scale, faded in and out within 20 ms."""
    t = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    fade = np.minimum(1, np.minimum(t, t[-1] - t) / 0.02)
    wave = 10 ** (decibels / 20) * fade * np.sin(2 * np.pi * frequency * t + phase)
    return np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)


def part(path: Path, spec: MovieSpec, frames: int, flashes: tuple[int, ...], sound: np.ndarray | None = None) -> Path:
    """Write a movie that flashes, and clicks unless it is given a sound."""
    if sound is None:
        sound = np.zeros((round(frames * AUDIO_RATE / spec.fps), 2), np.float32)
        for k in flashes:
            at = round(k * AUDIO_RATE / spec.fps)
            sound[at : at + 96] = 0.8 * np.cos(np.arange(96) * 0.9)[:, None]
    with open_movie(path, spec) as movie:
        for k in range(frames):
            light = 230 if any(f <= k < f + 3 for f in flashes) else 20
            movie.video(np.full((spec.size.height, spec.size.width, 4), light, np.uint8))
            movie.audio(sound[round(k * AUDIO_RATE / spec.fps) : round((k + 1) * AUDIO_RATE / spec.fps)])
    return path


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("fps", [Fraction(24), NTSC], ids=str)
def test_every_part_is_in_step_at_its_place_with_black_silence_between(tmp_path, codec, fps):
    spec = MovieSpec(SIZE, fps, codec)
    plan = [(75, (10, 40)), (1, ()), (50, (5, 30)), (61, (20, 57))]
    parts = [part(tmp_path / f"{i}.mp4", spec, *p) for i, p in enumerate(plan)]
    film = join_movies(parts, tmp_path / "film.mp4", spec, gap_s=0.7, target_lufs=None)
    gap = round(0.7 * fps)
    assert [(p.start, p.frames) for p in film.parts] == [
        (0, 75),
        (75 + gap, 1),
        (76 + 2 * gap, 50),
        (126 + 3 * gap, 61),
    ]
    assert (film.path, film.frames, film.seconds) == (tmp_path / "film.mp4", 187 + 3 * gap, float((187 + 3 * gap) / fps))
    wanted = [(p.start + f) / fps for p, (_, flashes) in zip(film.parts, plan, strict=True) for f in flashes]
    found = offsets(film.path)
    assert [o.flash for o in found] == pytest.approx([float(t) for t in wanted], abs=1e-6)
    assert max(abs(o.ms) for o in found) < 0.5
    with av.open(str(film.path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert audio.duration * audio.time_base == Fraction(round(film.frames * AUDIO_RATE / fps), AUDIO_RATE)
        assert video.duration * video.time_base == film.frames / fps
        frames = list(file.decode(video=0))
    assert [f.pts * f.time_base for f in frames] == [k / fps for k in range(film.frames)]
    black = frames[75 + gap // 2].to_ndarray(format="yuv420p")[: SIZE.height]
    assert np.abs(black.astype(int) - 16).max() <= 1
    sound = load_audio(film.path)
    begin, end = (round(k * AUDIO_RATE / fps) for k in (76 + gap, 76 + 2 * gap))
    assert np.abs(sound[begin + 2048 : end - 2048]).max() < 1e-4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.mp4", "1.mp4", "2.mp4", "3.mp4", "film.mp4"]
    data = film.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_same_film_twice_is_the_same_bytes(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    parts = [part(tmp_path / f"{i}.mp4", spec, 30, (10,)) for i in range(2)]
    films = [join_movies(parts, tmp_path / f"f{i}.mp4", spec, gap_s=0.5).path.read_bytes() for i in range(2)]
    assert films[0] == films[1]


def test_the_picture_is_copied_and_not_encoded_again(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    parts = [part(tmp_path / f"{i}.mp4", spec, 30, (10,)) for i in range(2)]
    join_movies(parts, tmp_path / "f.mp4", spec)

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as file:
            return [bytes(p) for p in file.demux(video=0) if p.size]

    assert packets(tmp_path / "f.mp4") == packets(parts[0]) + packets(parts[1])


def test_parts_come_to_one_loudness_and_a_peak_that_forbids_it_is_said(tmp_path, caplog):
    spec = MovieSpec(SIZE, Fraction(24))
    spiky = sine(-40, 5)
    spiky[::24_000] = 0.7
    sounds = [sine(-30, 5), sine(-6, 5), spiky, np.zeros((5 * AUDIO_RATE, 2), np.float32)]
    parts = [part(tmp_path / f"{i}.mp4", spec, 120, (10,), sound) for i, sound in enumerate(sounds)]
    film = join_movies(parts, tmp_path / "f.mp4", spec, target_lufs=-20)
    gains = [p.gain for p in film.parts]
    assert [g.limited for g in gains] == [False, False, True, False]
    assert gains[0].db == pytest.approx(10, abs=0.2)
    assert gains[1].db == pytest.approx(-14, abs=0.2)
    assert 0 < gains[2].db < 4
    assert gains[3] == Gain(0.0, False)
    assert "2.mp4 stays at" in caplog.text
    whole = load_audio(film.path)
    for i in range(2):
        loudness = measure_loudness([whole[i * 5 * AUDIO_RATE : (i + 1) * 5 * AUDIO_RATE]])
        assert loudness.integrated == pytest.approx(-20, abs=0.2)
    assert measure_loudness([whole]).true_peak <= -0.5  # AAC may overshoot a little


def test_a_part_without_sound_is_silent_and_a_film_without_sound_has_none(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    silent = replace(spec, audio=False)
    parts = [part(tmp_path / "0.mp4", silent, 30, (10,)), part(tmp_path / "1.mp4", spec, 30, (10,))]
    film = join_movies(parts, tmp_path / "f.mp4", spec)
    assert [round(o.flash * 24) for o in offsets(film.path)] == [10, 40]
    assert [o.click is None for o in offsets(film.path)] == [True, False]
    with av.open(str(join_movies(parts, tmp_path / "s.mp4", silent).path)) as file:
        assert len(file.streams) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"size": Size(64, 64)}, "allowed: h264 64x48 at 24 fps, got: h264 64x64 at 24 fps"),
        ({"fps": Fraction(25)}, "got: h264 64x48 at 25 fps"),
        ({"codec": "hevc"}, "got: hevc 64x48 at 24 fps"),
        ({"preset": "ultrafast"}, "encoded otherwise than the first part"),
    ],
)
def test_a_part_of_another_encoding_is_named_and_nothing_is_written(tmp_path, change, says):
    spec = MovieSpec(SIZE, Fraction(24))
    parts = [part(tmp_path / "0.mp4", spec, 10, ()), part(tmp_path / "1.mp4", replace(spec, **change), 10, ())]
    with pytest.raises(UserError) as refused:
        join_movies(parts, tmp_path / "f.mp4", spec, gap_s=1)
    assert says in refused.value.line()
    assert str(parts[1]) in refused.value.line()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.mp4", "1.mp4"]


def test_what_cannot_be_joined_is_refused(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    one = part(tmp_path / "0.mp4", spec, 10, ())
    with pytest.raises(UserError, match="nothing to join"):
        join_movies([], tmp_path / "f.mp4", spec)
    with pytest.raises(UserError, match="no such movie"):
        join_movies([one, tmp_path / "9.mp4"], tmp_path / "f.mp4", spec)
    with pytest.raises(UserError, match="cannot be joined"):
        join_movies([one], tmp_path / "f.mkv", spec)
    (tmp_path / "x.mp4").write_bytes(b"no movie at all")
    with pytest.raises(UserError, match=r"x\.mp4"):
        join_movies([one, tmp_path / "x.mp4"], tmp_path / "f.mp4", spec)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.mp4", "x.mp4"]


def test_a_full_disk_leaves_no_half_a_film(small_disk, tmp_path):
    spec = MovieSpec(Size(320, 180), Fraction(24), crf=10)
    rng = np.random.default_rng(0)
    with open_movie(tmp_path / "0.mp4", spec) as movie:
        for _ in range(40):
            movie.video(rng.integers(0, 255, (180, 320, 4)).astype(np.uint8))
    with pytest.raises(UserError, match=r"the film could not be written .*got: disk full"):
        join_movies([tmp_path / "0.mp4"], small_disk / "f.mp4", spec)
    assert not list(small_disk.iterdir())


# --- loudness ---


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        ([(-23, 20)], -23.0),  # EBU Tech 3341, case 1
        ([(-33, 20)], -33.0),  # case 2
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),  # case 3: the relative gate
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),  # case 4: the absolute gate
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),  # case 5
    ],
)
def test_loudness_is_that_of_the_standards_signals(levels, wanted):
    blocks = (sine(db, seconds, 1000) for db, seconds in levels)
    assert measure_loudness(blocks).integrated == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize(
    ("frequency", "phase", "decibels"),
    [(12_000, 0, -6.0), (12_000, math.pi / 4, -6.0), (8_000, math.pi / 3, -6.0), (997, 0, 0.0)],  # Tech 3341, 15 to 18
)
def test_peaks_between_samples_are_found(frequency, phase, decibels):
    peak = measure_loudness([sine(decibels, 1, frequency, phase)]).true_peak
    assert decibels - 0.4 <= peak <= decibels + 0.2


def test_neither_the_size_of_the_blocks_nor_the_end_of_the_sound_matters():
    sound = sine(-20, 3.05)
    whole = measure_loudness([sound])
    assert measure_loudness(np.array_split(sound, 1000)) == whole
    sound[-1] = 0.5
    assert measure_loudness([sound]).true_peak == pytest.approx(-6, abs=0.4)


def test_silence_and_less_than_a_block_have_no_loudness():
    for sound in (np.zeros((AUDIO_RATE, 2), np.float32), np.zeros((0, 2), np.float32)):
        assert measure_loudness([sound]) == Loudness(-math.inf, -math.inf)
    assert measure_loudness([]) == Loudness(-math.inf, -math.inf)
    assert measure_loudness([sine(-20, 0.3)]).integrated == -math.inf


def test_gain_goes_to_the_target_but_not_over_the_ceiling():
    assert gain_to(Loudness(-20, -10), -14, -1) == Gain(6, False)
    assert gain_to(Loudness(-20, -4), -14, -1) == Gain(3, True)
    assert gain_to(Loudness(-8, 0.5), -14, -1) == Gain(-6, False)
    assert gain_to(Loudness(-14, 0.5), -14, -1) == Gain(-1.5, True)
    assert gain_to(Loudness(-math.inf, -math.inf)) == Gain(0.0, False)


# --- tools/lab/av_sync.py ---


def test_the_tool_sees_a_picture_that_is_late_and_fails(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    sound = np.zeros((5 * AUDIO_RATE, 2), np.float32)
    for t in (1.0, 3.0):
        at = round(t * AUDIO_RATE) - 480  # 10 ms early
        sound[at : at + 96] = 0.8 * np.cos(np.arange(96) * 0.9)[:, None]
    path = part(tmp_path / "a.mp4", spec, 120, (24, 72), sound)
    assert [o.ms for o in offsets(path)] == pytest.approx([10, 10], abs=0.5)
    for limit, code in ((5, 1), (12, 0)):
        run = subprocess.run(
            [sys.executable, "-m", "phosphene.tools.lab.av_sync", str(path), "--limit-ms", str(limit)],
            capture_output=True,
            text=True,
        )
        assert run.returncode == code, run.stderr
        assert "flash 1.0000 s" in run.stdout
        assert "largest at the start +10" in run.stdout
    silent = part(tmp_path / "b.mp4", replace(spec, audio=False), 60, (24,))
    assert [o.click for o in offsets(silent)] == [None]
    command = [sys.executable, "-m", "phosphene.tools.lab.av_sync", str(silent)]
    assert subprocess.run(command, capture_output=True).returncode == 1

"""Offline renders as they are written: real encoders, every file read back by another path than it was written."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.movie import Movie, MovieSpec, check, open_movie
from phosphene.engine.output.muxer import AUDIO_RATE
from phosphene.engine.output.remux import remux
from phosphene.tools.lab.av_sync import offsets

SIZE = Size(128, 72)
NTSC = Fraction(30000, 1001)
RATES = [Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(60), Fraction(2997, 125)]
CODECS = [("h264", "a.mp4"), ("h264", "a.mkv"), ("hevc", "a.mp4"), ("prores", "a.mov"), ("png", "frames"), ("exr", "frames")]

PARTS = [("h264", "a.mp4", "a.mp4.part.mkv"), ("prores", "a.mov", "a.mov.part.mov")]


def picture_of(spec: MovieSpec, k: int) -> np.ndarray:
    """Colours that move, with grain: encoders use B-frames for the one and differ by threads for the other."""
    rng = np.random.default_rng(k)
    y, x = np.mgrid[0 : spec.size.height, 0 : spec.size.width]
    waves = [0.5 + 0.4 * np.sin(x / (9 + c) + y / 17 + k / (5 + c)) for c in range(3)]
    alpha = np.clip(x / spec.size.width + 0.01 * k, 0, 1)
    picture = np.stack([*waves, alpha], -1) + rng.uniform(-0.02, 0.02, (spec.size.height, spec.size.width, 1))
    picture = picture.clip(0, 1)
    return picture.astype(np.float16) if spec.is_float else (255 * picture).astype(np.uint8)


def sound_of(spec: MovieSpec, k: int, clicks: tuple[int, ...] = ()) -> np.ndarray:
    """The sound of frame k: quiet noise, and a click at its first sample when it is one of `clicks`."""
    begin, end = (round(i * AUDIO_RATE / spec.fps) for i in (k, k + 1))
    pcm = np.random.default_rng(k).uniform(-0.01, 0.01, (end - begin, 2)).astype(np.float32)
    if k in clicks:
        pcm[:48] = 0.8 * np.cos(np.arange(48) * 0.9)[:, None]
    return pcm


def write(path: Path, spec: MovieSpec, frames: int) -> Path:
    with open_movie(path, spec) as movie:
        for k in range(frames):
            movie.video(picture_of(spec, k))
            movie.audio(sound_of(spec, k))
        return movie.close()


def frame_times(path: Path) -> list[Fraction]:
    """Read as players do: a last packet that is cut short is left out."""
    with av.open(str(path)) as file:
        packets = (p for p in file.demux(file.streams.video[0]) if not p.is_corrupt)
        return [f.pts * f.time_base for packet in packets for f in packet.decode()]


def files_of(path: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in sorted(path.iterdir())} if path.is_dir() else {path.name: path.read_bytes()}


def lag_of(path: Path, wanted: np.ndarray) -> int:
    """Return by how many samples the file's sound is late."""
    with av.open(str(path)) as file:
        heard = np.concatenate([f.to_ndarray()[0] for f in file.decode(audio=0)])
    at = np.arange(2000, len(wanted) - 2000)
    return int(np.argmax([heard[at + lag] @ wanted[at, 0] for lag in range(-1500, 1500)])) - 1500


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize(("codec", "name"), [("h264", "a.mp4"), ("hevc", "b.mov"), ("prores", "c.mov")])
def test_frame_k_is_shown_at_exactly_k_over_fps_and_a_click_sounds_at_its_sample(tmp_path, codec, name, fps):
    spec, clicks = MovieSpec(SIZE, fps, codec), (9, 31, 44)
    with open_movie(tmp_path / name, spec) as movie:
        for k in range(50):
            light = 0.9 if any(c <= k < c + 3 for c in clicks) else 0.1
            picture = np.full((72, 128, 4), light)
            movie.video(picture.astype(np.float16) if spec.is_float else (255 * picture).astype(np.uint8))
            movie.audio(sound_of(spec, k, clicks))
    assert frame_times(tmp_path / name) == [k / fps for k in range(50)]
    with av.open(str(tmp_path / name)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert video.average_rate == fps
        assert video.duration * video.time_base == 50 / fps
        assert audio.duration * audio.time_base == Fraction(round(50 * AUDIO_RATE / fps), AUDIO_RATE)
    # tools/lab/av_sync.py reads yuv planes of 8 bits; the picture of ProRes was looked at above
    if codec != "prores":
        found = offsets(tmp_path / name)
        assert [o.flash for o in found] == pytest.approx([float(c / fps) for c in clicks], abs=1e-6)
        assert max(abs(o.ms) for o in found) < 0.5  # AAC smears a click
        assert lag_of(tmp_path / name, np.concatenate([sound_of(spec, k, clicks) for k in range(50)])) == 0
    else:
        with av.open(str(tmp_path / name)) as file:
            pcm = np.concatenate([f.to_ndarray().reshape(-1, 2) for f in file.decode(audio=0)]) / 2.0**31
        wanted = np.concatenate([sound_of(spec, k, clicks) for k in range(50)])
        assert np.abs(pcm - wanted).max() < 2.0**-22


@pytest.mark.parametrize(("codec", "name"), CODECS)
def test_two_runs_write_the_same_bytes_also_on_one_core_and_no_date(tmp_path, codec, name):
    spec = MovieSpec(SIZE, NTSC, codec, alpha=codec not in ("h264", "hevc"))
    first = files_of(write(tmp_path / "1" / name, spec, 40))
    assert not [p for p in (tmp_path / "1").iterdir() if ".part" in p.name]
    program = (
        "import os, sys\n"
        "if hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "import test_movie as t; from pathlib import Path; from dataclasses import replace\n"
        f"spec = t.MovieSpec(t.SIZE, t.NTSC, {codec!r}, alpha={spec.alpha})\n"
        f"t.write(Path(sys.argv[1]), spec, 40)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.getcwd()])}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "2" / name)], check=True, env=environment)
    assert files_of(tmp_path / "2" / name) == first
    if name != "frames":
        with av.open(str(tmp_path / "1" / name)) as file:
            told = {**file.metadata, **file.streams.video[0].metadata, **file.streams.audio[0].metadata}
        assert "creation_time" not in told
        assert not any("Lavc" in v or "Lavf6" in v for v in told.values())


def test_the_index_of_an_mp4_is_in_front_and_hevc_is_tagged_for_every_player(tmp_path):
    for codec in ("h264", "hevc"):
        data = write(tmp_path / "a.mp4", MovieSpec(SIZE, Fraction(24), codec), 30).read_bytes()
        assert 0 < data.index(b"moov") < data.index(b"mdat")
        assert (b"hvc1" in data) == (codec == "hevc")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_colours_come_back_within_three_steps_tagged_bt709_limited(tmp_path, codec):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (255, 255, 255), (0, 0, 0), (200, 100, 50)]
    with open_movie(tmp_path / "c.mp4", MovieSpec(SIZE, Fraction(24), codec, crf=8)) as movie:
        for colour in colours:
            for _ in range(3):
                movie.video(np.full((72, 128, 4), (*colour, 255), np.uint8))
    with av.open(str(tmp_path / "c.mp4")) as file:
        frames = list(file.decode(video=0))
    for colour, frame in zip(colours, frames[2::3], strict=True):
        assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
        planes = frame.to_ndarray(format="yuv420p").astype(float)
        y, cb, cr = planes[36, 64], planes[72 + 9, 32], planes[72 + 18 + 9, 32]
        luma, cb, cr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224  # ITU-R BT.709 in limited range, written out
        rgb = 255 * np.array([luma + 1.5748 * cr, luma - 0.1873 * cb - 0.4681 * cr, luma + 1.8556 * cb])
        assert np.abs(rgb - colour).max() <= 3, colour


def test_prores_keeps_ten_bits_and_alpha_in_straight_srgb(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24), "prores", alpha=True, audio=False)
    with open_movie(tmp_path / "a.mov", spec) as movie:
        for level in (0.0, 0.1234, 0.5, 1.0):
            picture = np.full((72, 128, 4), level, np.float32)
            picture[..., 3] = np.linspace(0, 1, 128)
            movie.video(picture)
    with av.open(str(tmp_path / "a.mov")) as file:
        assert file.streams.video[0].codec_context.codec_tag == "ap4h"
        frames = list(file.decode(video=0))
    assert "yuva444p" in frames[0].format.name
    bits = frames[0].format.components[0].bits
    for level, frame in zip((0.0, 0.1234, 0.5, 1.0), frames, strict=True):
        luma = np.frombuffer(frame.planes[0], np.uint16)[:128] / 2 ** (bits - 10)
        alpha = np.frombuffer(frame.planes[3], np.uint16)[:128] / (2**bits - 1)
        assert np.abs((luma - 64) / 876 - level).max() < 2 / 876
        assert np.abs(alpha - np.linspace(0, 1, 128)).max() < 2 / 1023
        assert (frame.colorspace, frame.color_range) == (1, 1)


@pytest.mark.parametrize("alpha", [False, True])
def test_png_frames_are_the_pictures_to_the_bit(tmp_path, alpha):
    from PIL import Image

    spec = MovieSpec(Size(127, 71), NTSC, "png", alpha=alpha)
    write(tmp_path / "shots" / "f%04d.png", spec, 7)
    names = [f.name for f in sorted((tmp_path / "shots").iterdir())]
    assert names == ["audio.flac", *(f"f{k:04d}.png" for k in range(7))]
    for k in range(7):
        with Image.open(tmp_path / "shots" / f"f{k:04d}.png") as image:
            assert image.mode == ("RGBA" if alpha else "RGB")
            assert "srgb" in image.info
            assert np.array_equal(np.asarray(image), picture_of(spec, k)[..., : 4 if alpha else 3])
    with av.open(str(tmp_path / "shots" / "audio.flac")) as file:
        sound = np.concatenate([f.to_ndarray().reshape(-1, 2) for f in file.decode(audio=0)]) / 2.0**31
    assert np.abs(sound - np.concatenate([sound_of(spec, k) for k in range(7)])).max() <= 2.0**-23


@pytest.mark.parametrize(("half", "alpha"), [(True, True), (False, True), (True, False)])
def test_exr_frames_are_the_linear_values_beyond_one_and_below_zero_too(tmp_path, half, alpha):
    spec = MovieSpec(Size(65, 33), Fraction(24), "exr", alpha=alpha, half=half, audio=False)
    picture = np.random.default_rng(0).uniform(-0.5, 9, (33, 65, 4)).astype(np.float16 if half else np.float32)
    with open_movie(tmp_path / "shots", spec) as movie:
        movie.video(picture)
    data = (tmp_path / "shots" / "frame_000000.exr").read_bytes()
    assert data[:4] == b"\x76\x2f\x31\x01"  # the magic number of OpenEXR
    with av.open(str(tmp_path / "shots" / "frame_000000.exr")) as file:
        frame = next(file.decode(video=0))
    assert frame.format.name == {True: "gbrap", False: "gbrp"}[alpha] + ("f16le" if half else "f32le")
    kind = np.float16 if half else np.float32
    planes = [np.frombuffer(p, kind).reshape(33, -1)[:, :65] for p in frame.planes]
    green, blue, red, *rest = planes
    assert np.array_equal(np.stack([red, green, blue, *rest], -1), picture[..., : 4 if alpha else 3])


@pytest.mark.parametrize("rest", [1, 16, 47, 1000, 1024])
def test_a_last_packet_of_a_few_samples_is_there(tmp_path, rest):
    spec, samples = MovieSpec(SIZE, Fraction(24)), 48 * 1024 + rest
    with open_movie(tmp_path / "a.mp4", spec) as movie:
        for k in range(24):
            movie.video(picture_of(spec, k))
        movie.audio(np.full((samples, 2), 0.1, np.float32))
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.streams.audio[0].duration * file.streams.audio[0].time_base == Fraction(samples, AUDIO_RATE)
        packets = [p for p in file.demux(file.streams.audio[0]) if p.size]
    assert len(packets) == 50  # one of them is the encoder's priming


@pytest.mark.parametrize("given", [0, 10_000])
def test_sound_that_ends_early_is_filled_with_silence(tmp_path, given):
    spec = MovieSpec(SIZE, Fraction(24), "prores")
    with open_movie(tmp_path / "a.mov", spec) as movie:
        movie.audio(np.full((given, 2), 0.5, np.float32))
        for k in range(24):
            movie.video(picture_of(spec, k))
    with av.open(str(tmp_path / "a.mov")) as file:
        pcm = np.concatenate([f.to_ndarray().reshape(-1, 2) for f in file.decode(audio=0)])
    assert len(pcm) == AUDIO_RATE
    assert np.all(pcm[:given] == 2**30)
    assert not pcm[given:].any()


def test_a_movie_without_sound_has_no_stream_of_it_and_ignores_what_comes(tmp_path):
    for codec, name in (("h264", "a.mp4"), ("png", "shots")):
        path = write(tmp_path / name, MovieSpec(SIZE, Fraction(24), codec, audio=False), 3)
        if path.is_dir():
            assert not (path / "audio.flac").exists()
        else:
            with av.open(str(path)) as file:
                assert not file.streams.audio


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("a.mp4", {"codec": "vp9"}, "allowed: h264, hevc, prores, png, exr, got: vp9"),
        ("a.avi", {}, "allowed: .mp4, .mkv, .mov, got: a.avi"),
        ("a.mp4", {"codec": "prores"}, "allowed: .mov"),
        ("a.png", {"codec": "png"}, "one file a frame"),
        ("f/a_%06d.exr", {"codec": "png"}, "not a pattern"),
        ("f/a_%s.png", {"codec": "png"}, "not a pattern"),
        ("a_%06d.png", {"codec": "png"}, "a folder of their own"),
        ("a.mp4", {"crf": 52}, "0 (lossless) .. 51, got: 52"),
        ("a.mp4", {"preset": "fastest"}, "ultrafast"),
        ("a.mp4", {"fps": Fraction(0)}, "frame rate"),
        ("a.mp4", {"size": Size(127, 72)}, "render at 128x72"),
        ("a.mp4", {"size": Size(8, 8)}, "16x16"),
        ("a.mp4", {"alpha": True}, "no alpha"),
        ("a.mp4", {"audio_bitrate": 3}, "bit rate"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_rendered(tmp_path, monkeypatch, name, change, says):
    monkeypatch.chdir(tmp_path)
    spec = replace(MovieSpec(SIZE, Fraction(24)), **change)
    with pytest.raises(UserError) as refused:
        check(name, spec)
    assert says in refused.value.line()
    with pytest.raises(UserError):
        open_movie(name, spec)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    for codec, name in (("h264", "file/a.mp4"), ("h264", "folder.mp4"), ("png", "file/shots"), ("png", "file")):
        with pytest.raises(UserError) as refused:
            open_movie(tmp_path / name, MovieSpec(SIZE, Fraction(24), codec))
        assert str(tmp_path / name) in refused.value.line()


def test_a_wrong_picture_is_an_error_of_the_caller_and_spoils_nothing(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24))
    with open_movie(tmp_path / "a.mp4", spec) as movie:
        for shape, kind in (((72, 128, 3), np.uint8), ((72, 128, 4), np.float32), ((128, 72, 4), np.uint8)):
            with pytest.raises(ValueError, match="h264 takes"):
                movie.video(np.zeros(shape, kind))
        with pytest.raises(ValueError, match="sound is"):
            movie.audio(np.zeros(7, np.float32))
        movie.video(picture_of(spec, 0))
        movie.close()
        with pytest.raises(ValueError, match="closed"):
            movie.video(picture_of(spec, 0))
    assert frame_times(tmp_path / "a.mp4") == [0]


def test_a_movie_without_a_frame_is_no_file(tmp_path):
    for codec, name in (("h264", "a.mp4"), ("prores", "a.mov"), ("png", "shots")):
        with pytest.raises(UserError, match="nothing was rendered"):
            open_movie(tmp_path / name, MovieSpec(SIZE, Fraction(24), codec)).close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("codec", "name", "part"), [("h264", "a.mp4", "a.mp4.part.mkv"), ("prores", "a.mov", "a.mov.part.mov")]
)
def test_an_interrupted_movie_keeps_what_was_rendered_and_the_earlier_one(tmp_path, caplog, codec, name, part):
    spec = MovieSpec(SIZE, Fraction(24), codec)
    (tmp_path / name).write_bytes(b"earlier")
    with pytest.raises(KeyboardInterrupt), open_movie(tmp_path / name, spec) as movie:  # noqa: PT012
        for k in range(40):
            movie.video(picture_of(spec, k))
            movie.audio(sound_of(spec, k))
        raise KeyboardInterrupt
    assert (tmp_path / name).read_bytes() == b"earlier"
    assert len(frame_times(tmp_path / part)) == 40
    assert f"its first 40 frames are in {tmp_path / part}" in caplog.text
    assert movie.abort() is None
    assert write(tmp_path / name, spec, 3) == tmp_path / name
    kept = [path.replace("a.", "a-1.", 1) for path in (name, part)]
    assert (tmp_path / kept[0]).read_bytes() == b"earlier"
    assert len(frame_times(tmp_path / kept[1])) == 40
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, *kept])


def test_an_interrupted_sequence_keeps_its_frames(tmp_path):
    spec = MovieSpec(SIZE, Fraction(24), "png", audio=False)
    with pytest.raises(KeyboardInterrupt), open_movie(tmp_path / "shots", spec) as movie:  # noqa: PT012
        for k in range(5):
            movie.video(picture_of(spec, k))
        raise KeyboardInterrupt
    assert len(list((tmp_path / "shots.part").iterdir())) == 5
    assert not (tmp_path / "shots").exists()


CHILD = """
import sys, test_movie as t
from pathlib import Path
spec = t.MovieSpec(t.SIZE, t.Fraction(24), sys.argv[1])
movie = t.open_movie(Path(sys.argv[2]), spec)
for k in range(10_000):
    movie.video(t.picture_of(spec, k))
    movie.audio(t.sound_of(spec, k))
    print(k, flush=True)
"""


@pytest.mark.parametrize(
    ("codec", "name", "part"), [("h264", "a.mp4", "a.mp4.part.mkv"), ("prores", "a.mov", "a.mov.part.mov")]
)
def test_killed_with_9_the_part_still_plays(tmp_path, codec, name, part):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.getcwd()])}
    command = [sys.executable, "-c", CHILD, codec, str(tmp_path / name)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 240:
            break
    child.kill()
    child.wait()
    child.stdout.close()
    # x264 holds some 60 frames at `medium`, the queue a few, and a fragment of ProRes is a second long.
    assert len(frame_times(tmp_path / part)) >= 120
    if codec == "h264":
        remux(tmp_path / part, tmp_path / "saved.mp4", Fraction(24))
        times = frame_times(tmp_path / "saved.mp4")
        assert len(times) >= 120
        assert times == [Fraction(k, 24) for k in range(len(times))]


@pytest.mark.parametrize(
    ("codec", "name", "part"),
    [*PARTS, ("png", "shots", "shots.part"), ("exr", "shots", "shots.part")],
)
def test_a_full_disk_is_one_line_once_and_the_part_plays(small_disk, codec, name, part):
    spec = MovieSpec(Size(320, 180), Fraction(24), codec, crf=10)
    rng = np.random.default_rng(0)
    movie = open_movie(small_disk / name, spec)
    with pytest.raises(UserError) as refused:  # noqa: PT012
        for k in range(2000):
            noise = rng.integers(0, 255, (180, 320, 4))
            movie.video((noise / 255).astype(np.float16) if spec.is_float else noise.astype(np.uint8))
            movie.audio(sound_of(spec, k))
    line = refused.value.line()
    assert "got: disk full" in line
    assert "make room" in line
    assert str(small_disk / part) in line
    assert "\n" not in line
    with pytest.raises(ValueError, match="closed"):
        movie.video(picture_of(spec, 0))
    assert movie.abort() is None
    assert not movie._thread.is_alive()
    if part.endswith(".part"):
        from PIL import Image

        frames = sorted((small_disk / part).glob("frame_*"))
        assert frames
        if codec == "png":
            for frame in frames:
                Image.open(frame).load()
    else:
        times = frame_times(small_disk / part)
        assert len(times) >= 3
        assert f"the first {len(times)} frames" in line
        assert np.allclose([float(t) for t in times], np.arange(len(times)) / 24, atol=0.001)


def test_no_room_for_the_mp4_keeps_the_whole_movie_and_says_where(small_disk):
    spec = MovieSpec(Size(160, 90), Fraction(24), crf=20, preset="ultrafast", audio=False)
    movie = open_movie(small_disk / "a.mp4", spec)
    rng = np.random.default_rng(0)
    part = small_disk / "a.mp4.part.mkv"
    count = 0
    while part.stat().st_size < 650_000:
        movie.video(rng.integers(0, 255, (90, 160, 4)).astype(np.uint8))
        count += 1
    with pytest.raises(UserError) as refused:
        movie.close()
    assert f"got: disk full; make room and render again; the first {count} frames are in {part}" in refused.value.line()
    assert len(frame_times(part)) == count
    assert [p.name for p in small_disk.iterdir()] == [part.name]


def test_a_slow_encoder_makes_the_renderer_wait_and_pictures_come_back_in_order(tmp_path):
    spec = MovieSpec(Size(64, 64), Fraction(24), audio=False)
    released: list[int] = []
    gate = threading.Event()

    def release(picture: np.ndarray) -> None:
        assert threading.current_thread().name == "encoder"
        gate.wait(30)
        released.append(int(picture[0, 0, 0]))

    movie = open_movie(tmp_path / "a.mp4", spec, release)
    handed: list[int] = []

    def render(movie: Movie) -> None:
        for k in range(40):
            movie.video(np.full((64, 64, 4), k, np.uint8))
            handed.append(k)

    renderer = threading.Thread(target=render, args=(movie,))
    renderer.start()
    renderer.join(0.3)
    assert renderer.is_alive()
    assert len(handed) < 12
    gate.set()
    renderer.join(30)
    movie.close()
    assert released == list(range(40))
    assert len(frame_times(tmp_path / "a.mp4")) == 40

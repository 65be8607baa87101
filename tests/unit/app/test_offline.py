"""An offline render: every frame once, in time with the sound, the same each time; the script comes in when it is due."""

from __future__ import annotations

import dataclasses
import itertools
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.app.offline import Script, Sound, hashes_beside, render, verify
from phosphene.engine.app.render_job import RenderJob
from phosphene.engine.audio.decode import load_audio
from phosphene.engine.cli.render_command import evidence
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.framehash import compare, read_hashes
from phosphene.engine.show.change import Change
from phosphene.tools.lab.bench_offline import write_wav
from tests.unit.audio.test_decode import wav

RATE = 48_000
SIZE = Size(64, 36)


def kicks(path: Path, seconds: float = 2.0) -> Path:
    t = np.arange(round(seconds * RATE)) / RATE
    return write_wav(path, (0.8 * np.sin(2 * np.pi * 60 * t) * np.exp(-(t % 0.5) / 0.06)).astype(np.float32))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RenderJob:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    return RenderJob(kicks(tmp_path / "kicks.wav"), tmp_path / "out.mp4", style="neon-tide", size=SIZE, fps=Fraction(24))


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_a_script_comes_in_order_when_it_is_due() -> None:
    a, b, c = (Change(f"/{n}", (), t) for n, t in (("a", 0.0), ("b", 1.0), ("c", 1.0)))
    script = Script([b, c, a])
    assert list(script.due(0.5)) == [a]
    assert list(script.due(0.9)) == []
    assert list(script.due(1.0)) == [b, c]
    assert list(script.due(9.0)) == []


def test_sound_is_one_stream_whatever_its_blocks() -> None:
    samples = np.random.default_rng(0).standard_normal((1000, 2)).astype(np.float32)
    sound = Sound(iter([samples[:3], samples[3:3], samples[3:700], samples[700:]]))
    taken = [sound.take(n) for n in (0, 1, 500, 400, 200)]
    assert [len(part) for part in taken] == [0, 1, 500, 400, 200]
    assert np.array_equal(np.concatenate(taken)[:1000], samples)
    assert not np.concatenate(taken)[1000:].any(), "silence after its end"


@pytest.mark.gl
def test_every_frame_is_there_and_lasts_as_long_as_the_sound(job: RenderJob) -> None:
    done = render(job)
    assert (done.frames, done.seconds) == (48, 2.0)
    with av.open(str(done.out)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        times = [float(frame.pts * video.time_base) for frame in file.decode(video)]
        assert np.allclose(times, np.arange(48) / 24, atol=1e-6)
        assert (video.width, video.height) == (64, 36)
        assert abs(float(audio.duration * audio.time_base) - 2.0) < 0.025
    found = pictures(done.out)
    assert np.mean([np.abs(b.astype(int) - a).mean() for a, b in itertools.pairwise(found)]) > 0.3, "it moves"
    assert done.backends == {"a": "cpu"}
    assert not done.faults


@pytest.mark.gl
def test_a_second_render_is_the_same_to_the_byte(job: RenderJob, tmp_path: Path) -> None:
    first, second = render(job), render(dataclasses.replace(job, out=tmp_path / "again.mp4"))
    assert first.digest == second.digest == read_hashes(first.hashes).digest
    assert compare(first.hashes, second.hashes) is None
    assert first.video_sha256 == second.video_sha256
    assert verify(job) is None
    other = render(dataclasses.replace(job, out=tmp_path / "other.mp4", audio_scale=0.15))
    assert other.digest != first.digest


@pytest.mark.gl
def test_verify_names_the_first_frame_that_differs(job: RenderJob) -> None:
    render(job)
    path = hashes_beside(job.out)
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("0,")) + 7
    lines[at] = lines[at][:-32] + "0" * 32
    path.write_text("\n".join(lines) + "\n")
    assert verify(job) == 7
    path.unlink()
    with pytest.raises(UserError, match="render first"):
        verify(job)


@pytest.mark.gl
def test_the_script_changes_the_picture_from_its_frame_on(job: RenderJob, tmp_path: Path) -> None:
    plain = render(job)
    scripted = dataclasses.replace(
        job, out=tmp_path / "scripted.mp4", script=(Change("/deck/a/fx/mirror/amount", (1.0,), 1.0, "plan"),)
    )
    assert compare(plain.hashes, render(scripted).hashes) == 24


@pytest.mark.gl
def test_a_trim_cuts_picture_and_sound_alike(job: RenderJob, tmp_path: Path) -> None:
    done = render(dataclasses.replace(job, start=0.5, duration=1.0, out=tmp_path / "trimmed.mp4"))
    assert done.frames == 24
    with av.open(str(done.out)) as file:
        heard = np.concatenate([f.to_ndarray() for f in file.decode(audio=0)], axis=1)[0]
    # The kick of 0.5 s is now at 0.
    assert np.abs(heard[: RATE // 20]).max() > 0.3


@pytest.mark.gl
def test_a_style_reacts_and_its_deaf_twin_does_not(job: RenderJob, tmp_path: Path) -> None:
    def change(path: Path) -> float:
        found = np.array(pictures(path), np.float32)
        return float(np.abs(np.diff(found, axis=0)).mean())

    bare = dataclasses.replace(job, pulse=0.0)
    loud = render(dataclasses.replace(bare, audio_scale=0.2))
    deaf = render(dataclasses.replace(bare, audio_scale=0.0, out=tmp_path / "deaf.mp4"))
    assert change(loud.out) > 1.5 * change(deaf.out)


# limit: mean distance from the frames as they were painted, of 255; EXR keeps light above white, which PNG cuts.
@pytest.mark.gl
@pytest.mark.parametrize(("codec", "limit"), [("h264", 5.0), ("exr", 1.5), ("prores", 1.2)])
def test_every_kind_of_file_holds_the_same_show(job: RenderJob, tmp_path: Path, codec: str, limit: float) -> None:
    short = dataclasses.replace(job, duration=0.25, crf=0)
    painted = render(dataclasses.replace(short, codec="png", out=tmp_path / "painted"))
    out = {"h264": "film.mp4", "exr": "frames", "prores": "film.mov"}[codec]
    alpha = "luma" if codec == "prores" else "none"
    done = render(dataclasses.replace(short, codec=codec, out=tmp_path / out, alpha=alpha))
    if codec == "prores":
        with av.open(str(done.out)) as file:
            straight = [f.to_ndarray(format="rgba").astype(np.float32) for f in file.decode(video=0)]
        found = [f[..., :3] * f[..., 3:] / 255.0 for f in straight]
    else:
        found = pictures(done.out) if codec == "h264" else [_still(path) for path in sorted(done.out.glob("*.exr"))]
    expected = [_still(path) for path in sorted(painted.out.glob("*.png"))]
    assert len(found) == len(expected) == done.frames == 6
    for a, b in zip(found, expected, strict=True):
        # Over two by two pixels: H.264 halves the resolution of colour.
        blocks = np.subtract(a, b, dtype=np.float32).reshape(SIZE.height // 2, 2, SIZE.width // 2, 2, 3).mean(axis=(1, 3))
        assert np.abs(blocks).mean() < limit


def _still(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        if path.suffix == ".png":
            return frame.to_ndarray(format="rgb24").astype(np.float32)
        planes = frame.to_ndarray(format="gbrpf32le")
    x = np.clip(planes if planes.shape[-1] == 3 else np.moveaxis(planes, 0, -1), 0.0, 1.0)
    return 255.0 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)


@pytest.mark.gl
def test_supersampling_is_the_same_picture_smoother(job: RenderJob, tmp_path: Path) -> None:
    plain = pictures(render(dataclasses.replace(job, duration=0.25)).out)
    fine = pictures(render(dataclasses.replace(job, duration=0.25, ssaa=2, out=tmp_path / "fine.mp4")).out)
    for a, b in zip(plain, fine, strict=True):
        assert np.abs(a.astype(int) - b).mean() < 12.0
        assert not np.array_equal(a, b)


@pytest.mark.gl
def test_sharp_effects_are_supersampled_like_the_rest(job: RenderJob, tmp_path: Path) -> None:
    on = (Change("/deck/a/fx/shapes/amount", (1.0,), 0.0), Change("/deck/a/fx/shapes/mode", (3.0,), 0.0))
    job = dataclasses.replace(job, duration=0.25, script=on)
    plain = pictures(render(job).out)
    fine = pictures(render(dataclasses.replace(job, ssaa=2, out=tmp_path / "fine.mp4")).out)
    for a, b in zip(plain, fine, strict=True):
        assert np.abs(a.astype(int) - b).mean() < 12.0
        assert a.max() > 50


@pytest.mark.gl
def test_the_demo_track_can_be_rendered_too(job: RenderJob) -> None:
    done = render(dataclasses.replace(job, audio=Path("demo"), start=10.0, duration=0.5))
    assert done.frames == 12
    assert not np.array_equal(*(pictures(done.out)[i] for i in (0, -1)))


@pytest.mark.gl
def test_frames_beside_the_film(job: RenderJob, tmp_path: Path) -> None:
    done = render(dataclasses.replace(job, duration=0.25, frames_dir=tmp_path / "stills"))
    assert len(list((tmp_path / "stills").glob("*.png"))) == done.frames == len(pictures(done.out))


@pytest.mark.gl
def test_what_came_of_it_says_all_and_keeps_what_varies_apart(job: RenderJob, tmp_path: Path) -> None:
    again = dataclasses.replace(job, duration=0.25)
    first, second = (evidence(again, render(again)) for _ in range(2))
    assert first.pop("volatile").keys() == second.pop("volatile").keys() >= {"timings", "speed", "peak_rss_mb"}
    assert json.dumps(first, default=str) == json.dumps(second, default=str)
    assert len(first["result"]["audio_sha256"]) == 64


@pytest.mark.gl
def test_a_style_that_is_refused_ends_the_render_before_it_begins(job: RenderJob, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "style.toml").write_text("version = 1\n")
    with pytest.raises(UserError, match=r"style\.toml"):
        render(dataclasses.replace(job, style=str(folder)))
    assert not job.out.exists()


@pytest.mark.gl
@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_broken_samples_are_silence_in_a_whole_film_and_are_told(job: RenderJob, tmp_path: Path, codec: str) -> None:
    """No encoder ever gets a sample that is not a number: AAC would give the film up."""
    pcm = np.repeat((0.3 * np.sin(np.arange(2 * RATE) / 20)).astype(np.float32)[:, None], 2, axis=1)
    pcm[RATE : RATE + 50] = np.nan
    pcm[RATE + 5000, 1] = np.inf
    (tmp_path / "broken.wav").write_bytes(wav(pcm))
    out = tmp_path / ("out.mov" if codec == "prores" else "out.mp4")
    done = render(dataclasses.replace(job, audio=tmp_path / "broken.wav", codec=codec, out=out))
    assert done.frames == 48
    assert len(done.notes) == 1
    assert "101 samples are no sound" in done.notes[0]
    assert evidence(job, done)["result"]["notes"] == done.notes
    assert not done.messages
    heard = load_audio(done.out)
    assert len(heard) >= 2 * RATE - 1
    if codec == "prores":  # whose sound is what it was given, in 24 bits
        expected = np.nan_to_num(pcm, nan=0.0, posinf=0.0)
        assert heard[: 2 * RATE] == pytest.approx(expected, abs=1e-6)

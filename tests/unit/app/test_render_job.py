"""What a render is asked for is checked before anything starts, and survives the way to a worker and back."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest

from phosphene.engine.app.render_job import RenderJob, codec_for, job_from_json, job_to_json, parse_resolution
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.latent import Walk
from phosphene.engine.show.change import Change
from phosphene.engine.show.scene import Scene

DEMO = RenderJob(Path("demo"), Path("out.mp4"), style="neon-tide")


def test_a_job_comes_back_from_json() -> None:
    script = (Change("/deck/a/zoom", (2.0,), 1.5, "plan"), Change("/scene", ("tide",), 3.0, "plan", True))
    job = dataclasses.replace(
        DEMO, fps=Fraction(30000, 1001), size=Size(640, 360), walk=Walk(seed=3, anchors=((1.0,) * 8,)), script=script
    )
    assert job_from_json(job_to_json(job)) == job


def test_frames_cover_the_sound() -> None:
    for fps in (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)):
        for samples in (1, 47_999, 48_000, 48_001, 600 * 48_000):
            frames = dataclasses.replace(DEMO, fps=fps).frames_of(samples)
            assert (frames - 1) / fps < Fraction(samples, 48_000) <= frames / fps
    assert DEMO.frames_of(0) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"style": None}, ["--style", "vj styles list"]),
        ({"style": "neon-tied"}, ["no such style", "neon-tied"]),
        ({"scene": "tyde"}, ["no such scene", "tide"]),
        ({"audio": Path("nowhere.ogg")}, ["no such audio file", "nowhere.ogg"]),
        ({"ssaa": 9}, ["--ssaa", "1 to 4", "9"]),
        ({"audio_scale": float("nan")}, ["--audio-scale", "0 to 0.2"]),
        ({"start": -1.0}, ["--start"]),
        ({"duration": 0.0}, ["--duration"]),
        ({"alpha": "green"}, ["--alpha", "none, picture, luma", "green"]),
        ({"alpha": "luma"}, ["h264 has no alpha", "prores"]),
        ({"codec": "prores"}, [".mov", "out.mp4"]),
        ({"codec": "vp8"}, ["unknown codec", "h264", "vp8"]),
        ({"size": Size(641, 360)}, ["even", "642x360"]),
        ({"codec": "exr", "out": Path("frames"), "frames_dir": Path("pngs")}, ["--export-frames", "png"]),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(changes: dict, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        dataclasses.replace(DEMO, **changes).check()
    for word in words:
        assert word in caught.value.line()


def test_a_sound_job_passes() -> None:
    DEMO.check()
    dataclasses.replace(DEMO, style=None, scene="tide", codec="prores", out=Path("a.mov"), alpha="luma").check()


def test_audio_scale_is_what_the_first_networks_called_it() -> None:
    assert DEMO.opening() == []
    louder = dataclasses.replace(DEMO, audio_scale=0.12).opening()
    assert [(c.path, c.args[0]) for c in louder] == [
        ("/deck/a/react", pytest.approx(1.2)),
        ("/deck/b/react", pytest.approx(1.2)),
    ]


def test_a_style_without_a_scene_has_one_of_its_own_and_a_scene_takes_a_style() -> None:
    own = dataclasses.replace(DEMO, pulse=0.5).stage_with()
    assert isinstance(own, Scene)
    assert (own.deck.style, own.map[0].to, own.map[0].range) == ("neon-tide", "zoom", (0.0, 0.125))
    both = dataclasses.replace(DEMO, scene="tide")
    assert both.stage_with() == "tide"
    assert both.opening()[0].args == ("neon-tide",)


def test_a_codebook_that_is_named_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a scene and without one; a picture whose codebook is not named is seen as it is."""
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(tmp_path))
    (tmp_path / "lake.jpg").write_bytes(b"")
    named, plain = (dataclasses.replace(DEMO, style=f"image:lake.jpg{book}") for book in ("@night-pond", ""))
    assert [job.stage_with().deck.params.get("through") for job in (named, plain)] == [1.0, None]
    with_scene = [[c.path for c in dataclasses.replace(job, scene="tide").opening()] for job in (named, plain)]
    assert with_scene == [["/deck/a/style", "/deck/a/through"], ["/deck/a/style"]]


def test_resolutions_have_names() -> None:
    assert parse_resolution("4K") == Size(3840, 2160)
    assert parse_resolution("360p") == Size(640, 360)
    assert parse_resolution("1000x500") == Size(1000, 500)
    with pytest.raises(UserError, match=r"720p.*got: 721p.*did you mean '720p'"):
        parse_resolution("721p")


def test_the_name_of_the_file_suggests_the_codec() -> None:
    names = {"a.mp4": "h264", "a.mov": "h264", "frames": "png", "f/x_%06d.png": "png", "f/x_%06d.exr": "exr"}
    assert {name: codec_for(Path(name)) for name in names} == names

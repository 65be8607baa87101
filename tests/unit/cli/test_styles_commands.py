"""`vj styles`: the shipped library passes its own lint; new, list, show, lint and preview do what they say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from phosphene.engine.cli.styles_commands import app
from phosphene.engine.core.errors import UserError
from phosphene.engine.generators.still import sequence
from phosphene.engine.library.previews import VIDEO_FPS, VIDEO_LIMIT, VIDEO_SECONDS, VIDEO_SIZE, write_video
from phosphene.engine.library.style_lint import faults_of
from phosphene.engine.models.style import Style, list_styles, load_style, style_folder, write_meta


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path))
    return tmp_path


SIGNALS = [{"bass": float(k % 12 == 0), "rms": 0.5} for k in range(24)]


def grown(library: Path, slug: str, seed: int = 1, **fields: object) -> Style:
    """A small style of the library with previews of one second, and `fields` in its style.toml."""
    run("new", "--seed", str(seed), "--width", "16", "--layers", "2", "--slug", slug)
    write_video(library / slug, SIGNALS)
    if fields:
        write_meta(library / slug, load_style(library / slug).meta.model_copy(update=fields))
    return load_style(library / slug)


@pytest.mark.parametrize("slug", list_styles())
def test_a_shipped_style_is_sound_and_complete(slug):
    folder = style_folder(slug)
    style = load_style(folder)
    assert faults_of(style, folder) == []
    assert len(style.palette) == 5
    assert style.meta.description
    assert style.meta.licence == "CC0-1.0"
    history = json.loads((folder / "history.json").read_text())
    assert history.get("options", history)["seed"] == style.meta.seed, "trained ones keep all of their options"
    assert (folder / "preview.mp4").stat().st_size <= VIDEO_LIMIT
    with av.open(str(folder / "preview.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height, float(stream.average_rate)) == (320, 180, VIDEO_FPS)
        assert sum(1 for _ in video.decode(stream)) == round(VIDEO_FPS * VIDEO_SECONDS)


def test_the_library_is_varied():
    styles = [load_style(slug) for slug in list_styles()]
    assert len(styles) >= 10
    widths = [s.spec.width for s in styles if s.kind == "cppn"]
    assert min(widths) == 16
    assert max(widths) == 256
    assert sum(w <= 48 for w in widths) > len(widths) / 2, "most must play on two cores"
    assert len({s.name for s in styles}) == len(styles)


def test_bad_styles_are_listed_beside_the_good(library):
    grown(library, "good", 1)
    text = (library / "good" / "style.toml").read_text()
    for slug, bad in (
        ("deep", text.replace("tags = [", f"tags = [{'[' * 3000}")),
        ("digits", text.replace("seed = 1", "seed = " + "9" * 5000)),
        ("preview", text.replace('"320x180"', '"60000x60000"')),
        ("long", text + "\n[scores]\n" + "".join(f"k{i} = {i}.5\n" for i in range(100_000))),
    ):
        (library / slug).mkdir()
        (library / slug / "style.toml").write_text(bad)
    (library / "pipe").mkdir()
    (library / "pipe" / "style.toml").write_text(text)
    os.mkfifo(library / "pipe" / "weights.safetensors")
    listed = json.loads(run("list", "--json"))
    assert [row["slug"] for row in listed["styles"]] == ["good"]
    assert set(listed["faults"]) == {"deep", "digits", "preview", "long", "pipe"}
    assert all(len(fault) < 1500 and "\n" not in fault for fault in listed["faults"].values())
    assert "1 styles, 5 broken" in run("gallery", "--out", str(library / "g.html"))
    for command in ("lint", "preview"):
        result = CliRunner().invoke(app, [command, *(["--no-video"] if command == "preview" else [])])
        assert result.exit_code in (1, 2)
        assert isinstance(result.exception, SystemExit)
        assert result.output.count("\n") == 6
        assert "good" in result.output


def test_new_grows_the_same_style_from_the_same_seed_anywhere(library, tmp_path):
    run("new", "--seed", "7", "--width", "16", "--layers", "2", "--palette", "gold")
    run("new", "--seed", "7", "--width", "16", "--layers", "2", "--palette", "gold", "--directory", str(tmp_path / "b"))
    a, b = library / "seed-7-w16", tmp_path / "b" / "seed-7-w16"
    for name in ("style.toml", "weights.safetensors", "preview.png", "history.json"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    style = load_style("seed-7-w16")
    assert faults_of(style, a) == ["no preview.mp4: run vj styles preview"]
    write_video(a, SIGNALS)
    assert style.tags == ("untrained", "gold")
    assert "ok" in run("lint", "seed-7-w16")
    listed = json.loads(run("list", "--json"))
    assert [row["slug"] for row in listed["styles"]] == ["seed-7-w16"]
    assert listed["faults"] == {}
    assert json.loads(run("show", "seed-7-w16", "--json"))["parameters"] == style.spec.parameters
    assert "gold" in run("list")


def test_new_takes_inputs_and_activations_as_data(library):
    run(
        "new",
        "--seed",
        "3",
        "--inputs",
        "radius,abs_x,latent0,bass",
        "--activations",
        "tanh,gauss",
        "--slug",
        "odd",
        "--width",
        "24",
    )
    spec = load_style("odd").spec
    assert spec.inputs == ("radius", "abs_x", "latent0", "bass")
    assert spec.layer_activations == ("tanh", "gauss", "tanh")


@pytest.mark.parametrize(
    "arguments",
    [("--slug", "Bad Slug"), ("--palette", "beige"), ("--width", "7"), ("--inputs", ","), ("--inputs", "x,y,luck")],
)
def test_new_refuses_in_words(library, arguments):
    with pytest.raises(UserError):
        run("new", "--seed", "1", *arguments)
    assert list(library.iterdir()) == []


def test_new_never_overwrites(library):
    run("new", "--seed", "1", "--width", "16", "--layers", "2", "--slug", "mine")
    before = (library / "mine" / "style.toml").read_bytes()
    with pytest.raises(UserError, match="the style exists"):
        run("new", "--seed", "2", "--width", "16", "--layers", "2", "--slug", "mine")
    assert (library / "mine" / "style.toml").read_bytes() == before


def test_new_and_import_write_into_no_folder_that_holds_something(library, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "phosphene.engine.cli.import_command.read_checkpoint", lambda *_: pytest.fail("work before the check")
    )
    monkeypatch.setattr("phosphene.engine.cli.styles_commands.write_grown", lambda *_: pytest.fail("work before the check"))
    (library / "mine").mkdir()
    (library / "mine" / "preview.png").write_bytes(b"holiday")
    (library / "link").symlink_to(library / "mine")
    (library / "nowhere").symlink_to(tmp_path / "nothing")
    (library / "file").write_text("a letter")
    for slug in ("mine", "link", "nowhere", "file", "x" * 60 + "/../mine"):
        for command in (["new", "--seed", "1"], ["import", str(tmp_path / "a.pth")]):
            with pytest.raises(UserError, match=r"holds something else|cannot be written|bad slug"):
                run(*command, "--slug", slug)
    assert (library / "mine" / "preview.png").read_bytes() == b"holiday"
    assert not (tmp_path / "nothing").exists()


def test_an_empty_folder_is_free_for_a_style(library):
    (library / "mine").mkdir()
    run("new", "--seed", "1", "--width", "16", "--layers", "2", "--slug", "mine")
    assert load_style("mine").slug == "mine"


def test_lint_and_list_name_what_is_broken_and_go_on(library):
    grown(library, "good", 1)
    grown(library, "stale", 2)
    run("new", "--seed", "4", "--width", "16", "--layers", "2", "--slug", "cut")
    Image.fromarray(np.zeros((180, 320, 3), np.uint8)).save(library / "stale" / "preview.png")
    (library / "cut" / "weights.safetensors").write_bytes(b"short")
    result = CliRunner().invoke(app, ["lint"])
    assert result.exit_code == 1
    assert "good: ok" in result.output
    assert "stale: preview.png is not what the network paints" in result.output
    assert "cut: the weights are damaged" in result.output
    assert list(json.loads(run("list", "--json"))["faults"]) == ["cut"]
    assert "cut: the weights are damaged" in run("list")
    run("preview", "stale", "--no-video")
    assert "ok" in run("lint", "stale")


def test_the_video_shows_what_the_style_paints(library):
    run("new", "--seed", "1", "--width", "16", "--layers", "2", "--slug", "a")
    size = write_video(library / "a", SIGNALS)
    assert size == (library / "a" / "preview.mp4").stat().st_size <= VIDEO_LIMIT
    with av.open(str(library / "a" / "preview.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    painted = list(sequence(load_style("a"), VIDEO_SIZE, SIGNALS, 1 / VIDEO_FPS))
    assert len(frames) == 24
    for shown, wanted in zip(frames[::8], painted[::8], strict=True):
        assert np.abs(shown / 255.0 - wanted).mean() < 0.02


def test_the_list_is_filtered_and_sorted(library):
    scores = {"judge_untrained": 0.1}
    grown(library, "a", 1, genres=("Techno",), energy=0.9, tags=("gold", "sharp"), scores=scores | {"judge": 0.2})
    grown(library, "b", 2, genres=("ambient",), energy=0.1, tags=("soft",), scores=scores | {"judge": 0.5})
    grown(library, "c", 3, tags=("Gold",))

    def slugs(*arguments: str) -> list[str]:
        return [row["slug"] for row in json.loads(run("list", "--json", *arguments))["styles"]]

    assert slugs() == ["a", "b", "c"]
    assert slugs("--sort", "judge") == ["b", "a", "c"]
    assert slugs("--sort", "energy") == ["a", "b", "c"], "what nobody said comes last"
    assert slugs("--tag", "gold") == ["a", "c"]
    assert slugs("--genre", "techno") == ["a"]
    assert slugs("--genre", "techno", "--tag", "soft") == []
    assert "judge gain" in run("list")
    with pytest.raises(UserError, match="--sort"):
        run("list", "--sort", "luck")

"""`vj styles import`: a checkpoint of the first kind becomes a style that is sound, moves with the music, and plays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from phosphene.engine.cli.import_command import slug_of  # noqa: E402
from phosphene.engine.cli.styles_commands import app  # noqa: E402
from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.core.frame import Size  # noqa: E402
from phosphene.engine.generators.still import preview_still, sequence, still  # noqa: E402
from phosphene.engine.library.previews import write_video  # noqa: E402
from phosphene.engine.library.style_lint import faults_of  # noqa: E402
from phosphene.engine.models.cppn import CppnSpec, random_weights  # noqa: E402
from phosphene.engine.models.style import check_slug, load_style  # noqa: E402

SIGNALS = [{"bass": float(k % 12 == 0), "rms": 0.5} for k in range(24)]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path / "styles"))
    return tmp_path / "styles"


def checkpoint(path: Path, width: int = 128, layers: int = 4, **changes) -> Path:
    """A file as the first trainer wrote it, with the weights that it started from."""
    weights = random_weights(CppnSpec(width=max(width, 16), layers=layers), 3)
    state = {}
    for i, (w, b) in enumerate(weights):
        name = "output_layer" if i == layers else f"layers.{i}"
        rows, columns = (3 if i == layers else width), (12 if i == 0 else width)
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.from_numpy(w[:rows, :columns]), torch.from_numpy(b[:rows])
    content = {
        "state_dict": state,
        "prompt": "cosmic nebula, purples and blues",
        "best_similarity": 0.2452,
        "clip_model": "RN50",
        "audio_file": "/home/somebody/Music/track.mp3",
        "resolution_pyramid": [256, 512],
        "iterations": 400,
        "cppn_config": {"input_dim": 12, "hidden_dim": width, "num_layers": layers},
    }
    torch.save(content | changes, path)
    return path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["import", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_an_imported_style_is_sound_and_says_where_it_is_from(library, tmp_path):
    said = run(str(checkpoint(tmp_path / "Cosmic Nebula_128.pth")), "--no-video", "--licence", "CC-BY-4.0")
    folder = library / "cosmic-nebula-128"
    assert "51587 parameters" in said
    assert "note" not in said
    style = load_style(folder)
    write_video(folder, SIGNALS)
    assert faults_of(style, folder) == []
    meta = style.meta
    assert (meta.name, meta.licence, meta.prompt) == ("Cosmic nebula 128", "CC-BY-4.0", "cosmic nebula, purples and blues")
    assert meta.scores == {"clip_seed": 0.2452}
    assert "one picture" in meta.description
    assert meta.tags == ("imported",)
    assert len(style.palette) == 5
    history = json.loads((folder / "history.json").read_text())
    assert (history["source"], history["audio"]) == ("Cosmic Nebula_128.pth", "track.mp3")
    assert "somebody" not in (folder / "history.json").read_text() + (folder / "style.toml").read_text()


@pytest.mark.parametrize(("width", "layers", "zoom"), [(4, 3, 1.0), (128, 4, 6.28)])
def test_it_reacts_to_sound_as_our_own_do_and_does_not_flicker(library, tmp_path, width, layers, zoom):
    run(str(checkpoint(tmp_path / "a.pth", width, layers)), "--no-video", f"--zoom={zoom}")
    style = load_style("a")
    assert set(style.scales) == {"time", "bass", "mid", "treble", "centroid", "rolloff", "onset", "beat", "rms", "time_ramp"}
    assert all(0.0 < scale <= 3.0 for scale in style.scales.values())
    picture = preview_still(style, Size(96, 54)).copy()
    assert picture.shape == (54, 96, 3)
    time, signals = style.meta.preview.time, dict(style.meta.preview.signals)
    quiet = still(style, Size(96, 54), time, signals | {"bass": 0.0}).copy()
    loud = still(style, Size(96, 54), time, signals | {"bass": 1.0})
    moved = float(np.sqrt(np.mean((loud - quiet) ** 2)))
    assert 0.03 < moved < 0.4
    frames = np.stack(list(sequence(style, Size(64, 36), [signals] * 24, 1.0 / 24.0)))
    assert 0.0 < np.abs(np.diff(frames, axis=0)).mean() < 0.02


def test_what_is_wrong_with_a_network_is_said(library, tmp_path):
    said = run(str(checkpoint(tmp_path / "a.pth", 16, 10)), "--no-video")  # so deep at this gain that it is noise
    assert "note: " in said
    assert "preview.mp4" not in said


def test_licence_and_names_when_nobody_says(library, tmp_path):
    run(str(checkpoint(tmp_path / "!!!.pth", 16)), "--no-video")
    meta = load_style("imported").meta
    assert (meta.licence, meta.name) == ("unknown", "Imported")


def test_a_place_a_name_and_a_slug(library, tmp_path):
    run(
        str(checkpoint(tmp_path / "a.pth", 16)),
        "--no-video",
        "--slug",
        "b-1",
        "--name",
        "Bee",
        "--directory",
        str(tmp_path / "out"),
    )
    assert load_style(tmp_path / "out/b-1").name == "Bee"
    assert not library.exists()


def test_the_video_comes_unless_refused(library, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("phosphene.engine.cli.import_command.write_video", lambda folder: written.append(folder))
    run(str(checkpoint(tmp_path / "a.pth", 16)))
    run(str(checkpoint(tmp_path / "b.pth", 16)), "--no-video")
    assert written == [library / "a"]


@pytest.mark.parametrize(
    "slug", ["", "..", "../up", "/etc/x", "a/b", "A", "-a", "a b", "a\n", "ä", "a" * 61, "con.", "a\\b"]
)
def test_a_slug_is_never_a_path(library, tmp_path, slug):
    with pytest.raises(UserError, match="bad slug"):
        check_slug(slug)
    with pytest.raises(UserError, match="bad slug"):
        run(str(checkpoint(tmp_path / "a.pth", 16)), f"--slug={slug}")
    assert not library.exists()


def test_slugs_of_files():
    assert slug_of(Path("/x/Cosmic Nebula_128.pth")) == "cosmic-nebula-128"
    assert slug_of(Path("../..")) == "imported"
    assert check_slug(slug_of(Path("ä" * 300 + "b" * 300))) == "b" * 60


def test_nothing_is_written_over_and_nothing_is_left_of_a_refused_file(library, tmp_path):
    run(str(checkpoint(tmp_path / "a.pth", 16)), "--no-video")
    before = (library / "a/weights.safetensors").read_bytes()
    with pytest.raises(UserError, match="exists"):
        run(str(checkpoint(tmp_path / "a.pth", 32)), "--no-video")
    assert (library / "a/weights.safetensors").read_bytes() == before
    (tmp_path / "bad.pth").write_bytes(b"no checkpoint")
    with pytest.raises(UserError):
        run(str(tmp_path / "bad.pth"), "--no-video")
    assert [path.name for path in library.iterdir()] == ["a"]

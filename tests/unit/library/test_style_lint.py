"""`vj styles lint` and `show` on what training makes: scores beside nulls, previews, mud, flicker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from phosphene.engine.cli.styles_commands import app
from phosphene.engine.library.previews import write_video
from phosphene.engine.library.style_lint import faults_of, turning_back, warnings_of
from phosphene.engine.models.style import Style, load_style, write_meta, write_style


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


SCORES = {
    "judge": 0.31, "judge_sd": 0.02, "judge_untrained": 0.1, "judge_random": 0.2, "reactivity": 0.4, "reactivity_null": 0.12,
    "rank": 1.0, "flicker": 0.002,
}  # fmt: skip
TRAINED = {"guide": "motif", "judge": "motif judge", "prompt": "molten [gold]", "genres": ("techno",), "energy": 0.8}


def test_a_trained_style_that_beats_its_nulls_is_sound_and_shows_them(library):
    style = grown(library, "a", scores=SCORES, **TRAINED)
    assert faults_of(style, library / "a") == []
    assert warnings_of(style) == []
    shown = run("show", "a")
    for text in (
        "molten [gold]",
        "motif judge",
        "0.310 ± 0.020",
        "untrained 0.100",
        "best of random 0.200",
        "shuffled 0.120",
    ):
        assert text in shown, text
    facts = json.loads(run("show", "a", "--json"))
    assert facts["scores"] == SCORES
    assert facts["judge_gain"] == pytest.approx(0.21)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"judge": 0.1}, "judge 0.100 is not above untrained, 0.100"),
        ({"reactivity": 0.05}, "reactivity 0.050 is not above shuffled, 0.120"),
        ({"judge_untrained": None}, "no score judge beside judge_untrained"),
    ],
)
def test_a_trained_style_that_does_not_beat_its_nulls_is_refused(library, change, fault):
    scores = {k: v for k, v in (SCORES | change).items() if v is not None}
    style = grown(library, "a", scores=scores, **TRAINED)
    assert [f for f in faults_of(style, library / "a") if fault in f]
    result = CliRunner().invoke(app, ["lint", "a"])
    assert result.exit_code == 1
    assert fault in result.output


def test_a_confused_judge_and_mere_luck_are_warnings(library):
    grown(library, "a", scores=SCORES | {"rank": 3.0, "judge_random": 0.4}, **TRAINED)
    said = run("lint", "a")
    assert "a: ok" in said
    assert "warning: the judge puts its own prompt at place 3" in said
    assert "warning: judge 0.310 is not above the best of random networks, 0.400" in said
    grown(library, "b", scores={k: v for k, v in SCORES.items() if k != "rank"}, **TRAINED)
    assert "warning: never compared" in run("lint", "b")


def test_a_trained_style_of_the_library_says_what_music_it_is_for(library, tmp_path):
    style = grown(library, "a", scores=SCORES, **(TRAINED | {"genres": (), "tags": ()}))
    assert faults_of(style, library / "a") == ["style.toml does not say genres, tags"]
    (library / "a").rename(tmp_path / "elsewhere")
    monkey = tmp_path / "runs" / "one"
    monkey.mkdir(parents=True)
    (tmp_path / "elsewhere").rename(monkey / "style")
    assert faults_of(load_style(monkey / "style"), monkey / "style") == [], "a run's own style need not be sorted yet"


def test_lint_sees_missing_and_damaged_previews_and_a_heavy_bundle(library):
    style = grown(library, "a")
    folder = library / "a"
    (folder / "preview.mp4").write_bytes(b"not a film")
    (folder / "preview.png").write_bytes(b"not a picture")
    (folder / "leftover.bin").write_bytes(bytes(300_000))
    found = faults_of(style, folder)
    assert found[0] == "preview.png cannot be decoded: run vj styles preview"
    assert found[1] == "preview.mp4 cannot be decoded: run vj styles preview"
    assert found[2].endswith("KB without the video, more than 300")
    for name in ("preview.mp4", "preview.png", "leftover.bin"):
        (folder / name).unlink()
    assert faults_of(style, folder) == ["no preview.png: run vj styles preview", "no preview.mp4: run vj styles preview"]


def repainted(library: Path, scale: float, offset: tuple[float, float, float], inner: float = 1.0) -> list[str]:
    """The faults of a style whose last layer is scaled and moved, and whose first is scaled."""
    style = grown(library, "a")
    weights = [(w.copy(), b.copy()) for w, b in style.weights]
    weights[0] = (weights[0][0] * inner, weights[0][1])
    w, b = weights[-1]
    weights[-1] = (w * scale, b * scale + np.float32(offset))
    write_style(library / "a", style.meta, weights)
    run("preview", "a", "--no-video")
    return faults_of(load_style("a"), library / "a")


def test_mud_is_a_fault_and_a_pale_picture_is_not(library):
    logits = (-0.6, -0.7, -0.8)  # a grey brown
    assert any("mud" in fault for fault in repainted(library, 0.06, logits))


def test_a_pale_picture_is_not_mud(library):
    assert not any("mud" in fault for fault in repainted(library, 0.08, (2.2, 1.5, 1.9)))


def test_flicker_is_a_fault(library):
    assert not any("flickers" in fault for fault in faults_of(grown(library, "calm"), library / "calm"))
    assert any("flickers" in fault for fault in repainted(library, 1.0, (0.0, 0.0, 0.0), inner=400.0))


def test_what_turns_back_is_flicker_and_what_moves_on_is_not():
    frames = np.zeros((24, 2, 2, 3))
    frames[::2] = 0.1
    assert turning_back(frames) == pytest.approx(0.2), "a pixel that alternates by a tenth"
    assert turning_back(np.linspace(0.0, 1.0, 24).reshape(24, 1, 1, 1) ** 2 * np.ones((1, 2, 2, 3))) == 0.0
    frames[:, 0] = 0.5
    assert turning_back(frames) == pytest.approx(0.1), "half of the picture"

"""Shaders in a show: called like a style, refused with a reason where they hang, and the same in every render."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage, open_for_render
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_state import StageSnapshots
from phosphene.engine.app.telemetry import shader_inputs
from phosphene.engine.app.watch import ShaderWatch
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_trial import remember
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.frame import Size
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.gpu.context import info
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.library.scene_facts import read_facts
from phosphene.engine.models.shaders import find_shader, load_shader
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.layers import Layers
from phosphene.engine.show.scene import Scene
from phosphene.engine.show.setlist import EMPTY
from tests.unit.app.playing import play, put

SIZE = Size(96, 54)


def make_stage() -> Stage:
    pcm = 0.3 * np.sin(2 * np.pi * 60 * np.arange(96_000) / 48_000).astype(np.float32)
    governor, renderer = Governor(SIZE, 24, fixed=SIZE), info()["renderer"]
    made, _ = build_stage(
        OfflineClock(24), FileAnalysis(pcm), SIZE, governor, NoActions(), renderer=renderer, backend="cpu", inline=True
    )
    return made


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def stage(gl: object) -> Iterator[Stage]:
    made = make_stage()
    yield made
    close_stage(made)


def test_a_shader_is_called_like_a_style(stage: Stage) -> None:
    put(stage, "/deck/a/style", "shader:loom")
    plain = play(stage, 3)
    assert stage.state.a.style == "shader:loom"
    assert stage.playing["a"].backend == "isf"
    assert not stage.mixer.faults
    assert plain.std() > 0.05
    assert shader_inputs(stage, "a").startswith("1 Tiles, 2 Width")
    assert shader_inputs(stage, "b") == ""
    put(stage, "/deck/a/shader1", 1.0)
    assert np.abs(play(stage, 1) - plain).mean() > 0.02


def test_it_crossfades_and_takes_effects_like_any_style(stage: Stage) -> None:
    put(stage, "/deck/a/style", "shader:moire")
    put(stage, "/deck/b/style", "neon-tide")
    put(stage, "/deck/a/fx/mirror/amount", 1.0)
    put(stage, "/crossfade", 0.5)
    picture = play(stage, 4)
    assert (stage.playing["a"].backend, stage.playing["b"].backend) == ("isf", "cpu")
    assert not stage.mixer.faults
    assert np.isfinite(picture).all()
    assert picture.std() > 0.02


def test_one_that_is_in_quarantine_never_reaches_the_stage(stage: Stage) -> None:
    put(stage, "/deck/a/style", "shader:loom")
    before = play(stage, 3)
    isf = load_shader("shader:facets")
    remember(isf, Verdict(False, "it hung", str(isf.path)), info()["renderer"])
    put(stage, "/deck/a/style", "shader:facets")
    after = play(stage, 2)
    assert stage.state.a.style == "shader:loom"
    assert "it hung" in stage.messages[-1]
    assert np.abs(after - before).mean() < 0.2
    assert not stage.mixer.faults


@pytest.mark.parametrize("name", ["shader:nothing", "shader:slices", "shader:../../etc/passwd"])
def test_what_is_none_is_refused(stage: Stage, name: str) -> None:
    put(stage, "/deck/a/style", name)
    play(stage, 2)
    assert stage.state.a.style == "idle"
    assert "refused" in stage.messages[-1]


def test_a_scene_names_a_shader_and_maps_its_inputs(gl: object) -> None:
    scene = Scene.model_validate(
        {
            "slug": "s", "version": 1, "name": "S", "deck": {"style": "shader:aperture", "params": {"shader2": -0.3}},
            "map": [{"signal": "bass", "to": "shader3", "range": [0.0, 0.8]}],
        }
    )  # fmt: skip
    pictures = []
    for _ in range(2):
        stage = make_stage()
        open_for_render(stage, scene)
        pictures.append(play(stage, 12))
        assert stage.shown is not None
        assert stage.shown.a.params["shader2"] == pytest.approx(-0.3)
        assert stage.shown.a.params["shader3"] > 0.1
        close_stage(stage)
    assert np.array_equal(*pictures)
    assert pictures[0].std() > 0.02


def test_a_take_knows_which_shader_it_was(stage: Stage) -> None:
    put(stage, "/deck/a/style", "shader:coral")
    play(stage, 4)
    told = json.loads(json.dumps(StageSnapshots(stage).opening()["decks"]["a"]))
    assert told["style"] == "shader:coral"
    assert told["sha256"] == load_shader("shader:coral").sha256


def test_shows_scenes_and_pages_know_the_shaders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phosphene.engine.desk.library.input_names", lambda: ["demo"])
    catalogue = show_catalogue()
    assert "shader:skyline" in catalogue.styles
    assert "shader:slices" not in catalogue.styles
    cards = {card["slug"]: card for card in DeskLibrary(catalogue, EMPTY).document()["styles"]}
    assert cards["shader:skyline"]["kind"] == "isf"
    assert cards["shader:skyline"]["fault"] == ""
    monkeypatch.setenv("PHOSPHENE_SCENES", str(tmp_path))
    text = 'version = 1\nname = "City"\ntags = ["night"]\n[deck]\nstyle = "shader:skyline"\nparams = { shader1 = 0.5 }\n'
    (tmp_path / "city.toml").write_text(text)
    assert "city" in read_facts(show_catalogue())


def test_a_shader_that_was_saved_is_loaded_again(gl: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path / "shaders"))
    (tmp_path / "shaders").mkdir()
    path = tmp_path / "shaders" / "one.fs"
    stage, watch = make_stage(), ShaderWatch(find_shader)

    def saved(text: str, t: float) -> np.ndarray:
        path.write_text(f'/*{{"INPUTS": []}}*/ void main() {{ {text} }}')
        os.utime(path, (t, t))
        watch.look(stage)
        watch.check()
        watch.look(stage)
        return play(stage, 2).mean(axis=(0, 1))

    saved("gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0);", 1.0)
    put(stage, "/deck/a/style", "shader:one")
    play(stage, 2)
    red = saved("gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0);", 1.0)
    green = saved("gl_FragColor = vec4(0.0, 1.0, 0.0, 1.0);", 2.0)
    broken = saved("gl_FragColor = nothing;", 3.0)
    assert "does not compile" in stage.messages[-1]
    again = saved("gl_FragColor = vec4(0.0, 0.0, 1.0, 1.0);", 4.0)
    close_stage(stage)
    assert red[0] > 0.8 > 0.2 > red[1]
    assert green[1] > 0.8 > 0.2 > green[0]
    assert broken[1] > 0.8
    assert again[2] > 0.8 > 0.2 > again[1]


def test_what_loads_is_not_pushed_aside_by_a_saved_file(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    decks = {
        "a": SimpleNamespace(style="shader:one", wanted="neon-tide", layers=Layers()),
        "b": SimpleNamespace(style="idle", wanted=None, layers=Layers()),
    }
    state = SimpleNamespace(deck=decks.get, staged=None)
    loader = SimpleNamespace(request_style=lambda deck, name, beside: asked.append((deck, name)))
    stage = SimpleNamespace(state=state, ready={}, loader=loader, say=lambda line: None)
    watch = ShaderWatch(lambda name: tmp_path / "one.fs")
    for t in (1.0, 2.0):
        (tmp_path / "one.fs").touch()
        os.utime(tmp_path / "one.fs", (t, t))
        watch.look(stage)
        watch.check()
        watch.look(stage)
    assert asked == []
    decks["a"].wanted = None
    watch.look(stage)
    watch.look(stage)
    assert asked == [("a", "shader:one")]

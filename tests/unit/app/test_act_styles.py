"""Acts with styles of all kinds on a real stage: seen in turn, left out where they fail, and the same in a rerender."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage, open_for_render, open_scene
from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_log import read_take
from phosphene.engine.app.watch import ShaderWatch
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_trial import remember
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.shaders import find_shader, load_shader
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.change import StyleReady
from tests.unit.app.playing import play, put
from tests.unit.app.taken import RECORDED_FROM, Script, make_take
from tests.unit.app.test_pipeline import SIZE, kicks
from tests.unit.app.test_rerender import frames_in

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.gl

SCENE = """version = 1
name = "Many"
[deck]
style = "neon-tide"
params = { level = 0.8, speed = 0.5 }
[transition]
kind = "cut"
start = "now"
[[act]]
name = "own"
[[act]]
name = "loops"
beats = 1
style = "night-pond"
[[act]]
name = "mask"
beats = 1
style = "bone-mask"
[[act]]
name = "shader"
beats = 1
style = "shader:moire"
[[act]]
name = "picture"
beats = 0
style = "image:dot.png"
"""
ACTS = ("own", "loops", "mask", "shader", "picture")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PHOSPHENE_HOME", str(folder))
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(folder / "media"))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(folder / "cache"))
    remember(load_shader("shader:moire"), Verdict(True), "some renderer")
    (folder / "scenes").mkdir()
    (folder / "media").mkdir()
    (folder / "scenes" / "many.toml").write_text(SCENE, "utf-8")
    y, x = np.mgrid[:90, :160]
    dot = np.where((x - 80) ** 2 + (y - 45) ** 2 < 900, 255, 30).astype(np.uint8)
    Image.fromarray(dot).convert("RGB").save(folder / "media" / "dot.png")
    return folder


@pytest.fixture
def stage(gl) -> Iterator[Stage]:
    governor = Governor(SIZE, 24, fixed=SIZE)
    made, _ = build_stage(
        OfflineClock(24), FileAnalysis(kicks()), SIZE, governor, NoActions(), renderer="llvmpipe", inline=True
    )
    yield made
    close_stage(made)


def test_every_kind_of_style_comes_in_with_its_act(stage: Stage) -> None:
    open_scene(stage, "many")
    play(stage, 3)
    assert set(stage.beside["a"]) == {"night-pond", "bone-mask", "shader:moire", "image:dot.png"}
    pictures = {}
    for name in ACTS:
        put(stage, "/deck/a/act", name)
        play(stage, 30)
        pictures[name] = play(stage, 1)
        assert stage.state.a.direction.act.name == name
        assert not stage.mixer.faults
    for a in ACTS:
        assert pictures[a].std() > 0.01, a
        for b in ACTS:
            assert a == b or np.abs(pictures[a] - pictures[b]).mean() > 0.01, (a, b)


def test_a_change_in_a_deck_is_the_sum_of_both_by_its_share(stage: Stage) -> None:
    open_scene(stage, "many")
    play(stage, 3)
    put(stage, "/deck/a/speed", 0.0)  # neither moves by itself
    put(stage, "/deck/a/react", 0.0)
    put(stage, "/deck/a/act", "shader")
    steps = [play(stage, 1) for _ in range(24)]
    whole = np.abs(steps[-1] - steps[0]).mean()
    jumps = [np.abs(b - a).mean() for a, b in itertools.pairwise(steps)]
    assert stage.state.a.shares == (("shader:moire", 1.0),)
    assert whole > 0.05
    assert max(jumps) < 0.25 * whole, "one beat is twelve frames: none in which it pops"


def test_a_style_that_raises_is_left_out_and_the_deck_plays_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    open_scene(stage, "many")
    play(stage, 3)
    put(stage, "/deck/a/act", "mask")
    play(stage, 30)
    broken = stage.beside["a"]["bone-mask"].generator

    def fail(*_):
        raise RuntimeError("the driver went away")

    monkeypatch.setattr(broken, "render", fail)
    before = play(stage, 1)
    after = play(stage, 4)
    assert any("trying the next one" in line for line in stage.messages)
    assert after.std() > 0.01
    assert "a" not in stage.mixer.faults
    assert before.std() > 0.01, "the deck's own style stood in"


def test_a_style_that_cannot_be_loaded_is_said_and_its_act_plays_without(stage: Stage, home: Path) -> None:
    (home / "media" / "dot.png").write_bytes(b"no picture")
    open_scene(stage, "many")
    play(stage, 3)
    assert sum("of an act is refused, deck a plays on as it is" in line for line in stage.messages) == 1
    put(stage, "/deck/a/act", "picture")
    picture = play(stage, 10)
    assert stage.state.a.seen == "neon-tide"
    assert picture.std() > 0.01


def test_a_render_refuses_a_scene_whose_act_cannot_have_its_style(stage: Stage, home: Path) -> None:
    (home / "media" / "dot.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="cannot be opened"):
        open_for_render(stage, "many")


def test_what_is_no_more_needed_is_freed(stage: Stage) -> None:
    open_scene(stage, "many")
    play(stage, 3)
    closed = []
    for style, loaded in stage.beside["a"].items():
        close = loaded.generator.close
        loaded.generator.close = lambda close=close, style=style: (closed.append(style), close())
    put(stage, "/crossfade", 1.0)
    put(stage, "/scene", "glass")
    play(stage, 60)
    assert stage.state.a.scene == "glass"
    assert (stage.beside["a"], set(closed)) == ({}, {"night-pond", "bone-mask", "shader:moire", "image:dot.png"})
    assert "a" not in stage.layered


SCRIPT: Script = {
    0: (("/scene", ("many",)),),
    16: (("/deck/b/act", ("loops",)),),
    RECORDED_FROM - 2: (("/deck/b/act", ("mask",)),),  # in the middle of a change when the take begins
    RECORDED_FROM - 1: (("/record", (1,)),),
    50: (("/deck/b/act", ("shader",)),),
    70: (("/deck/b/act", ("picture",)),),
    90: (("/deck/b/next_act", ()),),
    100: (("/deck/b/act", ("shader",)),),
    110: (("/scene", ("many",)),),
}


def test_a_rerender_has_every_act_s_style_to_the_digit(tmp_path: Path) -> None:
    ended: list[dict] = []
    take, seen = make_take(tmp_path / "takes", SCRIPT, (), lambda stage: ended.append(dict(stage.state.b.shares)))
    log = read_take(take)
    assert {each["style"] for each in log.start["decks"]["b"]["beside"]} == {
        "night-pond", "bone-mask", "shader:moire", "image:dot.png"
    }  # fmt: skip
    assert any(isinstance(x.given, StyleReady) and x.given.beside for x in log.inputs), "the scene that came in last"
    assert {"night-pond", "bone-mask", "shader:moire", "image:dot.png", "neon-tide"} <= set(log.styles)
    first = rerender(RerenderJob(take, tmp_path / "frames", codec="png", signals="log"))
    found = frames_in(tmp_path / "frames")
    assert np.std([each.picture[..., :3].mean() for each in seen.values()]) > 1.0
    for k, each in seen.items():
        off = np.abs(found[k].astype(int) - each.picture[..., :3].astype(int))
        assert off.max() <= 1, k
    again = rerender(RerenderJob(take, tmp_path / "again", codec="png", signals="log"))
    assert first.digest == again.digest


def test_a_shader_of_an_act_is_drawn_anew_when_its_file_is_saved(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaders = home / "shaders"
    shaders.mkdir()
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(shaders))
    watch = ShaderWatch(find_shader)

    def saved(text: str, t: float) -> np.ndarray:
        (shaders / "one.fs").write_text(f'/*{{"INPUTS": []}}*/ void main() {{ gl_FragColor = {text}; }}')
        os.utime(shaders / "one.fs", (t, t))
        for _ in range(2):
            watch.look(stage)
            watch.check()
        watch.look(stage)
        return play(stage, 30).mean(axis=(0, 1))

    saved("vec4(1.0, 0.0, 0.0, 1.0)", 1.0)
    remember(load_shader("shader:one"), Verdict(True), "some renderer")
    open_scene(stage, "many")
    put(stage, "/deck/a/add_act", "red")
    put(stage, "/deck/a/act_style", "shader:one", "red")
    put(stage, "/deck/a/act", "own")
    play(stage, 4)
    assert any("too many" in line for line in (stage.state.message, *stage.messages)), "four styles are there already"
    put(stage, "/deck/a/remove_act", "picture")
    put(stage, "/deck/a/act_style", "shader:one", "red")
    play(stage, 4)
    put(stage, "/deck/a/act", "red")
    red = saved("vec4(1.0, 0.0, 0.0, 1.0)", 1.0)
    (shaders / "one.fs").write_text('/*{"INPUTS": []}*/ void main() { gl_FragColor = vec4(0.0, 1.0, 0.0, 1.0); }')
    remember(load_shader("shader:one"), Verdict(True), "some renderer")
    green = saved("vec4(0.0, 1.0, 0.0, 1.0)", 2.0)
    assert red[0] > 2.0 * red[1]
    assert green[1] > 2.0 * green[0]

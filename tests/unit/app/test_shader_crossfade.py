"""Crossfades with shaders in a show: by hand, by a scene, in a take; and as a dissolve, said, where one is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app.pipeline import close_stage, open_for_render
from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_log import check_styles, read_take
from phosphene.engine.app.take_state import StageSnapshots
from phosphene.engine.app.watch import TransitionWatch
from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_known import tried
from phosphene.engine.backends.isf_trial import remember
from phosphene.engine.gpu.context import info
from phosphene.engine.models.isf import read_isf
from phosphene.engine.show.scene import Scene
from tests.unit.app.taken import RECORDED_FROM, Script, make_take
from tests.unit.app.test_rerender import frames_in
from tests.unit.app.test_shaders import make_stage, play, put

pytestmark = pytest.mark.gl
# The end comes in from its own past: what is painted depends on all frames of the crossfade.
SLOW = """/*{"INPUTS": [{"NAME": "startImage", "TYPE": "image"}, {"NAME": "endImage", "TYPE": "image"},
{"NAME": "progress", "TYPE": "float"}], "PASSES": [{"TARGET": "past", "PERSISTENT": true, "FLOAT": true}]}*/
void main() {
    float before = IMG_THIS_PIXEL(past).a, share = mix(before, progress, 0.2);
    gl_FragColor = vec4(mix(IMG_THIS_PIXEL(startImage).rgb, IMG_THIS_PIXEL(endImage).rgb, share), share + 0.001);
}"""


@pytest.fixture
def stage(gl: object) -> Iterator[Stage]:
    made = make_stage()
    yield made
    close_stage(made)


def test_a_hand_crossfades_with_a_shader_both_ways(stage: Stage) -> None:
    put(stage, "/deck/a/style", "shader:loom")
    put(stage, "/deck/b/style", "shader:facets")
    for deck in "ab":  # they stand still
        put(stage, f"/deck/{deck}/speed", 0.0)
        put(stage, f"/deck/{deck}/react", 0.0)
    play(stage, 3)

    def at(mix: float, kind: str) -> np.ndarray:
        put(stage, "/crossfade/kind", kind)
        put(stage, "/crossfade", mix)
        return play(stage, 1).astype(float)

    def same(one: np.ndarray, other: np.ndarray) -> bool:
        return float(np.abs(one - other).max()) < 2.5 / 255.0  # each frame has its own dither

    ends = at(0.0, "cut"), at(1.0, "cut")
    assert same(at(0.0, "shader-petals"), ends[0])
    half = at(0.5, "shader-petals")
    assert stage.state.kind == "shader-petals"
    assert not stage.mixer.faults
    assert min(np.abs(half - end).mean() for end in ends) > 0.02
    assert np.abs(half - at(0.5, "dissolve")).mean() > 0.02
    assert same(at(1.0, "shader-petals"), ends[1])
    assert same(at(0.5, "shader-petals"), half)


def test_one_that_is_missing_is_a_dissolve_and_said(stage: Stage) -> None:
    scene = {"slug": "s", "version": 1, "name": "S", "deck": {"style": "neon-tide"}, "transition": {"kind": "shader-gone"}}
    open_for_render(stage, Scene.model_validate(scene))
    play(stage, 2)
    assert stage.state.kind == "shader-gone"
    assert stage.mixer.faults == {"crossfade": "there is no such shader"}
    put(stage, "/crossfade", 0.5)
    assert np.isfinite(play(stage, 1)).all()


def test_one_that_was_saved_is_drawn_anew(gl: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "slow.fs"
    header = SLOW[: SLOW.index("*/") + 2]

    def save(body: str, t: float) -> None:
        path.write_text(f"{header} void main() {{ {body} }}")
        os.utime(path, (t, t))

    save("gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0);", 1.0)
    remember(read_isf(path), Verdict(True), "some renderer")
    stage, watch = make_stage(), TransitionWatch({"shader-slow": path}, partial(tried, renderer=info()["renderer"]))
    put(stage, "/crossfade/kind", "shader-slow")
    put(stage, "/crossfade", 0.5)

    def seen() -> list[bool]:
        watch.look(stage)
        watch.check()
        watch.look(stage)
        return [bool(each > 0.5) for each in play(stage, 1).mean(axis=(0, 1))]

    play(stage, 1)
    assert seen() == [True, False, False]
    save("gl_FragColor = vec4(0.0, 1.0, 0.0, 1.0);", 2.0)
    assert seen() == [False, True, False]
    assert stage.messages[-1] == "shader-slow was saved: loaded again"
    assert StageSnapshots(stage).opening()["shaders"] == {"shader-slow": read_isf(path).sha256}
    save("wrong();", 3.0)
    assert seen() == [False, True, False]
    assert "shader-slow refused" in stage.messages[-1]
    path.write_text("/*{}*/ void main() { gl_FragColor = vec4(1.0); }")
    os.utime(path, (4.0, 4.0))
    assert seen() == [False, True, False]
    assert "no transition" in stage.messages[-1]
    save("gl_FragColor = vec4(0.0, 0.0, 1.0, 1.0);", 5.0)
    assert seen() == [False, False, True]
    close_stage(stage)


def test_a_take_has_its_crossfades_and_a_rerender_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "slow.fs").write_text(SLOW)
    remember(read_isf(tmp_path / "slow.fs"), Verdict(True), "some renderer")
    script: Script = {
        0: (("/deck/a/style", ("neon-tide",)), ("/deck/b/style", ("manta",)), ("/crossfade/kind", ("shader-slow",))),
        RECORDED_FROM - 1: (("/record", (1,)),),
        40: (("/crossfade/to", ("b", 2.0)),),
        80: (("/crossfade/to", ("a", 2.0)),),
    }
    take, seen = make_take(tmp_path / "takes", script, missed=())
    rerender(RerenderJob(take, tmp_path / "frames", codec="png", signals="log", compare=False))
    found = frames_in(tmp_path / "frames")
    assert max(np.abs(found[k].astype(int) - each.picture[..., :3]).max() for k, each in seen.items()) <= 1
    assert check_styles(read_take(take)) == []
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "another"))
    (note,) = check_styles(read_take(take))
    assert note.startswith("transition shader-slow is not to be had, and is a dissolve: it has not been tried yet")
    (tmp_path / "slow.fs").write_text(SLOW + "// changed")
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "third"))
    remember(read_isf(tmp_path / "slow.fs"), Verdict(True), "some renderer")
    assert check_styles(read_take(take)) == [
        "shader shader-slow has changed since: it paints other pictures than in the recording"
    ]

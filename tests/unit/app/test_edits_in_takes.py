"""A look made while a take runs: mappings, undo and a scene that is saved are in its rerender, which writes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.app import rerender as rerender_module
from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_log import read_take
from phosphene.engine.core import paths
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.change import SceneNotSaved, SceneReady, SceneSaved
from phosphene.engine.show.scene import load_scene
from tests.unit.app.taken import RECORDED_FROM, Script, make_take

pytestmark = pytest.mark.gl

SLUG = "kept"
NUMBER = sorted((*show_catalogue().scenes, SLUG)).index(SLUG) + 1
PUSH = ("bass", "zoom", "pow2", 0.02, 0.3, 0.0)

SCRIPT: Script = {
    0: (("/deck/a/style", ("neon-tide",)),),
    4: (("/deck/a/map", (*PUSH, 0.5)),),
    20: (("/deck/a/zoom", (1.3,)),),  # before the take: it can be taken back in it
    RECORDED_FROM - 1: (("/record", (1,)),),
    36: (("/deck/a/map", (*PUSH, 2.0)),),
    44: (("/deck/a/map", ("onset", "fx/bloom/amount", "linear", 0.0, 0.4, 0.0, 1.0)),),
    50: (("/deck/a/unmap", ("bass", "zoom")), ("/deck/a/map", ("nobody", "zoom"))),
    56: (("/undo", ()),),
    **{58 + k: (("/deck/a/zoom", (1.4 + k / 10,)),) for k in range(6)},
    68: (("/undo", ()), ("/undo", ()), ("/undo", ()), ("/undo", ())),
    78: (("/scene/save", (SLUG,)),),
    84: (("/scene/number", (NUMBER,)),),
    90: (("/scene/save", (SLUG,)), ("/deck/b/map", ("beat", "rotate", "linear", 0.0, 0.0, 0.0, 0.5))),
    100: (("/crossfade", (1.0,)),),
}


def of_look(stage: Stage) -> tuple:
    state = stage.state
    decks = [(d.style, dict(d.params), d.chain, d.mappings) for d in (state.a, state.b)]
    return decks, state.undo, state.saved, state.scene, state.crossfade, stage.document.catalogue.scenes


def test_a_rerender_has_every_edit_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path / "home"))
    ended: list[tuple] = []
    take, seen = make_take(tmp_path / "takes", SCRIPT, (), lambda stage: ended.append(of_look(stage)))
    (decks, undo, saved, scene, _, scenes) = ended[0]
    assert (saved, scene) == (f"scene {SLUG} is not saved: a scene of that name is there", SLUG)
    assert SLUG in scenes
    assert [m.range for m in decks[0][3]] == [(0.0, 0.5)], "all that came after it was taken back"
    assert decks[0][1]["zoom"] == 1.0, "the fourth step back is the one from before the take"
    assert [step.path for step in undo][-1] == "/deck/b/map"

    written = paths.scene_folders()[0] / f"{SLUG}.toml"
    made = load_scene(written, show_catalogue())
    assert [(m.signal, m.to, m.range) for m in made.map] == [("bass", "zoom", (0.0, 0.5))]
    given = [x.given for x in read_take(take).inputs]
    assert [x for x in given if isinstance(x, SceneSaved)] == [SceneSaved(SLUG)]
    assert sum(isinstance(x, SceneNotSaved) for x in given) == 1
    assert any(isinstance(x, SceneReady) for x in given)

    shutil.rmtree(paths.home() / "scenes")
    play = rerender_module.play

    def watched(stage: Stage, *args, **more):
        found = play(stage, *args, **more)
        ended.append(of_look(stage))
        return found

    monkeypatch.setattr(rerender_module, "play", watched)
    done = rerender(RerenderJob(take, tmp_path / "frames", codec="png", signals="log"))
    assert not (paths.home() / "scenes").exists()
    assert any("/deck/a/map is refused" in line for line in done.messages)
    assert ended[1] == ended[0]
    for k, each in seen.items():
        with av.open(str(tmp_path / "frames" / f"frame_{k:06d}.png")) as file:
            (picture,) = (frame.to_ndarray(format="rgb24") for frame in file.decode(video=0))
        off = np.abs(picture.astype(int) - each.picture[..., :3].astype(int))
        assert off.max() <= 1, "no slot was missed: to the digit"

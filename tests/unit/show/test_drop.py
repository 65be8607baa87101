"""Scenes that come in with the drop: they wait for it, and what else ends the wait."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest

from phosphene.engine.show.change import LoadScene, SceneReady, StyleReady
from phosphene.engine.show.document import Document, ShowState, restore, snapshot
from phosphene.engine.show.setlist import Setlist
from tests.unit.show.test_document import CATALOGUE, SCENES, Stage, scene


def wait_for_drop(stage: Stage, slug: str = "s2", **transition: object) -> None:
    """Call a scene that waits for a drop, and let its style load."""
    waiting = {"kind": "cut", "start": "drop", **transition}
    SCENES[slug] = scene(slug, {"s2": "two", "s3": "three"}[slug], transition=waiting)
    stage.send("/scene", slug)
    stage.seconds(0.2)


@pytest.fixture(autouse=True)
def _scenes_stay() -> Iterator[None]:
    kept = dict(SCENES)
    yield
    SCENES.update(kept)


def test_a_scene_waits_for_a_drop_and_cuts_in_that_frame() -> None:
    stage = Stage()
    wait_for_drop(stage)
    states = stage.seconds(20.0)
    assert {s.crossfade for s in states} == {0.0}, "bars pass, and the deck that is seen goes on"
    assert (stage.state.b.style, stage.state.pending, stage.state.on_standby) == ("two", "s2", True)
    stage.hear(drop=0.8)
    assert stage.frames(1)[0].crossfade == 1.0
    assert (stage.state.scene, stage.state.pending, stage.state.fade) == ("s2", "", None)


def test_with_a_drop_a_fade_begins_at_once_between_two_beats() -> None:
    stage = Stage()
    wait_for_drop(stage, kind="wipe", beats=4)
    stage.seconds(0.37)
    stage.hear(drop=0.5)
    stage.frames(1)
    assert stage.state.fade is not None
    assert stage.state.fade.running
    states = stage.seconds(2.1)  # four beats at 120 bpm
    assert [s.crossfade for s in states] == sorted(s.crossfade for s in states)
    assert states[-1].crossfade == 1.0


def test_only_a_rise_is_a_drop() -> None:
    stage = Stage()
    stage.hear(drop=0.9)
    stage.frames(1)
    wait_for_drop(stage)
    for level in (0.9, 0.6, 0.3, 0.1, 0.15, math.nan, 0.05, 0.0, math.inf * 0.0):
        stage.hear(drop=level)
        stage.frames(1)
        assert stage.state.on_standby, level
    stage.heard = None  # nothing is heard: a stage without sound
    stage.frames(2)
    assert stage.state.on_standby
    stage.hear(drop=0.3)
    stage.frames(1)
    assert stage.state.crossfade == 1.0


def test_called_a_second_time_it_waits_no_longer() -> None:
    stage = Stage()
    wait_for_drop(stage)
    loads = stage.actions.count(LoadScene("s2"))
    stage.send("/scene", "s2")
    assert stage.state.crossfade == 1.0
    assert stage.actions.count(LoadScene("s2")) == loads, "it is on its deck: nothing is read again"


def test_called_twice_while_it_loads_it_waits_for_nothing_but_that() -> None:
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    waiting = scene("s2", "two", transition={"kind": "cut", "start": "drop"})
    stage.send("/scene", "s2")
    stage.inputs(SceneReady(waiting))
    stage.send("/scene", "s2")
    stage.inputs(SceneReady(waiting), StyleReady("b", "two"))
    stage.frames(1)
    assert (stage.state.scene, stage.state.crossfade) == ("s2", 1.0)


def test_the_scene_on_stage_called_again_waits_for_no_drop() -> None:
    """Its file was saved, or its style is to begin anew."""
    stage = Stage()
    wait_for_drop(stage)
    stage.hear(drop=1.0)
    stage.frames(1)
    stage.hear(drop=0.0)
    stage.send("/scene", "s2")
    stage.seconds(0.5)
    assert (stage.state.crossfade, stage.state.pending) == (0.0, "")


def test_another_scene_takes_the_place_of_one_that_waits() -> None:
    stage = Stage()
    wait_for_drop(stage)
    stage.send("/scene", "s3")
    stage.seconds(6.0)
    assert (stage.state.scene, stage.state.b.style, stage.state.crossfade, stage.state.pending) == ("s3", "three", 1.0, "")
    stage.hear(drop=1.0)
    assert stage.frames(1)[0].crossfade == 1.0, "nobody waits for it any more"


def test_a_hand_ends_the_waiting() -> None:
    stage = Stage()
    wait_for_drop(stage)
    stage.send("/crossfade", 0.5)
    stage.hear(drop=1.0)
    stage.frames(1)
    assert (stage.state.crossfade, stage.state.fade, stage.state.pending) == (0.5, None, "")
    other = Stage()
    wait_for_drop(other)
    other.send("/crossfade/to", "b", 0.0)
    assert other.state.crossfade == 1.0


def test_go_brings_in_the_cue_that_waits_and_then_the_next_one() -> None:
    cues = [{"scene": "s2", "transition": {"kind": "cut", "start": "drop"}}, {"scene": "s3", "transition": {"kind": "cut"}}]
    stage = Stage()
    stage.document = Document(CATALOGUE, Setlist.model_validate({"version": 1, "cue": cues}))
    stage.send("/cue/go")
    stage.seconds(0.2)
    assert (stage.state.cue, stage.state.on_standby) == (0, True)
    stage.send("/cue/go")
    assert (stage.state.cue, stage.state.crossfade, stage.state.scene) == (0, 1.0, "s2")
    stage.send("/cue/go")
    stage.seconds(3.0)
    assert (stage.state.cue, stage.state.scene, stage.state.crossfade) == (1, "s3", 0.0)


def test_a_cue_of_the_scene_on_stage_waits_and_is_no_pair() -> None:
    stage = Stage()
    cue = {"scene": "s1", "transition": {"kind": "cut", "start": "drop"}}
    stage.document = Document(CATALOGUE, Setlist.model_validate({"version": 1, "cue": [cue]}))
    stage.send("/cue/go")
    stage.seconds(1.0)
    assert (stage.state.on_standby, stage.state.paired, stage.state.crossfade) == (True, 0.0, 0.0)


def test_the_second_deck_of_a_scene_follows_its_drop_and_waits_for_no_other() -> None:
    stage = Stage()
    pair = scene("s2", "two", second={"style": "three"}, mix=0.5, transition={"kind": "cut", "start": "drop"})
    SCENES["s2"] = pair
    stage.send("/scene", "s2")
    stage.seconds(0.2)
    stage.hear(drop=1.0)
    stage.seconds(0.5)
    assert (stage.state.a.style, stage.state.b.style, stage.state.crossfade) == ("three", "two", 0.5)


def test_panic_and_a_restart_with_a_scene_that_waits() -> None:
    stage = Stage()
    wait_for_drop(stage)
    assert restore(json.loads(json.dumps(snapshot(stage.state)))) == stage.state
    assert stage.document.fitted(stage.state) == stage.state
    stage.send("/panic")
    stage.hear(drop=1.0)
    stage.frames(1)
    assert (stage.state.crossfade, stage.state.pending) == (0.0, "")


def test_the_same_levels_give_the_same_show() -> None:
    """As a rerender has them: from a document in the middle of the waiting on."""

    def play(stage: Stage, levels: list[float]) -> list[ShowState]:
        states = []
        for level in levels:
            stage.hear(drop=level)
            states += stage.frames(1)
        return states

    levels = [0.0] * 40 + [0.7 * 0.99**k for k in range(40)]
    stage = Stage()
    wait_for_drop(stage, kind="dissolve", beats=1)
    kept = snapshot(stage.state)
    again = Stage()
    again.t, again.beat, again.state = stage.t, stage.beat, restore(json.loads(json.dumps(kept)))
    again.answers = []
    assert play(stage, levels) == play(again, levels)
    assert stage.state.crossfade == 1.0

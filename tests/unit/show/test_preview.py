"""Scenes that are looked at before they go on the wall: they wait on the hidden deck for TAKE."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phosphene.engine.show.change import SceneReady, StyleReady, Tempo
from phosphene.engine.show.document import restore, snapshot
from tests.unit.show.test_document import SCENES, Stage, scene
from tests.unit.show.test_drop import _scenes_stay  # noqa: F401


def previewed(slug: str = "s2", **transition: object) -> Stage:
    """Return a stage on which a scene waits for TAKE, its style loaded."""
    SCENES[slug] = scene(slug, "two", transition={"kind": "dissolve", "beats": 4, "start": "bar", **transition})
    stage = Stage()
    stage.send("/preview", 1)
    stage.send("/scene", slug)
    stage.seconds(0.2)
    return stage


def test_a_scene_waits_on_the_hidden_deck_until_it_is_taken() -> None:
    stage = previewed()
    states = stage.seconds(20.0)
    assert {s.crossfade for s in states} == {0.0}
    assert (stage.state.b.style, stage.state.scene, stage.state.pending, stage.state.on_standby) == ("two", "s2", "s2", True)
    stage.send("/take")
    begun = next(s for s in stage.seconds(2.5) if s.crossfade > 0.0)
    assert begun.fade is not None
    assert begun.fade.start_beat % 4 == 0, "the scene's own way: it starts with the bar"
    stage.seconds(2.5)
    assert (stage.state.crossfade, stage.state.pending, stage.state.fade) == (1.0, "", None)


def test_the_next_scene_waits_as_well_on_the_other_deck() -> None:
    stage = previewed(kind="cut", start="now")
    stage.send("/take")
    stage.frames(2)
    assert stage.state.crossfade == 1.0
    stage.send("/scene", "s3")
    stage.seconds(5.0)
    assert (stage.state.crossfade, stage.state.a.style, stage.state.on_standby) == (1.0, "three", True)


@pytest.mark.parametrize("again", [("/scene", "s2"), ("/crossfade/to", "b", 0.0)])
def test_what_else_brings_it_in(again: tuple) -> None:
    stage = previewed(kind="cut", start="now")
    stage.send(*again)
    stage.frames(2)
    assert (stage.state.crossfade, stage.state.fade) == (1.0, None)


def test_a_hand_on_the_fader_brings_it_in_too() -> None:
    stage = previewed()
    stage.send("/crossfade", 0.4)
    stage.frames(1)
    assert (stage.state.crossfade, stage.state.fade, stage.state.on_standby) == (0.4, None, False)


def test_take_brings_in_at_once_what_waits_for_a_drop_or_for_its_bar() -> None:
    stage = previewed(start="drop", kind="cut")
    stage.hear(drop=0.9)
    stage.frames(5)
    assert stage.state.crossfade == 0.0, "the music drops, and nothing comes unasked"
    stage.send("/take")
    assert stage.frames(1)[0].crossfade == 1.0
    stage = previewed()
    stage.send("/take")
    stage.frames(1)
    assert stage.state.fade is not None
    assert not stage.state.fade.running
    stage.send("/take")
    stage.frames(1)
    assert stage.state.fade is not None
    assert stage.state.fade.running, "taken twice, it does not wait for its bar"


def test_what_is_taken_while_it_loads_comes_in_when_it_is_ready() -> None:
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    stage.send("/preview", 1)
    stage.send("/scene", "s2")
    stage.inputs(SceneReady(SCENES["s2"]))
    stage.frames(3)
    stage.send("/take")
    stage.frames(3)
    assert stage.state.crossfade == 0.0
    stage.inputs(StyleReady("b", "two"))
    stage.seconds(6.0)
    assert stage.state.crossfade == 1.0


def test_another_scene_takes_the_place_of_one_that_waits() -> None:
    stage = previewed()
    stage.send("/scene", "s3")
    stage.seconds(0.5)
    assert (stage.state.b.style, stage.state.scene, stage.state.crossfade) == ("three", "s3", 0.0)


def test_where_nothing_waits_take_crossfades_to_the_hidden_deck() -> None:
    stage = Stage()
    stage.send("/take")
    stage.seconds(3.0)
    assert stage.state.crossfade == 1.0
    stage.send("/take")
    stage.seconds(3.0)
    assert stage.state.crossfade == 0.0


def test_a_cue_goes_to_the_preview_and_go_takes_it() -> None:
    stage = Stage()
    stage.send("/preview", 1)
    stage.send("/cue/number", 2)
    stage.seconds(1.0)
    assert (stage.state.cue, stage.state.on_standby, stage.state.crossfade) == (1, True, 0.0)
    stage.send("/cue/go")
    stage.seconds(10.0)
    assert (stage.state.cue, stage.state.crossfade) == (1, 1.0)


def test_preview_and_autopilot_exclude_each_other() -> None:
    stage = Stage()
    stage.send("/autopilot", 1)
    stage.send("/preview", 1)
    stage.frames(1)
    assert (stage.state.preview, stage.state.autopilot.on) == (True, False)
    stage.send("/autopilot", 1)
    stage.frames(1)
    assert (stage.state.preview, stage.state.autopilot.on) == (False, True)


def test_what_waits_is_kept_in_a_take_and_an_older_take_has_none() -> None:
    stage = previewed()
    told = snapshot(stage.state)
    assert stage.document.fitted(restore(told)) == stage.state
    del told["preview"], told["fade"]["held"], told["lookahead"]
    older = restore(told)
    assert (older.preview, older.lookahead, older.fade is not None and older.fade.held) == (False, 0.0, False)


def test_a_lookahead_is_kept_in_range_and_asked_of_the_conductor() -> None:
    stage = Stage()
    stage.actions.clear()
    stage.send("/tempo/lookahead", 900.0)
    assert (stage.state.lookahead, stage.actions) == (500.0, [Tempo("lookahead", 500.0, stage.t)])


@pytest.mark.parametrize("before", [(), (("/panic",),)])
def test_the_scene_on_stage_waits_as_well_when_it_is_called_once_more(before: tuple) -> None:
    stage = previewed(kind="cut", start="now")
    stage.send("/take")
    stage.frames(2)
    for message in before:
        stage.send(*message)
    stage.send("/scene", "s2")
    stage.seconds(5.0)
    assert (stage.state.crossfade, stage.state.on_standby) == (1.0, True)
    stage.send("/scene", "s2")
    stage.frames(2)
    assert (stage.state.crossfade, stage.state.on_standby) == (0.0, False)


def test_a_document_that_wants_preview_and_autopilot_gets_one_of_them() -> None:
    stage = Stage()
    stage.send("/autopilot", 1)
    both = replace(stage.state, preview=True)
    fitted = stage.document.fitted(both)
    assert (fitted.preview, fitted.autopilot.on) == (False, True)

"""Acts with styles of their own: loaded long before, seen from the act's first frame on, and never waited for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.errors import UserError
from phosphene.engine.show import layers
from phosphene.engine.show.change import LoadStyle, StyleFailed, StyleReady
from phosphene.engine.show.layers import MOST_STYLES, OWN, Layers
from phosphene.engine.show.saving import scene_of, toml_of
from phosphene.engine.show.scene import lint_scene, load_scene
from phosphene.engine.show.state import restore, snapshot
from tests.unit.show.test_document import CATALOGUE, SCENES, Stage, scene

ACTED = scene("acted", "one", act=[
    {"name": "own", "bars": 2, "beats": 4},
    {"name": "other", "bars": 2, "beats": 4, "style": "two"},
    {"name": "burst", "bars": 1, "on": ["drop"], "beats": 0, "style": "three"},
])  # fmt: skip


@pytest.fixture(name="stage")
def _stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A show at 120 bpm, 60 frames a second, whose scene `acted` has just come in on deck b: a bar is 120 frames."""
    return entered(monkeypatch)


def entered(monkeypatch: pytest.MonkeyPatch, scene=ACTED, loads: bool = True) -> Stage:
    monkeypatch.setitem(SCENES, "acted", scene)
    stage = Stage()
    stage.send("/scene", "acted")
    stage.send("/scene", "acted")
    for _ in range(5):  # until its own style is there
        stage.frames(1)
    stage.loads = loads
    stage.frames(235)
    assert stage.state.crossfade == 1.0
    return stage


def shares(stage: Stage) -> dict[str, float]:
    return dict(stage.state.b.shares)


def act(stage: Stage) -> str:
    playing = stage.state.b.direction.act
    return playing.name if playing else ""


def until(stage: Stage, name: str, most: int = 2000) -> None:
    for _ in range(most):
        if act(stage) == name:
            return
        stage.frames(1)
    pytest.fail(f"act {name} never came")


def test_styles_of_acts_are_asked_for_once_as_their_scene_comes_in(stage: Stage) -> None:
    asked = [a for a in stage.actions if isinstance(a, LoadStyle) and a.beside]
    assert asked == [LoadStyle("b", "two", True), LoadStyle("b", "three", True)]
    assert stage.actions.index(asked[0]) > stage.actions.index(LoadStyle("b", "one"))
    stage.frames(1000)
    assert [a for a in stage.actions if isinstance(a, LoadStyle) and a.beside] == asked


def test_an_act_crossfades_to_its_style_in_its_beats_and_back(stage: Stage) -> None:
    until(stage, "other")
    states = stage.frames(130)
    seen = [dict(s.b.shares) for s in states]
    assert all(sum(each.values()) == pytest.approx(1.0) for each in seen)
    two = [each.get("two", 0.0) for each in seen]
    assert max(b - a for a, b in pairwise(two)) < 0.01, "four beats are 120 frames"
    assert two == sorted(two)
    assert seen[-1] == {"two": 1.0}
    assert states[-1].b.seen == "two"
    assert stage.document.resolve(stage.state, {}).b.slug == "two"
    until(stage, "own")
    stage.frames(130)
    assert (shares(stage), stage.state.b.seen) == ({OWN: 1.0}, "one")


def test_a_drop_cuts_in_its_own_frame_also_in_the_middle_of_a_change(stage: Stage) -> None:
    until(stage, "other")
    stage.frames(40)
    assert len(shares(stage)) == 2
    stage.hear(drop=1.0)
    stage.frames(1)
    assert (act(stage), shares(stage)) == ("burst", {"three": 1.0})


def test_a_third_style_in_the_middle_of_a_change_does_not_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = ACTED.model_copy(update={"act": (*ACTED.act[:2], ACTED.act[2].model_copy(update={"beats": 4.0}))})
    stage = entered(monkeypatch, slow)
    until(stage, "other")
    stage.frames(40)
    before = shares(stage)
    stage.hear(drop=1.0)
    stage.frames(1)
    after = shares(stage)
    assert set(after) == {OWN, "two", "three"}
    assert all(abs(after[name] - before.get(name, 0.0)) < 0.02 for name in after)


def test_a_style_that_is_not_loaded_waits_for_a_bar_and_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = entered(monkeypatch)
    stage.state = stage.state.with_deck("b", replace(stage.state.b, layers=Layers(asked=("two", "three"))))
    until(stage, "other")
    stage.frames(50)
    assert shares(stage) == {OWN: 1.0}, "the act plays with the scene's own"
    stage.inputs(StyleReady("b", "two", True))
    stage.frames(1)
    assert shares(stage) == {OWN: 1.0}, "not in the middle of a bar"
    begun = next(stage.beat for _ in range(120) if (stage.frames(1), len(shares(stage)) == 2)[1])
    assert begun % 4.0 == pytest.approx(0.0, abs=0.04)


def test_a_style_that_cannot_be_had_is_said_once_and_the_act_plays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = entered(monkeypatch)
    stage.state = stage.state.with_deck("b", replace(stage.state.b, layers=Layers(asked=("two", "three"))))
    stage.inputs(StyleFailed("b", "two", "no such style", True))
    assert "style two of an act: no such style" in stage.state.message
    until(stage, "other")
    stage.frames(130)
    assert (act(stage), shares(stage)) == ("other", {OWN: 1.0})
    asked = len(stage.actions)
    stage.frames(1000)
    assert not [a for a in stage.actions[asked:] if isinstance(a, LoadStyle)], "it is not asked for again and again"


def test_one_that_is_loaded_plays_on_where_another_version_of_it_is_refused(stage: Stage) -> None:
    until(stage, "other")
    stage.frames(130)
    stage.inputs(StyleFailed("b", "two", "it does not compile", True))
    stage.frames(60)
    assert stage.state.b.seen == "two"


def test_a_hand_s_style_is_seen_at_once_and_stays_until_an_act_begins(stage: Stage) -> None:
    until(stage, "other")
    stage.frames(130)
    stage.send("/deck/b/style", "three")
    stage.frames(2)
    assert (stage.state.b.style, stage.state.b.seen) == ("three", "three")
    stage.frames(60)
    assert act(stage) == "other"
    assert stage.state.b.seen == "three"
    until(stage, "own")
    stage.frames(130)
    assert stage.state.b.seen == "three", "it is the scene's own now"
    until(stage, "other")
    stage.frames(130)
    assert stage.state.b.seen == "two"


def test_an_act_that_is_called_by_hand_has_its_style(stage: Stage) -> None:
    stage.send("/deck/b/act", "burst")
    stage.frames(1)
    assert shares(stage) == {"three": 1.0}


def test_panic_and_another_scene_leave_no_layers(stage: Stage) -> None:
    until(stage, "other")
    stage.frames(30)
    stage.send("/panic")
    assert (stage.state.b.style, stage.state.b.seen, stage.state.b.layers) == ("one", "one", Layers())
    stage.send("/scene", "s2")
    stage.frames(600)
    assert stage.state.deck("a").layers == Layers()


def test_the_document_comes_back_as_it_was_from_the_log_of_a_take(stage: Stage) -> None:
    until(stage, "other")
    stage.frames(30)
    assert restore(snapshot(stage.state)) == stage.state
    assert stage.document.fitted(stage.state).b.layers == stage.state.b.layers


@pytest.mark.parametrize("broken", [
    Layers(("two",), ("two",), "two", (("two", 0.7),)),
    Layers(("two",), (), "two"),
    Layers(("two",), ("two",), OWN, (("two", float("nan")), (OWN, 1.0))),
    Layers(("two",), ("two",), OWN, (("two", 0.5), ("two", 0.5))),
    Layers(tuple(f"s{i}" for i in range(50))),
])  # fmt: skip
def test_layers_of_a_damaged_log_are_left_out(broken: Layers) -> None:
    assert layers.fitted(broken) == Layers()


@given(st.lists(st.tuples(st.sampled_from(["", "two", "three"]), st.floats(0.0, 3.0), st.floats(0.0, 8.0)), max_size=30))
def test_shares_are_always_one_in_all(steps: list[tuple[str, float, float]]) -> None:
    found = Layers(("two", "three"), ("two", "three"))
    for towards, beats, length in steps:
        found = layers.moved(replace(found, towards=towards), beats, length)
        assert sum(share for _, share in layers.played(found)) == pytest.approx(1.0)
        assert layers.fitted(found) == found


def test_what_is_on_stage_is_saved_with_the_styles_of_its_acts(stage: Stage, tmp_path: Path) -> None:
    until(stage, "other")
    stage.frames(60)
    made = scene_of(stage.state, CATALOGUE, "kept")
    assert [entry.style for entry in made.act] == ["", "two", "three"]
    (tmp_path / "kept.toml").write_text(toml_of(made), "utf-8")
    assert load_scene(tmp_path / "kept.toml", CATALOGUE) == made
    assert made.deck.style == "one"


def test_the_second_deck_of_a_scene_has_styles_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    second = scene("acted", "one", second={"style": "two"}, mix=0.25, act=[
        {"name": "both", "bars": 1, "beats": 0},
        {"name": "other", "bars": 1, "beats": 0, "second_style": "three"},
    ])  # fmt: skip
    stage = entered(monkeypatch, second)
    stage.frames(480)
    until(stage, "other")
    stage.frames(1)
    assert (stage.state.b.seen, stage.state.a.seen) == ("one", "three")
    made = scene_of(stage.state, CATALOGUE, "kept")
    assert [(entry.style, entry.second_style) for entry in made.act] == [("", ""), ("", "three")]
    (tmp_path / "kept.toml").write_text(toml_of(made), "utf-8")
    assert load_scene(tmp_path / "kept.toml", CATALOGUE) == made


HEAD = 'version = 1\nname = "X"\n[deck]\nstyle = "one"\n'


@pytest.mark.parametrize(("text", "what", "where"), [
    ('[[act]]\nname = "a"\nstyle = "tow"\n', "unknown style", "act[1].style"),
    ('[[act]]\nname = "a"\nstyle = 3\n', "valid string", "act[1].style"),
    ('[[act]]\nname = "a"\nstlye = "two"\n', "unknown key", "act[1].stlye"),
    ('[[act]]\nname = "a"\n[[act]]\nname = "b"\nsecond_style = "two"\n', "no second deck", "act[2].second_style"),
])  # fmt: skip
def test_a_fault_in_a_file_is_told_with_its_place(tmp_path: Path, text: str, what: str, where: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(HEAD + text, "utf-8")
    (fault,) = lint_scene(path, CATALOGUE)
    assert what in fault.what
    assert where in fault.where
    assert fault.remedy
    with pytest.raises(UserError):
        load_scene(path, CATALOGUE)


def test_a_deck_has_so_many_styles_and_one_clip(tmp_path: Path) -> None:
    styles = tuple(f"s{i}" for i in range(6))
    catalogue = replace(CATALOGUE, styles=("one", *styles), there=lambda name: name.startswith("clip:"))
    path = tmp_path / "x.toml"

    def faults(*given: str) -> list[str]:
        path.write_text(HEAD + "".join(f'[[act]]\nname = "a{i}"\nstyle = "{s}"\n' for i, s in enumerate(given)), "utf-8")
        return [fault.what for fault in lint_scene(path, catalogue)]

    assert faults(*styles[:MOST_STYLES], styles[0], "one") == []
    assert faults(*styles[: MOST_STYLES + 1]) == ["too many styles for the acts of one deck"]
    assert faults("clip:a.mp4", "clip:a.mp4") == []
    assert faults("clip:a.mp4", "clip:b.mp4") == ["too many clips for the acts of one deck"]

"""Acts that are edited while they play: through the one table, on both decks of a scene, and taken back again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.show.act_edits import EDITS, FIRST
from phosphene.engine.show.acts import fitted
from phosphene.engine.show.change import LoadStyle, StyleFailed
from phosphene.engine.show.layers import MOST_STYLES
from phosphene.engine.show.mapping import Mappings
from phosphene.engine.show.saving import scene_of, toml_of
from phosphene.engine.show.scene import MOST_ACTS, load_scene
from phosphene.engine.show.state import restore, snapshot
from tests.unit.show.test_document import CATALOGUE, EFFECTS, SCENES, Stage, scene

TABLE = build_table(EFFECTS, CATALOGUE.deck_params)
ACTED = scene("acted", "one", deck={"style": "one", "params": {"zoom": 1.0}}, act=[
    {"name": "one", "bars": 2, "beats": 4, "values": {"zoom": 2.0}},
    {"name": "two", "bars": 2, "beats": 0, "values": {"fx/bloom/amount": 0.5}},
    {"name": "dark", "bars": 4, "on": ["break"], "beats": 2},
], map=[{"signal": "bass", "to": "zoom", "acts": ["two"]}, {"signal": "bass", "to": "zoom", "acts": ["one", "dark"]},
        {"signal": "kick", "to": "zoom"}])  # fmt: skip


class Desk(Stage):
    """A show whose messages come through the table, as a page's do. Its scene has just come in on deck b."""

    def say(self, path: str, *args: float | int | str) -> None:
        change = TABLE.parse(f"/deck/b/{path}", args, self.t, "desk 10.0.0.7")
        assert change is not None
        self.t += 2.0  # another moment: not one drag
        self.inputs(change)

    @property
    def acts(self):
        return self.state.b.direction.acts

    @property
    def names(self) -> list[str]:
        return [act.name for act in self.acts]


@pytest.fixture(name="desk")
def _desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setitem(SCENES, "acted", ACTED)
    desk = Desk()
    desk.send("/scene", "acted")
    desk.send("/scene", "acted")
    desk.frames(240)
    assert desk.names == ["one", "two", "dark"]
    return desk


def playing(desk: Desk) -> str:
    act = desk.state.b.direction.act
    return act.name if act else ""


def test_every_edit_has_its_address_on_both_decks() -> None:
    for deck in "ab":
        for verb in EDITS:
            address = TABLE.inputs[f"/deck/{deck}/{verb}"]
            assert address.every
            assert "act" in address.description


def test_a_value_is_set_in_any_act_and_taken_out_again(desk: Desk) -> None:
    desk.say("set_act", "zoom", 3.0, "two")
    desk.say("set_act", "fx/bloom/amount", 9.0, "2")
    assert dict(desk.acts[1].offsets) == {"deck/b/zoom": 2.0, "deck/b/fx/bloom/amount": 1.0}
    desk.say("act", "two")
    desk.frames(2)
    assert desk.document.resolve(desk.state, {}).b.params["zoom"] == pytest.approx(3.0)
    desk.say("free_act", "zoom", "two")
    assert "deck/b/zoom" not in desk.acts[1].offsets
    assert desk.document.resolve(desk.state, {}).b.params["zoom"] == pytest.approx(1.0)
    desk.say("free_act", "zoom", "two")
    assert "does not set zoom" in desk.state.message


def test_what_an_act_says_of_its_course_is_set(desk: Desk) -> None:
    desk.say("act_bars", 32, "two")
    desk.say("act_beats", 16.0, "two")
    desk.say("act_on", "drop build", "two")
    desk.say("act_name", "burst", "two")
    act = desk.acts[1]
    assert (act.name, act.bars, act.beats, act.on) == ("burst", 32, 16.0, ("drop", "build"))
    desk.say("act_on", "none", "burst")
    assert desk.acts[1].on == ()


def test_acts_are_added_moved_and_removed_and_mappings_follow(desk: Desk) -> None:
    desk.say("add_act", "new", "one")
    assert desk.names == ["one", "new", "two", "dark"]
    assert [m.acts for m in desk.state.b.mappings] == [(2,), (0, 3), ()]
    desk.say("move_act", 1, "dark")
    assert desk.names == ["dark", "one", "new", "two"]
    assert [m.acts for m in desk.state.b.mappings] == [(3,), (0, 1), ()]
    desk.say("remove_act", "dark")
    assert [m.acts for m in desk.state.b.mappings] == [(2,), (0,), ()]
    desk.say("remove_act", "two")
    assert [m.acts for m in desk.state.b.mappings] == [(0,), ()], "a mapping of that act alone went with it"
    for _ in range(4):
        desk.send("/undo")
        desk.frames(1)
    assert desk.names == ["one", "two", "dark"]
    assert [m.acts for m in desk.state.b.mappings] == [(1,), (0, 2), ()]


def test_the_act_that_plays_goes_on_where_others_come_and_go(desk: Desk) -> None:
    desk.say("act", "two")
    desk.frames(30)
    bars = desk.state.b.direction.act_bars
    desk.say("remove_act", "one")
    desk.say("add_act", "last")
    desk.say("move_act", 3, "two")
    assert (playing(desk), desk.state.b.direction.weights) == ("two", (0.0, 0.0, 1.0))
    assert desk.state.b.direction.act_bars == bars
    desk.say("remove_act")
    assert playing(desk) == "last", "where it is removed itself, the next one that waits for nothing plays"
    assert fitted(desk.state.b.direction) == desk.state.b.direction


def test_a_scene_without_acts_gets_two_and_can_lose_them(desk: Desk) -> None:
    desk.send("/scene", "s3")
    desk.seconds(8.0)
    deck = "a" if desk.state.crossfade == 0.0 else "b"
    desk.send(f"/deck/{deck}/add_act", "other")
    direction = desk.state.deck(deck).direction
    assert [act.name for act in direction.acts] == [FIRST, "other"]
    assert direction.act is not None
    assert direction.act.name == FIRST
    desk.send(f"/deck/{deck}/set_act", "zoom", 4.0, "other")
    desk.send(f"/deck/{deck}/act", "other")
    desk.seconds(4.0)
    assert desk.document.resolve(desk.state, {}).deck(deck).params["zoom"] == pytest.approx(4.0)
    for _ in range(2):
        desk.send(f"/deck/{deck}/remove_act")
        desk.frames(1)
    assert desk.state.deck(deck).direction.acts == ()
    assert desk.document.resolve(desk.state, {}).deck(deck).params["zoom"] == 1.0


def test_a_deck_without_a_scene_has_acts_that_follow_each_other(desk: Desk) -> None:
    desk.send("/panic")
    desk.say("add_act", "other")
    desk.say("act_bars", 1, FIRST)
    desk.seconds(5.0)
    assert playing(desk) == "other"


def test_eight_acts_are_all(desk: Desk) -> None:
    for i in range(10):
        desk.say("add_act", f"more-{i}")
    assert len(desk.acts) == MOST_ACTS
    assert "too many acts" in desk.state.message


@pytest.mark.parametrize(("args", "said"), [
    (("add_act", "two"), "two acts have one name"),
    (("act_name", "one", "two"), "two acts have one name"),
    (("act_name", "Über", "two"), "small letters"),
    (("set_act", "zoom", 1.0, "nobody"), "no such act"),
    (("remove_act", "9"), "no such act"),
])  # fmt: skip
def test_what_cannot_be_is_told_and_changes_nothing(desk: Desk, args: tuple, said: str) -> None:
    before = desk.acts
    desk.say(*args)
    assert said in desk.state.message
    assert desk.acts == before
    assert desk.state.undo == ()


@pytest.mark.parametrize("args", [
    ("act_bars", 0), ("act_bars", 1.5), ("act_beats", -1.0), ("act_on", "kick"), ("act_style", "../x"), ("move_act", 0),
    ("set_act", "nothing", 1.0), ("free_act", "master"), ("remove_act", 9),
])  # fmt: skip
def test_what_the_table_refuses(args: tuple) -> None:
    with pytest.raises(UserError):
        TABLE.parse(f"/deck/a/{args[0]}", args[1:])


def test_a_style_is_asked_for_and_comes_in_on_a_bar_line(desk: Desk) -> None:
    desk.say("act_style", "two", "one")
    desk.say("act", "one")
    desk.frames(2)
    assert LoadStyle("b", "two", True) in desk.actions
    desk.seconds(6.0)
    desk.say("act", "one")
    desk.seconds(3.0)
    assert desk.state.b.seen == "two"
    desk.say("act_style", "none", "one")
    desk.seconds(5.0)
    assert desk.state.b.seen == "one"


def test_a_style_that_failed_is_tried_again_when_it_is_chosen_anew(desk: Desk) -> None:
    desk.loads = False
    desk.say("act_style", "two", "one")
    desk.frames(2)
    desk.inputs(StyleFailed("b", "two", "it was not there", True))
    desk.frames(10)
    asked = len([a for a in desk.actions if a == LoadStyle("b", "two", True)])
    desk.say("act_style", "two", "one")
    desk.frames(2)
    assert len([a for a in desk.actions if a == LoadStyle("b", "two", True)]) == asked + 1


def test_so_many_styles_and_no_more(desk: Desk) -> None:
    for i in range(MOST_STYLES):
        desk.say("add_act", f"more-{i}")
        desk.say("act_style", f"style-{i}", f"more-{i}")
    desk.say("act_style", "one-too-many", "one")
    assert "too many styles" in desk.state.message
    assert desk.acts[0].style == ""


def test_undo_takes_back_each_edit_and_a_drag_as_one(desk: Desk) -> None:
    stood = desk.acts, desk.state.b.mappings
    desk.say("set_act", "zoom", 3.0, "two")
    for k in range(10):
        desk.send("/deck/b/set_act", "zoom", 3.0 + k / 10, "two")
    desk.say("act_style", "two", "two")
    desk.say("act_name", "burst", "two")
    desk.say("act_bars", 64, "burst")
    desk.say("map_acts", "bass", "zoom", "none", 2, 3)
    assert len(desk.state.undo) == 5
    for _ in range(5):
        desk.send("/undo")
        desk.frames(1)
    assert (desk.acts, desk.state.b.mappings) == stood
    assert desk.state.undo == ()


def test_two_values_within_a_second_are_two_steps(desk: Desk) -> None:
    desk.send("/deck/b/set_act", "zoom", 3.0, "two")
    desk.send("/deck/b/set_act", "fx/bloom/amount", 0.1, "two")
    assert len(desk.state.undo) == 2


def test_a_mapping_works_in_the_acts_that_it_is_told(desk: Desk) -> None:
    desk.say("map_acts", "kick", "zoom", "none", 0, 6)
    assert [m.acts for m in desk.state.b.mappings] == [(1,), (0, 2), (1, 2)]
    desk.say("map_acts", "kick", "zoom", "none", 0, 2)
    assert "does not move zoom" in desk.state.message
    desk.say("map_acts", "bass", "zoom", "none", 2, 5)
    assert "already" in desk.state.message
    desk.say("unmap", "bass", "zoom", "none", 5)
    assert [(m.signal, m.acts) for m in desk.state.b.mappings] == [("bass", (1,)), ("kick", (1, 2))]


def test_a_mapping_whose_acts_change_keeps_its_level(desk: Desk) -> None:
    """A picture that fell back to 0 with each edit would flicker."""
    mappings, loud = Mappings(), dict.fromkeys(signals_at(0.0, [], BeatPosition()), 1.0)
    for edit in ((), ("map_acts", "kick", "zoom", "none", 0, 1)):
        if edit:
            desk.say(*edit)
        mappings.use(desk.state.a.mappings, desk.state.b.mappings)
        mappings.evaluate(loud, 1.0)
        assert set(mappings.memory()) == {1.0}
        mappings.use(desk.state.a.mappings, desk.state.b.mappings)
    desk.say("remove_act", "dark")
    mappings.use(desk.state.a.mappings, desk.state.b.mappings)
    assert set(mappings.memory()) == {1.0}


def test_both_decks_of_a_scene_have_one_course(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = scene("acted", "one", second={"style": "two"}, mix=0.25, act=[
        {"name": "one", "values": {"second/zoom": 2.0}}, {"name": "two"}
    ])  # fmt: skip
    monkeypatch.setitem(SCENES, "acted", pair)
    desk = Desk()
    desk.send("/scene", "acted")
    desk.send("/scene", "acted")
    desk.seconds(12.0)
    desk.say("add_act", "three", "one")
    desk.say("act_bars", 3, "three")
    desk.say("set_act", "zoom", 3.0, "three")
    a, b = desk.state.a.direction.acts, desk.state.b.direction.acts
    assert [(x.name, x.bars) for x in a] == [(x.name, x.bars) for x in b] == [("one", 16), ("three", 3), ("two", 16)]
    assert (dict(a[0].offsets), dict(a[1].offsets)) == ({"deck/a/zoom": 1.0}, {})
    assert dict(b[1].offsets) == {"deck/b/zoom": 2.0}
    for _ in range(3):
        desk.send("/undo")
        desk.frames(1)
    assert [x.name for x in desk.state.a.direction.acts] == [x.name for x in desk.state.b.direction.acts] == ["one", "two"]


def test_what_was_edited_is_saved_and_read_back(desk: Desk, tmp_path: Path) -> None:
    desk.say("add_act", "new", "one")
    desk.say("set_act", "zoom", 5.0, "new")
    desk.say("act_style", "two", "new")
    desk.say("act_on", "build", "new")
    desk.say("map_acts", "kick", "zoom", "none", 0, 2)
    made = scene_of(desk.state, CATALOGUE, "kept")
    (tmp_path / "kept.toml").write_text(toml_of(made), "utf-8")
    read = load_scene(tmp_path / "kept.toml", CATALOGUE)
    assert read == made
    assert (read.act[1].name, read.act[1].style, read.act[1].on, read.act[1].values) == (
        "new", "two", ("build",), {"zoom": 5.0}
    )  # fmt: skip
    assert read.map[-1].acts == ("new",)


words = st.one_of(st.sampled_from(["one", "two", "dark", "x", "y", "1", "9"]), st.none())
edits = st.one_of(
    st.tuples(st.just("add_act"), st.sampled_from(["x", "y", "two"]), words),
    st.tuples(st.just("remove_act"), words),
    st.tuples(st.just("move_act"), st.integers(1, 8), words),
    st.tuples(st.just("act_name"), st.sampled_from(["x", "z", "one"]), words),
    st.tuples(st.just("set_act"), st.just("zoom"), st.floats(-5.0, 9.0), words),
    st.tuples(st.just("act_style"), st.sampled_from(["one", "two", "three", "none"]), words),
    st.tuples(st.just("act"), st.sampled_from(["one", "x", "2"])),
    st.tuples(st.just("undo")),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(edits, max_size=12))
def test_whatever_is_edited_the_document_stays_whole(steps: list[tuple]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCENES, "acted", ACTED)
        desk = Desk()
        desk.send("/scene", "acted")
        desk.send("/scene", "acted")
        desk.frames(150)
        for step in steps:
            given = [each for each in step[1:] if each is not None]
            desk.send("/undo") if step[0] == "undo" else desk.say(step[0], *given)
            desk.frames(7)
            direction, deck = desk.state.b.direction, desk.state.b
            assert fitted(direction) == direction
            assert all(0 <= i < len(direction.acts) for m in deck.mappings for i in m.acts)
            assert len({act.name for act in direction.acts}) == len(direction.acts)
            assert sum(share for _, share in deck.shares) == pytest.approx(1.0)
            assert math.isfinite(desk.document.resolve(desk.state, {}).b.params["zoom"])
            assert restore(snapshot(desk.state)) == desk.state
            assert desk.document.fitted(desk.state).undo == desk.state.undo

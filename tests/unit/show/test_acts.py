"""Acts: when they follow each other, what calls them, and that nothing jumps while one becomes the next."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.show import acts
from phosphene.engine.show.acts import Act, Direction, Moment
from phosphene.engine.show.mapping import Mapping, Mappings
from phosphene.engine.show.saving import scene_of, toml_of
from phosphene.engine.show.scene import Scene, lint_scene, load_scene
from phosphene.engine.show.state import restore, snapshot
from tests.unit.show.test_document import CATALOGUE, SCENES, Stage, scene

TURNS = [
    {"name": "one", "bars": 2, "beats": 4, "values": {"zoom": 2.0}},
    {"name": "dark", "bars": 4, "on": ["break"], "beats": 2, "values": {"zoom": 0.5, "fx/bloom/amount": 0.75}},
    {"name": "two", "bars": 1, "beats": 4, "values": {"zoom": 4.0}},
    {"name": "burst", "bars": 1, "on": ["drop"], "beats": 0, "values": {"fx/feedback/amount": 1.0}},
]
ACTED = scene("acted", "one", deck={"style": "one", "params": {"zoom": 1.0}}, act=TURNS,
              map=[{"signal": "bass", "to": "zoom", "acts": ["two"]}])  # fmt: skip


@pytest.fixture(name="stage")
def _stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A show at 120 bpm, 60 frames a second, whose scene `acted` has just come in on deck b: a bar is 120 frames."""
    monkeypatch.setitem(SCENES, "acted", ACTED)
    stage = Stage()
    stage.send("/scene", "acted")
    stage.send("/scene", "acted")  # at once
    stage.frames(240)
    assert stage.state.crossfade == 1.0
    return stage


def act(stage: Stage) -> str:
    playing = stage.state.b.direction.act
    assert playing is not None
    return playing.name


def zoom(stage: Stage) -> float:
    return stage.document.resolve(stage.state, {}).b.params["zoom"]


def until(stage: Stage, name: str, most: int = 2000) -> int:
    """Play until that act begins; return after how many frames."""
    for n in range(most):
        if act(stage) == name:
            return n
        stage.frames(1)
    pytest.fail(f"act {name} never came")


def test_acts_follow_each_other_on_bar_lines_and_begin_again(stage: Stage) -> None:
    until(stage, "two")
    found = []
    for _ in range(3):
        at = stage.beat
        until(stage, "one")
        found.append(("one", at, stage.beat))
        at = stage.beat
        until(stage, "two")
        found.append(("two", at, stage.beat))
    for name, begun, over in found:
        assert over % 4.0 == pytest.approx(0.0, abs=0.04), "an act ends on a bar line"
        assert over - begun == pytest.approx(4.0 if name == "one" else 8.0, abs=0.04), name
    assert stage.document.resolve(stage.state, {}).b.params["zoom"] > 0.0


def test_one_act_becomes_the_next_evenly(stage: Stage) -> None:
    until(stage, "two")
    values = []
    for _ in range(119):
        values.append(zoom(stage))
        stage.frames(1)
    assert values[0] == pytest.approx(2.0, abs=0.05)
    assert values[-1] == pytest.approx(4.0, abs=0.05)
    assert max(abs(b - a) for a, b in pairwise(values)) < 2.5 * 2.0 / 120


def test_a_break_calls_its_act_for_as_long_as_it_lasts(stage: Stage) -> None:
    until(stage, "one")
    stage.frames(30)
    stage.hear(**{"break": 0.4})
    stage.frames(5)
    assert act(stage) == "one", "not sure enough"
    stage.hear(**{"break": 0.6})
    stage.frames(1)
    assert act(stage) == "dark", "a break waits for no bar line"
    stage.frames(60)
    assert zoom(stage) == pytest.approx(0.5)
    stage.hear(**{"break": 0.35})
    stage.frames(1200)
    assert act(stage) == "dark", "longer than its bars, while the break goes on"
    stage.hear(**{"break": 0.1})
    stage.frames(1)
    assert act(stage) == "two", "and then it is the next one's turn"


def test_a_drop_cuts_to_its_act_for_its_bars(stage: Stage) -> None:
    until(stage, "one")
    stage.hear(**{"break": 1.0})
    stage.frames(90)
    stage.hear(drop=0.9, **{"break": 0.0})
    stage.frames(1)
    assert act(stage) == "burst"
    chain = dict(stage.document.resolve(stage.state, {}).b.chain)
    assert chain["feedback"]["amount"] == 1.0, "at once"
    assert chain["bloom"]["amount"] == 0.0
    assert 40 < until(stage, "two") <= 180, "to a bar line, about a bar later"
    assert stage.state.b.direction.drops == 1


def test_a_scene_that_comes_in_during_a_break_begins_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENES, "acted", ACTED)
    stage = Stage()
    stage.hear(**{"break": 1.0})
    stage.frames(60)
    stage.send("/scene", "acted")
    stage.send("/scene", "acted")
    stage.frames(130)
    assert act(stage) == "dark"


def test_an_act_waits_while_its_deck_is_hidden(stage: Stage) -> None:
    before = stage.state.b.direction
    stage.send("/crossfade", 0.0)
    stage.frames(1000)
    assert stage.state.b.direction == before


def test_what_a_hand_moves_stays_moved_in_all_acts(stage: Stage) -> None:
    until(stage, "one")
    stage.frames(119)
    assert zoom(stage) == pytest.approx(2.0, abs=0.1)
    stage.send("/deck/b/zoom", 1.5)
    stage.frames(1)
    assert zoom(stage) == pytest.approx(2.5, abs=0.1)
    until(stage, "two")
    stage.frames(119)
    assert zoom(stage) == pytest.approx(4.5, abs=0.1)


def test_hands_call_acts_and_change_them(stage: Stage) -> None:
    until(stage, "one")
    stage.send("/deck/b/act", "burst")
    assert act(stage) == "burst"
    stage.send("/deck/b/next_act")
    assert act(stage) == "one"
    stage.send("/deck/b/act", "3")
    assert act(stage) == "two"
    stage.send("/deck/b/set_act", "zoom", 3.0)
    stage.frames(119)
    assert zoom(stage) == pytest.approx(3.0, abs=0.05)
    until(stage, "one")
    stage.frames(119)
    assert zoom(stage) == pytest.approx(2.0, abs=0.05), "the other acts are as they were"
    before = stage.state
    stage.send("/deck/b/act", "bust")
    assert stage.state.message == "deck b has no act bust; its scene has: one, dark, two, burst"
    assert stage.state.b == before.b
    for path, args in (("act", ("one",)), ("next_act", ()), ("set_act", ("zoom", 1.0))):
        stage.send(f"/deck/a/{path}", *args)
        assert "no act" in stage.state.message


def test_a_mapping_of_one_act_moves_nothing_in_the_others(stage: Stage) -> None:
    signals = {**signals_at(0.0, [], BeatPosition()), "bass": 1.0}
    mappings = Mappings()

    def moved() -> float:
        mappings.use(stage.state.a.mappings, stage.state.b.mappings)
        directions = stage.state.a.direction, stage.state.b.direction
        return mappings.evaluate(signals, 0.01, directions)["deck/b/zoom"]

    until(stage, "one")
    stage.frames(119)
    assert moved() == pytest.approx(0.0, abs=0.02)
    until(stage, "two")
    stage.frames(119)
    assert moved() == pytest.approx(1.0, abs=0.02)
    stage.send("/deck/b/map", "bass", "zoom", "linear", 0.0, 0.0, 0.0, 2.0)
    assert len(stage.state.b.mappings) == 1
    assert moved() == pytest.approx(2.0, abs=0.04)
    assert stage.state.b.mappings[0].acts == (2,), "one that is edited stays in its acts"
    stage.send("/deck/b/map", "bass", "zoom", "linear", 0.0, 0.0, 0.0, 2.0, "none", 0b0011)
    assert [m.acts for m in stage.state.b.mappings] == [(2,), (0, 1)]
    with pytest.raises(UserError, match="unknown act"):
        stage.send("/deck/b/map", "bass", "zoom", "linear", 0.0, 0.0, 0.0, 2.0, "none", 16)


def test_the_time_of_the_scene_is_a_signal_of_its_deck_alone() -> None:
    d = acts.directed((Act("one", 16),))
    for k in range(1, 33):
        d = acts.passed(d, Moment(0.25, 1.0, k % 4 == 0, ("drop",) if k == 16 else ()))
    signals = acts.scene_signals(d)
    assert signals == pytest.approx(
        {"act": 0.5, "scene_bars": 8 / 64, "scene_phrase": 0.5, "drop_bars": 4 / 64, "drop_number": 0.25}
    )
    for k in range(5):
        d = acts.passed(d, Moment(0.25, 1.0, False, ("drop",)))
        assert acts.scene_signals(d)["drop_number"] == ((k + 1) % 4 + 1) / 4
    mappings = Mappings()
    mappings.use((Mapping("scene_phrase", "deck/a/zoom"),), (Mapping("scene_phrase", "deck/b/zoom"),))
    values = mappings.evaluate(signals_at(0.0, [], BeatPosition()), 0.01, (d, Direction()))
    assert values == pytest.approx({"deck/a/zoom": acts.scene_signals(d)["scene_phrase"], "deck/b/zoom": 0.0})


def test_both_decks_of_a_scene_are_in_one_act(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = scene("pair", "one", second={"style": "two"}, mix=0.5, act=[
        {"name": "one", "bars": 2, "values": {"second/zoom": 2.0, "crossfade": 0.25}},
        {"name": "two", "bars": 2, "values": {"zoom": 3.0, "crossfade": 0.75}}])  # fmt: skip
    monkeypatch.setitem(SCENES, "pair", pair)
    stage = Stage()
    stage.send("/scene", "pair")
    stage.seconds(14.0)
    a, b = stage.state.a, stage.state.b
    assert (a.scene, b.scene, stage.state.crossfade) == ("pair", "pair", 0.5)
    for _ in range(600):
        stage.frames(1)
        a, b = stage.state.a.direction, stage.state.b.direction
        assert (a.now, a.weights) == (b.now, b.weights)
    while b.weights != (1.0, 0.0):
        stage.frames(1)
        b = stage.state.b.direction
    shown = stage.document.resolve(stage.state, {})
    assert shown.a.params["zoom"] == 2.0, "the second deck is a"
    assert shown.mix == pytest.approx(0.75), "towards the second deck"
    stage.send("/deck/a/act", "two")
    stage.frames(119)
    assert stage.state.b.direction.now == 1


def test_a_saved_scene_has_its_acts(stage: Stage, tmp_path: Path) -> None:
    until(stage, "two")
    stage.send("/deck/b/zoom", 1.5)
    made = scene_of(stage.state, CATALOGUE, "kept")
    path = tmp_path / "kept.toml"
    path.write_text(toml_of(made), encoding="utf-8")
    again = load_scene(path, CATALOGUE)
    assert again.act == made.act
    assert again.map == made.map
    assert [a.name for a in again.act] == ["one", "dark", "two", "burst"]
    assert again.deck.params["zoom"] == 1.5
    assert dict(again.act[0].values) == {"zoom": 2.5}
    assert dict(again.act[1].values) == {"zoom": 1.0, "fx/bloom/amount": 0.75}
    assert again.map[0].acts == ("two",)


def test_a_take_goes_on_in_the_same_act(stage: Stage) -> None:
    until(stage, "two")
    stage.frames(30)
    again = stage.document.fitted(restore(snapshot(stage.state)))
    assert again == stage.state
    old = snapshot(stage.state)
    for key in ("a", "b"):
        del old[key]["direction"]
    assert restore(old).b.direction == Direction(), "a take from before there were acts"
    old["b"]["direction"] = {"acts": [{"name": "x"}], "now": 7, "weights": []}
    assert stage.document.fitted(restore(old)).b.direction == Direction()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('[[act]]\nname = "x"\n[[act]]\nname = "x"\n', "two acts have one name"),
        ('[[act]]\nname = "x"\nvalues = { zoom = 900 }\n', "value out of range"),
        ('[[act]]\nname = "x"\nvalues = { zooom = 1 }\n', "did you mean 'zoom'"),
        ('[[act]]\nname = "x"\nvalues = { crossfade = 1 }\n', "unknown parameter"),
        ('[[act]]\nname = "x"\non = ["chorus"]\n', "'build', 'break' or 'drop'"),
        ('[[act]]\nname = "x"\nbars = 0\n', "at least 1"),
        ('[[act]]\nname = "X Y"\n', "name"),
        ('[[map]]\nsignal = "bass"\nto = "zoom"\nacts = ["y"]\n', "unknown act"),
        ('[[act]]\nname = "x"\nnext = "x"\n', "unknown key"),
        ("".join(f'[[act]]\nname = "x{i}"\n' for i in range(9)), "act"),
    ],
)
def test_faults_of_acts_are_told(lines: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'version = 1\nname = "Wrong"\n[deck]\nstyle = "one"\n{lines}', encoding="utf-8")
    assert told in " ".join(fault.line() for fault in lint_scene(path, CATALOGUE))


KINDS = st.lists(st.sampled_from(("drop", "build", "break")), max_size=2, unique=True).map(tuple)


@given(
    st.lists(st.tuples(st.integers(1, 4), KINDS, st.floats(0.0, 8.0)), min_size=1, max_size=5),
    st.lists(st.tuples(st.floats(0.0, 2.0), st.booleans(), KINDS, KINDS), max_size=60),
)
def test_weights_are_whole_whatever_comes(
    made: list[tuple[int, tuple[str, ...], float]],
    moments: list[tuple[float, bool, tuple[str, ...], tuple[str, ...]]],
) -> None:
    d = acts.directed(tuple(Act(f"x{i}", bars, on, beats, {"deck/a/zoom": 1.0}) for i, (bars, on, beats) in enumerate(made)))
    for beats, line, begun, going in moments:
        d = acts.passed(d, Moment(beats / 4.0, beats, line, begun, tuple(k for k in going if k != "drop")))
        assert sum(d.weights) == pytest.approx(1.0)
        assert min(d.weights) >= 0.0
        assert acts.offsets(d)["deck/a/zoom"] == pytest.approx(1.0)
        assert acts.fitted(d) == d


def test_a_scene_without_acts_is_as_it_was() -> None:
    plain = Scene.model_validate({"version": 1, "name": "Plain", "deck": {"style": "one"}})
    assert plain.acts("deck", "a", "b", {}) == ()
    d = acts.passed(Direction(), Moment(0.25, 1.0, True, ("drop",)))
    assert acts.offsets(d) == {}
    assert d.act is None

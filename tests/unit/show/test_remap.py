"""Mappings that are set and taken away while the show runs: what is meant, what is refused, and that no picture jumps."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import SIGNALS, BeatPosition
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.change import Change
from phosphene.engine.show.document import Document, ShowState
from phosphene.engine.show.mapping import CURVES, Mapping, Mappings
from phosphene.engine.show.remap import allowed_on, relative
from phosphene.engine.show.scene import MOST_MAPPINGS, Scene

EFFECTS = {"bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),)}
CATALOGUE = Catalogue(("one",), EFFECTS, (Param("zoom", "Zoom", 0.1, 8.0, 1.0),))
DOCUMENT = Document(CATALOGUE)
TABLE = build_table(EFFECTS, CATALOGUE.deck_params)
PLAIN = ("linear", 0.0, 0.0, 0.0, 1.0)


def sent(state: ShowState, path: str, *args: float | str) -> ShowState:
    """Send a message as it comes in: through the table."""
    change = TABLE.parse(path, args)
    assert change is not None
    return applied(state, change.path, *change.args)


def applied(state: ShowState, path: str, *args: float | str) -> ShowState:
    state, actions = DOCUMENT.apply(state, [Change(path, args)], BeatPosition())
    assert actions == []
    return state


def test_a_mapping_is_added_and_replaced_in_its_place() -> None:
    state = sent(DOCUMENT.empty(), "/deck/b/map", "kick", "zoom", "pow2", 0.01, 0.3, 0.0, 0.5)
    state = sent(state, "/deck/b/map", "bass", "fx/bloom/amount", *PLAIN)
    state = sent(state, "/deck/b/map", "kick", "zoom", *PLAIN, "active")
    kick, bass, times = state.b.mappings
    assert kick == Mapping("kick", "deck/b/zoom", "pow2", 0.01, 0.3, (0.0, 0.5))
    assert bass == Mapping("bass", "deck/b/fx/bloom/amount")
    assert times == Mapping("kick", "deck/b/zoom", times="active"), "times another signal it is another mapping"
    state = sent(state, "/deck/b/map", "kick", "zoom", "sqrt", 0.0, 1.0, 0.2, -0.5)
    assert state.b.mappings == (Mapping("kick", "deck/b/zoom", "sqrt", 0.0, 1.0, (0.2, -0.5)), bass, times)
    assert state.a.mappings == ()


def test_it_is_taken_away() -> None:
    state = DOCUMENT.empty()
    for times in ((), ("bass",), ("active",)):
        state = sent(state, "/deck/a/map", "kick", "zoom", *PLAIN, *times)
    state = sent(state, "/deck/a/map", "kick", "master", *PLAIN)
    state = sent(state, "/deck/a/unmap", "kick", "zoom", "bass")
    assert [m.times for m in state.a.mappings] == ["", "active", ""]
    state = sent(state, "/deck/a/unmap", "kick", "zoom")
    assert state.a.mappings == (Mapping("kick", "master"),)
    state = sent(state, "/deck/a/unmap", "kick", "zoom")
    assert state.a.mappings == (Mapping("kick", "master"),)
    assert "kick does not move zoom of deck a" in state.message


def test_crossfade_is_towards_the_other_deck_as_in_a_scene() -> None:
    scene = Scene.model_validate(
        {"version": 1, "name": "S", "deck": {"style": "one"}, "second": {"style": "one"},
         "map": [{"signal": "swing", "to": "crossfade", "range": [0.1, 0.4]}]}
    )  # fmt: skip
    for deck, other in (("a", "b"), ("b", "a")):
        state = sent(DOCUMENT.empty(), f"/deck/{deck}/map", "swing", "crossfade", "linear", 0.0, 0.0, 0.1, 0.4)
        assert state.deck(deck).mappings == scene.mappings("deck", deck, other)
        assert relative(state.deck(deck).mappings[0], deck) == ("crossfade", (0.1, 0.4))


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("kick", "zoom", "linear", 0.0, 0.0, 0.0), "wrong number of arguments"),
        (("boom", "zoom", *PLAIN), "unknown word"),
        (("kick", "second/zoom", *PLAIN), "unknown word"),
        (("kick", "deck/a/zoom", *PLAIN), "unknown word"),
        (("kick", "zoom", "wavy", 0.0, 0.0, 0.0, 1.0), "unknown word"),
        (("kick", "zoom", "linear", -1.0, 0.0, 0.0, 1.0), "out of range"),
        (("kick", "zoom", "linear", 0.0, 61.0, 0.0, 1.0), "out of range"),
        (("kick", "zoom", "linear", 0.0, 0.0, float("nan"), 1.0), "out of range"),
        (("kick", "zoom", *PLAIN, "boom"), "unknown word"),
    ],
)
def test_the_table_refuses_what_is_no_mapping(args: tuple, what: str) -> None:
    with pytest.raises(UserError, match=what) as caught:
        TABLE.parse("/deck/a/map", args)
    assert len(caught.value.line()) < 500
    if "unknown word" in what:
        assert caught.value.allowed.startswith(("bass, mid", "zoom, level", "linear, pow2"))


@pytest.mark.parametrize(
    ("args", "what"),
    [
        ((), "wrong number of arguments"),
        ((1.0,) * 7, "not a mapping"),
        (("kick", "zoom", "linear", 0.0, 0.0, 0.0, "x"), "range"),
        (("kick", "zoom", "linear", 0.0, 99.0, 0.0, 1.0), "release"),
        (("kick", "zoom", "linear", 0.0, 0.0, 0.0, float("inf")), "not a mapping"),
        (("kick", "zoom", "wavy", 0.0, 0.0, 0.0, 1.0), "unknown curve"),
        (("boom", "zoom", *PLAIN), "unknown signal"),
        (("kick", "fx/bloom/amont", *PLAIN), "unknown parameter.*fx/bloom/amount"),
    ],
)
def test_the_document_refuses_what_only_a_damaged_take_can_hold(args: tuple, what: str) -> None:
    with pytest.raises(UserError) as caught:
        applied(DOCUMENT.empty(), "/deck/a/map", *args)
    assert re.search(what, caught.value.line())


def test_there_are_so_many_and_no_more() -> None:
    state = DOCUMENT.empty()
    pairs = [(signal, to) for to in allowed_on(CATALOGUE) for signal in SIGNALS][: MOST_MAPPINGS + 1]
    assert len(pairs) > MOST_MAPPINGS
    for signal, to in pairs[:-1]:
        state = sent(state, "/deck/a/map", signal, to, *PLAIN)
    with pytest.raises(UserError, match="too many mappings"):
        sent(state, "/deck/a/map", *pairs[-1], *PLAIN)
    assert len(sent(state, "/deck/a/map", *pairs[0], *PLAIN).a.mappings) == MOST_MAPPINGS, "an edited one is not one more"
    assert len(sent(state, "/deck/b/map", *pairs[-1], *PLAIN).b.mappings) == 1


NUMBER = st.floats(-2.0, 2.0)
MESSAGE = st.tuples(
    st.sampled_from(list(SIGNALS)), st.sampled_from(allowed_on(CATALOGUE)), st.sampled_from(list(CURVES)),
    st.floats(0, 60), st.floats(0, 60), NUMBER, NUMBER,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(MESSAGE, max_size=8), st.lists(st.tuples(st.sampled_from(list(SIGNALS)), st.just("zoom")), max_size=3))
def test_a_deck_never_has_one_of_a_kind_twice(messages: list, gone: list) -> None:
    state = DOCUMENT.empty()
    for message in messages:
        state = sent(state, "/deck/a/map", *message)
    for pair in gone:
        state = sent(state, "/deck/a/unmap", *pair)
    wanted = {(m[0], m[1]): m for m in messages if (m[0], m[1]) not in gone}
    told = {(m.signal, relative(m, "a")[0]): m for m in state.a.mappings}
    assert len(state.a.mappings) == len(told)
    assert told.keys() == wanted.keys()
    for key, m in told.items():
        assert (m.curve, m.attack, m.release, m.range) == (*wanted[key][2:5], wanted[key][5:])


def level_after(*edits: tuple[str, float, float, float, float]) -> list[float]:
    """The level of one mapping that is at rest at 1, and then edited once a frame."""
    mappings, state, found = Mappings(), DOCUMENT.empty(), []
    state = sent(state, "/deck/a/map", "bass", "zoom", "linear", 0.5, 0.5, 0.0, 1.0)
    for k in range(200 + len(edits)):
        if k >= 200:
            state = sent(state, "/deck/a/map", "bass", "zoom", *edits[k - 200])
        mappings.use(state.a.mappings, state.b.mappings)
        mappings.evaluate(dict.fromkeys(SIGNALS, 1.0), 0.05)
        found.append(mappings.memory()[0])
    return found[199:]


def test_an_edited_mapping_goes_on_from_where_it_was() -> None:
    for edit in (("linear", 0.5, 0.5, 0.0, 2.0), ("linear", 9.0, 0.5, 0.0, 1.0), ("pow2", 0.5, 9.0, 0.0, 1.0)):
        assert min(level_after(edit)) > 0.999
    drag = [("linear", 0.5, 0.5, 0.0, 1.0 + k / 10) for k in range(10)]
    assert min(level_after(*drag)) > 0.999


def test_another_mapping_starts_at_nothing_and_what_stays_goes_on() -> None:
    mappings = Mappings()
    first, other = Mapping("bass", "deck/a/zoom", attack=0.5), Mapping("bass", "deck/b/zoom", attack=0.5)
    mappings.use((first,), ())
    for _ in range(100):
        mappings.evaluate(dict.fromkeys(SIGNALS, 1.0), 0.05)
    before = mappings.memory()
    mappings.use((first,), (other,))
    assert mappings.memory() == [*before, 0.0]

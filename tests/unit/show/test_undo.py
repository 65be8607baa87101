"""Taking changes back: what counts as one, what does not count, and that nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.change import Change, Input, LoadScene, LoadStyle, SceneReady, StyleFailed, StyleReady
from phosphene.engine.show.document import Document, restore, snapshot
from phosphene.engine.show.scene import Scene
from phosphene.engine.show.undo import MOST_STEPS

EFFECTS = {"bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("radius", "Radius", 0.0, 1.0, 0.5))}
CATALOGUE = Catalogue(("one", "two"), EFFECTS, (Param("zoom", "Zoom", 0.1, 8.0, 1.0),), ("s",))
PLAIN = ("linear", 0.0, 0.0, 0.0, 1.0)


class Show:
    """A document under somebody's hands: a second and a half between two changes unless told otherwise."""

    def __init__(self) -> None:
        self.document = Document(CATALOGUE)
        self.state = self.document.empty()
        self.t = 0.0
        self.actions: list = []

    def send(self, path: str, *args: float | str, after: float = 1.5, source: str = "osc 127.0.0.1") -> None:
        self.t += after
        self.take(Change(path, args, 1000.0 + self.t, source))

    def take(self, *inputs: Input) -> None:
        self.state, actions = self.document.apply(self.state, inputs, BeatPosition(), self.t)
        self.actions += actions

    def scene(self, deck: str) -> None:
        """A scene comes in on `deck`."""
        self.send("/crossfade", float(deck == "a"))
        self.send("/scene", "s")
        scene = {"version": 1, "slug": "s", "name": "S", "deck": {"style": "one", "params": {"zoom": 5.0}}}
        self.take(SceneReady(Scene.model_validate(scene)))
        self.take(StyleReady(deck, "one"))
        assert self.state.deck(deck).params["zoom"] == 5.0


EDITS = (
    ("/deck/a/zoom", 2.0), ("/deck/b/level", 0.5), ("/deck/a/fx/bloom/radius", 0.1), ("/master", 0.3), ("/fader/8", 0.7),
    ("/deck/b/map", "kick", "zoom", *PLAIN), ("/deck/a/style", "two"),
)  # fmt: skip


def test_each_change_is_taken_back_the_newest_first() -> None:
    show = Show()
    states = [show.state]
    for path, *args in EDITS:
        show.send(path, *args)
        states.append(show.state)
    assert len(show.state.undo) == len(EDITS)
    for before in reversed(states[:-1]):
        show.send("/undo")
        known = replace(before, undo=show.state.undo, a=replace(before.a, wanted=show.state.a.wanted))
        assert show.state == known
    show.send("/undo")
    assert show.state.message == "there is nothing to take back"


def test_a_drag_is_one_change() -> None:
    show = Show()
    for k in range(100):
        show.send("/deck/a/zoom", 1.0 + k / 100, after=0.9)
    show.send("/deck/a/zoom", 7.0, after=1.1)
    assert len(show.state.undo) == 2
    show.send("/undo")
    assert show.state.a.params["zoom"] == 1.99
    show.send("/undo")
    assert show.state.a.params["zoom"] == 1.0


def test_two_hands_make_two_changes() -> None:
    show = Show()
    for k in range(3):
        show.send("/deck/a/zoom", 2.0 + k, after=0.1)
        show.send("/deck/b/zoom", 2.0 + k, after=0.1)
    assert len(show.state.undo) == 6


def test_a_mapping_that_is_dragged_is_one_change_and_two_are_two() -> None:
    show = Show()
    for k in range(5):
        show.send("/deck/a/map", "kick", "zoom", "linear", 0.0, 0.1 * k, 0.0, 1.0, after=0.1)
    show.send("/deck/a/map", "bass", "zoom", *PLAIN, after=0.1)
    show.send("/deck/a/map", "bass", "zoom", *PLAIN, "active", after=0.1)
    assert len(show.state.undo) == 3
    kept = show.state.a.mappings
    show.send("/deck/a/unmap", "bass", "zoom", after=0.1)
    show.send("/deck/a/unmap", "kick", "zoom", after=0.1)
    assert show.state.a.mappings == ()
    assert len(show.state.undo) == 5
    show.send("/undo")
    show.send("/undo")
    assert show.state.a.mappings == kept, "at their places"
    show.send("/undo")
    show.send("/undo")
    assert show.state.a.mappings == kept[:1]
    show.send("/undo")
    assert show.state.a.mappings == ()


def test_what_changes_nothing_and_what_no_hand_did_does_not_count() -> None:
    show = Show()
    show.send("/deck/a/zoom", 1.0)
    show.send("/deck/a/zoom", 3.0, source="start")
    show.send("/deck/a/fx/bloom/amount", 1.0, source="autopilot wander")
    show.send("/crossfade", 0.5)
    show.send("/blackout", 1)
    show.send("/freeze", 1)
    show.send("/crossfade/kind", "wipe")
    show.send("/tempo/tap")
    assert show.state.undo == ()
    show.send("/deck/a/zoom", 4.0, source="key Z")
    show.send("/undo")
    assert show.state.a.params["zoom"] == 3.0


def test_so_many_and_no_more() -> None:
    show = Show()
    for k in range(MOST_STEPS + 5):
        show.send("/fader/1", k / 100 + 0.01)
    assert len(show.state.undo) == MOST_STEPS
    for _ in range(MOST_STEPS + 5):
        show.send("/undo")
    assert show.state.faders[0] == 0.05


def test_a_scene_takes_what_was_changed_on_its_deck_with_it() -> None:
    show = Show()
    show.send("/deck/a/zoom", 2.0)
    show.send("/deck/b/zoom", 3.0)
    show.send("/deck/b/style", "two")
    show.send("/deck/b/map", "kick", "zoom", *PLAIN)
    show.send("/fader/1", 0.5)
    show.scene("b")
    assert [step.path for step in show.state.undo] == ["/deck/a/zoom", "/fader/1"]
    show.send("/undo")
    show.send("/undo")
    assert (show.state.a.params["zoom"], show.state.b.params["zoom"]) == (1.0, 5.0)


def test_panic_cannot_be_taken_apart() -> None:
    show = Show()
    show.send("/deck/a/fx/bloom/amount", 1.0)
    show.send("/panic")
    show.send("/undo")
    assert dict(show.state.a.chain)["bloom"]["amount"] == 0.0


def test_a_style_is_asked_for_as_by_hand() -> None:
    show = Show()
    show.send("/deck/a/style", "one")
    show.take(StyleReady("a", "one"))
    show.send("/deck/a/style", "two")
    show.take(StyleReady("a", "two"))
    show.send("/undo")
    assert show.actions[-1] == LoadStyle("a", "one")
    assert (show.state.a.style, show.state.a.wanted) == ("two", "one")
    show.take(StyleReady("a", "one"))
    show.send("/undo")
    assert (show.state.a.style, show.state.a.wanted, show.state.undo) == ("idle", None, ())


def test_a_style_that_failed_left_nothing_to_take_back() -> None:
    show = Show()
    show.send("/deck/a/zoom", 2.0)
    show.send("/deck/a/style", "two")
    show.take(StyleFailed("a", "two", "broken"))
    show.send("/undo")
    assert show.state.a.params["zoom"] == 1.0


def test_taking_back_does_not_stop_a_scene_that_is_being_loaded() -> None:
    show = Show()
    show.send("/deck/b/style", "two")
    show.send("/scene", "s")
    assert show.actions[-1] == LoadScene("s")
    show.take(SceneReady(Scene.model_validate({"version": 1, "slug": "s", "name": "S", "deck": {"style": "one"}})))
    show.send("/undo")
    assert show.state.staged is not None
    show.take(StyleReady("b", "one"))
    assert show.state.scene == "s"


MORE = (
    ("/deck/b/map", "kick", "zoom", "pow2", 0.0, 0.0, 0.0, 2.0), ("/deck/b/unmap", "kick", "zoom"), ("/deck/a/zoom", 3.0),
    ("/deck/a/zoom", 1.0), ("/undo",),
)  # fmt: skip
EDIT = st.sampled_from([*EDITS, *MORE])


@settings(max_examples=100, deadline=None)
@given(st.lists(EDIT, max_size=20))
def test_all_of_it_taken_back_is_the_beginning_also_out_of_a_take(edits: list) -> None:
    show = Show()
    first = show.state
    for path, *args in edits:
        show.send(path, *args)
    taken = restore(snapshot(show.state))
    assert taken == show.state
    assert show.document.fitted(taken) == show.state
    for _ in range(MOST_STEPS):
        show.send("/undo")
    ended = show.state
    assert (ended.a.params, ended.a.chain, ended.b, ended.master, ended.faders) == (
        first.a.params, first.a.chain, first.b, first.master, first.faders,
    )  # fmt: skip


@pytest.mark.parametrize(
    "step",
    [
        {"path": "/nothing", "t": 0.0, "value": 1.0},
        {"path": "/scene", "t": 0.0, "value": "s"},
        {"path": "/undo", "t": 0.0},
        {"path": "/deck/a/zoom", "t": 0.0, "value": "x"},
        {"path": "/deck/a/style", "t": 0.0, "value": 1.0},
        {"path": "/deck/c/map", "t": 0.0},
    ],
)
def test_steps_of_a_stranger_fit_or_are_left_out(step: dict) -> None:
    show = Show()
    data = snapshot(show.state)
    assert show.document.fitted(restore({**data, "undo": [step] * 30})).undo == ()
    older = {key: value for key, value in data.items() if key != "undo"}
    assert restore(older) == show.state

"""The show document under all that a controller, a loader and a beat can do: no frame is lost, nothing leaves its range.

`Night` is a night of frames: messages that the table lets through, answers of the loader that come, fail or come late, and a
beat that is set back, taken away and put anywhere.
"""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.control.table import LISTEN, build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import SIGNALS, BeatPosition, signals_at
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.change import (
    Change,
    Input,
    LoadScene,
    LoadStyle,
    SaveScene,
    SceneFailed,
    SceneNotSaved,
    SceneReady,
    SceneSaved,
    StyleFailed,
    StyleReady,
)
from phosphene.engine.show.document import Document, restore, snapshot
from phosphene.engine.show.mapping import CURVES, Mappings
from phosphene.engine.show.scene import Scene, _catalogue_faults
from phosphene.engine.show.setlist import Setlist
from phosphene.engine.tempo.conductor import Conductor
from phosphene.engine.tempo.timeline import Timeline

EFFECTS = {
    "feedback": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("decay", "Decay", 0.05, 8.0, 0.9)),
    "bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),),
}
DECK = (Param("zoom", "Zoom", 0.1, 8.0, 1.0),)
CATALOGUE = Catalogue(("one", "two"), EFFECTS, DECK, ("plain", "pair", "cut", "moved", "acted"))
TABLE = build_table(EFFECTS, CATALOGUE.deck_params)


def scene(slug: str, **more: object) -> Scene:
    return Scene.model_validate({"version": 1, "slug": slug, "name": slug, "deck": {"style": "one"}} | more)


SCENES = {
    "plain": scene("plain", transition={"kind": "wipe", "beats": 4, "start": "bar"}),
    "pair": scene(
        "pair",
        deck={"style": "two"},
        second={"style": "one"},
        map=[{"signal": "swing", "to": "crossfade", "range": [-1, 1]}],
    ),
    "cut": scene("cut", deck={"style": "idle"}, transition={"kind": "cut", "start": "now"}),
    "moved": scene(
        "moved",
        second={"style": "idle"},
        transition={"kind": "dissolve", "beats": 0.1, "start": "now"},
        map=[
            {"signal": "bass", "to": "zoom", "curve": "exp", "attack": 1e-300, "range": [-1e308, 1e308]},
            {"signal": "onset", "to": "second/fx/bloom/amount", "release": 60.0, "times": "active"},
            {"signal": "beat", "to": "master", "range": [-1.0, 0.0]},
        ],
    ),
    "acted": scene(
        "acted",
        second={"style": "two"},
        transition={"kind": "cut", "start": "now"},
        act=[
            {"name": "own", "bars": 1, "beats": 0.3, "values": {"zoom": 2.0}},
            {"name": "other", "bars": 1, "beats": 4, "style": "two", "second_style": "one"},
            {"name": "nobody", "on": ["drop"], "beats": 0, "style": "nobody"},
        ],
        map=[{"signal": "act", "to": "zoom", "acts": ["other"]}],
    ),
}
SETLIST = Setlist.model_validate({"version": 1, "cue": [{"scene": slug} for slug in (*SCENES, "plain")]})


def values(path: str) -> st.SearchStrategy[tuple]:
    """Arguments that the table takes for an address."""
    drawn = []
    for argument in TABLE.inputs[path].arguments:
        if argument.type == "s":
            words = argument.choices or (*SCENES, *CATALOGUE.styles, "idle", "nobody")
            each: st.SearchStrategy = st.sampled_from(words)
        elif argument.type == "i":
            each = st.integers(int(argument.minimum), int(argument.maximum))
        else:
            each = st.floats(argument.minimum, argument.maximum)
        drawn.append(st.none() | each if argument.optional else each)
    # Nothing can be left out before what is there.
    return st.tuples(*drawn).map(lambda found: found[: found.index(None)] if None in found else found)


# Who listens is the server's own matter: that address never comes to the document.
ADDRESSES = [path for path in TABLE.inputs if path != LISTEN]
MESSAGES = st.sampled_from(ADDRESSES).flatmap(lambda path: st.tuples(st.just(path), values(path)))
CALLS = st.sampled_from([("/scene", (slug,)) for slug in SCENES] + [("/crossfade", (1.0,)), ("/crossfade/to", ("b", 0.0))])
ANSWERS = st.sampled_from(["now", "late", "never", "refused"])
BEATS = st.sampled_from([0.0, 0.0, 0.0, -2.0, 2.0, -1e4, 1e6, -1e15, 1e-300]) | st.floats(-1e9, 1e9)
STEPS = st.lists(st.tuples(st.lists(CALLS | MESSAGES, max_size=3), ANSWERS, BEATS, st.floats(1e-6, 2.0)), max_size=25)


class Night:
    """Frames as the frame function makes them, without a picture and without its boundary: what raises here is a fault.

    But for a UserError of one message, which is a refusal: an act that the scene does not have.
    """

    def __init__(self) -> None:
        self.document = Document(CATALOGUE, SETLIST)
        self.mappings = Mappings()
        self.state, actions = self.document.opened(SCENES["plain"])
        self.beat = 0.0
        self.late: list[Input] = []
        self._answer(actions, "now")

    def frame(self, messages: list, answer: str, jump: float, dt: float) -> None:
        self.beat += jump + dt * 2.0
        position = BeatPosition(self.beat, 120.0, 1.0)
        answers, self.late = self.late, []
        changes = [change for path, args in messages if (change := TABLE.parse(path, args)) is not None]
        actions = []
        for event in (*answers, *changes):  # one by one, as the frame takes them: what is refused costs itself alone
            with suppress(UserError):
                self.state, more = self.document.apply(self.state, (event,), position)
                actions += more
        self.state, more = self.document.advance(self.state, position, dt)
        self._answer([*actions, *more], answer)
        self.mappings.use(self.state.a.mappings, self.state.b.mappings)
        mapped = self.mappings.evaluate(signals_at(1.0, [], position, self.state.faders), dt)
        self.check(self.document.resolve(self.state, mapped))

    def _answer(self, actions: list, answer: str) -> None:
        for action in actions:
            match action:
                case LoadScene(slug) if answer == "refused" or slug not in SCENES:
                    self.late.append(SceneFailed(slug, "refused"))
                case LoadScene(slug) if answer != "never":
                    self.late.append(SceneReady(SCENES[slug]))
                case LoadStyle(deck, style, beside) if answer == "refused":
                    self.late.append(StyleFailed(deck, style, "refused", beside))
                case LoadStyle(deck, style, beside) if answer != "never":
                    self.late.append(StyleReady(deck, style, beside))
                case SaveScene(slug, _, content):
                    assert not _catalogue_faults(content, Path(slug), CATALOGUE), "what is written can be read"
                    self.late.append(SceneNotSaved(slug, "refused") if answer == "refused" else SceneSaved(slug))

    def check(self, shown: object) -> None:
        state = self.state
        for value in (state.crossfade, state.master, state.black, state.paired, *state.faders, shown.mix, shown.master):
            assert 0.0 <= value <= 1.0
        for deck in (shown.a, shown.b):
            for param in CATALOGUE.deck_params:
                assert param.minimum <= deck.params[param.name] <= param.maximum
            for effect, given_ in deck.chain:
                for param in EFFECTS[effect]:
                    assert param.minimum <= given_[param.name] <= param.maximum


CALLED = [([("/scene", ("pair",))], "now", 0.0, 0.04)]
PAUSE = [([], "now", 0.0, 0.04)] * 30


@settings(max_examples=150, deadline=None)
@given(STEPS)
@example(
    CALLED + PAUSE + CALLED + [([("/crossfade", (1.0,))], "now", 0.0, 0.04), ([], "now", -2.0, 0.04)]
)  # divided by zero
@example([([("/crossfade/to", ("b", 0.0))], "now", 0.0, 0.1), ([], "now", -1e15, 0.1)])
def test_no_frame_is_lost(steps: list) -> None:
    night = Night()
    for step in steps:
        night.frame(*step)
    assert restore(snapshot(night.state)) == night.state, "and a take of it can be rendered again"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def swapped(data: object, path: list[int], value: object) -> object:
    """Return a copy of nested tables with one place, chosen by `path`, replaced."""
    if not path or not isinstance(data, (dict, list)) or not data:
        return value
    keys = list(data) if isinstance(data, dict) else list(range(len(data)))
    key = keys[path[0] % len(keys)]
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[key] = swapped(data[key], path[1:], value)
    return copy


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), ANYTHING, STEPS)
@example([2], math.nan, [([], "now", 0.0, 0.1)])  # a crossfade that is no number
@example([0, 1, 0], [], [([("/deck/a/fx/bloom/amount", (0.5,))], "now", 0.0, 0.1)])  # a chain without its effects
def test_a_document_of_a_stranger_fits_or_is_refused(path: list[int], value: object, steps: list) -> None:
    night = Night()
    night.frame([], "now", 0.0, 0.1)
    try:
        night.state = night.document.fitted(restore(swapped(snapshot(night.state), path, value)))
    except (UserError, ValueError):  # pydantic's is a ValueError
        return
    for step in steps[:5]:
        night.frame(*step)


NUMBER = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["tap", "set_bpm", "resync", "nudge", "multiply", "follow", "line", "none"]),
            NUMBER,
            st.floats(0, 3),
        ),
        max_size=30,
    )
)
@example([("none", 1.2e18, 0.0), ("line", 0.0, 0.0), ("line", 0.0, 0.0)])  # divided by zero
def test_the_beat_stays_a_number(steps: list) -> None:
    conductor, t = Conductor(), 0.0
    for kind, value, dt in steps:
        t += dt
        match kind:
            case "tap" | "resync":
                getattr(conductor, kind)(t)
            case "follow":
                conductor.follow()
            case "line":
                conductor.update(Timeline(value, t, 100.0 + dt, 1.0), t)
            case "none":
                conductor.update(Timeline(0.0, t, value, value), t)
            case "nudge":  # of what the table lets through
                conductor.nudge(max(-1.0, min(1.0, value)), t)
            case _:
                getattr(conductor, kind)(value, t)
        position = conductor.position(t)
        assert position.confidence >= 0.0 or not math.isfinite(value)
        if all(math.isfinite(v) and abs(v) < 1e12 for _, v, _ in steps):
            assert math.isfinite(position.beat)
            assert 1.0 < position.bpm < 1000.0


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(CURVES)), NUMBER, NUMBER, st.floats(0.0, 60.0), st.floats(1e-9, 10.0))
def test_a_mapping_of_any_signal_stays_a_number(curve: str, x: float, times: float, tau: float, dt: float) -> None:
    made = scene(
        "x", map=[{"signal": "bass", "to": "zoom", "curve": curve, "attack": tau, "release": tau, "times": "onset"}]
    )
    mappings = Mappings()
    mappings.use(made.mappings("deck", "a", "b"))
    table = dict.fromkeys(SIGNALS, 0.5)
    for bass, onset in ((x, times), (0.5, 0.5)):
        mappings.evaluate(table | {"bass": bass, "onset": onset}, dt)
        assert all(0.0 <= level <= 1.0 for level in mappings.memory())


def test_what_a_take_may_hold_and_no_message_can_is_refused_or_nothing() -> None:
    """What the table never lets through; `test_pipeline.py` shows that what raises costs that change only."""
    document, position = Document(CATALOGUE), BeatPosition(0.0, 120.0, 1.0)
    state = document.empty()
    for path, *args in (
        ("/fader/99", 0.5), ("/fader/0", 0.5), ("/fader/x", 0.5), ("/fader/-1", 0.5), ("/deck/a/nonsense", 0.5),
        ("/nothing",), ("",),
    ):  # fmt: skip
        with pytest.raises(UserError, match="unknown address"):
            document.apply(state, [Change(path, tuple(args))], position)
    for path, *args in (("/crossfade/kind", "star-wipe"), ("/scene/number", math.nan)):
        after, actions = document.apply(state, [Change(path, tuple(args))], position)
        assert actions == []
        assert (after.faders, after.kind, after.a) == (state.faders, state.kind, state.a)

"""What is on stage as a scene: called, it is what was on stage; and a person can read the file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.control.table import build_table
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
    SceneNotSaved,
    SceneReady,
    SceneSaved,
    StyleReady,
)
from phosphene.engine.show.document import Document
from phosphene.engine.show.mapping import CURVES, Mappings
from phosphene.engine.show.saving import scene_of, toml_of
from phosphene.engine.show.scene import MOST_MAPPINGS, Scene, load_scene
from phosphene.engine.show.state import DeckState, ShowState

EFFECTS = {
    "warp": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("angle", "Angle", -math.pi, math.pi, 1.0 / 3.0)),
    "feedback": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("decay", "Decay", 0.05, 8.0, 0.9)),
    "bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),),
}
DECK = (Param("zoom", "Zoom", 0.1, 8.0, 1.0), Param("speed", "Speed", -math.pi, math.pi, 1.0))
CATALOGUE = Catalogue(("one", "two"), EFFECTS, DECK, ("come",))
TABLE = build_table(EFFECTS, CATALOGUE.deck_params)
PAIR = {
    "version": 1, "slug": "come", "name": "Come in", "mix": 0.25,
    "deck": {"style": "two", "params": {"zoom": 2}, "effects": [
        {"effect": "bloom", "params": {"amount": 0.5}}, {"effect": "warp"}]},
    "second": {"style": "one", "effects": [{"effect": "feedback", "params": {"decay": 2.0}}]},
    "faders": {"1": "turn", "8": 'a "quoted" label'},
    "transition": {"kind": "wipe", "beats": 4, "start": "beat"},
    "map": [{"signal": "swing", "to": "crossfade", "range": [0.0, 0.2]}, {"signal": "kick", "to": "fx/warp/amount"},
            {"signal": "bass", "to": "second/zoom", "curve": "pow3"}, {"signal": "beat", "to": "master", "range": [-1, 0]}],
}  # fmt: skip


class Show:
    """A document whose loader answers at once, and whose crossfades run to their ends when they are waited for."""

    def __init__(self, scene: Scene | None = None) -> None:
        self.document = Document(CATALOGUE)
        self.scenes = {"come": Scene.model_validate(PAIR)}
        self.saves: list[SaveScene] = []
        self.state, self.waiting = self.document.empty(), []
        self.beat = 0.0
        if scene is not None:
            self.state, actions = self.document.opened(scene)
            self.answer(actions)
        self.settle()

    def send(self, path: str, *args: float | str) -> None:
        change = TABLE.parse(path, args)
        assert change is not None
        self.take(Change(change.path, change.args))

    def take(self, *inputs: Input) -> None:
        self.state, actions = self.document.apply(self.state, inputs, BeatPosition(self.beat, 120.0, 1.0))
        self.answer(actions)

    def settle(self) -> None:
        for _ in range(30):
            waiting, self.waiting = self.waiting, []
            self.take(*waiting)
            self.beat += 1.0
            self.state, actions = self.document.advance(self.state, BeatPosition(self.beat, 120.0, 1.0), 0.5)
            self.answer(actions)

    def answer(self, actions: list) -> None:
        for action in actions:
            match action:
                case LoadStyle(deck, style):
                    self.waiting.append(StyleReady(deck, style))
                case LoadScene(slug):
                    self.waiting.append(SceneReady(self.scenes[slug]))
                case SaveScene():
                    self.saves.append(action)


def words(argument) -> st.SearchStrategy:
    if argument.type == "s":
        return st.sampled_from(argument.choices)
    # Some of them as OSC brings them, with the digits that float32 has.
    low, high = max(argument.minimum, -50.0), min(argument.maximum, 50.0)
    return st.floats(low, high) | st.sampled_from([low, high]) | st.floats(math.ceil(low), math.floor(high), width=32)


def messages(path: str) -> st.SearchStrategy[tuple]:
    return st.tuples(st.just(path), *(words(a) for a in TABLE.inputs[path].arguments if not a.optional or a.choices))


OTHERS = {"style", "map", "act", "acts"}  # these scenes have no acts to edit: `test_act_edits`
VALUES = [p for p in TABLE.inputs if p.startswith("/deck/") and not OTHERS & set(p.rpartition("/")[2].split("_"))]
EDITS = (
    st.sampled_from(VALUES).flatmap(messages)
    | st.sampled_from(["/deck/a/map", "/deck/b/map"]).flatmap(messages)
    | st.sampled_from([(f"/deck/{deck}/style", style) for deck in "ab" for style in ("one", "two", "idle")])
    | st.tuples(st.just("/crossfade"), st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0.0, 1.0))
)


def seen(deck: DeckState) -> dict:
    """A deck as a scene can say it: without what no music moves and nobody has changed."""
    moved = {m.parameter.split("/", 2)[-1] for m in deck.mappings}
    plain = dict(CATALOGUE.plain_chain())
    chain = [(e, dict(v)) for e, v in deck.chain if v != plain[e] or any(p.startswith(f"fx/{e}/") for p in moved)]
    own = [(m.signal, m.parameter.split("/", 2)[-1], m.curve, m.times, m.attack, m.release, *m.range)
           for m in deck.mappings if m.parameter.startswith("deck/")]  # fmt: skip
    return {"style": deck.style, "params": dict(deck.params), "chain": chain, "mappings": own}


def near(a: object, b: object) -> bool:
    """Whether two things are alike, numbers to six digits."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(near(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(near, a, b))
    return a == pytest.approx(b, rel=1e-6, abs=1e-6) if isinstance(a, float) else a == b


def frame_of(show: Show, state: ShowState) -> tuple:
    """What a second of the same music makes of it."""
    mappings, values = Mappings(), {}
    mappings.use(state.a.mappings, state.b.mappings)
    for k in range(10):
        signals = {**dict.fromkeys(SIGNALS, 0.0), **signals_at(1.0, [], BeatPosition(0.3 * k, 120.0, 1.0), state.faders)}
        values = mappings.evaluate({name: signals[name] or (k % 4) / 4 for name in SIGNALS}, 0.1)
    shown = show.document.resolve(state, values)
    chains = ([(e, dict(v)) for e, v in deck.chain if v["amount"] > 0.0] for deck in (shown.a, shown.b))
    return shown.mix, shown.master, *((d.slug, dict(d.params)) for d in (shown.a, shown.b)), *chains


@settings(max_examples=80, deadline=None)
@given(st.booleans(), st.lists(EDITS, max_size=14))
def test_a_saved_scene_called_is_what_was_on_stage(tmp_path_factory, pair: bool, edits: list) -> None:
    show = Show(Scene.model_validate(PAIR) if pair else None)
    for edit in edits:
        show.send(*edit)
    show.settle()
    show.send("/scene/save", "kept")
    (save,) = show.saves
    path = tmp_path_factory.getbasetemp() / "kept.toml"
    path.write_text(toml_of(save.scene), encoding="utf-8")
    read = load_scene(path, CATALOGUE)
    assert read == save.scene, "not a digit is lost in the file"
    again = Show(read)
    b_leads = show.state.crossfade > 0.5
    own, other = (show.state.b, show.state.a) if b_leads else (show.state.a, show.state.b)
    assert near(seen(again.state.a), seen(own))
    if read.second is not None:
        assert near(seen(again.state.b), seen(other))
        assert near(again.state.crossfade, 1.0 - show.state.crossfade if b_leads else show.state.crossfade)
        if pair and not b_leads:
            # The same decks on the same sides: so is every number of the picture.
            assert near(frame_of(again, again.state), frame_of(show, show.state))
    else:
        assert show.state.crossfade in (0.0, 1.0)
    assert again.state.a.transition == read.transition


def test_the_file_is_one_that_a_person_can_read() -> None:
    show = Show(Scene.model_validate(PAIR))
    show.send("/deck/a/zoom", 1.2000000476837158)
    show.send("/deck/a/map", "rms", "level", "linear", 0.0, 0.25, -1.0, 0.0, "active")
    show.send("/crossfade", 0.25)
    show.send("/scene/save", "late-night")
    assert (
        toml_of(show.saves[0].scene)
        == """version = 1
name = "Late night"
mix = 0.25

[deck]
style = "two"
params = { zoom = 1.2 }
effects = [
    { effect = "bloom", params = { amount = 0.5 } },
    { effect = "warp" },
]

[second]
style = "one"
effects = [
    { effect = "feedback", params = { decay = 2.0 } },
]

[faders]
1 = "turn"
8 = "a \\"quoted\\" label"

[transition]
kind = "wipe"
beats = 4.0
start = "beat"

[[map]]
signal = "swing"
to = "crossfade"
attack = 0.0
release = 0.0
range = [0.0, 0.2]

[[map]]
signal = "kick"
to = "fx/warp/amount"
attack = 0.0
release = 0.0
range = [0.0, 1.0]

[[map]]
signal = "beat"
to = "master"
attack = 0.0
release = 0.0
range = [-1.0, 0.0]

[[map]]
signal = "rms"
to = "level"
attack = 0.0
release = 0.25
range = [-1.0, 0.0]
times = "active"

[[map]]
signal = "bass"
to = "second/zoom"
curve = "pow3"
attack = 0.0
release = 0.0
range = [0.0, 1.0]
"""
    )


def test_a_deck_that_is_not_seen_is_not_in_it() -> None:
    show = Show()
    show.send("/deck/b/style", "two")
    show.send("/deck/b/map", "kick", "zoom", "linear", 0.0, 0.0, 0.0, 1.0)
    show.settle()
    for crossfade, style, second in ((0.0, "idle", None), (0.4, "idle", "two"), (0.6, "two", "idle"), (1.0, "two", None)):
        show.send("/crossfade", crossfade)
        scene = scene_of(show.state, CATALOGUE, "x")
        assert (scene.deck.style, scene.second.style if scene.second else None) == (style, second)
        assert scene.mix == pytest.approx(min(crossfade, 1.0 - crossfade) if second else 0.5)
    assert [m.to for m in scene.map] == ["zoom"]


def test_the_name_stays_where_the_scene_is_the_same() -> None:
    show = Show(Scene.model_validate(PAIR))
    assert scene_of(show.state, CATALOGUE, "come").name == "Come in"
    assert scene_of(show.state, CATALOGUE, "new_one").name == "New one"
    assert scene_of(show.state, CATALOGUE, "-").name == "-"
    assert len(scene_of(show.state, CATALOGUE, "x" * 200).name) == 80


@pytest.mark.parametrize("slug", ["", "..", "a/b", "setlist", "Setlist"])
def test_what_no_scene_can_be_called_is_refused_and_said(slug: str) -> None:
    show = Show()
    show.take(Change("/scene/save", (slug,)))
    assert show.saves == []
    assert "is not saved: a scene cannot be called so" in show.state.saved
    assert show.state.message == show.state.saved


def test_what_no_scene_can_say_is_refused_and_said() -> None:
    show = Show()
    show.take(Change("/deck/a/style", ("./mine",)), StyleReady("a", "./mine"))
    with pytest.raises(UserError, match="the style is not of the library"):
        scene_of(show.state, CATALOGUE, "x")
    show.send("/deck/a/style", "idle")
    show.send("/crossfade", 0.5)
    for deck, n in (("a", MOST_MAPPINGS // 2 + 1), ("b", MOST_MAPPINGS // 2)):
        for signal, curve in [(s, c) for s in SIGNALS for c in ("zoom", "speed", "level", "master")][:n]:
            show.send(f"/deck/{deck}/map", signal, curve, next(iter(CURVES)), 0.0, 0.0, 0.0, 1.0)
    show.send("/scene/save", "x")
    assert show.saves == []
    assert "too many mappings" in show.state.saved


def test_it_is_told_what_came_of_it_and_the_scene_can_be_called() -> None:
    show = Show()
    show.send("/scene/save", "x", 1)
    assert show.saves == [SaveScene("x", True, scene_of(show.state, CATALOGUE, "x"))]
    show.take(SceneNotSaved("x", "disk full"))
    assert show.state.saved == "scene x is not saved: disk full"
    show.send("/scene/save", "x")
    assert (show.saves[-1].again, show.state.saved) == (False, "")
    show.take(SceneSaved("x"))
    assert show.state.saved == "saved: x"
    before = show.document
    show.document = before.knowing("a-new-one")
    assert before.catalogue.scenes == ("come",), "nothing changes in place"
    assert show.document.knowing("come") is show.document
    _, actions = show.document.apply(show.state, [Change("/scene/number", (1,))], BeatPosition())
    assert actions == [LoadScene("a-new-one")]
    _, actions = show.document.apply(show.state, [Change("/scene/next")], BeatPosition())
    assert actions == [LoadScene("a-new-one")]


def test_a_text_of_any_kind_comes_back(tmp_path: Path) -> None:
    for text in ('a "b" \\c', "a\nb", "é😀\t", "#=[", " "):
        scene = Scene.model_validate({**PAIR, "name": text, "description": text, "tags": [text], "faders": {"2": text}})
        (tmp_path / "come.toml").write_bytes(toml_of(scene).encode())
        assert load_scene(tmp_path / "come.toml", CATALOGUE) == scene

"""The show document: what each verb does to it, frame by frame, and that nothing on stage pops, sticks or gets lost."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from phosphene.engine.control.table import LISTEN, build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.change import (
    Action,
    AudioGain,
    Change,
    Input,
    LoadScene,
    LoadStyle,
    Panic,
    Record,
    SceneFailed,
    SceneReady,
    StyleFailed,
    StyleReady,
    Tempo,
)
from phosphene.engine.show.document import BLACKOUT_S, Document, ShowState, restore, snapshot
from phosphene.engine.show.scene import Scene
from phosphene.engine.show.setlist import Setlist

EFFECTS = {
    "feedback": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("decay", "Decay", 0.05, 8.0, 0.9)),
    "bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),),
}
CATALOGUE = Catalogue(("one", "two", "three"), EFFECTS, (Param("zoom", "Zoom", 0.1, 8.0, 1.0),), ("s1", "s2", "s3"))


def scene(slug: str, style: str, **more: object) -> Scene:
    transition = {"kind": "wipe", "beats": 4, "start": "bar"}
    data = {"version": 1, "slug": slug, "name": slug.upper(), "deck": {"style": style}, "transition": transition}
    return Scene.model_validate(data | more)


S1 = scene("s1", "one", map=[{"signal": "bass", "to": "zoom"}])
S2 = scene(
    "s2", "two", deck={"style": "two", "params": {"zoom": 2}, "effects": [{"effect": "bloom", "params": {"amount": 0.5}}]}
)
S3 = scene("s3", "three")
SCENES = {s.slug: s for s in (S1, S2, S3)}
SETLIST = Setlist.model_validate(
    {"version": 1, "cue": [{"scene": "s2"}, {"scene": "s3", "transition": {"kind": "cut", "beats": 0, "start": "now"}}]}
)


class Stage:
    """A render loop without a picture: time runs, the loader answers at once unless told otherwise."""

    def __init__(self, fps: float = 60.0, bpm: float = 120.0, loads: bool = True) -> None:
        self.document = Document(CATALOGUE, SETLIST)
        self.fps, self.bpm, self.loads = fps, bpm, loads
        self.t, self.beat = 0.0, 0.0
        self.actions: list[Action] = []
        self.answers: list[Input] = []
        self.heard: dict[str, float] | None = {"build": 0.0, "drop": 0.0, "break": 0.0}
        self.state, actions = self.document.opened(S1)
        self._answer(actions)
        self.frames(1)

    @property
    def position(self) -> BeatPosition:
        return BeatPosition(self.beat, self.bpm, 1.0)

    def hear(self, **levels: float) -> None:
        self.heard = {"build": 0.0, "drop": 0.0, "break": 0.0} | (self.heard or {}) | levels

    def send(self, path: str, *args: float | int | str) -> None:
        self.inputs(Change(path, args, self.t))

    def inputs(self, *inputs: Input) -> None:
        self.state, actions = self.document.apply(self.state, inputs, self.position, self.t)
        self._answer(actions)

    def frames(self, n: int) -> list[ShowState]:
        states = []
        for _ in range(n):
            dt = 1.0 / self.fps
            self.t += dt
            self.beat += dt * self.bpm / 60.0
            answers, self.answers = self.answers, []
            self.inputs(*answers)
            self.state, actions = self.document.advance(self.state, self.position, dt, self.heard)
            self._answer(actions)
            states.append(self.state)
        return states

    def seconds(self, seconds: float) -> list[ShowState]:
        return self.frames(round(seconds * self.fps))

    def _answer(self, actions: list[Action]) -> None:
        self.actions += actions
        for action in actions if self.loads else ():
            match action:
                case LoadScene(slug):
                    self.answers.append(SceneReady(SCENES[slug]))
                case LoadStyle(deck, style, beside):
                    self.answers.append(StyleReady(deck, style, beside))


def test_the_show_opens_on_deck_a() -> None:
    stage = Stage()
    assert (stage.state.a.style, stage.state.crossfade, stage.state.scene) == ("one", 0.0, "s1")
    assert stage.actions == [LoadStyle("a", "one")]
    assert stage.state.pending == ""


def test_it_knows_the_addresses_of_the_control_table_and_no_others() -> None:
    table = build_table(EFFECTS, CATALOGUE.deck_params)
    assert set(Document(CATALOGUE).verbs) == set(table.inputs) - {LISTEN}, "who listens is the server's own matter"


@pytest.mark.parametrize(
    "path", ["", "/nothing", "master", "/master/", "/fader/99", "/fader/01", "/deck/c/zoom", "/deck/b/fx/nonsense/decay",
             "/deck/a/zoom/deeper", "/tempo/rewind", "/state/scene"],
)  # fmt: skip
def test_an_unknown_address_is_an_error(path: str) -> None:
    stage = Stage()
    with pytest.raises(UserError, match="unknown address"):
        stage.send(path, 2.0)


def test_values_move_the_base_and_stay_in_range() -> None:
    stage = Stage()
    stage.send("/deck/a/zoom", 3.0)
    stage.send("/deck/b/fx/feedback/decay", 2.0)
    stage.send("/master", 0.5)
    stage.send("/fader/3", 0.7)
    assert stage.state.a.params["zoom"] == 3.0
    assert dict(stage.state.b.chain)["feedback"] == {"amount": 0.0, "decay": 2.0}
    assert stage.state.master == 0.5
    assert stage.state.faders[2] == 0.7
    frame = stage.document.resolve(stage.state, {"deck/a/zoom": 20.0, "deck/b/fx/bloom/amount": 0.3, "master": -2.0})
    assert frame.a.params["zoom"] == 8.0
    assert dict(frame.b.chain)["bloom"]["amount"] == 0.3
    assert frame.master == 0.0
    assert stage.state.a.params["zoom"] == 3.0, "the base is not what the music did to it"


def test_a_scene_comes_in_on_the_hidden_deck_from_the_bar() -> None:
    stage = Stage()
    stage.seconds(0.6)  # beat 1.2: the next bar is at beat 4
    stage.send("/scene", "s2")
    states = stage.seconds(5.0)
    first = next(s for s in states if s.crossfade > 0.0)
    assert first.kind == "wipe"
    begun = 0.6 + states.index(first) / stage.fps
    assert begun == pytest.approx(2.0, abs=0.04)
    done = next(s for s in states if s.crossfade == 1.0)
    assert 0.6 + states.index(done) / stage.fps == pytest.approx(4.0, abs=0.06)
    assert (stage.state.b.style, stage.state.b.params["zoom"], stage.state.scene) == ("two", 2.0, "s2")
    assert dict(stage.state.b.chain)["bloom"]["amount"] == 0.5
    assert [name for name, _ in stage.state.b.chain] == ["bloom", "feedback"], "the scene's effects come first"
    assert stage.state.a.style == "one"
    crossfades = [s.crossfade for s in states]
    assert crossfades == sorted(crossfades)


@pytest.mark.parametrize("fps", [24, 60, 120])
def test_a_crossfade_takes_the_same_time_at_any_frame_rate(fps: int) -> None:
    stage = Stage(fps=fps)
    stage.send("/crossfade/to", "b", 8.0)
    states = stage.seconds(6.0)
    begun = next(i for i, s in enumerate(states) if s.crossfade > 0.0) / fps
    done = next(i for i, s in enumerate(states) if s.crossfade == 1.0) / fps
    assert begun == pytest.approx(0.5, abs=0.1)
    assert done - begun == pytest.approx(4.0, abs=2.5 / fps)


def test_a_hand_on_the_fader_takes_over_at_once() -> None:
    stage = Stage()
    stage.send("/crossfade/to", "b", 16.0)
    stage.seconds(3.0)
    assert 0.0 < stage.state.crossfade < 1.0
    stage.send("/crossfade", 0.2)
    assert {s.crossfade for s in stage.seconds(2.0)} == {0.2}


def test_zero_beats_cut_now() -> None:
    stage = Stage()
    stage.seconds(0.3)
    stage.send("/crossfade/to", "b", 0.0)
    assert stage.state.crossfade == 1.0


def test_resync_in_the_wait_does_not_lose_the_crossfade() -> None:
    stage = Stage()
    stage.beat = 1000.2
    stage.send("/crossfade/to", "b", 4.0)
    stage.beat = 0.0
    assert stage.seconds(4.0)[-1].crossfade == 1.0


def test_resync_in_the_fade_does_not_move_it_back() -> None:
    stage = Stage()
    stage.send("/crossfade/to", "b", 8.0)
    stage.seconds(2.0)
    before = stage.state.crossfade
    stage.beat = 0.0
    assert stage.frames(1)[0].crossfade >= before
    assert stage.seconds(4.0)[-1].crossfade == 1.0


def test_a_scene_called_in_a_crossfade_waits_and_nothing_pops() -> None:
    stage = Stage()
    stage.send("/scene", "s2")
    states = stage.seconds(3.0)
    assert 0.0 < stage.state.crossfade < 1.0
    stage.send("/scene", "s3")
    states += stage.seconds(8.0)
    assert (stage.state.scene, stage.state.a.style, stage.state.crossfade) == ("s3", "three", 0.0)
    for before, after in pairwise(states):
        if before.a.style != after.a.style:
            assert before.crossfade == 1.0
        if before.b.style != after.b.style:
            assert before.crossfade == 0.0
        assert abs(after.crossfade - before.crossfade) < 0.05


def test_the_newest_of_many_calls_wins() -> None:
    stage = Stage()
    for slug in ("s2", "s3", "s2", "s3"):
        stage.send("/scene", slug)
    stage.seconds(6.0)
    assert stage.state.scene == "s3"
    assert stage.state.pending == ""


def test_a_scene_called_with_the_fader_half_way_clears_the_way_first() -> None:
    stage = Stage()
    stage.inputs(StyleReady("b", "two"))
    stage.send("/deck/b/style", "two")
    stage.send("/crossfade", 0.4)
    stage.send("/scene", "s3")
    states = stage.seconds(6.0)
    assert stage.state.scene == "s3"
    swap = next(i for i, s in enumerate(states) if s.b.style == "three")
    assert states[swap - 1].crossfade == 0.0


def test_a_hand_that_shows_the_staged_deck_while_it_loads() -> None:
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    stage.send("/scene", "s2")
    stage.inputs(SceneReady(S2))
    assert stage.state.pending == "s2"
    stage.send("/crossfade", 1.0)
    stage.loads = True
    stage.inputs(StyleReady("b", "two"))
    stage.seconds(6.0)
    assert (stage.state.scene, stage.state.a.style, stage.state.crossfade) == ("s2", "two", 0.0)


def test_a_refused_style_keeps_the_old_one() -> None:
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    stage.send("/deck/a/style", "two")
    assert (stage.state.a.wanted, stage.state.pending) == ("two", "two")
    stage.inputs(StyleFailed("a", "two", "its weights are not finite"))
    assert (stage.state.a.style, stage.state.a.wanted) == ("one", None)
    assert "not finite" in stage.state.message
    stage.send("/scene", "s2")
    stage.inputs(SceneReady(S2), StyleFailed("b", "two", "truncated"))
    stage.seconds(4.0)
    assert (stage.state.scene, stage.state.crossfade, stage.state.pending) == ("s1", 0.0, "")


def test_a_refused_scene_keeps_the_old_one() -> None:
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    stage.send("/scene", "s9")
    stage.inputs(SceneFailed("s9", "no such file"))
    assert (stage.state.scene, stage.state.pending) == ("s1", "")
    assert "no such file" in stage.state.message


def test_late_answers_change_nothing() -> None:
    stage = Stage()
    before = stage.state
    stage.inputs(SceneReady(S2), StyleReady("b", "two"), StyleReady("a", "three"))
    assert stage.state == before


def test_the_second_deck_follows_when_the_scene_is_in() -> None:
    pair = scene("s2", "two", second={"style": "three"}, mix=0.25, map=[{"signal": "bass", "to": "second/zoom"}])
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    stage.send("/scene", "s2")
    stage.loads = True
    stage.inputs(SceneReady(pair))
    states = stage.seconds(9.0)
    assert (stage.state.b.style, stage.state.a.style) == ("two", "three")
    assert stage.state.crossfade == pytest.approx(0.75)
    swap = next(i for i, s in enumerate(states) if s.a.style == "three")
    assert states[swap - 1].crossfade == 1.0
    assert stage.state.a.mappings[0].parameter == "deck/a/zoom"


def test_music_moves_the_crossfade_between_decks_of_one_scene_only() -> None:
    pair = scene("s2", "two", second={"style": "three"}, mix=0.0, map=[{"signal": "bass", "to": "crossfade"}])
    stage = Stage(loads=False)
    stage.inputs(StyleReady("a", "one"))
    stage.send("/scene", "s2")
    stage.loads = True
    stage.inputs(SceneReady(pair))

    def shown(state: ShowState) -> float:
        return stage.document.resolve(state, {"crossfade": -0.5}).mix  # on deck b, its second lies towards 0

    states = stage.seconds(9.0)
    for before, after in pairwise(states):
        if before.a.style != after.a.style:
            assert shown(before) == 1.0, "the old scene is not shown again"
            assert shown(after) > 0.9, "the second does not pop"
        assert abs(shown(after) - shown(before)) < 0.1
    assert shown(stage.state) == 0.5
    stage.send("/scene", "s3")
    states += stage.seconds(9.0)
    assert stage.state.scene == "s3"
    for before, after in pairwise(states):
        if before.a.style != after.a.style:
            assert shown(before) == 1.0
        assert abs(shown(after) - shown(before)) < 0.1


def test_blackout_fades_and_a_second_press_cuts() -> None:
    stage = Stage()
    stage.send("/blackout")
    levels = [s.black for s in stage.seconds(BLACKOUT_S / 2)]
    assert levels == sorted(levels)
    assert levels[-1] == pytest.approx(0.5, abs=0.05)
    stage.send("/blackout")
    assert stage.state.black == 1.0
    assert stage.document.resolve(stage.state, {}).blackout == 1.0
    stage.seconds(1.0)
    stage.send("/blackout")
    stage.frames(3)
    assert 0.0 < stage.state.black < 1.0
    stage.send("/blackout")
    assert stage.state.black == 0.0
    assert not stage.state.blackout


@pytest.mark.parametrize("fps", [24, 60, 120])
def test_blackout_takes_its_time_at_any_frame_rate(fps: int) -> None:
    stage = Stage(fps=fps)
    stage.send("/blackout", 1)
    levels = [s.black for s in stage.seconds(1.0)]
    assert levels.index(1.0) / fps == pytest.approx(BLACKOUT_S, abs=1.5 / fps)


def test_blackout_with_values_repeats_cut_and_opposites_turn_back() -> None:
    stage = Stage()
    stage.send("/blackout", 1)
    stage.frames(3)
    stage.send("/blackout", 0)
    stage.frames(1)
    assert 0.0 < stage.state.black < 0.2
    stage.send("/blackout", 1)
    stage.frames(2)
    stage.send("/blackout", 1)
    assert stage.state.black == 1.0
    stage.send("/blackout", 1)
    assert stage.state.blackout


def test_blackout_touches_the_output_only() -> None:
    stage, other = Stage(), Stage()
    stage.send("/blackout", 1)
    stage.seconds(1.0)
    other.seconds(1.0)
    assert replace(stage.state, blackout=False, black=0.0) == other.state


def test_freeze_and_hud_change_over() -> None:
    stage = Stage()
    stage.send("/freeze")
    stage.send("/hud", 1)
    assert (stage.state.freeze, stage.state.hud) == (True, True)
    stage.send("/freeze")
    stage.send("/hud", 0)
    assert (stage.state.freeze, stage.state.hud) == (False, False)


def test_panic_is_a_safe_picture_and_again_the_idle_scene() -> None:
    stage = Stage()
    stage.send("/scene", "s2")
    stage.seconds(3.5)
    for path, value in (("/deck/b/fx/feedback/amount", 1.0), ("/master", 0.1), ("/blackout", 1), ("/freeze", 1)):
        stage.send(path, value)
    stage.send("/scene", "s3")
    stage.send("/panic")
    state = stage.state
    assert Panic() in stage.actions
    assert state.b.style == "two"
    assert state.crossfade in (0.0, 1.0)
    assert (state.master, state.black, state.blackout, state.freeze, state.fade, state.pending) == (
        1.0,
        0.0,
        False,
        False,
        None,
        "",
    )
    assert all(params["amount"] == 0.0 for deck in (state.a, state.b) for _, params in deck.chain)
    assert state.a.mappings == state.b.mappings == ()
    stage.seconds(2.0)
    assert stage.state.crossfade == state.crossfade, "what was on its way does not arrive later"
    stage.send("/panic")
    assert (stage.state.a.style, stage.state.b.style) == ("idle", "idle")
    stage.send("/scene", "s2")
    stage.seconds(6.0)
    assert (stage.state.scene, stage.state.panics) == ("s2", 0)


def test_cues_go_in_order_and_stop() -> None:
    stage = Stage()
    stage.send("/cue/go")
    stage.seconds(6.0)
    assert (stage.state.scene, stage.state.cue) == ("s2", 0)
    stage.send("/cue/go")
    stage.frames(3)
    assert (stage.state.scene, stage.state.cue, stage.state.crossfade) == ("s3", 1, 0.0), "the cue's own cut"
    stage.send("/cue/go")
    assert stage.state.message == "the setlist is over"
    assert stage.state.scene == "s3"


def test_scenes_by_number_and_next_wrap() -> None:
    stage = Stage()
    stage.send("/scene/next")
    stage.send("/scene/next")
    stage.seconds(6.0)
    assert stage.state.scene == "s3", "two quick presses go two scenes on"
    stage.send("/scene/next")
    stage.seconds(6.0)
    assert stage.state.scene == "s1"
    stage.send("/scene/number", 2)
    stage.seconds(6.0)
    assert stage.state.scene == "s2"
    stage.send("/scene/number", 40)
    assert "there is no scene 40" in stage.state.message


def test_what_the_outside_has_to_do() -> None:
    stage = Stage()
    stage.actions.clear()
    stage.t = 7.0
    for path, args in (
        ("/tempo/tap", ()),
        ("/tempo/bpm", (128.0,)),
        ("/record", ()),
        ("/record", (1,)),
        ("/audio/gain", (2.0,)),
    ):
        stage.send(path, *args)
    assert stage.actions == [Tempo("tap", 0.0, 7.0), Tempo("bpm", 128.0, 7.0), Record(None), Record(True), AudioGain(2.0)]


def test_the_document_survives_json() -> None:
    stage = Stage()
    stage.send("/scene", "s2")
    stage.seconds(2.5)
    stage.send("/scene", "s3")
    stage.frames(3)
    stage.send("/deck/a/style", "two")
    assert restore(json.loads(json.dumps(snapshot(stage.state)))) == stage.state

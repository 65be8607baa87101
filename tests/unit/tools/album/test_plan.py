"""A plan is a show: scenes come in on downbeats, values move on bars, the same music gives the same plan.

The plans are played by the real show document, with a loader that answers a frame later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from phosphene.engine.app.build import scene_path
from phosphene.engine.app.offline import Script
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.change import LoadScene, LoadStyle, SceneReady, StyleReady
from phosphene.engine.show.document import Document
from phosphene.engine.show.scene import Scene, load_scene
from phosphene.engine.show.state import ShowState
from phosphene.tools.album.plan import Plan, plan_song
from phosphene.tools.album.presets import load_preset, preset_names

PARTS = ((8, 0, 0.1), (16, 1, 0.5), (8, 2, 0.95), (8, 0, 0.15), (16, 2, 0.95), (4, 3, 0.4))
TWO_DECKS = (("duet", ""), ("tide", ""), ("duet", "neon-tide"), ("prism", ""))


@pytest.fixture(scope="module")
def planned(catalogue: Catalogue, song: Callable[..., Any]) -> Callable[..., tuple[Any, Plan]]:
    """Plan a song: (the song, its plan)."""

    def plan(mood: str, *parts: tuple[int, int, float], bpm: float = 128.0, late: float = 0.0, **more: Any):
        music = song(bpm, *parts or PARTS, late=late)
        read = lambda slug: load_scene(scene_path(slug), catalogue)  # noqa: E731
        return music, plan_song(music, load_preset(mood, catalogue), read, catalogue.deck_paths, **more)

    return plan


@dataclass
class Seen:
    """The show at one frame."""

    time: float
    position: BeatPosition
    state: ShowState


def played(catalogue: Catalogue, music: Any, plan: Plan, fps: int = 30) -> Iterator[Seen]:
    """Yield the show, frame by frame, as an offline render steps it."""
    scenes = {slug: Scene.model_validate({**content, "slug": slug}) for slug, content in plan.scenes.items()}
    document = Document(catalogue)
    state, actions = document.opened(scenes[plan.pieces[0].slug])
    script = Script(plan.script)
    for k in range(int(music.seconds * fps)):
        answers: list[Any] = []
        for action in actions:
            if isinstance(action, LoadScene):
                answers.append(SceneReady(scenes[action.slug]))
            if isinstance(action, LoadStyle):
                answers.append(StyleReady(action.deck, action.style))
        position = music.grid.position((k + 0.5) / fps)
        state, now = document.apply(state, [*answers, *script.due(float(Fraction(k, fps)))], position)
        state, later = document.advance(state, position, 1.0 / fps)
        actions = [*now, *later]
        yield Seen(k / fps, position, state)


@pytest.mark.parametrize(
    ("mood", "bpm", "late", "looks"),
    [
        *((mood, 128.0, 0.0, ()) for mood in preset_names()),
        ("default", 87.0, 0.7, ()),
        ("drift", 174.0, 0.3, TWO_DECKS),
        ("pulse", 128.0, 0.0, TWO_DECKS),
    ],
)
def test_every_crossfade_starts_on_its_downbeat(catalogue, planned, mood, bpm, late, looks) -> None:
    music, plan = planned(mood, bpm=bpm, late=late, looks=looks)
    starts: list[tuple[float, str]] = []  # beat, scene
    fade = None
    for seen in played(catalogue, music, plan):
        now = seen.state.fade
        into = seen.state.scene
        started = now is not None and now.running and not (fade is not None and fade.running)
        # A cut is over within the frame in which it begins.
        cut = fade is not None and not fade.running and now is None and fade.beats == 0.0
        begun = now if started else fade if cut else None
        # The way is cleared from between two decks first, and a second deck comes in by itself: neither is a scene.
        if begun is not None and begun.quantum == 4.0 and (not starts or starts[-1][1] != into):
            starts.append((begun.start_beat, into))
            assert 0.0 <= seen.position.beat - begun.start_beat < 0.2
        fade = now
    wanted = [(float(piece.beat), piece.slug) for piece in plan.pieces if piece.kind]
    assert [start for start in starts if start[1] != plan.pieces[0].slug] == wanted
    assert all(beat % 4 == 0 for beat, _ in wanted)


@pytest.mark.parametrize("mood", preset_names())
def test_a_crossfade_is_over_before_its_part_is(catalogue, planned, mood: str) -> None:
    music, plan = planned(mood)
    ends = [*(piece.beat for piece in plan.pieces[1:]), music.grid.position(music.seconds).beat]
    assert all(piece.beats <= (end - piece.beat) / 2 for piece, end in zip(plan.pieces, ends, strict=True))


@pytest.mark.parametrize("looks", [(), TWO_DECKS])
def test_changes_reach_the_deck_that_the_scene_is_on(catalogue, planned, looks) -> None:
    music, plan = planned("surge", looks=looks)
    seen = {round(s.time, 3): s for s in played(catalogue, music, plan)}
    for change in plan.script:
        if change.path == "/scene":
            continue
        after = next(s for t, s in seen.items() if t >= change.t + 0.04)
        piece = [p for p in plan.pieces if p.start <= change.t + 1e-6][-1]
        deck, path = change.path.split("/")[2], change.path.split("/", 3)[3]
        assert after.state.deck(deck).scene == piece.slug
        chain = dict(after.state.deck(deck).chain)
        *effect, name = path.removeprefix("fx/").split("/")
        values = chain[effect[0]] if effect else after.state.deck(deck).params
        assert values[name] == pytest.approx(change.args[0])


def test_values_move_on_bars_only(planned) -> None:
    music, plan = planned("pulse")
    moved = [change for change in plan.script if change.path != "/scene"]
    assert len(moved) > 5
    for change in moved:
        beat = music.grid.position(change.t).beat
        assert beat == pytest.approx(round(beat / 4) * 4, abs=1e-4)


def test_louder_parts_run_faster_and_values_rise_before_them(planned) -> None:
    music, plan = planned("default", (16, 0, 0.2), (16, 1, 0.9), looks=(("tide", ""),))
    speeds = [(change.t, change.args[0]) for change in plan.script if change.path == "/deck/a/speed"]
    border = music.sections[0].end
    before, after = [v for t, v in speeds if t < border - 1e-3], [v for t, v in speeds if t > border + 1e-3]
    assert before == sorted(before)
    assert len(before) >= 2
    assert min(after) > max(before)


def test_the_same_music_gives_the_same_plan(planned) -> None:
    assert planned("fracture", seed=5)[1] == planned("fracture", seed=5)[1]
    found = {planned("default", seed=seed)[1].pieces[0].scene for seed in range(12)}
    assert len(found) > 1


def test_parts_alike_look_alike_and_neighbours_do_not(planned) -> None:
    for mood in preset_names():
        _, plan = planned(mood)
        looks = {(piece.label, piece.beat): (piece.scene, piece.style) for piece in plan.pieces}
        order = list(looks.values())
        assert all(a != b for a, b in pairwise(order))
    _, plan = planned("default")
    by_label = {}
    for piece in plan.pieces:
        by_label.setdefault(piece.label, (piece.scene, piece.style))
        assert by_label[piece.label] == (piece.scene, piece.style)


def test_energy_chooses_the_level(planned, catalogue) -> None:
    _, plan = planned("nocturne")
    preset = load_preset("nocturne", catalogue)
    assert [piece.level for piece in plan.pieces] == ["calm", "middle", "peak", "calm", "peak", "middle"]
    for piece in plan.pieces:
        look = f"{piece.scene}:{piece.style}" if piece.style else piece.scene
        assert look in preset.looks(piece.level)


def test_a_long_part_changes_its_look_on_the_way(planned) -> None:
    _, plan = planned("default", (100, 0, 0.5))  # bars = 32
    assert [piece.beat for piece in plan.pieces] == [0, 128, 256]
    assert len({piece.scene for piece in plan.pieces}) == 3


def test_one_scene_for_all_needs_no_crossfade(planned) -> None:
    _, plan = planned("default", looks=(("tide", "manta"),))
    assert list(plan.scenes) == ["01-tide"]
    assert not [change for change in plan.script if change.path == "/scene"]
    assert plan.styles == ("manta",)


def test_a_style_and_values_of_the_track_hold_in_every_scene(planned) -> None:
    _, plan = planned("default", style="manta", overrides={"zoom": 2.0, "speed": 0.5, "fx/grain/amount": 0.3})
    assert plan.styles == ("manta",)
    for scene in plan.scenes.values():
        assert scene["deck"]["params"]["zoom"] == 2.0
        assert scene["deck"]["params"]["speed"] == 0.5
        grain = next(e for e in scene["deck"]["effects"] if e["effect"] == "grain")
        assert grain["params"]["amount"] == 0.3
    assert not [change for change in plan.script if change.path.endswith("/speed")]


def test_styles_of_acts_are_played_too(planned) -> None:
    _, plan = planned("default", looks=(("pulse", ""),))
    acts = {act.get("style", "") for scene in plan.scenes.values() for act in scene["act"]}
    assert {"hex-hive", "shader:moire"} <= acts
    assert "hex-hive" in plan.styles
    assert plan.shaders == ("shader:moire",)


def test_a_short_song_is_one_look(planned) -> None:
    music, plan = planned("lumen", (1, 0, 0.0))
    assert len(plan.pieces) == 1
    assert plan.pieces[0].end == pytest.approx(music.seconds, abs=1e-6)
    assert plan.script == ()


def test_what_is_written_passes_the_checks_of_scenes(planned, catalogue, tmp_path) -> None:
    import tomli_w

    for mood in preset_names():
        _, plan = planned(mood, looks=(("duet", ""), ("shatter", "manta")) if mood == "drift" else ())
        for slug, content in plan.scenes.items():
            path = tmp_path / f"{slug}.toml"
            path.write_text(tomli_w.dumps(content), encoding="utf-8")
            assert load_scene(path, catalogue).transition.start == "bar"

"""Every shipped scene: valid, played by the real mappings over the demo track, and unlike itself when the music changes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.compositor.isf import shader_transitions
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.generators.registry import deck_params
from phosphene.engine.models.shaders import list_shaders
from phosphene.engine.models.style import list_styles, load_meta, style_folder
from phosphene.engine.show.catalogue import TRANSITIONS, Catalogue
from phosphene.engine.show.change import Change, StyleReady
from phosphene.engine.show.document import Document
from phosphene.engine.show.mapping import Mappings
from phosphene.engine.show.scene import SETLIST, lint_scene, load_scene, scene_names
from phosphene.engine.show.setlist import lint_setlist, load_setlist
from phosphene.engine.show.state import DeckFrame

FOLDER = PACKAGE / "scenes"
NAMES = scene_names([FOLDER])
CATALOGUE = Catalogue(
    (*list_styles(), *list_shaders()),
    {name: e.params for name, e in EFFECTS.items()},
    deck_params(),
    NAMES,
    transitions=(*TRANSITIONS, *shader_transitions()),
)
FPS, BPM = 24.0, 128.0


@cache
def heard(start: float, end: float) -> tuple[Signals, ...]:
    """The demo track's signals, one a frame."""
    analysis, found = FileAnalysis("demo"), []
    for k in range(round((end - start) * FPS) + 1):
        t = start + k / FPS
        found.append(signals_at(t, analysis.records(t), BeatPosition(t * BPM / 60.0, BPM, 1.0)))
    return tuple(found)


def silent(seconds: float) -> tuple[Signals, ...]:
    return tuple(signals_at(k / FPS, [], BeatPosition()) for k in range(round(seconds * FPS)))


def played(name: str, signals: tuple[Signals, ...]) -> list[dict[str, float]]:
    """Every parameter of both decks after each frame, flat, and which act plays, by its number."""
    document, mappings = Document(CATALOGUE), Mappings()
    scene = load_scene(FOLDER / f"{name}.toml", CATALOGUE)
    state, _ = document.opened(scene)
    state, _ = document.apply(state, [StyleReady("a", scene.deck.style)], BeatPosition())
    if scene.second:
        state, _ = document.advance(state, BeatPosition(), 0.0)
        state, _ = document.apply(state, [StyleReady("b", scene.second.style)], BeatPosition())
        state, _ = document.apply(state, [Change("/crossfade", (scene.mix,))], BeatPosition())
        state, _ = document.advance(state, BeatPosition(), 1.0)
    found = []
    for now in signals:
        state, _ = document.advance(state, now.position, 1.0 / FPS, now)
        mappings.use(state.a.mappings, state.b.mappings)
        values = mappings.evaluate(now, 1.0 / FPS, (state.a.direction, state.b.direction))
        show = document.resolve(state, values)
        act = state.a.direction.now
        found.append({"mix": show.mix, "act": float(act), **flat("a", show.a), **flat("b", show.b)})
    return found


def flat(deck: str, frame: DeckFrame) -> dict[str, float]:
    values = {f"{deck}/{name}": value for name, value in frame.params.items()}
    for effect, params in frame.chain:
        # What an effect that is off would do is not seen.
        shown = params if params["amount"] > 0.0 else {"amount": 0.0}
        values |= {f"{deck}/{effect}/{name}": value for name, value in shown.items()}
    return values


def in_tempo(name: str) -> bool:
    """Whether the scene's style plays loops, which keep the tempo at any loudness, or they would lose the beat."""
    return load_meta(style_folder(load_scene(FOLDER / f"{name}.toml", CATALOGUE).deck.style)).kind == "vqvae"


def mean(frames: list[dict[str, float]], name: str) -> float:
    return float(np.mean([f.get(name, 0.0) for f in frames]))


def test_there_are_enough_and_a_setlist_of_them() -> None:
    assert len(NAMES) >= 9
    assert lint_setlist(FOLDER / SETLIST, CATALOGUE) == []
    setlist = load_setlist(FOLDER / SETLIST, CATALOGUE)
    assert {cue.scene for cue in setlist.cue} == set(NAMES), "a night plays them all"


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_has_no_fault(name: str) -> None:
    assert [fault.line() for fault in lint_scene(FOLDER / f"{name}.toml", CATALOGUE)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_listens_to_what_matters(name: str) -> None:
    scene = load_scene(FOLDER / f"{name}.toml", CATALOGUE)
    signals = {m.signal for m in scene.map}
    assert {"kick", "onset", "active", "fader1", "fader2", "fader3", "fader4"} <= signals
    assert set(scene.faders) == {"1", "2", "3", "4"}
    assert scene.description
    assert scene.tags


def test_the_scenes_together_use_every_family_of_signals() -> None:
    used = {m.signal for name in NAMES for m in load_scene(FOLDER / f"{name}.toml", CATALOGUE).map}
    assert {"bass", "mid", "treble", "centroid", "flux", "onset", "kick", "beat", "swing", "active"} <= used


@pytest.mark.parametrize("name", NAMES)
def test_silence_a_kick_and_a_break_look_different(name: str) -> None:
    quiet = played(name, silent(4.0))[-1]
    loud = played(name, heard(40.0, 46.0))[-48:]
    rest = played(name, heard(62.0, 70.0))[-48:]
    level = "a/level"
    assert quiet[level] < 0.15 * mean(loud, level), "silence is dim"
    kicks = sorted(loud, key=lambda f: f[level])
    assert kicks[-1][level] > 1.3 * kicks[len(kicks) // 4][level], "the kick is light"
    if not in_tempo(name):
        assert quiet["a/speed"] <= 0.3 * mean(loud, "a/speed"), "and slow"
    changes = {path: abs(mean(rest, path) - mean(loud, path)) for path in rest[-1]}
    colour = ("grade/hue", "grade/palette", "grade/tint")
    assert max(changes[f"a/{c}"] for c in colour) > 0.3, "a break has other colours"
    space = ("depth", "projection", "warp/amount", "kaleidoscope/amount", "mirror/amount", "feedback/amount", "relief/metal")
    wider = mean(rest, "a/zoom") / mean(loud, "a/zoom")
    assert not 0.9 < wider < 1.1 or max(changes.get(f"a/{s}", 0.0) for s in space) > 0.2, "and another space"
    assert mean(rest, level) >= 0.5 * mean(loud, level), "and is not dark"


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_is_directed(name: str) -> None:
    """It changes every eight bars, in a break and at a drop; and comes back from both to another act than it left."""
    scene = load_scene(FOLDER / f"{name}.toml", CATALOGUE)
    called = {kind: i for i, act in enumerate(scene.act) for kind in act.on}
    assert {"break", "drop"} <= called.keys()
    assert len(scene.act) >= len(called) + 3
    acts = [int(f["act"]) for f in played(name, heard(44.0, 104.0))]
    order = [act for i, act in enumerate(acts) if i == 0 or act != acts[i - 1]]
    # By 60 s its first act has been for eight bars; then break, drop, and what comes after that has had its bars.
    assert order[: order.index(called["drop"]) + 2] in (
        [order[0], called["break"], called["drop"], order[0] + 1],
        [order[0], order[0] + 1, called["break"], called["drop"], order[0] + 2],
    )


@pytest.mark.parametrize("name", NAMES)
def test_music_that_goes_quiet_looks_it(name: str) -> None:
    """The end of the outro is no silence: 10 dB below the drop, and without a kick."""
    loud = played(name, heard(84.0, 92.0))[-96:]
    quiet = played(name, heard(110.0, 119.0))[-48:]
    assert mean(quiet, "a/level") < 0.55 * mean(loud, "a/level"), "darker"
    if not in_tempo(name):
        assert mean(quiet, "a/speed") < 0.6 * mean(loud, "a/speed"), "and calmer"


@pytest.mark.parametrize("name", NAMES)
def test_the_kick_is_read_as_one_and_is_no_strobe(name: str) -> None:
    scene = load_scene(FOLDER / f"{name}.toml", CATALOGUE)
    lights = [m for m in scene.map if m.signal == "kick" and m.to == "level"]
    assert lights
    assert all(m.attack <= 0.02 and 0.15 <= m.release <= 0.4 for m in lights)
    levels = [f["a/level"] for f in played(name, heard(84.0, 92.0))][48:]
    high, flashes, lit = max(levels), 0, False
    for level in levels:
        if not lit and level > 0.9 * high:
            flashes, lit = flashes + 1, True
        elif level < 0.75 * high:
            lit = False
    assert 1.5 < flashes / (len(levels) / FPS) <= 3.0, "on the beat, and never faster than three a second"


@pytest.mark.parametrize("name", NAMES)
def test_no_parameter_is_driven_into_its_stop_by_the_music(name: str) -> None:
    """A parameter that sits at the end of its range for a whole passage has stopped listening."""
    scene = load_scene(FOLDER / f"{name}.toml", CATALOGUE)
    document, mappings = Document(CATALOGUE), Mappings()
    state, _ = document.opened(scene)
    zooms = []
    for now in heard(40.0, 46.0):
        mappings.use(state.a.mappings, state.b.mappings)
        zooms.append(document.resolve(state, mappings.evaluate(now, 1.0 / FPS)).a.params["zoom"])
    assert min(zooms) > 0.25
    assert max(zooms) < 4.0

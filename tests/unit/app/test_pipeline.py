"""The frame function over an offline stage: scenes and styles come in, backends fail, nothing comes out as an exception."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app import build
from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.loader import SceneLoaded
from phosphene.engine.app.pipeline import close_stage, open_scene, render_frame
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.telemetry import refusals
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.backends.base import Capabilities
from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.core import clock, paths
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.frame import Size
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.generators.base import Generator
from phosphene.engine.models.style import load_style
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.catalogue import IDLE
from phosphene.engine.show.mapping import Mapping
from phosphene.engine.show.scene import Scene
from tests.unit.app.playing import play, put

SIZE = Size(96, 54)


def kicks(seconds: float = 6.0, bpm: float = 120.0) -> np.ndarray:
    """Return a kick on every beat, float32 [n]."""
    t = np.arange(round(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
    kick = np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.06)
    pcm = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for at in np.arange(0.0, seconds - 0.3, 60.0 / bpm):
        pcm[round(at * SAMPLE_RATE) :][: len(kick)] += 0.7 * kick.astype(np.float32)
    return pcm


def make_stage(governor: Governor | None = None) -> Stage:
    governor = governor or Governor(SIZE, 24, fixed=SIZE)
    stage, _ = build_stage(OfflineClock(24), FileAnalysis(kicks()), SIZE, governor, NoActions(), renderer="", inline=True)
    return stage


@pytest.fixture
def stage(gl) -> Iterator[Stage]:
    """An offline stage that loads inline."""
    made = make_stage()
    yield made
    close_stage(made)


def test_sharp_effects_are_drawn_at_the_output_s_size_whatever_the_internal_one(gl) -> None:
    painted = make_stage(governor=Governor(SIZE, 24, fixed=Size(32, 18)))
    sharpest = {}
    for amount in (0.0, 1.0, 0.0):
        for name, value in (("amount", amount), ("mode", 3.0), ("form", 7.0), ("width", 0.5)):
            put(painted, f"/deck/a/fx/shapes/{name}", value)
        picture = play(painted, 1)
        assert painted.mixer.sharp == (amount > 0.0)
        assert painted.mixer.seen["a"].size == (SIZE if amount else Size(32, 18))
        sharpest[amount] = float(np.abs(np.diff(picture, axis=1)).max())
    close_stage(painted)
    assert sharpest[1.0] > 4.0 * sharpest[0.0], "an edge is one pixel wide, where a painted pixel is three"


def test_opens_with_the_idle_scene_and_changes_style(stage: Stage) -> None:
    idle = play(stage, 2)
    assert stage.state.a.style == IDLE
    put(stage, "/deck/a/style", "neon-tide")
    picture = play(stage, 3)
    assert stage.state.a.style == "neon-tide"
    assert stage.playing["a"].backend == "cpu"
    assert np.abs(picture - idle).mean() > 0.02
    put(stage, "/deck/a/style", IDLE)
    play(stage, 2)
    assert stage.playing["a"].generator is None


def test_scene_comes_in_by_its_crossfade(stage: Stage) -> None:
    first, second = stage.document.catalogue.scenes[:2]
    open_scene(stage, first)
    play(stage, 3)
    assert stage.state.scene == first
    put(stage, "/scene", second)
    play(stage, 24 * 20)
    assert stage.state.scene == second
    assert stage.state.pending == ""
    assert stage.state.crossfade in (0.0, 1.0) or stage.document.catalogue.scenes[1] == "duet"


def test_refusals_are_said_and_change_nothing(stage: Stage) -> None:
    put(stage, "/deck/a/style", "neon-tide")
    play(stage, 2)
    put(stage, "/deck/a/style", "no-such-style")
    put(stage, "/scene", "no-such-scene")
    play(stage, 3)
    assert stage.state.a.style == "neon-tide"
    assert any("no-such-style" in m for m in stage.messages)
    assert any("no-such-scene" in m for m in stage.messages)


def test_a_backend_that_raises_in_mid_show_is_replaced(gl, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next backend takes over within two frames; meanwhile the last good picture stays."""

    class Fragile(CpuBackend):
        name = "glsl"  # what is preferred to the cpu

        def open(self, style, max_size):
            program, run = super().open(style, max_size), []

            def fail_later(*args):
                run.append(args)
                if len(run) > 5:
                    raise RuntimeError("the driver went away")
                type(program).run(program, *args)

            program.run = fail_later
            return program

    monkeypatch.setattr(build, "installed_backends", lambda renderer: {"glsl": Fragile(), "cpu": CpuBackend()})
    stage = make_stage()
    put(stage, "/deck/a/style", "neon-tide")
    pictures = [play(stage, 1) for _ in range(12)]
    assert any("failed, trying the next one" in m for m in stage.messages)
    assert stage.playing["a"].backend == "cpu"
    assert {r["name"] for r in stage.playing["a"].refused} == {"glsl"}
    assert min(p.mean() for p in pictures[2:]) > 0.05, "no black picture at any time"
    assert not stage.mixer.faults
    close_stage(stage)


def test_tempo_messages_reach_the_conductor(stage: Stage) -> None:
    put(stage, "/tempo/bpm", 90.0)
    play(stage, 2)
    assert stage.signals.position.bpm == pytest.approx(90.0)
    assert stage.conductor.leading
    put(stage, "/tempo/multiply", 2.0)
    play(stage, 2)
    assert stage.signals.position.bpm == pytest.approx(180.0)
    put(stage, "/tempo/follow")
    play(stage, 2)
    assert not stage.conductor.leading


def test_sound_moves_the_picture(stage: Stage) -> None:
    """A kick changes what is seen more than silence of the same length does; the null is a source without sound."""
    open_scene(stage, stage.document.catalogue.scenes[0])
    heard = [play(stage, 1) for _ in range(72)]
    stage.source = FileAnalysis(np.zeros(6 * SAMPLE_RATE, np.float32))
    stage.clock = OfflineClock(24)
    for deck in stage.mixer.decks.values():
        deck.chain.reset()
    open_scene(stage, stage.document.catalogue.scenes[0])
    silent = [play(stage, 1) for _ in range(72)]

    def motion(pictures: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(pictures[24:])]))

    assert motion(heard) > 1.5 * motion(silent)


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves only when somebody sleeps: what is measured is what the test lets it cost, on any machine."""
    t = [1000.0]

    def sleep(seconds: float) -> None:
        t[0] += max(0.0, seconds)

    monkeypatch.setattr(clock, "now", lambda: t[0])
    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(clock, "sleep_until", lambda until: sleep(until - t[0]))


class Waiting:
    """A sink that takes 60 ms for each picture, as a display at its refresh does."""

    def __init__(self, stage: Stage, counts: bool) -> None:
        self._stage, self._counts = stage, counts

    def accept(self, picture, frame, t_picture) -> None:
        clock.sleep(0.06)
        self._stage.waited_s = 0.0 if self._counts else 0.06

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("counts", [True, False])
def test_waiting_for_the_screen_is_no_work(gl, driven, counts: bool) -> None:
    """The null: the same time spent working, for which the governor must give up pixels."""
    made = make_stage(governor=Governor(SIZE, 24, ladder=[Size(32, 18), Size(48, 27), SIZE], start=Size(48, 27)))
    made.sinks.append(Waiting(made, counts))
    play(made, 40)
    assert (made.governor.size() < Size(48, 27)) == counts
    assert (made.budget.frame_ms.percentile(50) > 50.0) == counts
    close_stage(made)


class OnTheGpu(Generator):
    """A generator that costs this thread nothing and says that the GPU takes its time."""

    params = ()

    def __init__(self, gpu_ms: float) -> None:
        self._capabilities = Capabilities(gpu_ms=gpu_ms, staging_reason="OpenGL draws on another GPU")

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def render(self, frame, signals, params, target) -> None:
        target.clear(0.1, 0.2, 0.3, 1.0)

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("gpu_ms", [2.0, 60.0])
def test_what_the_gpu_takes_is_the_governors_measure_too(gl, driven, gpu_ms: float) -> None:
    made = make_stage(governor=Governor(SIZE, 24, ladder=[Size(32, 18), Size(48, 27), SIZE], start=Size(48, 27)))
    made.mixer.set_generator("a", OnTheGpu(gpu_ms))
    play(made, 40)
    assert (made.governor.size() < Size(48, 27)) == (gpu_ms > 40.0)
    assert made.budget.report()["gpu_ms"]["p50"] == gpu_ms
    close_stage(made)


def test_pictures_that_go_through_host_memory_are_said(stage) -> None:
    stage.playing["a"].backend, stage.playing["a"].generator = "cuda", OnTheGpu(1.0)
    said = {"name": "cuda sharing with OpenGL", "reason": "OpenGL draws on another GPU"}
    assert said in refusals(stage)
    stage.playing["a"].generator = None
    assert said not in refusals(stage)


def test_only_a_style_can_make_the_picture_larger(gl, driven) -> None:
    """Neither the idle scene nor a frozen picture: after both, a style's first frames would be far too large."""
    small, large = Size(32, 18), Size(40, 22)
    made = make_stage(governor=Governor(SIZE, 24, ladder=[small, large], start=small))
    play(made, 60)
    assert made.governor.size() == small
    put(made, "/deck/a/style", "neon-tide")
    play(made, 3)
    put(made, "/freeze", 1)
    play(made, 60)
    assert made.governor.size() == small
    put(made, "/freeze", 0)
    play(made, 60)
    assert made.governor.size() == large, "null: the style itself is cheap enough to grow"
    close_stage(made)


def test_a_line_said_again_and_again_is_kept_once(stage: Stage) -> None:
    stage.say("first")
    for _ in range(100):
        stage.say("a frame failed")
    assert stage.messages[-2:] == ["first", "a frame failed"]


def test_what_is_said_of_a_show_is_said_on_the_terminal_too(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.say("offline whoever began the render tells")
    stage.live = True
    for k in range(100):
        stage.say(f"not recording: attempt {k}\nof many")
    stage.live = False
    assert [r.getMessage() for r in caplog.records] == ["not recording: attempt 0\\nof many"]


def test_an_opening_scene_that_is_late_comes_in_when_it_is_read(stage: Stage) -> None:
    first = stage.document.catalogue.scenes[0]
    open_scene(stage, first, timeout_s=0.0)
    assert stage.state.scene == ""
    play(stage, 4)
    assert stage.state.scene == first


def test_a_fault_of_an_effect_changes_no_backend(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no memory for the trail")

    put(stage, "/deck/a/style", "neon-tide")
    play(stage, 2)
    monkeypatch.setattr(stage.mixer.decks["a"].chain, "apply", broken)
    play(stage, 3)
    assert "no memory for the trail" in stage.mixer.faults["a"]
    assert stage.playing["a"].failed == frozenset()
    assert stage.messages == []


def test_a_scene_may_be_called_by_its_path(stage: Stage, tmp_path: Path) -> None:
    """It is on stage under that path, where hot reload looks for it, and nothing is left pending."""
    mine = tmp_path / "mine.toml"
    mine.write_text((paths.PACKAGE / "scenes" / f"{stage.document.catalogue.scenes[0]}.toml").read_text())
    open_scene(stage, str(mine))
    assert stage.state.scene == str(mine)
    put(stage, "/scene", str(mine))
    play(stage, 3)
    assert build.scene_path(stage.state.scene) == mine
    assert stage.state.requested == ""


def test_a_name_is_of_the_library_whatever_lies_here(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A show may be started in a stranger's folder; what is called by name is never out of it."""
    shutil.copytree(paths.PACKAGE / "styles" / "manta", tmp_path / "neon-tide")
    shutil.copytree(paths.PACKAGE / "styles" / "manta", tmp_path / "mine")
    (tmp_path / "pulse.toml").write_text("version = 1")
    (tmp_path / "mine.toml").write_bytes((paths.PACKAGE / "scenes" / "pulse.toml").read_bytes())
    monkeypatch.chdir(tmp_path)
    put(stage, "/deck/a/style", "neon-tide")
    play(stage, 3)
    assert stage.playing["a"].generator.style.sha256 == load_style(paths.PACKAGE / "styles" / "neon-tide").sha256
    for path, name in (("/deck/b/style", "mine"), ("/scene", "mine"), ("/scene", "mine.toml")):
        put(stage, path, name)
        play(stage, 3)
        assert f"{name}: no such" in stage.state.message
    put(stage, "/scene", "pulse")
    play(stage, 3)
    assert (stage.state.pending or stage.state.scene) == "pulse"
    assert build.scene_path(build.given_scene("mine.toml")).resolve() == tmp_path / "mine.toml", "on the command line it is"


def test_what_goes_out_quotes_nothing_of_a_file(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text('version = "a word that nobody should hear"\n')
    put(stage, "/scene", str(tmp_path / "secret.toml"))
    play(stage, 3)
    assert "unknown scene version" in stage.state.message
    assert "nobody should hear" not in stage.state.message
    assert "nobody should hear" in stage.messages[-1], "on the panel it is said"


def test_a_fault_of_one_change_costs_that_change_only(stage: Stage) -> None:
    play(stage, 1)
    put(stage, "/crossfade/to", "b", "no number")  # a take may hold it, a message cannot
    put(stage, "/master", 0.25)
    put(stage, "/deck/b/style", "neon-tide")
    render_frame(stage)
    assert stage.state.master == 0.25
    assert stage.state.b.wanted == "neon-tide"
    assert stage.refused == 1
    assert "/crossfade/to is refused" in stage.messages[-1]
    play(stage, 3)
    assert stage.state.b.style == "neon-tide"
    assert stage.refused == 1


def test_a_scene_that_cannot_be_played_is_a_scene_that_failed(stage: Stage) -> None:
    play(stage, 1)
    odd = Scene.model_validate({"version": 1, "slug": "odd", "name": "Odd", "deck": {"style": IDLE}, "faders": {"x": "y"}})
    stage.state = replace(stage.state, requested="odd")
    answers = [[SceneLoaded(odd)]]
    stage.loader.finished = lambda: answers.pop() if answers else []
    render_frame(stage)
    assert stage.refused == 1
    assert stage.state.requested == "", "it is not waited for"
    assert "scene odd" in stage.state.message


def test_the_picture_goes_on_without_a_mapping_or_a_document_that_fails(stage: Stage) -> None:
    play(stage, 2)
    shown = stage.shown
    mapping = Mapping("bass", "deck/a/fx/bloom/amount")
    stage.state = replace(stage.state, a=replace(stage.state.a, mappings=(mapping,), chain=()))  # no bloom to be mapped
    before = stage.state.a
    put(stage, "/master", 0.5)
    play(stage, 2)
    assert stage.state.a == before
    assert stage.state.master == 0.5
    assert stage.shown == shown, "the values of the last frame that had any"
    assert stage.refused == 2
    stage.state = replace(stage.state, a=replace(stage.state.a, mappings=("no mapping",)))
    play(stage, 1)
    assert stage.shown.master == 0.5, "without the music"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_beat_that_is_no_number_is_the_last_one(stage: Stage, wrong: float) -> None:
    play(stage, 12)
    beat = stage.signals.position.beat
    stage.conductor._line = replace(stage.conductor._line, beat0=wrong)
    play(stage, 2)
    assert stage.signals.position.beat == beat

"""Styles of two kinds on one stage: mixed like any two, hashed the same each time, and never waited for in a show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_state import StageSnapshots, phase_on
from phosphene.engine.app.telemetry import decode_rates
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core import clock
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.frame import Size
from phosphene.engine.generators.base import Played
from phosphene.engine.models.style import load_style, write_style
from phosphene.engine.pacing.governor import Governor
from tests.unit.app.playing import play, put

pytest.importorskip("onnxruntime")
SIZE = Size(96, 54)


def make_stage(inline: bool = True) -> Stage:
    pcm = 0.3 * np.sin(2 * np.pi * 60 * np.arange(96_000) / 48_000).astype(np.float32)
    governor = Governor(SIZE, 24, fixed=SIZE)
    made, _ = build_stage(OfflineClock(24), FileAnalysis(pcm), SIZE, governor, NoActions(), renderer="", inline=inline)
    return made


@pytest.fixture
def folder(tmp_path: Path, tiny_gan) -> str:
    """A GAN outside the library: asked for by its path."""
    write_style(tmp_path / "tiny", tiny_gan.meta, tiny_gan.weights)
    return str(tmp_path / "tiny")


@pytest.fixture
def stage(gl) -> Iterator[Stage]:
    made = make_stage()
    yield made
    close_stage(made)


def mixed(stage: Stage, folder: str, at: float) -> np.ndarray:
    put(stage, "/deck/a/style", "neon-tide")
    put(stage, "/deck/b/style", folder)
    put(stage, "/deck/b/bend_fine", 0.5)
    put(stage, "/crossfade", at)
    return play(stage, 4)


def test_a_cppn_and_a_gan_dissolve_into_each_other(gl, folder):
    pictures = []
    for at in (0.0, 0.5, 1.0):
        stage = make_stage()
        pictures.append(mixed(stage, folder, at))
        assert stage.playing["a"].backend == "cpu"
        assert stage.playing["b"].backend == "onnx"
        assert not stage.mixer.faults
        close_stage(stage)
    a, half, b = pictures
    assert np.abs(a - b).mean() > 0.05
    # In between on each pixel, to the step of dither: the mix is made in linear light, so it is not their mean.
    assert (half >= np.minimum(a, b) - 2 / 255).mean() > 0.999
    assert (half <= np.maximum(a, b) + 2 / 255).mean() > 0.999


def test_offline_frames_repeat_to_the_bit(gl, folder):
    def once() -> np.ndarray:
        stage = make_stage()
        picture = mixed(stage, folder, 0.7)
        close_stage(stage)
        return picture

    assert np.array_equal(once(), once())


def test_a_show_is_shown_the_decoded_pictures_and_says_their_rate(gl, folder):
    stage = make_stage(inline=False)
    put(stage, "/deck/a/style", folder)
    give_up = clock.now() + 180.0
    while not (generator := stage.playing["a"].generator) or not generator.decoding.rate:
        assert clock.now() < give_up
        play(stage, 1)
        clock.sleep(0.005)
    assert stage.state.a.style == folder
    assert decode_rates(stage)["a"] > 0.0
    assert np.ptp(play(stage, 2)) > 0.1
    close_stage(stage)


def test_a_take_knows_where_a_gan_stood(stage, folder):
    put(stage, "/deck/a/style", folder)
    put(stage, "/deck/a/speed", 2.0)
    play(stage, 12)
    told = json.loads(json.dumps(StageSnapshots(stage).opening()["decks"]["a"]))
    assert told["sha256"] == load_style(folder).sha256
    assert told["shift"] != 0.0
    generator = stage.playing["a"].generator
    assert isinstance(generator, Played)
    assert phase_on(stage, "a") == told["phase"]
    play(stage, 6)
    assert generator.memory() != {key: told[key] for key in generator.memory()}
    generator.resume(told)
    assert generator.memory() == {key: told[key] for key in generator.memory()}

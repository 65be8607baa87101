"""Reactivity against its controls, flicker, the seam of a loop, and what tells mud from a picture."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.encoding import AUDIO_INPUTS
from phosphene.engine.models.growth import draw_recipe, grow
from phosphene.engine.models.style import Motion, Style
from phosphene.tools.cppn import liveliness
from phosphene.tools.cppn.nulls import unsaved_style
from phosphene.tools.cppn.terms import close_loop

FPS = 24


def music(seconds: float = 24.0, seed: int = 1) -> list[dict[str, float]]:
    """Sparse, uneven strikes: onset, bass and level ring after each, as the analyser's do."""
    rng = np.random.default_rng(seed)
    strike = rng.random(round(seconds * FPS)) < 0.09
    rows, ring = [], 0.0
    for k, struck in enumerate(strike):
        ring = 1.0 if struck else ring * math.exp(-1 / FPS / 0.12)
        row = dict.fromkeys((*AUDIO_INPUTS, "flux", "onset_strength"), 0.2)
        row |= {"onset": ring, "bass": 0.2 + 0.7 * ring, "rms": 0.3 + 0.5 * ring}
        row |= {"flux": float(struck), "onset_strength": 0.9 * float(struck)}
        row |= {"beat_phase": k / FPS * 2 % 1, "bar_phase": k / FPS / 2 % 1, "phrase_phase": k / FPS / 32 % 1}
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def style() -> Style:
    spec = CppnSpec(width=16, layers=2)
    return unsaved_style("grown", spec, *grow(spec, draw_recipe(3), 3))


def changed(style: Style, drive: float = 3.0, **scales: float) -> Style:
    meta = style.meta.model_copy(update={"normalisation": {**style.scales, **scales}, "motion": Motion(drive=drive)})
    return dataclasses.replace(style, meta=meta)


def deaf(style: Style) -> Style:
    return changed(style, 0.0, **dict.fromkeys((*AUDIO_INPUTS, "time_ramp"), 0.0))


def test_a_style_that_hears_is_above_both_controls(style: Style) -> None:
    found = liveliness.reactivity(style, music())
    assert found.correlation > 0.4
    assert found.correlation > found.shuffled + 0.1
    assert found.null == max(found.shuffled, found.own)
    assert abs(found.lag) <= 1.5 / FPS


@pytest.mark.parametrize("time", [0.05, 4.0])
def test_a_deaf_style_is_never_above_its_null_however_it_moves(style: Style, time: float) -> None:
    for seed in range(2):
        found = liveliness.reactivity(changed(deaf(style), 0.0, time=time), music(seed=seed))
        assert found.correlation <= found.null
        assert abs(found.correlation) < 0.35


def test_music_on_the_beat_does_not_make_the_control_find_its_way_back() -> None:
    # A kick on every beat at 120 bpm: any circular shift lies within 250 ms of a beat, shuffled blocks do not line up.
    attacks = liveliness.without_trend(np.tile([1.0] + [0.0] * 11, 32))
    own, lag = liveliness.best_correlation(attacks, np.roll(attacks, 1))
    assert own > 0.95
    assert lag == 1
    assert liveliness.best_correlation(np.roll(attacks, 100), attacks)[0] > 0.9  # the null that would not be one
    rng = np.random.default_rng(0)
    controls = [liveliness.best_correlation(liveliness.block_shuffled(attacks, rng), attacks)[0] for _ in range(60)]
    assert np.quantile(controls, 0.95) < 0.7 * own


def test_shuffling_keeps_every_value_and_is_not_the_same_twice() -> None:
    values, rng = np.arange(300.0), np.random.default_rng(5)
    a, b = liveliness.block_shuffled(values, rng), liveliness.block_shuffled(values, rng)
    assert np.array_equal(np.sort(a), values)
    assert not np.array_equal(a, b)
    assert (np.diff(a) == 1.0).mean() > 0.9  # blocks, not single frames


def test_silence_and_a_still_picture_have_no_reactivity_and_no_warning(style: Style) -> None:
    quiet = [dict.fromkeys(row, 0.0) for row in music(12.0)]
    found = liveliness.reactivity(style, quiet)
    assert found.correlation == 0.0 == found.null
    assert liveliness.flicker(np.full((5, 4, 4, 3), 0.3, np.float32)) == 0.0


def test_flicker_rises_with_the_pace_of_time_to_that_of_noise(style: Style) -> None:
    steady = liveliness.held(music(12.0))
    calm, fast, mad = (liveliness.flicker(liveliness.frames_of(changed(style, time=t), steady)) for t in (0.04, 4.0, 60.0))
    assert calm < 0.15 < fast < mad
    assert mad > 1.0
    noise = np.random.default_rng(0).random((20, 16, 16, 3), np.float32)
    assert liveliness.flicker(noise) == pytest.approx(math.sqrt(3) * 0.98, abs=0.1)


def test_a_closed_loop_has_no_seam_and_an_open_one_has(style: Style) -> None:
    signals = music(12.0)[0]
    wide = changed(style, time=0.5)
    seam, step = liveliness.loop_error(wide, 20.0, signals)
    assert seam > 5 * step
    weights = [(w.copy(), b.copy()) for w, b in style.weights]
    close_loop(weights, style.spec, 0.5, 20.0)
    seam, step = liveliness.loop_error(dataclasses.replace(wide, weights=weights), 20.0, signals)
    assert seam < 1e-3
    assert step > 1e-4


def test_the_excerpt_is_where_attacks_differ_most() -> None:
    rows = [dict.fromkeys(row, 0.0) for row in music(40.0)] + music(20.0)
    part = liveliness.excerpt(rows, 10.0)
    assert len(part) == 240
    assert liveliness.envelope(part).std() > 0.2
    assert liveliness.excerpt(rows[:100]) is not None
    assert len(liveliness.excerpt(rows[:100])) == 100


def test_statistics_tell_a_picture_from_black_flat_and_mud(style: Style) -> None:
    frames = liveliness.frames_of(style, music(12.0)[:2])
    stats = liveliness.statistics(frames)
    assert all(0.0 <= value <= 1.0 for value in stats.values())
    assert stats["range"] > 0.25
    assert liveliness.statistics(np.full_like(frames, 0.01))["dark"] == 1.0
    assert liveliness.statistics(np.full_like(frames, 0.5))["range"] < 0.01
    ramp = np.linspace(0.35, 0.55, frames.shape[2], dtype=np.float32)[None, None, :, None]
    muddy = liveliness.statistics(np.broadcast_to(ramp, frames.shape))
    assert muddy["range"] < 0.25
    assert muddy["colour"] < 0.01

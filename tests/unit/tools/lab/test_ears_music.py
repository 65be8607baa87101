"""Music made for the ears: its truth is exact, the same seed is the same music, and it lies within full scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import cases, drums, spoiling
from phosphene.tools.lab.ears.patterns import PATTERNS, VELOCITY
from phosphene.tools.lab.ears.piece import Piece, Recipe, joined, make
from phosphene.tools.lab.ears.random_piece import random_piece, random_recipe
from phosphene.tools.lab.ears.tempo_map import Curve, TempoMap

ALONE = {"snare": 0.0, "hat": 0.0, "bass": 0.0, "pad": 0.0, "ambience": 0.0, "vary": 0.0, "intro": 0}
RIDE = ((0.0, 1.0), (2.0, 1.0), (4.0, 1.04), (7.0, 0.96))
RAMP = ((0.0, 110.0), (2.0, 110.0), (7.0, 128.0))


def attacks(pcm: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return when, within 15 ms of each time, the sound first rises above what was left of the one before."""
    level = np.abs(pcm).max(axis=1)
    out = []
    for t in near:
        at = round(t * SAMPLE_RATE)
        before, after = level[max(0, at - 720) : at - 96].max(initial=0.0), level[max(0, at - 720) : at + 720]
        out.append((max(0, at - 720) + int(np.argmax(after > max(1.5 * before, 0.05)))) / SAMPLE_RATE)
    return np.array(out)


@pytest.mark.parametrize(("bpm", "ride"), [(123.4, Recipe.ride), (RAMP, Recipe.ride), (120.0, RIDE)])
def test_kicks_sound_where_the_truth_says_and_on_the_beat(bpm, ride):
    piece = make(Recipe("house", "909", bpm, 9.0, 3, ride=ride, lines=(0, 0, 0, 0), loose=0.0, **ALONE))
    kicks = piece.hits["kick"]
    assert len(kicks) == len(piece.beats) > 15
    assert np.abs(kicks - piece.beats).max() < 1e-9
    assert np.abs(attacks(piece.pcm, kicks) - kicks).max() < 0.002


@pytest.mark.parametrize("kit", list(drums.KITS))
def test_every_drum_of_a_kit_begins_at_its_first_sample(kit):
    for name, takes in drums.voices(drums.KITS[kit], np.random.default_rng(1)).items():
        for voice in takes:
            assert voice.dtype == np.float32
            assert np.abs(voice).max() == pytest.approx(1.0)
            # The claps of a machine and the boom of an 808 take a moment to be loud, none takes longer than that.
            assert np.argmax(np.abs(voice) > 0.1) < 0.004 * SAMPLE_RATE, name


def test_hits_of_every_class_have_strengths_and_lie_beside_the_grid_by_a_hand_s_breadth():
    piece = make(Recipe("hip-hop", "acoustic", 90.0, 12.0, 5, swing=0.3, loose=0.003))
    sixteenth = 60.0 / 90.0 / 4
    for name in drums.CLASSES:
        times, strengths = piece.hits[name], piece.strengths[name]
        assert len(times) == len(strengths) > 5
        assert (np.diff(times) >= 0.0).all()
        assert ((strengths > 0.0) & (strengths <= 1.0)).all()
        step = np.round(times / sixteenth - 0.15)
        late = times - (step + 0.3 * (step % 2)) * sixteenth
        assert np.abs(late).max() <= 0.0121


@pytest.mark.parametrize("name", list(PATTERNS))
def test_every_line_of_a_pattern_fills_its_bars(name):
    pattern = PATTERNS[name]
    for lines in (pattern.kick, pattern.snare, pattern.hat, pattern.bass):
        for line in lines:
            assert all(len(text.replace(" ", "")) in (0, pattern.bar_steps) for text in line), line
            assert set("".join(line)) <= {*VELOCITY, " ", "."}
    assert all(len(text.replace(" ", "")) in (0, pattern.bar_steps) for text in pattern.fills)


def test_bars_begin_where_the_metre_says():
    piece = make(Recipe("5/4", "lo-fi", 150.0, 9.0, 1))
    assert piece.numbers[:7].tolist() == [1, 2, 3, 4, 5, 1, 2]
    assert np.allclose(np.diff(piece.bars), 2.0)
    assert make(Recipe("6/8", "lo-fi", 60.0, 5.0, 1)).divided == 3


def test_a_tempo_map_is_its_own_inverse_and_a_jump_is_a_jump():
    tempo = TempoMap(Curve.of(((0.0, 120.0), (4.0, 120.0), (4.0, 90.0), (8.0, 130.0))), Curve.of(RIDE))
    beats = np.linspace(0.0, 30.0, 301)
    assert np.abs(tempo.beat_at(tempo.heard(beats)) - beats).max() < 1e-9
    assert np.allclose(np.diff(TempoMap(Curve.of(120.0)).heard(np.arange(5.0))), 0.5)
    assert tempo.bpm.at([3.999, 4.0]).round(2).tolist() == [120.0, 90.0]
    with pytest.raises(ValueError, match="no curve"):
        Curve.of(((1.0, 120.0), (0.0, 120.0)))


def test_the_same_seed_is_the_same_music_and_another_is_not():
    recipe = Recipe("garage", "electro", 131.0, 4.0, 8)
    assert np.array_equal(make(recipe).pcm, make(recipe).pcm)
    assert not np.array_equal(make(recipe).pcm, make(replace(recipe, seed=9)).pcm)
    assert np.array_equal(random_piece(4, 5.0).pcm, random_piece(4, 5.0).pcm)


def test_random_pieces_are_of_every_kind_within_full_scale_and_no_case_of_the_benchmark():
    recipes = [random_recipe(seed) for seed in range(300)]
    assert {recipe.pattern for recipe in recipes} == set(PATTERNS)
    assert {recipe.kit for recipe in recipes} == set(drums.KITS)
    assert {recipe.kit for recipe in (random_recipe(seed, kits=("808", "lo-fi")) for seed in range(20))} == {"808", "lo-fi"}
    assert min(recipe.seed for recipe in recipes) > cases.FIRST_SEED + 1000
    for seed in range(4):
        piece = random_piece(seed, 6.0)
        assert piece.pcm.dtype == np.float32
        assert piece.pcm.flags.c_contiguous
        assert np.isfinite(piece.pcm).all()
        assert np.abs(piece.pcm).max() <= 1.0
        assert len(piece.beats) == len(piece.numbers)


def test_pieces_are_cut_and_joined_with_their_truth():
    piece = make(Recipe("house", "909", 120.0, 6.0, 2, lines=(0, 0, 0, 0), loose=0.0, **ALONE))
    cut = joined([piece.part(0.0, 2.0), piece.part(2.25, 4.25)])
    assert cut.cuts == (2.0,)
    assert np.allclose(cut.beats, [0.0, 0.5, 1.0, 1.5, 2.25, 2.75, 3.25, 3.75])
    assert np.allclose(cut.hits["kick"], cut.beats)
    assert np.abs(attacks(cut.pcm, cut.beats) - cut.beats).max() < 0.002


@pytest.mark.parametrize("effect", list(spoiling.EFFECTS))
def test_what_is_spoilt_keeps_its_truth_and_stays_within_full_scale(effect):
    clean = make(Recipe("house", "909", 120.0, 4.0, 2))
    needed = {"room": (0.5, 0.0), "offset": (0.2,), "silence first": (1.0,), "stops": (1.0,)}
    given = needed.get(effect, (-6.0,) if effect in ("crowd", "hum", "clip") else (-40.0,) if effect == "level" else ())
    piece = spoiling.EFFECTS[effect](clean, np.random.default_rng(0), *given)
    assert isinstance(piece, Piece)
    assert piece.pcm.dtype == np.float32
    assert np.abs(piece.pcm).max() <= 1.0
    moved = 1.0 if effect == "silence first" else 0.0
    assert np.allclose(piece.beats[:3], clean.beats[:3] + moved)


def test_the_names_of_the_cases_differ():
    names = [case.name for case in cases.CASES]
    assert len(set(names)) == len(names)

"""Whole tracks have their structure where the truth says, and what scores live structure counts right."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears import filters
from phosphene.tools.lab.ears.arrangement import Arrangement, with_truth
from phosphene.tools.lab.ears.arranger import Part, play, random_band
from phosphene.tools.lab.ears.structure_scoring import Score, Told, auc, inside, loudness_jump, matched, moved

BEAT = {"kick": 1.0, "snare": 1.0, "hat": 1.0, "bass": 1.0, "pad": 0.7}
PARTS = (
    Part("intro", 1, pad=1.0),
    Part("verse", 2, **BEAT),
    Part("break", 2, pad=1.0, lead=1.0),
    Part("build", 2, pad=1.0, roll=1.0, riser=1.0, gap=1.0),
    Part("drop", 2, **BEAT),
)


def made(seed: int) -> Arrangement:
    rng = np.random.default_rng(seed)
    band = random_band("house", rng)
    pcm, edges = play(band, PARTS, rng)
    return with_truth(pcm, PARTS, edges, "made")


@pytest.fixture(scope="module")
def track() -> Arrangement:
    return made(1)


def level(track: Arrangement, start: float, end: float, low: float, high: float) -> float:
    part = track.pcm[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)].mean(axis=1)
    return filters.rms(filters.band_pass(part, low, high))


def test_a_break_has_no_lows_a_build_rises_and_the_drop_has_all(track: Arrangement) -> None:
    at = {name: (start, end) for name, start, end in track.parts}
    assert track.breaks == (at["break"],)
    assert track.builds == (at["build"],)
    assert list(track.drops) == [at["drop"][0]]
    lows = {name: level(track, start + 0.1, end, 30.0, 120.0) for name, (start, end) in at.items()}
    assert lows["break"] < 0.2 * lows["verse"]
    assert lows["intro"] < 0.2 * lows["verse"]
    assert lows["drop"] > 0.7 * lows["verse"]
    start, end = at["build"]
    third = (end - start) / 3
    assert level(track, end - third, end - 0.6, 3000.0, 12000.0) > 2.0 * level(track, start, start + third, 3000.0, 12000.0)
    assert level(track, end - 0.3, end, 30.0, 16000.0) < 0.1 * level(track, start, end, 30.0, 16000.0), "a beat of silence"
    assert float(np.abs(track.pcm).max()) < 1.0


def test_the_same_seed_is_the_same_track(track: Arrangement) -> None:
    assert np.array_equal(made(1).pcm, track.pcm)
    other = made(2).pcm
    assert len(other) != len(track.pcm) or not np.array_equal(other, track.pcm)


def test_drops_are_counted_one_to_one() -> None:
    assert matched(np.array([1.0, 1.2, 9.0]), np.array([1.1, 5.0, 9.5])) == [(0, 0), (2, 2)]
    assert matched(np.array([]), np.array([3.0])) == []
    assert matched(np.array([3.51]), np.array([3.0])) == []


def test_auc_and_figures_by_hand(track: Arrangement) -> None:
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auc(np.full(6, 0.5), np.arange(6) < 2) == 0.5
    t = np.arange(0.0, track.seconds, 0.05)
    perfect = Told(
        t,
        inside(track.breaks, t) * 0.9,
        inside(track.builds, t) * 0.9,
        np.array([[track.drops[0], track.drops[0] + 0.1, 1.0]]),
    )
    score = Score()
    score.add(track, perfect)
    figures = score.figures()
    assert (figures["drop_f"], figures["break_auc"], figures["build_f"], figures["latency_s"]) == (1.0, 1.0, 1.0, 0.1)
    null = Score()
    for place in (0.25, 0.5, 0.75):
        null.add(track, moved(perfect, track.seconds, place))
    found = null.figures()
    assert found["drop_f"] == 0.0
    assert found["break_auc"] is not None
    assert found["break_auc"] < 0.6
    score.join(null)
    assert score.figures()["drops_true"] == 4


def test_the_plain_rule_says_a_jump_of_the_level_and_nothing_of_silence() -> None:
    rng = np.random.default_rng(0)
    noise = (0.2 * rng.standard_normal((12 * SAMPLE_RATE, 2))).astype(np.float32)
    noise[: 6 * SAMPLE_RATE] *= 0.1
    told = loudness_jump(noise)
    assert len(told.drops) == 1
    assert told.drops[0, 0] == pytest.approx(6.0, abs=0.35)
    assert len(loudness_jump(np.zeros_like(noise)).drops) == 0

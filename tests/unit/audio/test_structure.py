"""Live structure: breaks, builds and drops of made tracks are found in time, and nothing of the kind where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phosphene.engine.audio.structure import TICK_HOPS, Structure
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE
from phosphene.tools.lab.ears.arrangement import Arrangement, arrange
from phosphene.tools.lab.ears.fit_structure import log_mel
from phosphene.tools.lab.ears.structure_scoring import FROM_S, Score, Told, auc, hear, inside, moved

HOP_S = HOP / SAMPLE_RATE
OWN = 77  # these tracks are neither learnt from nor scored by the benchmark
BROKEN_S = 10.0


@pytest.fixture(scope="module")
def track() -> Arrangement:
    return arrange(90, OWN, "break build drop")


@pytest.fixture(scope="module")
def told(track: Arrangement) -> Told:
    return hear(track.pcm)


@pytest.fixture(scope="module")
def features(track: Arrangement) -> dict[str, np.ndarray]:
    return log_mel(track.pcm)


@pytest.fixture(scope="module")
def steady() -> np.ndarray:
    """Return float32 [n, 2], 20 s of a beat that goes on."""
    track = arrange(0, OWN, "steady")
    start = next(start for name, start, _ in track.parts if name == "verse")
    return track.pcm[round(start * SAMPLE_RATE) : round((start + 20.0) * SAMPLE_RATE)]


def test_the_drop_is_said_in_time(track: Arrangement, told: Told) -> None:
    assert len(told.drops) == len(track.drops) == 1
    came, known, strength = told.drops[0]
    assert came == pytest.approx(track.drops[0], abs=0.06)
    assert 0.0 < known - track.drops[0] <= 0.15
    assert 0.5 < strength <= 1.0


def test_break_and_build_are_told_from_the_rest_and_from_chance(track: Arrangement, told: Told) -> None:
    for level, spans in ((told.break_, track.breaks), (told.build, track.builds)):
        truth, use = inside(spans, told.t), told.t > FROM_S
        if spans == track.breaks:
            use &= ~inside(track.builds, told.t)
        chance = np.mean([auc(np.roll(level, round(len(level) * place))[use], truth[use]) for place in (0.2, 0.4, 0.6, 0.8)])
        right = auc(level[use], truth[use])
        assert right > 0.9
        assert right > chance + 0.2
    assert told.break_.min() >= 0.0
    assert told.build.max() <= 1.0


def test_chance_finds_no_drop_there(track: Arrangement, told: Told) -> None:
    """The null of the benchmark: what was said, elsewhere in the track."""
    null = Score()
    for place in (0.2, 0.4, 0.6, 0.8):
        null.add(track, moved(told, track.seconds, place))
    assert null.figures()["drop_f"] == 0.0


def test_levels_fall_with_the_drop_and_an_intro_is_no_break(track: Arrangement, told: Told) -> None:
    after = (told.t > track.drops[0] + 1.0) & (told.t < track.drops[0] + 4.0)
    assert told.break_[after].max() < 0.3
    assert told.build[after].max() < 0.3
    intro = track.parts[0]
    assert intro[0] == "intro"
    assert told.break_[told.t < intro[2]].max() < 0.3


@pytest.mark.parametrize("db", [0.0, -12.0], ids=["as it is", "12 dB down and up again"])
def test_a_beat_that_goes_on_has_nothing_of_it(steady: np.ndarray, db: float) -> None:
    n = len(steady) // 3
    gain = np.repeat(np.float32([1.0, 10.0 ** (db / 20.0), 1.0]), n)
    heard = hear(steady[: 3 * n] * gain[:, None])
    assert len(heard.drops) == 0
    assert (heard.break_ > 0.5).mean() < 0.02
    assert (heard.build > 0.5).mean() < 0.05


def test_a_fade_into_silence_is_no_break(steady: np.ndarray) -> None:
    n = len(steady) // 2
    gain = np.concatenate([np.ones(n), np.linspace(1.0, 0.0, n // 2) ** 2, np.zeros(n // 2)]).astype(np.float32)
    heard = hear(steady[: len(gain)] * gain[:, None])
    assert len(heard.drops) == 0
    silent = heard.t > (n + n // 2) / SAMPLE_RATE + 2.0
    assert heard.break_[silent].max() < 0.01
    assert heard.build[silent].max() < 0.01


def test_it_says_the_same_every_time(steady: np.ndarray) -> None:
    pcm = steady[: 8 * SAMPLE_RATE]
    one, other = hear(pcm), hear(pcm)
    assert np.array_equal(one.break_, other.break_)
    assert np.array_equal(one.build, other.build)
    assert np.array_equal(one.drops, other.drops)


def test_after_a_long_silence_an_intro_without_a_beat_is_no_break(
    track: Arrangement, features: dict[str, np.ndarray]
) -> None:
    start, end = track.breaks[0]
    highest = []
    for pause_s in (0.0, 60.0):
        structure, level = Structure(HOP_S), 0.0
        for k in range(round(end / HOP_S)):
            if k == round(start / HOP_S):
                for _ in range(round(pause_s / HOP_S)):
                    structure.step(np.zeros(MEL_BANDS, np.float32), 0.0, k * HOP_S)
            structure.step(features["mel"][k], float(features["active"][k]), k * HOP_S)
            level = max(level, structure.break_)
        highest.append(level)
    assert highest[0] > 0.7
    assert highest[1] < 0.4


def test_an_hour_of_silence() -> None:
    structure = Structure(HOP_S)
    for k in range(round(3600.0 / (TICK_HOPS * HOP_S))):
        structure.tick(False, k * TICK_HOPS * HOP_S)
    assert (structure.break_, structure.build, structure.drop_strength) == (0.0, 0.0, 0.0)
    assert (structure.drop_time, structure.break_began, structure.build_began) == (-math.inf, -math.inf, -math.inf)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_silence_and_is_forgotten(features: dict[str, np.ndarray], told: Told, bad: float) -> None:
    """A second of it in the verse: the drop much later is still found, at the same time."""
    structure, broken = Structure(HOP_S), np.full(MEL_BANDS, bad, np.float32)
    for k, (mel, active) in enumerate(zip(features["mel"], features["active"], strict=True)):
        t = (k + 1) * HOP_S
        structure.step(broken if BROKEN_S < t < BROKEN_S + 1.0 else mel, float(active), t)
        assert math.isfinite(structure.break_ + structure.build + structure.drop_strength)
    assert structure.drop_time == told.drops[-1, 0]


@pytest.mark.parametrize("level", [0.0, 4.0, 1e30])
def test_constant_input_of_any_size(level: float) -> None:
    structure, mel = Structure(HOP_S), np.full(MEL_BANDS, level, np.float32)
    for k in range(4000):
        structure.step(mel, 1.0, k * HOP_S)
    assert structure.drop_time == -math.inf
    assert structure.break_ < 0.5
    assert structure.build < 0.5

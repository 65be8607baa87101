"""Music that counts in threes, and is counted in twos: it is found, and taken back."""

from __future__ import annotations

import math

import pytest

from phosphene.engine.tempo.compound import Compound
from phosphene.engine.tempo.resonators import Resonators
from phosphene.tools.lab.ears.cases import CASES
from phosphene.tools.lab.ears.scoring import judge
from phosphene.tools.lab.ears.trackers import live

HOP_S = 256 / 48_000


def test_threes_are_found_after_a_while_and_taken_back_after_another() -> None:
    compound = Compound()
    changed = [compound.step(1.2, 0.9, 0.13) for _ in range(30)]
    assert changed.count(True) == 1
    assert 1.0 < (changed.index(True) + 1) * 0.13 < 3.0
    assert compound.found
    changed = [compound.step(-1.0, 0.9, 0.13) for _ in range(30)]
    assert changed.count(True) == 1
    assert not compound.found


@pytest.mark.parametrize(("threes", "sure"), [(0.1, 0.9), (-2.0, 0.9), (3.0, 0.05)])
def test_what_is_in_twos_or_tells_nothing_changes_nothing(threes: float, sure: float) -> None:
    compound = Compound()
    assert not any(compound.step(threes, sure, 0.13) for _ in range(200))


def test_a_moment_is_forgotten() -> None:
    compound = Compound()
    for _ in range(20):
        assert not any(compound.step(1.6, 0.9, 0.13) for _ in range(6))
        assert not any(compound.step(-1.0, 0.9, 0.13) for _ in range(12))


@pytest.mark.parametrize(("eighths", "in_threes"), [(3, True), (4, False), (2, False)])
def test_power_tells_accents_every_three_eighths_from_every_two(eighths: int, in_threes: bool) -> None:
    """Clicks on eighths of 180 bpm, the accents of a bass every so many, a snare half way between them."""
    bank = Resonators(HOP_S, 4.0, 55.0, 200.0, 126.0, 1.0)
    every = round(60.0 / 180.0 / HOP_S)
    for hop in range(round(12.0 / HOP_S)):
        n, rest = divmod(hop, every)
        bass = 1.0 * (rest == 0 and n % (2 * eighths) == 0)
        snare = 1.0 * (rest == 0 and n % (2 * eighths) == eighths)
        bank.step(bass - 1 / (2 * eighths * every), snare + 0.3 * (rest == 0) - (0.3 + 1 / (2 * eighths)) / every)
    threes = bank.threes(1.5)  # eighths counted in pairs
    assert math.isfinite(threes)
    assert (threes > 0.5) == in_threes


def test_silence_gives_a_number() -> None:
    assert math.isfinite(Resonators(HOP_S, 4.0, 55.0, 200.0, 126.0, 1.0).threes(1.5))


@pytest.mark.parametrize("case", ["6/8 at 60, 1", "6/8 at 60, 2"])
def test_slow_six_eight_is_counted_at_a_level_of_its_own(case: str) -> None:
    """Before, eighths were counted in pairs: .38 and .75, sure and wrong for 19 and 8 s."""
    piece = next(each for each in CASES if each.name == case).piece()
    figures = judge(live(piece.pcm), None, piece).figures
    assert figures["f_any"] >= 0.9
    assert figures["falsely_sure_longest_s"] <= 2.0

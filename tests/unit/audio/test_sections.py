"""Sections begin where the parts of a piece begin; parts alike share a label; energy goes with fullness."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.per_beat import by_bar, mean_features
from phosphene.engine.audio.sections import Section, energy_curve, find_sections
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.tools.lab.bench_sections import border_f, score, sections_of, song

BAR_S = 2.0


def piece(*parts: tuple[int, int], noise: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return (bars, mel, chroma, seconds) of parts (kind, bars): each kind its own spectrum, fuller for higher kinds."""
    rng = np.random.default_rng(5)
    kinds = [(rng.random(40) * 2.0 + kind, rng.random(12)) for kind in range(4)]
    order = [kind for kind, bars in parts for _ in range(bars)]
    mel = np.array([kinds[k][0] for k in order]) + rng.normal(0.0, noise, (len(order), 40))
    chroma = np.array([kinds[k][1] for k in order]) + rng.normal(0.0, noise, (len(order), 12))
    return np.arange(len(order)) * BAR_S, mel, chroma, len(order) * BAR_S


def cut(*parts: tuple[int, int], noise: float = 0.1) -> list[tuple[float, float, int]]:
    return [(s.start / BAR_S, s.end / BAR_S, s.label) for s in find_sections(*piece(*parts, noise=noise))]


def test_parts_are_found_and_named() -> None:
    assert cut((0, 8), (1, 16), (0, 8)) == [(0, 8, 0), (8, 24, 1), (24, 32, 0)]
    assert cut((2, 16), (0, 8), (2, 16), (3, 8)) == [(0, 16, 0), (16, 24, 1), (24, 40, 0), (40, 48, 2)]
    assert cut((0, 12), (1, 8), (2, 20)) == [(0, 12, 0), (12, 20, 1), (20, 40, 2)]


def test_an_even_piece_is_one_section_however_noisy() -> None:
    for noise in (0.0, 0.01, 1.0):
        assert cut((1, 64), noise=noise) == [(0, 64, 0)]


def test_a_loud_effect_of_a_bar_is_no_section() -> None:
    bars, mel, chroma, seconds = piece((0, 16), (1, 16))
    mel[7] += 5.0
    assert [s.start for s in find_sections(bars, mel, chroma, seconds)] == [0.0, 16 * BAR_S]


def test_sections_cover_the_piece_whatever_its_beginning_and_end() -> None:
    bars, mel, chroma, seconds = piece((0, 16), (1, 19))
    sections = find_sections(bars + 1.3, mel, chroma, seconds + 2.0)
    assert [s.start for s in sections] == [0.0, 16 * BAR_S + 1.3]
    assert [s.end for s in sections] == [16 * BAR_S + 1.3, seconds + 2.0]


@pytest.mark.parametrize("bars", [0, 1, 3, 7, 8])
def test_the_shortest_pieces_have_one_section(bars: int) -> None:
    sections = find_sections(*piece((0, bars)) if bars else (np.zeros(0), np.zeros((0, 40)), np.zeros((0, 12)), 0.5))
    assert len(sections) == 1
    assert sections[0].start == 0.0
    assert sections[0].end > 0.0


def test_silence_has_no_energy_and_fuller_parts_have_more() -> None:
    silent = find_sections(np.arange(32) * BAR_S, np.zeros((32, 40)), np.zeros((32, 12)), 64.0)
    assert silent == (Section(0.0, 64.0, 0, 0.0),)
    low, high = find_sections(*piece((0, 16), (3, 16)))
    assert low.energy < 0.2
    assert high.energy > 0.8
    (even,) = find_sections(*piece((1, 32), noise=0.0))
    assert even.energy == pytest.approx(0.5)


def test_the_energy_curve_glides_between_sections() -> None:
    sections = (Section(0.0, 20.0, 0, 0.2), Section(20.0, 40.0, 1, 0.8), Section(40.0, 60.0, 0, 0.2))
    assert energy_curve(sections, -1.0) == energy_curve(sections, 10.0) == energy_curve(sections, 99.0) == 0.2
    assert energy_curve(sections, 30.0) == 0.8
    assert energy_curve(sections, 20.0) == pytest.approx(0.5)
    assert energy_curve(sections, 40.0) == pytest.approx(0.5)
    curve = np.array([energy_curve(sections, t) for t in np.arange(0.0, 60.0, 0.01).tolist()])
    assert np.abs(np.diff(curve)).max() < 0.01
    assert (np.diff(curve[:3000]) >= -1e-12).all()


def test_the_demo_track_is_cut_where_its_parts_begin() -> None:
    demo = demo_track()
    result = score("demo", "demo", demo.pcm, demo.sections, 240.0 / demo.bpm)
    assert result["f"] >= 0.85
    assert result["f"] > result["null"] + 0.5


def test_a_song_that_comes_back_to_its_first_part() -> None:
    pcm, parts = song((("A", 8), ("B", 8), ("A", 8)), 128.0, 11)
    sections = sections_of(pcm)
    assert [s.label for s in sections] == [0, 1, 0]
    assert [s.start for s in sections] == pytest.approx([start for _, start, _ in parts], abs=0.1)


def test_border_f_counts_one_to_one() -> None:
    assert border_f(np.array([10.0, 10.1]), np.array([10.05]), 1.0) == pytest.approx(2 / 3)
    assert border_f(np.array([]), np.array([]), 1.0) == 1.0
    assert border_f(np.array([3.0]), np.array([10.0]), 1.0) == 0.0


def test_means_per_beat_do_not_depend_on_the_windows() -> None:
    records = np.zeros(1000, FEATURES)
    records["t_adc"] = (np.arange(1000) + 1) * HOP / SAMPLE_RATE
    records["mel"] = np.arange(1000)[:, None]
    records["chroma"] = np.random.default_rng(6).random((1000, 12))
    beats = np.arange(1.0, 5.0, 0.5)
    whole = mean_features([records], beats)
    parts = mean_features(np.split(records, [7, 300, 301]), beats)
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(whole, parts, strict=True))
    hops = np.arange(1000)[(records["t_adc"] - HOP / SAMPLE_RATE >= 1.5) & (records["t_adc"] - HOP / SAMPLE_RATE < 2.0)]
    assert whole[0][1] == pytest.approx(hops.mean())


def test_means_per_bar() -> None:
    x = np.arange(11, dtype=np.float64)[:, None]
    assert by_bar(x, np.array([1, 5, 9]))[:, 0].tolist() == [2.5, 6.5, 9.5]
    assert by_bar(x, np.array([1, 4, 6]))[:, 0].tolist() == [2.0, 4.5, 8.0]

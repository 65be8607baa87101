"""Matching: a transposed copy is found at its place and key; what cannot fit is refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.muse.match import Piece, find_match, of_grid
from phosphene.engine.tempo.grid import BeatGrid


def piece(chroma: np.ndarray, bpm: float = 120.0, late: float = 0.0) -> Piece:
    beats = late + np.arange(len(chroma)) * 60.0 / bpm
    return Piece(f"{bpm:g}", beats, np.arange(0, len(chroma) - 4, 4), chroma, np.ones(len(chroma)))


@pytest.fixture
def chroma():
    return np.repeat(np.random.default_rng(3).random((24, 12)), 4, axis=0)


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_a_transposed_copy_is_found(chroma, shift):
    moved = np.roll(chroma, -shift, axis=1)[5 * 4 :]
    match = find_match(piece(chroma), piece(moved, 124.0, 0.3), 8, start=7)
    assert (match.bar_a, match.bar_b, match.shift) == (7, 2, shift)
    assert match.fit == pytest.approx(1.0)
    assert match.fit_null < 0.5
    assert match.stretch == pytest.approx(124 / 120)


def test_the_beats_that_fall_together_are_beats_of_both(chroma):
    a, b = piece(chroma), piece(chroma, 126.0, 0.2)
    match = find_match(a, b, 4)
    assert np.abs(match.times_a[:, None] - a.beats).min(axis=1).max() < 1e-9
    assert np.abs(match.times_b[:, None] - b.beats).min(axis=1).max() < 1e-9


@pytest.mark.parametrize(("bpm", "step"), [(60.0, 0.5), (240.0, 2.0)])
def test_half_and_double_tempo_are_folded(chroma, bpm, step):
    match = find_match(piece(chroma), piece(np.repeat(chroma, 2, axis=0), bpm), 4)
    assert match.stretch == pytest.approx(1.0)
    assert np.diff(match.times_b) == pytest.approx(60 / bpm * step)


def test_far_tempi_are_refused(chroma):
    with pytest.raises(UserError, match=r"tempi are too far apart.*60.0 and 174.0 bpm"):
        find_match(piece(chroma, 60.0), piece(chroma, 174.0), 4)


def test_a_short_piece_is_refused(chroma):
    with pytest.raises(UserError, match=r"too short.*16 whole bars.*got: 3"):
        find_match(piece(chroma), piece(chroma[:16]), 16)


def test_a_start_beyond_the_end_is_refused(chroma):
    with pytest.raises(UserError, match="cannot start there"):
        find_match(piece(chroma), piece(chroma), 8, start=99)


def test_music_without_a_beat_is_refused():
    with pytest.raises(UserError, match="no beat can be followed"):
        of_grid("talk", BeatGrid.steady(20.0), np.ones(41), np.ones((41, 12)))


def test_a_waltz_is_refused():
    times = np.arange(40) * 0.5
    grid = BeatGrid(times, np.ones(40), 0, np.arange(0, 40, 3), 1.0)
    with pytest.raises(UserError, match=r"another length.*4 beats a bar, got: 3"):
        of_grid("waltz", grid, np.ones(40), np.ones((40, 12)))


def test_two_bars_of_two_are_one_of_four():
    grid = BeatGrid(np.arange(40) * 0.5, np.ones(40), 0, np.arange(0, 40, 2), 1.0)
    assert list(of_grid("march", grid, np.ones(40), np.ones((40, 12))).bars) == list(range(0, 36, 4))

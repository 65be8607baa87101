"""Where pictures and sounds go in a recording: the sample count is the master, jitter never shows, gaps become silence."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.output.cfr import FrameGrid, SoundLine, SoundTrack

RATE, HOP = 48_000, 256


def feed(line: SoundLine, t_begin: float, blocks: int, *, jitter=None, sample0: int = 0, ppm: float = 0.0) -> list[int]:
    """Give `blocks` contiguous hops, the first starting at `t_begin`; return their places."""
    places = []
    for i in range(1, blocks + 1):
        t = t_begin + i * HOP / RATE * (1 + ppm * 1e-6) + (jitter[i - 1] if jitter is not None else 0.0)
        places.append(line.place(t, sample0 + i * HOP, HOP))
    return places


class TestSoundLine:
    def test_a_steady_stream_is_contiguous_and_starts_where_its_time_says(self):
        line = SoundLine(100.0, RATE)
        places = feed(line, 100.5, 20)
        assert places == [24_000 + i * HOP for i in range(20)]

    def test_sound_before_the_start_lies_before_the_file(self):
        line = SoundLine(100.0, RATE)
        places = feed(line, 99.9, 40)
        assert places[0] == -4800
        assert line.position(100.0) == pytest.approx(0, abs=1e-3)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.floats(0, 0.008))
    def test_jitter_never_opens_a_gap_and_is_averaged_out(self, seed, size):
        jitter = np.random.default_rng(seed).uniform(-size, size, 600)
        line = SoundLine(50.0, RATE)
        places = feed(line, 50.0, 600, jitter=jitter)
        assert np.all(np.diff(places) == HOP)
        true_begin_of_last = 599 * HOP / RATE + 50.0
        assert abs(line.position(true_begin_of_last) - places[-1]) / RATE < 0.25 * size + 1e-6

    def test_a_card_that_runs_fast_bends_the_line_instead_of_tearing_the_sound(self):
        line = SoundLine(0.0, RATE)
        blocks = 187 * 240
        places = feed(line, 0.0, blocks, ppm=200.0)
        assert np.all(np.diff(places) == HOP)
        t_end = blocks * HOP / RATE * (1 + 200e-6)  # 48 ms late by the system's clock after four minutes
        assert abs(line.position(t_end) - blocks * HOP) / RATE < 0.004

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 5000))
    def test_counted_losses_leave_exactly_their_room(self, lost):
        line = SoundLine(0.0, RATE)
        before = feed(line, 0.0, 50)
        after = feed(line, (50 * HOP + lost * HOP) / RATE, 5, sample0=(50 + lost) * HOP)
        assert after[0] - before[-1] == HOP + lost * HOP

    @settings(max_examples=30, deadline=None)
    @given(st.floats(0.05, 20.0), st.integers(-1000, 1000).filter(lambda n: n != 50))
    def test_a_restart_is_placed_by_its_time(self, pause, count):
        line = SoundLine(0.0, RATE)
        feed(line, 0.0, 50)
        t = 50 * HOP / RATE + pause
        first = feed(line, t, 5, sample0=count * HOP)[0]
        assert abs(first / RATE - t) < 0.041

    def test_one_late_callback_is_no_gap_but_lost_samples_nobody_counted_are(self):
        line = SoundLine(0.0, RATE)
        jitter = np.zeros(200)
        jitter[60] = 0.2
        places = feed(line, 0.0, 200, jitter=jitter)
        assert np.all(np.diff(places) == HOP)
        later = feed(line, 200 * HOP / RATE + 0.1, 100, sample0=200 * HOP)
        jumps = np.diff([places[-1], *later])
        assert sorted(set(jumps.tolist())) == [HOP, HOP + 4800]


class TestFrameGrid:
    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from([Fraction(24), Fraction(30), Fraction(60), Fraction(30000, 1001)]),
        st.floats(-0.5, 0.5),
        st.integers(0, 2**32 - 1),
    )
    def test_steady_pictures_are_one_frame_each_whatever_their_phase_and_jitter(self, fps, phase, seed):
        grid = FrameGrid(fps)
        jitter = np.random.default_rng(seed).uniform(-0.2, 0.2, 200)
        where = np.arange(200) + phase + jitter
        frames = [grid.place(p / float(fps)) for p in where]
        taken = [k for k in frames if k is not None]
        assert taken == list(range(len(taken)))  # no repeats
        assert len(taken) >= 199  # and none left out but one before the file begins
        off = np.array([p - k for p, k in zip(where, frames, strict=True) if k is not None])
        assert off.min() > -0.7
        assert off.max() < 1.2

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.floats(0, 3.0), max_size=120))
    def test_any_times_give_each_frame_once_in_order_and_near_its_time(self, times):
        grid = FrameGrid(24)
        taken = []
        for t in times:
            k = grid.place(t)
            if k is not None:
                assert -1.6 <= k - t * 24 <= 1.1
                taken.append(k)
        assert taken == sorted(set(taken))
        assert len(taken) + grid.late == len(times)

    def test_a_clock_that_drifts_costs_one_frame_at_a_time(self):
        grid = FrameGrid(30)
        taken = [grid.place(i / 30 * 1.001) for i in range(3000)]
        holes = np.diff([k for k in taken if k is not None])
        assert grid.late == 0
        assert sorted(set(holes.tolist())) == [1, 2]
        assert (holes == 2).sum() in (2, 3)

    @pytest.mark.parametrize("phase", [0.0, 0.3, 0.85])
    def test_missed_pictures_leave_the_others_in_their_place(self, phase):
        grid = FrameGrid(60)
        taken = [grid.place((2 * i + phase) / 60) for i in range(30)]
        assert set(np.diff(taken)) == {2}

    def test_twice_the_pictures_leave_every_second_one_out(self):
        grid = FrameGrid(30)
        for i in range(120):
            grid.place(i / 60)
        assert grid.next + grid.late == 120
        assert 60 <= grid.next <= 61

    def test_frames_and_samples_agree_for_fractional_rates(self):
        grid = FrameGrid(Fraction(30000, 1001))
        assert grid.frames_in(10.01) == 300
        assert grid.samples_in(300, RATE) == 480_480


class TestSoundTrack:
    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_what_comes_out_is_what_went_in_with_silence_between(self, data):
        track, at, truth = SoundTrack(), -300, np.zeros(6000, np.float32)
        taken = []
        for n in range(data.draw(st.integers(0, 12))):
            at += data.draw(st.integers(0, 400))
            length = data.draw(st.integers(1, 300))
            track.add(at, np.full((length, 2), n + 1, np.float32))
            truth[max(0, at) : max(0, at + length)] = n + 1
            at += length
            if data.draw(st.booleans()):
                taken.append(track.take(max(0, at - data.draw(st.integers(0, 200)))))
        taken.append(track.take(6000))
        out = np.concatenate(taken)
        assert out.shape == (6000, 2)
        assert np.array_equal(out[:, 0], truth)

    def test_sound_for_a_time_that_is_written_is_lost_not_moved(self):
        track = SoundTrack()
        assert not track.take(1000).any()
        track.add(900, np.ones((256, 2), np.float32))
        out = track.take(1500)
        assert out[:156].all()
        assert not out[156:].any()

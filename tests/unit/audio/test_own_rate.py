"""A device at a rate of its own: level, pitch and time are right, and nothing broken stays in the filter."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from phosphene.engine.audio.hops import Hops
from phosphene.engine.audio.own_rate import OwnRate, rate_line
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

RATES = [8_000, 11_025, 16_000, 44_100, 88_200, 96_000, 192_000]


class Worker:
    """Keeps the hops and their times."""

    def __init__(self) -> None:
        self.hops: list[np.ndarray] = []
        self.times: list[float] = []
        self.skipped = self.broken_before = 0
        self.failed = threading.Event()

    def take(self, hop: np.ndarray, t_adc: float, skipped: int = 0) -> None:
        self.hops.append(hop.copy())
        self.times.append(t_adc)
        self.skipped += skipped

    @property
    def heard(self) -> np.ndarray:
        return np.concatenate(self.hops)


def play(rate: int, pcm: np.ndarray, begun: float = 100.0, channels=None) -> Worker:
    """Hand float32 [n] or [n, channels], captured at `rate` from `begun` on, to hops in the device's blocks."""
    wide = np.repeat(pcm[:, None], 2, axis=1) if pcm.ndim == 1 else pcm
    hops, worker = Hops("a device", wide.shape[1], channels), Worker()
    hops.own = OwnRate(rate)
    n = hops.own.block
    for at in range(0, len(wide) - n + 1, n):
        t = begun + at / rate
        hops.take(worker, wide[at : at + n].astype(np.float32), t, t + n / rate)
    return worker


def tone(rate: int, hz: float, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_level_pitch_and_phase(rate: int) -> None:
    worker = play(rate, tone(rate, 1000.0))
    heard = worker.heard[:, 0]
    # By the times of the hops: the tone began at 100 s.
    t = worker.times[0] - 100.0 + (np.arange(len(heard)) - (HOP - 1)) / SAMPLE_RATE
    inner = slice(4800, len(heard) - 4800)
    # The stamp of a hop is of the end of its last sample.
    error = heard - 0.5 * np.sin(2 * np.pi * 1000.0 * (t - 1.0 / SAMPLE_RATE))
    assert np.abs(error[inner]).max() < 1e-3


@pytest.mark.parametrize("rate", RATES)
def test_a_click_is_timed_to_a_tenth_of_a_millisecond(rate: int) -> None:
    pcm = np.zeros(rate)
    pcm[rate // 2] = 1.0
    worker = play(rate, pcm)
    heard = np.square(worker.heard[:, 0])
    at = int((np.arange(len(heard)) * heard).sum() / heard.sum())
    found = worker.times[at // HOP] - (HOP - at % HOP) / SAMPLE_RATE
    assert found == pytest.approx(100.5, abs=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_times_are_a_line_and_no_block_brings_two_hops(rate: int) -> None:
    worker = play(rate, tone(rate, 440.0, 3.0))
    assert np.diff(worker.times) == pytest.approx(np.full(len(worker.times) - 1, HOP / SAMPLE_RATE), abs=1e-9)
    assert worker.skipped == 0
    assert OwnRate(rate).block * SAMPLE_RATE <= HOP * rate
    assert len(worker.hops) == pytest.approx(3.0 * SAMPLE_RATE / HOP, abs=2)


def test_what_a_faster_device_hears_above_our_range_is_not_folded_into_it() -> None:
    assert np.abs(play(96_000, tone(96_000, 30_000.0)).heard[4800:-4800]).max() < 1e-4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e20])
def test_broken_samples_are_mended_before_they_are_spread(bad: float) -> None:
    pcm = tone(44_100, 1000.0)
    pcm[20_000:20_003] = bad
    silent = np.where(np.abs(pcm) < 1.0, pcm, 0.0)
    worker = play(44_100, pcm)
    assert worker.broken_before == 6  # on both channels
    assert np.array_equal(worker.heard, play(44_100, silent).heard)


def test_chosen_channels_are_those_that_are_heard() -> None:
    pcm = np.stack([tone(44_100, hz) for hz in (300.0, 600.0, 900.0, 1200.0)], axis=1)
    worker = play(44_100, pcm, channels=(4, 2))
    spectrum = np.abs(np.fft.rfft(worker.heard[: SAMPLE_RATE // 2], axis=0))
    assert spectrum.argmax(axis=0).tolist() == [600, 300]  # bins of 2 Hz
    one = play(44_100, pcm, channels=(3,))
    assert np.array_equal(one.heard[:, 0], one.heard[:, 1])


def test_it_is_said_in_plain_words() -> None:
    assert rate_line(44_100) == "this input runs at 44.1 kHz: brought to 48 kHz"
    assert rate_line(96_000) == "this input runs at 96 kHz: brought to 48 kHz"

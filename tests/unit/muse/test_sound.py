"""Transform, warp, parts, field: exact where they promise it."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.muse.interlock import cells, own, slots_of, spread
from phosphene.engine.muse.measures import onsets, shares, si_sdr
from phosphene.engine.muse.mix import fader_of, heard, masks_of, mixed
from phosphene.engine.muse.parts import split
from phosphene.engine.muse.stft import istft, stft
from phosphene.engine.muse.warp import warp

RATE = 48_000
BEATS = np.arange(9) * 24_000.0


def tone(hz: float, seconds: float = 4.0) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, 0.5 * wave], axis=1).astype(np.float32)


def clicks(seconds: float = 4.0, every: int = 24_000, first: int = 0) -> np.ndarray:
    out = np.zeros((round(seconds * RATE), 2), np.float32)
    burst = np.random.default_rng(1).standard_normal(2400) * np.exp(-np.arange(2400) / 400) * 0.4
    for at in range(first, len(out) - 2400, every):
        out[at : at + 2400] += burst[:, None]
    return out


def pitch(pcm: np.ndarray) -> float:
    middle = pcm[RATE : 3 * RATE, 0]
    return float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) / 2)


def test_the_transform_gives_back_what_it_was_given():
    sound = clicks() + tone(440)
    assert si_sdr(istft(stft(sound), len(sound)), sound) > 100


def test_nothing_is_done_where_nothing_has_to_be():
    sound = clicks()
    assert np.array_equal(warp(sound, BEATS, BEATS, len(sound)), sound)


@pytest.mark.parametrize("shift", [-2, 0, 3])
def test_a_stretch_keeps_the_pitch_and_a_shift_moves_it(shift):
    out = warp(tone(440), BEATS, BEATS * 1.05, round(4.2 * RATE), shift)
    assert pitch(out) == pytest.approx(440 * 2 ** (shift / 12), abs=1.0)
    inner = out[RATE : 3 * RATE]
    assert np.sqrt((inner[:, 0] ** 2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    assert inner[:, 1] == pytest.approx(inner[:, 0] / 2, abs=1e-4)


def test_beats_of_a_warped_sound_fall_within_10_ms():
    out = warp(clicks(), BEATS, BEATS * 1.08, round(4.32 * RATE))
    wanted = np.arange(1, 7) * 0.5 * 1.08
    first = [np.flatnonzero(np.abs(out[round((t - 0.1) * RATE) :, 0]) > 0.15)[0] / RATE + t - 0.1 for t in wanted]
    assert np.abs(first - wanted).max() < 0.010


def test_masks_of_parts_add_up_and_know_a_click_from_a_tone():
    parts = split(heard(clicks() + tone(1000)).size)
    assert parts.drums + parts.bass + parts.tonal == pytest.approx(1.0, abs=1e-6)
    assert split(heard(tone(1000)).size).tonal[50:300, 40:46].mean() > 0.9
    assert split(heard(clicks()).size).drums[46:49, 60:200].mean() > 0.9


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.5, 0.9, 1.0])
def test_the_share_of_the_fader_is_exact(share):
    rng = np.random.default_rng(5)
    weight = rng.lognormal(0, 2, (64, 32))
    mask = own(rng.random((64, 32)), rng.random((64, 32)), weight, share)
    assert (mask * weight).sum() / weight.sum() == pytest.approx(share, abs=0.01)
    assert ((mask > 0) & (mask < 1)).mean() < 0.2


def test_cells_hold_all_of_the_energy_and_masks_go_back_to_it():
    energy = np.random.default_rng(2).random((400, 1025)).astype(np.float32)
    slots = slots_of(400, BEATS)
    assert cells(energy, slots).sum() == pytest.approx(energy.sum(dtype=np.float64))
    owned = np.random.default_rng(3).random(cells(energy, slots).shape)
    assert cells(energy * spread(owned, slots), slots) == pytest.approx(cells(energy, slots) * owned, rel=1e-4)


@pytest.mark.parametrize("mode", ["drums", "interlock", "transition"])
def test_the_same_piece_twice_gives_it_back(mode):
    sound = heard(clicks() + tone(330))
    masks = masks_of(sound, sound, mode, fader_of([(0, 0), (2, 1)], 2), BEATS)
    out = mixed(sound, sound, masks.a, masks.b, 4 * RATE)
    assert si_sdr(out, clicks() + tone(330)) > 60


def test_drums_of_one_and_tone_of_the_other_beat_the_plain_mix():
    drums_a, tone_a, drums_b, tone_b = clicks(), tone(330), clicks(first=12_000), tone(1108)
    a, b = drums_a + tone_a, drums_b + tone_b
    one, two = heard(a), heard(b)
    masks = masks_of(one, two, "drums", np.full(2, 0.5), BEATS)
    out = mixed(one, two, masks.a, masks.b, len(a))
    ideal = drums_a + tone_b
    assert si_sdr(out, ideal) > si_sdr(a + b, ideal) + 6
    measured, plain = shares(out, a, b), shares(a + b, a, b)
    assert measured["rhythm"] > plain["rhythm"] + 0.2
    assert measured["harmony"] > plain["harmony"] + 0.2


def test_the_bass_of_a_transition_changes_hands_once():
    a, b = heard(tone(100)), heard(tone(110))
    masks = masks_of(a, b, "transition", np.array([0.2, 0.8]), BEATS)
    low = masks.b[:, 4]
    assert set(np.unique(low)) == {0.0, 1.0}
    assert np.count_nonzero(np.diff(low)) == 1


def test_onsets_are_where_the_clicks_are():
    found = onsets(clicks(first=6_000))
    assert np.abs(found[:, None] - np.arange(0.125, 4, 0.5)).min(axis=1).max() < 0.03
    assert len(found) >= 6

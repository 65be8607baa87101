"""The beats of a whole piece: found from the first one on, through breaks and changes of tempo; a grid that never jumps."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.demo import synthetic_track
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.tempo.beats import OnsetStrength, find_course
from phosphene.engine.tempo.conductor import CONFIDENCE_FLOOR, Conductor
from phosphene.engine.tempo.downbeats import beat_signs, find_bars
from phosphene.engine.tempo.grid import BeatGrid, GridConductor
from phosphene.engine.tempo.resonator_tracker import FLUX_LAG_S
from phosphene.engine.tempo.timeline import Timeline
from phosphene.tools.lab.bench_tempo import HOP_S, WARM_UP_S, f_measure, hear, track_beats, two_pass


def beats_of(bpm, seconds: float) -> np.ndarray:
    """Return the beat times in s of a tempo that is a function of time."""
    times = [0.31]
    while times[-1] < seconds:
        times.append(times[-1] + 60.0 / bpm(times[-1]))
    return np.array(times[:-1])


def strength_of(beats: np.ndarray, seconds: float, silent: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Return onset strength float32 [hops, 2] of kicks, a snare on every other beat and an answer half way, over noise."""
    x = np.abs(np.random.default_rng(0).normal(0.0, 0.02, (round(seconds / HOP_S), 2))).astype(np.float32)

    def hit(t: float, band: int, size: float) -> None:
        k = round((t + FLUX_LAG_S) / HOP_S) - 1
        if k < len(x) and not silent[0] <= t < silent[1]:
            x[k, band] += size

    for i, t in enumerate(beats):
        hit(t, 0, 0.8)
        hit(t, 1, 0.3 + 0.6 * (i % 2))
        hit(t + 0.5 * (beats[min(i + 1, len(beats) - 1)] - t), 1, 0.4)
    return x


def grid_of(strength: np.ndarray) -> BeatGrid:
    return BeatGrid.of_course(find_course(strength, HOP_S), len(strength) * HOP_S)


@pytest.fixture(scope="module")
def uneven() -> BeatGrid:
    """Beats whose tempo goes from 100 to 130, beat 0 being the third of them."""
    times = beats_of(lambda t: 100 + t, 30.0)
    return BeatGrid(times, np.linspace(0.2, 1.0, len(times)), -2)


TEMPI = {
    "steady": lambda t: 118.3,
    "ramp up": lambda t: 100 + t / 2,
    "ramp down": lambda t: 150 - t,
    "wobble": lambda t: 120 * (1 + 0.02 * np.sin(t / 3)),
}


@pytest.mark.parametrize("tempo", TEMPI)
def test_every_beat_is_found_from_the_first_on(tempo: str) -> None:
    beats = beats_of(TEMPI[tempo], 60.0)
    grid = grid_of(strength_of(beats, 60.0))
    assert f_measure(grid.times, beats, -1.0) > 0.98
    assert np.abs(grid.times[:4] - beats[:4]).max() < 0.04
    assert np.median(grid.confidence) > CONFIDENCE_FLOOR


def test_another_tempo_half_way_is_followed_on_both_sides() -> None:
    beats = beats_of(lambda t: 100.0 if t < 30.0 else 140.0, 60.0)
    grid = grid_of(strength_of(beats, 60.0))
    assert f_measure(grid.times, beats, -1.0, 28.0) > 0.97
    assert f_measure(grid.times, beats, 32.0) > 0.97
    assert np.diff(grid.times).min() > 0.3


def test_the_beat_runs_on_through_a_break() -> None:
    beats = beats_of(lambda t: 126.0, 60.0)
    grid = grid_of(strength_of(beats, 60.0, silent=(20.0, 40.0)))
    inside = beats[(beats > 20.0) & (beats < 40.0)]
    assert max(np.abs(grid.times - t).min() for t in inside) < 0.03


def test_a_late_entry_counts_back_to_the_start() -> None:
    beats = beats_of(lambda t: 96.0, 60.0)
    grid = grid_of(strength_of(beats, 60.0, silent=(0.0, 8.0)))
    assert np.abs(grid.times[:10] - beats[:10]).max() < 0.05


@pytest.mark.parametrize(
    "strength",
    [
        np.zeros((4000, 2), np.float32),
        np.full((4000, 2), 0.1, np.float32),
        np.abs(np.random.default_rng(1).normal(0.0, 0.1, (8000, 2))).astype(np.float32),
        np.eye(4000, 2, dtype=np.float32),
        np.ones((1, 2), np.float32),
        np.zeros((0, 2), np.float32),
    ],
    ids=["silence", "constant", "noise", "one attack", "one hop", "nothing"],
)
def test_without_a_beat_there_is_a_steady_tempo_and_no_confidence(strength: np.ndarray) -> None:
    grid = grid_of(strength)
    assert grid.position(3.0) == BeatPosition(6.0, 120.0, 0.0, trust=0.0)
    assert len(grid.times) >= 2


def test_real_sound_is_better_followed_than_live_and_from_the_start() -> None:
    """One breakbeat with swing: the live tracker, and a metronome, stand beside it."""
    track = synthetic_track(92, 77, 0.2, False, 20.0, "breakbeat")
    sound = np.ascontiguousarray(track.pcm.mean(axis=1), np.float32)
    records = hear(sound)
    mel, active = np.ascontiguousarray(records["mel"]), np.ascontiguousarray(records["active"])
    live, _, _, frames = track_beats(sound, mel, active)
    grid = two_pass(records, frames)
    metronome = np.arange(0.0, 20.0, 0.5)
    whole = [f_measure(found, track.beats, -1.0) for found in (grid.times, live, metronome)]
    start = [f_measure(found, track.beats, -1.0, WARM_UP_S) for found in (grid.times, live, metronome)]
    assert whole[0] > 0.95
    assert whole[0] > max(whole[1:])
    assert start[0] > 0.9
    assert start[0] > start[1]
    assert start[0] > start[2] + 0.2
    assert np.abs(grid.bars[:, None] - track.beats[None, ::4]).min(axis=1).max() < 0.05


def test_onset_strength_does_not_depend_on_the_blocks() -> None:
    mel = np.random.default_rng(2).uniform(0.0, 5.0, (100, 40)).astype(np.float32)
    whole = OnsetStrength().take(mel)
    taker = OnsetStrength()
    parts = [taker.take(part) for part in np.split(mel, [1, 2, 50, 51])]
    assert np.array_equal(np.concatenate(parts), whole)
    assert not whole[:2].any()
    assert whole[2:, 1].all()


def test_the_one_is_where_the_harmony_changes() -> None:
    rng = np.random.default_rng(3)
    chroma = np.repeat(rng.random((20, 12)), 4, axis=0)[1:]  # three beats are left of the first bar
    mel = rng.random((79, 40)) * 0.01
    ones, _ = find_bars(rng.random((79, 4)) * 0.01, chroma, mel)
    assert ones.tolist() == list(range(3, 79, 4))


def signs_of(beats: np.ndarray, marked: np.ndarray, kick: np.ndarray, snare: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the signs of beats whose "ones" the networks mark here and there, with a kick and a snare on some of them."""
    rng = np.random.default_rng(seed)
    at = np.arange(0.0, beats[-1] + 1.0, 0.0107)
    frames = rng.uniform(0.0, 0.02, (len(at), 6)).astype(np.float32)
    for k, t in enumerate(beats.tolist()):
        near = np.abs(at - t) < 0.02
        frames[near, 2:4] = (0.1, 0.8) if marked[k] else (0.8, 0.1)
        frames[near, 4] += kick[k]
        frames[near, 5] += snare[k]
    return beat_signs(beats, at, frames, np.ones((len(beats), 40)))


def test_the_one_has_the_bass_and_not_the_snare() -> None:
    beats, number = np.arange(64) * 0.5, np.arange(64)
    flat = np.ones((64, 12)), np.ones((64, 40))
    signs = signs_of(beats, np.zeros(64, bool), 1.0 * (number % 4 == 2), 1.0 * (number % 4 == 0))
    assert (find_bars(signs, *flat)[0] % 4 == 2).all()
    nothing = np.zeros((64, 4)), np.zeros((64, 12)), np.zeros((64, 40))
    assert find_bars(*nothing)[0][0] == 0
    assert find_bars(*nothing)[1] == 0.0
    assert find_bars(signs[:5], flat[0][:5], flat[1][:5])[0].tolist() == [0, 4]


@pytest.mark.parametrize("per_bar", [3, 4, 5, 7])
def test_what_the_networks_mark_gives_the_metre_also_after_a_cut(per_bar: int) -> None:
    number = np.concatenate([np.arange(20 * per_bar) % per_bar, np.arange(20 * per_bar) % per_bar])
    cut = 10 * per_bar + 1  # the middle of a bar
    number = np.concatenate([number[:cut], number[20 * per_bar :]])
    beats = np.arange(len(number)) * 0.5
    flat = 0.2 * np.ones(len(number))
    ones, sure = find_bars(signs_of(beats, number == 0, flat, flat), np.ones((len(number), 12)), np.ones((len(number), 40)))
    true = np.flatnonzero(number == 0)
    assert np.isin(true, ones).mean() > 0.9
    assert sure > 0.5
    shuffled = np.random.default_rng(1).permutation(number == 0)
    null, unsure = find_bars(signs_of(beats, shuffled, flat, flat), np.ones((len(number), 12)), np.ones((len(number), 40)))
    assert np.isin(true, null).mean() < 0.7
    assert unsure < sure


def test_position_is_continuous_and_rises(uneven: BeatGrid) -> None:
    t = np.arange(-10.0, 50.0, 0.01)
    beats = np.array([uneven.position(x).beat for x in t.tolist()])
    assert np.diff(beats).min() > 0.0
    assert np.diff(beats).max() < 0.01 * 2.4


def test_position_and_time_are_inverse(uneven: BeatGrid) -> None:
    for t in np.random.default_rng(4).uniform(-5.0, 40.0, 200).tolist():
        assert uneven.time_of(uneven.position(t).beat) == pytest.approx(t, abs=1e-9)
    for k, t in enumerate(uneven.times.tolist()):
        assert uneven.time_of(k - 2) == t
        assert uneven.position(t).beat == pytest.approx(k - 2)


def test_every_fourth_beat_is_a_bar(uneven: BeatGrid) -> None:
    assert np.array_equal(uneven.bars, uneven.times[2::4])
    assert all(uneven.position(t).beat % 4.0 == pytest.approx(0.0, abs=1e-9) for t in uneven.bars.tolist())
    moved = uneven.with_bars(np.arange(3, len(uneven.times), 4), 0.5)
    assert np.array_equal(moved.bars, uneven.times[3::4])
    assert (moved.position(float(uneven.times[3])).bar, moved.position(float(uneven.times[7])).bar) == (0.0, 1.0)
    assert np.array_equal(BeatGrid(uneven.times, uneven.confidence, 5).bars, uneven.times[3::4])


def test_tempo_and_confidence_are_those_of_the_beat(uneven: BeatGrid) -> None:
    middle = float(uneven.times[10] + uneven.times[11]) / 2
    here = uneven.position(middle)
    assert here.bpm == pytest.approx(60.0 / (uneven.times[11] - uneven.times[10]))
    assert here.confidence == pytest.approx(uneven.confidence[10:12].mean())
    assert uneven.bpm[10] == pytest.approx(here.bpm)
    assert len(uneven.bpm) == len(uneven.times)


def test_the_conductor_is_the_grid_until_it_is_corrected(uneven: BeatGrid) -> None:
    conductor = GridConductor(uneven)
    astray = Timeline(77.0, 0.0, 60.0, 1.0)  # what a tracker makes of it is not asked
    for t in (0.0, 5.0, 2.0, 29.0):
        conductor.update(astray, t)
        assert conductor.position(t) == uneven.position(t)
    conductor.follow()
    assert conductor.position(3.3) == uneven.position(3.3)
    assert not conductor.leading


def play(conductor: GridConductor, begin: float, end: float) -> np.ndarray:
    """Update and ask at 60 frames per second; return the beats."""
    beats = []
    for k in range(round(begin * 60), round(end * 60)):
        conductor.update(None, k / 60)
        beats.append(conductor.position(k / 60).beat)
    return np.array(beats)


def test_a_nudge_is_kept_and_follow_takes_it_back(uneven: BeatGrid) -> None:
    conductor = GridConductor(uneven)
    play(conductor, 0.0, 10.0)
    conductor.nudge(0.25, 10.0)
    assert conductor.position(10.0).beat == pytest.approx(uneven.position(10.0).beat + 0.25)
    after = play(conductor, 10.0, 16.0)
    assert after[-1] == pytest.approx(uneven.position(16.0 - 1 / 60).beat + 0.25, abs=0.03)
    conductor.follow()
    after = play(conductor, 16.0, 20.0)
    assert np.diff(after).min() > 0.0
    assert after[-1] % 1.0 == pytest.approx(uneven.position(20.0 - 1 / 60).beat % 1.0, abs=0.03)


def test_resync_moves_the_bar(uneven: BeatGrid) -> None:
    conductor = GridConductor(uneven)
    t = float(uneven.times[8])  # beat 6: the third of a bar
    play(conductor, 0.0, t)
    conductor.resync(t)
    assert conductor.position(t).beat % 4.0 == pytest.approx(0.0, abs=1e-6)
    after = play(conductor, t + 0.02, t + 5.0)
    assert after[-1] % 1.0 == pytest.approx(uneven.position(round((t + 5.0) * 60 - 1) / 60).beat % 1.0, abs=0.05)


def test_bpm_and_taps_take_the_lead_as_they_do_live(uneven: BeatGrid) -> None:
    conductor = GridConductor(uneven)
    play(conductor, 0.0, 5.0)
    before = conductor.position(5.0).beat
    conductor.set_bpm(70.0, 5.0)
    assert conductor.leading
    assert conductor.position(5.0).beat == pytest.approx(before)
    after = play(conductor, 5.0, 8.0)
    assert after[-1] - after[0] == pytest.approx((3.0 - 1 / 60) * 70 / 60, abs=1e-6)
    conductor.follow()
    assert not conductor.leading
    live = Conductor(uneven.position(10.0).bpm, 10.0)
    taps = GridConductor(uneven)
    for k in range(4):
        taps.tap(10.0 + 0.7 * k)
        live.tap(10.0 + 0.7 * k)
    assert taps.leading
    assert taps.position(13.0).bpm == pytest.approx(live.position(13.0).bpm)


def test_multiply_changes_the_octave_and_goes_on_following(uneven: BeatGrid) -> None:
    conductor = GridConductor(uneven)
    play(conductor, 0.0, 4.0)
    conductor.multiply(0.5, 4.0)
    after = play(conductor, 4.0, 20.0)
    assert not conductor.leading
    assert after[-1] - after[-61] == pytest.approx(uneven.position(20.0).bpm / 120.0, rel=0.05)

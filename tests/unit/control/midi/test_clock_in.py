"""The loop on simulated clocks: jitter, lost ticks, ramps, jumps, silence. The numbers are those of the seeds."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import mean, pstdev

import pytest

from phosphene.engine.control.midi.clock_in import ClockIn, DeltaTime
from phosphene.engine.control.midi.messages import CLOCK, CONTINUE, POSITION, START, STOP, Message

Bpm = Callable[[float], float]


def told(number: int, value: int = 0) -> Message:
    return Message("clock", 0, number, value)


class Clock:
    """Plays ticks into a loop, and keeps how far its line was off at each, in ms."""

    def __init__(self, seed: int = 0, jitter_s: float = 0.0, lost: float = 0.0, start: bool = True) -> None:
        self.loop, self.t, self.n = ClockIn(), 100.0, 0
        self._chance, self._jitter_s, self._lost = random.Random(seed), jitter_s, lost
        self.errors: list[float] = []
        self.bpms: list[float] = []
        if start:
            self.loop.hear(told(START), self.t)

    def play(self, beats: float, bpm: float | Bpm = 128.0, times: int = 1, lost_from: int = 1) -> Clock:
        for _ in range(round(beats * 24)):
            if self.n < lost_from or self._chance.random() >= self._lost:
                for i in range(times):
                    self.loop.hear(told(CLOCK), self.t + self._chance.gauss(0.0, self._jitter_s) + i * 0.0015)
            if (line := self.loop.line) is not None:
                self.errors.append((line.time_of(self.n / 24) - self.t) * 1e3)
                self.bpms.append(line.bpm)
            self.n += 1
            self.t += 60.0 / (bpm(self.n / 24) if callable(bpm) else bpm) / 24
        return self


SETTLED = 7 * 24  # of 64 beats: the table of the reference begins where the loop is narrow


@pytest.mark.parametrize(
    ("jitter_s", "lost", "phase_ms", "bpm_sd"), [(0.0, 0.0, 1e-6, 1e-6), (0.001, 0.0, 0.4, 0.1), (0.0036, 0.01, 1.5, 0.4)]
)
def test_jitter_and_lost_ticks_move_the_beat_little_and_never_away(
    jitter_s: float, lost: float, phase_ms: float, bpm_sd: float
) -> None:
    for seed in range(20):
        clock = Clock(seed, jitter_s, lost).play(64)
        errors = clock.errors[SETTLED:]
        assert pstdev(errors) <= phase_ms, seed
        assert pstdev(clock.bpms[SETTLED:]) <= bpm_sd, seed
        assert abs(mean(errors)) < phase_ms, "it has not drifted"
        assert abs(mean(errors[-96:]) - mean(errors[:96])) < 2 * phase_ms, seed


def test_the_first_tick_after_start_is_beat_0() -> None:
    line = Clock().play(4).loop.line
    assert line is not None
    assert line.beat_at(100.0) == pytest.approx(0.0, abs=1e-6)
    assert line.bpm == pytest.approx(128.0)
    assert line.bar_confidence == 0.0


def test_a_song_position_counts_sixteenths_and_continue_goes_on() -> None:
    clock = Clock(start=False).play(2)
    clock.loop.hear(told(STOP), clock.t)
    clock.loop.hear(told(POSITION, 32), clock.t)  # the ninth beat
    clock.loop.hear(told(CONTINUE), clock.t)
    began = clock.t
    clock.play(2)
    assert clock.loop.line is not None
    assert clock.loop.line.beat_at(began) == pytest.approx(8.0, abs=1e-3)


def test_a_ramp_is_followed() -> None:
    clock = Clock(3, 0.001).play(16, 120.0)
    clock.play(8, lambda beat: 120.0 + 20.0 * min(1.0, (beat - 16) / 8)).play(16, 140.0)
    assert max(map(abs, clock.errors)) < 6.0
    assert abs(mean(clock.errors[-96:])) < 0.5
    assert clock.bpms[-1] == pytest.approx(140.0, abs=0.3)


@pytest.mark.parametrize(("before", "after"), [(70.0, 140.0), (140.0, 70.0), (120.0, 174.0), (174.0, 90.0)])
def test_a_jump_of_the_tempo_is_found_within_four_beats(before: float, after: float) -> None:
    clock = Clock(1, 0.001).play(16, before).play(4, after)
    clock.play(8, after)
    assert clock.bpms[-1] == pytest.approx(after, abs=0.6)
    assert all(20.0 <= bpm <= 400.0 for bpm in clock.bpms)


def test_ticks_that_come_twice_are_one() -> None:
    clock = Clock(2, 0.0002).play(8, times=2)
    assert clock.bpms[-1] == pytest.approx(128.0, abs=0.5)
    clock = Clock(2, 0.0002).play(8).play(16, times=2)
    assert clock.bpms[-1] == pytest.approx(128.0, abs=0.5)
    assert abs(clock.errors[-1]) < 3.0


def test_a_clock_that_stops_is_away_after_half_a_second_and_goes_on_where_the_beat_is() -> None:
    clock = Clock().play(8)
    assert clock.loop.heard(clock.t)
    assert not clock.loop.heard(clock.t + 0.5)
    for _ in range(24 * 4):  # four beats without a tick
        clock.n += 1
        clock.t += 60.0 / 128.0 / 24
    clock.play(8)
    assert clock.loop.line is not None
    assert clock.loop.heard(clock.t)
    assert abs(clock.errors[-1]) < 1.0, "the beats that nobody heard were counted"


@pytest.mark.parametrize("times", [[1.0] * 200, [i * 1e-4 for i in range(500)], [i * 9.0 for i in range(200)], [-1e9, 1e9]])
def test_no_times_break_it(times: list[float]) -> None:
    loop = ClockIn()
    for t in times:
        loop.hear(told(CLOCK), t)
    assert loop.line is None


def test_any_order_of_clock_messages_leaves_a_line_of_numbers() -> None:
    chance, loop, t = random.Random(5), ClockIn(), 0.0
    for _ in range(20_000):
        t += chance.choice([0.0, 0.001, 0.02, 0.02, 0.02, 0.3, 2.0]) * chance.random()
        loop.hear(told(chance.choice([CLOCK] * 30 + [START, STOP, CONTINUE, POSITION]), chance.randrange(16384)), t)
        if loop.line is not None:
            assert 20.0 <= loop.line.bpm <= 400.0
            assert abs(loop.line.beat_at(t)) < 1e6


def test_the_drivers_times_are_kept_where_python_is_late() -> None:
    """Ticks every 20 ms, seen up to 15 ms late: the times that are taken stay as even as the driver's."""
    chance, time = random.Random(1), DeltaTime()
    off = []
    for n in range(2000):
        t = 50.0 + n * 0.02
        off.append(time.time(0.02 if n else 0.0, t + 0.001 + chance.random() * 0.015) - t)
    assert pstdev(off[500:]) < 0.001
    assert min(off[500:]) >= 0.0
    assert max(off[500:]) < 0.006


def test_a_drivers_clock_that_runs_at_another_speed_is_held() -> None:
    time = DeltaTime()
    off = [time.time(0.02 * (1.0 + 1e-4) if n else 0.0, 50.0 + n * 0.02) - (50.0 + n * 0.02) for n in range(20_000)]
    assert max(map(abs, off)) < 0.002
    time = DeltaTime()
    off = [time.time(0.02 * (1.0 - 1e-4) if n else 0.0, 50.0 + n * 0.02) - (50.0 + n * 0.02) for n in range(20_000)]
    assert max(map(abs, off)) < 0.002


@pytest.mark.parametrize("delta", [float("nan"), -1.0, 1e9])
def test_a_delta_time_that_is_none_is_not_believed(delta: float) -> None:
    time = DeltaTime()
    time.time(0.0, 1.0)
    assert time.time(delta, 2.0) == pytest.approx(2.0)

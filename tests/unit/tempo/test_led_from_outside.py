"""Somebody outside leads the beat (Ableton Link, a MIDI clock): met without a jump, obeyed, and left without one."""

from __future__ import annotations

import pytest

from phosphene.engine.tempo.conductor import Conductor
from phosphene.engine.tempo.timeline import Timeline

DT = 1 / 60


class Show:
    """A conductor, frame by frame, and what it showed."""

    def __init__(self) -> None:
        self.conductor = Conductor(120.0)
        self.t = 0.0
        self.beats: list[float] = []

    def run(
        self, seconds: float, outside: Timeline | None = None, music: Timeline | None = None, name: str = "link"
    ) -> None:
        for _ in range(round(seconds / DT)):
            self.t += DT
            self.conductor.update(music, self.t, None if outside is None else (name, outside))
            if music is not None:
                music = music.reaim(self.t)
            self.beats.append(self.conductor.position(self.t).beat)

    @property
    def now(self):
        return self.conductor.position(self.t)


def line(bpm: float, beat: float = 0.0, bars: float = 1.0, one: float = 0.0) -> Timeline:
    return Timeline(beat, 0.0, bpm, 1.0, one, 4.0, bars)


def test_its_beat_and_its_bar_are_met_and_the_beat_never_runs_backwards():
    show = Show()
    led = line(97.0, beat=2.3)
    show.run(12.0, led)
    assert show.conductor.leader == "link"
    assert show.now.bpm == pytest.approx(97.0)
    assert (show.now.beat - led.beat_at(show.t) + 0.5) % 1.0 == pytest.approx(0.5, abs=1e-3)
    assert show.now.bar % 1.0 == pytest.approx(led.beat_at(show.t) / 4.0 % 1.0, abs=1e-3)
    assert min(b - a for a, b in zip(show.beats, show.beats[1:], strict=False)) > 0.0
    assert max(b - a for a, b in zip(show.beats, show.beats[1:], strict=False)) < 1.5 * DT * 97.0 / 60.0


def test_it_comes_before_the_music_and_before_the_hand():
    show = Show()
    show.conductor.set_bpm(140.0, 0.0)
    show.run(2.0, music=line(174.0))
    assert show.conductor.leader == "hand"
    show.run(6.0, line(128.0), music=line(174.0))
    assert show.conductor.leader == "link"
    assert show.now.bpm == pytest.approx(128.0)
    show.run(6.0, music=line(174.0))
    assert show.conductor.leader == "music"
    assert show.now.bpm == pytest.approx(174.0, rel=1e-3)


def test_alone_again_the_beat_runs_on_at_its_tempo():
    show = Show()
    show.run(6.0, line(133.0))
    before = show.now
    show.run(2.0)
    assert show.conductor.leader == "nobody"
    assert show.now.bpm == pytest.approx(133.0)
    assert show.now.beat - before.beat == pytest.approx(2.0 * 133.0 / 60.0, abs=0.01)


def test_a_tempo_that_a_hand_wants_is_for_whoever_leads():
    show = Show()
    show.run(1.0, line(120.0))
    show.conductor.set_bpm(126.0, show.t)
    assert show.conductor.requested() == 126.0
    assert show.conductor.requested() is None
    for k in range(5):
        show.conductor.tap(show.t + k * 0.5)
    assert show.conductor.requested() == pytest.approx(120.0)
    assert show.conductor.leader == "link"


def test_a_nudge_stands_against_it():
    show = Show()
    led = line(120.0)
    show.run(8.0, led)
    show.conductor.nudge(0.25, show.t)
    show.run(4.0, led)
    assert (show.now.beat - led.beat_at(show.t)) % 1.0 == pytest.approx(0.25, abs=1e-3)


def test_one_without_bars_leaves_ours():
    show = Show()
    show.conductor.resync(0.5)  # ours begin at 0.5 s
    show.run(8.0, line(120.0, bars=0.0), name="midi clock")
    assert show.conductor.leader == "midi clock"
    assert show.now.bar % 1.0 == pytest.approx((show.t - 0.5) * 2.0 / 4.0 % 1.0, abs=1e-3)

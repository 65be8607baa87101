"""The autopilot over a beat that is simulated: when it changes scenes, which ones, and how it gives way and comes back."""

from __future__ import annotations

import pytest

from phosphene.engine.app.autopilot import HANDS, SOURCE
from phosphene.engine.control.table import build_table
from tests.unit.app.piloted import Flight, gaps, scene, setlist


def flown(beats: float = 200.0, **settings: float | int | str) -> Flight:
    """Return a flight that is switched on at beat 1."""
    made = Flight()
    for name, value in settings.items():
        made.send(f"/autopilot/{name}", value)
    made.send("/autopilot", 1)
    made.beats(beats)
    return made


def test_off_it_does_nothing() -> None:
    flight = Flight()
    flight.beats(200)
    assert flight.calls() == []
    assert (flight.pilot.status, flight.pilot.beats_left) == ("off", 0)


def test_scenes_come_in_on_phrases_in_order() -> None:
    flight = flown(270)
    assert [(round(beat), name) for beat, name in flight.on] == [(64, "b2"), (128, "c3"), (192, "d4"), (256, "a1")]
    assert all(0.0 <= beat % 32.0 < 0.2 for beat, _ in flight.on), "the crossfade begins with the phrase, not a bar late"
    assert all(change.source == SOURCE for change in flight.log if change.path == "/scene")


def test_it_says_how_long_it_will_be() -> None:
    flight = flown(40)
    assert (flight.pilot.status, flight.pilot.beats_left) == ("on: next in 24 beats", 24)


@pytest.mark.parametrize(("start", "bound"), [("now", 0.2 + 10 * 0.1 + 0.2), ("beat", 0.2), ("bar", 0.2)])
def test_a_scene_is_called_as_early_as_its_start_needs(start: str, bound: float) -> None:
    flight = Flight(b2=scene("b2", start))
    flight.load_frames = 5 if start == "beat" else 10
    flight.send("/autopilot", 1)
    flight.beats(70)
    (beat, name) = flight.on[0]
    assert name == "b2"
    assert 0.0 <= beat - 64.0 <= bound


def test_phrases_are_counted_from_the_last_resync() -> None:
    flight = Flight()
    flight.send("/autopilot", 1)
    flight.beats(20)
    flight.number = 0.0
    flight.send("/tempo/resync")
    flight.beats(100)
    assert round(flight.on[0][0]) == 20 + 64


@pytest.mark.parametrize(("per_bar", "lasts"), [(2.0, 64.0), (3.0, 48.0), (4.0, 64.0)])
def test_a_phrase_is_eight_bars_and_sixteen_where_they_have_two_beats(per_bar: float, lasts: float) -> None:
    flight = Flight()
    flight.per_bar = per_bar
    flight.send("/autopilot", 1)
    flight.beats(200)
    assert gaps(flight)[:2] == [lasts, lasts]
    assert all(0.0 <= (beat / per_bar) % 1.0 < 0.1 for beat, _ in flight.on), "with a bar"


def test_a_metre_that_the_tracker_corrects_leaves_phrases_on_bars() -> None:
    flight = flown(43)
    flight.per_bar, flight.one, flight.number = 2.0, 42.0, 10.5 + 0.0
    flight.beats(31)
    flight.per_bar, flight.one, flight.number = 4.0, 74.0, flight.position.bar
    flight.beats(120)
    assert len(flight.on) >= 2
    assert all((beat - 74.0) % 4.0 < 0.2 for beat, _ in flight.on[1:])


def test_chance_adds_one_phrase_at_most_and_repeats_with_its_seed() -> None:
    def gaps_of(seed: int) -> list[float]:
        flight = Flight(seed=seed)
        flight.send("/autopilot/chance", 0.5)
        flight.send("/autopilot", 1)
        flight.beats(1500)
        return gaps(flight)

    found = gaps_of(1)
    assert set(found) == {64.0, 96.0}
    assert found == gaps_of(1)
    assert found != gaps_of(2)
    assert set(gaps(flown(700, chance=1.0))) == {96.0}


def test_what_is_set_meanwhile_counts_from_the_scene_that_is_on() -> None:
    flight = flown(20)
    flight.send("/autopilot/beats", 128.0)
    flight.beats(120)
    assert [round(beat) for beat, _ in flight.on] == [128]


@pytest.mark.parametrize("path", sorted(HANDS))
def test_a_hand_takes_over_at_once(path: str) -> None:
    flight = Flight(cues=setlist("a1", "b2", "c3", "d4"))
    flight.send("/autopilot", 1)
    flight.beats(10)
    given = {"/crossfade": (0.5,), "/crossfade/to": ("b",), "/scene": ("c3",), "/scene/number": (3,), "/cue/number": (2,)}
    flight.send(path, *given.get(path, () if path in ("/panic", "/scene/next", "/cue/go") else ("style-d4",)))
    flight.step()
    assert flight.pilot.status == f"waits: a hand moved {path}"
    assert flight.lines == [f"autopilot waits: a hand moved {path}"]
    flight.beats(400)
    assert flight.calls() == []
    assert not flight.state.autopilot.on
    flight.send("/autopilot", 1)
    flight.beats(110)
    assert len(flight.calls()) == 1


def test_the_hands_are_addresses_of_the_table() -> None:
    assert set(build_table({}, ()).inputs) >= HANDS


@pytest.mark.parametrize("source", ["take", "start", "file"])
def test_who_is_no_hand_does_not_stop_it(source: str) -> None:
    flight = flown(10)
    flight.send("/scene", "a1", source=source)
    flight.beats(10)
    assert flight.pilot.status.startswith("on")


def test_other_faders_do_not_stop_it() -> None:
    flight = flown(10)
    for path, value in (("/master", 0.5), ("/fader/1", 0.2), ("/crossfade/kind", "wipe"), ("/tempo/nudge", 0.1)):
        flight.send(path, value)
    flight.beats(60)
    assert flight.calls() == ["b2"]


def test_its_button_without_a_word_takes_it_back_and_stops_it() -> None:
    flight = flown(10)
    flight.send("/scene", "c3")
    flight.beats(2)
    flight.send("/autopilot")
    flight.beats(2)
    assert flight.pilot.status.startswith("on")
    flight.send("/autopilot")
    flight.beats(2)
    assert flight.pilot.status == "off"


def test_stopped_while_it_waits_it_is_off() -> None:
    flight = flown(10, **{"return": 1})
    flight.send("/scene", "c3")
    flight.beats(2)
    flight.send("/autopilot", 0)
    flight.beats(200)
    assert (flight.pilot.status, flight.calls()) == ("off", [])


def test_it_comes_back_after_the_phrases_that_are_set_and_each_touch_counts_anew() -> None:
    flight = flown(10, **{"return": 2})
    flight.send("/scene", "c3")
    flight.beats(40)
    assert flight.pilot.status.startswith("waits: a hand moved /scene, back in ")
    flight.send("/crossfade/to", "b")
    flight.beats(130)
    assert flight.calls() == ["d4"]
    assert [round(beat) for beat, name in flight.on if name == "d4"] == [128], "the first phrase two after the last touch"
    assert "autopilot is back" in flight.lines


@pytest.mark.parametrize("path", ["/blackout", "/freeze"])
def test_while_the_picture_is_held_no_scene_comes_and_then_the_next_phrase_is_waited_for(path: str) -> None:
    flight = flown(50)
    flight.send(path, 1)
    flight.beats(20)
    assert flight.pilot.status == f"waits: {path[1:]}"
    flight.send(path, 0)
    flight.beats(100)
    assert [round(beat) for beat, _ in flight.on] == [96, 160][: len(flight.on)]
    assert flight.on


def test_while_a_style_loads_or_a_crossfade_is_on_no_scene_comes() -> None:
    flight = Flight(b2=scene("b2", beats=40.0))
    flight.send("/autopilot/beats", 32.0)
    flight.send("/autopilot", 1)
    flight.beats(130)
    assert [(round(beat), name) for beat, name in flight.on] == [(32, "b2"), (96, "c3"), (128, "d4")]
    slow = Flight()
    slow.send("/autopilot/beats", 32.0)
    slow.send("/deck/b/style", "style-d4", source="start")
    slow.load_frames = 1000  # 100 beats
    slow.send("/autopilot", 1)
    slow.beats(95)
    assert slow.calls() == []


def test_a_drop_is_not_cut_short() -> None:
    flight = flown(50)
    flight.heard = {"since_drop": 0.0}
    for _ in range(20):
        flight.beats(1)
        flight.heard["since_drop"] += 0.5 / 64.0
    flight.heard = {}
    flight.beats(40)
    assert [round(beat) for beat, _ in flight.on] == [96]


def test_where_the_beat_is_lost_it_goes_by_seconds_and_back() -> None:
    flight = flown(20)
    flight.confidence = flight.trust = 0.0
    flight.beats(6)
    assert flight.pilot.status.startswith("on")
    flight.beats(6)
    assert flight.pilot.status.startswith("waits: the beat is not sure, next in ")
    flight.bpm = 60.0  # whatever runs on: the last tempo that was known counts
    before = flight.t
    flight.beats(31)
    assert [name for _, name in flight.on] == ["b2"]
    assert flight.t - before > 16.0
    called = next(change.t for change in flight.log if change.path == "/scene")
    assert called == pytest.approx(32.0, abs=2.1), "64 beats at 120 bpm"
    flight.confidence = flight.trust = 1.0
    flight.beats(120)
    assert flight.on[1][0] % 32.0 < 0.2, "on a phrase again"


def test_a_beat_that_a_hand_taps_is_sure() -> None:
    flight = flown(20)
    flight.confidence, flight.trust = 0.0, 1.0
    flight.beats(60)
    assert round(flight.on[0][0]) == 64

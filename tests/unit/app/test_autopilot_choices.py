"""Which scenes the autopilot chooses: by the list, mixed, by the music; and what it does where one is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest

from phosphene.engine.show.choosing import SceneFacts
from tests.unit.app.piloted import NAMES, Flight, scene, setlist


def test_a_refused_scene_is_passed_over_and_not_asked_for_again() -> None:
    flight = Flight()
    flight.refuses, flight.scenes = {"b2"}, {name: each for name, each in flight.scenes.items() if name != "c3"}
    flight.send("/autopilot", 1)
    flight.beats(300)
    assert flight.calls() == ["b2", "c3", "d4", "a1", "d4", "a1"]
    assert [name for _, name in flight.on] == ["d4", "a1", "d4", "a1"]
    assert round(flight.on[0][0]) in (64, 68), "at the latest a bar after"


def test_where_there_is_no_other_scene_it_says_so() -> None:
    flight = Flight()
    flight.refuses = {"b2", "c3", "d4"}
    flight.send("/autopilot", 1)
    flight.beats(140)
    assert flight.pilot.status == "waits: there is no other scene"
    assert flight.state.scene == "a1"
    assert sorted(flight.calls()) == ["b2", "c3", "d4"]


def test_a_scene_that_waits_for_a_drop_comes_in_when_the_next_one_is_due() -> None:
    flight = Flight(b2=scene("b2", "drop"))
    flight.send("/autopilot", 1)
    flight.beats(100)
    assert (flight.state.on_standby, flight.on) == (True, [])
    flight.beats(100)
    assert [(round(beat), name) for beat, name in flight.on] == [(128, "b2"), (192, "c3")]
    assert [each.choice.reason for each in flight.pilot.called][1] == "no drop came"


def test_a_scene_that_waited_for_take_comes_in_when_the_next_one_is_due() -> None:
    flight = Flight()
    flight.send("/preview", 1)
    flight.send("/scene", "b2")
    flight.beats(8)
    assert flight.state.on_standby
    flight.send("/autopilot", 1)
    flight.beats(100)
    assert [name for _, name in flight.on] == ["b2"]
    assert flight.pilot.called[0].choice.reason == "it waited for TAKE"


def test_the_list_is_the_setlist_with_its_cues() -> None:
    flight = Flight(cues=setlist("a1", "c3", "a1", "a1", "b2"))
    flight.send("/autopilot", 1)
    flight.beats(330)
    assert [name for _, name in flight.on] == ["c3", "a1", "b2", "a1", "c3"]
    assert flight.calls() == ["2", "3", "5", "1", "2"], "a cue of the scene that is on is passed over"
    assert flight.state.cue == 1


def test_shuffled_no_scene_comes_again_before_all_have_been() -> None:
    def order(seed: int) -> list[str]:
        flight = Flight("shuffle", seed)
        flight.send("/autopilot/beats", 32.0)
        flight.send("/autopilot", 1)
        flight.beats(13 * 32)
        return [name for _, name in flight.on]

    found = order(3)
    assert sorted(["a1", *found[:3]]) == sorted(NAMES)
    assert all(sorted(found[k : k + 4]) == sorted(NAMES) for k in (3, 7))
    assert all(a != b for a, b in pairwise(found))
    assert found == order(3)
    assert found != order(4)


FACTS = {
    "a1": SceneFacts(0.5),
    "b2": SceneFacts(0.9, frozenset({"techno"})),
    "c3": SceneFacts(0.1, frozenset({"ambient"})),
    "d4": SceneFacts(0.9, frozenset({"rock"})),
}


@pytest.mark.parametrize(
    ("heard", "first"),
    [
        ({"energy": 0.9, "electronic": 1.0}, "b2"),
        ({"energy": 0.9, "electronic": 0.01}, "d4"),
        ({"calm": 0.9, "electronic": 1.0}, "c3"),
        ({"energy": 0.9, "electronic": 1.0, "break": 0.9}, "c3"),
        ({"calm": 0.9, "electronic": 1.0, "build": 0.9, "break": 0.9}, "b2"),
    ],
)
def test_by_tags_the_scene_suits_the_music(heard: dict[str, float], first: str) -> None:
    flight = Flight("tags", facts=FACTS)
    flight.heard = heard
    flight.send("/autopilot", 1)
    flight.beats(200)
    names = [name for _, name in flight.on]
    assert names[0] == first
    assert len(set(names[:2])) == 2, "the best ones rest"


def test_where_nobody_tags_loudness_speaks() -> None:
    for level, first in ((0.95, {"b2", "d4"}), (0.05, {"c3"})):
        flight = Flight("tags", facts=FACTS)
        flight.heard = {"rms": level}
        flight.send("/autopilot", 1)
        flight.beats(70)
        assert flight.on[0][1] in first

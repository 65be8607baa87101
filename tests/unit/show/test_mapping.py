"""Mappings: curves, ranges, envelopes in seconds that come out alike at any frame rate."""

from __future__ import annotations

import math

import pytest

from phosphene.engine.show.mapping import CURVES, Mapping, Mappings


def run(mapping: Mapping, signal, fps: float, seconds: float) -> list[tuple[float, float]]:
    mappings = Mappings()
    mappings.use((mapping,))
    found = []
    for k in range(1, round(seconds * fps) + 1):
        t = k / fps
        found.append((t, mappings.evaluate({"bass": signal(t)}, 1.0 / fps)[mapping.parameter]))
    return found


def at(found: list[tuple[float, float]], t: float) -> float:
    return min(found, key=lambda pair: abs(pair[0] - t))[1]


def test_a_step_rises_with_the_attack_and_falls_with_the_release() -> None:
    mapping = Mapping("bass", "deck/a/zoom", attack=0.1, release=0.5)
    for fps in (24, 60, 120):
        found = run(mapping, lambda t: 1.0 if t <= 1.0 + 1e-9 else 0.0, fps, 2.0)
        assert at(found, 0.5) == pytest.approx(1 - math.exp(-5.0), abs=1e-6)
        top = 1 - math.exp(-10.0)
        assert at(found, 1.5) == pytest.approx(top * math.exp(-1.0), abs=1e-6)


def test_the_same_motion_at_any_frame_rate() -> None:
    mapping = Mapping("bass", "deck/a/zoom", "smoothstep", attack=0.08, release=0.4, range=(0.0, 1.0))
    runs = {fps: run(mapping, lambda t: 0.5 - 0.5 * math.cos(2 * math.pi * 0.5 * t), fps, 4.0) for fps in (24, 60, 120)}
    for t in (k / 12 for k in range(1, 48)):
        values = [at(found, t) for found in runs.values()]
        assert max(values) - min(values) < 0.04, t


def test_no_attack_follows_within_the_frame() -> None:
    found = run(Mapping("bass", "deck/a/zoom", release=0.3), lambda t: 1.0, 24, 0.1)
    assert found[0][1] == 1.0


@pytest.mark.parametrize("name", CURVES)
def test_curves_stay_in_the_unit_range(name: str) -> None:
    values = [CURVES[name](i / 100) for i in range(101)]
    assert min(values) >= 0.0
    assert max(values) <= 1.0 + 1e-12
    ends = {"invert": (1.0, 0.0), "triangle": (0.0, 0.0), "sine": (0.0, 0.0)}.get(name, (0.0, 1.0))
    assert (values[0], values[-1]) == pytest.approx(ends)


def test_ranges_may_fall_and_sums_add_up() -> None:
    mappings = Mappings()
    mappings.use((Mapping("bass", "master", range=(0.5, -0.5)), Mapping("mid", "master", range=(0.0, 0.2))))
    assert mappings.evaluate({"bass": 1.0, "mid": 1.0}, 0.1) == {"master": pytest.approx(-0.3)}


def test_times_scales_by_a_second_signal() -> None:
    mappings = Mappings()
    mappings.use((Mapping("bass", "master", "invert", times="active"),))
    assert mappings.evaluate({"bass": 0.0, "active": 0.0}, 0.1)["master"] == 0.0
    assert mappings.evaluate({"bass": 0.0, "active": 1.0}, 0.1)["master"] == 1.0
    assert mappings.evaluate({"bass": 1.0, "active": 1.0}, 0.1)["master"] == 0.0


def test_signals_out_of_range_are_held_in() -> None:
    mappings = Mappings()
    mappings.use((Mapping("bass", "master", "sqrt"),))
    assert mappings.evaluate({"bass": -0.5}, 0.1)["master"] == 0.0
    assert mappings.evaluate({"bass": 7.0}, 0.1)["master"] == 1.0


def test_envelopes_outlive_a_change_of_the_other_deck() -> None:
    mappings, slow = Mappings(), Mapping("bass", "deck/a/zoom", attack=1.0)
    first = (slow,)
    mappings.use(first, ())
    before = mappings.evaluate({"bass": 1.0}, 0.5)["deck/a/zoom"]
    mappings.use(first, (Mapping("bass", "deck/b/zoom"),))
    assert mappings.evaluate({"bass": 1.0}, 0.5)["deck/a/zoom"] > before
    mappings.use((), ())
    assert mappings.evaluate({"bass": 1.0}, 0.5) == {}


def test_envelopes_go_on_where_others_stood() -> None:
    groups = (Mapping("bass", "deck/a/zoom", release=1.0),), (Mapping("bass", "deck/b/zoom", attack=2.0),)
    first, second = Mappings(), Mappings()
    first.use(*groups)
    second.use(*groups)
    for _ in range(9):
        first.evaluate({"bass": 0.8}, 0.1)
    second.resume([0.5])  # of other mappings
    assert second.memory() == [0.0, 0.0]
    second.resume(first.memory())
    assert second.evaluate({"bass": 0.1}, 0.1) == first.evaluate({"bass": 0.1}, 0.1)

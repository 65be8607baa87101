"""Takeover: what a hand sends that is not where the value is. The cases are those that other programs got wrong."""

from __future__ import annotations

from itertools import pairwise

import pytest

from phosphene.engine.control.midi.takeover import STEP, Takeover


def swept(places: list[float], value: float, mode: str = "pickup", every_s: float = 0.01) -> list[float | None]:
    """Return what is sent for a hand at these places, one after the other, over a value that follows what is sent."""
    takeover, found = Takeover(mode), []
    for i, x in enumerate(places):
        sent = takeover.move(x, value, i * every_s)
        value = value if sent is None else sent
        found.append(sent)
    return found


@pytest.mark.parametrize(
    ("places", "value", "sent"),
    [
        ([0.1, 0.2, 0.3], 0.8, [None, None, None]),
        ([0.1, 0.49, 0.6], 0.5, [None, 0.49, 0.6]),  # near
        ([0.1, 0.4, 0.6, 0.7], 0.5, [None, None, 0.6, 0.7]),  # past it
        ([0.9, 0.6, 0.4], 0.5, [None, None, 0.4]),  # from above
        ([0.0, 0.45, 1.0], 0.5, [None, None, 1.0]),  # a throw over it
        ([0.0, 1.0], 0.5, [None, 1.0]),
        ([0.01, 0.6], 0.0, [0.01, 0.6]),  # at the same end, and quickly away from it
        ([0.99, 0.2], 1.0, [0.99, 0.2]),
        ([0.6], 0.0, [None]),  # the first touch moves nothing
        ([0.5, 0.5, 0.9], 0.7, [None, None, 0.9]),
    ],
)
def test_a_knob_waits_until_it_meets_the_value(places: list[float], value: float, sent: list[float | None]) -> None:
    assert swept(places, value) == sent


@pytest.mark.parametrize("speed", [1, 2, 5, 20, 64, 127])
@pytest.mark.parametrize("value", [0.0, 0.013, 0.5, 0.77, 1.0])
def test_every_sweep_from_end_to_end_takes_over_at_any_speed(speed: int, value: float) -> None:
    for places in ([*range(0, 127, speed), 127], [*range(127, 0, -speed), 0]):
        sent = swept([place / 127 for place in places], value)
        assert sent[-1] == places[-1] / 127
        first = next(s for s in sent if s is not None)
        assert abs(first - value) <= max(3 / 128, speed / 127) + 1e-9, "no further than the hand itself jumped"


def test_a_scene_change_takes_it_away_and_the_next_touch_moves_nothing() -> None:
    takeover = Takeover("pickup")
    assert takeover.move(0.5, 0.5, 0.0) == 0.5
    assert takeover.move(0.6, 0.5, 0.01) == 0.6, "the show says the old value for a frame or two"
    assert takeover.move(0.61, 0.2, 10.0) is None
    assert takeover.waiting == pytest.approx(0.2 - 0.61)
    assert takeover.move(0.3, 0.2, 10.1) is None
    assert takeover.move(0.15, 0.2, 10.2) == 0.15
    assert takeover.waiting == 0.0


def test_a_value_that_stayed_is_held_all_night() -> None:
    takeover = Takeover("pickup")
    assert takeover.move(0.5, 0.5, 0.0) == 0.5
    assert takeover.move(0.9, 0.51, 3600.0) == 0.9, "rounding moves a value less than a hand"


def test_a_value_that_nobody_tells_is_played() -> None:
    assert Takeover("pickup").move(0.9, None, 0.0) == 0.9


def test_jump_jumps() -> None:
    assert swept([0.9, 0.1], 0.5, "jump") == [0.9, 0.1]


def test_scale_reaches_both_ends_and_never_jumps() -> None:
    up = swept([0.2, 0.4, 0.6, 0.8, 1.0], 0.8, "scale")
    assert up[0] == 0.8
    assert up[-1] == 1.0
    assert up == sorted(up)
    assert max(b - a for a, b in pairwise(up)) < 0.2
    down = swept([0.2, 0.1, 0.0], 0.8, "scale")
    assert down == pytest.approx([0.8, 0.4, 0.0])
    assert swept([0.0, 0.5], 0.4, "scale") == pytest.approx([0.0, 0.5]), "at an end there is nothing to scale"


def test_an_encoder_moves_from_where_the_value_is() -> None:
    takeover = Takeover("relative-2c")
    assert takeover.turn(1, 0.5, 0.0) == 0.5 + STEP
    assert takeover.turn(127, 0.5, 0.1) == 0.5, "from what it sent itself: what is told is older"
    assert takeover.turn(1, 0.9, 1.0) == pytest.approx(0.9 + STEP)
    assert takeover.turn(0, 0.9, 2.0) is None
    assert takeover.turn(63, 0.9, 3.0) == 1.0
    assert takeover.turn(127, 1.0, 4.0) == 1.0 - STEP


def test_a_fast_hand_turns_an_encoder_further() -> None:
    def after(every_s: float) -> float:
        takeover, value = Takeover("relative-64"), 0.0
        for i in range(16):
            value = takeover.turn(65, value, i * every_s) or value
        return value

    assert after(0.1) == pytest.approx(16 * STEP)
    assert after(0.010) == pytest.approx(STEP + 15 * 2 * STEP)
    assert after(0.001) == pytest.approx(STEP + 15 * 4 * STEP)

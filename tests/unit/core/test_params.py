"""Parameters: ranges hold, whatever is sent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param, complete, defaults

ZOOM = Param("zoom", "Zoom", 0.25, 4.0, 1.0, unit="x")
TURN = Param("turn", "Turn", -1.0, 1.0, 0.0)


def test_a_default_outside_the_range_is_a_fault_of_the_programmer():
    with pytest.raises(ValueError, match="zoom"):
        Param("zoom", "Zoom", 0.0, 1.0, 2.0)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_clamp_always_lands_in_the_range(value):
    landed = ZOOM.clamp(value)
    assert ZOOM.minimum <= landed <= ZOOM.maximum
    if ZOOM.minimum <= value <= ZOOM.maximum:
        assert landed == value


def test_clamp_turns_not_a_number_into_the_default():
    assert ZOOM.clamp(math.nan) == ZOOM.default


@given(st.floats(0.25, 4.0))
def test_check_passes_what_is_in_range(value):
    assert ZOOM.check(value) == value


@pytest.mark.parametrize("value", [0.2, 4.1, math.nan, math.inf, "1", None, True, [1.0]])
def test_check_refuses_the_rest_and_says_what_is_allowed(value):
    with pytest.raises(UserError) as caught:
        ZOOM.check(value, where="/deck/a/zoom")
    assert "/deck/a/zoom" in str(caught.value)
    assert "0.25 to 4 x" in str(caught.value)


@given(st.floats(0.0, 1.0))
def test_from_unit_spans_the_range(unit):
    assert ZOOM.minimum <= ZOOM.from_unit(unit) <= ZOOM.maximum
    assert ZOOM.from_unit(0.0) == ZOOM.minimum
    assert ZOOM.from_unit(1.0) == ZOOM.maximum


def test_complete_fills_gaps_clamps_and_ignores_strangers():
    assert complete((ZOOM, TURN), {"zoom": 9.0, "hue": 1.0}) == {"zoom": 4.0, "turn": 0.0}
    assert complete((ZOOM, TURN), {}) == defaults((ZOOM, TURN)) == {"zoom": 1.0, "turn": 0.0}

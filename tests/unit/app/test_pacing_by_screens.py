"""At what rate a show runs on screens of today, and which clock paces it: every frame is seen for equally long."""

from __future__ import annotations

from fractions import Fraction

import pytest

from phosphene.engine.app.live import fitting_rate, show_clock
from phosphene.engine.core.clock import DisplayClock, LiveClock


class Screen:
    """A display with vsync at some rate; remembers what it was told to wait for."""

    def __init__(self, hz: float, vsync: bool = True) -> None:
        self.refresh_hz, self.vsync, self.refreshes = hz, vsync, 1

    def wait_for(self, refreshes: int) -> None:
        self.refreshes = refreshes


@pytest.mark.parametrize(
    ("hz", "fps", "refreshes"),
    [(60.0, 60, 1), (59.94, 60, 1), (120.0, 60, 2), (119.88, 60, 2), (240.0, 60, 4), (144.0, 72, 2), (165.0, 55, 3),
     (100.0, 50, 2), (75.0, 75, 1), (50.0, 50, 1)],
)  # fmt: skip
def test_a_show_that_was_told_no_rate_takes_one_that_the_screen_divides_into(hz, fps, refreshes):
    screen = Screen(hz)
    rate = fitting_rate(screen, Fraction(60))
    assert rate == fps
    clock = show_clock(screen, rate)
    assert isinstance(clock, DisplayClock)
    assert screen.refreshes == refreshes


@pytest.mark.parametrize(("hz", "vsync"), [(144.0, False), (0.0, False), (40.0, True)])
def test_elsewhere_it_keeps_its_own_rate_and_clock(hz, vsync):
    screen = Screen(hz, vsync)
    assert fitting_rate(screen, Fraction(60)) == 60
    assert isinstance(show_clock(screen, Fraction(60)), LiveClock)
    assert screen.refreshes == 1


def test_a_rate_that_was_asked_for_is_kept():
    screen = Screen(144.0)
    assert isinstance(show_clock(screen, Fraction(60)), LiveClock)
    assert isinstance(show_clock(screen, Fraction(48)), DisplayClock)
    assert screen.refreshes == 3

"""Progress as lines: rare, with the time left, and nothing for what is short."""

from __future__ import annotations

import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.progress import ProgressLines


@pytest.fixture
def at(monkeypatch):
    """Set the time."""
    now = [100.0]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    return lambda t: now.__setitem__(0, 100.0 + t)


def test_what_is_short_says_nothing(at):
    lines = []
    progress = ProgressLines(lines.append)
    for t in range(10):
        at(float(t))
        progress("rendering", t, 10)
    assert lines == []


def test_a_line_every_ten_seconds_with_the_time_left(at):
    lines = []
    progress = ProgressLines(lines.append)
    for t in range(31):
        at(float(t))
        progress("rendering", 10 * t, 1000)
    assert lines == [
        "rendering: 100 of 1000, 10 %, about 1:30 left",
        "rendering: 200 of 1000, 20 %, about 1:20 left",
        "rendering: 300 of 1000, 30 %, about 1:10 left",
    ]


def test_what_was_done_before_is_not_counted_as_speed(at):
    lines = []
    progress = ProgressLines(lines.append)
    progress("rendering", 900, 1000)
    at(10.0)
    progress("rendering", 910, 1000)
    assert lines == ["rendering: 910 of 1000, 91 %, about 1:30 left"]


def test_hours_and_an_unknown_end(at):
    lines = []
    progress = ProgressLines(lines.append)
    progress("pictures", 0, 0)
    progress("film", 0, 3600)
    at(10.0)
    progress("pictures", 7, 0)
    at(20.0)
    progress("film", 10, 3600)
    assert lines == ["pictures: 7", "film: 10 of 3600, 0 %, about 1:59:40 left"]


def test_names_with_line_ends_stay_on_one_line(at):
    lines = []
    progress = ProgressLines(lines.append)
    at(10.0)
    progress.say("p5: a\nb")
    assert len(lines[0].splitlines()) == 1

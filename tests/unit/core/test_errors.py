"""Errors for people: one line with what, where, allowed, got, remedy; and a log that cannot flood."""

from __future__ import annotations

import logging
from collections import OrderedDict

from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError


def test_the_line_says_everything_in_order():
    error = UserError("unknown style", where="/deck/a/style", allowed="reef, tide", got="rief", remedy="vj styles list")
    assert str(error) == "unknown style (/deck/a/style): allowed: reef, tide, got: rief; vj styles list"
    assert error.line() == str(error)
    assert (error.what, error.got) == ("unknown style", "rief")


def test_what_is_not_known_is_left_out():
    assert str(UserError("no sound server")) == "no sound server"
    assert str(UserError("too big", got=0)) == "too big: got: 0"
    assert str(UserError("gone", remedy="plug it in")) == "gone; plug it in"


def test_a_long_value_is_cut():
    line = str(UserError("bad", got="x" * 1000))
    assert len(line) < 140
    assert line.endswith("...")


def test_the_log_holds_back_repeats_of_a_kind(caplog):
    log = RateLimitedLog(logging.getLogger("phosphene.test"), interval_s=60.0)
    with caplog.at_level(logging.WARNING, logger="phosphene.test"):
        for i in range(1000):
            log.warning("osc", f"bad message {i}")
        log.warning("disk", "disk is full")
    assert [record.getMessage() for record in caplog.records] == ["bad message 0", "disk is full"]


def test_the_log_counts_what_it_held_back(caplog):
    log = RateLimitedLog(logging.getLogger("phosphene.test"), interval_s=0.05)
    with caplog.at_level(logging.WARNING, logger="phosphene.test"):
        for _ in range(10):
            log.warning("osc", "bad message")
        clock.sleep(0.06)
        log.warning("osc", "bad message")
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "bad message"
    assert said[-1] == f"bad message (and {11 - len(said)} more like it)"


def test_what_a_stranger_named_stays_one_line_of_text():
    line = UserError("no such style", where="a\nb\udcff\x1b[2J", got="c\r\u2028d").line()
    assert line.isprintable()
    assert line.encode("utf-8")
    assert line == "no such style (a\\nb\\udcff\\x1b[2J): got: c\\r\\u2028d"


def test_a_library_of_thousands_does_not_fill_the_line():
    line = UserError("no such style", allowed=", ".join(f"style-{i}" for i in range(3000)), got="x").line()
    assert len(line) < 500
    assert line.endswith("..., got: x")


def test_a_value_of_any_size_and_depth_is_told_at_once():
    much = ["x"]
    for _ in range(60):  # 2^60 items, were they written out
        much = [much, much]
    for got in (much, 10**5000, tuple(range(10**6)), {"k": much}, b"\xff" * 10**6, OrderedDict(k=much)):
        assert len(UserError("wrong", got=got).line()) < 200


def test_the_log_forgets_the_oldest_of_many_kinds(caplog):
    log = RateLimitedLog(logging.getLogger("kinds"), interval_s=100.0)
    for n in range(2000):
        log.warning(f"kind {n}", "said")
        log.warning(f"kind {n}", "said")
    assert len(log._next) < 300
    assert len(log._held) < 300

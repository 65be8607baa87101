"""What the benchmarks of the desk and of Link make of what they measured."""

from __future__ import annotations

import pytest

from phosphene.engine.control.midi.mapping import load_mapping
from phosphene.engine.control.table import build_table
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.tools.lab import bench_desk, midi_storm
from phosphene.tools.lab.bench_link import peer_rows, row_at
from phosphene.tools.lab.numbers_page import ROWS


def frames(p99: float, missed: float) -> dict:
    return {"frames": 700, "missed": missed, "frame_ms": {"p50": 20.0, "p99": p99}, "tempo": "link"}


def test_runs_are_told_as_one_by_their_medians():
    runs = [frames(40.0, 0), frames(90.0, 7), frames(42.0, 1)]
    assert bench_desk.median(runs) == frames(42.0, 1)


@pytest.mark.parametrize(("p99", "missed", "within"), [(44.0, 1, True), (44.1, 1, False), (44.0, 2, False), (30.0, 0, True)])
def test_within_is_ten_percent_and_no_frame_more(p99, missed, within):
    told = bench_desk.verdict(frames(p99, missed), frames(40.0, 1))
    assert told["within"] is within
    assert told["p99, times the baseline"] == round(p99 / 40.0, 3)
    assert told["more missed"] == missed - 1


def test_of_short_frames_one_millisecond_is_within():
    assert bench_desk.verdict(frames(5.9, 0), frames(5.0, 0))["within"]
    assert not bench_desk.verdict(frames(6.1, 0), frames(5.0, 0))["within"]


def test_the_storm_turns_eight_knobs_that_the_show_has(tmp_path):
    (tmp_path / "storm.toml").write_text(midi_storm.storm_mapping(), encoding="utf-8")
    catalogue = show_catalogue()
    table = build_table(catalogue.effects, catalogue.deck_params)
    _, controls = load_mapping(tmp_path / "storm.toml", table)
    assert len(controls) == 8


def test_a_peers_line_holds_until_its_next_one():
    rows = peer_rows("10.0 4.0 120.0 1\n10.1 4.2 120.0 1\n10.2 4.4 60.0 1\n")
    assert row_at(rows, 9.9) is None
    assert row_at(rows, 10.0) == (10.0, 4.0, 120.0)
    assert row_at(rows, 10.15) == (10.1, 4.2, 120.0)
    assert row_at(rows, 10.3) is None  # nobody knows what it plays then


def test_the_page_of_numbers_has_rows_of_the_desk_and_of_link():
    page = {"pictures": 33.0, "picture_age_ms": {"p50": 60.0, "p99": 90.0}}
    found = {
        "not measured": "",
        bench_desk.ALL: frames(43.0, 0) | {"a page, a second": page},
        bench_desk.PAGES: frames(42.0, 0) | {"a page, a second": page},
        bench_desk.IDLE: frames(41.0, 0),
        bench_desk.BASELINE: frames(40.0, 0),
        bench_desk.AGAIN: frames(41.0, 0),
        "page": {"load_s": {"median": 0.43, "max": 0.8}, "kB": 193.3},
        "touch": {"frames": {"median": 2.0}},
    }
    rows = list(ROWS["desk"](found))
    assert [measured for _, measured, _ in rows] == [
        "43.0 ms, 0 of 700 frames missed", "60 ms", "42.0 ms, 0 of 700 frames missed", "60 ms", "0.43 s, 193 kB", "2 frames",
    ]  # fmt: skip
    assert list(ROWS["desk"](found | {"page": {"not measured": "no Chromium"}}))[-1][1] == "2 frames"
    assert list(ROWS["link"]({"not measured": "no link"})) == []
    told = {
        "seconds": 300.0,
        "beat_ms": {"median": 0.1, "p99": 0.2, "most": 0.3},
        "baseline: the first line, kept": {"most": 25.0},
    }
    assert next(iter(ROWS["link"](told)))[1] == "median 0.1 ms, p99 0.2 ms, at most 0.3 ms"

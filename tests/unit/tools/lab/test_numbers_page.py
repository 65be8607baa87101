"""The measured table of docs/numbers.md: it is that of a run that is kept, and what was not measured has no row."""

from __future__ import annotations

import json

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.tools.bench import _benchmarks
from phosphene.tools.lab import numbers_page

RING = {"records": 1000, "torn": 0, "baseline: torn copies without stamps": 7}
RUN = {"date": "2026-01-02", "commit": "abc1234", "machine": {"cores": 2, "processor": "AMD EPYC"}, "ring": RING}


def test_the_table_of_the_page_is_that_of_a_run_that_is_kept():
    text = numbers_page.PAGE.read_text("utf-8")
    shown = text.partition(numbers_page.BEGIN)[2].partition(numbers_page.END)[0]
    kept = [json.loads(path.read_text("utf-8")) for path in numbers_page.RESULTS.glob("*.json")]
    assert shown in [numbers_page.table(run) for run in kept if set(run) & set(numbers_page.ROWS)]


def test_every_row_is_of_a_benchmark():
    assert set(numbers_page.ROWS) <= set(_benchmarks(0.0, None))


def test_a_table_says_where_and_when_and_only_what_was_measured():
    stamp, _, head, _, *rows = numbers_page.table(RUN).splitlines()
    assert stamp == "2 cores, AMD EPYC; 2026-01-02; commit abc1234; `vj bench`."
    assert head == "| what | measured | baseline in the same run |"
    assert rows == ["| torn records, ring between two processes, 1,000 records | 0 | 7 in copies made without the stamps |"]


def test_a_run_without_a_number_of_the_page_is_refused():
    with pytest.raises(UserError, match="no benchmark of the page"):
        numbers_page.table({"date": "2026-01-02", "gpu": {}})


def test_the_rest_of_the_page_stays(tmp_path):
    page = tmp_path / "numbers.md"
    page.write_text(f"before\n{numbers_page.BEGIN}old\n{numbers_page.END}\nafter\n", "utf-8")
    numbers_page.write(RUN, page)
    assert page.read_text("utf-8") == f"before\n{numbers_page.BEGIN}{numbers_page.table(RUN)}{numbers_page.END}\nafter\n"
    page.write_text("no marks", "utf-8")
    with pytest.raises(UserError, match="no place"):
        numbers_page.write(RUN, page)
    assert page.read_text("utf-8") == "no marks"

"""The cache: measured, emptied, and kept within a size by what was used longest ago."""

from __future__ import annotations

import json
import os

import pytest

from phosphene.engine.cli.main import app
from phosphene.engine.core import cache, clock

DAY_S = 24 * 3600.0


def filled(folder, **ages: float):
    """Make entries of 1,000 bytes in two files, last used so many days ago."""
    now = clock.wall_clock().timestamp()
    for name, days in ages.items():
        (folder / name).mkdir(parents=True)
        for part in ("a", "b"):
            (folder / name / part).write_bytes(bytes(500))
        os.utime(folder / name, (now - days * DAY_S,) * 2)


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_was_used_longest_ago_goes_first(tmp_path):
    filled(tmp_path, new=0.1, week=7, month=30, year=365)
    cache.keep_within(tmp_path, 2500)
    assert names(tmp_path) == {"new", "week"}


def test_what_was_used_today_stays_however_large(tmp_path):
    filled(tmp_path, one=0.1, two=0.2, old=2)
    cache.keep_within(tmp_path, 100)
    assert names(tmp_path) == {"one", "two"}


def test_what_is_used_again_is_new_again(tmp_path):
    filled(tmp_path, one=3, two=2)
    cache.touch(tmp_path / "one")
    cache.keep_within(tmp_path, 1000)
    assert names(tmp_path) == {"one"}


def test_only_what_is_named_is_counted_and_links_are_not_followed(tmp_path):
    filled(tmp_path / "cache", demo=9, other=9)
    filled(tmp_path / "mine", precious=9)
    (tmp_path / "cache" / "demo-link").symlink_to(tmp_path / "mine" / "precious")
    cache.keep_within(tmp_path / "cache", 0, "demo*")
    assert "other" in names(tmp_path / "cache")
    assert "demo" not in names(tmp_path / "cache")
    assert names(tmp_path / "mine" / "precious") == {"a", "b"}


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    cache.keep_within(tmp_path / "nowhere", 0)
    cache.touch(tmp_path / "nowhere")
    assert cache.entries(tmp_path / "nowhere") == []


def vj(*arguments: str, capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        app(list(arguments), prog_name="vj")
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_command_shows_and_clears(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path))
    monkeypatch.setattr("phosphene.engine.cli.main.log_to_terminal", lambda level: None)
    filled(tmp_path, analysis=1, cuda=1)
    rows = json.loads(vj("cache", "--json", capsys=capsys))["entries"]
    assert rows == [{"name": "analysis", "bytes": 1000, "files": 2}, {"name": "cuda", "bytes": 1000, "files": 2}]
    assert "removed" in vj("cache", "cuda", "--clear", capsys=capsys)
    assert names(tmp_path) == {"analysis"}

"""A take's folder: names, event log, report, and a disk that refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from phosphene.engine.app.take import Take, write_json
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError


def lines(take: Take) -> list[dict]:
    return [json.loads(line) for line in (take.folder / "events.jsonl").read_text().splitlines()]


def test_events_and_report(tmp_path: Path) -> None:
    take = Take(tmp_path / "t")
    take.event("start", fps="24", nested={"a": (1, 2.5)}, path=Path("x"))
    for k in range(1000):
        take.event("change", frame=k, args=(0.5, "b"))
    take.end({"frames": 3})
    take.close()
    assert take.ended
    found = lines(take)
    assert found[0] == {"kind": "start", "fps": "24", "nested": {"a": [1, 2.5]}, "path": "x"}
    assert [e["frame"] for e in found[1:]] == list(range(1000))
    assert json.loads((take.folder / "report.json").read_text()) == {"frames": 3}
    assert take.dropped == 0


def test_folders_never_collide(tmp_path: Path) -> None:
    takes = [Take(tmp_path / "t") for _ in range(3)]
    for take in takes:
        take.close()
    assert [t.folder.name for t in takes] == ["t", "t-2", "t-3"]
    named = Take.named_by_time(tmp_path)
    named.close()
    assert named.folder.name[:2] == "20"


def test_not_a_number_is_dropped_and_counted(tmp_path: Path) -> None:
    take = Take(tmp_path / "t")
    take.event("change", value=float("nan"))
    take.event("change", value=1.0)
    take.close()
    assert take.dropped == 1
    assert lines(take) == [{"kind": "change", "value": 1.0}]


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write the take"):
        Take(tmp_path / "file" / "take")
    with pytest.raises(UserError, match="cannot write the report"):
        write_json(tmp_path / "file" / "report.json", {})


def test_a_full_disk_costs_the_take_its_log_and_is_said(small_disk: Path) -> None:
    take = Take(small_disk / "t")
    for k in range(30_000):
        take.event("change", frame=k, more="x" * 100)
        if k % 1000 == 0:
            clock.sleep(0.02)
    take.close()
    assert "disk full" in take.error
    assert "events.jsonl" in take.error
    take.event("change", frame=0)


def test_a_report_that_is_there_is_kept(tmp_path: Path) -> None:
    for n in range(3):
        assert write_json(tmp_path / "r.json", {"n": n, "path": os.fsdecode(b"caf\xe9")}) == tmp_path / "r.json"
    found = {path.name: json.loads(path.read_text("ascii"))["n"] for path in tmp_path.iterdir()}
    assert found == {"r.json": 2, "r-1.json": 0, "r-2.json": 1}


def test_records_go_to_files_of_their_own_in_order(tmp_path: Path) -> None:
    take = Take(tmp_path / "t")
    for k in range(500):
        take.record("frames.bin", k.to_bytes(4, "little"))
        take.event("change", frame=k)
        take.record("pictures.bin", b"x")
    take.close()
    data = (take.folder / "frames.bin").read_bytes()
    assert [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)] == list(range(500))
    assert (take.folder / "pictures.bin").read_bytes() == b"x" * 500
    assert len(lines(take)) == 500


def test_a_record_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    take = Take(tmp_path / "t")
    (take.folder / "frames.bin").mkdir()
    take.record("frames.bin", b"x")
    take.event("change", frame=1)
    take.end({"frames": 1})
    take.close()
    assert "cannot write the take" in take.error
    assert lines(take) == [{"kind": "change", "frame": 1}], "each file stands by itself"
    assert (take.folder / "report.json").exists()


def test_a_take_that_holds_nothing_is_removed_and_no_other(tmp_path: Path) -> None:
    empty, used = Take(tmp_path / "a"), Take(tmp_path / "b")
    used.event("change", frame=1)
    for take in (empty, used):
        take.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["b"]

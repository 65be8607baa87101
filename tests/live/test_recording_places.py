"""Where a show records to: any name, any disk, beside any other show; what cannot be is said, and costs the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.media import open_media
from tests.live.machine import went_on
from tests.live.show_process import ShowProcess, start_show

__all__ = ["start_show"]

pytestmark = pytest.mark.live

Start = Callable[..., ShowProcess]


def picture_s(path: Path) -> float:
    """Decode the whole file; return the seconds of picture in it."""
    with open_media(path) as file:
        return max((float(frame.pts * frame.time_base) for frame in file.decode(video=0)), default=0.0)


def live(*options: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a short show to its end."""
    command = [sys.executable, "-P", "-c", "from phosphene.engine.cli.main import main; main()", "live"]
    usual = [
        "--output",
        "headless",
        "--input",
        "demo",
        "--size",
        "160x90",
        "--fps",
        "24",
        "--osc-port",
        "0",
        "--seconds",
        "1.5",
    ]
    environment = os.environ | ({"PHOSPHENE_HOME": str(cwd)} if cwd else {})  # where takes go
    command += [*usual, *map(str, options)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, errors="replace")


@contextmanager
def disk(place: Path, *, full: bool = False) -> Iterator[Path]:
    """A small disk; unless full, one that can only be read."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        if not full:
            subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_two_shows_that_record_to_one_path_are_both_whole(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"an earlier one")
    shows = []
    try:
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            shows.append(ShowProcess(tmp_path / name, "--record", str(tmp_path / "out.mp4"), "--size", "160x90"))
            shows[-1].wait_for_picture()
        clock.sleep(3.0)
        reports = [show.end() for show in shows]
        logs = [show.log for show in shows]
    finally:
        for show in shows:
            show.kill()
    films = [Path(report["recorder"]["path"]) for report in reports]
    assert films == [tmp_path / "out.mp4", tmp_path / "out-1.mp4"]
    assert all(picture_s(film) > 2.5 for film in films)
    assert (tmp_path / "out-2.mp4").read_bytes() == b"an earlier one"
    assert f"another program is writing {films[0]}: this recording is {films[1]}" in reports[1]["messages"]
    assert [f"recorded {film}:" in log for film, log in zip(films, logs, strict=True)] == [True, True]
    assert sorted(path.name for path in tmp_path.glob("*.m*")) == ["out-1.mp4", "out-2.mp4", "out.mp4"]


@pytest.mark.parametrize(
    ("option", "name", "says"),
    [
        ("--record", "file/x.mp4", "cannot write the recording"),
        ("--record", "folder.mp4", "a folder has this name"),
        ("--record", "n" * 252 + ".mp4", "choose a shorter name"),
        ("--record", "read-only/x.mp4", "this disk is read-only"),
        ("--record", "heard.wav.mp4", "the same file as"),
        ("--report", "file/r.json", "cannot write the report"),
        ("--report", "folder.mp4", "a folder has this name"),
        ("--report", "mine.json", "no report of a show"),
        ("--report", "read-only/r.json", "cannot write the report"),
    ],
)
def test_a_place_that_cannot_be_is_one_line_before_the_show(tmp_path: Path, option: str, name: str, says: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine.json").write_text("[1]")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "heard.wav").write_bytes(b"RIFF")
    (tmp_path / "heard.wav.mp4").symlink_to("heard.wav")
    with disk(tmp_path / "read-only"):
        before = sorted(tmp_path.rglob("*"))
        done = live(option, tmp_path / name, "--input", f"file:{tmp_path}/heard.wav", cwd=tmp_path)
        assert sorted(tmp_path.rglob("*")) == before
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("vj: ")
    assert says in done.stderr


def test_without_a_place_for_takes_the_recording_is_made_all_the_same(tmp_path: Path) -> None:
    with disk(tmp_path / "read-only") as here:
        done = live("--record", tmp_path / "out.mp4", "--report", tmp_path / "r.json", cwd=here)
    assert done.returncode == 0, done.stderr
    assert picture_s(tmp_path / "out.mp4") > 1.0
    assert "recording without a take: cannot write the take" in done.stderr
    assert any("this disk is read-only" in line for line in json.loads((tmp_path / "r.json").read_text())["messages"])


def test_a_place_for_takes_that_was_asked_for_and_cannot_be_costs_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("mine")
    where = ("--record", tmp_path / "out.mp4", "--takes", tmp_path / "takes", "--report", tmp_path / "r.json")
    done = live(*where, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert picture_s(tmp_path / "out.mp4") > 1.0
    (line,) = json.loads((tmp_path / "r.json").read_text())["recorder"]["failures"]
    assert line.startswith("recording without a take: cannot write the take")
    assert (tmp_path / "takes").read_text() == "mine"


@pytest.mark.faults
def test_a_full_disk_of_takes_ends_the_take_and_not_the_recording(tmp_path: Path, start_show: Start) -> None:
    with disk(tmp_path / "small", full=True) as small:
        show = start_show("--record", str(tmp_path / "out.mp4"), "--takes", str(small / "takes"), "--size", "160x90")
        show.wait_for_picture()
        show.wait_for_line("the sound of the take is not whole: disk full")
        clock.sleep(2.0)
        report = show.end(code=1)  # --takes asked for the take as well
    went_on(report, "the disk of the take is full, that of the recording is not")
    assert any("the sound of the take is not whole" in line for line in report["recorder"]["failures"])
    assert not any("recording failed" in line for line in report["recorder"]["failures"])
    assert report["recorder"]["error"] == ""
    assert picture_s(tmp_path / "out.mp4") > report["frames"] / 24 - 1.0


@pytest.mark.faults
def test_a_take_that_cannot_be_made_goes_on_without_and_costs_the_exit_code(tmp_path: Path, start_show: Start) -> None:
    (tmp_path / "takes").write_text("mine")
    show = start_show("--size", "160x90")
    show.wait_for_picture()
    show.osc.send_message("/record", 1)
    show.wait_for_line("not recording: cannot write the take")
    report = show.end(code=1)
    went_on(report, "a take is asked for where none can be made")
    assert "a part of the path is a file" in report["recorder"]["failures"][0]
    assert report["recorder"]["failures"][0] in report["messages"]
    assert (tmp_path / "takes").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    [b"Live: at 12", b"http://x".replace(b"/", b"-"), b"100%d", b"-x", b"a\nb", b"caf\xe9", b"n" * 245],
    ids=["colon", "protocol", "percent", "dash", "newline", "no text", "long"],
)
def test_a_name_is_a_name(tmp_path: Path, name: bytes) -> None:
    path, report = tmp_path / os.fsdecode(name + b".mp4"), tmp_path / os.fsdecode(name[:200] + b".json")
    done = live(f"--record={path}", f"--report={report}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert picture_s(path) > 1.0
    assert Path(json.loads(report.read_text())["recorder"]["path"]) == path
    (take,) = (tmp_path / "takes").iterdir()
    start = json.loads((take / "events.jsonl").read_text().splitlines()[0])
    assert Path(start["recording"]) == path

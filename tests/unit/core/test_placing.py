"""Nothing that is there is ever replaced or lost, whoever writes, and whoever else does so at the same moment."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phosphene.engine.core import clock, placing
from phosphene.engine.core.child import child_environment
from phosphene.engine.core.placing import check_writable, claim, fresh_folder, put, set_aside

ROUNDS = int(os.environ.get("PHOSPHENE_ROUNDS", "20"))  # of two processes; a night's work is 5,000
WAYS = ("rename", "link", "placeholder")  # in which a system may refuse to replace


def go(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one of the ways, as on a system that has no better one."""
    if way != "rename":
        monkeypatch.setattr(placing, "_renamed", lambda *_: False)
    if way == "placeholder":
        monkeypatch.setattr(os, "link", no_links)


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "no links on this disk")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, and below it, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- one process ---


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("there", ["file", "empty", "folder", "full folder", "link", "dead link", "pipe"])
@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_put_moves_to_a_free_name_and_replaces_nothing(tmp_path, monkeypatch, way, there, what) -> None:
    go(way, monkeypatch)
    source, target = tmp_path / "source", tmp_path / "target"
    if what == "folder":
        source.mkdir()
        (source / "x").write_bytes(b"new")
    elif what == "link":
        (tmp_path / "pointed").write_bytes(b"new")
        source.symlink_to("pointed")
    else:
        source.write_bytes(b"new")
    put(source, tmp_path / "free")
    assert not os.path.lexists(source)
    assert (tmp_path / "free").is_symlink() == (what == "link")
    held = (tmp_path / "free" / "x" if what == "folder" else tmp_path / "free").read_bytes()
    assert held == b"new"
    match there:
        case "file" | "empty":
            target.write_bytes(b"" if there == "empty" else b"old")
        case "folder" | "full folder":
            target.mkdir()
            if there == "full folder":
                (target / "y").write_bytes(b"old")
        case "link":
            (tmp_path / "elsewhere").write_bytes(b"old")
            target.symlink_to("elsewhere")
        case "dead link":
            target.symlink_to("nowhere")
        case "pipe":
            os.mkfifo(target)
    before = os.lstat(target)
    with pytest.raises(FileExistsError):
        put(tmp_path / "free", target)
    assert os.path.samestat(os.lstat(target), before)
    assert os.path.lexists(tmp_path / "free")


def test_two_writers_of_one_name_get_two_and_an_earlier_film_gives_way_with_what_goes_with_it(tmp_path) -> None:
    first, second = (claim(tmp_path / "out.mp4", ".part.mkv") for _ in range(2))
    third = claim(tmp_path / "out.mp4", ".part.mov")
    for n, each in enumerate((first, second, third)):
        each.write(f"{n}".encode())
    for name in ("out.mp4", "out.mp4.framehash", "out.mp4.json"):
        (tmp_path / name).write_bytes(name.encode())
    assert [each.hand_over().name for each in (second, third, first)] == ["out-1.mp4", "out-2.mp4", "out.mp4"]
    assert contents(tmp_path) == {
        "out.mp4": b"0", "out-1.mp4": b"1", "out-2.mp4": b"2", "out-3.mp4": b"out.mp4",
        "out-3.mp4.framehash": b"out.mp4.framehash", "out-3.mp4.json": b"out.mp4.json",
    }  # fmt: skip


def test_what_a_dead_writer_left_is_kept_unless_it_holds_nothing(tmp_path) -> None:
    for left in (b"", b"torn", b"torn too"):
        (tmp_path / "out.mp4.part.mkv").write_bytes(left)
        working = claim(tmp_path / "out.mp4", ".part.mkv")
        assert working.target == tmp_path / "out.mp4"
        working.discard()
    assert contents(tmp_path) == {"out-1.mp4.part.mkv": b"torn", "out-2.mp4.part.mkv": b"torn too"}


def test_where_a_disk_has_no_locks_what_is_there_counts_as_in_use(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(placing, "_lock", lambda handle: None)
    first = claim(tmp_path / "out.mp4", ".part.mkv")
    second = claim(tmp_path / "out.mp4", ".part.mkv")
    assert [each.hand_over().name for each in (first, second)] == ["out.mp4", "out-1.mp4"]


def test_a_folder_is_never_renamed(tmp_path) -> None:
    working = claim(tmp_path / "out.mp4", ".part.mkv")
    working.write(b"film")
    (tmp_path / "out.mp4").mkdir()
    assert working.hand_over() == tmp_path / "out-1.mp4"
    with pytest.raises(IsADirectoryError):
        claim(tmp_path / "out.mp4", ".part.mkv")
    with pytest.raises(IsADirectoryError):
        check_writable(tmp_path / "out.mp4")


def test_what_a_person_called_like_a_working_file_is_no_leftover(tmp_path) -> None:
    (tmp_path / "out.mp4.part.mkv").mkdir()
    (tmp_path / "shots.part").mkdir()
    (tmp_path / "shots.part" / "notes.txt").write_bytes(b"mine")
    (tmp_path / "clips.part").write_bytes(b"mine")
    made = [
        claim(tmp_path / "out.mp4", ".part.mkv"),
        claim(tmp_path / "shots", ".part", folder=True, left=lambda path: False),
        claim(tmp_path / "clips", ".part", folder=True),
    ]
    assert [each.target.name for each in made] == ["out-1.mp4", "shots-1", "clips-1"]
    for each in made:
        each.discard()
    assert contents(tmp_path) == {"shots.part/notes.txt": b"mine", "clips.part": b"mine"}
    assert (tmp_path / "out.mp4.part.mkv").is_dir()


def test_a_working_file_that_was_taken_away_is_missed_and_no_other_is_handed_over(tmp_path) -> None:
    for then in (lambda path: path.unlink(), lambda path: path.rename(tmp_path / "mine")):
        working = claim(tmp_path / "out.mp4", ".part.mkv")
        working.write(b"film")
        then(working.path)
        working.path.write_bytes(b"somebody else's")
        with pytest.raises(FileNotFoundError):
            working.hand_over()
        working.discard()
        assert working.path.read_bytes() == b"somebody else's"
        working.path.unlink()
    assert (tmp_path / "mine").read_bytes() == b"film"


@pytest.mark.parametrize("name", ["n" * 249 + ".mp4", "é" * 122 + ".mp4", "n" * 245 + ".mp4"])
def test_a_name_that_the_disk_can_hold_can_be_claimed_set_aside_and_claimed_again(tmp_path, name) -> None:
    for n in range(3):
        working = claim(tmp_path / name, ".part.mkv")
        working.write(f"{n}".encode())
        assert working.hand_over() == tmp_path / name
    assert Counter(contents(tmp_path).values()) == Counter([b"0", b"1", b"2"])


@pytest.mark.parametrize(
    ("name", "number"), [("n" * 256, errno.ENAMETOOLONG), ("file/x", errno.ENOTDIR), ("file/a/b/x", errno.ENOTDIR)]
)
def test_what_cannot_be_written_is_known_at_once(tmp_path, name, number) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    for ask in (lambda: claim(tmp_path / name, ".part.mkv"), lambda: check_writable(tmp_path / name)):
        with pytest.raises(OSError) as caught:
            ask()
        assert caught.value.errno == number
    assert contents(tmp_path) == {"file": b"mine"}


def test_fresh_folders_never_collide(tmp_path) -> None:
    assert [fresh_folder(tmp_path / "a" / "t").name for _ in range(3)] == ["t", "t-2", "t-3"]
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere" / "at all")
    with pytest.raises(OSError):
        fresh_folder(tmp_path / "dead" / "t")


def test_what_is_gone_cannot_be_set_aside(tmp_path) -> None:
    assert set_aside(tmp_path / "x") is None


# --- two processes ---

CHILD = """
import json, os, sys
from pathlib import Path
from phosphene.engine.core import clock, placing
import logging
logging.disable()

links, renamed = os.link, placing._renamed
def no_links(*a, **k):
    raise OSError(1, "no links on this disk")

for line in sys.stdin:
    task = json.loads(line)
    placing._renamed = renamed if task["way"] == "rename" else lambda *_: False
    os.link = no_links if task["way"] == "placeholder" else links
    told = []
    clock.sleep_until(task["t"])
    for name, ending, data, end in task["films"]:
        folder = ending == ".part"
        clock.sleep(task["pause"])
        working = placing.claim(Path(task["folder"]) / name, ending, folder=folder)
        if folder:
            (working.path / "0.png").write_bytes(data.encode())
        else:
            working.write(data.encode())
        clock.sleep(task["pause"])
        if end == "hold":
            print("held", flush=True)
            clock.sleep_until(float(sys.stdin.readline()))
        if end in ("hand over", "hold"):
            path = working.hand_over(lambda p: p.is_dir() == folder)
            told.append([str(path / "0.png" if folder else path), data])
        else:
            told.append(["", data])
            working.close()
    print(json.dumps(told), flush=True)
"""

film = st.tuples(
    st.sampled_from(["out.mp4", "out.mp4", "out-1.mp4", "shots"]),
    st.sampled_from([".part.mkv", ".part.mkv", ".part.mov"]),
    st.sampled_from(["hand over", "hand over", "hand over", "leave"]),
)
plan = st.fixed_dictionaries(
    {
        "way": st.sampled_from(WAYS[:2]),  # a placeholder is as good only between writers that can lock
        "pause": st.sampled_from([0.0, 0.0, 1e-4, 1e-3]),
        "films": st.lists(film, min_size=1, max_size=4),
    }
)
THERE = ("out.mp4", "out.mp4.json", "out-1.mp4", "out.mp4.part.mkv", "out-1.mp4.part.mkv", "shots/0.png", "shots.part/0.png")


class Racer:
    """A process that claims and hands over what it is told to, at the moment it is told to."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=child_environment(),
        )

    def begin(self, task: dict[str, Any]) -> None:
        self.say(json.dumps(task))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def told(self) -> list[tuple[str, str]]:
        assert self.process.stdout is not None
        return [(path, data) for path, data in json.loads(self.process.stdout.readline())]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def racers() -> Iterator[tuple[Racer, Racer]]:
    two = Racer(), Racer()
    yield two
    for each in two:
        each.close()


@settings(max_examples=ROUNDS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans=st.tuples(plan, plan), there=st.sets(st.sampled_from(THERE)))
def test_two_processes_lose_nothing_of_each_other_or_of_what_was_there(racers, plans, there) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in there:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(f"there: {path}".encode())
        begin = clock.now() + 0.005
        for n, (racer, task) in enumerate(zip(racers, plans, strict=True)):
            films = [
                (name, ".part" if name == "shots" else ending, f"{n}-{k}", end)
                for k, (name, ending, end) in enumerate(task["films"])
            ]
            racer.begin(task | {"films": films, "folder": str(folder), "t": begin})
        told = [each for racer in racers for each in racer.told()]
        found = Counter(contents(folder).values())
        wanted = Counter([data.encode() for _, data in told] + [f"there: {path}".encode() for path in there])
        assert found == wanted
        # A name that was told may since have been taken by the next film of that name; two of the newest never share one.
        handed = {path for path, _ in told if path}
        assert all(Path(path).is_file() for path in handed)


def test_two_processes_that_write_one_name_at_a_time_tell_the_truth_about_it(racers, tmp_path) -> None:
    """What each of them tells is where its film lies in the end, whoever is first."""
    for k in range(ROUNDS):
        folder = tmp_path / f"{k}"
        folder.mkdir()
        for n, racer in enumerate(racers):
            films = [("out.mp4", ".part.mkv", f"{n}", "hold")]
            racer.begin({"way": WAYS[k % 2], "pause": 0.0, "films": films, "folder": str(folder), "t": clock.now() + 0.002})
        assert [racer.process.stdout.readline() for racer in racers] == ["held\n"] * 2
        if k % 3:
            (folder / "out.mp4").write_text("earlier")
        t = clock.now() + 0.002
        for racer in racers:
            racer.say(str(t))
        told = [each for racer in racers for each in racer.told()]
        assert len({path for path, _ in told}) == 2
        assert all(Path(path).read_text() == data for path, data in told)
        assert len(contents(folder)) == (3 if k % 3 else 2)


def test_a_writer_that_is_killed_loses_its_claim_and_nothing_else(racers, tmp_path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "out.mp4")], stdout=subprocess.PIPE, env=child_environment()
    )
    assert child.stdout is not None
    child.stdout.readline()
    alive = claim(tmp_path / "out.mp4", ".part.mkv")
    assert alive.target == tmp_path / "out-1.mp4"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    after = claim(tmp_path / "out.mp4", ".part.mkv")
    assert after.target == tmp_path / "out.mp4"
    assert b"half a film" in contents(tmp_path).values()
    for each in (alive, after):
        each.discard()


KILLED = """
import sys, time
from pathlib import Path
from phosphene.engine.core.placing import claim
working = claim(Path(sys.argv[1]), ".part.mkv")
working.write(b"half a film")
print("written", flush=True)
time.sleep(60)
"""

"""Files that another program has open, as Windows refuses them: waited for where they are ours, said where they are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from phosphene.engine.core import placing
from phosphene.engine.core.files import reason
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim


def sharing_violation(path: object) -> PermissionError:
    error = PermissionError(13, "The process cannot access the file because it is being used by another process", str(path))
    error.winerror = 32
    return error


@pytest.fixture(name="windows")
def _windows(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], bool]], list[Path]]:
    """Renames as Windows does: never onto what is there, and not while `held` says so. Returns what was tried."""
    rename = os.rename

    def make(held: Callable[[Path], bool]) -> list[Path]:
        tried: list[Path] = []

        def stand_in(source: Path, target: Path) -> None:
            tried.append(Path(source))
            if held(Path(source)):
                raise sharing_violation(source)
            if os.path.lexists(target):
                raise FileExistsError(17, "it is there", str(target))
            rename(source, target)

        monkeypatch.setattr(placing, "_ON_WINDOWS", True)
        monkeypatch.setattr(placing.os, "rename", stand_in)
        monkeypatch.setattr(placing.clock, "sleep", lambda seconds: None)
        return tried

    return make


def written(path: Path, data: bytes = b"film") -> placing.Working:
    working = claim(path, ".part.mkv")
    working.write(data)
    return working


def test_a_scanner_that_looks_into_the_new_file_is_waited_for(tmp_path: Path, windows) -> None:
    left = [True, True, True]
    working = written(tmp_path / "out.mp4")
    tried = windows(lambda source: bool(left) and left.pop())
    assert working.hand_over() == tmp_path / "out.mp4"
    assert len(tried) == 4
    assert (tmp_path / "out.mp4").read_bytes() == b"film"


def test_one_that_never_lets_go_is_given_up_and_the_file_stays(tmp_path: Path, windows, monkeypatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr(placing.clock, "now", lambda: 0.1 * next(times))
    working = written(tmp_path / "out.mp4")
    windows(lambda source: True)
    with pytest.raises(PermissionError) as caught:
        working.hand_over()
    assert reason(caught.value) == "another program has it open"
    assert (tmp_path / "out.mp4.part.mkv").read_bytes() == b"film"


def test_what_a_player_shows_keeps_its_name_and_the_new_film_gets_a_number_at_once(tmp_path: Path, windows) -> None:
    old = tmp_path / "out.mp4"
    old.write_bytes(b"old")
    working = written(old)
    tried = windows(lambda source: source == old)
    assert working.hand_over() == tmp_path / "out-1.mp4"
    assert old.read_bytes() == b"old"
    assert (tmp_path / "out-1.mp4").read_bytes() == b"film"
    assert tried.count(old) == 1, "the player is not waited for"


def test_the_line_says_who_is_in_the_way_and_what_to_do() -> None:
    line = refused("cannot write the recording", Path("out.mp4"), sharing_violation("out.mp4")).line()
    assert "another program has it open; close it there, or choose another name" in line
    denied = refused("cannot write the recording", Path("out.mp4"), PermissionError(13, "Permission denied")).line()
    assert "no permission; choose a folder that can be written" in denied

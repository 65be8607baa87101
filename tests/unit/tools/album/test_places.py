"""An album is rendered into its own folder, by whatever links it came with, and its workers open no pipe and no link."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE
from phosphene.tools.album.commands import Options, _checked, album
from phosphene.tools.album.local import worker_command, worker_environment
from phosphene.tools.album.schema import Faults

_LEADS_OUT = "the path leads out of the album's folder"


@pytest.fixture
def tracks(folder: Path) -> Path:
    """The folder of the tracks of an album that was rendered before."""
    found = folder / "renders" / "album" / "tracks"
    for name in ("one", "two"):
        (found / name).mkdir(parents=True)
    return found


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


def link(place: Path, to: Path) -> None:
    """Put a link in the place of a folder, which moves to where it leads."""
    if place.is_dir():
        place.rename(to / place.name)
        to = to / place.name
    place.symlink_to(to)


@pytest.mark.parametrize("name", ["one", "one/previews", "one/show", "two", "../../album", ".."])
def test_a_folder_that_leads_out_is_refused_unless_it_is_allowed(tracks, folder, outside, name) -> None:
    place = Path(os.path.normpath(tracks / name))
    link(place, outside)
    with pytest.raises(Faults) as found:
        _checked(folder / "album.toml", Options())
    (fault,) = found.value.faults
    assert fault.what == _LEADS_OUT
    assert "--allow-outside" in fault.remedy
    assert fault.where == str(place) or name.startswith("..")
    _checked(folder / "album.toml", Options(outside=True))


def test_links_inside_the_folder_are_followed(tracks: Path, folder: Path) -> None:
    (tracks / "one").rename(folder / "kept")
    (tracks / "one").symlink_to(folder / "kept")
    (folder / "kept" / "show").symlink_to(folder / "nothing yet")
    _checked(folder / "album.toml", Options())


def test_links_that_lead_nowhere_or_in_a_circle_are_refused(tracks: Path, folder: Path, outside: Path) -> None:
    (tracks / "one" / "previews").symlink_to(outside / "none")
    (tracks / "two" / "show").symlink_to(tracks / "two" / "show")
    with pytest.raises(Faults) as found:
        _checked(folder / "album.toml", Options())
    assert len(found.value.faults) == 1 + (sys.version_info < (3, 13)), "later ones say nothing of a circle"


def test_the_place_of_the_command_line_holds_its_own_album(folder: Path, outside: Path) -> None:
    _checked(folder / "album.toml", Options(output_root=outside))
    (outside / "album").symlink_to(folder)
    with pytest.raises(Faults, match=_LEADS_OUT):
        _checked(folder / "album.toml", Options(output_root=outside))


def work(folder: Path) -> tuple[int, dict]:
    """Run a worker in a folder without a job; return its exit code and what it says."""
    with subprocess.Popen(
        worker_command(folder, ()), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=worker_environment(1), text=True
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        return process.wait(), said


def test_a_log_that_is_no_plain_file_of_its_own_is_set_aside_unopened(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    places = [tmp_path / name for name in ("pipe", "link", "hard", "folder", "plain")]
    for place in places:
        place.mkdir()
    os.mkfifo(tmp_path / "pipe" / "log.txt")
    (tmp_path / "link" / "log.txt").symlink_to(outside)
    os.link(outside, tmp_path / "hard" / "log.txt")
    (tmp_path / "folder" / "log.txt").mkdir()
    (tmp_path / "plain" / "log.txt").write_text("before\n")
    for place in places:
        code, said = work(place)
        assert code == 1
        assert said["error"].startswith("no such file")
        assert (place / "log.txt").is_file()
        assert (place / "log-1.txt").exists() == (place.name != "plain")
    assert outside.read_text() == "mine"
    assert (tmp_path / "plain" / "log.txt").read_text().startswith("before\n")


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    code, said = work(tmp_path / "nowhere")
    assert code == 1
    assert "log.txt" in said["error"]


def test_whatever_holds_a_worker_up_it_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    program = "import time, phosphene.tools.album.worker as w; w._open_log = lambda path: time.sleep(600); w.main()"
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, cwd=PACKAGE, check=False, timeout=300)
    assert done.returncode == 3


def test_verifying_a_record_without_frames_is_no_traceback(folder: Path, tracks: Path, monkeypatch) -> None:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(folder / "cache"))
    said: list[str] = []
    kept = {"format": 1, "depends": {}, "video": "film.mp4", "video_sha256": "", "digest": "", "volatile": {}}
    (tracks / "one" / "track.json").write_text(json.dumps(kept))
    assert album(folder / "album.toml", Options(verify=True), said.append) == 1
    assert said == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such album"),
        ("version = 1\n[[track]]\nid = 'one'\nsource = 'one.wav'\n[album]\nwobble = 2\n", "wobble"),
        ("[" * 5000, ""),
    ],
)
def test_what_is_wrong_with_an_album_is_one_line_and_code_2(folder: Path, text: str | None, said: str) -> None:
    (folder / "album.toml").unlink()
    if text is not None:
        (folder / "album.toml").write_text(text)
    command = [sys.executable, "tools/render_album.py", str(folder / "album.toml")]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_fault_of_the_program_is_told_as_one(folder: Path) -> None:
    program = (
        "import phosphene.tools.render_album as r, sys\n"
        "def fail(*_): raise ZeroDivisionError('of ours')\n"
        f"r.album = fail; sys.argv[1:] = [{str(folder / 'album.toml')!r}]; r.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 70
    assert "a fault of the program itself" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_one_line_with_its_remedy(folder: Path) -> None:
    program = (
        "import errno, phosphene.tools.render_album as r, sys\n"
        "def fail(*_): raise OSError(errno.ENOSPC, 'No space left on device', 'x')\n"
        f"r.album = fail; sys.argv[1:] = [{str(folder / 'album.toml')!r}]; r.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 2
    assert done.stderr == "render_album: disk full (x); make room, then --resume\n"


def test_options_of_an_album_are_said_in_words(folder: Path) -> None:
    with pytest.raises((UserError, Faults)):
        album(folder / "none.toml", Options(), lambda text: None)

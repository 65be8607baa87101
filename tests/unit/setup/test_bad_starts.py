"""What goes wrong while it installs: one sentence with its remedy, and the next start mends what was left."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins are shell scripts")


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@pytest.fixture(name="pip")
def _pip(install, monkeypatch) -> Callable[[str], None]:
    """Make an environment in which pip does what a shell script says; a new one has a pip that installs `vj`."""
    monkeypatch.setattr(install.shutil, "which", lambda name: None if name == "uv" else shutil.which(name))
    monkeypatch.setattr(install.doctor, "ask", lambda command, timeout=10.0: (True, ""))
    monkeypatch.setattr(install, "start", lambda level, arguments: 0)
    tools = install.VENV / "bin"

    def make(text: str) -> None:
        program(tools / "python", f'cd "{install.VENV}"\ncase "$*" in *pip*) {text} ;; esac\n')

    fresh = install.VENV.parent / "fresh"
    program(fresh, f'cd "{install.VENV}"\ncase "$*" in *pip*) mkdir -p lib && : >lib/whole && : >bin/vj ;; esac\n')
    made = f'mkdir -p "{tools}" && cp "{fresh}" "{tools}/python"'
    monkeypatch.setattr(install, "venv_command", lambda *given: ["sh", "-c", made])
    return make


@pytest.mark.parametrize("way", ["kill -9 $$", "kill -15 $$"])
def test_half_an_installation_is_made_anew_by_the_next_start(install, pip, way, capsys) -> None:
    pip(f"mkdir -p lib && : >lib/half && : >bin/vj && {way}")
    assert install.main(["run"]) == 2
    assert "phosphene: the packages could not be installed\n  then run this again" in capsys.readouterr().err
    assert (install.VENV / "lib/half").exists()
    assert install.main(["run"]) == 0
    assert not (install.VENV / "lib/half").exists(), "pip would have taken it for whole"
    assert (install.VENV / "lib/whole").exists()
    assert install.ready("live")


def test_an_installer_that_was_killed_itself_leaves_the_same(install, pip, monkeypatch) -> None:
    pip("mkdir -p lib && : >lib/half && : >bin/vj")
    monkeypatch.setattr(install, "state", lambda: (_ for _ in ()).throw(SystemExit(9)))  # between pip's end and the stamp
    with pytest.raises(SystemExit):
        install.main(["run"])
    monkeypatch.undo()
    assert not install.ready("live")
    assert install.UNFINISHED.exists()


def test_what_is_half_is_never_started_by_an_older_stamp(install, pip, monkeypatch) -> None:
    pip(": >bin/vj")
    assert install.main(["run"]) == 0
    assert install.ready("live")
    install.UNFINISHED.write_bytes(b"")
    assert not install.ready("live")


def test_without_a_network_what_was_there_stays(install, pip, capsys) -> None:
    pip("mkdir -p lib && : >lib/kept && echo 'Temporary failure in name resolution' >&2 && exit 1")
    assert install.main(["run"]) == 2
    assert "check the network (and a proxy, if there is one), then run this again" in capsys.readouterr().err
    assert not install.UNFINISHED.exists()
    assert install.main(["run"]) == 2
    assert (install.VENV / "lib/kept").exists()


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "free some space"),
        ("ERROR: [WinError 112] There is not enough space on the disk", "free some space"),
        ("error: failed to write: No space left on device (os error 28)", "free some space"),
        ("ERROR: [WinError 32] The process cannot access the file", "close every Phosphene that runs from here"),
        ("ERROR: [WinError 5] Access is denied: C:\\\\x\\\\vj.exe", "close every Phosphene that runs from here"),
        ("error: Microsoft Visual C++ 14.0 or greater is required.", "install Python 3.12"),
        (
            "error: command /usr/bin/gcc failed: No such file or directory\nERROR: Failed building wheel for aubio",
            "install Python 3.12",
        ),
        ("ERROR: No matching distribution found for onnxruntime==1.32.0", "install Python 3.12"),
        ("  x Failed to build `aubio-ledfx==0.4.12`", "install Python 3.12"),
        ("  x Failed to fetch: dns error: failed to lookup address", "check the network"),
    ],
)
def test_what_pip_and_uv_say_becomes_a_remedy(install, pip, capsys, said: str, remedy: str) -> None:
    (install.VENV.parent / "said").write_text(said)
    pip('cat "../said" >&2; exit 1')
    assert install.main(["run"]) == 2
    assert capsys.readouterr().err.rstrip().splitlines()[-1].strip().startswith(remedy) or remedy in install.remedy_of(
        [said]
    )
    assert install.UNFINISHED.exists() == (remedy == "free some space"), "a full disk may have left half of a package"


def test_a_fault_that_nobody_knows_shows_the_log_and_no_guess(install, pip, capsys) -> None:
    pip("echo 'ERROR: the moon is full' >&2; exit 1")
    assert install.main(["run"]) == 2
    said = capsys.readouterr().err
    assert "the moon is full" in said
    assert said.endswith("phosphene: the packages could not be installed\n  then run this again\n")


@pytest.mark.parametrize("broken", ["dangling", "not a program", "of another version", "a file"])
def test_an_environment_whose_python_is_gone_is_made_again(install, pip, monkeypatch, broken: str, capsys) -> None:
    pip("exit 1")
    python = install.VENV / "bin/python"
    (install.VENV / "lib").mkdir()
    (install.VENV / "lib/old").write_text("")
    python.unlink()
    if broken == "dangling":
        python.symlink_to(install.VENV / "where/python/was")
    elif broken == "not a program":
        python.write_bytes(b"\0")
        python.chmod(0o755)
    elif broken == "of another version":
        program(python, "exit 1\n")
    monkeypatch.undo()
    monkeypatch.setattr(install.doctor, "PIECES", ())
    monkeypatch.setattr(install, "start", lambda level, arguments: 0)
    fresh = install.VENV.parent / "fresh"
    monkeypatch.setattr(install, "install_command", lambda *given: [str(fresh), "pip"])
    made = f'mkdir -p "{python.parent}" && cp "{fresh}" "{python}"'
    monkeypatch.setattr(install, "venv_command", lambda *given: ["sh", "-c", made])
    assert install.main(["run"]) == 0, capsys.readouterr().err
    assert not (install.VENV / "lib/old").exists()
    assert (install.VENV / "lib/whole").exists()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space, then run this again"),
        (errno.EACCES, "see that you may write there, then run this again"),
        (errno.EROFS, "see that you may write there, then run this again"),
    ],
)
def test_a_disk_that_refuses_in_the_middle_is_one_sentence(install, pip, monkeypatch, number, remedy, capsys) -> None:
    pip(": >bin/vj")
    write = Path.write_text

    def refuse(self: Path, *given, **more):
        if self.name.startswith("ready-"):
            raise OSError(number, os.strerror(number), str(self))
        return write(self, *given, **more)

    monkeypatch.setattr(Path, "write_text", refuse)
    assert install.main(["run"]) == 2
    *_, what, told = capsys.readouterr().err.splitlines()
    assert what == f"phosphene: cannot go on ({install.VENV / 'ready-live'}): {os.strerror(number)}"
    assert told.strip() == remedy
    monkeypatch.setattr(Path, "write_text", write)
    assert install.main(["run"]) == 0
    assert install.ready("live")


def test_a_file_that_windows_holds_is_one_sentence(install, pip, monkeypatch, capsys) -> None:
    pip("kill -9 $$")
    assert install.main(["run"]) == 2

    def held(place: Path) -> None:
        raise PermissionError(13, "[WinError 32] being used by another process", str(place))

    monkeypatch.setattr(install, "remove", held)
    assert install.main(["run"]) == 2
    assert "close every Phosphene that runs from here, then run this again" in capsys.readouterr().err


def test_two_versions_side_by_side_do_not_take_each_other_for_themselves(install, pip, tmp_path) -> None:
    pip(": >bin/vj")
    assert install.main(["run"]) == 0
    copy = tmp_path / "the next version"
    shutil.copytree(install.ROOT, copy, symlinks=True)
    code = "import sys; sys.path.insert(0, 'setup'); import install; print(install.VENV, install.ready('live'))"
    for place, ready in ((install.ROOT, True), (copy, False)):
        done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=True)
        assert done.stdout == f"{place / '.venv'} {ready}\n"


@pytest.mark.parametrize(
    ("prefix", "store"),
    [
        (r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.12_3.12.2544.0_x64__qbz5n2kfra8p0", True),
        (r"C:\Users\me\AppData\Local\Programs\Python\Python312", False),
        (r"C:\Users\me\AppData\Local\Python\pythoncore-3.14-64", False),
        ("/usr", False),
    ],
)
def test_a_python_of_the_microsoft_store_is_passed_over(install, monkeypatch, prefix: str, store: bool, capsys) -> None:
    monkeypatch.setattr(install.doctor.sys, "base_prefix", prefix)
    assert install.doctor.main(["--interpreter"]) == (install.doctor.OF_STORE if store else 0)
    assert (install.doctor.python_row().state == "missing") == store
    if store:
        assert install.main(["run"]) == 2
        said = capsys.readouterr().err
        assert "Microsoft Store" in said
        assert "winget install Python.Python.3.12" in said
        assert not install.VENV.exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_one_sentence(install, capsys) -> None:
    install.ROOT.chmod(0o555)
    try:
        assert install.main(["run"]) == 2
    finally:
        install.ROOT.chmod(0o755)
    assert "nothing can be written in" in capsys.readouterr().err

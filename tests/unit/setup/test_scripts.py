"""The shell scripts, run for real in a copy of `setup/` whose path holds a space: what they start, refuse and remember.

Nothing is installed: the copy gets a made-up `.venv`, so that only the decisions of the shell are at work.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(sys.platform == "win32" or shutil.which("sh") is None, reason="needs a POSIX shell")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with the scripts, a `.venv` with this Python, and a `vj` that says how it was called."""
    checkout = tmp_path / "a checkout"
    shutil.copytree(ROOT / "setup", checkout / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    tools = checkout / ".venv/bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "vj").write_text('#!/bin/sh\nprintf "%s|" "$PWD" "$@"\n')
    (tools / "vj").chmod(0o755)
    return checkout


def shell(script: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", script, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def stamp(checkout: Path, level: str) -> None:
    """Mark `checkout` as installed, by the installer's own reckoning."""
    reckon = "import sys; sys.path.insert(0, 'setup'); import install; print(install.state(), end='')"
    done = subprocess.run([sys.executable, "-c", reckon], cwd=checkout, capture_output=True, text=True, check=True)
    (checkout / f".venv/ready-{level}").write_text(done.stdout)


@pytest.mark.parametrize("level", ["train", "tests"])
def test_the_trainer_starts_with_its_words_as_they_are(copy, tmp_path, level):
    stamp(copy, level)
    done = shell(str(copy / "setup/train.sh"), "--prompt", "pink and $blue", "--output", "x", cwd=tmp_path)
    assert done.stdout == f"{tmp_path}|train|--prompt|pink and $blue|--output|x|"


@pytest.mark.parametrize("level", ["live", "train", "tests"])
def test_an_installed_checkout_starts_at_once_where_the_user_stands(copy, tmp_path, level):
    stamp(copy, level)
    done = shell(str(copy / "setup/run.sh"), "--record", "my show.mp4", "--seed=$HOME", cwd=tmp_path)
    assert done.stdout == f"{tmp_path}|live|--record|my show.mp4|--seed=$HOME|"
    assert done.stderr == ""


def test_it_may_be_called_from_inside_setup(copy):
    stamp(copy, "live")
    assert shell("run.sh", cwd=copy / "setup").stdout == f"{copy / 'setup'}|live|"


@pytest.mark.parametrize("name", ["pyproject.toml", "setup/constraints.txt", "setup/doctor.py", "setup/install.py"])
def test_a_changed_requirement_makes_the_installation_out_of_date(copy, name):
    stamp(copy, "live")
    with (copy / name).open("a") as file:
        file.write("\n# changed\n")
    done = shell("setup/run.sh", cwd=copy, PHOSPHENE_PYTHON="phosphene-no-such-python", PATH=bare_path(copy))
    assert done.returncode == 2
    assert done.stdout == ""


def bare_path(checkout: Path) -> str:
    """Return a PATH with the few commands that the scripts use, and neither Python nor apt-get nor sudo."""
    folder = checkout / "bare"
    folder.mkdir(exist_ok=True)
    for name in ("sh", "dirname", "cat", "cksum", "mkdir", "rm", "tail", "sed", "id", "date", "df", "awk", "grep", "env"):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def test_without_python_it_says_what_to_install(copy):
    done = shell("setup/run.sh", cwd=copy, PATH=bare_path(copy))
    assert done.returncode == 2
    assert "no Python 3.11 or newer found" in done.stderr
    assert "sudo apt-get install python3 python3-venv" in done.stderr
    assert "PHOSPHENE_PYTHON" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(copy):
    folder = Path(bare_path(copy))
    for name in ("python3", "python3.12"):
        (folder / name).write_text("#!/bin/sh\nexit 4\n")
        (folder / name).chmod(0o755)
    done = shell("setup/run.sh", cwd=copy, PATH=str(folder))
    assert "no Python 3.11 or newer found" in done.stderr


def test_a_python_without_venv_gets_its_own_remedy(copy):
    folder = Path(bare_path(copy))
    (folder / "python3").write_text("#!/bin/sh\nexit 3\n")
    (folder / "python3").chmod(0o755)
    done = shell("setup/run.sh", cwd=copy, PATH=str(folder))
    assert done.returncode == 2
    assert "sudo apt-get install python3-venv" in done.stderr


def test_where_there_is_only_uv_its_python_installs(copy):
    """A Python of uv stands in for the one that the system lacks."""
    folder = Path(bare_path(copy))
    (folder / "uv").write_text(f'#!/bin/sh\ncase "$*" in "python find"*) echo {sys.executable} ;; *) exit 1 ;; esac\n')
    (folder / "uv").chmod(0o755)
    stamp(copy, "live")
    done = shell("setup/run.sh", "--seconds", "1", cwd=copy, PATH=str(folder))
    assert done.stdout == f"{copy}|live|--seconds|1|", done.stderr


def test_pycuda_is_not_built_where_there_is_no_toolkit(copy):
    done = shell("setup/build_pycuda.sh", cwd=copy, CUDA_ROOT="/nowhere")
    assert done.returncode == 2
    assert "no nvcc found" in done.stderr
    assert "CUDA_ROOT=" in done.stderr


@pytest.mark.parametrize("script", ["run.sh", "run.command", "train.sh", "test.sh", "common.sh", "build_pycuda.sh"])
def test_a_script_parses(script):
    assert subprocess.run(["sh", "-n", f"setup/{script}"], cwd=ROOT, check=False).returncode == 0

"""The installer: what it would do on each system, what it does here, and one sentence for each thing that goes wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def without_uv(install, monkeypatch):
    monkeypatch.setattr(install.shutil, "which", lambda name: None if name == "uv" else shutil.which(name))


def stub(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@pytest.mark.parametrize("on", ["windows", "macos", "linux"])
@pytest.mark.parametrize("uv", [True, False])
def test_a_plan_prints_every_step(install, on, uv):
    text = "\n".join(install.plan(on, uv=uv))
    python = {"windows": r"C:\phosphene\.venv\Scripts\python.exe"}.get(on, "/home/me/phosphene/.venv/bin/python")
    assert ("uv venv" in text) == uv
    assert f"uv pip install --python {python}" in text if uv else f"{python} -m pip install" in text
    assert ("apt-get" in text) == (on == "linux")
    assert text.rstrip().endswith("vj.exe live" if on == "windows" else "vj live")


def test_a_plan_is_printed_by_the_command_and_nothing_is_done(tmp_path):
    for on in ("windows", "macos", "linux"):
        command = [sys.executable, str(ROOT / "setup/install.py"), "--plan", on]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0
        assert "uv pip install" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_commands_of_the_plan_are_those_that_are_run(install, monkeypatch):
    ran = []
    without_uv(install, monkeypatch)
    monkeypatch.setattr(install, "step", lambda title, *commands: ran.extend(commands) or True)
    monkeypatch.setattr(install, "state", lambda: "stamp")
    install.prepare("live")
    base = getattr(sys, "_base_executable", "") or sys.executable
    assert ran == [
        install.venv_command("", base, install.VENV),
        install.install_command("", install.VENV, "nets,midi,zeroconf", "linux"),
    ]
    assert (install.VENV / "ready-live").read_text() == "stamp"


@pytest.mark.skipif(sys.platform == "win32", reason="stand-ins are shell scripts")
class TestHere:
    @pytest.fixture
    def python(self, install, monkeypatch) -> Path:
        """A sound environment whose pip does what a test says."""
        without_uv(install, monkeypatch)
        monkeypatch.setattr(install.doctor, "ask", lambda command, timeout=10.0: (True, ""))
        return install.VENV / "bin/python"

    def test_a_failure_shows_the_log_and_is_not_remembered(self, install, python, capsys):
        stub(python, 'case "$*" in *pip*) echo "ERROR: no space left on device" >&2; exit 1 ;; esac\n')
        assert install.main(["run"]) == 2
        said = capsys.readouterr().err
        assert said.count("no space left on device") == 1
        assert "phosphene: the packages could not be installed" in said
        assert not (install.VENV / "ready-live").exists()

    def test_a_failure_of_the_network_is_tried_once_more(self, install, python, monkeypatch):
        stub(python, 'case "$*" in *pip*) [ -e tried ] || { : >tried; echo "Read timed out." >&2; exit 1; } ;; esac\n')
        monkeypatch.setattr(install, "start", lambda level, arguments: 0)
        assert install.main(["run"]) == 0
        assert (install.VENV / "ready-live").exists()

    def test_without_a_network_that_is_what_is_said(self, install, python, capsys):
        stub(python, 'case "$*" in *pip*) echo "Temporary failure in name resolution" >&2; exit 1 ;; esac\n')
        assert install.main(["run"]) == 2
        assert "check the network" in capsys.readouterr().err

    def test_a_broken_environment_is_made_again(self, install, monkeypatch):
        without_uv(install, monkeypatch)
        stub(install.VENV / "bin/python", "exit 1\n")
        (install.VENV / "lib").mkdir()
        (install.VENV / "lib/old").write_text("")
        monkeypatch.setattr(install, "install_command", lambda *given: ["true"])
        install.prepare("live")
        assert not (install.VENV / "lib/old").exists()
        code = "import sys; print(sys.prefix)"
        made = subprocess.run(
            [str(install.VENV / "bin/python"), "-I", "-c", code], capture_output=True, text=True, check=True
        )
        assert made.stdout.strip() == str(install.VENV)

    def test_a_place_that_cannot_be_written_is_one_sentence(self, install, monkeypatch, capsys):
        def refuse(self, *given, **more):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", refuse)
        assert install.main(["run"]) == 2
        assert "nothing can be written in" in capsys.readouterr().err

    def test_a_full_disk_is_said_before_anything_is_loaded(self, install, monkeypatch, capsys):
        monkeypatch.setattr(install.shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1, 1, 10**8))
        assert install.main(["run"]) == 2
        assert "only 0.1 GB are free" in capsys.readouterr().err

    def test_missing_system_packages_are_named_where_they_cannot_be_installed(self, install, monkeypatch, capsys):
        gone = install.doctor.Piece("Nothing", "library", "libphosphene-is-not-here.so.9", "libnothing9")
        monkeypatch.setattr(install.doctor, "PIECES", (gone,))
        monkeypatch.setattr(install, "system", lambda: "linux")
        monkeypatch.setattr(install, "apt", list)
        assert install.main(["run"]) == 2
        assert "sudo apt-get install libnothing9" in capsys.readouterr().err

    @pytest.mark.parametrize(("verb", "starts"), [("run", ["vj", "live"]), ("train", ["vj", "train"])])
    def test_what_is_installed_starts_with_its_words_as_they_are(self, install, monkeypatch, verb, starts):
        ran = []
        monkeypatch.setattr(install, "ready", lambda level: level == "tests")
        monkeypatch.setattr(install.os, "execv", lambda path, command: ran.append(command) or 0)
        install.main([verb, "--prompt", "pink and $blue"])
        assert ran == [[str(install.VENV / "bin" / starts[0]), *starts[1:], "--prompt", "pink and $blue"]]


def test_a_python_that_is_too_old_is_one_sentence(install, monkeypatch, capsys):
    monkeypatch.setattr(install.doctor, "OLDEST", (9, 0))
    assert install.main(["run"]) == 2
    assert "is too old" in capsys.readouterr().err


def test_no_relative_folder_stays_on_the_path(install, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", os.path.abspath(os.sep), "sub"]))
    install.clean_path()
    assert os.environ["PATH"] == os.path.abspath(os.sep)


def test_help_and_a_word_that_it_does_not_know(install, capsys):
    assert install.main(["--help"]) == 0
    assert install.main(["dance"]) == 2
    assert install.main([]) == 2
    assert "setup/install.py run" in capsys.readouterr().out


@pytest.mark.parametrize("script", ["run.bat", "run.ps1"])
def test_the_scripts_of_windows_call_files_that_are_there(script):
    """Nothing here can run them; what they name exists, and lines end as cmd wants it."""
    text = (ROOT / "setup" / script).read_bytes().decode("ascii")
    for word in shlex.split(text.replace("\\", "/").replace("%here%", "").replace("$PSScriptRoot/", ""), comments=True):
        if word.endswith((".py", ".bat")) and not word.startswith("setup/"):
            assert (ROOT / "setup" / word).is_file(), word

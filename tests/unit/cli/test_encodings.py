"""Terminals that know few characters: every command that tells something tells it there too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phosphene.engine.core.paths import PACKAGE

PLAIN = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TERMINALS = {
    "C": PLAIN,
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
}
COMMANDS = ("--help", "styles list", "styles show neon-tide", "scenes list", "scenes lint", "devices", "doctor", "cache",
            "engines list", "osc", "live --style ★", "train --help")  # fmt: skip


def told(command: list[str], terminal: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHONIO", "PYTHONUTF8"))}
    return subprocess.run(command, capture_output=True, env=env | TERMINALS[terminal] | more, timeout=300, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose name, scene and rating hold what those terminals do not know."""
    home = tmp_path_factory.mktemp("home") / "Träume ★"
    (home / "scenes").mkdir(parents=True)
    (home / "scenes/sterne.toml").write_text(
        'version = 1\nname = "Sterne"\ndescription = "Sterne ★ über 東京"\n[deck]\nstyle = "neon-tide"\n', encoding="utf-8"
    )
    return home


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_it_in_the_characters_there_are(command: str, home: Path) -> None:
    terminal = list(TERMINALS)[COMMANDS.index(command) % len(TERMINALS)]
    check_told(command, terminal, home)


@pytest.mark.parametrize("terminal", TERMINALS)
def test_names_of_a_person_are_told_on_every_terminal(terminal: str, home: Path) -> None:
    done = check_told("scenes list", terminal, home)
    assert b"Sterne" in done.stdout + done.stderr
    assert done.returncode == 0


def check_told(command: str, terminal: str, home: Path) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "phosphene", *command.split()]
    done = told(line, terminal, PHOSPHENE_HOME=str(home))
    said = done.stdout + done.stderr
    assert b"Traceback" not in said, said.decode("ascii", "backslashreplace")
    assert b"Error:" not in said, said.decode("ascii", "backslashreplace")
    assert done.returncode in (0, 1, 2)
    assert said.strip()
    if terminal in ("C", "ascii"):
        assert said.isascii()
    return done


@pytest.mark.parametrize("terminal", TERMINALS)
def test_the_doctor_without_an_installation_tells_it_too(terminal: str, tmp_path: Path) -> None:
    """Its table holds what other programs said: here, where the display is."""
    place = tmp_path / "Zwölf ★"
    (place / "setup").mkdir(parents=True)
    (place / "setup/doctor.py").write_bytes((PACKAGE / "setup/doctor.py").read_bytes())
    done = told([sys.executable, str(place / "setup/doctor.py")], terminal, DISPLAY="★:1")
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"\nok" in done.stdout
    assert done.returncode in (0, 1)

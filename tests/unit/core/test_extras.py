"""The command that a remedy names installs what is missing into the Python that runs, whoever made that."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from phosphene.engine.core import extras
from phosphene.engine.core.paths import PACKAGE

EXTRAS = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_names_its_packages(extra):
    words = shlex.split(extras.install(extra))
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    assert set(map(Requirement, words[4:])) == {Requirement(each.partition(";")[0]) for each in EXTRAS[extra]}


def test_several_extras_name_each_package_once():
    words = shlex.split(extras.install("torch", "clip"))
    assert words.count("torch>=2.11") == 1
    assert "open_clip_torch>=3.0" in words


def test_the_command_is_one_that_pip_takes():
    command = [*shlex.split(extras.install("nets")), "--dry-run", "--no-index", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr  # they are installed for the tests


def test_without_pip_it_is_uv_that_is_named(monkeypatch):
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/home/Zoë Wild/.venv/bin/python")
    assert shlex.split(extras.install_packages(["glfw"])) == [
        *("uv", "pip", "install", "--python", "/home/Zoë Wild/.venv/bin/python", "glfw")
    ]


def test_from_source_that_is_not_installed_it_is_what_the_project_says(monkeypatch):
    def missing(name):
        raise extras.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(extras.metadata, "requires", missing)
    assert extras.requirements("rtx") == [each.partition(";")[0] for each in EXTRAS["rtx"]]
    with pytest.raises(LookupError):
        extras.requirements("lasers")


def test_an_extra_that_there_is_not():
    with pytest.raises(LookupError):
        extras.install("lasers")

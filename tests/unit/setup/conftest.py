"""What the tests of the installer share."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def install(monkeypatch, tmp_path):
    """The installer, in a checkout of its own whose path has a space and an umlaut in it."""
    checkout = tmp_path / "zwölf Träume"
    shutil.copytree(ROOT / "setup", checkout / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    monkeypatch.syspath_prepend(str(checkout / "setup"))
    for name in ("install", "doctor"):
        sys.modules.pop(name, None)
    module = importlib.import_module("install")
    assert checkout == module.ROOT
    monkeypatch.setattr(module.doctor, "PIECES", ())  # this machine's packages are not what is tested
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    yield module
    for name in ("install", "doctor"):
        sys.modules.pop(name, None)

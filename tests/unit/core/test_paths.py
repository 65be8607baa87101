"""Where things lie, with and without the variables that move them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core import paths


def test_the_root_is_the_checkout():
    assert (paths.ROOT / "pyproject.toml").is_file()
    assert (paths.ROOT / "engine/core/paths.py").is_file()


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("PHOSPHENE_STYLES", paths.styles_dir),
        ("PHOSPHENE_SCENES", paths.scenes_dir),
        ("PHOSPHENE_TAKES", paths.takes_dir),
        ("PHOSPHENE_CACHE", paths.cache_dir),
    ],
)
def test_a_variable_moves_its_folder_and_nothing_is_created(variable, folder, monkeypatch, tmp_path):
    monkeypatch.setenv(variable, str(tmp_path / "else where"))
    assert folder() == tmp_path / "else where"
    assert not folder().exists()


def test_without_variables(monkeypatch, tmp_path):
    for variable in ("PHOSPHENE_STYLES", "PHOSPHENE_SCENES", "PHOSPHENE_TAKES", "PHOSPHENE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    assert paths.styles_dir() == paths.ROOT / "styles"
    assert paths.scenes_dir() == paths.ROOT / "scenes"
    assert paths.takes_dir() == tmp_path / "takes"
    assert paths.cache_dir() == Path.home() / ".cache/phosphene"

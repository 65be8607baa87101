"""Where things lie, with and without the variables that move them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from phosphene.engine.core import paths
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.models.style import in_library, list_styles, style_folder
from phosphene.engine.show.scene import scene_path

VARIABLES = [name for name in os.environ if name.startswith("PHOSPHENE_")]
FOLDERS = {
    "styles": (paths.styles_dir, "PHOSPHENE_STYLES"),
    "takes": (paths.takes_dir, "PHOSPHENE_TAKES"),
    "runs": (paths.runs_dir, "PHOSPHENE_RUNS"),
    "cache": (paths.cache_dir, "PHOSPHENE_CACHE"),
}


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    """A person's folder, and no other variable."""
    for name in VARIABLES:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path / "mine"))
    return tmp_path / "mine"


def test_the_package_holds_what_it_brings():
    assert (paths.PACKAGE / "engine/core/paths.py").is_file()
    assert (paths.PACKAGE / "styles/neon-tide/style.toml").is_file()
    assert (paths.PACKAGE / "scenes/pulse.toml").is_file()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_variable_moves_its_folder_and_nothing_is_created(name, home, monkeypatch, tmp_path):
    folder, variable = FOLDERS[name]
    assert folder() == home / name
    monkeypatch.setenv(variable, str(tmp_path / "else where"))
    assert folder() == tmp_path / "else where"
    monkeypatch.setenv(variable, "")
    assert folder() == home / name
    assert not home.exists()
    assert not (tmp_path / "else where").exists()


def test_without_variables_folders_are_where_the_system_has_such(home, monkeypatch):
    monkeypatch.delenv("PHOSPHENE_HOME")
    data = platformdirs.user_data_path("phosphene", appauthor=False)
    assert paths.home() == data
    assert paths.styles_dir() == data / "styles"
    assert paths.takes_dir() == data / "takes"
    assert paths.cache_dir() == platformdirs.user_cache_path("phosphene", appauthor=False)
    if sys.platform == "linux" and "XDG_CACHE_HOME" not in os.environ:
        assert paths.cache_dir() == Path.home() / ".cache/phosphene"


def test_own_styles_and_scenes_come_before_ours(home):
    ours = paths.PACKAGE / "styles" / "neon-tide"
    assert style_folder("neon-tide") == ours
    for slug in ("neon-tide", "zebra"):
        (home / "styles" / slug).mkdir(parents=True)
        (home / "styles" / slug / "style.toml").write_bytes((ours / "style.toml").read_bytes())
        assert style_folder(slug) == home / "styles" / slug
        assert in_library(home / "styles" / slug)
    assert in_library(ours)
    assert not in_library(home)
    assert {"zebra", "manta"} <= set(list_styles())
    assert list_styles().count("neon-tide") == 1
    (home / "scenes").mkdir()
    for slug in ("pulse", "zebra"):
        (home / "scenes" / f"{slug}.toml").write_bytes((paths.PACKAGE / "scenes" / "pulse.toml").read_bytes())
        assert scene_path(slug) == home / "scenes" / f"{slug}.toml"
    assert scene_path("tide") == paths.PACKAGE / "scenes" / "tide.toml"
    assert {"zebra", "tide"} <= set(show_catalogue().scenes)


def test_a_library_that_is_named_stands_alone(home, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path))
    monkeypatch.setenv("PHOSPHENE_SCENES", str(tmp_path))
    assert list_styles() == []
    assert show_catalogue().scenes == ()


def test_what_a_person_keeps_inside_the_checkout_is_theirs(monkeypatch):
    monkeypatch.setenv("PHOSPHENE_HOME", str(paths.PACKAGE / "mine"))
    assert paths.came_with_us(paths.PACKAGE / "styles" / "neon-tide")
    assert not paths.came_with_us(paths.styles_dir() / "neon-tide")

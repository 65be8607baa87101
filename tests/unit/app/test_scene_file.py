"""A scene that is saved: it can be read, and what was there is kept."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from phosphene.engine.app import scene_file
from phosphene.engine.app.scene_file import write_scene
from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.scene import Scene, load_scene, scene_names

CATALOGUE = show_catalogue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path))
    monkeypatch.delenv("PHOSPHENE_SCENES", raising=False)
    return tmp_path / "scenes"


def scene(slug: str, zoom: float = 2.0) -> Scene:
    deck = {"style": "neon-tide", "params": {"zoom": zoom}}
    return Scene.model_validate({"version": 1, "slug": slug, "name": "Mine", "deck": deck})


def test_it_goes_into_the_persons_folder_which_is_made(folder: Path) -> None:
    path = write_scene(scene("mine"), False, CATALOGUE)
    assert path == folder / "mine.toml"
    assert load_scene(path, CATALOGUE) == scene("mine")
    assert "mine" in scene_names(paths.scene_folders())
    assert os.listdir(folder) == ["mine.toml"], "nothing is left beside it"


def test_one_that_is_there_is_refused_or_kept_beside(folder: Path) -> None:
    for again, zoom in ((False, 2.0), (True, 3.0), (True, 4.0)):
        write_scene(scene("mine", zoom), again, CATALOGUE)
    with pytest.raises(UserError, match=r"a scene of that name is there.*send 1 after it"):
        write_scene(scene("mine", 5.0), False, CATALOGUE)
    assert load_scene(folder / "mine.toml", CATALOGUE) == scene("mine", 4.0)
    kept = sorted(set(os.listdir(folder)) - {"mine.toml"})
    assert kept == ["mine.toml-1.before", "mine.toml.before"]
    assert ["zoom = 3.0" in (folder / name).read_text() for name in kept] == [True, False]
    assert scene_names([folder]) == ("mine",), "no list of scenes shows what is kept"


def test_one_of_ours_is_never_touched(folder: Path) -> None:
    ours = paths.PACKAGE / "scenes" / "tide.toml"
    before, words = ours.read_bytes(), load_scene(ours, CATALOGUE)
    with pytest.raises(UserError, match="a scene of that name is there"):
        write_scene(scene("tide"), False, CATALOGUE)
    assert not folder.exists()
    path = write_scene(scene("tide"), True, CATALOGUE)
    assert (path, ours.read_bytes()) == (folder / "tide.toml", before)
    found = load_scene(path, CATALOGUE)
    assert (found.description, found.author, found.tags) == (words.description, words.author, words.tags)
    assert found.deck == scene("tide").deck


def test_one_that_cannot_be_read_is_kept_too(folder: Path) -> None:
    folder.mkdir()
    (folder / "mine.toml").write_text("what somebody was about to write")
    write_scene(scene("mine"), True, CATALOGUE)
    assert (folder / "mine.toml.before").read_text() == "what somebody was about to write"


def test_what_cannot_be_read_back_is_not_given_the_name(folder: Path) -> None:
    folder.mkdir()
    (folder / "mine.toml").write_text("as it was")
    wrong = scene("mine").model_copy(update={"deck": scene("mine").deck.model_copy(update={"style": "no-such-style"})})
    with pytest.raises(UserError, match="cannot be read back"):
        write_scene(wrong, True, CATALOGUE)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"mine.toml": "as it was"}


@pytest.mark.parametrize("where", ["folder", "name"])
def test_a_place_that_cannot_be_written_is_told(folder: Path, where: str) -> None:
    if where == "folder":
        folder.write_text("a file where the folder belongs")
    with pytest.raises(UserError, match=r"the scene cannot be written: (a part of the path is a file|the name is too)"):
        write_scene(scene("mine" if where == "folder" else "é" * 200), False, CATALOGUE)


def test_a_disk_that_fills_up_at_the_last_moment_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scene(scene("mine"), False, CATALOGUE)

    def full(self: object, may_give_way: object) -> Path:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(scene_file.Working, "hand_over", full)
    with pytest.raises(UserError, match="the scene cannot be written: disk full"):
        write_scene(scene("mine", 3.0), True, CATALOGUE)
    assert os.listdir(folder) == ["mine.toml"]
    assert load_scene(folder / "mine.toml", CATALOGUE) == scene("mine")

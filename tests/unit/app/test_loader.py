"""The loader: answers come off the calling thread, newest request wins, faults become answers."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app.loader import Loader, LoadFailed, SceneLoaded, SceneWritten, StageLoader, StyleLoaded
from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.backends.select import open_style
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import list_styles
from phosphene.engine.show.scene import Scene

SCENE = Scene.model_validate({"slug": "s", "version": 1, "name": "S", "deck": {"style": "idle"}})


def open_on_cpu(style, excluded):
    return open_style(style, Size(64, 36), {"cpu": CpuBackend()}, excluded=excluded)


def answers(loader: Loader, count: int) -> list:
    found, give_up = [], clock.now() + 10.0
    while len(found) < count and clock.now() < give_up:
        found += loader.finished()
        clock.sleep(0.002)
    return found


@pytest.mark.parametrize("inline", [False, True])
def test_style_and_scene_arrive(inline: bool) -> None:
    loader = StageLoader(open_on_cpu, lambda slug: SCENE, inline=inline)
    slug = list_styles()[0]
    loader.request_style("a", slug)
    loader.request_scene("s")
    found = answers(loader, 2)
    loader.close()
    style = next(a for a in found if isinstance(a, StyleLoaded))
    assert (style.deck, style.style.slug, style.backend) == ("a", slug, "cpu")
    assert SceneLoaded(SCENE) in found
    style.program.close()


def test_faults_become_answers() -> None:
    def read(slug: str) -> Scene:
        if slug == "rude":
            raise ZeroDivisionError("rude")
        raise UserError("no such scene", got=slug, remedy="try another")

    loader = StageLoader(open_on_cpu, read, inline=True)
    for slug in ("rude", "missing"):
        loader.request_scene(slug)
        (answer,) = loader.finished()
        assert isinstance(answer, LoadFailed)
        assert (answer.what, answer.name) == ("scene", slug)
        assert answer.reason
    loader.request_style("b", "no-such-style")
    (answer,) = loader.finished()
    assert isinstance(answer, LoadFailed)
    assert answer.deck == "b"
    assert "no such style" in answer.reason
    loader.request_style("b", list_styles()[0], frozenset({"cpu"}))
    (answer,) = loader.finished()
    assert "failed during this show" in answer.reason


def test_newest_request_of_a_deck_wins() -> None:
    started, go_on = threading.Event(), threading.Event()
    closed = []

    class Program:
        name = "cpu"

        def __init__(self, slug: str) -> None:
            self.slug = slug

        def close(self) -> None:
            closed.append(self.slug)

    def slow(style, excluded):
        started.set()
        assert go_on.wait(10.0)
        program, selection = open_on_cpu(style, excluded)
        program.close()
        return Program(style.slug), selection

    first, second, third = list_styles()[:3]
    loader = StageLoader(slow, lambda slug: SCENE)
    loader.request_style("a", first)
    assert started.wait(10.0)
    loader.request_style("a", second)
    loader.request_style("a", third)
    go_on.set()
    (answer,) = answers(loader, 1)
    loader.close()
    assert answer.style.slug == third
    assert closed == [first], "the answer to the old question is closed, the one in between never begun"
    assert np.array_equal(loader.finished(), [])


@pytest.mark.parametrize("inline", [False, True])
def test_scenes_are_saved_each_of_them_in_order(inline: bool, tmp_path: Path) -> None:
    written: list[tuple[str, bool]] = []

    def write(scene: Scene, again: bool) -> Path:
        written.append((scene.name, again))
        if scene.name == "rude":
            raise ZeroDivisionError("rude")
        if scene.name == "there":
            raise UserError("a scene of that name is there", where="/home/me", remedy="choose another name")
        (tmp_path / "s-1.toml").write_text("x")
        return tmp_path / "s-1.toml"

    loader = StageLoader(open_on_cpu, lambda slug: SCENE, write, inline=inline)
    for name in ("one", "there", "rude", "one"):
        loader.request_save(SCENE.model_copy(update={"name": name}), name == "one")
    found = answers(loader, 4)
    loader.close()
    assert written == [("one", True), ("there", False), ("rude", False), ("one", True)]
    saved = SceneWritten("s", "s-1", (tmp_path / "s-1.toml").stat().st_mtime)
    assert (found[0].name, found[0].slug, found[3]) == ("s", "s-1", saved)
    assert [(each.what, each.name, each.brief) for each in found[1:3]] == [
        ("save", "s", "a scene of that name is there"), ("save", "s", "it cannot be saved"),
    ]  # fmt: skip


def test_a_scene_that_waits_to_be_saved_is_saved_though_the_show_ends(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()
    written: list[str] = []

    def read(slug: str) -> Scene:
        started.set()
        assert go_on.wait(10.0)
        return SCENE

    def write(scene: Scene, again: bool) -> Path:
        written.append(scene.name)
        return tmp_path

    loader = StageLoader(open_on_cpu, read, write)
    loader.request_scene("s")
    assert started.wait(10.0)
    for k in range(40):
        loader.request_save(SCENE.model_copy(update={"name": f"{k}"}), again=False)
    refused = [each for each in loader.finished() if isinstance(each, LoadFailed)]
    assert len(refused) == 24, "no more than so many wait for a disk"
    assert {each.brief for each in refused} == {"16 scenes are still being saved"}
    threading.Timer(0.05, go_on.set).start()
    loader.close()
    assert written == [f"{k}" for k in range(16)]

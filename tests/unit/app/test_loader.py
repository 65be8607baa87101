"""The loader: answers come off the calling thread, newest request wins, faults become answers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from phosphene.engine.app.loader import Loader, LoadFailed, SceneLoaded, StageLoader, StyleLoaded
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

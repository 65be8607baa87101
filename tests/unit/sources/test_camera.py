"""Cameras, by libav's virtual one: newest picture wins, gone and back again, one thread for all decks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.sources import camera
from phosphene.engine.sources.camera import CameraView, list_cameras, open_camera
from tests.plug import Plug, until

SCREEN = Size(64, 36)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_AGAIN_S", 0.02)


@pytest.fixture
def plug() -> Plug:
    return Plug()


@pytest.fixture
def view(plug: Plug) -> Iterator[CameraView]:
    made = open_camera("test", SCREEN, plug)
    yield made
    made.close()


def test_pictures_come_at_the_size_that_covers_the_screen(view: CameraView) -> None:
    number, picture = view.at(0.0)
    assert (picture.shape, picture.dtype) == ((36, 64, 3), np.uint8)
    assert picture.std() > 20
    assert until(lambda: view.at(0.9)[0] > number + 2)
    assert view.at(0.0)[1] is not picture
    assert (view.told, view.fault) == ("camera test, 64x36", "")


def test_pulled_out_the_last_picture_stays_and_plugged_in_it_comes_back(view: CameraView, plug: Plug) -> None:
    plug.inside = False
    assert until(lambda: "gone" in view.fault)
    last = view.at(0.0)
    assert "No such" in view.fault
    assert "last picture stays" in view.fault
    clock.sleep(0.1)
    assert view.at(0.0) is last
    plug.inside = True
    assert until(lambda: view.at(0.0)[0] > last[0])
    assert view.fault == ""
    assert plug.opened == 2


def test_one_that_hangs_is_said(view: CameraView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_SILENT_S", -1.0)
    assert "no new pictures" in view.fault


def test_two_decks_share_a_camera(view: CameraView, plug: Plug) -> None:
    other = open_camera("test", Size(320, 180), plug)
    assert plug.opened == 1
    other.close()
    other.close()
    before = view.at(0.0)[0]
    assert until(lambda: view.at(0.0)[0] > before), "the first deck goes on"
    assert plug.threads == {"camera test"}


def test_the_last_deck_ends_the_thread(plug: Plug) -> None:
    open_camera("other", SCREEN, plug).close()
    assert until(lambda: not any(each.name == "camera other" for each in threading.enumerate()))


def test_none_is_refused_with_the_reason(plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug.inside = False
    with pytest.raises(UserError, match=r"no picture from this camera.*No such file"):
        open_camera("gone", SCREEN, plug)
    monkeypatch.setattr(camera, "_SYSTEM", tmp_path)
    with pytest.raises(UserError, match="no picture from this camera"):
        open_camera("../../etc/passwd", SCREEN)
    with pytest.raises(UserError, match="no picture within"):
        open_camera("slow", SCREEN, lambda: clock.sleep(1.0), wait_s=0.05)


def test_what_is_plugged_in_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, index, name in ((10, 0, "USB Cam"), (2, 0, "Built-in"), (3, 1, "Built-in")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "index").write_text(f"{index}\n")
        (tmp_path / f"video{number}" / "name").write_text(f"{name}\n")
    monkeypatch.setattr(camera, "_SYSTEM", tmp_path)
    assert list_cameras() == {"2": "Built-in", "10": "USB Cam"}
    monkeypatch.setattr(camera, "_SYSTEM", tmp_path / "none")
    assert list_cameras() == {}

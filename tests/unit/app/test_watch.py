"""Hot reload: a saved scene is called again; nothing else is."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from phosphene.engine.app import watch as watch_module
from phosphene.engine.app.watch import SceneWatch
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.core import clock


def staged(say: Callable[[str], None]) -> SimpleNamespace:
    return SimpleNamespace(state=SimpleNamespace(scene="one", on_standby=False), bus=ControlBus(), say=say, written={})


def test_a_saved_scene_is_called_again(tmp_path: Path) -> None:
    said: list[str] = []
    stage = staged(said.append)
    watch = SceneWatch(lambda slug: tmp_path / f"{slug}.toml")

    def look() -> list[tuple[str, tuple]]:
        watch.look(stage)
        watch.check()
        watch.look(stage)
        return [(change.path, change.args) for change in stage.bus.drain()]

    assert look() == []
    (tmp_path / "one.toml").write_text("a")
    assert look() == look() == []
    os.utime(tmp_path / "one.toml", (1.0, 1.0))
    assert look() == [("/scene", ("one",))]
    assert look() == []
    assert len(said) == 1
    stage.state.on_standby = True
    os.utime(tmp_path / "one.toml", (2.0, 2.0))
    assert look() == look() == [], "called a second time, it would come in before the drop"
    stage.state.on_standby = False
    assert look() == [("/scene", ("one",))]
    stage.state.scene = "two"
    (tmp_path / "two.toml").write_text("b")
    assert look() == look() == [], "another scene on stage is no change of a file"
    (tmp_path / "two.toml").unlink()
    assert look() == []


def test_what_was_saved_from_the_stage_is_on_it_already(tmp_path: Path) -> None:
    stage, file = staged(lambda line: None), tmp_path / "one.toml"
    watch = SceneWatch(lambda slug: tmp_path / f"{slug}.toml")

    def asked_for(t: float) -> int:
        os.utime(file, (t, t))
        watch.check()
        watch.look(stage)
        return len(stage.bus.drain())

    file.write_text("a")
    watch.look(stage)
    assert asked_for(1.0) == 0
    stage.written["one"] = None  # its answer has not come
    assert asked_for(2.0) == 0
    stage.written["one"] = 2.0
    assert asked_for(2.0) == 0
    assert asked_for(3.0) == 1, "and now a person has saved it"


def test_it_looks_by_itself_and_never_on_the_thread_that_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "_INTERVAL_S", 0.01)
    asked: list[threading.Thread] = []
    stage = staged(lambda line: None)
    (tmp_path / "one.toml").write_text("a")

    def path_of(slug: str) -> Path:
        asked.append(threading.current_thread())
        return tmp_path / f"{slug}.toml"

    with closing(SceneWatch(path_of)) as watch:
        watch.begin()
        give_up = clock.now() + 180.0
        while len(asked) < 3:
            assert clock.now() < give_up
            watch.look(stage)
            clock.sleep(0.005)
    assert threading.current_thread() not in asked

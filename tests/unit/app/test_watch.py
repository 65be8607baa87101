"""Hot reload: a saved scene is called again; nothing else is."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.app import watch
from engine.app.watch import SceneWatch
from engine.control.bus import ControlBus


def test_a_saved_scene_is_called_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_INTERVAL_S", 0.0)
    said: list[str] = []
    stage = SimpleNamespace(state=SimpleNamespace(scene="one"), bus=ControlBus(), say=said.append)
    looking = SceneWatch(lambda slug: tmp_path / f"{slug}.toml")
    looking.look(stage)
    (tmp_path / "one.toml").write_text("a")
    looking.look(stage)
    looking.look(stage)
    assert stage.bus.drain() == []
    os.utime(tmp_path / "one.toml", (1.0, 1.0))
    looking.look(stage)
    assert [(c.path, c.args) for c in stage.bus.drain()] == [("/scene", ("one",))]
    assert len(said) == 1
    stage.state.scene = "two"
    (tmp_path / "two.toml").write_text("b")
    looking.look(stage)
    looking.look(stage)
    assert stage.bus.drain() == [], "another scene on stage is no change of a file"
    (tmp_path / "two.toml").unlink()
    looking.look(stage)
    assert stage.bus.drain() == []

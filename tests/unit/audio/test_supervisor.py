"""The supervisor's thread outlives what it cannot start."""

from __future__ import annotations

import subprocess

import pytest

from engine.audio import supervisor as module
from engine.audio.supervisor import Supervisor
from engine.core import clock
from tests.contract.test_audio_sources import beats


def test_sound_comes_back_when_no_process_could_be_started(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses two processes (out of memory, out of descriptors), then has room again."""
    refused: list[int] = []
    start = module._start

    def refusing(*arguments) -> subprocess.Popen:
        if len(refused) < 2:
            refused.append(1)
            raise OSError(12, "Cannot allocate memory")
        return start(*arguments)

    monkeypatch.setattr(module, "_start", refusing)
    source = Supervisor(f"file:{beats(tmp_path / 'beats.flac')}")
    errors = set()
    give_up = clock.now() + 20.0
    while source.health().state != "running":
        errors.add(source.health().error)
        assert clock.now() < give_up, source.health()
        clock.sleep(0.005)
    assert len(refused) == 2
    assert any("Cannot allocate memory" in error for error in errors)
    while source.health().error:
        assert clock.now() < give_up, source.health()
        clock.sleep(0.005)
    source.close()

"""Workers share the cores of this machine without getting in each other's way."""

from __future__ import annotations

import os

import pytest

from phosphene.tools.album.local import cores_of, worker_environment


def test_every_worker_has_cores_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 4, 5, 7}, raising=False)
    assert [cores_of(place, 2) for place in range(3)] == [{0, 1}, {4, 5}, None]
    assert cores_of(4, 1) == {7}


def test_a_worker_of_one_thread_draws_on_it() -> None:
    assert worker_environment(1)["LP_NUM_THREADS"] == "0"
    assert worker_environment(3)["LP_NUM_THREADS"] == "3"
    assert worker_environment(64)["LP_NUM_THREADS"] == "32"
    assert worker_environment(3)["PHOSPHENE_THREADS"] == "3"

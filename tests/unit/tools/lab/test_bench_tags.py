"""The figures of the tag benchmark on values that are known beforehand, and its list of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio.tagger import NAMES
from phosphene.engine.core.errors import UserError
from phosphene.tools.lab.bench_tags import Sound, auc, labels, told_apart


def sounds(values: list[float], truth: list[bool]) -> list[Sound]:
    silence = np.zeros((0, 2), np.float32)
    return [Sound("", silence, {"calm": t}, values={"calm": v}) for v, t in zip(values, truth, strict=True)]


def test_auc_counts_pairs() -> None:
    assert auc([2.0, 3.0], [0.0, 1.0]) == 1.0
    assert auc([0.0], [1.0, 2.0]) == 0.0
    assert auc([1.0], [1.0]) == 0.5


def test_a_signal_that_tells_apart_beats_its_null_and_one_that_does_not_is_within_it() -> None:
    truth = [True] * 10 + [False] * 10
    good = told_apart(sounds([0.9 - 0.01 * k for k in range(20)], truth), "calm")
    assert good["auc"] == 1.0 > good["null_p95"]
    assert good["null_mean"] == pytest.approx(0.5, abs=0.05)
    bad = told_apart(sounds([0.1 * (k % 7) for k in range(20)], truth), "calm")
    assert bad["auc"] < bad["null_p95"]
    assert told_apart(sounds([0.5], [True]), "calm") == {"true": 1, "false": 0}


def test_the_list_of_recordings(tmp_path: Path) -> None:
    file = tmp_path / "list.tsv"
    file.write_text("a b.ogg\t+drums -vocals classical\n\nother.wav\t-calm\nunlabelled.wav\n", encoding="utf-8")
    assert labels(file) == [
        (tmp_path / "a b.ogg", {"drums": True, "vocals": False}, "classical"),
        (tmp_path / "other.wav", {"calm": False}, ""),
    ]
    file.write_text("a.ogg\t+loud\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        labels(file)
    assert NAMES[0] in raised.value.line()

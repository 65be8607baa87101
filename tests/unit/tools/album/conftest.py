"""Albums for tests: a folder with two short songs of synthetic sound, and one that plans a song without any."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio.sections import Section
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.tempo.grid import BeatGrid

ALBUM = """
version = 1

[album]
title = "Test"
size = "64x36"
fps = 12

[[track]]
id = "one"
source = "one.wav"

[[track]]
id = "two"
source = "two.wav"
preset = "drift"
"""


@dataclass(frozen=True)
class Song:
    """Music that was never heard: a steady beat with sections at bars."""

    grid: BeatGrid
    sections: Sequence[Section]
    seconds: float

    @classmethod
    def of(cls, bpm: float, *parts: tuple[int, int, float], late: float = 0.0) -> Song:
        """parts: (bars, label, energy) each. late: s before the first downbeat."""
        bar = 240.0 / bpm
        times = [0.0, *(late + bar * float(n) for n in np.cumsum([bars for bars, _, _ in parts]))]
        grid = BeatGrid.steady(times[-1], bpm)
        grid = BeatGrid(grid.times + late, grid.confidence)
        sections = [Section(times[k], times[k + 1], label, energy) for k, (_, label, energy) in enumerate(parts)]
        return cls(grid, sections, times[-1])


@pytest.fixture(scope="session")
def song() -> Callable[..., Song]:
    """Song.of"""
    return Song.of


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return show_catalogue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `album.toml` and the songs that it names."""
    rng = np.random.default_rng(1)
    for name in ("one", "two"):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes((3000.0 * rng.standard_normal((24_000, 2))).clip(-32767, 32767).astype("<i2").tobytes())
    (tmp_path / "album.toml").write_text(ALBUM, encoding="utf-8")
    return tmp_path

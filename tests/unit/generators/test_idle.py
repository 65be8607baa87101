"""The idle scene is dark, never black, never still for long, never sudden, and smooth after a night."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.idle import Idle
from phosphene.engine.gpu.texture import RenderTarget

SIZE = Size(160, 90)
SIGNALS = signals_at(0.0, [], BeatPosition())


@pytest.fixture
def draw(gl) -> Iterator:
    idle, target = Idle(), RenderTarget(SIZE)

    def at(seconds: float, size: Size = SIZE) -> np.ndarray:
        target.resize(size)
        idle.render(Frame(0, seconds, seconds, 1 / 60, 60.0), SIGNALS, {}, target)
        return target.read()

    yield at
    idle.close()
    target.close()


@pytest.mark.parametrize("seconds", [0.0, 7.0, 61.0, 3600.0, 12 * 3600.0])
def test_dark_but_not_black(draw, seconds: float) -> None:
    picture = draw(seconds)
    assert np.isfinite(picture).all()
    assert (picture[..., 3] == 1.0).all()
    assert 0.003 < picture[..., :3].mean() < 0.08
    assert picture[..., :3].max() < 0.5


@pytest.mark.parametrize("seconds", [1.0, 12 * 3600.0])
def test_calm_and_alive(draw, seconds: float) -> None:
    now, next_frame, later = draw(seconds), draw(seconds + 1 / 60), draw(seconds + 5.0)
    assert 0.0 < np.abs(next_frame - now).max() < 0.004
    assert np.abs(later - now).max() > 0.01


def test_the_same_scene_at_any_size(draw) -> None:
    small, large = draw(5.0, Size(80, 45)), draw(5.0, Size(160, 90))
    shrunk = large.reshape(45, 2, 80, 2, 4).mean(axis=(1, 3))
    assert np.abs(small - shrunk).max() < 0.005

"""Structural similarity: what the measure says of pictures whose likeness is known, and which frames are compared."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.library.similarity import NULL_S, Comparison, luma_of, lumas, ssim
from phosphene.engine.output.movie import open_movie
from phosphene.engine.output.movie_spec import MovieSpec

RNG = np.random.default_rng(4)


def scene(k: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Return picture `k` of a moving pattern, uint8 [h, w, 4]."""
    y, x = np.mgrid[0:height, 0:width] / height
    value = 0.5 + 0.4 * np.sin(9.0 * x + 0.7 * k) * np.cos(7.0 * y - 0.4 * k)
    return np.dstack([(255 * value).astype(np.uint8)] * 3 + [np.full((height, width), 255, np.uint8)])


def film(path: Path, frames: int, fps: int) -> Path:
    with open_movie(path, MovieSpec(Size(64, 48), Fraction(fps), crf=8, preset="ultrafast", audio=False)) as movie:
        for k in range(frames):
            movie.video(scene(k))
    return path


class Shown:
    """A picture as a render target reads back."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    def read(self) -> np.ndarray:
        return self._pixels.astype(np.float32) / 255.0


def test_ssim_of_what_is_known() -> None:
    a = RNG.uniform(0.2, 0.8, (40, 60))
    assert ssim(a, a) == pytest.approx(1.0, abs=1e-12)
    assert ssim(a, a[::-1]) < 0.2
    assert ssim(a, 1.0 - a) < 0.0
    # Two flat pictures: structure is alike, and the brightness term is what its formula says.
    bright, dark = np.full((30, 30), 0.6), np.full((30, 30), 0.3)
    assert ssim(bright, dark) == pytest.approx((2 * 0.6 * 0.3 + 1e-4) / (0.36 + 0.09 + 1e-4), abs=1e-9)
    noisy = [ssim(a, a + RNG.normal(0.0, s, a.shape)) for s in (0.01, 0.05, 0.2)]
    assert 1.0 > noisy[0] > noisy[1] > noisy[2]
    assert ssim(a, a[::-1]) == pytest.approx(ssim(a[::-1], a), abs=1e-12)


def test_luma_is_averaged_down() -> None:
    white = np.ones((36, 64, 4), np.float32)
    assert luma_of(white, Size(64, 36)) == pytest.approx(1.0, abs=1e-6)
    checks = np.indices((36, 64)).sum(axis=0) % 2
    small = luma_of(np.dstack([checks] * 3).astype(np.float32), Size(32, 18))
    assert small.shape == (18, 32)
    assert small == pytest.approx(0.5, abs=0.01)


def test_a_recording_reads_as_it_was_painted(tmp_path: Path) -> None:
    found = list(lumas(film(tmp_path / "x.mp4", 6, 4)))
    assert len(found) == 6
    for k, luma in enumerate(found):
        assert np.abs(luma - scene(k)[..., 0] / 255.0).mean() < 0.01
    (tmp_path / "not.mp4").write_bytes(b"not a film")
    with pytest.raises(UserError, match="the recording cannot be read"):
        next(lumas(tmp_path / "not.mp4"))


@pytest.mark.parametrize("fps", [4, 12])
def test_frames_of_one_moment_are_compared_at_any_rate(tmp_path: Path, fps: int) -> None:
    """12 a second: the middle one of three is the recorded one."""
    seconds, own = 6, 4
    recording = film(tmp_path / "x.mp4", own * seconds, own)
    comparison = Comparison(recording, Fraction(own), Fraction(fps), np.arange(1, own * seconds))
    for k in range(fps * seconds):
        wanted = (k + 0.5) * own / fps - 0.5
        comparison.accept(Shown(scene(wanted)), Frame(k, k / fps, k / fps, 1 / fps, fps), 0.0)
    found = comparison.result
    assert [t for t, _ in found.seconds] == [float(s) for s in range(seconds)]
    assert found.minimum > 0.97
    assert found.repeated == 1, "frame 0 is no picture of its own"
    assert len(found.null) == seconds - NULL_S
    assert found.null_mean < 0.5
    assert found.minimum <= found.mean <= 1.0

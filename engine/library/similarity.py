"""How alike two films are: structural similarity on luma, a frame a second, beside what unlike frames of one film give.

Used by `vj rerender` as a sink of its render, on the render thread, and by tests. SSIM of Wang, Bovik, Sheikh and
Simoncelli, "Image quality assessment: from error visibility to structural similarity" (2004), their window and constants.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.media import open_media
from phosphene.engine.gpu.texture import RenderTarget

_TAPS = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_TAPS /= _TAPS.sum()
_C1, _C2 = 0.01**2, 0.03**2
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709, as in the recordings
NULL_S = 3  # the null compares the recording with itself so many s earlier: other music, the same look


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean structural similarity of two pictures, [h, w] in 0..1, 11 or more on each side: 1 is the same."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a, var_b = _smooth(a * a) - mean_a**2, _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    brightness = (2.0 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2.0 * both + _C2) / (var_a + var_b + _C2)
    return float((brightness * structure).mean())


def luma_of(picture: np.ndarray, size: Size) -> np.ndarray:
    """Return float32 [h, w] 0..1 at `size` of sRGB [.., .., 3 or 4] in 0..1; averaged where that is smaller."""
    luma = np.clip(picture[..., :3] @ _LUMA, 0.0, 1.0)
    if luma.shape == (size.height, size.width):
        return luma
    frame = av.VideoFrame.from_ndarray(np.round(luma * 255.0).astype(np.uint8), format="gray")
    small = frame.reformat(size.width, size.height, "gray", interpolation=Interpolation.AREA)
    return small.to_ndarray().astype(np.float32) / 255.0


def lumas(path: Path) -> Iterator[np.ndarray]:
    """Yield the luma of every frame of a recording, float32 [h, w] in 0..1. Raises UserError when it cannot be read."""
    try:
        with open_media(path, "recording") as file:
            for frame in file.decode(video=0):
                plane = frame.planes[0]
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
                yield (rows.astype(np.float32) - 16.0) / 219.0  # 8 bits, limited range
    except (av.FFmpegError, IndexError) as error:
        raise UserError("the recording cannot be read", where=str(path), got=error, remedy="--no-compare") from error


@dataclass(frozen=True)
class Similarity:
    """SSIM of a film and a recording. seconds: (time in s, SSIM). null: the recording against itself, `NULL_S` earlier.

    repeated: how many of those frames are repeats in the recording, of a picture that the show missed.
    """

    seconds: tuple[tuple[float, float], ...]
    null: tuple[float, ...]
    repeated: int = 0

    @property
    def mean(self) -> float:
        return float(np.mean([value for _, value in self.seconds])) if self.seconds else 0.0

    @property
    def minimum(self) -> float:
        return min((value for _, value in self.seconds), default=0.0)

    @property
    def null_mean(self) -> float:
        return float(np.mean(self.null)) if self.null else 0.0


class Comparison:
    """A sink that compares the film being rendered, of `fps`, with a recording of the rate `own`."""

    def __init__(self, recording: Path, own: Fraction, fps: Fraction, pictures: np.ndarray | None = None) -> None:
        """pictures: the frames of the recording that are pictures of their own; None: not known."""
        self._own, self._fps = own, fps
        self._frames = enumerate(lumas(recording))
        self._distinct = None if pictures is None else set(pictures.tolist())
        self._past: deque[np.ndarray] = deque(maxlen=NULL_S)
        self._k, self._second = 0, 0
        self._found: list[tuple[float, float]] = []
        self._null: list[float] = []
        self._repeated = 0

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Take the next frame of the film, sRGB."""
        k, self._k = self._k, self._k + 1
        wanted = round(self._second * self._own)
        # The picture whose middle is nearest: at another rate none begins and ends with the recorded one.
        if k != round((wanted + Fraction(1, 2)) * self._fps / self._own - Fraction(1, 2)):
            return
        recorded = next((luma for j, luma in self._frames if j == wanted), None)
        if recorded is not None:
            luma = luma_of(picture.read(), Size(recorded.shape[1], recorded.shape[0]))
            self._found.append((float(self._second), ssim(luma, recorded)))
            self._repeated += self._distinct is not None and wanted not in self._distinct
            if len(self._past) == NULL_S:
                self._null.append(ssim(self._past[0], recorded))
            self._past.append(recorded)
        self._second += 1

    def close(self) -> None:
        """Hold nothing that has to be freed."""

    @property
    def result(self) -> Similarity:
        """What was found so far."""
        return Similarity(tuple(self._found), tuple(self._null), self._repeated)


def _smooth(x: np.ndarray) -> np.ndarray:
    """Return `x` under the Gaussian window, where that lies inside: [h - 10, w - 10]."""
    n = len(_TAPS) - 1
    rows = sum(w * x[i : x.shape[0] - n + i] for i, w in enumerate(_TAPS))
    return sum(w * rows[:, i : x.shape[1] - n + i] for i, w in enumerate(_TAPS))

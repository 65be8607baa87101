"""Small films for tests, written by libav on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def grey_film(
    path: Path, levels: Sequence[int], size: tuple[int, int] = (64, 48), times: Sequence[float] | None = None, fps: int = 25
) -> Path:
    """Write a film whose pictures are of one grey each. times: s at which each is seen; None: at `fps`."""
    return write_film(path, [np.full((size[1], size[0], 3), level, np.uint8) for level in levels], times, fps)


def write_film(path: Path, pictures: Sequence[np.ndarray], times: Sequence[float] | None = None, fps: int = 25) -> Path:
    """Write pictures, uint8 [h, w, 3], as H.264 of high quality; return the path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "4", "preset": "ultrafast", "threads": "1"}
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = round(1000 * (times[k] if times is not None else k / fps)), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path

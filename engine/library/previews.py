"""Writes what a style shows of itself: preview.png, preview.mp4, and the palette measured from the still.

Called by `vj styles preview` and `vj styles new`, and by training later; never during a show. The moving preview is driven
by the demo track (the last bars of the break and the drop), so it shows what silence, a kick and a full mix do.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import create_media
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.generators.still import preview_still, sequence
from phosphene.engine.models.colour import palette
from phosphene.engine.models.style import Style, load_style, write_atomic, write_meta
from phosphene.engine.models.variations import Variations

VIDEO_FPS = 24
VIDEO_SECONDS = 7.0
VIDEO_SIZE = Size(320, 180)
VIDEO_LIMIT = 300_000  # bytes
_DROP_LEAD_S = 2.0  # of the break before the drop


@lru_cache(maxsize=4)
def demo_signals(section: str = "drop", lead_s: float = _DROP_LEAD_S, seconds: float = VIDEO_SECONDS) -> Sequence[Signals]:
    """Return the demo track's signals at `VIDEO_FPS`, from `lead_s` before `section` on. About 7 s of work, once."""
    # Imported here: listing styles should not pay for the audio stack.
    from phosphene.engine.audio.demo import demo_track
    from phosphene.engine.audio.offline import FileAnalysis

    track = demo_track()
    start = next(begin for name, begin, _ in track.sections if name == section) - lead_s
    analysis = FileAnalysis("demo")
    signals = []
    for k in range(round(seconds * VIDEO_FPS)):
        t = start + k / VIDEO_FPS
        signals.append(signals_at(t, analysis.records(t), BeatPosition(t * track.bpm / 60.0, track.bpm, 1.0)))
    return tuple(signals)


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Return uint8 of sRGB 0..1, rounded to nearest."""
    return (np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def write_still(folder: Path) -> Style:
    """Write preview.png and put its palette into style.toml; return the style as it is then."""
    from PIL import Image

    style = load_style(folder)
    picture = preview_still(style)
    data = io.BytesIO()
    Image.fromarray(to_bytes(picture)).save(data, "PNG", optimize=True)
    write_atomic(folder / "preview.png", data.getvalue())
    write_meta(folder, style.meta.model_copy(update={"palette": palette(picture)}))
    return load_style(folder)


def write_video(folder: Path, signals: Sequence[Signals] | None = None) -> int:
    """Write preview.mp4 (H.264, no sound) of at most 300 KB; return its size in bytes."""
    style = load_style(folder)
    heard = _round(signals or demo_signals(), style.meta.motion.variations)
    pictures = [to_bytes(p) for p in sequence(style, VIDEO_SIZE, heard, 1.0 / VIDEO_FPS)]
    for quality in (26, 30, 34, 38, 44):
        data = film_bytes(pictures, quality)
        if len(data) <= VIDEO_LIMIT:
            break
    write_atomic(folder / "preview.mp4", data)
    return len(data)


def _round(signals: Sequence[Mapping[str, float]], variations: int) -> Sequence[Mapping[str, float]]:
    """Return the signals with the `place` of every variation in turn, all of them equally long."""
    if variations == 1:
        return signals
    going = Variations(variations)
    steps = [k * variations / len(signals) for k in range(len(signals))]
    return [{**each, "place": going.step({"phrase_phase": step}, 1.0)} for each, step in zip(signals, steps, strict=True)]


def film_bytes(pictures: Sequence[np.ndarray], quality: int = 22, fps: int = VIDEO_FPS) -> bytes:
    """Return uint8 pictures [h, w, 3], even sizes, as an MP4. quality: H.264's CRF, lower is better."""
    import av

    film = io.BytesIO()
    again = lambda: io.BytesIO(film.getvalue())  # noqa: E731 faststart reads its own output back
    with create_media(film, "mp4", container_options={"movflags": "faststart"}, again=again) as container:
        stream = container.add_stream("libx264", rate=fps)
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "slow"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return film.getvalue()

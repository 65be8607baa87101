"""A data set of the frames of films. Called by `tools/make_dataset.py video`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.files import reason
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import MOST_PIXELS, open_media
from phosphene.tools.datasets.folder import scaled
from phosphene.tools.datasets.left_out import plain
from phosphene.tools.datasets.near import NEAR, Seen, thumbnail
from phosphene.tools.datasets.writer import Writer

EVERY_S = 0.25
GAP_S = 2.0
"""Left out before the end of a film that is held out, so that no neighbours lie on both sides."""

_JUMP_S = 1.0  # back: more than frames that come out of order
_WIDEST = 8
_FLAT = 0.01  # deviation of a thumbnail below which a frame is black, white, or between scenes


def frames_of(path: Path, every_s: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (time in s, uint8 [h, w, 3]) of a film's frames, at least `every_s` apart, upright and with square pixels.

    Raises UserError if it is no film or its pictures are too large, and `av.FFmpegError` where it breaks off.
    """
    with _opened(path) as film:
        stream = next((s for s in film.streams.video if s.codec_context is not None), None)
        if stream is None:
            raise UserError("the file has no picture", where=str(path), remedy="give a video file")
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MOST_PIXELS:
            allowed, got = f"{MOST_PIXELS // 10**6} million pixels", f"{width} x {height}"
            raise UserError("the film's pictures are too large", where=str(path), allowed=allowed, got=got)
        stream.thread_type = "AUTO"
        due = first = None
        last = 0.0
        for frame in film.decode(stream):
            if frame.time is None:
                continue
            first = frame.time if first is None else first
            at = frame.time - first
            if at < last - _JUMP_S:  # films that were joined begin again
                due, first = None, frame.time - last - every_s
                at = last + every_s
            last = at
            if due is not None and at < due:
                continue
            due = at + every_s - 1e-6
            yield at, _upright(frame, stream.sample_aspect_ratio)


@contextmanager
def _opened(path: Path) -> Iterator[av.container.InputContainer]:
    with ExitStack() as stack:
        try:
            film = stack.enter_context(open_media(path, "film"))
        except (av.FFmpegError, ValueError) as error:
            what, remedy = "not a film that can be read", "give a video file"
            raise UserError(what, where=str(path), got=reason(error), remedy=remedy) from error
        yield film


def _upright(frame: av.VideoFrame, ratio: Fraction | None) -> np.ndarray:
    """Return the picture of a frame whose pixels are `ratio` times as wide as high; a ratio that no camera has is a lie."""
    picture = frame.to_ndarray(format="rgb24")
    if ratio and ratio != 1 and 1 / _WIDEST <= ratio <= _WIDEST:
        wide = max(1, round(picture.shape[1] * float(ratio)))
        picture = np.asarray(Image.fromarray(picture).resize((wide, picture.shape[0])))
    return np.rot90(picture, round(frame.rotation / 90)) if frame.rotation else picture


def collect_frames(
    writer: Writer,
    films: Sequence[Path],
    size: Size | None = None,
    *,
    every_s: float = EVERY_S,
    near: float = NEAR,
    held_out: float = 0.1,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, str] | None:
    """Copy frames of `films` into the data set, one of those that are alike. The group of a split is a film.

    Returns the sides of a film that is alone: its last `held_out` is validation, with `GAP_S` before it left out; None where
    there are several. Raises UserError for a film that is alone and cannot be read; one of several is a note.
    """
    if every_s < 0:
        raise UserError("frames cannot be less than nothing apart", where="--every", allowed="0 s or more", got=every_s)
    seen, alike, flat, kept = Seen(near), 0, 0, 0
    names: dict[str, Path] = {}
    for number, path in enumerate(films):
        name = f"{number:03d}-{plain(path.stem)}"
        before = kept
        try:
            for at, picture in frames_of(path, every_s):
                if thumbnail(picture).std() < _FLAT:
                    flat += 1
                elif near > 0 and not seen.add(picture):
                    alike += 1
                else:
                    about = {"source": path.name, "seconds": round(at, 4)}
                    writer.picture(
                        f"{number:03d}-{kept:06d}", scaled(picture, size), about, group=name, bucket="film", seconds=at
                    )
                    kept += 1
                    progress(kept)
        except UserError as error:
            if len(films) == 1:
                raise
            writer.notes.append(error.line())
            continue
        except av.FFmpegError as error:
            line = f"{path.name} breaks off ({reason(error)}): {kept - before} frames of it are used"
            writer.notes.append(one_line(line))
        if kept > before:
            names[name] = path
        else:
            writer.notes.append(one_line(f"{path.name} has no frame that is of use"))
    if alike:
        writer.notes.append(f"{alike} frames are like another (closer than {near:g}) and left out")
    if flat:
        writer.notes.append(f"{flat} frames are of one colour and left out")
    return _end_of_one(writer, held_out) if len(names) == 1 else None


def _end_of_one(writer: Writer, held_out: float) -> dict[str, str]:
    """Make the end of the only film a group of its own; return the sides of both."""
    (film,) = {record.group for record in writer.records}
    times = [record.seconds or 0.0 for record in writer.records]
    last = max(times)
    cut = last * (1 - held_out)
    if sum(t >= cut for t in times) < 2 or not any(t < cut - GAP_S for t in times):
        return {film: "train"}
    ends = f"{film}/end"
    for record in [r for r in writer.records if cut - GAP_S <= (r.seconds or 0.0) < cut]:
        writer.drop(record)
    writer.records[:] = [r.model_copy(update={"group": ends}) if (r.seconds or 0.0) >= cut else r for r in writer.records]
    writer.notes.append(f"one film: its last {last - cut:.1f} s are held out, {GAP_S:g} s before them left out")
    return {film: "train", ends: "validation"}

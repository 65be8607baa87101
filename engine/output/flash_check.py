"""Counts the flashes of a finished film, any that libav reads, by the rules of the flash guard. Called by `vj flash`.

A film fails where any region of its picture flashes more than three times within a second, or changes more than six times:
WCAG 2.2, 2.3.1, with the regions of `kernels/guard/reference.py` for its tenth of the visual field. It is read once; memory
grows by 8 bytes for each transition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import reason
from phosphene.engine.core.media import open_media
from phosphene.kernels.guard import reference
from phosphene.kernels.guard.reference import CELLS, DARK, LUMINANCE_STEP, MOST_FLASHES, RED_STEP, REGIONS, TILES, WINDOW_S

KINDS = ("luminance", "red")
_CODES = np.arange(256) / 255.0
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
_SAMPLES = 7  # rows and columns of a tile that are looked at, about
_ROUNDING = 1e-6  # s
_MEMORY = 64  # transitions: as many as the frames of a second can hold


@dataclass(frozen=True)
class Stretch:
    """A part of the film that fails, s. flashes: the most in any second of it; kind: luminance or red; where: in words."""

    start: float
    end: float
    kind: str
    flashes: float
    where: str


@dataclass(frozen=True)
class FlashReport:
    """What was found. flashes: half the transitions in the worst second, by kind. stretches: where it fails, in order.

    times: float32 [n], s, of each picture; course: float32 [n, 2], transitions in the second that ends there, by kind, at
    the worst region; light: float32 [n], mean relative luminance.
    """

    path: Path
    frames: int
    seconds: float
    flashes: dict[str, float]
    stretches: tuple[Stretch, ...]
    times: np.ndarray = field(repr=False)
    course: np.ndarray = field(repr=False)
    light: np.ndarray = field(repr=False)

    @property
    def fails(self) -> bool:
        return bool(self.stretches)


def check_film(path: Path, progress: Callable[[float, float], None] | None = None) -> FlashReport:
    """Read the film and count. progress: (s done, s in all; 0 where the film does not say). Raises UserError."""
    steps = np.repeat(np.float32([LUMINANCE_STEP, RED_STEP]), REGIONS)
    seen = reference.Transitions(steps, np.repeat(np.float32([DARK, np.inf]), REGIONS), _MEMORY)
    times, light, course, failing = [], [], [], []
    for t, tiles, length in _measured(path):
        dt = t - times[-1] if times else 0.0
        values = reference.regions(tiles)[:, : len(KINDS)]
        seen.add(values.T.reshape(-1), dt)
        recent = seen.ages < WINDOW_S - _ROUNDING
        changes = recent.sum(axis=1)
        # The newest transition is first: of every other one it is known whether it rose.
        rises = np.where(seen.rising, recent[:, 0::2].sum(axis=1), recent[:, 1::2].sum(axis=1))
        times.append(t)
        light.append(float(values[-1, 0]))
        course.append(changes.reshape(2, REGIONS).max(axis=1))
        failing.append(np.packbits((changes > 2 * MOST_FLASHES) | (rises > MOST_FLASHES)))
        if progress:
            progress(t, length)
    if not times:
        raise UserError("no picture in this film", where=str(path), remedy="use a film with a picture")
    at, counts = np.array(times, np.float32), np.array(course, np.float32)
    fails = np.unpackbits(np.array(failing), axis=1)[:, : 2 * REGIONS].reshape(-1, 2, REGIONS).astype(bool)
    worst = {kind: float(counts[:, i].max()) / 2 for i, kind in enumerate(KINDS)}
    found = [stretch for i, kind in enumerate(KINDS) for stretch in _stretches(at, fails[:, i], counts[:, i], kind)]
    found.sort(key=lambda stretch: stretch.start)
    return FlashReport(path, len(at), float(at[-1]), worst, tuple(found), at, counts, np.array(light, np.float32))


def _measured(path: Path) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yield (time in s from the first picture, its tiles, length of the film in s) of every picture."""
    try:
        with open_media(path, "film") as film:
            if not film.streams.video:
                raise UserError("no picture in this film", where=str(path), remedy="use a film with a picture")
            length = film.duration / av.time_base if film.duration else 0.0
            first = None
            for frame in film.decode(film.streams.video[0]):
                if frame.pts is None:
                    continue
                t = float(frame.pts * frame.time_base)
                first = t if first is None else first
                yield max(0.0, t - first), measure_frame(frame), length
    except (av.FFmpegError, OSError, IndexError) as error:
        raise UserError("cannot read this film", where=str(path), got=reason(error)) from error


def measure_frame(frame: av.VideoFrame) -> np.ndarray:
    """Return the tiles of a decoded picture, float32 [24, 24, 3]."""
    rgb = frame.to_ndarray(format="rgb24")
    step = max(1, rgb.shape[0] // TILES // _SAMPLES)
    return reference.measure(_LINEAR[rgb[step // 2 :: step, step // 2 :: step]])


def _stretches(times: np.ndarray, fails: np.ndarray, counts: np.ndarray, kind: str) -> Iterator[Stretch]:
    """Yield the stretches where any region fails; what is less than a second apart is one."""
    at = np.flatnonzero(fails.any(axis=1))
    if not len(at):
        return
    cuts = np.flatnonzero(np.diff(times[at]) > WINDOW_S) + 1
    for part in np.split(at, cuts):
        start = max(0.0, float(times[part[0]]) - WINDOW_S)  # the second that ends there is the one that fails
        where = _place(fails[part[0] : part[-1] + 1].any(axis=0))
        yield Stretch(start, float(times[part[-1]]), kind, float(counts[part[0] : part[-1] + 1].max()) / 2, where)


def _place(regions: np.ndarray) -> str:
    """Return where in the picture the regions lie, in words."""
    if regions[-1]:
        return "the whole picture"
    rows, columns = np.nonzero(regions[:-1].reshape(CELLS - 1, CELLS - 1))
    words = []
    for found, names in ((rows, ("top", "middle", "bottom")), (columns, ("left", "centre", "right"))):
        middle = (found.min() + found.max()) / 2 / (CELLS - 2)
        words.append(names[0 if middle < 0.34 else 1 if middle < 0.67 else 2])
    return " ".join(words)

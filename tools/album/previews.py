"""Previews of a finished film: a still of every part, a contact sheet, and a GIF that loops in time with the beat.

Called by a track's worker once its film is whole, and by the main process for a film that lacks them. Reads the film by
PyAV; paints nothing, so that they show what is in the file.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont

from phosphene.engine.audio.prepared import prepare
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.media import open_media
from phosphene.engine.core.placing import Working, claim, put, set_aside
from phosphene.engine.tempo.grid import BeatGrid
from phosphene.tools.album.job import TrackJob

FOLDER = "previews"
SHEET = "sheet.png"  # written last
_STILL, _CELL, _GIF = 960, 320, 320  # widths at most
_COLUMNS, _MARGIN, _LINE = 4, 6, 16
_GROUND, _INK = (12, 13, 16), (190, 196, 204)
_LOOP_BEATS, _FRAMES_A_BEAT = 8, 6
_KICK_S = 0.06
_OURS = re.compile(r"\d\d+-[a-z0-9_-]+\.png|loop\.gif|sheet\.png")
_TICK_S = 0.01  # a GIF counts its time in hundredths


def missing(folder: Path) -> bool:
    """Return whether a track's folder lacks its previews."""
    return not (folder / FOLDER / SHEET).is_file()


def make_previews(folder: Path, film: Path, job: TrackJob) -> None:
    """Write them into `folder`/previews; what lies there is kept.

    Raises UserError for a film that cannot be read, OSError for a full disk.
    """
    heard = prepare(job.render.audio, start=job.render.start, duration=job.render.duration)
    times = [_telling(piece, heard.grid, job.seconds) for piece in job.pieces]
    stills = _pictures(film, times, _STILL)
    working = claim(folder / FOLDER, ".part", folder=True, left=_is_ours)
    try:
        out = working.path
        for n, (piece, still) in enumerate(zip(job.pieces, stills, strict=True), 1):
            still.save(out / f"{n:02d}-{piece['scene']}.png", optimize=True)
        _loop(film, heard.grid, job, out / "loop.gif")
        _sheet(job, stills).save(out / SHEET, optimize=True)
        _take_place(working)
    finally:
        working.close()


def _take_place(working: Working) -> None:
    """Give the new previews their place; earlier ones are kept as `previews-1`, and so is what a person has put there."""
    out = working.target
    if not out.is_dir() or _is_ours(out):
        working.hand_over(_is_ours)
        return
    for new in sorted(working.path.iterdir(), key=lambda path: path.name == SHEET):
        if os.path.lexists(out / new.name):
            set_aside(out / new.name)
        put(new, out / new.name)
    working.discard()


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and all(_OURS.fullmatch(path.name) for path in folder.iterdir())


def _telling(piece: Mapping[str, Any], grid: BeatGrid, seconds: float) -> float:
    """Return the time of a part's still: just after the downbeat at its middle, where the kick has lit what is there."""
    end = min(piece["end"], seconds)
    middle = 0.5 * (piece["start"] + end)
    t = grid.time_of(round(grid.position(middle).beat / 4) * 4) + _KICK_S
    return t if piece["start"] < t < end else middle


def _sheet(job: TrackJob, stills: Sequence[Image.Image]) -> Image.Image:
    """Return all stills with their time, energy and look."""
    cells = [_fitted(still, _CELL) for still in stills]
    width, height = cells[0].size
    columns = min(_COLUMNS, len(cells))
    rows = math.ceil(len(cells) / columns)
    size = (_MARGIN + columns * (width + _MARGIN), _LINE + rows * (height + _LINE + _MARGIN) + _MARGIN)
    sheet = Image.new("RGB", size, _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    draw.text((_MARGIN, 2), job.title, _INK, font)
    for i, (cell, piece) in enumerate(zip(cells, job.pieces, strict=True)):
        x = _MARGIN + i % columns * (width + _MARGIN)
        y = _LINE + _MARGIN + i // columns * (height + _LINE + _MARGIN)
        sheet.paste(cell, (x, y))
        look = f"{piece['scene']}:{piece['style']}" if piece["style"] else piece["scene"]
        draw.text((x, y + height + 1), f"{clock_text(piece['start'])}  {piece['level']}  {look}", _INK, font)
    return sheet


def _loop(film: Path, grid: BeatGrid, job: TrackJob, path: Path) -> None:
    """Write eight beats of the loudest part, from a downbeat on; fewer where the song has fewer."""
    loudest = max(job.pieces, key=lambda piece: piece["energy"])
    last = math.floor(grid.position(job.seconds).beat)
    beats = min(_LOOP_BEATS, max(1, last - max(0, grid.first)))
    middle = grid.position(0.5 * (loudest["start"] + min(loudest["end"], job.seconds))).beat
    first = max(grid.first, min(math.floor(middle / 4) * 4, last - beats))
    times = [max(0.0, grid.time_of(first + k / _FRAMES_A_BEAT)) for k in range(beats * _FRAMES_A_BEAT + 1)]
    ticks = [round((t - times[0]) / _TICK_S) for t in times]  # rounded as sums, so that no beat drifts
    pictures = [
        picture.quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        for picture in _pictures(film, times[:-1], _GIF)
    ]
    shown = [max(1, b - a) * 10 for a, b in pairwise(ticks)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=shown, loop=0, optimize=False)


def _pictures(film: Path, times: Sequence[float], width: int) -> list[Image.Image]:
    """Return the frames that are seen at `times` (s, in order), at most `width` wide. Raises UserError."""
    try:
        with open_media(film, "film") as container:
            return [_fitted(frame.to_image(), width) for frame in _frames_at(container, times)]
    except (av.FFmpegError, OSError, IndexError) as error:
        raise UserError("the film cannot be read", where=str(film), got=error, remedy="render the track again") from error


def _frames_at(container: Any, times: Iterable[float]) -> Iterator[Any]:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    frames: Iterator[Any] = iter(())
    held: Any = None
    after: Any = None
    for t in times:
        at = held.time if held is not None else -math.inf
        if held is None or t - at > 4.0:  # nearer ones are decoded on the way; key frames are 2 s apart
            container.seek(int(max(0.0, t) / stream.time_base), stream=stream)
            frames, held, after = container.decode(stream), None, None
        while after is None or after.time <= t:
            if after is not None:
                held = after
            after = next(frames, None)
            if after is None:
                break
        held = held or after
        if held is None:
            raise IndexError(f"no frame at {t:.2f} s")
        yield held


def _fitted(image: Image.Image, width: int) -> Image.Image:
    if image.width <= width:
        return image
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)


def clock_text(t: float) -> str:
    """Return 83.4 s as `1:23`."""
    return f"{int(t) // 60}:{int(t) % 60:02d}"

"""What an album names is there and fits: files, trims, scenes, styles, presets; before anything renders.

Called by `tools/render_album.py`. It decodes the first moments of every source and reads every style, scene and preset that
is named; it writes nothing.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from phosphene.engine.app.options import parse_fps
from phosphene.engine.app.render_job import parse_resolution
from phosphene.engine.audio.part import Part
from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import open_regular, reason
from phosphene.engine.core.frame import Size
from phosphene.engine.models.encoding import LATENTS
from phosphene.engine.models.style import load_style
from phosphene.engine.output.movie_spec import PRESETS, MovieSpec
from phosphene.engine.output.movie_spec import check as check_movie
from phosphene.engine.show.catalogue import Catalogue
from phosphene.tools.album.presets import LEVELS, Preset, check_look, load_preset
from phosphene.tools.album.schema import Album, Faults, Track

T = TypeVar("T")

_SUFFIXES = {"h264": ".mp4", "hevc": ".mp4", "prores": ".mov"}
_SEEDS = 1_000_000


@dataclass(frozen=True)
class Song:
    """A track whose every word is known to mean something. looks: (scene, style or "") as given; empty: the preset's."""

    id: str
    title: str
    audio: Path
    mood: str
    preset: Preset = field(repr=False)
    looks: tuple[tuple[str, str], ...]
    style: str
    seed: int
    bars: int
    start: float
    duration: float | None
    anchors: tuple[tuple[float, ...], ...]
    overrides: dict[str, float]

    def styles(self, own: dict[str, str]) -> tuple[str, ...]:
        """Return the styles that it may play, sorted. own: scene -> the style of its deck."""
        if self.style:
            return (self.style,)
        looks = self.looks or tuple(tuple(look.partition(":")[::2]) for level in LEVELS for look in self.preset.looks(level))
        return tuple(sorted({style or own[scene] for scene, style in looks}))


@dataclass(frozen=True)
class Checked:
    """An album to be rendered. path: its file; root: the folder that it is rendered into; movie: how films are written."""

    path: Path
    album: Album
    root: Path
    size: Size
    fps: Fraction
    movie: MovieSpec
    songs: tuple[Song, ...]

    @property
    def film_name(self) -> str:
        """The name of every track's film."""
        return f"film{_SUFFIXES[self.album.album.codec]}"


def check_album(
    album: Album,
    path: Path,
    catalogue: Catalogue,
    *,
    root: Path | None = None,
    preset: str = "",
    only: Sequence[str] = (),
    outside: bool = False,
) -> Checked:
    """Return the album with all that it names. Raises Faults with everything that is wrong.

    root: the folder to render into, in place of the file's `out`. preset: the mood of all tracks. only: ids of the tracks
    that become songs, and whose sources have to be there; none: all. outside: whether paths may lead out of the folder.
    """
    faults = _Collector()
    settings = album.album
    base = path.resolve().parent
    size = faults.of(f"{path}, album.size", lambda: parse_resolution(settings.size), Size(1280, 720))
    fps = faults.of(f"{path}, album.fps", lambda: parse_fps(settings.fps), Fraction(30))
    if settings.encoder_preset not in PRESETS:
        remedy = did_you_mean(settings.encoder_preset, PRESETS) or "use one of those allowed"
        where = f"{path}, album.encoder_preset"
        faults.add(
            UserError("unknown preset", where=where, allowed=listed(PRESETS), got=settings.encoder_preset, remedy=remedy)
        )
    elif not faults.found:
        movie = MovieSpec(size, fps, settings.codec, settings.crf, settings.encoder_preset)
        faults.of(f"{path}, album", lambda: check_movie(f"film{_SUFFIXES[settings.codec]}", movie), None)
    if settings.film is not None and settings.codec == "prores":
        remedy = "choose h264 or hevc, or leave [album.film] out"
        faults.add(UserError("films of this codec are not joined", where=f"{path}, album.film", got="prores", remedy=remedy))
    if root is None:
        out = settings.out or f"renders/{path.stem}"
        where = f"{path}, album.out"
        root = faults.of(where, lambda: _inside(base, out, outside, where), base / out)
    faults.of(f"{path}, album.preset", lambda: load_preset(settings.preset, catalogue), None)
    ids = [track.id for track in album.track]
    for name in only:
        if name not in ids:
            remedy = did_you_mean(name, ids) or "name a track of the album"
            faults.add(UserError("no such track", where="--track", allowed=listed(ids), got=name, remedy=remedy))
    songs = []
    for i, track in enumerate(album.track):
        where = f"{path}, track[{i + 1}]"
        if track.id in ids[:i]:
            first = ids.index(track.id) + 1
            remedy = "give every track an id of its own"
            faults.add(
                UserError("an id stands twice", where=f"{where}.id", got=f"{track.id}, also track[{first}]", remedy=remedy)
            )
        if not only or track.id in only:
            songs.append(_song(track, where, base, album, preset, catalogue, faults, outside))
    if faults.found:
        raise Faults(faults.found)
    movie = MovieSpec(size, fps, settings.codec, settings.crf, settings.encoder_preset)
    return Checked(path, album, root, size, fps, movie, tuple(song for song in songs if song is not None))


class _Collector:
    """Gathers faults, each told with the key it belongs to."""

    def __init__(self) -> None:
        self.found: list[UserError] = []

    def add(self, fault: UserError) -> None:
        self.found.append(fault)

    def of(self, where: str, ask: Callable[[], T], instead: T) -> T:
        """Return what `ask` returns; `instead`, and one fault more, where it raises UserError."""
        try:
            return ask()
        except UserError as error:
            told = error.where if error.where.startswith(where) else where
            if error.where and "/" in error.where and error.where not in told:
                told = f"{where}: {error.where}"
            self.add(UserError(error.what, where=told, allowed=error.allowed, got=error.got, remedy=error.remedy))
            return instead


def _song(
    track: Track,
    where: str,
    base: Path,
    album: Album,
    preset: str,
    catalogue: Catalogue,
    faults: _Collector,
    outside: bool,
) -> Song | None:
    before = len(faults.found)
    settings = album.album
    end, start = track.trim.end, track.trim.start
    if end is not None and end <= start:
        faults.add(UserError("ends before it starts", where=f"{where}.trim", allowed="end > start", got=f"{start} to {end}"))
    duration = None if end is None else max(1e-3, end - start)
    key = f"{where}.source"
    audio = faults.of(key, lambda: _inside(base, track.source, outside, key), base)
    if len(faults.found) == before:
        faults.of(key, lambda: _heard(audio, start, duration), None)
    mood = preset or track.preset or settings.preset
    key = "--preset" if preset else f"{where}.preset" if track.preset else f"{where[: where.rindex(',')]}, album.preset"
    chosen = faults.of(key, lambda: load_preset(mood, catalogue), None)
    if track.scene and track.scenes:
        faults.add(UserError("both scene and scenes", where=f"{where}.scenes", remedy="keep one of them"))
    looks = []
    given = [("scene", track.scene)] if track.scene else [(f"scenes[{n}]", look) for n, look in enumerate(track.scenes, 1)]
    for name, look in given:
        key = f"{where}.{name}"
        looks.append(faults.of(key, lambda look=look, key=key: check_look(look, catalogue, key), ("", "")))
    if track.style:
        if track.style not in catalogue.styles:
            remedy = did_you_mean(track.style, catalogue.styles) or "vj styles list shows what there is"
            allowed = listed(catalogue.styles, 12)
            faults.add(UserError("no such style", where=f"{where}.style", allowed=allowed, got=track.style, remedy=remedy))
        else:
            faults.of(f"{where}.style", lambda: load_style(track.style), None)
    for n, anchor in enumerate(track.anchors, 1):
        if len(anchor) != LATENTS:
            key = f"{where}.anchors[{n}]"
            faults.add(UserError("an anchor of another length", where=key, allowed=f"{LATENTS} numbers", got=len(anchor)))
    for name, value in track.overrides.items():
        key = f"{where}.overrides.{name}"
        param = catalogue.deck_paths.get(name)
        if param is None:
            remedy = did_you_mean(name, catalogue.deck_paths) or "use one of those allowed"
            allowed = listed(catalogue.deck_paths)
            faults.add(UserError("unknown parameter", where=key, allowed=allowed, got=name, remedy=remedy))
        else:
            faults.of(key, lambda param=param, value=value, key=key: param.check(value, key), 0.0)
    if len(faults.found) > before or chosen is None:
        return None
    # By name and not by place, so that a track that is put in changes no other one.
    seed = settings.seed + zlib.crc32(track.id.encode()) % _SEEDS if track.seed is None else track.seed
    return Song(
        track.id, track.title or track.id, audio, mood, chosen, tuple(looks), track.style, seed,
        track.bars or chosen.bars, start, duration,
        track.anchors, dict(track.overrides),
    )  # fmt: skip


def _inside(base: Path, text: str, outside: bool, where: str) -> Path:
    """Return the path that `text` means. Raises UserError for one that leads out of the album's folder."""
    try:
        path = (base / text).resolve()
        os.path.lexists(path)
    except (OSError, ValueError) as error:  # links in a circle, a NUL
        raise UserError("no usable path", where=where, got=reason(error)) from error
    if not outside and not path.is_relative_to(base):
        remedy = "move it there, or render with --allow-outside"
        raise UserError(
            "the path leads out of the album's folder", where=where, allowed=f"{base}/...", got=text, remedy=remedy
        )
    return path


def _heard(audio: Path, start: float, duration: float | None) -> None:
    """Decode the first moments of a source. Raises UserError for a file without any."""
    with open_regular(audio, "audio file") as file:
        if not os.fstat(file.fileno()).st_size:
            raise UserError("the file is empty (0 bytes)", got=audio, remedy="use a file with sound")
    next(Part.of(audio, start, duration).blocks())

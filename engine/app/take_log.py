"""Reads a take back: whole, half damaged, or written by an older program. Called by `vj rerender` before anything is opened.

What cannot be used is left out and said (`TakeLog.notes`); only what makes a rerender impossible raises. A take may be a
stranger's: files are read within limits, and every value has its kind and its range before it reaches the show.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from phosphene.engine.app.options import parse_fps, parse_size
from phosphene.engine.app.take_records import MOST_PIXELS, read_frames, read_kept, read_pictures, read_trails
from phosphene.engine.app.take_start import checked_start
from phosphene.engine.app.take_state import FRAMES_FILE, LOG, KeptPictures, seated, shader_fingerprints
from phosphene.engine.compositor.isf import why_not
from phosphene.engine.core import naming
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular, parse_json
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import open_media
from phosphene.engine.models.media import is_source, list_media
from phosphene.engine.models.shaders import list_shaders
from phosphene.engine.models.style import list_styles, load_style
from phosphene.engine.show.catalogue import DECKS, IDLE, SHADER
from phosphene.engine.show.change import (
    Change,
    Input,
    SceneFailed,
    SceneNotSaved,
    SceneReady,
    SceneSaved,
    StyleFailed,
    StyleReady,
)
from phosphene.engine.show.scene import Scene
from phosphene.engine.show.undo import by_hand

_EVENTS = "events.jsonl"
_RECORDINGS = ("recording.mp4", "recording.mkv", "recording.mp4.part.mkv", "recording.mkv.part.mkv")
# Of a log. A change takes 100 bytes: a night of ten hours with eight faders always in somebody's hands has 8 million, and
# keeps the first 2 million.
_MOST_LOG, _MOST_LINE, _MOST_INPUTS, _MOST_SCENES = 1 << 30, 4 << 20, 2_000_000, 10_000
_MOST_ARGS, _MOST_WORDS = 8, 4096
_LONGEST_S = 1e9  # s of any time


@dataclass(frozen=True, slots=True)
class Logged:
    """One input of the show document. time: s of show time of the frame that applied it. backend: of a style's answer."""

    time: float
    given: Input
    backend: str = ""


@dataclass(frozen=True)
class TakeLog:
    """A take that was read. size, fps: of its recording. start: the first line. inputs: in order.

    frames: FRAMES records, maybe none; pictures: PICTURES records. began: (show time, t_present) of the first picture, s on
    the show's lines. trails: by deck, float16 [h, w, 4]. kept: what buffers of shaders had. recording, sound: files;
    recording None where there is none. notes: what is missing or damaged.
    """

    folder: Path
    size: Size
    fps: Fraction
    start: Mapping[str, Any] = field(repr=False)
    inputs: tuple[Logged, ...] = field(repr=False)
    frames: np.ndarray = field(repr=False)
    pictures: np.ndarray = field(repr=False)
    began: tuple[float, float]
    trails: Mapping[str, np.ndarray] = field(repr=False)
    kept: KeptPictures = field(repr=False)
    recording: Path | None
    sound: Path
    notes: tuple[str, ...]

    @property
    def styles(self) -> dict[str, str]:
        """Every style that the take plays, and the fingerprint it had ("" where that was not logged)."""
        found: dict[str, str] = {}
        for told in self.start.get("decks", {}).values():
            for each in (told, told.get("ready", {}), *told.get("beside", ())):
                if seated(each):
                    found[each["style"]] = each.get("sha256", "")
        if "decks" not in self.start:
            shown = (self.start["show"].get(deck, {}).get("style", "") for deck in "ab")
            found |= {style: "" for style in shown if seated({"style": style})}
        for x in self.inputs:
            if isinstance(x, _Answered) and isinstance(x.given, StyleReady):
                found[x.given.style] = x.sha256
        return found


@dataclass(frozen=True, slots=True)
class _Answered(Logged):
    sha256: str = ""


def read_take(folder: Path) -> TakeLog:
    """Read the take in `folder`. Raises UserError when it is none, cannot be read, or has no sound at all."""
    log = folder / _EVENTS
    if not _is_file(log):
        remedy = "name the folder of a take, such as takes/2026-11-25_22-30-00"
        raise UserError("not a take", where=str(folder), allowed=f"a folder with {_EVENTS}", remedy=remedy)
    found = _Log()
    for line in _lines(log):
        found.take(line)
    if found.start is None:
        raise UserError("the take has no first line", where=str(log), remedy="its recording is all there is")
    version = found.start.get("log", 1)
    if type(version) is not int or not 1 <= version <= LOG:
        raise UserError("the take is of a newer program", where=str(folder), allowed=f"log 1 to {LOG}", got=version)
    try:
        fps, size = parse_fps(str(found.start["fps"]), "fps"), parse_size(str(found.start["size"]), "size")
    except (KeyError, UserError) as error:
        raise UserError("the take's first line is damaged", where=str(log), got=error) from error
    if size.pixels > MOST_PIXELS:
        raise UserError("the take's pictures are too large", where=str(log), allowed=f"{MOST_PIXELS} pixels", got=size)
    start, notes = checked_start(found.start, str(log)), found.notes
    frames, pictures = read_frames(folder, version, notes), read_pictures(folder, notes)
    if version == 1:
        notes.append("an older log: without what each frame heard, and without when styles had been loaded")
    elif not len(frames):
        notes.append(f"{FRAMES_FILE} is missing or empty: the sound is analysed again")
    recording = _recording(folder, start["recording"])
    if recording is None:
        notes.append("the recording is not at hand: nothing to compare with")
    sound = _sound(folder, recording, notes)
    times = (_number(found.began, "time"), _number(found.began, "t_present"))
    trails, kept = read_trails(folder, start, notes), read_kept(folder, start, notes)
    return TakeLog(
        folder, size, fps, start, tuple(found.inputs), frames, pictures, times, trails, kept, recording, sound, tuple(notes)
    )


def check_styles(take: TakeLog) -> list[str]:
    """Return what is to be said of the styles the take plays. Raises UserError where one is gone or broken."""
    said = []
    if "decks" not in take.start:  # whether these came in, an older log does not say
        asked = {str(x.given.args[0]) for x in take.inputs if isinstance(x.given, Change) and _asks_style(x.given)}
        library = {*list_styles(), *list_shaders(), *list_media(), IDLE}
        said += [f"style {name} is not to be had: it is refused" for name in sorted(asked - library)]
    for name, fingerprint in take.styles.items():
        if name.startswith("camera:"):
            remedy = "its recording is all there is of what the camera saw"
            raise UserError("the take plays a camera, and a camera has no past", where=name, remedy=remedy)
        try:
            style = load_style(name)
        except UserError as error:
            kind = "PHOSPHENE_MEDIA" if is_source(name) else "PHOSPHENE_STYLES"
            remedy = f"put {'the file' if is_source(name) else 'the style'} back, or set {kind} to a folder that has it"
            raise UserError(f"a style of the take is not to be had: {error.what}", where=name, remedy=remedy) from error
        if fingerprint and style.sha256 != fingerprint:
            said.append(f"style {name} has changed since: it paints other pictures than in the recording")
    return said + _check_shaders(take)


def _check_shaders(take: TakeLog) -> list[str]:
    """Return what is to be said of the effects and transitions of the take that are shaders."""
    now, then, said = shader_fingerprints(), take.start.get("shaders", {}), []
    changes = [x.given for x in take.inputs if isinstance(x.given, Change)]
    scenes = [x.given.scene for x in take.inputs if isinstance(x.given, SceneReady)]
    kinds = {str(take.start["show"].get("kind", "")), *(scene.transition.kind for scene in scenes)}
    kinds |= {str(change.args[0]) for change in changes if change.path == "/crossfade/kind" and change.args}
    gone = sorted(kind for kind in kinds if kind.startswith(SHADER) and kind not in now)
    said += [f"transition {kind} is not to be had, and is a dissolve: {why_not(kind)}" for kind in gone]
    moved = {part for change in changes if "/fx/" in change.path for part in change.path.split("/")}
    entries = [entry for scene in scenes for entry in (scene.deck, scene.second) if entry is not None]
    moved |= {effect.effect for entry in entries for effect in entry.effects}
    moved |= {effect for told in take.start.get("decks", {}).values() for effect in told.get("effects", {})}
    for name in sorted((moved | kinds) & then.keys()):
        if name not in now and name not in kinds:
            said.append(f"effect {name} is not to be had, and does nothing")
        elif name in now and now[name] != then[name]:
            said.append(f"shader {name} has changed since: it paints other pictures than in the recording")
    return said


def _asks_style(change: Change) -> bool:
    return change.path.endswith("/style") and bool(change.args)


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a log, of one that is too long only its beginning. Raises UserError."""
    with open_regular(path, "log of the take") as file:
        if (size := os.fstat(file.fileno()).st_size) > _MOST_LOG:
            allowed, got = f"up to {_MOST_LOG} bytes", f"{size} bytes"
            raise UserError("the log of the take is too large", where=str(path), allowed=allowed, got=got)
        begins = True
        while part := file.readline(_MOST_LINE):
            if begins:
                yield part
            begins = part.endswith(b"\n")


class _Log:
    """What the lines of a log say, taken one by one, so that memory holds what is used of them alone."""

    def __init__(self) -> None:
        self.start: dict[str, Any] | None = None
        self.began: Mapping[str, Any] = {}
        self.inputs: list[Logged] = []
        self._scenes = self._damaged = self._strange = self._left_out = 0

    @property
    def notes(self) -> list[str]:
        said = [
            (self._damaged, "damaged lines of the log are left out"),
            (self._strange, "lines of the log say nothing that is known and are left out"),
            (self._left_out, "lines of the log are more than can be used and are left out"),
        ]
        return [f"{count} {text}" for count, text in said if count]

    def take(self, raw: bytes) -> None:
        """Take one line."""
        if not raw.strip():
            return
        try:
            line = parse_json(raw, "")
        except UserError:
            self._damaged += 1
            return
        if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
            self._damaged += 1
        elif line["kind"] == "start":
            self.start = self.start or line
        elif line["kind"] == "recording":
            self.began = self.began or line
        else:
            self._input(line)

    def _input(self, line: dict[str, Any]) -> None:
        self._scenes += line["kind"] == "scene_ready"
        if len(self.inputs) >= _MOST_INPUTS or self._scenes > _MOST_SCENES:
            self._left_out += 1
            return
        try:
            self.inputs.append(_input(line))
        except (KeyError, TypeError, ValueError):  # pydantic's error is a ValueError
            self._strange += 1


def _input(line: dict[str, Any]) -> Logged:
    """Return the input that a line says. Raises KeyError, TypeError or ValueError for one that says none."""
    time = line.get("time", 0.0)
    if type(time) not in (int, float) or not 0.0 <= time <= _LONGEST_S:
        raise ValueError(time)
    time = float(time)
    match line["kind"]:
        case "change":
            path, args = _word(line, "path"), tuple(line["args"])
            if not path.startswith("/") or len(args) > _MOST_ARGS or not all(map(_is_argument, args)):
                raise ValueError(path)
            source = _word(line, "source", "take")
            # Whose hand it was is of no matter, but what no hand did must not be taken back in a rerender either.
            source = "take" if by_hand(source) else sys.intern(source)
            return Logged(time, Change(sys.intern(path), args, time, source, every=True))
        case "scene_ready":
            return Logged(time, SceneReady(Scene.model_validate(line["scene"])))
        case "scene_failed":
            return Logged(time, SceneFailed(_word(line, "scene"), _word(line, "reason")))
        case "scene_saved":
            return Logged(time, SceneSaved(_word(line, "scene")))
        case "scene_not_saved":
            return Logged(time, SceneNotSaved(_word(line, "scene"), _word(line, "reason")))
        case "style_ready":
            given = StyleReady(_deck(line), _word(line, "style"), line.get("beside") is True)
            return _Answered(time, given, _word(line, "backend", ""), _word(line, "sha256", ""))
        case "style_failed":
            refused = StyleFailed(_deck(line), _word(line, "style"), _word(line, "reason"), line.get("beside") is True)
            return Logged(time, refused)
    raise ValueError(line["kind"])


def _word(line: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = line[key] if default is None else line.get(key, default)
    if not isinstance(value, str) or len(value) > _MOST_WORDS:
        raise ValueError(key)
    return value


def _deck(line: Mapping[str, Any]) -> str:
    deck = _word(line, "deck")
    if deck not in DECKS:
        raise ValueError(deck)
    return deck


def _is_argument(value: object) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= _MOST_WORDS)


def _recording(folder: Path, told: str) -> Path | None:
    """Return the recording: where the take says, or in the take's folder, which may have been moved since."""
    beside = [folder / Path(told).name, *(folder / name for name in _RECORDINGS)]
    candidates = [Path(told), *_unfinished(Path(told)), *beside] if told else beside
    return next((path for path in candidates if _is_file(path)), None)


def _unfinished(told: Path) -> list[Path]:
    try:
        return [naming.beside(told, ".part.mkv")]
    except ValueError:  # `/` and `.` have no name to go beside, and other texts are none
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds what no name can
        return False


def _sound(folder: Path, recording: Path | None, notes: list[str]) -> Path:
    flac = folder / "audio.flac"
    if _is_file(flac) and _has_sound(flac):
        return flac
    if recording is not None and _has_sound(recording):
        notes.append("audio.flac is missing or unreadable: the sound is the recording's")
        return recording
    raise UserError(
        "the take has no sound",
        where=str(flac),
        got="missing or unreadable, and so is the recording's",
        remedy="put audio.flac or the recording back into the folder of the take",
    )


def _has_sound(path: Path) -> bool:
    try:
        with open_media(path) as file:
            return next(iter(file.decode(audio=0)), None) is not None
    except (UserError, av.FFmpegError, OSError, IndexError):
        return False


def _number(line: Mapping[str, Any], key: str) -> float:
    value = line.get(key)
    return float(value) if isinstance(value, (int, float)) and abs(value) <= _LONGEST_S else 0.0

"""Reads a take back: whole, half damaged, or written by an older program. Called by `vj rerender` before anything is opened.

What cannot be used is left out and said (`TakeLog.notes`); only what makes a rerender impossible raises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from pydantic import ValidationError

from engine.app.options import parse_fps
from engine.app.take_state import FRAMES, FRAMES_FILE, LOG, PICTURES, PICTURES_FILE, seated, trails_file
from engine.core.errors import UserError
from engine.core.frame import Size
from engine.core.media import open_media
from engine.models.style import list_styles, load_style
from engine.show.catalogue import IDLE
from engine.show.change import Change, Input, SceneFailed, SceneReady, StyleFailed, StyleReady
from engine.show.scene import Scene
from engine.show.state import restore

_EVENTS = "events.jsonl"
_RECORDINGS = ("recording.mp4", "recording.mkv", "recording.mp4.part.mkv", "recording.mkv.part.mkv")


@dataclass(frozen=True)
class Logged:
    """One input of the show document. time: s of show time of the frame that applied it. backend: of a style's answer."""

    time: float
    given: Input
    backend: str = ""


@dataclass(frozen=True)
class TakeLog:
    """A take that was read. size, fps: of its recording. start: the first line. inputs: in order.

    frames: FRAMES records, maybe none; pictures: PICTURES records. began: (show time, t_present) of the first picture, s on
    the show's lines. trails: by deck, float16 [h, w, 4]. recording, sound: files; recording None where there is none.
    notes: what is missing or damaged.
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
    recording: Path | None
    sound: Path
    notes: tuple[str, ...]

    @property
    def styles(self) -> dict[str, str]:
        """Every style that the take plays, and the fingerprint it had ("" where that was not logged)."""
        found: dict[str, str] = {}
        for told in self.start.get("decks", {}).values():
            for each in (told, told.get("ready", {})):
                if seated(each):
                    found[each["style"]] = each.get("sha256", "")
        if "decks" not in self.start:
            shown = (self.start["show"].get(deck, {}).get("style", "") for deck in "ab")
            found |= {style: "" for style in shown if seated({"style": style})}
        return found | {str(x.given.style): x.sha256 for x in self.inputs if isinstance(x, _Answered)}


@dataclass(frozen=True)
class _Answered(Logged):
    sha256: str = ""


def read_take(folder: Path) -> TakeLog:
    """Read the take in `folder`. Raises UserError when it is none, cannot be read, or has no sound at all."""
    if not (folder / _EVENTS).is_file():
        remedy = "name the folder of a take, such as takes/2026-11-25_22-30-00"
        raise UserError("not a take", where=str(folder), allowed=f"a folder with {_EVENTS}", remedy=remedy)
    lines, notes = _lines(folder / _EVENTS)
    start = next((line for line in lines if line["kind"] == "start"), None)
    if start is None:
        raise UserError("the take has no first line", where=str(folder / _EVENTS), remedy="its recording is all there is")
    version = start.get("log", 1)
    if not isinstance(version, int) or not 1 <= version <= LOG:
        raise UserError("the take is of a newer program", where=str(folder), allowed=f"log 1 to {LOG}", got=version)
    try:
        fps, size = parse_fps(str(start["fps"])), Size.parse(str(start["size"]))
        restore(start["show"])
    except (KeyError, ValueError, UserError, ValidationError) as error:
        got = str(error).splitlines()[0]
        raise UserError("the take's first line is damaged", where=str(folder / _EVENTS), got=got) from error
    inputs, strange = _inputs(lines)
    if strange:
        notes.append(f"{strange} lines of the log say nothing that is known and are left out")
    frames, pictures = _records(folder / FRAMES_FILE, FRAMES), _records(folder / PICTURES_FILE, PICTURES)
    if version == 1:
        notes.append("an older log: without what each frame heard, and without when styles had been loaded")
    elif not len(frames):
        notes.append(f"{FRAMES_FILE} is missing or empty: the sound is analysed again")
    began = next((line for line in lines if line["kind"] == "recording"), {})
    recording = _recording(folder, str(start.get("recording", "")))
    if recording is None:
        notes.append("the recording is not at hand: nothing to compare with")
    sound = _sound(folder, recording, notes)
    times = (_number(began, "time"), _number(began, "t_present"))
    trails = _trails(folder, start, notes)
    return TakeLog(folder, size, fps, start, inputs, frames, pictures, times, trails, recording, sound, tuple(notes))


def check_styles(take: TakeLog) -> list[str]:
    """Return what is to be said of the styles the take plays. Raises UserError where one is gone or broken."""
    said = []
    if "decks" not in take.start:  # whether these came in, an older log does not say
        asked = {str(x.given.args[0]) for x in take.inputs if isinstance(x.given, Change) and _asks_style(x.given)}
        library = {*list_styles(), IDLE}
        said += [f"style {name} is not to be had: it is refused" for name in sorted(asked - library)]
    for name, fingerprint in take.styles.items():
        try:
            style = load_style(name)
        except UserError as error:
            remedy = "put the style back, or set PHOSPHENE_STYLES to a folder that has it"
            raise UserError(f"a style of the take is not to be had: {error.what}", where=name, remedy=remedy) from error
        if fingerprint and style.sha256 != fingerprint:
            said.append(f"style {name} has changed since: it paints other pictures than in the recording")
    return said


def _asks_style(change: Change) -> bool:
    return change.path.endswith("/style") and bool(change.args)


def _lines(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the lines that can be read, and what is to be said of the others."""
    found, bad = [], 0
    with path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except ValueError:
                bad += bool(raw.strip())
                continue
            if isinstance(line, dict) and isinstance(line.get("kind"), str):
                found.append(line)
            else:
                bad += 1
    return found, [f"{bad} damaged lines of the log are left out"] if bad else []


def _inputs(lines: list[dict[str, Any]]) -> tuple[tuple[Logged, ...], int]:
    """Return the inputs among the lines, and how many lines were none and nothing else known."""
    found: list[Logged] = []
    strange = 0
    for line in lines:
        try:
            if (each := _input(line)) is not None:
                found.append(each)
        except (KeyError, TypeError, ValueError):  # pydantic's error is a ValueError
            strange += 1
    return tuple(found), strange


def _input(line: dict[str, Any]) -> Logged | None:
    time = float(line.get("time", 0.0))
    match line["kind"]:
        case "change":
            path, args = str(line["path"]), tuple(line["args"])
            if not path.startswith("/") or not all(isinstance(a, (int, float, str)) for a in args):
                raise ValueError(path)
            return Logged(time, Change(path, args, time, "take", every=True))
        case "scene_ready":
            return Logged(time, SceneReady(Scene.model_validate(line["scene"])))
        case "scene_failed":
            return Logged(time, SceneFailed(str(line["scene"]), str(line["reason"])))
        case "style_ready":
            given = StyleReady(str(line["deck"]), str(line["style"]))
            return _Answered(time, given, str(line.get("backend", "")), str(line.get("sha256", "")))
        case "style_failed":
            return Logged(time, StyleFailed(str(line["deck"]), str(line["style"]), str(line["reason"])))
        case "start" | "recording":
            return None
    raise ValueError(line["kind"])


def _records(path: Path, kind: np.dtype) -> np.ndarray:
    """Return the whole records of a file, read as they are needed; a cut one at its end is left out."""
    try:
        count = path.stat().st_size // kind.itemsize
        return np.memmap(path, kind, "r", shape=(count,)) if count else np.zeros(0, kind)
    except OSError:
        return np.zeros(0, kind)


def _trails(folder: Path, start: Mapping[str, Any], notes: list[str]) -> dict[str, np.ndarray]:
    """Return the pictures that feedback had at the start, by deck."""
    found = {}
    for deck, told in start.get("decks", {}).items():
        if (shape := told.get("trails")) is None:
            continue
        try:
            found[deck] = np.fromfile(folder / trails_file(deck), "<f2").reshape(*shape, 4)
        except (OSError, ValueError, TypeError):
            notes.append(f"the trails of deck {deck} are missing: its first seconds differ while new ones grow")
    return found


def _recording(folder: Path, told: str) -> Path | None:
    """Return the recording: where the take says, or in the take's folder, which may have been moved since."""
    beside = [folder / Path(told).name, *(folder / name for name in _RECORDINGS)]
    candidates = [Path(told), Path(f"{told}.part.mkv"), *beside] if told else beside
    return next((path for path in candidates if path.is_file()), None)


def _sound(folder: Path, recording: Path | None, notes: list[str]) -> Path | None:
    flac = folder / "audio.flac"
    if flac.is_file() and _has_sound(flac):
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
    except (av.FFmpegError, OSError, IndexError, UserError):
        return False


def _number(line: Mapping[str, Any], key: str) -> float:
    value = line.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0

"""The records of a take, as numbers that a show can have written: what each frame heard, places in the recording, trails.

Called by `take_log.read_take`. Files are read whole, within limits, and not mapped: one that somebody shortens would end the
program. Records that are damaged are left out, and said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.app.take_state import (
    BAR,
    FRAMES,
    FRAMES_FILE,
    HEARD,
    KEPT_TYPES,
    MOST_KEPT,
    OLDER_FRAMES,
    PICTURES,
    PICTURES_FILE,
    kept_file,
    trails_file,
)
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import read_bytes
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.gpu.texture import FORMATS

MOST_PIXELS = 8192 * 4320  # of a show's picture: two numbers of a file must not take all memory
_MOST_RECORDS = 4 << 20  # 19 hours at 60 fps
_LONGEST_S = 1e9


def read_frames(folder: Path, version: int, notes: list[str]) -> np.ndarray:
    """Return the FRAMES records that a show can have written. version: of the log."""
    path = folder / FRAMES_FILE
    rows = _records(path, OLDER_FRAMES.get(version, FRAMES), notes)
    if version in OLDER_FRAMES:
        rows = _widened(rows)
    sound = np.ones(len(rows), bool)
    for name, low, high in (
        ("index", 0, 2**31 - 1), ("time", 0.0, _LONGEST_S), ("t_present", -_LONGEST_S, _LONGEST_S),
        ("t_picture", -_LONGEST_S, _LONGEST_S), ("dt", 0.0, 3600.0), ("beat", -_LONGEST_S, _LONGEST_S), ("bpm", 1.0, 1000.0),
        ("confidence", 0.0, 1.01), ("loudness", 0.0, 1.01), ("active", 0.0, 1.01), ("onset", 0.0, 1.01),
        ("width", 1, 8192), ("height", 1, 8192), ("one", -_LONGEST_S, _LONGEST_S), ("number", -_LONGEST_S, _LONGEST_S),
        ("per_bar", 1.0, 64.0), ("rate", 1e-6, 64.0), ("bar_confidence", 0.0, 1.01), ("trust", 0.0, 1.01),
    ):  # fmt: skip
        sound &= (rows[name] >= low) & (rows[name] <= high)  # NaN is neither
    sound &= ((rows["norm"] >= -0.01) & (rows["norm"] <= 1.01)).all(axis=1)
    sound &= ((rows["heard"] >= -0.01) & (rows["heard"] <= 1.01)).all(axis=1)
    sound &= (np.isnan(rows["phases"]) | (np.abs(rows["phases"]) <= 1e12)).all(axis=1)
    sound &= rows["width"].astype(np.int64) * rows["height"] <= MOST_PIXELS
    return _kept(rows, sound, path, notes)


def read_pictures(folder: Path, notes: list[str]) -> np.ndarray:
    """Return the PICTURES records that a recorder can have written."""
    path = folder / PICTURES_FILE
    rows = _records(path, PICTURES, notes)
    t, frame = rows["t_picture"], rows["frame"]
    return _kept(rows, (np.abs(t) <= _LONGEST_S) & (frame >= 0) & (frame < 2**31), path, notes)


def read_trails(folder: Path, start: Mapping[str, Any], notes: list[str]) -> dict[str, np.ndarray]:
    """Return the pictures that feedback had at the start, by deck."""
    found = {}
    for deck, told in start.get("decks", {}).items():
        if (shape := told.get("trails")) is None:
            continue
        try:
            if shape[0] * shape[1] > MOST_PIXELS:
                raise ValueError(shape)
            data = read_bytes(folder / trails_file(deck), shape[0] * shape[1] * 8)
            found[deck] = np.frombuffer(data, "<f2").reshape(*shape, 4)
        except (UserError, ValueError):
            notes.append(f"the trails of deck {deck} are missing: its first seconds differ while new ones grow")
    return found


def read_kept(folder: Path, start: Mapping[str, Any], notes: list[str]) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Return what buffers of shaders had at the start: deck -> whose -> name -> [h, w, 4]."""
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for deck, told in start.get("decks", {}).items():
        try:
            sizes = [each["height"] * each["width"] * FORMATS[each["format"]][3] for each in told.get("kept", ())]
            if sum(sizes) > MOST_KEPT:
                raise ValueError(sizes)
            pictures: dict[str, dict[str, np.ndarray]] = {}
            for n, (each, size) in enumerate(zip(told.get("kept", ()), sizes, strict=True)):
                data = np.frombuffer(read_bytes(folder / kept_file(deck, n), size), KEPT_TYPES[each["format"]])
                pictures.setdefault(each["of"], {})[each["name"]] = data.reshape(each["height"], each["width"], 4)
            found[deck] = pictures
        except (UserError, ValueError):
            notes.append(f"what shaders of deck {deck} had in their buffers is missing: they begin anew")
    return found


def _records(path: Path, kind: np.dtype, notes: list[str]) -> np.ndarray:
    """Return the whole records of a file; a cut one at its end is left out."""
    if not os.path.lexists(path):
        return np.zeros(0, kind)
    try:
        data = read_bytes(path, _MOST_RECORDS * kind.itemsize)
    except UserError as error:
        notes.append(error.line())
        return np.zeros(0, kind)
    return np.frombuffer(data, kind, len(data) // kind.itemsize)


def _widened(older: np.ndarray) -> np.ndarray:
    """Return records of an older log with what it did not know yet: bars were four beats, from beat 0."""
    rows = np.zeros(len(older), FRAMES)
    for name in older.dtype.names or ():
        rows[name] = older[name]
    for name in BAR:
        rows[name] = getattr(BeatPosition(), name)
    rows["heard"] = [float(name.startswith("since_")) for name in HEARD]
    return rows


def _kept(rows: np.ndarray, sound: np.ndarray, path: Path, notes: list[str]) -> np.ndarray:
    if (bad := int(len(rows) - sound.sum())) == 0:
        return rows
    notes.append(f"{bad} damaged records of {path.name} are left out")
    kept: np.ndarray = rows[sound]
    return kept

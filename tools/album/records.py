"""What is known of an album's films: `track.json` beside each, `run.json` over all. Reading, comparing, writing.

Called in the main process. A film counts as finished when its `track.json` names what it depends on today and the file is
the one that was hashed; nothing else is believed.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phosphene.engine.app.offline import hashes_beside, sha256_of
from phosphene.engine.core import clock, paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there
from phosphene.engine.core.placing import set_aside
from phosphene.engine.models.style import write_atomic
from phosphene.engine.output.framehash import read_hashes
from phosphene.tools.album.checks import Checked
from phosphene.tools.album.job import FORMAT, TrackJob, folder_of, program_sha, versions

TRACK_FILE = "track.json"
RUN_FILE = "run.json"
# What a record has to hold to be one. Names are of files beside it: it may be a stranger's, and lead anywhere.
_FILM = {"video": str, "video_sha256": str, "frames": int, "seconds": (int, float), "depends": dict, "volatile": dict}
_TRACK = _FILM | {"digest": str, "hashes": str}
_NAMES = ("video", "hashes")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHOWN = 40  # characters of a value in a reason


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return what `track.json` in a track's folder says, or None where there is none that can be read."""
    found = json_there(folder / TRACK_FILE, MOST_RECORD)
    if not isinstance(found, dict) or found.get("format") != FORMAT or not _holds(found, _TRACK):
        return None
    speed = found["volatile"].get("speed")
    plain = isinstance(speed, (int, float)) and all(isinstance(text, str) for text in found["depends"].values())
    return found if plain else None


def known_film(root: Path) -> dict[str, Any] | None:
    """Return what the last run said of the stitched film, None where that is nothing that can be used."""
    told = json_there(root / RUN_FILE, MOST_RECORD)
    try:
        film = {**told["film"], "volatile": told["volatile"]["film"]}
    except (KeyError, TypeError):
        return None
    return film if _holds(film, _FILM) else None


def _holds(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    kinds = all(isinstance(found.get(key), kind) for key, kind in wanted.items())
    return kinds and all(paths.is_name(found[key]) for key in _NAMES if key in wanted)


def write_record(path: Path, document: Mapping[str, Any]) -> None:
    """Write `document` as JSON, whole or not at all; what is there and is no record is kept, as `NAME-1`. Raises OSError."""
    if os.path.lexists(path) and not _is_record(path):
        set_aside(path)
    write_atomic(path, (json.dumps(document, indent=1) + "\n").encode())


def _is_record(path: Path) -> bool:
    found = json_there(path, MOST_RECORD)
    return isinstance(found, dict) and found.get("format") == FORMAT


def disk_fault(error: OSError, folder: Path) -> tuple[str, bool]:
    """Return one line for a file that could not be written or read, and whether the disk is full."""
    return disk_error(error, folder).line(), error.errno in _FULL


def disk_error(error: OSError, folder: Path) -> UserError:
    """Return what is said of a file that could not be written or read."""
    full = error.errno in _FULL
    what = "disk full" if full else error.strerror or str(error)
    return UserError(what, where=str(error.filename or folder), remedy="make room, then --resume" if full else "")


def unfinished(root: Path, job: TrackJob) -> str:
    """Return why a track has to be rendered; "" for one that is finished and whole."""
    folder = folder_of(root, job.id)
    record = read_record(folder)
    if record is None:
        return "not rendered yet" if not (folder / "job.json").exists() else "it was not finished"
    if changed := differences(record["depends"], job.depends):
        return changed
    film = folder / record["video"]
    if not film.is_file():
        return f"{film.name} is gone"
    if sha256_of(film) != record["video_sha256"]:
        return f"{film.name} is not the file that was rendered"
    try:
        digest = read_hashes(hashes_beside(film)).digest
    except (OSError, UserError):
        return "its frame hashes cannot be read"
    return "" if digest == record["digest"] else "its frame hashes are not those of the render"


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return in words what changed, "" where nothing did: `setting crf: 18 -> 20, and 2 more`."""
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    if not changed:
        return ""
    key = next((key for key in changed if key.startswith("setting")), changed[0])
    old, new = (_short(side.get(key)) for side in (before, after))
    # Two hashes side by side tell nobody anything.
    text = f"{key} changed" if len(old) > _SHOWN or len(new) > _SHOWN else f"{key}: {old} -> {new}"
    return text + (f", and {len(changed) - 1} more" if len(changed) > 1 else "")


def run_document(
    checked: Checked, jobs: Mapping[str, TrackJob], failed: Mapping[str, str], film: Mapping[str, Any] | None, began: str
) -> dict[str, Any]:
    """Return what `run.json` says of the album now. Two runs on one machine differ under "volatile" only.

    jobs: of the tracks that were asked for. failed: id -> why. film: the stitched film. began: date and time of this run.
    """
    tracks: dict[str, Any] = {}
    volatile: dict[str, Any] = {"began": began, "written": clock.wall_clock().isoformat(timespec="seconds")}
    for track in checked.album.track:
        record = read_record(folder_of(checked.root, track.id))
        if track.id in failed:
            tracks[track.id] = {"state": "failed", "why": failed[track.id]}
        elif record is None or (track.id in jobs and record["depends"] != jobs[track.id].depends):
            tracks[track.id] = {"state": "waiting"}
        else:
            volatile[track.id] = record.pop("volatile")
            record.pop("format")
            tracks[track.id] = {"state": "finished", **record}
    if film is not None:
        film = dict(film)
        volatile["film"] = film.pop("volatile")
    return {
        "format": FORMAT,
        "config": checked.album.model_dump(mode="json"),
        "seeds": {song.id: song.seed for song in checked.songs},
        "presets": {song.mood: song.preset.model_dump(mode="json") for song in checked.songs},
        "versions": versions(),
        "program": program_sha(),
        "tracks": tracks,
        "film": film,
        "volatile": volatile,
    }


def cpu_name() -> str:
    """Return what the system calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _short(value: str | None) -> str:
    return "none" if value is None else value

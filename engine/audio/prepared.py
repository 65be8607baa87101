"""Listens to a piece before it is rendered: features, beats and sections, once, and kept in a cache that cannot go stale.

Called by offline renders on a thread that may wait, never in a show. A piece is known by a key over all that its analysis
depends on: the bytes of the file, the trim, the settings and the source of the analysis, the versions of what it stands on.
What is in the cache is checked before it is used; what is damaged, or half written, is made again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache as once
from pathlib import Path
from typing import Literal

import numpy as np

from phosphene.engine.audio import analyzer, tag_network
from phosphene.engine.audio.hearing import FEATURES_FILE, SECTIONS_FILE, TABLES_FILE, TAIL_HOPS, hear, sync
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.part import Part
from phosphene.engine.audio.prepared_source import PreparedSource
from phosphene.engine.audio.sections import Section, energy_curve
from phosphene.engine.audio.tagger import TagTable
from phosphene.engine.core import paths
from phosphene.engine.core.cache import MOST_ANALYSES, keep_within, touch
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE, WINDOW
from phosphene.engine.tempo.grid import BeatGrid

ANALYSIS_VERSION = 3  # of the files in the cache; what goes into them is watched by the key itself

_META_FILE = "meta.json"
_DATA_FILES = (FEATURES_FILE, TABLES_FILE, SECTIONS_FILE)
_WORKING, _DEAD_S = ".part-", 3600.0
_ROOT = Path(__file__).resolve().parents[1]
_SOURCES = ("audio", "tempo", "core/signals.py")
_READ = (".py", ".npz")
_PACKAGES = ("numpy", "aubio-ledfx", "av")

_log = logging.getLogger(__name__)


class Prepared:
    """A piece that has been heard. Made by `prepare`; reads only what is on disk, so it is the same whoever heard it.

    key: of the cache; audio_sha256, features_sha256: hexadecimal; samples at 48 kHz; seconds = samples / 48000; grid;
    sections: in order, from 0 to `seconds`; notes: what is odd about the sound and was made good, a line each; folder: where
    the files are; cached: whether they were there already.
    """

    def __init__(self, part: Part, folder: Path, meta: dict[str, object], cached: bool) -> None:
        """Read the tables in `folder`. Raises OSError, ValueError or KeyError when they are not what `meta` says."""
        self._part, self.folder, self.cached = part, folder, cached
        self.key, self.audio_sha256 = str(meta["key"]), str(meta["audio_sha256"])
        self.features_sha256 = str(meta["files"][FEATURES_FILE])
        self.samples = int(meta["samples"])
        self.notes = tuple(str(line) for line in meta["notes"])
        self.seconds = self.samples / SAMPLE_RATE
        with np.load(folder / TABLES_FILE, allow_pickle=False) as tables:
            first, sure = int(tables["first"]), float(tables["bar_confidence"])
            ones = tables["ones"] if len(tables["ones"]) else None
            self.grid = BeatGrid(tables["beats"], tables["confidence"], first, ones, sure)
            self._tags = TagTable(tables["tags"])
            self._onsets, self._lines, self._clipped = tables["onsets"], tables["lines"], int(tables["clipped"])
        told = json.loads((folder / SECTIONS_FILE).read_text(encoding="utf-8"))
        self.sections = tuple(Section(**section) for section in told)

    def source(self) -> PreparedSource:
        """Return an AudioSource over the piece, with a file of its own."""
        features = self.folder / FEATURES_FILE
        return PreparedSource(self._part, features, self._onsets, self._lines, self._clipped, self.notes, owner=self)

    def tags_at(self, t: float) -> dict[str, float]:
        """Return `signals.TAG_SIGNALS` at `t` in s, 0..1; all 0 where the extra `nets` is not installed."""
        return self._tags.at(t)

    def energy_at(self, t: float) -> float:
        """Return the energy of the section at `t` in s, 0..1, gliding from one to the next."""
        return energy_curve(self.sections, t)

    def pcm_blocks(self) -> Iterator[np.ndarray]:
        """Yield the sound, float32 [n, 2] at 48 kHz, decoded again: exactly `samples` in all."""
        left = self.samples
        for block in self._part.blocks(SoundFaults()):  # said already, in `notes`
            block = block[:left]
            left -= len(block)
            if len(block):
                yield block
            if not left:
                return
        while left:  # the file has become shorter since it was heard: picture and sound still end together
            size = min(left, SAMPLE_RATE)
            yield np.zeros((size, 2), np.float32)
            left -= size


def prepare(
    path: Path | Literal["demo"],
    *,
    start: float = 0.0,
    duration: float | None = None,
    cache: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Prepared:
    """Hear `path` (any file that PyAV reads, or "demo") from `start` s on for `duration` s (None: to its end).

    Time 0 of what comes back is `start`. A duration beyond the end of the file ends with the file. `cache`: a folder in
    place of the user's cache. `progress` is given 0..1. Raises UserError for a file or a part without sound, before
    anything is written, and when there is no room to work in.
    """
    tell = progress or (lambda _: None)
    part = Part.of(path, start, duration)
    next(part.blocks())  # whatever is wrong with the file is said here
    audio = part.sha256()
    key = _key(part, audio)
    root = (cache or paths.cache_dir()) / "analysis"
    if (found := _load(part, root / key, key)) is not None:
        touch(root / key)
        tell(1.0)
        return found
    try:
        folder, temporary = _hear_into(part, root, key, audio, tell), False
    except OSError as error:
        told = f"the analysis of {part.path} cannot be kept in {root} ({error})"
        _log.warning("%s: it is made in a temporary folder", told)  # text: an error held by a log would hold this frame
        folder, temporary = _hear_for_now(part, key, audio, tell), True
    made = _load(part, folder, key, cached=False)
    if made is None:
        raise UserError("the analysis could not be read back", where=str(folder), remedy="check the disk")
    if temporary:
        weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
    return made


def _key(part: Part, audio: str) -> str:
    """Return the SHA-256 of everything the analysis depends on."""
    told = {
        "version": ANALYSIS_VERSION,
        "audio": audio,
        "part": [part.first, part.count],
        "analyzer": [SAMPLE_RATE, HOP, WINDOW, analyzer.ONSET_METHOD, analyzer.BAND_EDGES_HZ, TAIL_HOPS],
        "features": FEATURES.descr,
        "sources": _sources(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "tagged": not tag_network.refusal(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


@once
def _sources() -> str:
    """Return the SHA-256 of the code that analyses, and its weights: a constant changed anywhere is another analysis."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        path = _ROOT / name
        for file in sorted(p for p in path.rglob("*") if p.suffix in _READ) if path.is_dir() else [path]:
            digest.update(file.relative_to(_ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _load(part: Part, folder: Path, key: str, cached: bool = True) -> Prepared | None:
    """Return what is in `folder`, or None when it is not there, not whole, or not of this key."""
    try:
        meta = json.loads((folder / _META_FILE).read_text(encoding="utf-8"))
        if meta["key"] == key and all(_sha256(folder / name) == meta["files"][name] for name in _DATA_FILES):
            return Prepared(part, folder, meta, cached)
        _log.warning("the analysis in %s is damaged: it is made again", folder)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("the analysis in %s cannot be read (%s): it is made again", folder, str(error))
    return None


def _hear_into(part: Part, root: Path, key: str, audio: str, tell: Callable[[float], None]) -> Path:
    """Hear the part into a folder beside its final place, then move it there. Raises OSError when that cannot be written."""
    root.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=_WORKING, dir=root))
    _clear(root, working)
    try:
        _write(part, working, key, audio, tell)
        final = root / key
        if final.exists() and _load(part, final, key) is None:
            os.replace(final, root / f"{working.name}.old")
        if not final.exists():  # else another process was faster, and may be reading
            os.replace(working, final)
        keep_within(root, MOST_ANALYSES, "[0-9a-f]*")
    finally:
        for folder in (working, root / f"{working.name}.old"):
            shutil.rmtree(folder, ignore_errors=True)
    return final


def _clear(root: Path, working: Path) -> None:
    """Remove what processes that died left behind: a living one writes every few seconds."""
    now = working.stat().st_mtime  # the file system's own clock, wherever it is
    for folder in root.glob(_WORKING + "*"):
        try:
            newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        except OSError:  # its owner has just finished
            continue
        if now - newest > _DEAD_S:
            shutil.rmtree(folder, ignore_errors=True)


def _hear_for_now(part: Part, key: str, audio: str, tell: Callable[[float], None]) -> Path:
    """Hear the part into a temporary folder. Raises UserError when there is no room for that either."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="phosphene-"))
    except OSError as error:
        raise UserError("no temporary folder to work in", got=error, remedy="free some disk, or set TMPDIR") from error
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            _write(part, folder, key, audio, tell)
        except OSError as error:
            remedy = "free 230 MB for each hour of music, or set TMPDIR"
            raise UserError("no room for the analysis", where=str(folder), got=error, remedy=remedy) from error
        undo.pop_all()
    return folder


def _write(part: Part, folder: Path, key: str, audio: str, tell: Callable[[float], None]) -> None:
    samples, notes = hear(part, folder, tell)
    files = {name: _sha256(folder / name) for name in _DATA_FILES}
    meta = {"key": key, "audio_sha256": audio, "samples": samples, "notes": notes, "files": files}
    with (folder / _META_FILE).open("w", encoding="utf-8") as file:
        json.dump(meta, file, indent=1)
        sync(file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

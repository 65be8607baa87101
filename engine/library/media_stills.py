"""Stills of pictures and clips for the desk's library: made one after the other beside the show, kept by content.

`still` never waits: what is not there is made by a process of its own (`media_still_worker.py`), which a thread of ours
starts, watches and ends at its limit. A file that gives none is not tried again while it stays as it is. A camera has none.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
from pathlib import Path

from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import cache_dir
from phosphene.engine.models.media import named

_log = logging.getLogger(__name__)

LIMIT_S = 30.0  # for one file: a clip of 4 GB is hashed in some 5 s from a usual disk
MOST_WAITING = 64  # pages ask for what they show; of more the oldest are let go, and asked for again when they are seen
_MOST_KNOWN = 4000  # as many as the library lists
_FOLDER = "media"

_Stamp = tuple[float, int]


class MediaStills:
    """One for a desk; its thread begins with the first still that has to be made, and ends when nothing is left to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[_Stamp, Path | None]] = {}
        self._waiting: dict[str, tuple[str, Path, _Stamp]] = {}
        self._making: tuple[str, _Stamp] | None = None
        self._thread: threading.Thread | None = None

    def still(self, slug: str) -> Path | None:
        """Return the file of a still; None where there is none, or none yet: then it is being made."""
        try:
            source = named(slug)
            if source.file is None:
                return None
            told = os.stat(source.file)
        except (UserError, OSError):
            return None
        stamp = told.st_mtime, told.st_size
        with self._lock:
            known = self._known.get(slug)
            if known is not None and known[0] == stamp and (known[1] is None or known[1].is_file()):
                return known[1]
            if self._making == (slug, stamp):
                return None
            self._waiting.pop(slug, None)
            self._waiting[slug] = source.kind, source.file, stamp
            while len(self._waiting) > MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stills", daemon=True)
                self._thread.start()
        return None

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                slug = next(reversed(self._waiting))  # what was asked for last is looked at now
                kind, file, stamp = self._waiting.pop(slug)
                self._making = slug, stamp
            found = _made(kind, file)
            with self._lock:
                self._making = None
                self._known[slug] = stamp, found
                while len(self._known) > _MOST_KNOWN:
                    del self._known[next(iter(self._known))]


def _made(kind: str, file: Path) -> Path | None:
    """Return the still of a file, made by a process of its own; None where it gives none."""
    folder = cache_dir() / _FOLDER
    order = json.dumps({"kind": kind, "file": str(file.absolute()), "folder": str(folder)})
    command = python_child("phosphene.engine.library.media_still_worker", order)
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=child_environment(), text=True
        ) as worker:
            try:
                worker.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                _log.debug("the still of %s takes too long", file)
                return None
            finally:
                worker.kill()
            assert worker.stdout is not None
            told = json.loads(worker.stdout.readline() or "{}")
    except (OSError, ValueError):
        _log.debug("the still of %s", file, exc_info=True)
        return None
    if not told.get("still"):
        _log.debug("no still of %s: %s", file, told.get("why", "its worker died"))
        return None
    return folder / str(told["still"])

"""A take: one recorded stretch of a show, in a folder of its own, complete enough to be rendered again.

    takes/<time>/recording.mp4 (or where --record says)   audio.flac   events.jsonl   frames.bin   pictures.bin   report.json

`events.jsonl` begins with one `start` line (all that the next frame depends on: show document, decks, envelopes; seeds,
versions, device, fps, size), then a line for each input of the show document (control changes, the loader's answers) with
the frame that applied it. `frames.bin` and `pictures.bin` hold what each frame heard and where the recording has it (see
`take_state.py`). The render loop only queues lines; a thread writes them, so that a slow or full disk costs the take its
log, never the show a frame. Each file stands by itself: one that cannot be written ends no other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim, discarding, fresh_folder

_log = logging.getLogger(__name__)
_QUEUE = 20_000  # lines; at 250 changed addresses a frame and 60 fps that is more than a second of a stalled disk
_FLUSH_S = 0.5
EVENTS = "events.jsonl"


def _plain(value: object) -> object:
    """Turn frozen documents into what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


class Take:
    """An open take folder. A file is made with its first line; `error` says which one is not whole."""

    def __init__(self, folder: Path) -> None:
        """Create `folder` (a number is appended while it exists). Raises UserError when the disk refuses."""
        try:
            self.folder = fresh_folder(folder)
        except OSError as error:
            raise refused("cannot write the take", folder, error) from error
        self.dropped = 0
        self.error = ""
        self._lines: queue.Queue[tuple[str, bytes]] = queue.Queue(_QUEUE)
        self._files: dict[str, BinaryIO | None] = {}  # None: it could not be written
        self._report: Mapping[str, object] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, name="take", daemon=True)
        self._thread.start()

    @classmethod
    def named_by_time(cls, parent: Path) -> Take:
        """Create a take under `parent`, named by the wall clock."""
        return cls(parent / clock.wall_clock().strftime("%Y-%m-%d_%H-%M-%S"))

    def event(self, kind: str, **values: object) -> None:
        """Queue one line of the log. Never blocks; a full queue drops the line and counts it."""
        self.record(EVENTS, event_line(kind, **values))

    def record(self, name: str, data: bytes) -> None:
        """Queue `data` for the end of the file `name` in the folder, as `event` does a line. Any thread."""
        if not data:
            self.dropped += 1
            return
        try:
            self._lines.put_nowait((name, data))
        except queue.Full:
            self.dropped += 1

    def end(self, report: Mapping[str, object] | None = None) -> None:
        """Have what is queued written, then `report` as report.json. Returns at once; a failure is kept in `error`."""
        self._report = report
        self._ending.set()
        with contextlib.suppress(queue.Full):  # full, it is awake
            self._lines.put_nowait(("", b""))

    @property
    def ended(self) -> bool:
        """Whether all is written, or given up."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End, and wait for it: not for longer than 5 s, whatever the disk does."""
        if not self._ending.is_set():
            self.end()
        self._thread.join(timeout=5.0)

    def discard(self) -> None:
        """End, and remove the folder, as long as nothing lies in it. Not on the render thread."""
        self.close()
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _write(self) -> None:
        last_flush = clock.now()
        while not (self._ending.is_set() and self._lines.empty()):
            with contextlib.suppress(queue.Empty):
                name, data = self._lines.get(timeout=_FLUSH_S)
                if name:
                    self._append(name, data)
            if clock.now() - last_flush > _FLUSH_S:
                for name in list(self._files):
                    self._on_disk(name, lambda file: file.flush())
                last_flush = clock.now()
        for name in list(self._files):
            self._on_disk(name, lambda file: file.close())
        if self.dropped:
            self.error = self.error or f"the log of the take is not whole: {self.dropped} lines are missing"
        if self._report is not None:
            try:
                write_json(self.folder / "report.json", self._report)
            except UserError as error:
                self._failed(error)

    def _append(self, name: str, data: bytes) -> None:
        if name not in self._files:
            try:
                self._files[name] = (self.folder / name).open("xb")
            except OSError as error:
                self._files[name] = None
                self._failed(refused("cannot write the take", self.folder / name, error))
        if self._files[name] is None:
            self.dropped += 1
        self._on_disk(name, lambda file: file.write(data))

    def _on_disk(self, name: str, do: Callable[[BinaryIO], object]) -> None:
        file = self._files[name]
        if file is None:
            return
        try:
            do(file)
        except OSError as error:
            self._files[name] = None
            with contextlib.suppress(OSError):  # what is still in memory does not fit either
                file.close()
            self._failed(refused("cannot write the take", self.folder / name, error))

    def _failed(self, error: UserError) -> None:
        self.error = self.error or error.line()
        _log.warning("the take is not whole: %s", error.line())


def event_line(kind: str, **values: object) -> bytes:
    """Return a line of the log; nothing for values that JSON does not know, such as NaN."""
    try:
        return (json.dumps(_plain({"kind": kind, **values}), allow_nan=False, default=str) + "\n").encode("ascii")
    except ValueError:
        return b""


def write_json(path: Path, document: Mapping[str, object], what: str = "cannot write the report") -> Path:
    """Write `document` as JSON, whole or not at all; return where it is: what was there is kept (`core/placing.py`).

    Raises UserError when the disk refuses.
    """
    try:
        with discarding(claim(path, ".part")) as working:
            working.write((json.dumps(_plain(document), indent=2) + "\n").encode("ascii"))
            return working.hand_over()
    except OSError as error:
        raise refused(what, path, error) from error

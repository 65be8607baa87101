"""A take: one recorded stretch of a show, in a folder of its own, complete enough to be rendered again.

    takes/<time>/recording.mp4 (or where --record says)   audio.flac   events.jsonl   frames.bin   pictures.bin   report.json

`events.jsonl` begins with one `start` line (all that the next frame depends on: show document, decks, envelopes; seeds,
versions, device, fps, size), then a line for each input of the show document (control changes, the loader's answers) with
the frame that applied it. `frames.bin` and `pictures.bin` hold what each frame heard and where the recording has it (see
`take_state.py`). The render loop only queues lines; a thread writes them, so that a slow or full disk costs the take its
log, never the show a frame.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from engine.core import clock
from engine.core.errors import UserError

_log = logging.getLogger(__name__)
_QUEUE = 20_000  # lines; at 250 changed addresses a frame and 60 fps that is more than a second of a stalled disk
_FLUSH_S = 0.5


def _plain(value: Any) -> Any:
    """Turn frozen documents into what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


class Take:
    """An open take folder and its event log."""

    def __init__(self, folder: Path) -> None:
        """Create `folder` (a number is appended while it exists). Raises UserError when the disk refuses."""
        self.folder = _fresh(folder)
        self.dropped = 0
        self.error = ""
        self._lines: queue.Queue[str | tuple[str, bytes]] = queue.Queue(_QUEUE)
        self._records: dict[str, BinaryIO] = {}
        self._report: Mapping[str, Any] | None = None
        self._ending = threading.Event()
        try:
            self._file = (self.folder / "events.jsonl").open("w", encoding="utf-8")
        except OSError as error:
            raise _disk_error(self.folder, error) from error
        self._thread = threading.Thread(target=self._write, name="take", daemon=True)
        self._thread.start()

    @classmethod
    def named_by_time(cls, parent: Path) -> Take:
        """Create a take under `parent`, named by the wall clock."""
        return cls(parent / clock.wall_clock().strftime("%Y-%m-%d_%H-%M-%S"))

    def event(self, kind: str, **values: Any) -> None:
        """Queue one line. Never blocks; a full queue drops the line and counts it."""
        try:
            self._lines.put_nowait(json.dumps({"kind": kind, **_plain(values)}, allow_nan=False, default=str))
        except queue.Full:
            self.dropped += 1
        except ValueError:
            self.dropped += 1

    def record(self, name: str, data: bytes) -> None:
        """Queue `data` for the end of the file `name` in the folder, as `event` does a line. Any thread."""
        try:
            self._lines.put_nowait((name, data))
        except queue.Full:
            self.dropped += 1

    def end(self, report: Mapping[str, Any] | None = None) -> None:
        """Have what is queued written, then `report` as report.json. Returns at once; a failure is kept in `error`."""
        self._report = report
        self._ending.set()
        with contextlib.suppress(queue.Full):  # full, it is awake
            self._lines.put_nowait("")

    @property
    def ended(self) -> bool:
        """Whether all is written, or given up."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End, and wait for it: not for longer than 5 s, whatever the disk does."""
        if not self._ending.is_set():
            self.end()
        self._thread.join(timeout=5.0)

    def _write(self) -> None:
        last_flush = clock.now()
        while not (self._ending.is_set() and self._lines.empty()):
            try:
                line = self._lines.get(timeout=_FLUSH_S)
            except queue.Empty:
                line = ""
            if self.error:
                self.dropped += bool(line)
                continue
            try:
                if isinstance(line, tuple):
                    self._append(*line)
                elif line:
                    self._file.write(line + "\n")
                if clock.now() - last_flush > _FLUSH_S:
                    for file in (self._file, *self._records.values()):
                        file.flush()
                    last_flush = clock.now()
            except OSError as error:
                self._failed(_disk_error(self.folder, error))
        try:
            for file in (self._file, *self._records.values()):
                file.close()
            if self._report is not None:
                write_json(self.folder / "report.json", self._report)
        except OSError as error:
            self._failed(_disk_error(self.folder, error))
        except UserError as error:
            self._failed(error)

    def _append(self, name: str, data: bytes) -> None:
        if name not in self._records:
            self._records[name] = (self.folder / name).open("wb")
        self._records[name].write(data)

    def _failed(self, error: UserError) -> None:
        self.error = self.error or error.line()
        _log.warning("the take is not whole: %s", error.line())


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write `document` as JSON at `path`, whole or not at all. Raises UserError when the disk refuses."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(_plain(document), indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # what could not be written may not be there to remove either
            part.unlink()
        raise _disk_error(path, error) from error


def _fresh(folder: Path) -> Path:
    candidate, n = folder, 1
    while True:
        try:
            candidate.mkdir(parents=True)
            return candidate
        except FileExistsError:
            n += 1
            candidate = folder.with_name(f"{folder.name}-{n}")
        except OSError as error:
            raise _disk_error(folder, error) from error


def _disk_error(path: Path, error: OSError) -> UserError:
    return UserError(
        "cannot write the take",
        where=str(path),
        got=error.strerror or error,
        remedy="free some disk or choose another folder",
    )

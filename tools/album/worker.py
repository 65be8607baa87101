"""One track in a process of its own: `python -P -m phosphene.tools.album.worker FOLDER`, the job in FOLDER/job.json.

Options: `--no-previews`; `--verify` paints a finished film again and compares; `--probe` tells how fast it goes.

Started by `local` and, on other machines, by `cluster`. It tells how far it is as lines of JSON on its standard output, and
everything else into FOLDER/log.txt. `track.json` is written last: a track that has none, or one of other settings, is not
finished. The process ends with the one that started it, whatever ends that: its standard input is then at an end.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from pathlib import Path
from typing import Any, TextIO

import tomli_w

from phosphene.engine.app.offline import RenderResult, render, verify
from phosphene.engine.app.recording import versions
from phosphene.engine.app.render_job import RenderJob
from phosphene.engine.core import clock
from phosphene.engine.core.child import end_with_parent
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, read_json
from phosphene.engine.core.placing import set_aside
from phosphene.tools.album.job import FORMAT, SHOW, TrackJob
from phosphene.tools.album.previews import make_previews
from phosphene.tools.album.records import TRACK_FILE, cpu_name, disk_fault, write_record

_EVERY_S = 0.2  # between two lines of progress
_LOG = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_STOPPED = 3  # exit code: whoever started this process is gone


def main() -> int:
    """Render, or verify, one track; return the exit code."""
    end_with_parent(_STOPPED)
    folder, options = Path(sys.argv[1]).resolve(), set(sys.argv[2:])
    # Only what is meant for it goes to whoever started this: drivers and encoders print where they like.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    try:
        log = _open_log(folder / "log.txt")
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
        job = TrackJob.from_json(read_json(folder / "job.json", MOST_RECORD))
        os.environ["PHOSPHENE_SCENES"] = str(_scene_files(folder, job))
        if "--probe" in options:
            _say(told, {"rate": _rate(job.in_folder(folder))})
        elif "--verify" in options:
            differs = verify(job.in_folder(folder), _Teller(told))
            _say(told, {"verified": differs is None, "frame": differs})
        else:
            _render(folder, job, _Teller(told), previews="--no-previews" not in options)
        return 0
    except UserError as error:
        _say(told, {"error": error.line(), "full": "disk full" in error.line() or "No space left" in error.line()})
    except OSError as error:
        line, full = disk_fault(error, folder)
        _say(told, {"error": line, "full": full})
    return 1


def _render(folder: Path, job: TrackJob, told: _Teller, *, previews: bool) -> None:
    # Until the film has its place, what lies there is the earlier one, whole, with its record.
    render_job = job.in_folder(folder)
    result = render(render_job, told)
    if result.messages or result.faults:
        got = next(iter((*result.messages, *result.faults.values())))
        raise UserError("the show was not the one that was asked for", where=job.id, got=got)
    if (result.audio_sha256, result.analysis_key) != (job.depends["audio"], job.depends["analysis"]):
        raise UserError("the audio file changed while it was rendered", where=str(render_job.audio), remedy="render again")
    if os.path.lexists(folder / TRACK_FILE):
        set_aside(folder / TRACK_FILE)
    write_record(folder / TRACK_FILE, document(job, result))
    if previews:
        told("previews", 0, 1)
        make_previews(folder, result.out, job)


def _rate(job: RenderJob) -> float:
    """Return how many frames a second are rendered once the first is there."""
    times: list[float] = []
    render(job, lambda what, done, total: times.append(clock.now()) if what == "rendering" else None)
    return (len(times) - 1) / max(1e-6, times[-1] - times[0])


def document(job: TrackJob, result: RenderResult) -> dict[str, Any]:
    """Return what `track.json` says: what the film depends on and what came of it, what may differ next time apart."""
    return {
        "format": FORMAT,
        "id": job.id,
        "title": job.title,
        "seconds": result.seconds,
        "frames": result.frames,
        "fps": str(result.fps),
        "digest": result.digest,
        "video": result.out.name,
        "video_sha256": result.video_sha256,
        "hashes": result.hashes.name,
        "notes": list(result.notes),
        "depends": job.depends,
        "plan": list(job.pieces),
        "device": {"renderer": result.renderer, "backends": result.backends, "cpu": cpu_name()},
        "volatile": {
            "finished": clock.wall_clock().isoformat(timespec="seconds"),
            "timings": result.timings,
            "speed": round(result.speed, 3),
            "peak_rss_mb": result.peak_rss_mb,
            "threads": os.environ.get("PHOSPHENE_THREADS", ""),
            "versions": versions(),
        },
    }


def _scene_files(folder: Path, job: TrackJob) -> Path:
    """Write the track's scenes: files, so that a person can play them, `vj live --scene FOLDER/show/01-tide.toml`.

    Other ones, or those that a person has changed since, are kept as `show-1`.
    """
    show = folder / SHOW
    files = {f"{slug}.toml": tomli_w.dumps(scene).encode() for slug, scene in job.scenes.items()}
    if os.path.lexists(show):
        if {path.name: path.read_bytes() for path in show.glob("*") if path.is_file()} == files:
            return show
        set_aside(show)
    show.mkdir()
    for name, text in files.items():
        (show / name).write_bytes(text)
    return show


class _Teller:
    """Passes on how far a render is, a few times a second."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._next, self._what = out, 0.0, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        t = clock.now()
        if what != self._what or done == total or t >= self._next:
            self._what, self._next = what, t + _EVERY_S
            _say(self._out, {"what": what, "done": done, "total": total})


def _say(out: TextIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _open_log(path: Path) -> int:
    """Open the log to append to it. What is no plain file of its own, or a link to one elsewhere, is set aside unopened."""
    try:
        state = os.lstat(path)
        if not _is_own(state):
            set_aside(path)
    except FileNotFoundError:
        pass
    handle = os.open(path, _LOG, 0o666)
    if not _is_own(os.fstat(handle)):  # it has become something else meanwhile
        os.close(handle)
        raise UserError("the log is no plain file", where=str(path), remedy="remove it")
    return handle


def _is_own(state: os.stat_result) -> bool:
    return stat.S_ISREG(state.st_mode) and state.st_nlink == 1  # the same file may be a person's under another name


if __name__ == "__main__":
    sys.exit(main())

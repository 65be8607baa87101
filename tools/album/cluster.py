"""Renders tracks on a Ray cluster: audio, styles and scenes go out as the bytes of files, films come back the same way.

Called by `tools/render_album.py --ray`, on its main thread; Ray is an optional extra and imported here only. On the other
machine the same worker process runs as here, in a folder that is removed afterwards: same job, same hashes. The source of
the program travels with the job; the packages that it stands on have to be there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from phosphene.engine.app.offline import hashes_beside
from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.files import MOST_RECORD, read_json
from phosphene.engine.core.placing import claim, discarding
from phosphene.engine.models.style import style_folder
from phosphene.engine.show.catalogue import IDLE
from phosphene.tools.album.job import STYLE_FILES, TrackJob, folder_of
from phosphene.tools.album.local import Outcome, died, take, worker_command, worker_environment
from phosphene.tools.album.records import TRACK_FILE, disk_fault, write_record

LOCAL = "local"
_POLL_S = 0.5
_KNOCK_S = 5.0
_STORE_BYTES = 256 << 20  # of a local cluster's shared memory; what does not fit goes to disk
_SENT = {"__init__.py", "engine", "kernels", "tools", "scenes", "shaders"}  # styles come with each track

Files = dict[str, bytes]


def run_on_ray(
    address: str,
    root: Path,
    jobs: Sequence[TrackJob],
    workers: int,
    threads: int,
    told: Callable[[str, dict[str, Any]], None],
    done: Callable[[str, Outcome], None],
    options: Sequence[str] = (),
) -> None:
    """Run the jobs on the cluster at `address`, or on one of this machine alone (`local`); as `local.run_local` otherwise.

    Each job asks for `threads` processors; a local cluster has `workers` times as many. Raises UserError when Ray is not
    installed or the cluster does not answer.
    """
    with _connected(address, workers * threads) as ray:
        task = ray.remote(num_cpus=threads, max_retries=0)(render_there)
        running: dict[Any, TrackJob] = {}
        for job in jobs:
            try:
                files = _packed(root, job)
            except OSError as error:
                done(job.id, Outcome(f"{job.id} cannot be sent: {error}"))
                continue
            running[task.remote(ray.put(files), job.render.audio.suffix, threads, list(options))] = job
            told(job.id, {"what": "on the cluster", "done": 0, "total": 1})
        while running:
            ready, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_S)
            for answer in ready:
                job = running.pop(answer)
                done(job.id, _received(ray, answer, folder_of(root, job.id)))


def render_there(files: Files, suffix: str, threads: int, options: list[str]) -> tuple[Outcome, Files]:
    """Render one track from its files, in a worker process; return its outcome and what it wrote. Runs on the cluster."""
    folder = Path(tempfile.mkdtemp(prefix="phosphene-track-"))
    try:
        _unpack(folder, files)
        track = folder / "track"
        job = TrackJob.from_json(read_json(track / "job.json", MOST_RECORD))
        job = replace(job, render=replace(job.render, audio=folder / f"audio{suffix}"))
        (track / "job.json").write_text(json.dumps(job.to_json()), encoding="utf-8")
        environment = worker_environment(threads) | {"PHOSPHENE_STYLES": str(folder / "styles")}
        outcome = Outcome()
        # The worker's input stays open as long as this process lives: with it, it ends.
        with subprocess.Popen(
            worker_command(track, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as process:
            for line in process.stdout or ():
                take(outcome, json.loads(line))
            code = process.wait()
        if code and not outcome.error:
            log = (track / "log.txt").read_text("utf-8", "replace").strip().splitlines()[-1:]
            outcome.error = f"its worker {died(code)}: {' '.join(log)}"
        outcome.error = outcome.error.replace(f"{folder}/", "")
        return outcome, {} if outcome.error else _files_in(track)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(root: Path, job: TrackJob) -> Files:
    """Return the files of a job by their paths on the other machine. Writes `job.json` here too. Raises OSError."""
    folder = folder_of(root, job.id)
    document = json.dumps(job.to_json(), indent=1).encode()
    write_record(folder / "job.json", job.to_json())
    files = {"track/job.json": document, f"audio{job.render.audio.suffix}": job.render.audio.read_bytes()}
    known = hashes_beside(folder / job.render.out)
    if known.is_file():  # to verify against
        files[f"track/{known.name}"] = known.read_bytes()
    for style in job.styles:
        for name in STYLE_FILES if style != IDLE else ():
            files[f"styles/{style}/{name}"] = (style_folder(style) / name).read_bytes()
    return files


def _unpack(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _files_in(track: Path) -> Files:
    """Return everything that a worker left in its folder; the job stays with whoever gave it out."""
    found = (path for path in sorted(track.rglob("*")) if path.is_file() and path.name != "job.json")
    return {path.relative_to(track).as_posix(): path.read_bytes() for path in found}


def _received(ray: Any, answer: Any, folder: Path) -> Outcome:
    """Write what came back into the track's folder, `track.json` last; return what came of the track."""
    try:
        outcome, files = ray.get(answer)
    except ray.exceptions.RayError as error:
        return Outcome(f"the cluster lost it: {str(error).splitlines()[0]}; --resume renders it again")
    try:
        for name in sorted(files, key=lambda name: (name == TRACK_FILE, name)):
            _hand_over(folder / name, files[name])
    except OSError as error:
        return Outcome(*disk_fault(error, folder))
    return outcome


def _hand_over(path: Path, data: bytes) -> None:
    """Write a file, unless it is there already; another one of its name is kept."""
    if path.is_file() and path.read_bytes() == data:
        return
    with discarding(claim(path, ".part")) as working:
        working.write(data)
        working.hand_over()


@contextmanager
def _connected(address: str, processors: int) -> Iterator[Any]:
    # Nothing is told to anybody, and devices are left alone: both are Ray's defaults otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError("Ray is not installed", where="--ray", remedy=install("ray")) from error
    _knock(address)
    more: dict[str, Any] = {}
    if address == LOCAL:
        more = {"num_cpus": processors, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    with tempfile.TemporaryDirectory(prefix="phosphene-program-") as sent:
        shutil.copytree(paths.PACKAGE, Path(sent) / "phosphene", ignore=_left_here)
        try:
            ray.init(
                address=address,
                runtime_env={"working_dir": sent},
                logging_level=logging.ERROR,
                log_to_driver=False,
                **more,
            )
        except Exception as error:  # boundary: whatever Ray raises here, it is one fault for a person
            raise _nobody(address, error) from error
        try:
            yield ray
        finally:
            with contextlib.suppress(Exception):
                ray.shutdown()


def _left_here(folder: str, names: list[str]) -> set[str]:
    """Return what the cluster does not need of a folder of the program: a checkout holds much more than that."""
    return set(names) - _SENT if Path(folder) == paths.PACKAGE else {"__pycache__"}


def _knock(address: str) -> None:
    """Raise UserError where nobody listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()
    except OSError as error:
        raise _nobody(address, error) from error


def _nobody(address: str, error: Exception) -> UserError:
    got = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    remedy = f"--ray HOST:PORT of a cluster that runs, or --ray {LOCAL}"
    return UserError("no Ray cluster answers", where=f"--ray {address}", got=got, remedy=remedy)

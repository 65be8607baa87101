"""First frames of ISF shaders in a process beside us, with a time limit; and what came of them, remembered.

Called on the loader thread and by `vj shaders lint`. A shader that hangs, kills its process or paints no numbers is refused
with a reason and put into quarantine: by its content, so that no change of its name brings it onto a stage.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import subprocess
import threading
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.core import clock
from phosphene.engine.core.atomic import write_atomic
from phosphene.engine.core.cache import keep_within
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import json_there
from phosphene.engine.core.paths import cache_dir
from phosphene.engine.models.isf import Isf
from phosphene.engine.models.isf_glsl import TRANSLATION

Tried = Generator[tuple[Path, Verdict, str], None, None]
LIMIT_S = 20.0  # for one shader: the slowest of the public collection takes 2 s on software OpenGL
_START_S = 60.0  # for the process to have its context: a cold driver on a slow disk
_AT_ONCE = 100  # files of one process: what they leave behind goes with it, and a command line has an end
MOST_MEMORY = 16 << 20  # bytes of what is remembered: some 20,000 verdicts


def try_shaders(files: Sequence[Path], *, thorough: bool, limit_s: float = LIMIT_S) -> Tried:
    """Yield each file with its verdict and the renderer it ran on, in order. Who does not take all of them closes it.

    limit_s: for one of them. A process that hangs or dies costs the one that did it, and another process goes on.
    """
    waiting = list(files)
    while waiting:
        with contextlib.closing(_attended(tuple(waiting[:_AT_ONCE]), thorough, limit_s)) as told:
            for done in told:
                yield done
                waiting.pop(0)


def _attended(files: Sequence[Path], thorough: bool, limit_s: float) -> Tried:
    """Yield what one process has to say; ends early, after a refusal, where it was killed or died."""
    order = json.dumps({"files": [str(file.resolve()) for file in files], "thorough": thorough})
    worker = subprocess.Popen(
        python_child("phosphene.engine.backends.isf_worker", order), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8", errors="replace", env=child_environment(),
    )  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(worker.stdout, lines), name="shader-trial", daemon=True)
    reader.start()
    renderer = ""
    try:
        renderer = str(_next(lines, _START_S, "renderer")["renderer"])
        for n, file in enumerate(files):
            try:
                _next(lines, limit_s, "begin")
            except _Silence as silence:
                if n and silence.ended:  # it ended with the one before: another process goes on with this one
                    return
                yield file, _refusal(file, silence.ended, limit_s), renderer
                return
            try:
                verdict = Verdict(**_next(lines, limit_s, "verdict")["verdict"])
            except _Silence as silence:
                yield file, _refusal(file, silence.ended, limit_s), renderer
                return
            yield file, verdict, renderer
    except _Silence as silence:  # before the first file: that is no shader's fault
        how = "ended" if silence.ended else f"did not start within {_START_S:g} s"
        raise UserError("shaders cannot be tried here", got=f"the process {how}", remedy="vj doctor says why") from silence
    finally:
        worker.kill()
        worker.wait()
        reader.join()
        worker.stdin.close()
        worker.stdout.close()


class _Silence(Exception):
    """Nothing came in time; or nothing will, for the process has ended."""

    def __init__(self, ended: bool) -> None:
        super().__init__()
        self.ended = ended


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)


def _next(lines: queue.SimpleQueue[str | None], limit_s: float, key: str) -> dict[str, Any]:
    until = clock.now() + limit_s
    while True:
        try:
            line = lines.get(timeout=max(0.0, until - clock.now()))
        except queue.Empty:
            raise _Silence(False) from None
        if line is None:
            raise _Silence(True)
        with contextlib.suppress(ValueError):  # a driver that prints
            said = json.loads(line)
            if isinstance(said, dict) and key in said:
                return said


def _refusal(file: Path, ended: bool, limit_s: float) -> Verdict:
    if ended:
        return Verdict(False, "it brings the driver down", str(file), "mend the shader, or update the driver")
    remedy = "look for a loop that does not end, or that is very long"
    return Verdict(False, f"it does not compile and paint its first frames within {limit_s:g} s", str(file), remedy)


def proven(isf: Isf, renderer: str) -> Verdict:
    """Return the verdict on a shader: what is remembered, or what a trial now says. Waits up to LIMIT_S and some seconds.

    renderer: GL_RENDERER of the show. A refusal is remembered for every renderer, a success for its own.
    """
    verdict = recalled(isf, renderer)
    if verdict is None:
        ((_, verdict, _),) = try_shaders([isf.path], thorough=False)
        remember(isf, verdict, renderer)
    return verdict


def recalled(isf: Isf, renderer: str | None) -> Verdict | None:
    """Return the verdict that is remembered of this content, None where there is none that holds. renderer: None for any."""
    found = json_there(_place(isf))
    try:
        verdict = Verdict(**found["verdict"])
    except (TypeError, KeyError):
        return None
    return verdict if not verdict.ok or renderer in (None, found.get("renderer")) else None


def remember(isf: Isf, verdict: Verdict, renderer: str) -> None:
    """Keep a verdict. A disk that is full forgets it: then the shader is tried again next time."""
    told = {"name": isf.name, "renderer": renderer, "verdict": asdict(verdict)}
    with contextlib.suppress(OSError):
        write_atomic(_place(isf), json.dumps(told).encode())
        keep_within(_folder(), MOST_MEMORY)


def still_place(isf: Isf) -> Path:
    """Return where the still of a shader lies that its trial has painted: beside the verdict on it."""
    return _place(isf).with_suffix(".webp")


def _folder() -> Path:
    return cache_dir() / "shaders"


def _place(isf: Isf) -> Path:
    key = hashlib.sha256(f"{isf.sha256} {TRANSLATION}".encode()).hexdigest()
    return _folder() / f"{key}.json"

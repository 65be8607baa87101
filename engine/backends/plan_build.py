"""Building a plan: the network is written down, a worker process builds, the store takes what comes out.

Called by the loader thread, `vj engines build` and `tools/export_engine.py`; waits for the worker, up to a limit. Imports
onnx, and no TensorRT: that is the worker's (`plan_worker.py`).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from phosphene.engine.backends.plans import Header, Machine, PlanStore, Recipe, written
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.models.style import Style

LEVEL = 3  # the builder's own default: 4 and 5 try more kernels for minutes, 0 takes the first that works
LIMIT_S = 600.0
WORKSPACE_BYTES = 1 << 30  # what a kernel may ask for beside its inputs; a show's textures must still fit

Progress = Callable[[str, int, int], None]  # phase, steps done, steps in all
_NOTES_KEPT = 3


@dataclass(frozen=True)
class Order:
    """What the worker is told, as JSON. Paths as strings.

    grid: the input whose shape is free; shapes: its least, best and most. weights: names that stay exchangeable.
    """

    onnx: str
    plan: str
    timing_cache: str
    grid: str
    weights: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    level: int
    workspace_bytes: int


class _Said:
    """What the worker has told so far. Written by the reading thread, read when that has ended."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.error = ""
        self.refit: bool | None = None
        self.notes: list[str] = []

    def read(self, lines: Sequence[str]) -> None:
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:  # the last line of a worker that was killed
                continue
            if "phase" in said and self._progress is not None:
                self._progress(said["phase"], said["done"], said["steps"])
            elif said.get("grave"):
                self.notes = [*self.notes, said["note"]][-_NOTES_KEPT:]
            self.error = said.get("error", self.error)
            self.refit = said.get("refit", self.refit)


def build(
    style: Style,
    recipe: Recipe,
    machine: Machine,
    store: PlanStore,
    *,
    limit_s: float = LIMIT_S,
    progress: Progress | None = None,
) -> Header:
    """Build the plan of `recipe` on this machine and store it. Raises UserError: too slow, no memory, whatever it was."""
    started = clock.now()
    network = written(style)
    grid, shapes = network.free_shapes(style, recipe.pixels)
    with tempfile.TemporaryDirectory(prefix="phosphene-plan-") as folder:
        onnx, plan = Path(folder, "network.onnx"), Path(folder, "network.plan")
        try:
            onnx.write_bytes(network.graph(style, recipe.full_layers, packed=True))
        except ImportError as error:
            raise UserError("onnx is not installed", where=style.slug, remedy=install("rtx", "tensorrt")) from error
        order = Order(
            onnx=str(onnx),
            plan=str(plan),
            timing_cache=str(store.timing_cache(machine)),
            grid=grid,
            weights=network.refittable(style, recipe.full_layers),
            shapes=shapes,
            level=recipe.level,
            workspace_bytes=WORKSPACE_BYTES,
        )
        refit = run_worker(worker_command(order), style.slug, limit_s, progress)
        data = plan.read_bytes() if plan.is_file() else b""
    if not data:
        raise UserError("the worker left no plan", where=style.slug)
    built = clock.wall_clock().isoformat(timespec="seconds")
    return store.save(style.slug, recipe, machine, data, refit=refit, built=built, seconds=clock.now() - started)


def worker_command(order: Order) -> list[str]:
    """Return the command that builds `order`."""
    return python_child("phosphene.engine.backends.plan_worker", json.dumps(asdict(order)))


def run_worker(command: Sequence[str], where: str, limit_s: float, progress: Progress | None = None) -> bool:
    """Run a build to its end; return whether the plan can be refitted. Kills it after `limit_s`. Raises UserError."""
    said = _Said(progress)
    with tempfile.TemporaryFile() as complaints:
        worker = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True,
            encoding="utf-8", errors="replace", env=child_environment(),
        )  # fmt: skip
        assert worker.stdin is not None
        assert worker.stdout is not None
        reader = threading.Thread(target=said.read, args=(worker.stdout,), name="plan-worker", daemon=True)
        reader.start()
        try:
            code = worker.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise UserError(
                "building the plan takes too long", where=where, allowed=f"{limit_s:g} s",
                remedy="give it more time (--limit) or less to try (--level 0)",
            ) from None  # fmt: skip
        finally:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
            reader.join()
            worker.stdin.close()
            worker.stdout.close()
        complaints.seek(0)
        last = complaints.read()[-4096:].decode("utf-8", "replace").strip().splitlines()[-1:]
    if code == 0 and said.refit is not None:
        return said.refit
    raise _failure(where, code, said, last)


def _failure(where: str, code: int, said: _Said, last: list[str]) -> UserError:
    reasons = "; ".join([said.error, *said.notes] if said.error else [*said.notes, *last])
    remedy = ""
    if "No module named 'tensorrt'" in reasons:
        return UserError("TensorRT is not installed", where=where, remedy=install("rtx", "tensorrt"))
    if "out of memory" in reasons.lower() or "outofmemory" in reasons.lower():
        remedy = "close what else uses the GPU, or build for a smaller size"
    elif code < 0:  # by a signal: on Linux what the kernel does when memory runs out is SIGKILL
        reasons = f"killed by signal {-code}" + (f"; {reasons}" if reasons else "")
        remedy = "memory ran out, most often: close other programs"
    return UserError("the plan was not built", where=where, got=reasons or f"exit code {code}", remedy=remedy)

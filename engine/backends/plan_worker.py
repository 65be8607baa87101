"""The process that builds one TensorRT plan: `python -P -m phosphene.engine.backends.plan_worker ORDER`, of `plan_build.py`.

A process of its own because a build takes tens of seconds to minutes, holds the interpreter for much of it, takes gigabytes,
and may be killed: none of that may happen inside a show. ORDER is JSON (`plan_build.Order`); lines of JSON come back on
stdout: {"phase", "done", "steps"}, {"note", "grave"} and in the end {"refit"} or {"error"}. Never touches the plan store: it
writes the plan where the order says and the parent decides what it is worth.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phosphene.engine.core.child import end_with_parent

if TYPE_CHECKING:
    import tensorrt as trt

Say = Callable[..., None]

_STOPPED = 3  # exit code: whoever started this process is gone


class BuildError(Exception):
    """A build that cannot succeed; the text is for people."""


def build(order: dict[str, Any], say: Say) -> bool:
    """Build the plan of `order`; return whether its weights can be exchanged. Raises BuildError, ImportError."""
    import tensorrt as trt

    logger = make_logger(say)
    builder = trt.Builder(logger)
    network = builder.create_network(network_flags())
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(Path(order["onnx"]).read_bytes()):
        faults = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise BuildError("TensorRT cannot read the network: " + "; ".join(faults))
    config = builder.create_builder_config()
    config.builder_optimization_level = order["level"]
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, order["workspace_bytes"])
    # float32 layers are there because half is too coarse for the style, and TF32 has no more bits than half.
    config.clear_flag(trt.BuilderFlag.TF32)
    config.max_aux_streams = 0  # one stream, so that it can be recorded as one CUDA graph
    monitor = make_monitor(say)  # a name of its own, so that it lives as long as the build
    config.progress_monitor = monitor
    profile = builder.create_optimization_profile()
    least, best, most = (tuple(shape) for shape in order["shapes"])
    profile.set_shape(order["grid"], min=least, opt=best, max=most)
    if config.add_optimization_profile(profile) < 0:
        raise BuildError(f"TensorRT refuses the sizes {order['shapes']}")
    if order["weights"]:
        config.set_flag(trt.BuilderFlag.REFIT_INDIVIDUAL)
    marked = [network.mark_weights_refittable(name) for name in order["weights"]]
    refit = bool(marked) and all(marked)
    cache = give_timing_cache(config, Path(order["timing_cache"]), say)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BuildError("TensorRT built nothing")
    Path(order["plan"]).write_bytes(plan)
    write_beside(Path(order["timing_cache"]), bytes(cache.serialize()))
    return refit


def network_flags() -> int:
    """Return the flags of a strongly typed network: 11 knows no other kind and ignores the flag, 10 must be told."""
    import tensorrt as trt

    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def give_timing_cache(config: trt.IBuilderConfig, path: Path, say: Say) -> trt.ITimingCache:
    """Hand the builder what it measured last time; measurements of another GPU or TensorRT are put aside."""
    stored = path.read_bytes() if path.is_file() else b""
    cache = config.create_timing_cache(stored)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        say(note="the timing cache is of another machine: everything is measured again", grave=False)
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def make_logger(say: Say) -> trt.ILogger:
    """Return a logger that sends errors and warnings to the parent, as notes."""
    import tensorrt as trt

    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
            if int(severity) <= int(trt.ILogger.WARNING):  # the smaller number is the graver one
                say(note=msg, grave=int(severity) <= int(trt.ILogger.ERROR))

    return Log()


def make_monitor(say: Say) -> trt.IProgressMonitor:
    """Return a monitor that tells every step."""
    import tensorrt as trt

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            self.steps[phase_name] = num_steps
            say(phase=phase_name, done=0, steps=num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            say(phase=phase_name, done=step + 1, steps=self.steps.get(phase_name, step + 1))
            return True  # go on

        def phase_finish(self, phase_name: str) -> None:
            steps = self.steps.pop(phase_name, 1)
            say(phase=phase_name, done=steps, steps=steps)

    return Monitor()


def write_beside(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step. Another build may be reading it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(data)
    os.replace(temporary, path)


def main() -> int:
    """Return the exit code; what went wrong has been said."""
    end_with_parent(_STOPPED)
    # TensorRT and its libraries may print: only what `say` writes may reach the parent.
    wire = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def say(**line: object) -> None:
        wire.write(json.dumps(line) + "\n")

    try:
        refit = build(json.loads(sys.argv[1]), say)
    except BuildError as error:
        say(error=str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - boundary: whatever a binding raises is the parent's to tell
        say(error=f"{type(error).__name__}: {error}")
        return 1
    say(refit=refit)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

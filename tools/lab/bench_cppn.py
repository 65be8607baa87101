"""How fast a CPPN runs on the CPU, beside the two plain ways of running it, in one run.

`python tools/lab/bench_cppn.py [--json]`, and called by `vj bench`. Medians of interleaved rounds, so that a machine that
slows down slows everything. What is compared computes the same picture (checked here) from the same weights:

    cpu         phosphene.engine.backends.cpu: uniform inputs folded away, cached chunks, threads
    torch       eager float32, all 12 inputs materialised for every pixel, torch's own threads
    reference   phosphene.kernels.cppn.reference: the same in plain numpy, BLAS with all its threads
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable

import numpy as np

from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.workers import shared_workers
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.encoding import STRAIGHT_VIEW, coordinates
from phosphene.engine.models.style import Network, Style, StyleMeta
from phosphene.kernels.cppn.reference import forward

SIZE = Size(320, 180)


def untrained(width: int) -> Style:
    """Return the 12-input, 4-layer network of the first seed, with random weights."""
    spec = CppnSpec(width=width)
    network = Network(inputs=spec.inputs, width=width, layers=spec.layers, activations=spec.activations)
    meta = StyleMeta(version=1, name="bench", kind="cppn", seed=0, licence="CC0-1.0", network=network)
    return Style("bench", "bench", "cppn", spec, random_weights(spec, 0, gain=2.0), meta)


def torch_eager(style: Style, inputs: np.ndarray) -> Callable[[], np.ndarray] | None:
    """Return a function that runs the network in eager torch, or None where torch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    layers = [(torch.tensor(w), torch.tensor(b)) for w, b in style.weights]
    functions = {"sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "gauss": lambda z: torch.exp(-z * z)}
    x = torch.from_numpy(inputs)

    def run() -> np.ndarray:
        with torch.inference_mode():
            h = x
            for (w, b), name in zip(layers[:-1], style.spec.layer_activations, strict=True):
                h = functions[name](torch.nn.functional.linear(h, w, b))
            return torch.sigmoid(torch.nn.functional.linear(h, *layers[-1])).numpy()

    return run


def bench(width: int = 128, size: Size = SIZE, rounds: int = 9) -> dict[str, object]:
    """Return medians in ms of each way at `width` and `size`, and how many times faster `cpu` is.

    torch_ms is None where torch is missing.
    """
    style = untrained(width)
    uniforms = np.random.default_rng(0).uniform(0, 1, len(style.spec.uniform))
    inputs = np.empty((size.pixels, len(style.spec.inputs)), np.float32)
    inputs[:, style.spec.columns(style.spec.spatial)] = coordinates(size, STRAIGHT_VIEW)
    inputs[:, style.spec.columns(style.spec.uniform)] = uniforms
    program = CpuProgram(style)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "cpu": lambda: program.evaluate(uniforms, size).reshape(-1, 3),
        "reference": lambda: forward(inputs, style.weights, style.spec.layer_activations),
    }
    if (eager := torch_eager(style, inputs)) is not None:
        ways["torch"] = eager
    pictures = {name: run().copy() for name, run in ways.items()}
    for name, picture in pictures.items():
        if (error := float(np.abs(picture - pictures["reference"]).max())) > 1e-3:
            raise RuntimeError(f"{name} paints another picture: off by {error}")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            run()  # each way starts with its own data in the cache, not with its rival's
            start = clock.now()
            run()
            times[name].append((clock.now() - start) * 1e3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    torch_ms = medians.get("torch")
    return {
        "width": width,
        "size": str(size),
        "threads": shared_workers().threads,
        "cpu_ms": round(medians["cpu"], 2),
        "torch_ms": None if torch_ms is None else round(torch_ms, 2),
        "reference_ms": round(medians["reference"], 2),
        "times_torch": None if torch_ms is None else round(torch_ms / medians["cpu"], 2),
        "times_reference": round(medians["reference"] / medians["cpu"], 2),
        "gflops": round(style.spec.flops_per_pixel * size.pixels / medians["cpu"] / 1e6, 1),
    }


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.add_argument("--widths", default="16,32,64,128")
    parser.add_argument("--size", type=Size.parse, default=SIZE)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    results = [bench(int(width), given.size, given.rounds) for width in given.widths.split(",")]
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
        return
    columns = list(results[0])
    for row in [dict(zip(columns, columns, strict=True)), *results]:
        sys.stdout.write("  ".join(f"{row[c]!s:>15}" for c in columns) + "\n")


if __name__ == "__main__":
    main()

"""Every way of running a CPPN on this machine's CUDA GPU, beside the floor: `python tools/bench.py gpu [--json PATH]`.

One warm GPU, CUDA events, medians of rounds in which the ways take turns, so that a clock that changes changes for all. The
numbers also go to `tools/bench/results/<date>-<gpu>.json`. What is compared paints the same picture (checked here):

    fused, fused_acc32, fused_fp32    phosphene.engine.backends.cuda: the variants of kernels/cppn_fused
    pair                              two decks and their crossfade in one launch, to be read against two of `fused`
    torch_eager                       half, layer after layer over the whole picture, as one would write it
    torch_unfused                     the same as a CUDA graph with product, bias and activation apart: cuBLAS's way
    torch_graph                       phosphene.engine.backends.torch: chunks that fit the L2 cache, one CUDA graph
    torch_compile                     torch.compile of torch_eager
    floor                             phosphene.kernels.cppn_fused.floor: arithmetic on the GPU's peaks, not a measurement
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.app.recording import versions
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.cuda import CudaBackend, CudaProgram, Kernels
from phosphene.engine.backends.torch import Network, TorchBackend, activate, record
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import cuda_refusal, open_cuda
from phosphene.engine.gpu.cuda_base import Cuda, DeviceInfo, Stream
from phosphene.engine.models.encoding import STRAIGHT_VIEW, fold_bias
from phosphene.engine.models.style import Style
from phosphene.kernels.cppn_fused.floor import GPUS, Gpu, floor
from phosphene.kernels.cppn_fused.shape import Shape
from phosphene.tools.lab.bench_cppn import untrained
from phosphene.tools.lab.numbers_page import RESULTS

SIZE = Size(1280, 720)
WIDTHS = (16, 32, 64, 128, 256)
_NAMES = {"fp16": "fused", "fp16_acc32": "fused_acc32", "fp32": "fused_fp32"}
_ROUNDS, _RUNS, _WARM = 9, 20, 5
# Dense fp16 FLOP a clock and SM, with fp16 and fp32 accumulate, of GPUs that the table of floors does not name.
_TENSOR = {80: (2048, 2048), 90: (4096, 4096), 100: (4096, 4096)}

Work = Callable[[], None]


def bench(frames: int = 10_000) -> dict[str, Any]:
    """Measure everything, write the results file, return its contents. Raises UserError where there is no CUDA."""
    if reason := cuda_refusal():
        raise UserError("no CUDA here", got=reason, remedy="run this on a machine with an NVIDIA GPU")
    from phosphene.tools.lab.bench_gpu_decode import bench as decoded
    from phosphene.tools.lab.bench_gpu_frame import opening, whole_frame

    cuda = open_cuda()
    cuda.activate()
    gpu, named = describe(cuda.device)
    found: dict[str, Any] = {
        "date": clock.wall_clock().date().isoformat(),
        "gpu": cuda.device.name,
        "capability": list(cuda.device.capability),
        "driver": cuda.device.driver,
        "binding": cuda.name,
        "versions": versions(),
        "size": str(SIZE),
        "floor_of": {"gpu": gpu.name, "sms": gpu.sms, "clock_ghz": gpu.clock, "known": named},
        "widths": [ways(cuda, width, gpu) for width in WIDTHS],
        "open_ms": opening(),
        "frame": whole_frame(frames),
        "decoded": decoded(),
    }
    path = results_path(found["date"], cuda.device.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    return found | {"written": str(path)}


def results_path(date: str, gpu: str) -> Path:
    """Return where the numbers of a day and a GPU go."""
    plain = re.sub(r"[^a-z0-9]+", "-", gpu.lower().removeprefix("nvidia ").removeprefix("geforce ")).strip("-")
    return RESULTS / f"{date}-{plain}.json"


def describe(device: DeviceInfo) -> tuple[Gpu, bool]:
    """Return the GPU's peaks with its own SMs and clock, and whether its name is one of the table's."""
    names = [name for name in GPUS if re.search(rf"\b{re.escape(name)}\b(?! (Ti|SUPER|Laptop))", device.name)]
    arch = 10 * device.capability[0] + device.capability[1]
    if names:
        known = GPUS[max(names, key=len)]
    else:  # bandwidth is not known: the floor is that of its multipliers
        known = Gpu(device.name, arch, device.sms, 1.5, _TENSOR.get(arch, (1024, 512)), 256, float("inf"))
    measured = device.clock_mhz / 1e3 or known.clock
    return replace(known, arch=arch, sms=device.sms, clock=measured), bool(names)


def ways(cuda: Cuda, width: int, gpu: Gpu) -> dict[str, Any]:
    """Return the medians in ms of every way at `width`, what was refused and why, and the fractions of the floor."""
    style, other = untrained(width), untrained(width)
    uniforms = np.random.default_rng(0).uniform(0, 1, len(style.spec.uniform))
    wanted = CpuProgram(style).evaluate(uniforms, SIZE).copy()
    stream = cuda.stream(urgent=True)
    refused: dict[str, str] = {}
    works: dict[str, tuple[Work, Stream]] = {}
    kernels, programs = Kernels(cuda), []
    for variant in CudaBackend().variants(cuda.device):
        program = CudaProgram(style, cuda, kernels, SIZE, "", variant)
        programs.append(program)
        program.paint([program], [uniforms], SIZE, [STRAIGHT_VIEW], dither=0.0)
        _same(_NAMES[variant], program.read(SIZE)[..., :3] / 255.0, wanted)
        works[_NAMES[variant]] = _painter([program], [uniforms]), program.picture.stream
        if variant == "fp16":
            program.prepare_pair()
            programs.append(CudaProgram(other, cuda, kernels, SIZE, "", variant))
            works["pair"] = _painter([program, programs[-1]], [uniforms, uniforms]), program.picture.stream
    if reason := TorchBackend().refusal():
        refused["torch"] = reason
    else:
        found = torch_ways(style, uniforms, wanted, stream, cuda.device.ordinal, refused)
        works |= {name: (work, stream) for name, work in found.items()}
    medians = measure(cuda, works)
    shape = Shape(style.spec.spatial, width, style.spec.layer_activations)
    floors = {}
    for variant, name in _NAMES.items():
        if name in medians:
            floors[name] = floor(shape, variant, gpu, SIZE.pixels).ms
    if "pair" in medians:
        floors["pair"] = floor(shape, "fp16", gpu, SIZE.pixels, decks=2).ms
    for each in (*programs, stream):
        each.close()
    best = min(medians[n] for n in _NAMES.values() if n in medians)
    return {
        "width": width,
        "ms": {name: round(ms, 4) for name, ms in medians.items()},
        "floor_ms": {name: round(ms, 4) for name, ms in floors.items()},
        "fraction_of_floor": {name: round(ms / medians[name], 3) for name, ms in floors.items()},
        "times_faster": {name: round(medians[name] / best, 2) for name in medians if name.startswith("torch")},
        "refused": refused,
    }


def torch_ways(
    style: Style, uniforms: np.ndarray, wanted: np.ndarray, stream: Stream, ordinal: int, refused: dict[str, str]
) -> dict[str, Work]:
    """Return torch's ways, each queueing one picture on `stream`; one that does not work here is put into `refused`."""
    import torch

    device = f"cuda:{ordinal}"
    outside = torch.cuda.ExternalStream(stream.handle, device=device)
    bias = fold_bias(*style.weights[0], style.spec.columns(style.spec.uniform), uniforms, style.spec.periodic)
    whole, parts = (Network(style, device, torch.float16, chunk) for chunk in (SIZE.pixels, None))
    for network in (whole, parts):
        network.resize(SIZE)
        network.feed(bias, STRAIGHT_VIEW)
    points, layers, last = _half_layers(torch, whole, style, bias)
    names = style.spec.layer_activations

    def eager() -> torch.Tensor:
        h = points
        for (w, b), name in zip(layers, names, strict=True):
            h = activate(torch, name, torch.addmm(b, h, w))
        return torch.sigmoid(torch.addmm(last[1], h, last[0]).float())

    def apart() -> torch.Tensor:
        h = points
        for (w, b), name in zip(layers, names, strict=True):
            h = activate(torch, name, torch.mm(h, w).add_(b))
        return torch.sigmoid(torch.mm(h, last[0]).add_(last[1]).float())

    def on_stream(work: Callable[[], object]) -> Work:
        def run() -> None:
            with torch.inference_mode(), torch.cuda.stream(outside):
                work()

        return run

    made: dict[str, Callable[[], object]] = {"torch_eager": eager}
    with torch.inference_mode(), torch.cuda.stream(outside):
        made["torch_unfused"] = record(torch, apart, outside).replay
        made["torch_graph"] = record(torch, parts.forward, outside).replay
        try:
            compiled = torch.compile(eager, dynamic=False)
            compiled()
            made["torch_compile"] = compiled
        except Exception as error:  # noqa: BLE001 boundary: torch.compile wants a C compiler, and fails in many ways without
            refused["torch_compile"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        made["torch_graph"]()
        pictures = {"torch_eager": eager(), "torch_unfused": apart(), "torch_graph": parts.picture}
    stream.synchronize()
    for name, picture in pictures.items():
        # All of it in half precision is off by more than a level: it is the time that counts there, not the picture.
        limit = 2.0 if name == "torch_graph" else 16.0
        _same(name, picture.cpu().numpy().reshape(SIZE.height, SIZE.width, 3)[::-1], wanted, limit)
    return {name: on_stream(work) for name, work in made.items()}


def measure(cuda: Cuda, works: dict[str, tuple[Work, Stream]]) -> dict[str, float]:
    """Return {name: median ms of one run}, by events on the stream that each one queues on, the ways by turns."""
    begin, end = cuda.event(), cuda.event()
    times: dict[str, list[float]] = {name: [] for name in works}
    for work, stream in works.values():
        for _ in range(_WARM):
            work()
        stream.synchronize()
    for _ in range(_ROUNDS):
        for name, (work, stream) in works.items():
            work()  # each begins with its own data in the cache, not with its rival's
            begin.record(stream)
            for _ in range(_RUNS):
                work()
            end.record(stream)
            end.wait()
            times[name].append(end.ms_since(begin) / _RUNS)
    begin.close()
    end.close()
    return {name: statistics.median(each) for name, each in times.items()}


def _painter(decks: list[CudaProgram], uniforms: list[np.ndarray]) -> Work:
    views = [STRAIGHT_VIEW] * len(decks)
    return lambda: decks[0].paint(decks, uniforms, SIZE, views, (0.5, 0.5))


def _half_layers(torch: Any, network: Network, style: Style, bias: np.ndarray) -> tuple[Any, list, tuple]:
    """Return the spatial inputs of every pixel, the hidden layers and the output layer, all half, on the GPU."""

    def half(array: np.ndarray) -> Any:
        return torch.tensor(np.ascontiguousarray(array), dtype=torch.float16, device=network.device)

    points = torch.stack(network.grid, 1).half()
    first = style.weights[0][0][:, style.spec.columns(style.spec.spatial)]
    layers = [(half(first.T), half(bias)), *((half(w.T), half(b)) for w, b in style.weights[1:-1])]
    w, b = style.weights[-1]
    return points, layers, (half(w.T), half(b))


def _same(name: str, picture: np.ndarray, wanted: np.ndarray, limit: float = 2.0) -> None:
    """Refuse to time a way that paints another picture: 99 % of its values must be within `limit` levels."""
    error = float(np.percentile(np.abs(picture - wanted), 99)) * 255
    if not error <= limit:
        raise RuntimeError(f"{name} paints another picture: off by {error:.1f}/255")

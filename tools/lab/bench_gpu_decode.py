"""What two decks of decoded pictures cost: `python tools/bench.py decoded`, and part of `gpu`.

Two untrained GANs of 512x288, every frame decoded for both and dissolved at 1280x720, the worst case: live, a worker decodes
at its own rate. Each way stands beside torch eager; one that does not run here is told with the reason, not measured. Wall
time on one machine, medians: decoding ends when the picture is in host memory, a frame when its fence is passed.

    tensorrt       phosphene.engine.backends.tensorrt_decode: a plan that is built first, in a folder of its own
    torch          phosphene.engine.backends.torch_decode: half, one CUDA graph
    torch_eager    the same without the graph, as one would write it
    onnx           phosphene.engine.backends.decoders: the CPU, float32
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.backends.decoders import Decoder, OnnxDecoder
from phosphene.engine.backends.plan_build import build
from phosphene.engine.backends.plans import PlanStore, recipe_of
from phosphene.engine.backends.tensorrt import TensorRTBackend
from phosphene.engine.backends.torch import TorchBackend
from phosphene.engine.backends.torch_decode import TorchDecoder
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.gan import gan_generator
from phosphene.engine.gpu.context import HeadlessContext
from phosphene.engine.gpu.cuda import open_cuda
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.style import Style, StyleMeta
from phosphene.engine.show.state import DeckFrame, ShowFrame
from phosphene.tools.lab.bench_gpu_frame import FPS, SIZE, timed

NET = GanNetwork(grid=(9, 16), widths=(96, 96, 64, 48, 32, 24))
PICTURE = Size(16 * NET.factor, 9 * NET.factor)
_SECONDS = 3.0  # of each measurement, or _FEWEST pictures
_FEWEST = 5
_SIGNALS = signals_at(0.0, [], BeatPosition(0.1))

Open = Callable[[Style], Decoder]


def untrained_gan(seed: int) -> Style:
    """Return a GAN that no one trained, gentle enough for half: what it costs does not depend on its numbers."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in NET.tensors.items():
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 100
        weights[name] = (rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)
    weights["out.weight"] *= np.float32(0.2)
    meta = StyleMeta(version=1, name=f"untrained {seed}", kind="gan", seed=seed, licence="CC0-1.0", network=NET)
    return Style(f"untrained-{seed}", meta.name, "gan", NET, weights, meta)


def bench() -> dict[str, Any]:
    """Measure every way that runs here; the others say why not."""
    with tempfile.TemporaryDirectory() as folder:
        ways = {name: measured(way) for name, way in every_way(Path(folder)).items()}
    return {"picture": str(PICTURE), "screen": str(SIZE), "decks": 2, "parameters": NET.parameters, "ways": ways}


def every_way(folder: Path) -> dict[str, Open]:
    """Return {name: what opens a style that way, or raises UserError}. folder: of plans."""
    tensorrt = TensorRTBackend(store=PlanStore(folder))

    def plan(style: Style) -> Decoder:
        if reason := tensorrt.refusal():
            raise UserError(reason)
        build(style, recipe_of(style, 1, 1, 3), tensorrt.machine(), tensorrt.store)
        return tensorrt.open(style, SIZE)

    def torch(style: Style, eager: bool = False) -> Decoder:
        if reason := TorchBackend().refusal():
            raise UserError(reason)
        decoder = TorchDecoder(style, f"cuda:{open_cuda().device.ordinal}", half=True, eager=eager)
        if decoder.eager_reason and not eager:
            raise UserError(decoder.eager_reason)
        return decoder

    return {"tensorrt": plan, "torch": torch, "torch_eager": lambda style: torch(style, eager=True), "onnx": OnnxDecoder}


def measured(way: Open) -> dict[str, Any]:
    """Return the ms of a picture of both decks, and of a frame; or {"not measured": why}."""
    styles = [untrained_gan(seed) for seed in (1, 2)]
    with ExitStack() as held:
        try:
            decoders = []
            for style in styles:
                decoders.append(way(style))
                held.callback(decoders[-1].close)
        except UserError as error:
            return {"not measured": error.line()}
        picture_ms = decoding(styles, decoders)
        try:
            frame = frames(styles, decoders, picture_ms)
        except UserError as error:
            frame = {"not measured": error.line()}
    return {"both_pictures_ms": round(picture_ms, 3), "frame": frame}


def decoding(styles: list[Style], decoders: list[Decoder]) -> float:
    """Return the median ms in which one picture of each deck is decoded, one after the other."""
    inputs = [style.spec.trial(np.random.default_rng(7)) for style in styles]
    times: list[float] = []
    began = clock.now()
    while len(times) < _FEWEST or clock.now() - began < _SECONDS:
        started = clock.now()
        for decoder, each in zip(decoders, inputs, strict=True):
            decoder.decode(each)
        times.append((clock.now() - started) * 1e3)
    return statistics.median(times[2:])  # the first ones record and warm up


def frames(styles: list[Style], decoders: list[Decoder], picture_ms: float) -> dict[str, Any]:
    """Return the distribution of whole frames: both decks decoded, looked at, dissolved. Raises UserError without OpenGL."""
    context = HeadlessContext()
    try:
        mixer = Mixer()
        final, screen = OutputPass(mixer.passes), RenderTarget(SIZE, "rgba8")
        generators = []
        for deck, style, decoder in zip("ab", styles, decoders, strict=True):
            generators.append(gan_generator(style, decoder, mixer.passes, None, live=False))
            mixer.set_generator(deck, generators[-1])
        show = ShowFrame(DeckFrame("a", {}, ()), DeckFrame("b", {}, ()), mix=0.4, transition="dissolve")

        def draw(k: int) -> None:
            frame = Frame(k, k / FPS, k / FPS, 1 / FPS, float(FPS))
            final.draw(mixer.render(frame, _SIGNALS, show, SIZE), screen, index=k)

        count = max(_FEWEST, int(_SECONDS * 1e3 / max(1.0, picture_ms)))
        found = timed(draw, count, mixer, warm=_FEWEST)
        faults = dict(mixer.faults)
        for each in (*generators, final, screen, mixer):
            each.close()
    finally:
        context.close()
    if faults:
        raise UserError("a deck failed", got=faults)
    return found["frame_ms"]

"""What a whole frame costs on this machine's CUDA GPU, and what a style costs to open. Called by `bench_gpu`.

A frame is two 128-wide styles, five effects, the output pass and the recorder at 1280x720, as a show renders them, one after
the other without a display's pace: what is timed is how far apart frames are when at most one is waiting (a fence a frame),
which is the GPU's time where the GPU is the slower part, and the processor's where it is not.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from phosphene.engine.backends.cuda import CudaBackend
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.metrics import Distribution
from phosphene.engine.core.params import defaults
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.generators.cppn import CppnGenerator
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.gpu.cuda import open_cuda
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.device_capture import DeviceCapture, Packer
from phosphene.engine.output.sink import RecorderSink
from phosphene.engine.show.state import DeckFrame, ShowFrame
from phosphene.tools.lab.bench_cppn import untrained

SIZE, FPS, WIDTH = Size(1280, 720), 60, 128
_EFFECTS = ("feedback", "bloom", "warp", "grade", "grain")
_SIGNALS = signals_at(0.0, [], BeatPosition(0.1))
_WARM = 60
_FENCE_NS = 1_000_000_000


def opening(rounds: int = 5) -> dict[str, float]:
    """Return ms to open a style: the first of its shape (its kernel from disk, or compiled), then the median of others."""
    backend, style = CudaBackend(), untrained(WIDTH)

    def once() -> float:
        began = clock.now()
        program = backend.open(style, SIZE)
        took = clock.now() - began
        program.close()
        return took * 1e3

    return {"first": round(once(), 1), "next": round(statistics.median(once() for _ in range(rounds)), 1)}


def whole_frame(frames: int) -> dict[str, Any]:
    """Return the distributions of several shows of `frames` frames each, or why there are none."""
    try:
        context = HeadlessContext()
    except UserError as error:
        return {"refused": error.line()}
    try:
        return _shows(frames)
    finally:
        context.close()


def _shows(frames: int) -> dict[str, Any]:
    renderer = info()["renderer"]
    backend, mixer = CudaBackend(renderer), Mixer()
    final, screen = OutputPass(mixer.passes), RenderTarget(SIZE, "rgba8")
    generators = [CppnGenerator(untrained(WIDTH), backend.open(untrained(WIDTH), SIZE), mixer.passes) for _ in range(2)]
    for deck, generator in zip("ab", generators, strict=True):
        mixer.set_generator(deck, generator)
    chain = tuple((name, defaults(EFFECTS[name].params) | {"amount": 0.5}) for name in _EFFECTS)
    found: dict[str, Any] = {"renderer": renderer, "frames": frames}

    def play(name: str, chain_a: tuple, chain_b: tuple, sink: RecorderSink | None = None) -> None:
        show = ShowFrame(DeckFrame("a", {}, chain_a), DeckFrame("b", {}, chain_b), mix=0.4, transition="dissolve")

        def draw(k: int) -> None:
            frame = Frame(k, k / FPS, k / FPS, 1 / FPS, float(FPS))
            final.draw(mixer.render(frame, _SIGNALS, show, SIZE), screen, index=k)
            if sink is not None:
                sink.accept(screen, frame, k / FPS)

        found[name] = timed(draw, frames, mixer)

    play("dissolve in one launch", (), ())
    play("five effects on a deck", chain[:3], chain[3:])
    found["staging"] = generators[0].capabilities.staging_reason or "none: textures are shared"
    with tempfile.TemporaryDirectory() as folder:
        sink, found["recorder"] = _recorder(Path(folder), screen)
        play("five effects and recording", chain[:3], chain[3:], sink)
        result = sink.stop(frames / FPS)
        found["recorded"] = {"frames": result.frames, "dropped": result.dropped, "error": result.error}
    for each in (*generators, final, screen, mixer):
        each.close()
    return found


def _recorder(folder: Path, screen: RenderTarget) -> tuple[RecorderSink, str]:
    """Return a recorder from device memory, or the other one, and which it is."""
    options = {"audio": None, "t_start": 0.0}
    try:
        packer = Packer(open_cuda())
        packer.probe()
        capture = DeviceCapture(packer, screen, 12)
        return RecorderSink(folder / "a.mkv", SIZE, Fraction(FPS), capture=capture, **options), "NVENC from device memory"
    except Exception as error:  # noqa: BLE001 boundary: what a driver or an encoder has against it is a result
        return RecorderSink(folder / "b.mkv", SIZE, Fraction(FPS), **options), f"readback: {type(error).__name__}: {error}"


def timed(draw: Callable[[int], None], frames: int, mixer: Mixer, warm: int = _WARM) -> dict[str, Any]:
    """Return how far apart `frames` frames are when `draw(k)` makes them, and what their networks took, ms. warm: before."""
    gaps, gpu = Distribution(frames), Distribution(frames)
    fence = None
    last = clock.now()
    for k in range(frames + warm):
        draw(k)
        newest = GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        if fence is not None:
            GL.glClientWaitSync(fence, GL.GL_SYNC_FLUSH_COMMANDS_BIT, _FENCE_NS)
            GL.glDeleteSync(fence)
        fence = newest
        now = clock.now()
        if k >= warm:
            gaps.add((now - last) * 1e3)
            gpu.add(mixer.gpu_ms)
        last = now
    GL.glDeleteSync(fence)
    times = gaps.summary(50, 99)
    return {"frame_ms": times, "networks_gpu_ms": gpu.summary(50, 99), "p99_over_p50": round(times["p99"] / times["p50"], 2)}

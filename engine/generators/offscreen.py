"""Pictures of a generator that draws with OpenGL, without a show: for previews and lint."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.generators.base import Generator
from phosphene.engine.gpu.context import HeadlessContext
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.colour import linear_to_srgb

STILL_BPM = 120.0  # of pictures that no music was heard for


def painted_offscreen(
    make: Callable[[Passes], Generator],
    size: Size,
    signals: list[Mapping[str, float]],
    dt: float,
    params: Mapping[str, float],
) -> list[np.ndarray]:
    """Return one picture for each of `signals`, dt s apart: float32 [h, w, 3], sRGB. Raises whatever the generator raises.

    In a context and on a thread of their own, since the caller's may have one already.
    """
    found: list[np.ndarray] = []
    failed: list[BaseException] = []

    def play() -> None:
        try:
            context = HeadlessContext()
            try:
                found.extend(_painted(make, size, signals, dt, params))
            finally:
                context.close()
        except BaseException as error:  # noqa: BLE001 boundary: it is raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=play, name="stills off screen")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found


def _painted(
    make: Callable[[Passes], Generator],
    size: Size,
    signals: list[Mapping[str, float]],
    dt: float,
    params: Mapping[str, float],
) -> Iterator[np.ndarray]:
    passes = Passes()
    generator = make(passes)
    raw = RenderTarget(size)
    quiet = signals_at(0.0, [], BeatPosition())
    try:
        for k, each in enumerate(signals):
            position = each.position if isinstance(each, Signals) else BeatPosition(k * dt * STILL_BPM / 60.0, STILL_BPM)
            heard = Signals(dict(quiet) | dict(each), k * dt, k * dt, position, quiet.mel, quiet.chroma)
            generator.render(Frame(k, k * dt, k * dt, dt, 1.0 / dt if dt else 1.0), heard, params, raw)
            yield linear_to_srgb(np.clip(raw.read()[..., :3], 0.0, 1.0)).astype(np.float32)
    finally:
        raw.close()
        generator.close()
        passes.close()

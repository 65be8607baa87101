"""Any network that is decoded (a GAN, ...) on stage: what differs from kind to kind is its `Drive`, from music to inputs.

Render thread; the decoder may work on a thread of its own (`decoding`). The picture has the network's own size; one pass
looks at it (zoom, rotate, pan, projection), scales it to the internal size and makes it linear light.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from PIL import Image

from phosphene.engine.backends.decoders import Decoder
from phosphene.engine.backends.plain_decoder import open_decoder
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param, complete, defaults
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.base import Generator, Memory
from phosphene.engine.generators.decoding import EveryFrame, OwnRate
from phosphene.engine.generators.depth import depth_uniforms, light_colour, view_of
from phosphene.engine.generators.drive import Drive
from phosphene.engine.generators.offscreen import STILL_BPM
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import view_matrix
from phosphene.engine.models.style import Style


class DecodedGenerator(Generator):
    """Plays `decoder`, opened of `style`, by `drive`; the decoder is closed with it.

    live: decode on a thread of its own, at its own rate.
    """

    def __init__(
        self, style: Style, drive: Drive, decoder: Decoder, params: tuple[Param, ...], passes: Passes, *, live: bool = False
    ) -> None:
        self.style, self.params = style, params
        self._drive, self.motion = drive, drive.motion
        self.decoding = OwnRate(decoder, decoder.trial) if live else EveryFrame(decoder)
        self._show = passes["decoded/show.frag"]
        self._light = light_colour(style)
        self._raw: RenderTarget | None = None
        self._uploaded: np.ndarray | None = None

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Advance by `frame.dt` and draw."""
        p = complete(self.params, params)
        self._drive.step(signals, signals.position.counted, frame.dt, p)
        aspect = target.size.aspect
        picture = self.decoding.picture(frame.time, lambda ahead: self._drive.inputs(ahead, aspect))
        if self._raw is None:
            self._raw = RenderTarget(Size(picture.shape[1], picture.shape[0]))
        if picture is not self._uploaded:
            self._raw.upload(picture)
            self._uploaded = picture
        size = self._raw.size
        view = view_of(p, self.motion)
        a, b, tx, ty = view_matrix(view)
        covered = cover(aspect, size.aspect)
        self._show.draw(
            target,
            textures={"picture": self._raw},
            pixels=(float(size.width), float(size.height)),
            half_screen=half_screen(aspect),
            cover=covered,
            view=(a, b, tx / math.pi, ty / math.pi),
            **depth_uniforms(
                view, p, self._light, min(target.size.width, target.size.height), 2.0 * math.pi * covered[1] / size.height
            ),
        )

    def memory(self) -> Memory:
        """See `base.Played`."""
        return self._drive.memory()

    def resume(self, memory: Memory) -> None:
        """See `base.Played`."""
        self._drive.resume(memory)

    def close(self) -> None:
        """Free the decoder and the intermediate picture."""
        self.decoding.close()
        if self._raw is not None:
            self._raw.close()
            self._raw = None


def half_screen(aspect: float) -> tuple[float, float]:
    """Return half of a screen's width and height, in halves of its short side."""
    return max(1.0, aspect), max(1.0, 1.0 / aspect)


def cover(screen: float, picture: float) -> tuple[float, float]:
    """Return half of the width and height at which a picture of one aspect just covers a screen of another."""
    width, height = half_screen(screen)
    k = max(height, width / picture)
    return picture * k, k


def fitted(picture: np.ndarray, size: Size) -> np.ndarray:
    """Return float32 [h, w, 3]: a decoded picture as it fills `size`, as `show.frag` does with a straight view, in sRGB."""
    height, width = picture.shape[:2]
    across, up = cover(size.aspect, width / height)
    half_width, half_height = half_screen(size.aspect)
    crop_w, crop_h = width * half_width / across, height * half_height / up
    box = ((width - crop_w) / 2, (height - crop_h) / 2, (width + crop_w) / 2, (height + crop_h) / 2)
    channels = [
        Image.fromarray(np.ascontiguousarray(picture[..., c])).resize(
            (size.width, size.height), Image.Resampling.BICUBIC, box
        )
        for c in range(3)
    ]
    return np.clip(np.stack([np.asarray(c, np.float32) for c in channels], axis=-1), 0.0, 1.0)


def decoded_still(
    drive: Drive, style: Style, params: tuple[Param, ...], size: Size, signals: Mapping[str, float], beat: float
) -> np.ndarray:
    """Return one picture without a show: float32 [h, w, 3], sRGB 0..1, after `signals` have been sounding for a while."""
    drive.settle(signals)
    drive.step(signals, beat, 0.0, defaults(params))
    decoder = open_decoder(style)
    try:
        return fitted(decoder.decode(drive.inputs(0.0, size.aspect)), size)
    finally:
        decoder.close()


def decoded_sequence(
    drive: Drive,
    style: Style,
    params: tuple[Param, ...],
    size: Size,
    signals: Iterable[Mapping[str, float]],
    dt: float,
    given: Mapping[str, float],
) -> Iterator[np.ndarray]:
    """Yield one picture per entry of `signals`, `dt` s apart; entries that know no beat have one at `STILL_BPM`. given:
    parameters.
    """
    values = complete(params, given)
    start = style.meta.preview.time
    decoder = open_decoder(style)
    try:
        for k, each in enumerate(signals):
            beat = each.position.counted if isinstance(each, Signals) else (start + k * dt) * STILL_BPM / 60.0
            drive.step(each, beat, dt, values)
            yield fitted(decoder.decode(drive.inputs(0.0, size.aspect)), size)
    finally:
        decoder.close()

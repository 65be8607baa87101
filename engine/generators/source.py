"""Pictures from outside on stage: a still, a clip or a camera, played by the beat, perhaps seen through a codebook.

Render thread; the codebook's decoder may work on a thread of its own (`decoding`). Where the picture is looked at, and which
picture of a clip it is, are functions of the music's position: a rerender shows the same ones. Only a camera has no past.

    clip, bars, scrub, beat --> picture --upload--> texture --window, view, projection--> deck
                                   \\--what the screen shows of it--> codebook, mutated --decoder--> over it, by `through`
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
from PIL import Image

from phosphene.engine.backends.base import ReadySource
from phosphene.engine.backends.codebook import Codebook
from phosphene.engine.backends.decoders import Inputs
from phosphene.engine.backends.source import SourceBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param, complete
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.base import Generator, Memory
from phosphene.engine.generators.cppn import CPPN_PARAMS
from phosphene.engine.generators.decoded import cover, half_screen
from phosphene.engine.generators.decoding import EveryFrame, OwnRate
from phosphene.engine.generators.depth import depth_uniforms, light_of, view_of
from phosphene.engine.generators.drive import Drive
from phosphene.engine.generators.offscreen import painted_offscreen
from phosphene.engine.generators.vqvae import NO_STRIKE, VQVAE_PARAMS, Strikes, field, taken_over
from phosphene.engine.generators.wander import Window, path, punched, window_at
from phosphene.engine.gpu.picture import PictureTexture
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import View, projection_vector, view_matrix
from phosphene.engine.models.latent import Walk
from phosphene.engine.models.style import Style
from phosphene.kernels.cppn.projection import project
from phosphene.kernels.source import reference

_SHARED = tuple(p for p in VQVAE_PARAMS if p.name in ("bars", "melt", "mutate"))
SOURCE_PARAMS = (
    *CPPN_PARAMS,
    *_SHARED,
    Param("wander", "Wander", 0.0, 1.0, 0.5, "how far the camera wanders over a still picture; 0 shows it whole"),
    Param("scrub", "Scrub", -1.0, 1.0, 0.0, "moves a clip on by so much of its length"),
    Param(
        "pingpong", "Ping-pong", 0.0, 1.0, 0.5, "a clip plays forth and back: 0 never, 1 always, else where it does not loop"
    ),
    Param("through", "Through", 0.0, 1.0, 0.0, "how much of a picture is seen through the codebook"),
)
_BEATS_A_BAR = 4
_TEXEL = 0.4  # units of the plane up to which depth is not faded: smaller copies of a picture do not shimmer
_ALL = 1e-3  # of `through`: less is nothing


class SourceDrive(Drive):
    """Moves a picture: beats, levels, and the strikes that mutate codes. began: the bar in which it came on the deck."""

    def __init__(self, style: Style) -> None:
        super().__init__(style)
        self.strikes = Strikes()
        self.began: float | None = None

    def step(self, signals: Mapping[str, float], beat: float, dt: float, params: Mapping[str, float]) -> None:
        """See `Drive`."""
        super().step(signals, beat, dt, params)
        here = self.place()[1]
        if self.began is None:
            self.began = float(math.floor(here / _BEATS_A_BAR))
        self.strikes.step(min(1.0, self.values["onset"]), here)

    def turns(self) -> float:
        """Return how often `bars` have passed since the bar line at which it came on; below 0 where time was taken back."""
        return (self.place()[1] / _BEATS_A_BAR - (self.began or 0.0)) / round(self.params["bars"])

    def inputs(self, ahead: float, aspect: float) -> Inputs:
        """A picture has no network."""
        return {}

    def memory(self) -> Memory:
        """See `Drive`."""
        return {**super().memory(), "strike": self.strikes.memory(), "began": self.began}

    def resume(self, memory: Memory) -> None:
        """See `Drive`."""
        super().resume(memory)
        self.strikes.resume(memory.get("strike", NO_STRIKE))
        self.began = memory.get("began")


class SourceGenerator(Generator):
    """Plays the pictures of `ready`, which are closed with it. live: the codebook is decoded on a thread of its own."""

    params = SOURCE_PARAMS

    def __init__(self, style: Style, ready: ReadySource, passes: Passes, *, live: bool = False) -> None:
        self.style = style
        self._ready, self._frames = ready, ready.frames
        self._drive = SourceDrive(style)
        self.motion = self._drive.motion
        self._path = path(int(style.sha256[:8] or "0", 16))
        self._through = Through(ready.book, live) if ready.book is not None else None
        self._show = passes["source/show.frag"]
        self._light = light_of(ready.palette)
        self._texture = PictureTexture()
        self._uploaded: int | None = None
        self._nothing = RenderTarget(Size(1, 1), "r16f")  # stands in where no codebook is seen

    @property
    def told(self) -> str:
        """What plays, and what is wrong with it, for people."""
        parts = (self._frames.told, self._ready.bookless, self._frames.fault)
        return "; ".join(filter(None, parts))

    @property
    def fault(self) -> str:
        """What is wrong now, "" while all is well."""
        return self._frames.fault

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Advance by `frame.dt` and draw."""
        p = complete(SOURCE_PARAMS, params)
        self._drive.step(signals, signals.position.counted, frame.dt, p)
        turns = self._drive.turns()
        number, picture = self._frames.at(clip_place(turns, p["scrub"], self._back_and_forth(p["pingpong"])))
        if number != self._uploaded:
            self._texture.upload(picture)
            self._uploaded = number
        size, aspect = self._texture.size, target.size.aspect
        covered, half = cover(aspect, size.aspect), half_screen(aspect)
        wander = 0.0 if self._frames.moves else p["wander"]
        window = window_at(self._path, turns, wander, (0.5 * half[0] / covered[0], 0.5 * half[1] / covered[1]))
        window = punched(window, signals, p["react"])
        view = view_of(p, self.motion)
        seen = None
        if self._through is not None and p["through"] > _ALL:
            seen = self._through.look(frame.time, self._drive, p, (number, picture), view, window, aspect)
        a, b, tx, ty = view_matrix(view)
        self._show.draw(
            target,
            textures={
                "picture": self._texture.texture,
                "seen": seen.picture if seen else self._nothing,
                "share": seen.share if seen else self._nothing,
            },
            pixels=(float(size.width), float(size.height)),
            half_screen=half,
            cover=covered,
            view=(a, b, tx / math.pi, ty / math.pi),
            window=window,
            through=p["through"] if seen else 0.0,
            seen_pixels=(float(seen.picture.size.width), float(seen.picture.size.height)) if seen else (1.0, 1.0),
            seen_cover=cover(aspect, seen.picture.size.aspect) if seen else (1.0, 1.0),
            **depth_uniforms(view, p, self._light, min(target.size.width, target.size.height), _TEXEL),
        )

    def memory(self) -> Memory:
        """See `base.Played`."""
        return self._drive.memory()

    def resume(self, memory: Memory) -> None:
        """See `base.Played`."""
        self._drive.resume(memory)

    def close(self) -> None:
        """Free everything."""
        if self._through is not None:
            self._through.close()  # and the codebook with it, on the thread that decodes
        self._frames.close()
        self._texture.close()
        self._nothing.close()

    def _back_and_forth(self, pingpong: float) -> bool:
        return pingpong >= 1.0 or (pingpong > 0.0 and not self._frames.loops)


class Through:
    """What a codebook makes of the screen, and how much of each cell shows it. live: decode on a thread of its own."""

    def __init__(self, book: Codebook, live: bool) -> None:
        self._book = book
        self._decoding = OwnRate(book.decoder, book.decoder.trial) if live else EveryFrame(book.decoder)
        net = book.net
        self._seed = book.style.meta.seed & 0xFFFFFFFF
        self._loops = np.clip(book.style.weights["loops"], 0, net.codes - 1).astype(np.uint8)
        self._places = field(np.random.default_rng([self._seed, 14]), net.rows, net.columns, 1)
        self._uploaded: np.ndarray | None = None
        self._known, self._small = (-1, 1), np.zeros((1, 1, 3), np.uint8)  # the last picture, so many times smaller
        self.picture = RenderTarget(net.size)
        self.share = RenderTarget(Size(net.columns, net.rows), "r16f")

    def look(
        self,
        t: float,
        drive: SourceDrive,
        p: Mapping[str, float],
        picture: tuple[int, np.ndarray],
        view: View,
        window: Window,
        aspect: float,
    ) -> Through:
        """Bring both up to date at show time `t` s. picture: its number and itself. Returns itself."""

        def inputs(ahead: float) -> Inputs:
            z = self._mutated(self._book.encode(self._seen(*picture, view, window, aspect)), drive, p["mutate"])
            return {"z": np.ascontiguousarray(np.moveaxis(z, -1, 0))}

        decoded = self._decoding.picture(t, inputs)
        if decoded is not self._uploaded:
            self.picture.upload(decoded)
            self._uploaded = decoded
        self.share.upload(taken_over(p["through"], p["melt"], self._places)[..., None])
        return self

    def close(self) -> None:
        """Free everything."""
        self._decoding.close()
        self.picture.close()
        self.share.close()

    def _seen(self, number: int, picture: np.ndarray, view: View, window: Window, aspect: float) -> np.ndarray:
        """Return what the screen shows of the picture, as the codebook takes it: float32 [h, w, 3], sRGB."""
        size = self._book.size
        across, up = cover(aspect, self._book.net.size.aspect)
        x = np.linspace(-across, across, 2 * size.width + 1, dtype=np.float32)[1::2]
        y = np.linspace(up, -up, 2 * size.height + 1, dtype=np.float32)[1::2]
        u, v = np.meshgrid(x * np.float32(math.pi), y * np.float32(math.pi))
        a, b, tx, ty = (np.float32(value) for value in view_matrix(view))
        u, v = a * u - b * v + tx, b * u + a * v + ty
        *weights, plain, shift = projection_vector(view.projection)
        if plain < 1.0:
            u, v = project(np, u, v, weights, plain, shift)
        height, width = picture.shape[:2]
        covered = cover(aspect, width / height)
        at = reference.places(np.stack((u, v), -1) / np.float32(math.pi), covered, window)
        # A pixel of the picture that is much smaller than one of these would flicker: it is looked at from further away.
        step = across / size.width * width / (covered[0] * window[2]) * math.hypot(a, b)
        by = int(min(step, min(width, height) / 2))
        if by > 1:
            if (number, by) != self._known:  # of a still that is the same for long: 3 ms for 1600x900
                self._known, self._small = (number, by), np.asarray(Image.fromarray(picture).reduce(by))
            picture = self._small
        return reference.sampled(picture, at) / np.float32(255.0)

    def _mutated(self, z: np.ndarray, drive: SourceDrive, mutate: float) -> np.ndarray:
        """Return the codes after the last strike: it gave some places the codes of a loop of the style's, at this beat."""
        beat, net = drive.place()[1], self._book.net
        struck = drive.strikes.struck(beat, mutate, self._seed, (net.rows, net.columns))
        if struck is None:
            return z
        weight, rng = struck
        loop = self._loops[rng.integers(len(self._loops)), int(beat / net.beats % 1.0 * net.frames) % net.frames]
        return z + weight * (self._book.codes[loop] - z)


def clip_place(turns: float, scrub: float, back_and_forth: bool) -> float:
    """Return where a clip is, 0 to just below 1, after so many of its lengths. back_and_forth: every other one backwards."""
    place = turns + scrub
    if back_and_forth:
        place = 1.0 - abs(1.0 - place % 2.0)
        return min(place, math.nextafter(1.0, 0.0))
    return min(place % 1.0, math.nextafter(1.0, 0.0))


def source_generator(style: Style, ready: ReadySource, passes: Passes, walk: Walk | None, live: bool) -> SourceGenerator:
    """Return the generator of a picture. See `registry.Kind`. Raises UserError for a camera in a render."""
    if style.kind == "camera" and not live:
        raise UserError(
            "a camera has no past", where=style.slug, allowed="a camera in a show",
            remedy="record the show; or put a clip on the deck, made of its recording",
        )  # fmt: skip
    return SourceGenerator(style, ready, passes, live=live)


def source_still(style: Style, size: Size, time: float, signals: Mapping[str, float]) -> np.ndarray:
    """Return the picture at `time` s. See `registry.Kind`."""
    return _played(style, size, [signals], time, {})[0]


def source_sequence(
    style: Style, size: Size, signals: Iterable[Mapping[str, float]], dt: float, speed: float, react: float
) -> Iterator[np.ndarray]:
    """Yield pictures. See `registry.Kind`."""
    yield from _played(style, size, list(signals), dt, {"speed": speed, "react": react})


def _played(
    style: Style, size: Size, signals: list[Mapping[str, float]], dt: float, params: Mapping[str, float]
) -> list[np.ndarray]:
    ready = SourceBackend().open(style, size)
    make = partial(_for_stills, style, ready)
    return painted_offscreen(make, size, signals, dt, params)


def _for_stills(style: Style, ready: ReadySource, passes: Passes) -> SourceGenerator:
    return source_generator(style, ready, passes, None, False)

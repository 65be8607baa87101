"""A VQ-VAE on stage: loops of codes in tempo, that melt into each other and mutate at onsets.

Render thread, through `decoded.DecodedGenerator`. One turn of a loop takes the style's `beats`, from a downbeat on. Between
the frames of a loop the embeddings are blended, never the pictures, so motion is as smooth as the decoder is quick.

    loops uint8 [loops, frames, rows, columns] --beat--> four frames --codebook, blend--> z [dim, rows, columns]
      walk: every so many bars the next loop takes over, place by place (codes) or softly (embeddings)
      mutate: an onset gives some places another loop's codes of the same moment; within a beat they melt back
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from phosphene.engine.backends.decoders import Decoder, Inputs
from phosphene.engine.core.frame import Size
from phosphene.engine.core.params import Param
from phosphene.engine.generators.base import Generator, Memory
from phosphene.engine.generators.cppn import CPPN_PARAMS
from phosphene.engine.generators.decoded import STILL_BPM, DecodedGenerator, decoded_sequence, decoded_still
from phosphene.engine.generators.drive import Drive
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.models.latent import Walk
from phosphene.engine.models.style import Style

VQVAE_PARAMS = (
    *CPPN_PARAMS,
    Param("loop", "Loop", 0.0, 64.0, 0.0, "which loop plays; 0 walks through all of them"),
    Param("bars", "Bars", 1.0, 32.0, 4.0, "until the walk has gone on to the next loop; a clip's one turn", "bars"),
    Param("melt", "Melt", 0.0, 1.0, 0.5, "codes change place by place at 0, everywhere at once at 1"),
    Param("mutate", "Mutate", 0.0, 1.0, 0.35, "share of places that an onset gives to other codes"),
)
_BEATS_A_BAR = 4
_CHANGING = 0.35  # of the bars, at their end, in which one loop becomes the next
NO_STRIKE = (0, 0.0, 0.0, 0.0)  # number, beat, strength and level of the last one
_STRIKE = 0.15  # rise of the onset level from frame to frame that is a strike; what rings only falls
_RETURN_BEATS = 1.0  # until what a strike changed is back: a step at the strike and a slow way home look like one hit
_SMOOTH = 2  # times that the field by which places change is averaged with its neighbours: they change in patches


class Strikes:
    """Onsets that change places of a grid of codes: the newest one, and how far what it changed is back."""

    def __init__(self) -> None:
        self.resume(NO_STRIKE)

    def step(self, level: float, beat: float) -> None:
        """Take the onset level, 0..1, of the frame at `beat`: a rise is a strike, which replaces the one before."""
        if level > self._ringing + _STRIKE:
            self._count += 1
            self._at, self._strength = beat, level
        self._ringing = level

    def struck(
        self, beat: float, share: float, seed: int, grid: tuple[int, int]
    ) -> tuple[np.ndarray, np.random.Generator] | None:
        """Return how far each place of the grid is changed at `beat`, float32 [rows, columns, 1], 0..1, and this strike's
        own chance. share: of the places that a strike of full strength changes."""
        since = (beat - self._at) / _RETURN_BEATS
        # A beat before the strike is one that the tempo took back: nothing is left of the strike then.
        if not (self._count and 0.0 <= since < 1.0 and share * self._strength >= 1e-3):
            return None
        rng = np.random.default_rng([seed, 13, self._count])
        weight = (field(rng, *grid, 1) < share * self._strength) * np.float32((1.0 - since) ** 2)
        return weight.astype(np.float32)[..., None], rng

    def memory(self) -> tuple[float, float, float, float]:
        """Return number, beat, strength and level of the last strike."""
        return self._count, self._at, self._strength, self._ringing

    def resume(self, memory: Sequence[float]) -> None:
        """Go on from what `memory` returned."""
        count, self._at, self._strength, self._ringing = memory
        self._count = int(count)


def taken_over(share: float, melt: float, places: np.ndarray) -> np.ndarray:
    """Return how far each place has changed when `share` of the change is over, float32, 0..1: at `melt` 1 every place over
    the whole time, at 0 each at its own instant. places: 0..1, when each one's turn is."""
    soft = max(0.02, melt)
    return np.clip((share * (1.0 + soft) - places) / soft, 0.0, 1.0).astype(np.float32)


class VqvaeDrive(Drive):
    """Moves one style's codes. walk: its seed orders the loops; None: the style's own.

    A strike is remembered (its number, beat and strength), since the picture melts back from it; `memory` keeps it.
    """

    def __init__(self, style: Style, walk: Walk | None = None) -> None:
        super().__init__(style)
        self.net = style.spec
        self._seed = (walk.seed if walk else style.meta.seed) & 0xFFFFFFFF
        self._codebook = np.ascontiguousarray(style.weights["codebook"], np.float32)
        # A code that the codebook lacks would be a fault in the middle of a frame.
        self._loops = np.clip(style.weights["loops"], 0, self.net.codes - 1).astype(np.uint8)
        self._order = np.random.default_rng([self._seed, 11]).permutation(len(self._loops))
        self._places = field(np.random.default_rng([self._seed, 12]), self.net.rows, self.net.columns, _SMOOTH)
        self._strikes = Strikes()

    def step(self, signals: Mapping[str, float], beat: float, dt: float, params: Mapping[str, float]) -> None:
        """See `Drive`. A rise of the onset level is a strike, which replaces the one before."""
        super().step(signals, beat, dt, params)
        self._strikes.step(min(1.0, self.values["onset"]), self.place()[1])

    def memory(self) -> Memory:
        """See `Drive`."""
        return {**super().memory(), "strike": self._strikes.memory()}

    def resume(self, memory: Memory) -> None:
        """See `Drive`."""
        super().resume(memory)
        self._strikes.resume(memory.get("strike", NO_STRIKE))

    def inputs(self, ahead: float, aspect: float) -> Inputs:
        """See `Drive`. The grid is the trained one: a screen of another shape shows a part of the picture."""
        p = self.params
        _, beat = self.place(ahead)
        at = beat / self.net.beats % 1.0 * self.net.frames
        frames = tuple((int(at) + k) % self.net.frames for k in (-1, 0, 1, 2))
        between = _spline(at - int(at))
        here, following, share = self._loops_at(beat, p)
        mutated = self._mutation(beat, p["mutate"])
        z = self._embedded(here, frames, between, mutated)
        if share > 0.0:
            weight = taken_over(share, p["melt"], self._places)[..., None]
            z = z + weight * (self._embedded(following, frames, between, mutated) - z)
        return {"z": np.ascontiguousarray(np.moveaxis(z, -1, 0))}

    def _loops_at(self, beat: float, p: Mapping[str, float]) -> tuple[int, int, float]:
        """Return the loop that plays, the one that follows, and how far it has taken over, 0..1."""
        count = len(self._loops)
        if p["loop"] >= 1.0:
            chosen = (round(p["loop"]) - 1) % count
            return chosen, chosen, 0.0
        place = beat / (_BEATS_A_BAR * round(p["bars"]))
        n = math.floor(place)
        share = max(0.0, (place - n - (1.0 - _CHANGING)) / _CHANGING)
        here, following = int(self._order[n % count]), int(self._order[(n + 1) % count])
        return here, following, share * share * (3.0 - 2.0 * share) if here != following else 0.0

    def _mutation(self, beat: float, share: float) -> tuple[np.ndarray, int] | None:
        """Return how far each place is another loop's (float32 [rows, columns, 1], 0..1), and which: so many loops on."""
        struck = self._strikes.struck(beat, share, self._seed, (self.net.rows, self.net.columns))
        if struck is None or len(self._loops) < 2:
            return None
        weight, rng = struck
        return weight, int(rng.integers(1, len(self._loops)))

    def _embedded(
        self, loop: int, frames: tuple[int, ...], between: np.ndarray, mutated: tuple[np.ndarray, int] | None
    ) -> np.ndarray:
        """Return float32 [rows, columns, dim] of a loop between its frames, of which each has a weight in `between`."""
        z = np.tensordot(between, self._codebook[self._loops[loop, frames, :, :]], 1)
        if mutated is not None:
            other = (loop + mutated[1]) % len(self._loops)
            z = z + mutated[0] * (np.tensordot(between, self._codebook[self._loops[other, frames, :, :]], 1) - z)
        return z


def _spline(t: float) -> np.ndarray:
    """Return the weights of the frames before, at, after and after that, float32 [4], `t` of the way from the second to the
    third: a cubic B-spline. A straight line goes through each frame and turns there, twelve times a second: its second
    difference is 1.7 times as large, which is seen as a flicker."""
    a, b, c = (1.0 - t) ** 3, 3.0 * t**3 - 6.0 * t**2 + 4.0, t**3
    return np.array([a, b, 6.0 - a - b - c, c], np.float32) / np.float32(6.0)


def field(rng: np.random.Generator, rows: int, columns: int, smooth: int) -> np.ndarray:
    """Return ranks 0..1 of a random field that is smoothed so many times, [rows, columns]: every share of it is exact."""
    found = rng.random((rows, columns))
    for _ in range(smooth):
        for axis in (0, 1):
            found = (np.roll(found, 1, axis) + 2.0 * found + np.roll(found, -1, axis)) / 4.0
    ranks = np.empty(found.size)
    ranks[np.argsort(found, axis=None, kind="stable")] = (np.arange(found.size) + 0.5) / found.size
    return ranks.reshape(rows, columns)


def vqvae_generator(style: Style, decoder: Decoder, passes: Passes, walk: Walk | None, live: bool) -> Generator:
    """Return the generator of a VQ-VAE style. See `registry.Kind`."""
    return DecodedGenerator(style, VqvaeDrive(style, walk), decoder, VQVAE_PARAMS, passes, live=live)


def vqvae_still(style: Style, size: Size, time: float, signals: Mapping[str, float]) -> np.ndarray:
    """Return the picture at `time` s. See `registry.Kind`."""
    return decoded_still(VqvaeDrive(style), style, VQVAE_PARAMS, size, signals, time * STILL_BPM / 60.0)


def vqvae_sequence(
    style: Style, size: Size, signals: Iterable[Mapping[str, float]], dt: float, speed: float, react: float
) -> Iterator[np.ndarray]:
    """Yield pictures. See `registry.Kind`."""
    given = {"speed": speed, "react": react}
    return decoded_sequence(VqvaeDrive(style), style, VQVAE_PARAMS, size, signals, dt, given)

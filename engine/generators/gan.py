"""A GAN on stage: latents that walk on their sphere by the beat, kicks for the coarse levels, attacks for the fine ones.

Render thread, through `decoded.DecodedGenerator`. Latents and styles always have an RMS of 1, as in training: blends of
anchors fall to 0.6, where pictures turn dull, so everything here goes along the sphere (`models/latent.py`).

    z [8, h, w]        where things are: a beat-locked walk, pushed by the bass
    style [level, S]   how they look: a second walk; the fine levels lean towards a third (mixing), pushed by onsets
    psi, bend          truncation of the styles; factors for seeded channels (network bending: Broad et al. 2021)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from phosphene.engine.backends.decoders import Decoder, Inputs
from phosphene.engine.core.frame import Size
from phosphene.engine.core.params import Param
from phosphene.engine.generators.base import Generator
from phosphene.engine.generators.cppn import CPPN_PARAMS
from phosphene.engine.generators.decoded import STILL_BPM, DecodedGenerator, decoded_sequence, decoded_still
from phosphene.engine.generators.drive import Drive
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.models.latent import Trajectory, Walk, slerp, unit_rms
from phosphene.engine.models.style import Style

GAN_PARAMS = (
    *CPPN_PARAMS,
    Param("psi", "Truncation", 0.0, 1.5, 0.9, "0 shows the style's mean, 1 all that it learnt, above 1 more than that"),
    Param("mixing", "Style mixing", 0.0, 1.0, 0.35, "how far fine levels follow another style than coarse ones"),
    Param("coarse", "Coarse", 0.0, 1.0, 0.5, "how far the bass moves shapes"),
    Param("fine", "Fine", 0.0, 1.0, 0.5, "how far onsets move texture and colour"),
    Param("bend_coarse", "Bend shapes", 0.0, 1.0, 0.0, "scales channels of the coarse levels: shapes it never learnt"),
    Param("bend_fine", "Bend texture", 0.0, 1.0, 0.0, "scales channels of the fine levels: texture it never learnt"),
)
_PUSH = 0.9  # of RMS 1: at full bass and `coarse` 1 a latent goes 42 degrees aside
_BEND = 1.5  # factors lie within 1 +- 1.5 at full bend: some channels vanish, some turn over


class GanDrive(Drive):
    """Moves one style's inputs. walk: how latents move (its anchors are a CPPN's); None: by 8 beats, by the style's seed."""

    def __init__(self, style: Style, walk: Walk | None = None) -> None:
        super().__init__(style)
        self.net = style.spec
        walk = walk or Walk(seed=style.meta.seed, beats=8.0)
        self._walk = replace(walk, push=0.0, anchors=())
        self._spaces: dict[tuple[int, int], Trajectory] = {}
        self._style, self._other = (self._trajectory(n, self.net.style) for n in (1, 2))
        rng = np.random.default_rng([style.meta.seed & 0xFFFFFFFF, 3])
        self._directions = unit_rms(rng.standard_normal((2, 8, self.net.style)))  # of bass and onsets, one each for 8 beats
        self._bends = [rng.uniform(-1.0, 1.0, width) for width in self.net.widths]
        self._fineness = np.linspace(0.0, 1.0, self.net.levels)

    def inputs(self, ahead: float, aspect: float) -> Inputs:
        """See `Drive`. z and every style have an RMS of 1."""
        p, net = self.params, self.net
        t, beat = self.place(ahead)
        bass, onset = p["coarse"] * self.values["bass"], p["fine"] * self.values["onset"]
        rows, columns = net.grid_for(aspect)
        space = self._space(rows, columns)
        z = space.at(t, beat)
        if bass > 0.0:
            # A kick moves the latent on along its own path, where pictures are good, and back as it fades.
            z = slerp(z, space.at(t + 4.0, beat + 0.5 * self._walk.beats), min(1.0, 0.5 * bass))
        style, other = self._style.at(t, beat), self._other.at(t, beat)
        n = math.floor(beat)
        # Turned over each beat and not at it: under a held bass every style would jump by 0.6 of its length.
        toward_bass, toward_onset = (slerp(each[n % 8], each[(n + 1) % 8], beat - n) for each in self._directions)
        styles = []
        for fine in self._fineness:
            each = slerp(style, other, p["mixing"] * fine)
            each = each + _PUSH * ((1.0 - fine) * bass * toward_bass + fine * onset * toward_onset)
            styles.append(unit_rms(each))
        bend = [
            1.0 + _BEND * ((1.0 - fine) * p["bend_coarse"] + fine * p["bend_fine"]) * each
            for fine, each in zip(self._fineness, self._bends, strict=True)
        ]
        return {
            "z": z.reshape(net.latent, rows, columns),
            "style": np.stack(styles),
            "psi": np.array([p["psi"]]),
            "bend": np.concatenate(bend),
        }

    def _space(self, rows: int, columns: int) -> Trajectory:
        if (rows, columns) not in self._spaces:
            self._spaces = {(rows, columns): self._trajectory(0, self.net.latent * rows * columns)}
        return self._spaces[rows, columns]

    def _trajectory(self, n: int, dims: int) -> Trajectory:
        return Trajectory(replace(self._walk, seed=self._walk.seed * 3 + n), dims)


def gan_generator(style: Style, decoder: Decoder, passes: Passes, walk: Walk | None, live: bool) -> Generator:
    """Return the generator of a GAN style. See `registry.Kind`."""
    return DecodedGenerator(style, GanDrive(style, walk), decoder, GAN_PARAMS, passes, live=live)


def gan_still(style: Style, size: Size, time: float, signals: Mapping[str, float]) -> np.ndarray:
    """Return the picture at `time` s. See `registry.Kind`."""
    drive = GanDrive(style)
    drive.motion.phase = time
    return decoded_still(drive, style, GAN_PARAMS, size, signals, time * STILL_BPM / 60.0)


def gan_sequence(
    style: Style, size: Size, signals: Iterable[Mapping[str, float]], dt: float, speed: float, react: float
) -> Iterator[np.ndarray]:
    """Yield pictures. See `registry.Kind`."""
    given = {"speed": speed, "react": react}
    return decoded_sequence(GanDrive(style), style, GAN_PARAMS, size, signals, dt, given)

"""Trains a texture: waves drawn from a board's spectrum, a fit to its pictures, then steps of the guide `texture`.

The first layer holds waves of a torus that the board paves (`torus`), and is not trained. Time and sound move the plane
along the torus, which for a wave is a shift of its phase: exact for any time and any sound, so nothing has to be learnt for
it, and nothing falls apart. Called step by step by `run`, as `trainer.Trainer` is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import OUTPUTS, PERIODIC, CppnSpec, Weights
from phosphene.engine.models.encoding import AUDIO_INPUTS, PLACE, View
from phosphene.engine.models.growth import draw_recipe, shape
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.network import TorchCppn
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.torus import TURN, Torus, closest, pave
from phosphene.tools.cppn.trainer import Trainer, fitted_scales
from phosphene.tools.guides.base import Guide
from phosphene.tools.guides.board import read_board
from phosphene.tools.guides.choose import Pull
from phosphene.tools.guides.painted import Painting, Picture
from phosphene.tools.guides.texture import TextureGuide

FIT_HEIGHT = 180  # px of a picture that the fit sees: finer waves than 90 a screen are beyond a network of 64
FIT_STEPS, FIT_POINTS = 1500, 8000  # 28 s of one core at 64 neurons a layer
_FIT_WIDTH = 64
_READ, _TILES = 24, 2  # pictures read of a board; how many of them lie on the torus, where there is one board
_WHOLE = 256  # px: the height of the picture of which a step of the guide sees a part
_PARTS = 2  # a step
_MATCH = 2.0  # weight of the fit's error over the picture's variance, so that the guide keeps what was fitted
# Turns in x and y until the walk closes; of a style that is to loop soon, or has its variations beside each other.
_WALK, _LOOP = (3, 2), (0, 1)
_LIQUID = 0.5  # rad, standard deviation, by which sound at its full level times its scale bends the waves apart
_PACE = 2.0  # times the movement that `calibrate` wants of a second: what moves as one looks slower than what changes shape
_SWAY = 0.15  # coordinates by which inputs that have no measured scale move the plane
# How far, in coordinates, full sound may push the plane (a screen is 6.3 high), and a second of silence: soft or pale boards
# would have to be pushed across the screen to change as much as `calibrate` wants.
_FARTHEST = {"bass": 0.4, "onset": 0.4, "time": 0.5}
_FARTHEST_ELSE = 0.2
_ANGLE = 2.39996  # golden angle, rad: every input pushes another way


# How waves and a fit begin. Waves finer than 12 turns a screen only roughen: coarser ones make edges by bending. Error of a
# painted honeycomb after 500 steps: 0.46 of the variance with waves as fine as the picture has, whole weights and a rate of
# 0.005; 0.30 without the finest; 0.27 with half the weights; 0.12 at twice that rate. Gravel, a photograph, at four times
# that rate: 0.015 with the finest, 0.012 without. Another draw of waves has up to twice the error.
FINEST, GAIN, RATE, DRAWS = 12.0, 0.5, 2e-2, 3  # turns a screen; of hidden weights; of Adam at 64 wide; the best is fitted
_TRIAL_STEPS = 120


class TextureTrainer(Trainer):
    """The trainer of the guide `texture`. A step sees two parts, `resolution` px square, of a picture 256 px high."""

    has_terms: ClassVar[bool] = False
    trial: ClassVar[Size] = Size(128, 128)

    torus: Torus
    target: torch.Tensor

    @classmethod
    def begin(cls, options: Options, music: Music, pulls: Sequence[Pull], device: str, palette: Guide | None = None) -> Self:
        trainer = super().begin(options, music, pulls, device, palette)
        trainer.torus = torus_of(pulls)
        trainer.target = torch.from_numpy(trainer.torus.picture.reshape(-1, 3)).to(device)
        trainer.network.w[0].requires_grad_(False)
        return trainer

    @staticmethod
    def size(resolution: int) -> Size:
        return Size(resolution, resolution)

    @property
    def variations(self) -> int:
        return max((len(pull.guide.boards) for pull in self.pulls if isinstance(pull.guide, TextureGuide)), default=1)

    @classmethod
    def _start(
        cls, options: Options, spec: CppnSpec, music: Music, pulls: Sequence[Pull], palette: Guide | None, device: str
    ) -> tuple[Weights, dict[str, float], float]:
        torus, walk, found = torus_of(pulls), _LOOP if options.loop_s else walk_of(spec), []
        for draw in range(DRAWS):
            network = TorchCppn(spec, first_weights(spec, torus, options.seed + draw, walk), device)
            found.append((fit(network, torus, options.seed, min(_TRIAL_STEPS, FIT_STEPS)), draw, network))
        network = min(found)[2]
        fit(network, torus, options.seed, FIT_STEPS)
        weights = network.weights()
        return weights, scales_of(spec, weights, options, music, torus), _untrained(spec, options, pulls, device)

    def _fit_scales(self) -> None:
        self.scales = scales_of(self.spec, self.network.weights(), self.options, self.music, self.torus)

    def _loss(self, rng: np.random.Generator, size: Size) -> tuple[torch.Tensor, dict[str, Any]]:
        moments = [self._moment(rng) for _ in range(_PARTS)]
        uniforms = np.stack([self.music.uniforms(self.spec.uniform, self.scales, *moment) for moment in moments])
        parts = self.network.paint(uniforms, size, View(zoom=_WHOLE / size.height))
        found = {pull.guide.name: pull.guide.score(self._views(pull.guide, parts, rng)).mean() for pull in self.pulls}
        losses = {pull.guide.name: -pull.weight * found[pull.guide.name] for pull in self.pulls}
        losses["match"] = _MATCH * mismatch(self.network, self.torus, self.target, rng) / self.target.var()
        guide = sum(pull.weight * found[pull.guide.name].item() for pull in self.pulls)
        terms = {name: round(part.item(), 5) for name, part in losses.items()}
        return torch.stack(list(losses.values())).sum(), {"guide": guide, "terms": terms}

    def _moment(self, rng: np.random.Generator) -> tuple[int, float, float]:
        """Return a random frame of music, a time anywhere on the walk, so that the middle of the picture is any place, and
        the place of one of the variations."""
        walk = _LOOP if self.options.loop_s else walk_of(self.spec)
        time = rng.uniform(0.0, walked(self.torus, walk) / max(self.scales.get("time", 0.0), 1e-3))
        return self.music.draw(rng), time, int(rng.integers(self.variations)) / self.variations

    def _views(self, guide: Guide, pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        return pictures if guide.name == "texture" else super()._views(guide, pictures, rng)


def torus_of(pulls: Sequence[Pull]) -> Torus:
    """Return the torus of the pictures that the guide `texture` trains with, in a row: of one board of files two that meet
    without a seam, of several boards one of each, of a painted board one of each structure.

    More would be held less sharply by a network of 64: error of gravel's variance after 1,000 steps 0.007 with one, 0.024
    with two, 0.041 with three. The others are in the guide. Raises UserError where that guide does not pull.
    """
    guide = _guide_of(pulls)
    boards: list[Sequence[Picture]] = [*guide.boards]
    painted: dict[str, list[Picture]] = {}
    for each in guide.boards[0]:
        if isinstance(each, Painting):
            painted.setdefault(each.subject.family, []).append(each)
    read = [read_board(board, FIT_HEIGHT, _READ) for board in painted.values() or boards]
    count = _TILES if len(read) == 1 and not painted else 1
    return pave(np.concatenate([closest(board, count) for board in read]), equal=len(boards) > 1)


def _guide_of(pulls: Sequence[Pull]) -> TextureGuide:
    for pull in pulls:
        if isinstance(pull.guide, TextureGuide):
            return pull.guide
    raise UserError("a texture is trained by the guide of that name", where="--guide", allowed="texture, texture+...")


def first_weights(spec: CppnSpec, torus: Torus, seed: int, walk: tuple[int, int] = _WALK) -> Weights:
    """Return a network whose first layer holds waves of the torus, and moves them along it; the rest is random.

    walk: turns in x and in y after which the walk of `time` is where it was. Its speed is 1 coordinate a second at scale 1.
    Raises UserError where the network has no x and y, or no wave first.
    """
    if not {"x", "y"} <= set(spec.inputs) or not spec.periodic:
        raise UserError(
            "a texture needs x and y, and waves first", where="--inputs, --activation", allowed="x, y, ...; sin or cos first"
        )
    rng = np.random.default_rng([seed, 31])
    turns = torus.waves(spec.width, rng, FINEST)
    waves = TURN * turns / np.array(torus.extent)
    first = np.zeros((spec.width, len(spec.inputs)))
    first[:, spec.columns(("x", "y"))] = waves
    length = walked(torus, walk)
    for k, name in enumerate(spec.uniform):
        column = waves @ np.array([math.cos(_ANGLE * k), math.sin(_ANGLE * k)])
        if name == "time":
            column = TURN * (turns @ np.array(walk)) / length
        elif name == PLACE:
            column = TURN * turns[:, 0]
        elif name in AUDIO_INPUTS:
            column = column + _LIQUID * rng.standard_normal(spec.width)
        else:
            column = _SWAY * column
        first[:, spec.inputs.index(name)] = column
    layers = [(first, rng.uniform(-math.pi, math.pi, spec.width))]
    bound = math.sqrt(6.0 / spec.width)  # keeps the spread of a layer of sines (Sitzmann et al. 2020)
    for name in spec.layer_activations[1:]:
        shift = math.pi if name in PERIODIC else 0.5
        wide = GAIN * bound
        layers.append((rng.uniform(-wide, wide, (spec.width, spec.width)), rng.uniform(-shift, shift, spec.width)))
    layers.append((rng.uniform(-bound, bound, (OUTPUTS, spec.width)) / 2, np.zeros(OUTPUTS)))
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers]


def fit(network: TorchCppn, torus: Torus, seed: int, steps: int) -> float:
    """Train the network, but for its first layer's weights, to paint the torus in silence; return the error left, as a share
    of the picture's variance, infinite after no steps."""
    device = network.w[0].device
    network.w[0].requires_grad_(False)
    target = torch.from_numpy(torus.picture.reshape(-1, 3)).to(device)
    most = RATE * _FIT_WIDTH / network.spec.width
    optimiser = torch.optim.Adam([part for part in network.parameters() if part.requires_grad], lr=most)
    variance, rng, left = float(target.var()), np.random.default_rng([seed, 32]), math.inf
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = most * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
        loss = mismatch(network, torus, target, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        left = loss.item()
    return left / variance


def mismatch(network: TorchCppn, torus: Torus, target: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return the mean squared difference to the torus at random points, a scalar. target: its pixels [h w, 3]."""
    index = rng.integers(len(target), size=FIT_POINTS)
    spatial = network.spec.spatial
    points = np.zeros((FIT_POINTS, len(spatial)), np.float32)
    points[:, [spatial.index("x"), spatial.index("y")]] = torus.points(index)
    found = network.at(torch.from_numpy(points).to(target))
    return (found - target[torch.from_numpy(index).to(target.device)]).square().mean()


def walk_of(spec: CppnSpec) -> tuple[int, int]:
    """Return the turns in x and in y until the walk of time closes: where variations stand in a row, it goes up one."""
    return _LOOP if PLACE in spec.inputs else _WALK


def scales_of(spec: CppnSpec, weights: Weights, options: Options, music: Music, torus: Torus) -> dict[str, float]:
    """Return the style's normalisation, in which nothing pushes the plane too far, and a loop is one whole walk."""
    scales = fitted_scales(spec, weights, options.seed, music)
    scales |= {"time": _PACE * scales["time"]} if "time" in scales else {}
    held = {name: min(scale, _FARTHEST.get(name, _FARTHEST_ELSE)) for name, scale in scales.items()}
    if options.loop_s:
        held["time"] = walked(torus, _LOOP) / options.loop_s
    return held


def walked(torus: Torus, walk: tuple[int, int]) -> float:
    """Return how long a walk is, in coordinates, until it closes."""
    return math.hypot(walk[0] * torus.extent[0], walk[1] * torus.extent[1])


def _untrained(spec: CppnSpec, options: Options, pulls: Sequence[Pull], device: str) -> float:
    """Return what the guides give networks that nobody trained, on average over two."""
    music, found = np.zeros((1, len(spec.uniform))), []
    for k in range(2):
        number = options.seed * 100_003 + k
        network = TorchCppn(spec, shape(spec, draw_recipe(number), number), device)
        with torch.no_grad():
            picture = network.paint(music, TextureTrainer.trial, View(zoom=_WHOLE / TextureTrainer.trial.height))
            found.append(sum(pull.weight * pull.guide.score(picture).mean().item() for pull in pulls))
    return float(np.mean(found))

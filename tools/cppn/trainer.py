"""The optimiser's loop body: Adam on the guides' score of random moments, seen through random cut-outs, plus the terms.

Called step by step by `run`. It knows nothing of files, progress bars or signals; all randomness comes from (seed, step),
so that a run that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch.nn import functional

from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, Weights
from phosphene.engine.models.growth import FIRST_SCALES, calibrate, draw_recipe, shape
from phosphene.tools.cppn import terms
from phosphene.tools.cppn.cutouts import cutouts
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.network import TorchCppn
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.texture_options import guided_by_texture
from phosphene.tools.guides.base import Guide
from phosphene.tools.guides.choose import Pull
from phosphene.tools.laboratory import laboratory
from phosphene.tools.option_words import PLAIN_RECIPES
from phosphene.tools.runs.recovery import Recovery

EVALUATE_EVERY = 20  # steps
_TRIAL = Size(160, 90)
_TRIALS = 4  # moments of the fixed evaluation
_TIMES = (0.0, 600.0)  # s of integrated time that are drawn from: a long track's worth
_LR_WIDTH = 128
_FINER = (-0.4, 0.9)  # natural logarithm of the factor by which a start's pattern may be finer than a grown style's
# A typical range of an audio input, 5th to 95th percentile. Inputs that hardly move on the training track are scaled up to
# it, within limits: another track will move them.
_TYPICAL_SPREAD, _MOST_RESCALED = 0.6, 1.6


@dataclass
class Good:
    """A state worth returning to."""

    objective: float
    weights: Weights
    scales: dict[str, float]
    step: int


@dataclass
class Trainer:
    """Make one by `begin`. null: what the guides give untrained networks, on average; best: the best evaluation so far;
    notes: what a person should be told.

    This is the full recipe. The plain one is a subclass (`tools/lab/plain_cppn.py`), found by `trainer_of`. has_terms:
    whether the loss has more than the guides; most_slope: length to which a gradient is cut; trial: size of the evaluation.
    """

    has_terms: ClassVar[bool] = True
    most_slope: ClassVar[float] = 1.0
    trial: ClassVar[Size] = _TRIAL

    options: Options
    spec: CppnSpec
    network: TorchCppn
    scales: dict[str, float]
    music: Music
    pulls: Sequence[Pull]
    palette: Guide | None
    optimiser: torch.optim.Adam
    null: float = 0.0
    step: int = 0
    rate_factor: float = 1.0
    best: Good | None = None
    notes: list[str] = field(default_factory=list)
    _recovery: Recovery = field(init=False)

    @property
    def variations(self) -> int:
        """How many pictures that differ the style will have, all round the input `place`."""
        return 1

    def __post_init__(self) -> None:
        self._recovery = Recovery(self.network, self.optimiser)

    @classmethod
    def begin(cls, options: Options, music: Music, pulls: Sequence[Pull], device: str, palette: Guide | None = None) -> Self:
        """Return a trainer at step 0, with the best of `starts` grown networks under the guides.

        palette: the term that holds the colours, where it is not a guide anyway.
        """
        spec = CppnSpec(options.input_names, options.hidden_dim, options.layers, options.activation_names)
        weights, scales, null = cls._start(options, spec, music, pulls, palette, device)
        network = TorchCppn(spec, weights, device)
        optimiser = torch.optim.Adam(network.parameters(), lr=options.lr)
        return cls(options, spec, network, scales, music, pulls, palette, optimiser, null)

    @staticmethod
    def size(resolution: int) -> Size:
        """Return the training picture of a stage: 16:9, as on stage."""
        return Size(resolution, round(resolution * 9 / 32) * 2)

    @property
    def done(self) -> bool:
        return self.step >= self.options.steps

    def advance(self) -> dict[str, Any]:
        """Take one step; return its record. Raises FloatingPointError when it keeps failing."""
        options, step = self.options, self.step
        if step and step % options.iterations == 0:
            self._fit_scales()
        rate = self._set_rate()
        rng = np.random.default_rng([options.seed, 7, step])
        self.optimiser.zero_grad(set_to_none=True)
        loss, record = self._loss(rng, self.size(options.stage(step)))
        healthy = math.isfinite(loss.item())
        if healthy:
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.most_slope)
            healthy = math.isfinite(norm.item())
        if healthy:
            self.optimiser.step()
            self._recovery.bad = 0
        else:
            self._step_back()
        self.step += 1
        record |= {"step": self.step, "resolution": options.stage(step), "loss": loss.item(), "rate": rate}
        if self.step % EVALUATE_EVERY == 0 or self.done:
            record["objective"] = self.evaluate()
        return record

    def evaluate(self) -> float:
        """Return the objective (minus the loss) at fixed moments and cut-outs; remember the weights if it is the best."""
        with torch.no_grad():
            draws = [np.random.default_rng([self.options.seed, 8, i]) for i in range(_TRIALS)]
            losses = [self._loss(rng, self.trial)[0].item() for rng in draws]
        objective = -float(np.mean(losses))
        if not math.isfinite(objective):
            self._step_back()
        else:
            self._recovery.remember()
            if self.best is None or objective > self.best.objective:
                self.best = Good(objective, self.network.weights(), dict(self.scales), self.step)
        return objective

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs: tensors and plain values only."""
        best = self.best
        return {
            "step": self.step,
            "null": self.null,
            "rate_factor": self.rate_factor,
            "scales": self.scales,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": None
            if best is None
            else {
                "objective": best.objective,
                "scales": best.scales,
                "step": best.step,
                "weights": [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in best.weights],
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.step, self.null, self.rate_factor = state["step"], state["null"], state["rate_factor"]
        self.scales = dict(state["scales"])
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if (best := state["best"]) is not None:
            weights = [(w.numpy(), b.numpy()) for w, b in best["weights"]]
            self.best = Good(best["objective"], weights, dict(best["scales"]), best["step"])
        self._recovery.remember()

    @classmethod
    def _start(
        cls, options: Options, spec: CppnSpec, music: Music, pulls: Sequence[Pull], palette: Guide | None, device: str
    ) -> tuple[Weights, dict[str, float], float]:
        """Return the weights to begin with, their scales, and what the guides give untrained networks."""
        weights, null = _best_start(options, spec, music, pulls, palette, device)
        return weights, fitted_scales(spec, weights, options.seed, music), null

    def _fit_scales(self) -> None:
        """Training has changed what the inputs do: measured again at each stage, and again good for all that follows."""
        self.scales = fitted_scales(self.spec, self.network.weights(), self.options.seed, self.music)

    def _loss(self, rng: np.random.Generator, size: Size) -> tuple[torch.Tensor, dict[str, Any]]:
        frame, time = self._moment(rng)
        pictures = self.network.paint(self.music.uniforms(self.spec.uniform, self.scales, frame, time)[None], size)
        parts: dict[str, torch.Tensor] = {}
        scores = {}
        for pull in self.pulls:
            scores[pull.guide.name] = pull.guide.score(self._views(pull.guide, pictures, rng)).mean()
            parts[pull.guide.name] = -pull.weight * scores[pull.guide.name]
        parts |= self._terms(pictures, rng)
        loss = torch.stack(list(parts.values())).sum()
        guide = sum(pull.weight * scores[pull.guide.name].item() for pull in self.pulls)
        return loss, {"guide": guide, "terms": {name: round(part.item(), 5) for name, part in parts.items()}}

    def _moment(self, rng: np.random.Generator) -> tuple[int, float]:
        """Return the frame of music and the integrated time, s, that a step is trained at."""
        return self.music.draw(rng), rng.uniform(*_TIMES)

    def _views(self, guide: Guide, pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Return what a guide sees of the pictures."""
        return _seen(guide, pictures, self.options.crops, rng)

    def _terms(self, pictures: torch.Tensor, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the parts of the loss that are no guide's, by name, weighted."""
        options = self.options
        parts: dict[str, torch.Tensor] = {}
        weights = {"reactivity": options.reactivity, "smoothness": options.smoothness}
        if any(weights.values()):
            live = terms.liveliness(self.network, self.music, self.scales, rng)
            parts |= {name: weights[name] * live[name] for name in live if weights[name]}
        if self.palette is not None:
            parts["palette"] = -options.palette * self.palette.score(self._views(self.palette, pictures, rng)).mean()
        if options.contrast:
            parts["contrast"] = options.contrast * terms.contrast(pictures)
        if options.loop_s and options.loop:
            parts["loop"] = options.loop * terms.loop(self.network, self.scales.get("time", 1.0), options.loop_s)
        return parts

    def _set_rate(self) -> float:
        """`lr` is that of 128 neurons a layer; Adam's best rate falls with the width (Yang et al. 2022,
        mu-parametrisation)."""
        options = self.options
        share = self._rate_share(self.step / max(1, options.steps))
        rate = options.lr * _LR_WIDTH / options.hidden_dim * self.rate_factor * share
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate

    def _rate_share(self, done: float) -> float:
        """Return the share of the rate: constant for the first half of the run, then a cosine down to a tenth."""
        return 0.1 + 0.9 * (0.5 + 0.5 * math.cos(math.pi * max(0.0, 2.0 * done - 1.0)))

    def _step_back(self) -> None:
        self.rate_factor, said = self._recovery.step_back("the loss is not finite", self.step, self.rate_factor)
        self.notes.append(said)


def trainer_of(options: Options) -> type[Trainer]:
    """Return what trains by the recipe that the options name. Raises UserError where the plain one is not installed."""
    if options.recipe != "full":
        plain: type[Trainer] = laboratory("plain_cppn", PLAIN_RECIPES).PlainTrainer
        return plain
    if guided_by_texture(options.guide):
        from phosphene.tools.cppn.texture_trainer import TextureTrainer  # which is made of this module's

        return TextureTrainer
    return Trainer


def fitted_scales(spec: CppnSpec, weights: Weights, seed: int, music: Music) -> dict[str, float]:
    """Return the style's normalisation: what `calibrate` finds for full level, corrected for how far each input ranges on
    the training track (5th to 95th percentile, so that single peaks do not count)."""
    spread = music.spread()
    scales = calibrate(spec, weights, seed)
    for name in scales.keys() & spread.keys():
        factor = _TYPICAL_SPREAD / max(spread[name], 1e-3)
        scales[name] = round(scales[name] * min(_MOST_RESCALED, max(1 / _MOST_RESCALED, factor)), 4)
    return scales


def _best_start(
    options: Options, spec: CppnSpec, music: Music, pulls: Sequence[Pull], palette: Guide | None, device: str
) -> tuple[Weights, float]:
    """Return the grown network, of `starts` draws, that the guides like best, and what they give all of them on average.

    The same views and moments for all.
    """
    rng = np.random.default_rng([options.seed, 9])
    uniforms = np.stack(
        [music.uniforms(spec.uniform, FIRST_SCALES, music.draw(rng), rng.uniform(*_TIMES)) for _ in range(2)]
    )
    best, found, guided = -math.inf, None, []
    for i in range(options.starts):
        seed = options.seed * 100_003 + i
        recipe = draw_recipe(seed)
        # Grown to be looked at, recipes stay with large shapes; shards, hexagons and mazes need finer ones to begin with.
        recipe = replace(recipe, scale=recipe.scale * float(np.exp(rng.uniform(*_FINER))))
        weights = shape(spec, recipe, seed)
        with torch.no_grad():
            pictures = TorchCppn(spec, weights, device).paint(uniforms, _TRIAL)
            guided.append(_guide_score(pulls, pictures, 8, np.random.default_rng([options.seed, 10])))
            score = guided[-1] - options.contrast * terms.contrast(pictures).item()
            if palette is not None:
                seen = _seen(palette, pictures, 1, np.random.default_rng(0))
                score += options.palette * palette.score(seen).mean().item()
        if score > best:
            best, found = score, weights
    assert found is not None, "starts is at least 1"
    return found, float(np.mean(guided))


def _guide_score(pulls: Sequence[Pull], pictures: torch.Tensor, crops: int, rng: np.random.Generator) -> float:
    total = 0.0
    for pull in pulls:
        total += pull.weight * pull.guide.score(_seen(pull.guide, pictures, crops, rng)).mean().item()
    return total


def _seen(guide: Guide, pictures: torch.Tensor, crops: int, rng: np.random.Generator) -> torch.Tensor:
    """Return `pictures` as `guide` wants them: random square cut-outs, or whole at its height."""
    if guide.cutouts:
        return cutouts(pictures, crops, guide.side, rng)
    height, width = pictures.shape[2:]
    # Not enlarged: a bigger picture holds nothing more, and sorting its colours costs as much as the network.
    side = min(guide.side, height)
    return functional.interpolate(pictures, (side, round(side * width / height)), mode="bilinear", antialias=True)

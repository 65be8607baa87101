"""The plain recipe for CPPNs, after the first ones that CLIP guided: one frame, one time, no cut-outs, no terms.

Asked for by `tools/cppn/trainer.py`; `vj train style --recipe plain`. What the full recipe is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, Weights, random_weights
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.trainer import Trainer
from phosphene.tools.guides.base import Guide
from phosphene.tools.guides.choose import Pull

_TIME = 0.5  # the one time that is trained at, and one audio frame, a quarter into the track


class PlainTrainer(Trainer):
    """Adam at a constant rate on the guides' score of one square picture, from a random network."""

    has_terms = False
    most_slope = math.inf
    trial = Size(128, 128)

    @staticmethod
    def size(resolution: int) -> Size:
        return Size(resolution, resolution)

    @classmethod
    def begin(
        cls, options: Options, music: Music, pulls: Sequence[Pull], device: str, palette: Guide | None = None
    ) -> PlainTrainer:
        trainer = super().begin(options, music, pulls, device, palette)
        with torch.no_grad():
            trainer.null = trainer._loss(np.random.default_rng(0), cls.trial)[1]["guide"]
        return trainer

    @classmethod
    def _start(
        cls, options: Options, spec: CppnSpec, music: Music, pulls: Sequence[Pull], palette: Guide | None, device: str
    ) -> tuple[Weights, dict[str, float], float]:
        return random_weights(spec, options.seed), {}, 0.0

    def _fit_scales(self) -> None:
        """Inputs stay as they are."""

    def _moment(self, rng: np.random.Generator) -> tuple[int, float]:
        return len(self.music.signals) // 4, _TIME

    def _views(self, guide: Guide, pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        return functional.interpolate(pictures, (guide.side, guide.side), mode="bicubic", antialias=True).clamp(0.0, 1.0)

    def _terms(self, pictures: torch.Tensor, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        return {}

    def _rate_share(self, done: float) -> float:
        return 1.0

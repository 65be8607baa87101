"""`motif` as a guide or a judge: how well pictures answer words or other pictures, by the model shipped with the project.

Called by `tools.guides.choose`, the trainer and the scorer. Guide and judge are two trainings that share nothing. Scores
of it are never comparable with CLIP's: another space, another temperature.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from phosphene.engine.core.errors import UserError
from phosphene.tools.datasets.pictures import load_picture
from phosphene.tools.guides.base import Request, Role
from phosphene.tools.motif.model import SIDE, Motif, load_motif
from phosphene.tools.motif.tokens import split_words

NEGATIVE = -0.5  # weight of what a picture should not be, beside 1.0 of what it should


class MotifGuide:
    """Scores square cut-outs by the cosine between each one's vector and that of the request.

    Raises UserError: no weights or damaged ones, neither words nor pictures, a picture that cannot be read.
    """

    name = "motif"
    cutouts = True
    side = SIDE

    def __init__(self, request: Request, role: Role) -> None:
        self.role = role
        self._use(load_motif(role), request)

    @classmethod
    def with_model(cls, model: Motif, request: Request, role: Role = "guide") -> MotifGuide:
        """Return a guide over another model than the shipped ones: an untrained one is the null of every score."""
        guide = cls.__new__(cls)
        guide.role = role
        guide._use(model, request)
        return guide

    def _use(self, model: Motif, request: Request) -> None:
        self._model = model
        self._texts: dict[str, torch.Tensor] = {}
        self._target = self._aim(request)

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the cosine to the request, float32 [n]: about 0 for a stranger, 0.5 to 0.8 for a picture as described.

        pictures: float32 [n, 3, h, w], sRGB 0..1; any size, any n. Differentiable.
        """
        return self._embed(pictures) @ self._target.to(pictures.device)

    def similarities(self, pictures: torch.Tensor, prompts: list[str]) -> torch.Tensor:
        """Return float32 [n, len(prompts)]: the cosine of each picture with each prompt alone."""
        seen = self._embed(pictures)
        if not prompts:
            return seen.new_zeros((len(seen), 0))
        return seen @ torch.stack([self._text(prompt) for prompt in prompts]).to(pictures.device).T

    def _embed(self, pictures: torch.Tensor) -> torch.Tensor:
        pictures = pictures.float()
        if pictures.shape[-2:] != (SIDE, SIDE):
            pictures = F.interpolate(pictures, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        if pictures.device != self._model.log_scale.device:
            self._model.to(pictures.device)
        # float32 always: in half precision small cut-outs' gradients vanish in the pooled deviations.
        with torch.autocast(pictures.device.type, enabled=False):
            return self._model.image(pictures)

    @torch.no_grad()
    def _text(self, text: str) -> torch.Tensor:
        """Return the unit vector [d] of a text; what is beyond its first 40 words is not read."""
        if text not in self._texts:
            self._texts[text] = self._model.text([text])[0].cpu()
        return self._texts[text]

    @torch.no_grad()
    def _aim(self, request: Request) -> torch.Tensor:
        """Return the unit vector [d] that stands for the request."""
        parts = []
        if split_words(request.prompt):
            parts.append(self._text(request.prompt))
        if request.images:
            seen = torch.stack([self._embed(_read(path))[0] for path in request.images]).cpu()
            parts.append(F.normalize(seen.mean(0), dim=0))
        if not parts:
            raise UserError("motif needs words or pictures", where="--prompt", remedy="give --prompt or --images")
        if split_words(request.negative):
            parts.append(NEGATIVE * self._text(request.negative))
        return F.normalize(torch.stack(parts).sum(0), dim=0)


def _read(path: Path) -> torch.Tensor:
    """Return a file's picture, float32 [1, 3, h, w], its middle square: squeezed ones would change every pattern."""
    pixels = load_picture(path).astype(np.float32) / 255.0
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return torch.from_numpy(pixels[top : top + edge, left : left + edge].copy()).permute(2, 0, 1)[None]

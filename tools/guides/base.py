"""What every guide and judge is: a differentiable score of pictures, made for one request.

The trainer's thread calls `score` with gradients, the scorer without. A guide holds no state that training changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch

Role = Literal["guide", "judge"]


@dataclass(frozen=True)
class Request:
    """What a style should look like: words, pictures, or both. images: files, already checked to be readable; boards: the
    same, as the folders in the given one divide them: several are the variations of one style, in this order. seed: of the
    pictures that are painted for words, where a guide paints them."""

    prompt: str = ""
    negative: str = ""
    images: tuple[Path, ...] = ()
    boards: tuple[tuple[Path, ...], ...] = ()
    seed: int = 0

    @property
    def text(self) -> str:
        """What a person would call it."""
        return self.prompt or ", ".join(path.stem for path in self.images)


class Guide(Protocol):
    """name: as given to --guide. cutouts: whether it wants square cut-outs or whole pictures. side: px of a cut-out's
    sides, or of the height of a whole picture.
    """

    name: str
    cutouts: bool
    side: int

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return how well each picture answers the request, float32 [n], higher is better, about -1..1.

        pictures: float32 [n, 3, h, w], sRGB 0..1, row 0 at the top. Differentiable; finite for any finite picture.
        """
        ...


class TextJudge(Guide, Protocol):
    """A guide that can also compare with other prompts than its own, for retrieval."""

    def similarities(self, pictures: torch.Tensor, prompts: list[str]) -> torch.Tensor:
        """Return float32 [n, len(prompts)]: how well each picture answers each prompt."""
        ...

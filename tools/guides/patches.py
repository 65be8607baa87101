"""The judge by patches: small pieces of lightness, without a network, against pictures of the board that trained nothing.

Opened for whatever the guide `texture` has pulled, with which it shares nothing: neither weights nor pictures, where the
board has four or more. Sliced Wasserstein distance (Rabin et al. 2011) between 8 x 8 patches of luma at three scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch.nn import functional

from phosphene.tools.guides.base import Request
from phosphene.tools.guides.board import divided, read_board, textured
from phosphene.tools.guides.painted import Painting, Picture, board_of, others

_SIDE, _PATCHES, _DIRECTIONS = 8, 6000, 64
_SCALES = (1, 2, 4)  # by which pictures are made smaller: patches of 8, 16 and 32 px
_MOST = 24  # pictures of each part
_LUMA = (0.2126, 0.7152, 0.0722)


class PatchesJudge:
    """Scores whole pictures, 180 px high, by the distance of their patches to those of held-out pictures.

    Pictures of a style with variations, which are boards of their own, are judged together. itself: the distance between
    what trains and what is held out, which a perfect style would have. other: of a painted board, the least distance of
    three other structures in the same colours; None of files.
    """

    name = "patches"
    cutouts = False
    side = 180

    def __init__(self, request: Request) -> None:
        """Read the pictures. Raises UserError where none has a texture."""
        good, _ = textured(board_of(request))  # what is left out is said by the guide
        self._together = len(request.boards) > 1
        trained, held = divided(good)
        few = "the board has fewer than four pictures: the judge looks at the same ones as the guide"
        self.notes: tuple[str, ...] = (few,) if trained == held else ()
        self._prepare(trained, held)

    @classmethod
    def of(cls, trained: Sequence[Picture], held: Sequence[Picture]) -> Self:
        """Return the judge of pictures that were divided before. Raises UserError where some have no texture."""
        judge = cls.__new__(cls)
        judge.notes, judge._together = (), False
        judge._prepare(textured(trained)[0], textured(held)[0])
        return judge

    def _prepare(self, trained: Sequence[Picture], held: Sequence[Picture]) -> None:
        draw = torch.Generator().manual_seed(5)
        directions = torch.randn((_SIDE * _SIDE, _DIRECTIONS), generator=draw)
        self._directions = directions / directions.norm(dim=0)
        self._held = self._slices(torch.from_numpy(read_board(held, self.side, _MOST)).permute(0, 3, 1, 2))
        self.itself = max(self._away(trained), 1e-3)
        paintings = tuple(each for each in trained if isinstance(each, Painting))
        self.other = min(map(self._away, others(paintings))) if paintings else None

    def _away(self, pictures: Sequence[Picture]) -> float:
        return float(self.distance(torch.from_numpy(read_board(pictures, self.side, _MOST)).permute(0, 3, 1, 2)))

    def distance(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return how far the pooled patches of pictures [n, 3, 180, w] are from the held-out ones', luma 0..1, a scalar."""
        found = self._slices(pictures)
        return torch.stack([(a - b).abs().mean() for a, b in zip(found, self._held, strict=True)]).mean()

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return each picture's score [n], -1..1: 0.5 at the distance `itself`, 0.2 at twice that, 0 at three times."""
        if self._together:
            away = self.distance(pictures).expand(len(pictures))
        else:
            away = torch.stack([self.distance(each[None]) for each in pictures])
        return 1 - 2 * away / (away + 3 * self.itself)

    def _slices(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Return the sorted projections of random patches, [patches, directions], of each scale."""
        luma = sum(weight * pictures[:, i] for i, weight in enumerate(_LUMA))
        draw, found = torch.Generator().manual_seed(6), []
        for scale in _SCALES:
            small = functional.avg_pool2d(luma[:, None], scale)[:, 0]
            n, h, w = small.shape
            which = torch.randint(n, (_PATCHES,), generator=draw)
            top = torch.randint(h - _SIDE + 1, (_PATCHES,), generator=draw)
            left = torch.randint(w - _SIDE + 1, (_PATCHES,), generator=draw)
            offsets = torch.arange(_SIDE)
            rows = (top[:, None] + offsets)[:, :, None]
            columns = (left[:, None] + offsets)[:, None, :]
            patches = small[which[:, None, None], rows, columns].flatten(1)
            found.append((patches @ self._directions).sort(dim=0).values)
        return found

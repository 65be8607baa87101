"""The guide by texture: what a trained network sees at five depths, as statistics that do not know where anything is.

The trainer opens it where the extra `eyes` is: for --images, and for words that name a structure, which is then painted
(`painted`). Gram matrices and means of the features (Gatys, Ecker & Bethge
2015, "Texture synthesis using convolutional neural networks") at the stem and blocks 1, 3, 5 and 8 of EfficientNet-Lite0.
"""

from __future__ import annotations

import numpy as np
import torch

from phosphene.tools.guides.base import Request
from phosphene.tools.guides.board import HEIGHT, divided, read_board, textured
from phosphene.tools.guides.eyes import open_eyes
from phosphene.tools.guides.painted import board_of, notes_of

BLOCKS = (1, 3, 5, 8)
_HALF = 0.6  # mean relative error at which the score is 0; pictures of one board have errors of 0.02 to 0.4
_MOST = 24  # pictures that are looked at, a tenth of a second each

Seen = list[tuple[torch.Tensor, torch.Tensor]]  # (Gram matrices [n, c, c], means [n, c]) of each depth
Wanted = list[tuple[torch.Tensor, torch.Tensor]]  # ([c, c], [c]) of each depth


class TextureGuide:
    """Scores pictures by the likeness of their texture to the request's. Wants them 256 px high, or parts of such ones.

    board: all pictures. boards: of those that train, as the request divides them. notes: what was painted, and what was left
    out, a line each.
    """

    name = "texture"
    cutouts = False
    side = HEIGHT

    def __init__(self, request: Request) -> None:
        """Read and look at the pictures that train. Raises UserError: none has a texture, no word names a structure, or the
        extra is missing."""
        self._net = open_eyes()
        found = [textured(board) for board in request.boards or (board_of(request),)]
        self.notes = (*notes_of(request), *(note for _, notes in found for note in notes))
        self.board = tuple(picture for good, _ in found for picture in good)
        self.boards = tuple(divided(good)[0] for good, _ in found)
        self._wanted = [self._statistics(read_board(board, self.side, _MOST)) for board in self.boards]

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return 1 - 2 e / (e + 0.6) of the error e, [n], -1..1; pictures as in `base.Guide`."""
        error = self.error(pictures)
        return 1 - 2 * error / (error + _HALF)

    def error(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the mean relative squared error of Gram matrices and means over the depths, [n], 0 = the same.

        Of several boards, the error to the one that is nearest.
        """
        seen = self._look(pictures)
        return torch.stack([_error(seen, wanted) for wanted in self._wanted]).amin(0)

    @torch.no_grad()
    def _statistics(self, pictures: np.ndarray) -> Wanted:
        """Return the means over pictures float32 [n, h, w, 3] of what is seen of each."""
        seen = [self._look(torch.from_numpy(each).permute(2, 0, 1)[None]) for each in pictures]
        return [
            (torch.cat([each[k][0] for each in seen]).mean(0), torch.cat([each[k][1] for each in seen]).mean(0))
            for k in range(len(BLOCKS) + 1)
        ]

    def _look(self, pictures: torch.Tensor) -> Seen:
        """Return what the network sees of pictures [n, 3, h, w], sRGB 0..1."""
        net = self._net.to(pictures.device)
        x = net._swish(net._bn0(net._conv_stem((pictures * 255.0 - 127.0) / 128.0)))
        seen = [_gram(x)]
        for k, block in enumerate(net._blocks[: BLOCKS[-1] + 1]):
            x = block(x)
            if k in BLOCKS:
                seen.append(_gram(x))
        return seen


def _gram(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2], flat.mean(2)


def _error(seen: Seen, wanted: Wanted) -> torch.Tensor:
    total = torch.zeros(len(seen[0][0]), device=seen[0][0].device)
    for (gram, mean), (wanted_gram, wanted_mean) in zip(seen, wanted, strict=True):
        goal, middle = wanted_gram.to(gram), wanted_mean.to(mean)
        total = total + (gram - goal).square().sum((1, 2)) / goal.square().sum()
        total = total + (mean - middle).square().sum(1) / middle.square().sum()
    return total / (2 * len(wanted))

"""The pictures that words ask for: a board of paintings, which stands where a folder of pictures would.

Read by the guide `texture` and the judge `patches` (`board_of`), and by `board`, which reads paintings as it reads files.
Nothing is written: the same words and the same seed paint the same board again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.structures import Asked, asked
from phosphene.tools.motif.pictures import paint
from phosphene.tools.motif.subject import FAMILIES, Subject

COUNT = 8  # paintings of a board, of which two are held out
HEIGHT, WIDTH = 256, 456  # px to which every picture of a board is brought as it is read


@dataclass(frozen=True)
class Painting:
    """One drawing of a subject. seed: of the board; number: of the drawing in it."""

    subject: Subject
    seed: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.number + 1}-{self.subject.family}.png"


Picture = Path | Painting

# How much of a sheet is seen, 1 being its whole height: what is placed within a square leaves the sides of a screen empty.
_REACH = {"blobs": 0.6, "glitch": 0.6, "feathers": 0.6, "branches": 0.65, "lightning": 0.6, "shards": 0.75, "petals": 0.75}


def board_of(request: Request) -> tuple[Picture, ...]:
    """Return the pictures of a request: its files, else paintings of its words. Raises UserError where it has neither."""
    if request.images:
        return request.images
    wanted = asked(request.prompt, request.negative, request.seed)
    if not wanted.subjects:
        raise UserError(
            "these words name no structure that can be painted", where="--prompt", allowed=", ".join(FAMILIES),
            got=request.prompt or "nothing", remedy="name one of these, give --images, or choose --guide motif",
        )  # fmt: skip
    return paintings(wanted, request.seed)


def notes_of(request: Request) -> tuple[str, ...]:
    """Return what a person should be told of the paintings; nothing where the pictures are files."""
    return () if request.images else asked(request.prompt, request.negative, request.seed).lines()


def paintings(wanted: Asked, seed: int) -> tuple[Painting, ...]:
    """Return the board: `COUNT` paintings. Of two structures each has half, of what is held out (every fourth) as well."""
    order = (0, 1, 1, 0, 0, 1, 0, 1) if len(wanted.subjects) > 1 else (0,) * COUNT
    return tuple(Painting(wanted.subjects[which], seed, number) for number, which in enumerate(order))


def others(board: tuple[Painting, ...], count: int = 3, each: int = 4) -> tuple[tuple[Painting, ...], ...]:
    """Return small boards of other structures in the same colours, `each` paintings of one family: a judge's null."""
    first = board[0]
    own = {painting.subject.family for painting in board}
    rng = np.random.default_rng([first.seed, 71])
    families = rng.permutation([family for family in FAMILIES if family not in own])[:count]
    return tuple(
        tuple(Painting(replace(first.subject, family=str(family)), first.seed, COUNT + k) for k in range(each))
        for family in families
    )


@lru_cache(maxsize=64)
def painted(painting: Painting) -> Image.Image:
    """Return the picture, RGB, 456 x 256: the same for the same painting. 0.1 to 0.4 s of one core."""
    subject = painting.subject
    rng = np.random.default_rng([painting.seed, painting.number, crc32(repr(subject).encode())])
    kinds = np.random.default_rng([painting.seed, crc32(repr(subject).encode())])  # one kind for a whole board
    rgb = paint(subject, rng, HEIGHT, WIDTH, _REACH.get(subject.family, 1.0), kinds)
    return Image.fromarray(np.round(255 * np.clip(rgb, 0, 1)).astype(np.uint8))

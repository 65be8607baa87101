"""Painted pictures of subjects: `paint` draws what `tools.motif.subject` says, differently for every random generator.

Called by the trainer of the text-picture model, its tests and contact sheets. Never reads a caption and never uses torch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phosphene.tools.motif.pictures import digital, flows, living, made, round, sky, straight
from phosphene.tools.motif.pictures.canvas import Canvas, Fields
from phosphene.tools.motif.pictures.colouring import colour
from phosphene.tools.motif.subject import FAMILIES, Subject

PAINTERS: dict[str, Callable[[Canvas], Fields]] = {
    name: getattr(module, name)
    for module in (straight, round, sky, flows, living, digital, made)
    for name in FAMILIES
    if hasattr(module, name)
}


def paint(
    subject: Subject,
    rng: np.random.Generator,
    side: int = 64,
    wide: int | None = None,
    reach: float = 1.0,
    kinds: np.random.Generator | None = None,
) -> np.ndarray:
    """Return a picture of `subject`, float32 [side, wide, 3] sRGB 0..1; the same for the same state of `rng`.

    wide: of a square, as many px as `side`. reach: how much is seen, 1 being what fills a square from its lower edge to its
    upper one. kinds: what draws the kind of picture (outlines or tiles, say), where several are to be of one. Painted at
    twice the size and averaged. A 64 x 64 picture takes about 2 ms on one core, the first one a second more (banks of noise
    and trees are made once per process).
    """
    canvas = Canvas(subject, rng, 2 * side, 2 * (wide or side), reach, kinds)
    return colour(PAINTERS[subject.family](canvas), subject, rng)

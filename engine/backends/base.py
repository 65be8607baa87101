"""The seam between a style and whatever runs its network.

A Backend says whether it can run a style here and opens it; a Program runs it. `open` is called on the loader thread and
never touches GL (what a program needs from GL it makes at its first `run`); `run` and `close` are the render thread's. A
Program draws sRGB 0..1 into a target; it knows nothing of decks, effects or linear light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from phosphene.engine.backends.codebook import Codebook
from phosphene.engine.backends.decoders import Decoder
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import View
from phosphene.engine.models.isf import Isf
from phosphene.engine.models.style import Style
from phosphene.engine.sources.base import Frames


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a program, or the generator that plays it, has beyond the protocol; by itself nothing.

    storage: the format of a target (a key of `texture.FORMATS`) that costs no further pass.
    gpu_ms: GPU time of the newest picture whose time is known, ms; 0 where nobody tells.
    staging_reason: why pictures go through host memory; empty where they do not, or nobody tells.
    pairing: paints two programs and their dissolve in one launch.
    """

    storage: str = "rgba16f"
    gpu_ms: float = 0.0
    staging_reason: str = ""
    pairing: Pairing | None = None


class Pairing(Protocol):
    """A program that some others can be painted together with."""

    def pairs_with(self, other: Program) -> bool:
        """Whether `run_pair` can paint this style and `other` in one launch."""
        ...

    def run_pair(
        self,
        other: Program,
        uniforms: Sequence[np.ndarray],
        size: Size,
        views: Sequence[View],
        gains: tuple[float, float],
        target: RenderTarget,
    ) -> None:
        """Paint gains[0] x this style + gains[1] x `other`, added up in linear light, as sRGB into `target`.

        The target takes `size`. uniforms and views: this style's, then the other's.
        """
        ...


class Program(Protocol):
    """A CPPN that is ready to run (the other kinds have a `decoders.Decoder`). Not re-entrant: one thread at a time.

    A class that derives from this one has no capabilities, unless it says otherwise.
    """

    name: str  # the backend's name, for the HUD and the report

    @property
    def capabilities(self) -> Capabilities:
        """What it can do and tell beyond `run`, as of now."""
        return Capabilities()

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Draw the network's sRGB output into `target`, which takes `size`.

        uniforms: float64 [len(spec.uniform)], scaled, in the order of `spec.uniform` (see `encoding.uniform_vector`).
        """
        ...

    def close(self) -> None:
        """Free what the program holds; closing again is not an error."""
        ...


@dataclass(frozen=True)
class ReadyShader:
    """A shader that has proven itself, with its imported pictures; the generator compiles it. opaque: see `Verdict`."""

    isf: Isf
    pictures: Mapping[str, np.ndarray] = field(repr=False)
    opaque: bool = False
    name: str = "isf"

    def close(self) -> None:
        """Nothing is held on a GPU."""


@dataclass
class ReadySource:
    """The pictures of a file or a camera, and the codebook that they are seen through: None where there is none, and why in
    `bookless`. palette: colours of a picture, as of a style."""

    frames: Frames
    book: Codebook | None
    bookless: str = ""
    palette: tuple[str, ...] = ()
    name: str = "media"

    def close(self) -> None:
        """Free both."""
        self.frames.close()
        if self.book is not None:
            self.book.close()


Opened = Program | Decoder | ReadyShader | ReadySource
"""What a backend makes of a style: one of these for each kind."""


class Backend(Protocol):
    """One way of running networks."""

    name: str
    kinds: frozenset[str]  # kinds of style that it runs

    def refusal(self, style: Style | None = None) -> str | None:
        """Return why this machine (or this style) cannot use the backend, in words for a person; None when it can."""
        ...

    def open(self, style: Style, max_size: Size) -> Opened:
        """Prepare `style`, of one of `kinds`, for pictures up to `max_size`. Raises UserError."""
        ...

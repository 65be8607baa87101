"""The seam of what pictures come from outside."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Frames(Protocol):
    """The pictures of a file or a device. Made on the loader thread; `at` is the render thread's and never waits."""

    @property
    def moves(self) -> bool:
        """Whether its pictures change by themselves, so that no camera has to wander over them."""
        ...

    @property
    def loops(self) -> bool:
        """Whether its end leads into its beginning."""
        ...

    def at(self, place: float) -> tuple[int, np.ndarray]:
        """Return a picture's number and the picture: uint8 [h, w, 3], sRGB, row 0 at the top, never written again.

        place: 0..1 of a clip. One number is one picture, so that none is uploaded twice.
        """
        ...

    @property
    def told(self) -> str:
        """What there is, for people: `240 pictures of 640x360, 8.0 s`."""
        ...

    @property
    def fault(self) -> str:
        """What is wrong now, "" while all is well."""
        ...

    def close(self) -> None:
        """Free it; closing again is not an error."""
        ...

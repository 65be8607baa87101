"""The seam of what keeps pictures from frame to frame, beside the plain values of `core/resumable.py`: buffers of shaders.

A take stores them at its first frame, and a rerender goes on from them. Render thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from phosphene.engine.gpu.texture import RenderTarget


@runtime_checkable
class Keeping(Protocol):
    """Holds pictures that its next one is made of."""

    @property
    def kept(self) -> Mapping[str, RenderTarget]:
        """The pictures, by name; valid until the next frame. Empty where there are none yet."""
        ...

    def recall(self, pictures: Mapping[str, np.ndarray]) -> None:
        """Go on with these, [h, w, 4], row 0 at the top, as they were in another one of its kind; called after `resume`.

        Where one of them is missing, it begins anew.
        """
        ...

"""The seam of what goes on from frame to frame and can be brought to where another one stood.

A take stores the memory of all that plays at its first frame, and a rerender goes on from it: generators and their drives,
effects, mappings. The show document needs none of it, being a value itself (`show/state.py`); trails are a picture, which
comes off the GPU later (`Chain.trails`, `Chain.recall`); so are buffers of shaders (`gpu/keeping.py`).
"""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

M = TypeVar("M")


@runtime_checkable
class Resumable(Protocol[M]):
    """Holds what the next step depends on. M: plain values that JSON knows; finite numbers, names, lists of them."""

    def memory(self) -> M:
        """Return what the next step depends on, as a value of its own: later steps do not change it."""
        ...

    def resume(self, memory: M) -> None:
        """Go on from what `memory` returned, of this one or of another of its kind."""
        ...

"""Reads weights that come with the program (.npz): all of the arrays that are wanted, of the right shape, finite, float32.

Called when a network is loaded, never on the audio thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError


def load_weights(path: Path, shapes: Mapping[str, tuple[int, ...]], what: str) -> dict[str, np.ndarray]:
    """Return the arrays named in `shapes`, float32. what: such as "beat networks", for people.

    Raises UserError for a file that is not there, cannot be read, or holds others.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            weights = {name: file[name].astype(np.float32) for name in shapes}
    except Exception as error:  # boundary: zip, numpy and the disk raise what they like over a damaged file
        raise UserError(f"the weights of the {what} cannot be read", where=str(path), got=error) from error
    for name, shape in shapes.items():
        if weights[name].shape != shape or not np.isfinite(weights[name]).all():
            got = weights[name].shape
            raise UserError(f"no weights of the {what}", where=f"{path}, {name}", allowed=str(shape), got=got)
    return weights

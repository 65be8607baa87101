"""Pictures of a style without a show: stills and short sequences on the CPU, no GL. Previews, contact sheets, tests.

The same encoding and network as on stage; any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.generators.registry import GENERATORS
from phosphene.engine.models.style import Style


def preview_still(style: Style, size: Size | None = None) -> np.ndarray:
    """Return the instant that the style's [preview] names: float32 [h, w, 3], sRGB 0..1, row 0 at the top."""
    preview = style.meta.preview
    return still(style, size or Size.parse(preview.size), preview.time, preview.signals)


def still(style: Style, size: Size, time: float, signals: Mapping[str, float]) -> np.ndarray:
    """Return the picture at integrated time `time` while `signals` have been sounding for a while."""
    return GENERATORS[style.kind].still(style, size, time, signals)


def sequence(
    style: Style, size: Size, signals: Iterable[Mapping[str, float]], dt: float, speed: float = 1.0, react: float = 1.0
) -> Iterator[np.ndarray]:
    """Yield one picture per entry of `signals`, `dt` s apart, starting at the preview's time; each is a fresh array."""
    return GENERATORS[style.kind].sequence(style, size, signals, dt, speed, react)

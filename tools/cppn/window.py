"""A window in which a person watches a style being trained. Main thread; optional: training does not need it."""

from __future__ import annotations

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.window import Window

SIZE = Size(640, 360)


class TrainingWindow:
    """Opens a window of `SIZE`. Raises UserError where there is no display."""

    def __init__(self) -> None:
        self._window = Window(SIZE, fullscreen=False, title="Phosphene: training")
        self._window.make_current()
        self._picture = RenderTarget(SIZE, "rgba8")

    def show(self, picture: np.ndarray) -> None:
        """Show uint8 [h, w, 3], row 0 at the top. Once a person has closed the window nothing happens any more."""
        self._window.poll()
        if not self._window.should_close:
            self._picture.upload(picture)
            self._window.present(self._picture)

    def close(self) -> None:
        self._picture.close()
        self._window.close()

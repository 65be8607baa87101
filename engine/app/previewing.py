"""Previews for the desk as a sink of the render loop: few small pictures a frame, and none while nobody looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import numpy as np

from phosphene.engine.app.stage import Stage
from phosphene.engine.compositor.previews import Previews
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import DECKS

_RATE = 12.5  # of each picture a second: at 60 frames every fifth one has some, at 24 every second one
_ARRAYS = 9  # three on their way from the GPU, three being encoded, three to spare
_LEAST_ROOM = 0.25  # of a frame's time: with less left, the hidden deck is not painted


class PictureTaker(Protocol):
    """Who looks: the desk's server."""

    pictures_wanted: frozenset[str]

    def picture(self, name: str, picture: np.ndarray, release: Callable[[], None]) -> None: ...


class PreviewSink:
    """Made and used on the render thread. Frees what it holds when nobody looks any more."""

    def __init__(self, stage: Stage, taker: PictureTaker) -> None:
        self._stage, self._taker = stage, taker
        self._previews: Previews | None = None
        self._readback: Readback | None = None
        self._pool: FramePool | None = None
        self._made: dict[str, float] = {}
        self._failed = False

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Make the previews that are due, and hand on what has arrived from the GPU."""
        began = clock.now()
        try:
            if (wanted := self._taker.pictures_wanted) and not self._failed:
                self._look(wanted, picture, frame)
            elif self._previews is not None:
                self.close()
        except Exception as error:  # noqa: BLE001 boundary: no preview may cost the show a frame; pages then have none
            self._failed = True
            self._stage.say(f"no previews: {type(error).__name__}: {error}")
        self._stage.aside_s += clock.now() - began

    def close(self) -> None:
        """Free what is held on the GPU."""
        if self._readback is not None:
            self._readback.close()
        if self._previews is not None:
            self._previews.close()
        self._readback = self._previews = self._pool = None

    def _look(self, wanted: frozenset[str], picture: RenderTarget, frame: Frame) -> None:
        if self._previews is None:
            self._previews = Previews(self._stage.mixer, picture.size.aspect)
            self._pool = FramePool(self._previews.size, _ARRAYS)
            self._readback = Readback(self._pool)
        assert self._readback is not None
        assert self._pool is not None
        for array, name in self._readback.poll():
            self._taker.picture(str(name), array, partial(self._pool.give, array))
        most = math.ceil(len(wanted) * _RATE / frame.fps)  # spread over frames: none pays for all of them
        for name in self._due(wanted, frame.t_present)[:most]:
            self._made[name] = frame.t_present
            made = self._make(name, picture, frame)
            if made is not None:
                self._readback.start(made, name)

    def _due(self, wanted: Iterable[str], t: float) -> list[str]:
        """Return the names whose time has come, the one that waits longest first."""
        due = [name for name in wanted if t - self._made.get(name, 0.0) >= 1.0 / _RATE - 1e-6]
        return sorted(due, key=lambda name: self._made.get(name, 0.0))

    def _make(self, name: str, picture: RenderTarget, frame: Frame) -> RenderTarget | None:
        stage, previews = self._stage, self._previews
        assert previews is not None
        if name not in DECKS:
            return previews.wall(picture)
        if (seen := previews.seen(name)) is not None:
            return seen
        # Two decks that one launch paints together have no pictures of their own, and their generators are busy.
        costs = stage.budget.frame_ms.recent(1)
        busy = len(costs) > 0 and costs[0] > (1.0 - _LEAST_ROOM) * stage.budget.budget_ms
        if busy or stage.mixer.together or stage.shown is None or stage.signals is None or stage.state.freeze:
            return None
        return previews.hidden(name, frame, stage.signals, stage.shown.deck(name), stage.governor.size())

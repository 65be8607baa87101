"""Previews for the desk and the operator's window, a sink of the render loop: a few small pictures a frame.

None are made while nobody looks. What is drawn in one frame is read in the next one: read at once, it would be waited for
(software OpenGL: 0.7 ms a picture, 4 ms at p99). The picture on stage comes first: a hidden deck is painted in a frame that
has the time left, or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol, cast

import numpy as np

from phosphene.engine.app.stage import Stage
from phosphene.engine.compositor.previews import Previews
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import DECKS

_EVERY_S = 0.09  # a picture of each: eleven a second, where ten are wanted
_ARRAYS = 9  # three on their way from the GPU, three being encoded, three to spare
_NONE: frozenset[str] = frozenset()
_LEAST_ROOM = 0.2  # of a frame's time: with less left, the hidden deck waits for a frame that has it


class PictureTaker(Protocol):
    """Who looks: the desk's server."""

    pictures_wanted: frozenset[str]

    def picture(self, name: str, picture: np.ndarray, release: Callable[[], None], t: float) -> None: ...


class PictureShower(Protocol):
    """Who shows them on this machine: the operator's window, which draws with what is on the GPU."""

    @property
    def pictures_wanted(self) -> frozenset[str]: ...

    def preview(self, deck: str, picture: RenderTarget) -> None: ...


class PreviewSink:
    """Made and used on the render thread. Frees what it holds when nobody looks any more.

    taker: who gets them as arrays, None where nobody ever does; shower: who gets the targets themselves.
    """

    def __init__(self, stage: Stage, taker: PictureTaker | None, shower: PictureShower | None = None) -> None:
        self._stage, self._taker, self._shower = stage, taker, shower
        self._previews: Previews | None = None
        self._readback: Readback | None = None
        self._pool: FramePool | None = None
        self._next: dict[str, float] = {}  # when the next one of a name is due
        self._drawn: list[tuple[RenderTarget, str, float]] = []  # in the last frame: target, name, when that frame leaves
        self._failed = False

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Make the previews that are due, and hand on what has arrived from the GPU."""
        began = clock.now()
        try:
            taken = self._taker.pictures_wanted if self._taker is not None else _NONE
            shown = self._shower.pictures_wanted if self._shower is not None else _NONE
            if (taken or shown) and not self._failed:
                self._look(taken, shown, picture, frame, began)
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
        self._drawn.clear()

    def _look(self, taken: frozenset[str], shown: frozenset[str], picture: RenderTarget, frame: Frame, now: float) -> None:
        if self._previews is None:
            self._previews = Previews(self._stage.mixer, picture.size.aspect)
            self._pool = FramePool(self._previews.size, _ARRAYS)
            self._readback = Readback(self._pool)
        assert self._readback is not None
        assert self._pool is not None
        for target, name, t in self._drawn:
            self._readback.start(target, (name, t))
        self._drawn.clear()
        for array, tag in self._readback.poll():
            name, t = cast("tuple[str, float]", tag)
            if self._taker is not None:
                self._taker.picture(name, array, partial(self._pool.give, array), t)
        wanted = taken | shown
        due = self._due(wanted, frame.t_present, busy=self._room(frame, now) < _LEAST_ROOM)
        for name in due[: math.ceil(len(wanted) / (_EVERY_S * frame.fps))]:  # spread over frames: none pays for all of them
            # On a grid of its own: 90 ms from the last one would be 100 at 30 frames a second, and 125 at 24.
            self._next[name] = max(self._next.get(name, 0.0), frame.t_present - _EVERY_S / 2) + _EVERY_S
            if (made := self._make(name, picture, frame)) is None:
                continue
            if name in taken:
                self._drawn.append((made, name, frame.t_present))
            if self._shower is not None and name in shown:
                self._shower.preview(name, made)
        if self._drawn:
            GL.glFlush()  # software OpenGL draws it from now on, and not only when it is read

    def _room(self, frame: Frame, now: float) -> float:
        """Return the share of this frame's time that is left, by whichever is slower, this thread or the GPU."""
        stage = self._stage
        spent = max(now - stage.began - stage.waited_s, stage.mixer.gpu_ms / 1e3)
        return 1.0 - spent * frame.fps

    def _due(self, wanted: Iterable[str], t: float, busy: bool) -> list[str]:
        """Return the names whose time has come, the one that waits longest first."""
        due = [name for name in wanted if t > self._next.get(name, 0.0) - 1e-6 and not (busy and self._hidden(name))]
        return sorted(due, key=lambda name: self._next.get(name, 0.0))

    def _hidden(self, name: str) -> bool:
        return name in DECKS and name not in self._stage.mixer.seen

    def _make(self, name: str, picture: RenderTarget, frame: Frame) -> RenderTarget | None:
        stage, previews = self._stage, self._previews
        assert previews is not None
        if name not in DECKS:
            return previews.wall(picture)
        if not self._hidden(name):
            return previews.seen(name)
        # Two decks that one launch paints together have no pictures of their own, and their generators are busy.
        if stage.mixer.together or stage.shown is None or stage.signals is None or stage.state.freeze:
            return None
        return previews.hidden(name, frame, stage.signals, stage.shown.deck(name), stage.governor.size())

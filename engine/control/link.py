"""Ableton Link: a tempo and a bar in common with whoever else is on the network. Needs the package `LinkPython-extern`.

The render loop asks for the session's line once a frame, which takes 3 us; Link's own threads do the talking. While there
are no peers this says nothing, and the show follows the music. Link tells a beat and a bar of four, and no more than that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib import import_module

from phosphene.engine.control.surface import Args, SurfaceHealth
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.tempo.timeline import Timeline

QUANTUM = 4.0  # beats to Link's bar: what Live and most others use
SLOWEST_BPM, FASTEST_BPM = 20.0, 999.0  # what Link allows
_JOIN_S = 0.6  # one that joins the moment it is made may win, and change everybody's tempo (Link's issue 154)


class LinkPeer:
    """Takes part in a session from soon after it is made until `close`. bpm: its tempo while it is alone.

    Raises UserError where Link is not installed.
    """

    name = "link"

    def __init__(self, bpm: float = 120.0) -> None:
        try:
            made = import_module("link").Link(min(FASTEST_BPM, max(SLOWEST_BPM, bpm)))
        except ImportError as error:
            raise UserError("Ableton Link is not installed", remedy=install("link")) from error
        self._link = made
        self._closed = False
        self._timer = threading.Timer(_JOIN_S, self._join)
        self._timer.daemon = True
        self._timer.start()

    @property
    def peers(self) -> int:
        """How many others there are."""
        return 0 if self._closed else int(self._link.numPeers())

    @property
    def wants_state(self) -> bool:
        """No: Link carries time and nothing else."""
        return False

    def publish(self, values: Mapping[str, Args]) -> None:
        """Do nothing."""

    def line(self) -> Timeline | None:
        """Return the session's line, from now; None while nobody else is there.

        Both clocks are read together each time: Link's is the raw one on Linux, which drifts (139 ms in 14 min).
        """
        if not self.peers:
            return None
        state = self._link.captureAppSessionState()
        micros, t = self._link.clock().micros(), clock.now()
        bpm = float(state.tempo())
        return Timeline(float(state.beatAtTime(micros, QUANTUM)), t, bpm, 1.0, 0.0, QUANTUM, 1.0)

    def set_bpm(self, bpm: float) -> bool:
        """Set the session's tempo, for everybody in it. True: that can be done."""
        state = self._link.captureAppSessionState()
        state.setTempo(min(FASTEST_BPM, max(SLOWEST_BPM, bpm)), self._link.clock().micros())
        self._link.commitAppSessionState(state)
        return True

    def health(self) -> SurfaceHealth:
        """Return how many peers there are."""
        count = self.peers
        return SurfaceHealth(self.name, "1 peer" if count == 1 else f"{count} peers")

    def close(self) -> None:
        """Leave the session."""
        self._timer.cancel()
        if not self._closed:
            self._closed = True
            self._link.enabled = False

    def _join(self) -> None:
        if not self._closed:
            self._link.enabled = True

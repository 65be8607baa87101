"""The desk's part of the render loop: opens its server, and hands over the documents that pages look at.

Render thread, but for what `DeskLibrary` reads. Each document is gathered only while a page shows it, and at its own rate.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import phosphene
from phosphene.engine.app.documents import acts_document, mappings_document
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.surfaces import Surfaces
from phosphene.engine.app.telemetry import backend_names, refusals
from phosphene.engine.audio.tag_runner import TagRunner
from phosphene.engine.control.address import Table
from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.core import clock, metrics
from phosphene.engine.core.frame import Frame
from phosphene.engine.desk.access import is_loopback
from phosphene.engine.desk.advertise import OSC, OSCQUERY, Advertisement
from phosphene.engine.desk.invitation import numbers
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.desk.server import MESSAGES, SUGGESTIONS, DeskServer
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import DECKS, IDLE

_log = logging.getLogger(__name__)

_HISTORY = 240  # frame times on the page's chart
_RECENT_S = 5.0
_MOVED_S = 60.0  # who moved what is told for so long


def open_desk(stage: Stage, table: Table, host: str, port: int, osc_port: int) -> DeskServer:
    """Return the desk's server. Raises UserError where it can have no port."""
    catalogue = stage.document.catalogue
    tree = Namespace(table, name=f"Phosphene ({socket.gethostname()})", osc_port=osc_port)
    tree.offer("/scene", catalogue.scenes)
    for deck in DECKS:
        tree.offer(f"/deck/{deck}/style", (IDLE, *catalogue.styles))
    library = DeskLibrary(catalogue, stage.document.setlist)
    return DeskServer(table, stage.bus, library, tree, host=host, port=port, version=phosphene.__version__)


def advertised(desk: DeskServer, osc_port: int) -> Advertisement | None:
    """Let other programs find the desk and OSC by themselves, where they can be reached from other machines at all."""
    if is_loopback(desk.host):
        return None
    ports = {OSCQUERY: desk.port} | ({OSC: osc_port} if osc_port else {})
    return Advertisement(f"Phosphene ({socket.gethostname()})", numbers(desk.host), ports)


class DeskDocuments:
    """A sink of the render loop that looks at no picture."""

    def __init__(self, stage: Stage, recording: Recording, surfaces: Surfaces, desk: DeskServer) -> None:
        self._stage, self._recording, self._surfaces, self._desk = stage, recording, surfaces, desk
        self._made: dict[str, float] = {}
        self._told: dict[str, object] = {}
        self._kinds: dict[str, tuple[float, Callable[[], Any]]] = {
            "numbers": (1.0, self._numbers),
            "signals": (1.0 / 15.0, self._signals),
            "moved": (0.2, self._moved),
            "mappings": (1.0 / 15.0, self._mappings),
            "acts": (1.0 / 10.0, self._acts),
            MESSAGES: (0.25, self._messages),
            SUGGESTIONS: (5.0, self._heard),
        }
        self._scenes = stage.document.catalogue.scenes

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Make the documents that are due; say when there is another scene."""
        scenes = self._stage.document.catalogue.scenes
        if scenes is not self._scenes:
            self._scenes = scenes
            self._desk.offer("/scene", scenes)
        wanted = self._desk.documents_wanted
        if not wanted:
            self._told.clear()
            return
        began = clock.now()
        for name, (every, make) in tuple(self._kinds.items()):
            if name in wanted and frame.t_present - self._made.get(name, 0.0) >= every:
                self._made[name] = frame.t_present
                self._make(name, make)
        self._stage.aside_s += clock.now() - began

    def close(self) -> None:
        """Hold nothing that is to be freed."""

    def _make(self, name: str, make: Callable[[], Any]) -> None:
        try:
            value = make()
        except Exception as error:  # noqa: BLE001 boundary: what a page reads must not cost a frame; it is not made again
            _log.debug("document %s", name, exc_info=True)
            del self._kinds[name]
            self._stage.say(f"pages get no more {name}: {type(error).__name__}: {error}")
            return
        if self._told.get(name) != value:
            self._told[name] = value
            (self._desk.suggest if name == SUGGESTIONS else partial(self._desk.document, name))(value)

    def _numbers(self) -> object:
        stage, budget, health = self._stage, self._stage.budget, self._stage.source.health()
        recent, status = int(_RECENT_S * budget.fps), self._recording.status
        return {
            "fps": budget.recent_fps(int(budget.fps)),
            "p50": budget.frame_ms.percentile(50, recent),
            "p99": budget.frame_ms.percentile(99, recent),
            "missed": budget.missed,
            "frame_ms": [round(float(ms), 2) for ms in budget.frame_ms.recent(_HISTORY)],
            "target_ms": budget.budget_ms,
            "internal": str(stage.governor.size()),
            "output": str(stage.output.size),
            "backend": backend_names(stage),
            "refused": refusals(stage),
            "memory_mb": round(metrics.peak_rss_mb(), 1),
            "recorder": {
                "state": status.state if status else "",
                "seconds": status.seconds if status else 0.0,
                "frames": status.frames if status else 0,
                "dropped": status.dropped if status else 0,
                "disk_gb": self._recording.disk_free_gb,
            },
            "surfaces": [
                {name: getattr(each, name) for name in ("name", "where", "received", "rejected", "dropped", "error")}
                for each in self._surfaces.health()
            ],
            "audio": {
                "source": health.source,
                "state": health.state,
                "overflows": health.overflows,
                "restarts": health.restarts,
                "notes": [*([health.error] if health.error else []), *health.notes],
            },
            "messages": stage.messages[-12:],
        }

    def _signals(self) -> object:
        signals = self._stage.signals
        return {name: round(float(value), 3) for name, value in signals.items()} if signals is not None else {}

    def _mappings(self) -> object:
        return mappings_document(self._stage)

    def _acts(self) -> object:
        return acts_document(self._stage)

    def _messages(self) -> object:
        found = self._stage.bus.monitor.newest()
        return {"now": clock.now() if found else 0.0, "messages": found}  # their ages go on: told again each time

    def _heard(self) -> dict[str, object]:
        """What styles are suggested by: why there is nothing to go by, or the music's energy and tags."""
        tagger, signals = self._stage.tagger, self._stage.signals
        tags = tagger.tags() if tagger is not None and tagger.running else {}
        why = "" if any(tags.values()) else "It is silent: nothing to go by."
        if not tags:
            why = "No tags yet: they come a few seconds after the music." if tagger and tagger.running else _untagged(tagger)
        energy = signals["energy"] if signals is not None else 0.0
        return {
            "why": why,
            "energy": round(float(energy), 2),
            "tags": {name: round(value, 2) for name, value in tags.items()},
        }

    def _moved(self) -> object:
        since = clock.now() - _MOVED_S
        return {path: source for path, (source, t) in self._stage.moved.items() if t > since}


def _untagged(tagger: TagRunner | None) -> str:
    return f"No tags here: {tagger.note}." if tagger is not None and tagger.note else "No tags here."

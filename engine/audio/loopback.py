"""Listens to what Windows plays, on any of its loudspeakers: WASAPI's loopback, by the library `soundcard`.

The PortAudio of sounddevice cannot do that. Listed by `devices.py`, opened by the audio process on its main thread, which
waits here for the sound (docs/decisions/loopback.md). On Linux the sound server's monitor sources do it, on macOS a virtual
device such as BlackHole.
`soundcard` converts to 48 kHz, and gives zeros while nothing plays. It was never run on Windows: tests play the library.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import warnings
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from phosphene.engine.audio.hop_worker import HopWorker
from phosphene.engine.audio.hops import Hops
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install_packages
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

KIND = "loopback"
PREFIX = f"{KIND}: "
_VIRTUAL = ("blackhole", "loopback", "soundflower")  # devices of macOS that hand on what is played into them


def loudspeakers() -> list[tuple[str, int]]:
    """Return (name, channels) of each loudspeaker that can be listened to, the default first; none off Windows."""
    library = _soundcard()
    if library is None:
        return []
    try:
        default = library.default_speaker().id
        found = _microphones(library)
        found.sort(key=lambda each: each.id != default)
        return [(PREFIX + each.name, each.channels) for each in found]
    except Exception:  # noqa: BLE001 boundary: a system without loudspeakers, or a driver that fails; other inputs are there
        return []


def advice(inputs: Iterable[str] = ()) -> str:
    """Return what to do so that the show follows what this machine plays; empty where `inputs`, their names, have it."""
    if sys.platform == "darwin" and not any(word in name.lower() for name in inputs for word in _VIRTUAL):
        return "macOS does not hand out what it plays: install BlackHole, send the sound to it, and use --input BlackHole"
    if sys.platform == "win32" and importlib.util.find_spec("soundcard") is None:
        return f"to listen to what Windows plays: {install_packages(['soundcard'])}"
    return ""


class Loopback:
    """What one loudspeaker plays. A context: the stream is open within it. See `capture.Capture`."""

    def __init__(self, name: str, channels: Sequence[int] | None) -> None:
        """Find the loudspeaker of that name, as `loudspeakers` gives it. Raises UserError."""
        library = _soundcard()
        found = [] if library is None else [each for each in _microphones(library) if PREFIX + each.name == name]
        if not found:
            raise UserError("this loudspeaker is gone", where=name, remedy="see vj devices")
        self._name = name
        self._hops = Hops(name, found[0].channels, channels)
        try:
            # The first channels in their order: WASAPI gives no others.
            self._stream: Any = found[0].recorder(SAMPLE_RATE, channels=self._hops.channels, blocksize=HOP)
        except Exception as error:  # boundary: what the library raises has no class of its own
            raise UserError("cannot listen to this loudspeaker", where=name, got=error) from error

    def __enter__(self) -> Loopback:
        # It warns of each gap, which the times of the blocks tell anyway.
        warnings.filterwarnings("ignore", message="data discontinuity")
        self._stream.__enter__()
        return self

    def __exit__(self, *given: object) -> None:
        try:
            self._stream.__exit__(None, None, None)
        except Exception:  # noqa: BLE001 boundary: the loudspeaker is gone, and the process ends next
            return

    def wait_for_sound(self, stop: threading.Event) -> None:
        """Return once it delivers, be it silence, or `stop` is set. Raises UserError when it stops by itself."""
        while not stop.is_set() and not len(self._record()):
            pass

    def run(self, worker: HopWorker, stop: threading.Event, origin: float) -> None:
        """Capture into `worker` until `stop` is set; it has no origin. Raises UserError when it stops by itself."""
        self._record()  # what has gathered since
        while not stop.is_set() and not worker.failed.is_set():
            block = self._record()
            now = clock.now()
            self._hops.take(worker, block, now - len(block) / SAMPLE_RATE, now)

    def _record(self) -> np.ndarray:
        try:
            return self._stream.record()  # what is there; waits for a first sample
        except Exception as error:  # boundary: a loudspeaker that was unplugged, as the library tells it
            raise UserError("the loudspeaker stopped", where=self._name, got=error, remedy="trying again") from error


def _soundcard() -> ModuleType | None:
    if sys.platform != "win32":
        return None
    try:
        import soundcard
    except Exception:  # noqa: BLE001 boundary: not installed, or Windows' sound system does not start
        return None
    return soundcard


def _microphones(library: ModuleType) -> list[Any]:
    return [each for each in library.all_microphones(include_loopback=True) if each.isloopback]

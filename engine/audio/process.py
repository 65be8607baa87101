"""The audio process, `python -P -m phosphene.engine.audio.process JSON`: started, watched, restarted by `Supervisor`.

It has a process of its own so that nothing the show does in Python can delay it, and so that a lost device is cured by
starting over, the only way PortAudio re-reads the device list. A plain child process and not multiprocessing's, which
would import the program's main module here first, with all of the show behind it. What it imports: numpy, aubio,
PortAudio, and PyAV when a file is played or a device has another rate.

    stdout   {"ready": true} once it has sound; {"note": ...}; {"error": ...} before it ends for a reason
    stdin    {"origin": s}: publish from now on. Its end is ours: with the supervisor's wish, and with its death

Until it is let go nothing is written into the shared memory: another process may still be at work there.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

# Before numpy: its BLAS would start threads that nobody here asks for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from phosphene.engine.audio.capture import Capture, resolve
from phosphene.engine.audio.feeds import is_feed
from phosphene.engine.audio.hop_worker import HopWorker, warm_up
from phosphene.engine.audio.hops import raise_priority
from phosphene.engine.audio.loopback import KIND as LOOPBACK
from phosphene.engine.audio.loopback import Loopback
from phosphene.engine.audio.player import Player
from phosphene.engine.audio.shared import SharedState
from phosphene.engine.core.console import on_console_close
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.fine_timer import fine_timer

EXIT_FAILED = 3

Say = Callable[..., None]


def main(arguments: Sequence[str]) -> int:
    """Run one source until told to stop. `arguments[0]`: JSON of {memory, input, device, channels, monitor, origin}."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the show, which then closes our input
    on_console_close(lambda: None)  # the same: the recording wants its last sound
    # Libraries print where they like: only what `say` writes may reach the supervisor.
    wire = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def say(**line: object) -> None:
        with contextlib.suppress(OSError):  # the supervisor is gone, and our input ends: that is what we end by
            wire.write(json.dumps(line) + "\n")

    order, told = json.loads(arguments[0]), _Told()
    try:
        with fine_timer():
            error = _run(order, told, say)
    except UserError as fault:
        error = fault.line()
    except Exception as fault:  # noqa: BLE001 boundary: the supervisor must learn why we end, whatever it was
        error = f"{type(fault).__name__}: {fault}"
    if error:
        say(error=one_line(error))
    return EXIT_FAILED if error else 0


def _run(order: Mapping[str, object], told: _Told, say: Say) -> str:
    """Run the source; return why it ended by itself, empty when it was told to."""
    warm_up()
    source = _open(order, say)
    gc.collect()
    gc.freeze()
    gc.disable()
    with source:
        source.wait_for_sound(told.stop)
        if told.stop.is_set():
            return ""
        say(ready=True)
        told.go.wait()
        if told.stop.is_set():
            return ""
        worker = HopWorker(SharedState.attach(str(order["memory"])))
        # This thread too, though it only waits: at ordinary priority it could be put aside while it holds the GIL.
        raise_priority()
        source.run(worker, told.stop, told.origin)
        return worker.error


def _open(order: Mapping[str, object], say: Say) -> Capture | Loopback | Player:
    def note(text: str) -> None:
        say(note=text)

    if is_feed(str(order["input"])):
        return Player(str(order["input"]), order["origin"], monitor=bool(order["monitor"]), note=note)
    device = order["device"]
    if device["kind"] == LOOPBACK:
        return Loopback(str(device["name"]), order["channels"])
    # A PulseAudio source is reached through the ALSA device that leads to the server; PULSE_SOURCE is set for us.
    name = str(device["name"])
    return Capture(name, resolve(name, int(device["index"])), order["channels"], note)


class _Told:
    """What the supervisor tells, read by a thread. go: set when it says so, or at the end; stop: set at the end."""

    def __init__(self) -> None:
        self.go, self.stop = threading.Event(), threading.Event()
        self.origin = 0.0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with os.fdopen(0, "rb", buffering=0, closefd=False) as pipe:
            for line in pipe:
                self.origin = float(json.loads(line)["origin"])
                self.go.set()
        self.stop.set()
        self.go.set()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

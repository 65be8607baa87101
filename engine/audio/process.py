"""The audio process: `python -m engine.audio.process JSON`, started, watched and restarted by `supervisor.Supervisor`.

It has a process of its own so that nothing the show does in Python can delay it, and so that a lost device is cured by
starting over, the only way PortAudio re-reads the device list. A plain child process and not multiprocessing's, which
would import the program's main module here first, with all of the show behind it. What it imports: numpy, aubio,
PortAudio, and PyAV when a file is played.

It ends when its standard input closes: with the supervisor's wish, and with the supervisor's death.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

# Before numpy: its BLAS would start threads that nobody here asks for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from engine.audio.capture import Capture, raise_priority, resolve
from engine.audio.feeds import is_feed
from engine.audio.hop_worker import HopWorker
from engine.audio.player import Player
from engine.audio.shared import SharedState
from engine.core.errors import UserError

EXIT_FAILED = 3


def main(arguments: Sequence[str]) -> int:
    """Run one source until told to stop. `arguments[0]`: JSON of {memory, input, device, channels, monitor}."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the show, which then closes our input
    order = json.loads(arguments[0])
    state = SharedState.attach(order["memory"])
    stop = threading.Event()
    threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
    worker = HopWorker(state, order["source"])
    try:
        worker.warm_up()
        source = _open(order, state, worker)
        gc.collect()
        gc.freeze()
        gc.disable()
        # This thread too, though it only waits: at ordinary priority it could be put aside while it holds the GIL.
        raise_priority()
        source.run(stop)
    except UserError as error:
        worker.fail(str(error))
    except Exception as error:  # noqa: BLE001 - boundary: the supervisor must learn why we end, whatever it was
        worker.fail(f"{type(error).__name__}: {error}")
    return EXIT_FAILED if worker.failed.is_set() else 0


def _open(order: Mapping[str, object], state: SharedState, worker: HopWorker) -> Capture | Player:
    if is_feed(str(order["input"])):
        return Player(state, worker, str(order["input"]), monitor=bool(order["monitor"]))
    device = order["device"]
    # A PulseAudio source is reached through the ALSA device that leads to the server; PULSE_SOURCE is set for us.
    name = str(device["name"])
    return Capture(worker, name, resolve(name, int(device["index"])), order["channels"])


def _stop_at_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 64):
        continue
    stop.set()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

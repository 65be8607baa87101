"""A show in a Link session that is called scenes, as a process in a network of its own. Says one line of JSON.

rows: of the peer. begins: of each scene the time at which it was called, of the frame before its crossfade ran, and of the
first frame in which it did. Times are those at which pictures leave.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from phosphene.engine.app.live import run_live
from phosphene.engine.app.options import LiveOptions, parse_fps, parse_size
from phosphene.engine.app.stage import Stage
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.change import Change
from phosphene.tools.lab import link_peer
from phosphene.tools.lab.bench_link import peer_rows

SCENES = ("arcade", "glass", "arcade", "cathedral")  # of one deck each, and all of them begin on the bar
SETTLED_S, PAUSE_S = 8.0, 0.37  # after a crossfade's end until the next call: at another place of the bar each time


class Caller:
    """A sink that calls the scenes one after the other, and notes in which frame each began to come in."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._due = clock.now() + SETTLED_S
        self._left = list(SCENES)
        self._called = self._before = 0.0
        self.begins: list[tuple[float, float, float]] = []

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        stage, fade = self._stage, self._stage.state.fade
        if self._called and fade is not None and fade.running:
            self.begins.append((self._called, self._before, frame.t_present))
            self._called = 0.0
        elif not self._called and (fade is not None or stage.state.pending or stage.conductor.leader != "link"):
            self._due = max(self._due, clock.now() + PAUSE_S * (1 + len(self.begins)))
        elif not self._called and self._left and clock.now() > self._due:
            self._called = clock.now()
            stage.bus.put(Change("/scene", (self._left.pop(0),), self._called, "test"))
        self._before = frame.t_present

    def close(self) -> None:
        """Hold nothing."""


def main() -> None:
    bpm, seconds = float(sys.argv[1]), float(sys.argv[2])
    callers: list[Caller] = []

    def guest(stage: Stage) -> Caller:
        callers.append(Caller(stage))
        return callers[0]

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as lines:
        peer = subprocess.Popen(link_peer.command(bpm, seconds + 30.0), env=child_environment(), stdout=lines)
        options = LiveOptions(
            input="demo", output="headless", size=parse_size("320x180"), fps=parse_fps("24"), seconds=seconds, osc_port=0,
            desk=None, link=True, midi=False, scene="tide", takes=Path(folder),
        )  # fmt: skip
        run_live(options, guest)
        peer.terminate()
        peer.wait()
        lines.seek(0)
        rows = peer_rows(lines.read())
    sys.stdout.write(json.dumps({"rows": rows, "begins": callers[0].begins}) + "\n")


main()

"""Another program in a Link session, as a process: says its line ten times a second.

Arguments: bpm, seconds, bpm from the middle on (0: as before). A line: time, beat, bpm, peers.
"""

from __future__ import annotations

import sys
from importlib import import_module

from phosphene.engine.core import clock
from phosphene.engine.core.child import python_child

QUANTUM = 4.0


def command(bpm: float, seconds: float, later: float = 0.0) -> list[str]:
    """Return the command that runs it."""
    return python_child("phosphene.tools.lab.link_peer", str(bpm), str(seconds), str(later))


def main(bpm: float, seconds: float, later: float) -> None:
    """Take part for so long."""
    peer = import_module("link").Link(bpm)
    peer.enabled = True
    began, changed = clock.now(), False
    while (now := clock.now() - began) < seconds:
        state = peer.captureSessionState()
        if later and not changed and now > seconds / 2:
            state.setTempo(later, peer.clock().micros())
            peer.commitSessionState(state)
            changed = True
        micros, t = peer.clock().micros(), clock.now()
        sys.stdout.write(f"{t!r} {state.beatAtTime(micros, QUANTUM)!r} {state.tempo()!r} {peer.numPeers()}\n")
        sys.stdout.flush()
        clock.sleep(0.1)
    peer.enabled = False


if __name__ == "__main__":
    main(*map(float, sys.argv[1:4]))

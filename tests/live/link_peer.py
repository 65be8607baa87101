"""Another program in a Link session, as a process: says its line ten times a second. Arguments: bpm, seconds, bpm later."""

from __future__ import annotations

import sys
import time

import link


def main() -> None:
    bpm, seconds, later = (float(each) for each in sys.argv[1:4])
    peer = link.Link(bpm)
    peer.enabled = True
    began = time.monotonic()  # noqa: TID251 the clock of another program
    changed = False
    while (now := time.monotonic() - began) < seconds:  # noqa: TID251
        state = peer.captureSessionState()
        if later and not changed and now > seconds / 2:
            state.setTempo(later, peer.clock().micros())
            peer.commitSessionState(state)
            changed = True
        micros, t = peer.clock().micros(), time.monotonic()  # noqa: TID251
        print(t, state.beatAtTime(micros, 4.0), state.tempo(), peer.numPeers(), flush=True)
        time.sleep(0.1)  # noqa: TID251
    peer.enabled = False


main()

"""The conductor beside a peer, as in a show: one line of JSON with how far apart they were. Run in a network of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from bisect import bisect
from itertools import pairwise
from pathlib import Path

from phosphene.engine.control.link import LinkPeer
from phosphene.engine.core import clock
from phosphene.engine.tempo.conductor import Conductor


def main() -> None:
    bpm, seconds, later = (float(each) for each in sys.argv[1:4])
    command = [sys.executable, str(Path(__file__).with_name("link_peer.py")), str(bpm), str(seconds), str(later)]
    lines = tempfile.TemporaryFile("w+")  # noqa: SIM115 no pipe: it would be full after two minutes, and the peer would wait
    other = subprocess.Popen(command, stdout=lines)
    clock.sleep(1.0)  # it was there first: its tempo stands
    ours = LinkPeer(120.0)
    conductor = Conductor(120.0, clock.now())
    seen, leaders = [], []
    while other.poll() is None:
        t = clock.now()
        line = ours.line()
        conductor.update(None, t, None if line is None else ("link", line))
        seen.append((t, conductor.position(t)))
        if leaders[-1:] != [conductor.leader]:
            leaders.append(conductor.leader)
        clock.sleep(1 / 60)
    for _ in range(120):  # the peer has gone
        t = clock.now()
        line = ours.line()
        conductor.update(None, t, None if line is None else ("link", line))
        seen.append((t, conductor.position(t)))
        clock.sleep(1 / 60)
    if leaders[-1:] != [conductor.leader]:  # the first loop may have seen it go
        leaders.append(conductor.leader)
    ours.close()
    lines.seek(0)
    told = [tuple(map(float, row.split())) for row in lines]
    lines.close()
    times = [row[0] for row in told]
    apart = []
    for t, position in seen:
        k = bisect(times, t) - 1
        if 0 <= k < len(told) - 1:
            at, beat, tempo, _ = told[k]
            beat += (t - at) * tempo / 60.0
            apart.append((t - times[0], beat - position.beat, beat / 4.0 - position.bar, 60.0 / tempo))
    print(json.dumps({"apart": apart, "leaders": leaders, "bpm": [seen[0][1].bpm, seen[-1][1].bpm],
                      "steps": min(b[1].beat - a[1].beat for a, b in pairwise(seen))}))  # fmt: skip


main()

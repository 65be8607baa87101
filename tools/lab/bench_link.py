"""How far the show's beat is from that of another program in a Link session: `vj bench link`.

The conductor follows as in a show, sixty times a second; the other program is a process of its own. Both are in a network
of their own, without any other machine. Imported, or run by itself in such a network: arguments bpm, seconds, bpm later.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
import tempfile
from bisect import bisect
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from phosphene.engine.control.link import LinkPeer
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.tempo.conductor import Conductor
from phosphene.tools.lab import link_peer, own_network

_FRAME_S = 1 / 60
_SETTLED_S = 6.0  # the show's beat has met the session's by then
_ALONE_FRAMES = 120  # that the conductor is watched for after the other one has gone

Row = tuple[float, float, float]  # of the peer: time, beat, bpm


def bench(seconds: float = 300.0) -> dict[str, Any]:
    """Return how far apart beats and bars were, in ms, without the first seconds.

    The baseline is a line that was asked for once: Link's clock and the system's drift apart.
    """
    if importlib.util.find_spec("link") is None:
        return {"not measured": "LinkPython-extern is not installed"}
    if own_network.refusal():
        return {"not measured": own_network.refusal()}
    told = beside(97.0, seconds)
    rows = np.array([row for row in told["apart"] if row[0] > _SETTLED_S])
    beats = _apart(rows[:, 1]) * rows[:, 3] * 1e3
    bars = _apart(rows[:, 2]) * link_peer.QUANTUM * rows[:, 3] * 1e3
    return {
        "seconds": seconds,
        "frames": len(rows),
        "beat_ms": _summary(beats),
        "bar_ms": _summary(bars),
        "drift_ms_a_minute": round(60.0 * float(np.polyfit(rows[:, 0], beats, 1)[0]), 4),
        "beat ran backwards": sum(step < 0.0 for step in told["steps"]),
        "baseline: the first line, kept": {"most": round(told["kept_ms"], 3)},
        "wanted": {"median": 2.0},
    }


def beside(bpm: float, seconds: float, later: float = 0.0) -> dict[str, Any]:
    """Run `follow` in a network of its own and return what it found."""
    arguments = [str(each) for each in (bpm, seconds, later)]
    inside = own_network.within(python_child("phosphene.tools.lab.bench_link", *arguments))
    run = subprocess.run(
        inside, env=child_environment(), capture_output=True, text=True, timeout=seconds + 110.0, check=False
    )
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def follow(bpm: float, seconds: float, later: float = 0.0) -> dict[str, Any]:
    """Let a conductor follow a peer that plays `bpm` for so long, `later` bpm from the middle on where that is not 0.

    Returns: apart: [seconds, beats, bars between the two, seconds of a beat] of each frame; leaders: who led, in turn;
    bpm: the show's, first and last; steps: beats between frames; kept_ms: how far the peer's first line is off at its end.
    """
    with tempfile.TemporaryFile("w+") as lines:  # no pipe: it would be full after two minutes, and the peer would wait
        other = subprocess.Popen(link_peer.command(bpm, seconds, later), env=child_environment(), stdout=lines)
        clock.sleep(1.0)  # it was there first: its tempo stands
        ours = LinkPeer(120.0)
        conductor = Conductor(120.0, clock.now())
        seen, leaders, left = [], [], _ALONE_FRAMES
        while left:
            left -= other.poll() is not None
            t = clock.now()
            line = ours.line()
            conductor.update(None, t, None if line is None else ("link", line))
            seen.append((t, conductor.position(t)))
            if leaders[-1:] != [conductor.leader]:
                leaders.append(conductor.leader)
            clock.sleep(_FRAME_S)
        ours.close()
        lines.seek(0)
        told = peer_rows(lines.read())
    apart = []
    for t, position in seen:
        row = row_at(told, t)
        if row is not None:
            beat = row[1] + (t - row[0]) * row[2] / 60.0
            apart.append((t - told[0][0], beat - position.beat, beat / link_peer.QUANTUM - position.bar, 60.0 / row[2]))
    first, last = told[0], told[-1]
    kept = first[1] + (last[0] - first[0]) * first[2] / 60.0 - last[1]
    return {
        "apart": apart,
        "leaders": leaders,
        "bpm": [seen[0][1].bpm, seen[-1][1].bpm],
        "steps": [b[1].beat - a[1].beat for a, b in pairwise(seen)],
        "kept_ms": abs(kept) * 60e3 / first[2],
    }


def peer_rows(text: str) -> list[Row]:
    """Return what a peer has said."""
    return [(float(t), float(beat), float(bpm)) for t, beat, bpm, _ in (line.split() for line in text.splitlines())]


def row_at(rows: Sequence[Row], t: float) -> Row | None:
    """Return the row that holds at `t`; None before the first and after the last, where nobody knows the next one."""
    k = bisect(rows, (t, math.inf, math.inf)) - 1
    return rows[k] if 0 <= k < len(rows) - 1 else None


def _apart(cycles: np.ndarray) -> np.ndarray:
    return cycles - np.round(cycles)


def _summary(ms: np.ndarray) -> dict[str, float]:
    off = np.abs(ms)
    found = {"median": np.median(off), "p99": np.percentile(off, 99), "most": off.max()}
    return {name: round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(follow(*map(float, sys.argv[1:4]))) + "\n")

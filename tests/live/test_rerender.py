"""A show played and recorded as a person does, rendered again: as it was, and at twice the size."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from phosphene.engine.core import clock
from tests.live.show_process import ShowProcess, start_show

__all__ = ["start_show"]

pytestmark = pytest.mark.live

Start = Callable[..., ShowProcess]


def played(start_show: Start, tmp_path: Path) -> Path:
    """Play 9 s with a take that begins at once; return the take."""
    show = start_show("--seconds", "9", "--record", str(tmp_path / "show.mp4"))
    show.wait_for_picture()
    clock.sleep(0.5)
    show.osc.send_message("/deck/a/fx/feedback/amount", 0.5)
    show.osc.send_message("/deck/b/style", "third-eye")
    clock.sleep(1.0)
    show.osc.send_message("/crossfade/to", ["b", 2.0])
    clock.sleep(2.0)
    show.osc.send_message("/deck/b/zoom", 1.5)
    show.osc.send_message("/deck/b/fx/warp/amount", 0.4)
    clock.sleep(1.0)
    show.osc.send_message("/scene", "tunnel")
    show.finished()
    (take,) = (tmp_path / "takes").iterdir()
    return take


def rerendered(take: Path, out: Path, *options: str) -> dict:
    """Run `vj rerender`; return what it says of itself."""
    command = [sys.executable, "-m", "phosphene.engine.cli.main", "rerender", str(take), str(out), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads(out.with_name(f"{out.name}.json").read_text())
    return document["result"]


def test_a_show_rendered_again(start_show: Start, tmp_path: Path) -> None:
    take = played(start_show, tmp_path)
    own = rerendered(take, tmp_path / "own.mp4", "--preset", "ultrafast")
    alike = own["similarity"]
    print(f"own size: mean {alike['mean']:.4f}, minimum {alike['minimum']:.4f}, null {alike['null_mean']:.4f}")
    assert (own["size"], own["internal"], own["signals"]) == ("320x180", "follow", "log")
    assert len(alike["seconds"]) == 9
    assert alike["minimum"] >= 0.95, alike
    assert alike["null_mean"] < 0.8, "music moves the picture, or the similarity would say nothing"
    assert own["correction"] < 0.05
    assert own["notes"] == []

    large = rerendered(take, tmp_path / "large.mp4", "--preset", "ultrafast", "--size", "640x360", "--no-audio")
    alike = large["similarity"]
    print(f"twice the size: mean {alike['mean']:.4f}, minimum {alike['minimum']:.4f}, null {alike['null_mean']:.4f}")
    assert (large["size"], large["internal"]) == ("640x360", "full")
    # The show painted fewer pixels than its output has: at full size there is detail that the recording lacks.
    assert alike["mean"] >= 0.85
    assert alike["mean"] > alike["null_mean"] + 0.2


def test_a_show_that_was_killed_is_rendered_from_what_is_left(start_show: Start, tmp_path: Path) -> None:
    show = start_show("--seconds", "60", "--record", str(tmp_path / "show.mp4"))
    show.wait_for_picture()
    clock.sleep(5.0)
    show.kill()
    (take,) = (tmp_path / "takes").iterdir()
    own = rerendered(take, tmp_path / "own.mp4", "--preset", "ultrafast")
    assert own["seconds"] > 2.0
    assert own["similarity"]["minimum"] >= 0.95

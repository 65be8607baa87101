"""The same inputs give the same frames: on a second run, and in a process of its own, effects with memory included."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from phosphene.engine.core import paths

pytestmark = pytest.mark.gl

# Run in a fresh interpreter: hashes of every tenth frame of two scenes, with control changes on given frames.
SCRIPT = """
import hashlib, json, sys
import numpy as np
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.pipeline import close_stage, open_scene, render_frame
from phosphene.engine.audio.demo import synthetic_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.context import HeadlessContext
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.change import Change

context, size = HeadlessContext(), Size(96, 54)
source = FileAnalysis(synthetic_track(128.0, 3, seconds=8).pcm)
stage, _ = build_stage(OfflineClock(24), source, size, Governor(size, 24, fixed=size), NoActions(), renderer="", inline=True)
scenes = stage.document.catalogue.scenes
open_scene(stage, scenes[0])
hashes = []
for k in range(96):
    if k == 20:
        stage.bus.put(Change("/scene", (scenes[1],), 0.0, "test"))
    if k == 50:
        stage.bus.put(Change("/deck/a/fx/feedback/amount", (0.7,), 0.0, "test"))
    render_frame(stage)
    if k % 10 == 9:
        hashes.append(hashlib.sha256((stage.output.read() * 255 + 0.5).astype(np.uint8)).hexdigest())
close_stage(stage)
context.close()
sys.stdout.write(json.dumps(hashes))
"""


def run() -> list[str]:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=paths.PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_two_processes_draw_the_same_frames() -> None:
    first, second = run(), run()
    assert first == second
    assert len(set(first)) == len(first), "the picture moves"
    assert first[0] != hashlib.sha256(np.zeros((54, 96, 4), np.uint8)).hexdigest()

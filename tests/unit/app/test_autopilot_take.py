"""A take that the autopilot played is rendered again without it: its moves stand in the log like a hand's."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.app import rerender as rerendering
from phosphene.engine.app.actions import LiveActions
from phosphene.engine.app.autopilot import SOURCE, Autopilot
from phosphene.engine.app.offline import offline_stage
from phosphene.engine.app.pipeline import open_scene, render_frame
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_log import read_take
from phosphene.engine.app.take_state import StageSnapshots
from phosphene.engine.app.telemetry import state_values
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.compositor.export_pass import Export
from phosphene.engine.core import clock
from phosphene.engine.core.signals import SAMPLE_RATE, BeatPosition
from phosphene.engine.show.change import Change
from tests.unit.app.taken import FPS, SIZE

pytestmark = pytest.mark.gl
FRAMES, BPM, BEATS_PER_S = 100, 300.0, 30.0  # a scene a second; a tempo that a log may hold


class _Quick:
    """A beat that is faster than any music, so that three phrases take four seconds."""

    leader = "music"

    def position(self, t: float) -> BeatPosition:
        return BeatPosition(t * BEATS_PER_S, BPM, 1.0)

    def update(self, *_: object) -> None: ...
    def requested(self) -> None: ...


class _Eye:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.scenes: list[tuple[str, float]] = []
        self.pictures: list[np.ndarray] = []
        self.pilots: set[bool] = set()

    def accept(self, picture, frame, t_picture: float) -> None:
        self.scenes.append((self._stage.state.scene, self._stage.state.crossfade))
        self.pictures.append(np.round(picture.read()[..., :3] * 255.0))
        self.pilots.add(self._stage.autopilot is not None)

    def close(self) -> None: ...


def _made(folder: Path) -> tuple[Path, _Eye]:
    source = FileAnalysis(demo_track().pcm[: 5 * SAMPLE_RATE])
    with offline_stage(source, _Quick(), SIZE, FPS, Export()) as stage:
        stage.autopilot = Autopilot(stage.document, seed=1)
        actions = LiveActions()
        stage.actions = actions
        recording = Recording(source, SIZE, FPS, folder, {"seed": 0}, stage.say, StageSnapshots(stage))
        actions.open(stage, recording, dict)
        open_scene(stage, "pulse")
        eye = _Eye(stage)
        stage.sinks += [recording, eye]
        for k in range(FRAMES):
            if k == 0:
                for path, args in (("/record", (1,)), ("/autopilot/beats", (32.0,)), ("/autopilot", (1,))):
                    stage.bus.put(Change(path, args, 0.0, "start"))
            if k == 70:
                stage.bus.put(Change("/deck/a/style", ("neon-tide",), k / 24, "test"))
            render_frame(stage)
            give_up = clock.now() + 180.0
            while recording.status is not None and (recording.status.waiting or recording.status.state == "opening"):
                assert clock.now() < give_up
                clock.sleep(0.001)
        assert stage.signals is not None
        told = state_values(stage, stage.signals, recording, "")
        assert told["/state/autopilot"] == ("waits: a hand moved /deck/a/style",)
        assert told["/autopilot"] == (0,)
        assert any("a hand moved" in line for line in stage.messages)
        recording.close()
    (take,) = (path for path in folder.iterdir() if path.is_dir())
    return take, eye


def test_the_same_show_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take, played = _made(tmp_path / "takes")
    lines = [json.loads(line) for line in (take / "events.jsonl").read_text().splitlines()]
    own = [line["path"] for line in lines if line.get("source") == SOURCE]
    assert own.count("/cue/number") >= 1
    assert own[-1] == "/autopilot"
    again: list[_Eye] = []
    step = rerendering.play

    def watched(stage: Stage, *args: object) -> object:
        again.append(_Eye(stage))
        stage.sinks.append(again[0])
        return step(stage, *args)

    monkeypatch.setattr(rerendering, "play", watched)
    rerender(RerenderJob(take, tmp_path / "again", codec="png", signals="log"))
    assert again[0].pilots == {False}
    offset = len(played.scenes) - len(again[0].scenes)
    assert played.scenes[offset:] == again[0].scenes
    assert len({scene for scene, _ in again[0].scenes}) >= 2
    for k, picture in enumerate(again[0].pictures):
        assert np.abs(picture - played.pictures[offset + k]).mean() < 0.5, k
    assert len(read_take(take).frames) == len(again[0].pictures)
    with av.open(str(sorted((tmp_path / "again").glob("*.png"))[-1])) as file:
        assert next(file.decode(video=0)).width == SIZE.width

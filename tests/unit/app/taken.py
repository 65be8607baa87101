"""A take made by stepping the show, recorder and log included, without a stage: as fast as it paints, the same each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from phosphene.engine.app.actions import LiveActions
from phosphene.engine.app.offline import offline_stage
from phosphene.engine.app.pipeline import render_frame
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_state import StageSnapshots, phase_on
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.compositor.export_pass import Export
from phosphene.engine.core import clock
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import SAMPLE_RATE, Signals
from phosphene.engine.show.change import Change

SIZE, FPS = Size(64, 36), Fraction(24)
RECORDED_FROM = 30  # in mid-show: trails, envelopes, phases and a beat are there already
FRAMES = 130
MISSED = (70, 71, 95)  # slots
SMALLER_FROM = 60  # the governor takes a smaller internal size

Script = dict[int, tuple[tuple[str, tuple[float | str, ...]], ...]]  # frame -> what a performer does before it
SCRIPT: Script = {
    0: (("/deck/a/style", ("neon-tide",)),),
    4: (("/deck/a/fx/feedback/amount", (0.7,)), ("/deck/a/fx/feedback/decay", (3.0,)), ("/deck/a/fx/warp/amount", (0.5,))),
    6: (
        ("/deck/a/fx/kaleidoscope/amount", (0.5,)),
        ("/deck/a/fx/shapes/amount", (0.2,)),
        ("/deck/a/fx/shapes/scroll", (0.3,)),
    ),
    RECORDED_FROM - 1: (("/record", (1,)),),
    36: (("/deck/b/style", ("third-eye",)),),
    40: (("/crossfade/to", ("b", 1.0)), ("/tempo/resync", ())),
    50: (("/deck/b/fx/slices/amount", (0.3,)), ("/deck/b/fx/particles/amount", (0.2,))),
    64: (("/deck/b/zoom", (1.7,)), ("/deck/b/style", ("no-such-style",))),
    80: (("/scene", ("pulse",)),),
    100: (("/blackout", (1,)),),
    110: (("/blackout", (0,)), ("/fader/1", (0.5,))),
}


class _Missing(OfflineClock):
    """A clock that misses slots, as a live one does."""

    slots: tuple[int, ...] = MISSED

    def next_frame(self) -> Frame:
        first = self._index
        while self._index + 1 in self.slots:
            self._index += 1
        frame = super().next_frame()
        return Frame(frame.index, frame.time, frame.t_present, float((frame.index - first) / self.fps), frame.fps)


@dataclass
class Seen:
    """One frame of the show, as it was recorded."""

    picture: np.ndarray  # uint8 [h, w, 4]
    signals: Signals
    phases: tuple[float, float]


def make_take(
    folder: Path,
    script: Script = SCRIPT,
    missed: tuple[int, ...] = MISSED,
    ended: Callable[[Stage], None] = lambda stage: None,
) -> tuple[Path, dict[int, Seen]]:
    """Play the script; return (the take, what was seen by the frame of the recording). ended: looks at the stage then."""
    source = FileAnalysis(demo_track().pcm[: 8 * SAMPLE_RATE])
    seen: dict[float, Seen] = {}
    places: dict[float, int] = {}
    with offline_stage(source, None, SIZE, FPS, Export()) as stage:
        stage.clock = ticks = _Missing(FPS, centred=True)
        ticks.slots = missed
        actions = LiveActions()
        stage.actions = actions
        stage.tags = lambda t: {"energy": min(1.0, max(0.0, t / 10.0)), "calm": 0.25}
        recording = Recording(source, SIZE, FPS, folder, {"seed": 0}, stage.say, StageSnapshots(stage))
        actions.open(stage, recording, dict)
        stage.sinks += [recording, _Eye(stage, seen)]
        for k in range(FRAMES):
            for path, args in script.get(k, ()):
                stage.bus.put(Change(path, args, k / 24, "test", every=True))
            stage.governor.fixed = Size(48, 27) if k >= SMALLER_FROM else SIZE
            render_frame(stage)
            _wait_for(
                lambda: recording.status is None or not (recording.status.waiting or recording.status.state == "opening")
            )
        recording.close()
        ended(stage)
        assert recording.counts[1] == 0, "no picture was dropped"
    (take,) = (path for path in folder.iterdir() if path.is_dir())
    from phosphene.engine.app.take_log import read_take

    log = read_take(take)
    places = dict(zip(log.pictures["t_picture"].tolist(), log.pictures["frame"].tolist(), strict=True))
    return take, {places[t]: each for t, each in seen.items() if t in places}


class _Eye:
    """A sink that remembers what it is shown."""

    def __init__(self, stage: Stage, seen: dict[float, Seen]) -> None:
        self._stage, self._seen = stage, seen

    def accept(self, picture, frame: Frame, t_picture: float) -> None:
        assert self._stage.signals is not None
        pixels = np.round(picture.read() * 255.0).astype(np.uint8)
        self._seen[t_picture] = Seen(pixels, self._stage.signals, (phase_on(self._stage, "a"), phase_on(self._stage, "b")))

    def close(self) -> None:
        """Nothing is held."""


def _wait_for(done: Callable[[], bool]) -> None:
    give_up = clock.now() + 180.0
    while not done():
        assert clock.now() < give_up
        clock.sleep(0.001)

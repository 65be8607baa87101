"""The display as a sink, and what goes with showing: HUD, state for the control surfaces, onset latency. Render thread."""

from __future__ import annotations

from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.surfaces import Surfaces
from phosphene.engine.app.telemetry import hud_model
from phosphene.engine.control import keys
from phosphene.engine.control.address import Table
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.base import Display
from phosphene.engine.output.hud import Hud


class Screen:
    """Presents every output picture. `first_s` is when the first one was presented (clock line)."""

    def __init__(self, display: Display, stage: Stage, recording: Recording, surfaces: Surfaces) -> None:
        self._display, self._stage, self._recording, self._surfaces = display, stage, recording, surfaces
        self._hud = Hud() if display.name == "window" else None
        self.first_s: float | None = None

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Show the picture, then tell about it."""
        stage = self._stage
        signals = stage.signals
        assert signals is not None
        if self._hud is not None:
            self._hud.visible = stage.state.hud
            self._hud.badges = not self._display.fullscreen  # a blackout on the wall is dark, and says so elsewhere
            self._hud.beat, self._hud.beat_of_bar = signals.position.beat, signals.position.beat_of_bar
            self._hud.level = stage.source.health().peak
            if self._hud.wants_update(frame.t_present):
                self._hud.update(hud_model(stage, signals, self._recording, self._surfaces.error), frame.t_present)
        t = self._display.present(picture, self._hud)
        stage.waited_s = self._display.waited_s
        if self.first_s is None:
            self.first_s = t
        stage.latency.presented(t)
        self._surfaces.tell(t)

    def close(self) -> None:
        """Free the HUD; the display is closed by whoever opened it."""
        if self._hud is not None:
            self._hud.close()
            self._hud = None


def key_changes(display: Display, table: Table, stage: Stage) -> bool:
    """Put what was pressed on the bus; return True when a key asks to quit."""
    quit_asked = False
    for event in display.poll():
        if event.action != "press":
            continue
        bound = keys.binding(keys.named(event.key, ctrl="ctrl" in event.mods, alt="alt" in event.mods))
        if bound is None:
            continue
        change = keys.change(table, bound, clock.now())
        if change is not None:
            stage.bus.put(change)
        quit_asked |= bound.command == "quit"
    return quit_asked

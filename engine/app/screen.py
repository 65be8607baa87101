"""The display as a sink, and what goes with showing: HUD, operator's window, state for the surfaces, onset latency.

Render thread. While the operator's window is open the wall shows the picture and nothing else, whatever happens.
"""

from __future__ import annotations

from phosphene.engine.app.operator import Operator
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.surfaces import Surfaces
from phosphene.engine.app.telemetry import hud_model
from phosphene.engine.control import keys
from phosphene.engine.control.address import Table
from phosphene.engine.control.surface import Args
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.base import Display
from phosphene.engine.output.hud import Hud
from phosphene.engine.output.window import Window

_MONITORS_S = 2.0  # asking the window system which screens there are is not for every frame
_SAME_RATE = 0.02


class Screen:
    """Presents every output picture. `first_s` is when the first one was presented (clock line).

    operator: None where the display is no window.
    """

    def __init__(
        self, display: Display, stage: Stage, recording: Recording, surfaces: Surfaces, desk: tuple[str, str] = ("", "")
    ) -> None:
        """desk: as `Operator` takes it."""
        self._display, self._stage, self._recording, self._surfaces = display, stage, recording, surfaces
        self._window = display if isinstance(display, Window) else None
        self._hud = Hud() if self._window is not None else None
        self.operator = Operator(self._window, stage, recording, surfaces, desk) if self._window is not None else None
        self._monitors, self._monitors_due = "", 0.0
        self.first_s: float | None = None
        surfaces.also_tell(self._told)

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Show the picture, then tell about it."""
        stage = self._stage
        signals = stage.signals
        assert signals is not None
        beside = self.operator is not None and self.operator.opened
        # Where a swap waits for the screen, what is drawn before it takes time that would be waited; elsewhere the wall is
        # shown first.
        if self.operator is not None and self._display.vsync:
            self.operator.draw(picture, frame)
        if self._hud is not None and not beside:
            self._hud.visible = stage.state.hud
            self._hud.badges = not self._display.fullscreen  # a blackout on the wall is dark, and says so elsewhere
            self._hud.beat, self._hud.beat_of_bar = signals.position.beat, signals.position.beat_of_bar
            self._hud.level = stage.source.health().peak
            if self._hud.wants_update(frame.t_present):
                self._hud.update(hud_model(stage, signals, self._recording, self._surfaces.error), frame.t_present)
        t = self._display.present(picture, None if beside else self._hud)
        stage.waited_s = self._display.waited_s
        if self.operator is not None and not self._display.vsync:
            self.operator.draw(picture, frame)
        if self.first_s is None:
            self.first_s = t
        stage.latency.presented(t)
        self._surfaces.tell(t)

    def put(self, what: str, value: str | bool | None) -> None:
        """Carry out an `Output` action: `monitor`, `fullscreen`, `operator`. What cannot be is said."""
        window, stage = self._window, self._stage
        if window is None or self.operator is None:
            stage.say("there is no window: the show plays headless")
        elif what == "operator":
            self.operator.switch(value if isinstance(value, bool) else None)
        elif what == "fullscreen":
            window.fill(value if isinstance(value, bool) else not window.fullscreen)
        else:
            self._go_to(window, str(value))

    def _go_to(self, window: Window, monitor: str) -> None:
        before = window.refresh_hz
        try:
            window.go_to(monitor)
        except UserError as error:
            # Not as it was raised: what helps at the start is an option, which nobody can type now.
            refused = UserError(error.what, where="/output/monitor", allowed=error.allowed, got=monitor)
            self._stage.say(f"the picture stays where it is: {refused.line()}")
            return
        self._monitors_due = 0.0
        if window.vsync and abs(window.refresh_hz - before) > _SAME_RATE * before:
            rate = f"{window.refresh_hz:.0f} Hz, the show was begun at {before:.0f}"
            self._stage.say(f"{window.monitor} runs at {rate}: begin it again there for an even picture")

    def _told(self) -> dict[str, Args]:
        """Return what surfaces are told of the display."""
        if self._window is None or self.operator is None:
            return {"/output/fullscreen": (0,), "/output/operator": (0,), "/state/output/monitor": ("",),
                    "/state/output/monitors": ("",)}  # fmt: skip
        if (now := clock.now()) >= self._monitors_due:
            self._monitors_due = now + _MONITORS_S
            self._monitors = "\n".join(each.name for each in self._window.monitors)
        return {
            "/output/fullscreen": (int(self._window.fullscreen),),
            "/output/operator": (int(self.operator.opened),),
            "/state/output/monitor": (self._window.monitor,),
            "/state/output/monitors": (self._monitors,),
        }

    def close(self) -> None:
        """Free the HUD and the operator's window; the display is closed by whoever opened it."""
        if self.operator is not None:
            self.operator.close()
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

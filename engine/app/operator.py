"""The operator's window of a show: opened and closed by hand, drawn when there is time. Render thread.

The wall comes first: the window is drawn every second frame at most, in what is left of a frame's time. Where nothing is
ever left, it still moves twice a second, so that nobody takes it for stuck.
"""

from __future__ import annotations

import logging

from phosphene.engine.app.pipeline import LEADERS
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.surfaces import Surfaces
from phosphene.engine.app.telemetry import hud_model
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.hud import Live
from phosphene.engine.output.operator_panel import OperatorModel
from phosphene.engine.output.operator_view import OperatorView
from phosphene.engine.output.operator_window import OperatorWindow
from phosphene.engine.output.window import Window
from phosphene.engine.show.catalogue import DECKS

_log = logging.getLogger(__name__)

_TEXT_S = 0.25
_LONGEST_S = 0.5  # without a new picture, however little time is left
_CAUTION = 1.5  # times the usual cost have to fit
_SMOOTH = 0.2  # of each new cost
_NAMES = {"osc": "OSC", "midi": "MIDI", "link": "Ableton Link", "desk": "the desk"}  # of surfaces, for people


class Operator:
    """Open or closed. desk: the page's URL without a key, and the same with it, "" where it needs none."""

    def __init__(
        self, window: Window, stage: Stage, recording: Recording, surfaces: Surfaces, desk: tuple[str, str] = ("", "")
    ) -> None:
        self._wall, self._stage, self._recording, self._surfaces = window, stage, recording, surfaces
        self._desk = desk
        self._window: OperatorWindow | None = None
        self._view: OperatorView | None = None
        self._told, self._drawn = 0.0, 0.0  # when, clock line
        self._frame = 0
        self._cost = 0.0  # s, as a rule

    @property
    def opened(self) -> bool:
        """Whether the window is there."""
        return self._window is not None

    @property
    def pictures_wanted(self) -> frozenset[str]:
        """The decks whose previews it shows now."""
        return frozenset(DECKS) if self.opened else frozenset()

    def preview(self, deck: str, picture: RenderTarget) -> None:
        """Show this from now on: a preview (rgba8, sRGB) that stays its maker's, who draws into it again and again."""
        if self._view is not None:
            self._view.decks[deck] = picture

    def switch(self, on: bool | None) -> None:
        """Open it, close it, or change over. One that cannot be opened is said."""
        wanted = not self.opened if on is None else on
        if not wanted:
            self.close()
        elif self._window is None:
            try:
                self._window = OperatorWindow(self._wall)
            except UserError as error:
                self._stage.say(f"no operator's window: {error.line()}")
                return
            try:
                self._view = OperatorView(self._stage.mixer.passes, self._stage.output.size.aspect)
            except Exception:
                self.close()  # a window that nothing draws would not even hear that it is closed
                raise
            self._told = self._drawn = 0.0

    def draw(self, picture: RenderTarget, frame: Frame) -> None:
        """Draw it, where it is due and there is time. A fault closes it: nothing here may cost the wall a picture."""
        if self._window is None or self._view is None:
            return
        try:
            self._window.make_room()
            if self._window.should_close:
                self.close()
            elif self._due(frame):
                self._draw(self._window, self._view, picture, frame)
        except Exception as error:  # noqa: BLE001 boundary: the wall goes on, whatever becomes of this window
            _log.debug("operator's window", exc_info=True)
            self._stage.say(f"the operator's window is closed: {type(error).__name__}: {error}")
            self.close()

    def close(self) -> None:
        """Close it. The show goes on."""
        if self._view is not None:
            self._view.close()
        if self._window is not None:
            self._window.close()
        self._window = self._view = None

    def _due(self, frame: Frame) -> bool:
        now = clock.now()
        if frame.index - self._frame < 2:
            return False
        fits = frame.t_present - now > _CAUTION * self._cost
        return fits or now - self._drawn > _LONGEST_S

    def _draw(self, window: OperatorWindow, view: OperatorView, picture: RenderTarget, frame: Frame) -> None:
        began = clock.now()
        size = window.size
        if not size.pixels:
            return
        signals = self._stage.signals
        assert signals is not None
        if began - self._told >= _TEXT_S:
            self._told = began
            view.tell(self._model())
        position = signals.position
        live = Live(position.beat, position.beat_of_bar, self._stage.source.health().peak, position.bpm > 0.0)
        window.show(view.draw(size, picture, live))
        self._drawn = clock.now()
        self._frame = frame.index
        self._cost += _SMOOTH * (self._drawn - began - self._cost)
        self._stage.aside_s += self._drawn - began

    def _model(self) -> OperatorModel:
        stage, state = self._stage, self._stage.state
        assert stage.signals is not None
        seen = state.deck("b" if state.crossfade > 0.5 else "a").scene
        url, invitation = self._desk
        pilot = stage.autopilot.status if stage.autopilot is not None else "off"
        return OperatorModel(
            hud=hud_model(stage, stage.signals, self._recording, self._surfaces.error),
            scene=_words(seen),
            standby=_words(state.scene) if state.on_standby else "",
            plays="scenes wait for TAKE (Tab)" if state.preview else f"autopilot {pilot}" if pilot != "off" else "",
            cue=self._cue(state.cue),
            next_cue=self._cue(max(state.cue, state.requested_cue) + 1),
            leader=LEADERS.get(stage.conductor.leader, stage.conductor.leader),
            surfaces=tuple(f"{_NAMES.get(each.name, each.name)} {each.where}".strip() for each in self._surfaces.health()),
            desk=url,
            invitation=invitation,
        )

    def _cue(self, index: int) -> str:
        cues = self._stage.document.setlist.cue
        if not 0 <= index < len(cues):
            return ""
        note = f", {cues[index].note}" if cues[index].note else ""
        return f"{index + 1} of {len(cues)}: {_words(cues[index].scene)}{note}"


def _words(slug: str) -> str:
    """Return the name of a scene for people, as its file is called."""
    return slug.replace("-", " ").replace("_", " ").capitalize()

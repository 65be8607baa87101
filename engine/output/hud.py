"""The HUD on the screen: uploads what hud_panel draws, and fills in what moves with the music. Render thread.

Text is redrawn at most four times a second and uploaded as one texture; the beat and the level are small filled
rectangles, drawn every frame. The HUD is drawn by a display over the picture, so it never reaches a recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.shader import Pass
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output import hud_panel
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.pen import BAD, CALM, TEXT, TROUGH

_INTERVAL_S = 0.25
_CLIPPING = 0.99  # of full scale

_SHADER = """#version 330 core
uniform sampler2D panel;
in vec2 uv;
out vec4 colour;
void main() { colour = texture(panel, uv); }
"""


class Hud:
    """A panel that is shown on a key, and badges for what a performer must see even without it.

    `visible`: the whole panel; `badges` (in a window, not on the wall): blackout, freeze, recording, lost audio, the last
    error. Set freely; `beat` (a real number), `beat_of_bar` (from 1) and `level` (linear peak of the raw input) as often as
    they change.
    """

    def __init__(self) -> None:
        self.visible = False
        self.badges = True
        self.beat, self.beat_of_bar = 0.0, 1
        self.level = 0.0
        self._pass = Pass(_SHADER)
        self._texture = RenderTarget(Size(1, 1), "rgba8")
        self._model = HudModel()
        self._drawn: hud_panel.Drawn | None = None
        self._shown: object = None
        self._due = float("-inf")

    def update(self, model: HudModel, t: float) -> None:
        """Take new values at clock time `t`; the text follows within a quarter of a second."""
        self._model = model
        if t >= self._due:
            self._due = t + _INTERVAL_S
            self._shown = None

    def wants_update(self, t: float) -> bool:
        """Return whether a model made now would be drawn at once: callers need not build one before."""
        return t >= self._due

    def draw(self, screen: Size) -> None:
        """Draw over the framebuffer that is bound, of `screen` pixels."""
        badges = hud_panel.badges(self._model) if self.badges else ()
        if not self.visible and not badges:
            return
        wanted = (screen, self.visible, () if self.visible else badges)
        if wanted != self._shown or self._drawn is None:
            self._shown = wanted
            self._drawn = (
                hud_panel.draw_panel(self._model, screen) if self.visible else hud_panel.draw_badges(badges, screen)
            )
            self._texture.upload(self._drawn.image)
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
        height, width = self._drawn.image.shape[:2]
        edge = hud_panel.margin(screen)
        left = edge if self.visible else screen.width - edge - width
        top = screen.height - edge
        self._pass.draw(None, screen, {"panel": self._texture}, region=(left, top - height, width, height), blend=True)
        if self.visible:
            fill_live(self._drawn, (left, top), Live(self.beat, self.beat_of_bar, self.level, self._model.bpm > 0))

    def close(self) -> None:
        """Free what it holds on the GPU."""
        self._pass.close()
        self._texture.close()


@dataclass(frozen=True, slots=True)
class Live:
    """What moves with the music. beat: counted on; beat_of_bar: from 1; level: linear peak; known: there is a tempo."""

    beat: float = 0.0
    beat_of_bar: int = 1
    level: float = 0.0
    known: bool = False


def fill_live(drawn: hud_panel.Drawn, corner: tuple[int, int], live: Live) -> None:
    """Fill the places for beat and level of a panel whose top left is at `corner` of the bound framebuffer.

    corner: x, y in pixels from the bottom left.
    """
    left, top = corner
    GL.glEnable(GL.GL_SCISSOR_TEST)
    level = BAD if live.level >= _CLIPPING else CALM
    x, y, w, h = drawn.live["level"]
    _fill(left + x, top - y - h, round(w * hud_panel.level_share(live.level)), h, level)
    place = drawn.live.get(f"beat{live.beat_of_bar}")
    if live.known and place is not None:
        x, y, w, h = place
        lit = np.array(CALM if live.beat_of_bar > 1 else TEXT)
        glow = (1.0 - live.beat % 1.0) ** 2
        colour = tuple(int(v) for v in TROUGH + (lit - TROUGH) * (0.25 + 0.75 * glow))
        _fill(left + x, top - y - h, w, h, colour)
    GL.glDisable(GL.GL_SCISSOR_TEST)


def _fill(x: int, y: int, width: int, height: int, colour: tuple[int, ...]) -> None:
    if width > 0:
        GL.glScissor(x, y, width, height)
        GL.glClearColor(*(c / 255 for c in colour), 1.0)
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)

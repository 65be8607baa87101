"""The picture in the operator's window, put together on the GPU: wall, decks, captions, panel. Render thread.

It is drawn in the context of the wall, where all pictures are, into a picture of the window's size; the window only shows
that. Texts are drawn again when they have changed, pictures and what moves with the music each time.
"""

from __future__ import annotations

from collections.abc import Hashable

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output import hud_panel
from phosphene.engine.output.hud import Live, fill_live
from phosphene.engine.output.operator_panel import Layout, OperatorModel, frames, layout, panel, pieces
from phosphene.engine.output.pen import BACK, Colour, Rect

_TINY = Size(1, 1)


class OperatorView:
    """Draws into `picture` (rgba8, sRGB). aspect: of the output.

    decks: previews by deck (rgba8, sRGB), owned by whoever makes them; one that is not there is left dark.
    """

    def __init__(self, passes: Passes, aspect: float) -> None:
        self.picture = RenderTarget(_TINY, "rgba8")
        self._copy = passes["common/copy.frag"]
        self._aspect = aspect
        self.decks: dict[str, RenderTarget] = {}
        self._texts: dict[str, tuple[RenderTarget, Hashable]] = {}
        self._panel = RenderTarget(_TINY, "rgba8")
        self._drawn: hud_panel.Drawn | None = None
        self._model = OperatorModel()
        self._places: Layout | None = None

    def tell(self, model: OperatorModel) -> None:
        """Take what is to be read from now on."""
        self._model, self._drawn = model, None

    def draw(self, size: Size, wall: RenderTarget, live: Live) -> RenderTarget:
        """Draw a window of `size` pixels and return it."""
        if self._places is None or self._places.size != size:
            self._places, self._drawn = layout(size, self._aspect), None
            self.picture.resize(size)
            self._texts_closed()
        places = self._places
        if self._drawn is None:
            self._write(places)
        self._copied(wall, places.wall)
        for name, place in (("a", places.a), ("b", places.b)):
            if name in self.decks:
                self._copied(self.decks[name], place)
        assert self._drawn is not None
        self._copied(self._panel, self._panel_place(places))  # what lives on it is drawn over it each time
        self.picture.bind()
        x, y, _, _ = places.panel
        fill_live(self._drawn, (x, size.height - y), live)
        return self.picture

    def close(self) -> None:
        """Free everything."""
        self._texts_closed()
        for each in (self.picture, self._panel):
            each.close()

    def _write(self, places: Layout) -> None:
        """Draw the texts, as far as they are others now, and the borders."""
        wanted = pieces(self._model, places)
        for name, piece in wanted.items():
            target, about = self._texts.get(name) or (RenderTarget(_TINY, "rgba8"), None)
            if about != piece.about:
                target.upload(piece.draw())
                self._texts[name] = target, piece.about
        for name in self._texts.keys() - wanted.keys():
            self._texts.pop(name)[0].close()
        self._drawn = panel(self._model, places)
        self._panel.upload(self._drawn.image)
        self.picture.clear(*(c / 255 for c in BACK), 1.0)
        for picture, colour, width in frames(self._model, places):
            self._framed(picture, colour, width)
        for name, piece in wanted.items():
            self._copied(self._texts[name][0], piece.place)

    def _panel_place(self, places: Layout) -> Rect:
        x, y, _, _ = places.panel
        return x, y, self._panel.size.width, self._panel.size.height

    def _copied(self, source: RenderTarget, place: Rect) -> None:
        """Draw a picture at `place`, which counts from the top left."""
        x, y, width, height = place
        region = (x, self.picture.size.height - y - height, width, height)
        self._copy.draw(self.picture, textures={"source": source}, region=region)

    def _framed(self, picture: Rect, colour: Colour, width: int) -> None:
        x, y, w, h = picture
        GL.glEnable(GL.GL_SCISSOR_TEST)
        for inset, fill in ((width, colour), (0, (0, 0, 0))):
            GL.glScissor(x - inset, self.picture.size.height - y - h - inset, w + 2 * inset, h + 2 * inset)
            GL.glClearColor(*(c / 255 for c in fill), 1.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        GL.glDisable(GL.GL_SCISSOR_TEST)

    def _texts_closed(self) -> None:
        for target, _ in self._texts.values():
            target.close()
        self._texts.clear()

"""What the operator's window shows, and where: pictures of wall and decks with their captions, cues, who plays, the panel.

Plain values and Pillow, no GL: `operator_view.py` puts it on the window. Rectangles are x, y, width, height in pixels from
the top left of the window. Red marks what the audience sees, green what is prepared: the tally lights of a vision mixer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PIL import Image

from phosphene.engine.core.frame import Size
from phosphene.engine.output import hud_panel
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.pen import BACK, BAD, CALM, DIM, TEXT, WARN, Colour, Pen, Rect, glyphs, shorten

# Letters are this part of the window: read from 60 cm, not from across the stage. The panel takes 40 % of its width.
_PX_OF_HEIGHT, _PX_OF_WIDTH, _LEAST_PX = 50, 80, 11
_LINES = 4  # below the pictures
SEEN = 0.005  # of a deck: less of it is hidden
_FRAME = 3  # pixels round a picture
_QR_EM = 9.0  # 37 dots and their margin, three pixels each at 14 px


@dataclass(frozen=True, slots=True)
class OperatorModel:
    """One moment of the show for whoever plays it. Empty texts are left out."""

    hud: HudModel = field(default_factory=HudModel)
    scene: str = ""  # on the wall
    standby: str = ""  # the scene that waits on the hidden deck
    plays: str = ""  # how scenes come in: they wait for TAKE, the autopilot flies
    cue: str = ""  # the cue that was played last, and its note
    next_cue: str = ""
    leader: str = ""  # of the tempo, in words
    surfaces: tuple[str, ...] = ()  # who plays along: MIDI devices, Link peers
    desk: str = ""  # URL of the page, without a key
    invitation: str = ""  # the same with its key, for phones: shown as a QR code


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in a window of `size`. lines: the texts below the pictures; panel: all numbers."""

    size: Size
    px: int
    wall: Rect
    a: Rect
    b: Rect
    lines: Rect
    panel: Rect
    qr: Rect


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the window that is drawn again when `about`, all that it shows, has changed. place: where it lies.

    draw: returns uint8[h, w, 4] of that size, premultiplied sRGB.
    """

    place: Rect
    about: Hashable
    draw: Callable[[], np.ndarray]


def layout(size: Size, aspect: float) -> Layout:
    """Return the places for a window of `size` whose pictures have this aspect."""
    px = max(_LEAST_PX, min(round(size.height / _PX_OF_HEIGHT), round(size.width / _PX_OF_WIDTH)))
    gap, caption, line = round(px * 0.7), round(px * 1.7), round(px * 1.5)
    below = _LINES * line + gap
    # The wall, and under it two decks half as wide: together one and a half times the wall's height, less a gap.
    room = size.height - 3 * gap - 2 * caption - below
    beside = size.width - 3 * gap - round(px * hud_panel.WIDTH_EM)
    width = min(beside, round((room + gap / (2 * aspect)) * aspect / 1.5))
    width = max(64, width - width % 2)
    half = (width - gap) // 2
    wall = (gap, gap + caption, width, round(width / aspect))
    top = wall[1] + wall[3] + gap + caption
    a = (gap, top, half, round(half / aspect))
    b = (gap + width - half, top, half, a[3])
    lines = (gap, top + a[3] + gap, width, below - gap)
    left = width + 2 * gap
    panel = (left, gap, size.width - left - gap, size.height - 2 * gap)
    side = round(px * _QR_EM)
    qr = (size.width - gap - side, size.height - gap - side, side, side)
    return Layout(size, px, wall, a, b, lines, panel, qr)


def pieces(model: OperatorModel, places: Layout) -> dict[str, Piece]:
    """Return all texts of the window but those of the panel."""
    hud = model.hud
    found = {
        "wall": _caption(places, places.wall, "WALL", model.scene or "no scene", hud.transition, BAD, _badges(hud)),
        "lines": _lines(model, places),
    }
    for name, place, style in (("a", places.a, hud.deck_a), ("b", places.b, hud.deck_b)):
        seen = share(model, name)
        waits = model.standby if seen < SEEN else ""
        told = f"{100 * seen:.0f} % seen" if seen >= SEEN else f"{waits}: TAKE brings it in" if waits else "preview"
        found[name] = _caption(places, place, name.upper(), style or "idle", told, BAD if seen >= SEEN else CALM)
    if model.invitation:
        found["qr"] = Piece(places.qr, model.invitation, partial(_qr, model.invitation, places.qr[2]))
        found["phone"] = _invitation(model, places)
    return found


def panel(model: OperatorModel, places: Layout) -> hud_panel.Drawn:
    """Draw the panel with all numbers."""
    _, _, width, height = places.panel
    if model.invitation:
        height -= places.qr[3] + places.px
    wide = min(width, round(places.px * hud_panel.WIDTH_EM))
    return hud_panel.panel(model.hud, Size(max(8, wide), max(8, height)), places.px)


def share(model: OperatorModel, deck: str) -> float:
    """Return how much of a deck the crossfade shows, 0..1."""
    return model.hud.crossfade if deck == "b" else 1.0 - model.hud.crossfade


def frames(model: OperatorModel, places: Layout) -> list[tuple[Rect, Colour, int]]:
    """Return the borders of the pictures: place of the picture, colour, width in pixels."""
    found = [(places.wall, BAD, _FRAME)]
    for name, place in (("a", places.a), ("b", places.b)):
        seen = share(model, name) >= SEEN
        found.append((place, BAD if seen else CALM, _FRAME if seen or model.standby else 1))
    return found


def _badges(hud: HudModel) -> tuple[tuple[str, Colour], ...]:
    return tuple((text, colour) for text, colour in hud_panel.badges(hud) if text not in hud.errors)  # the panel has those


def _pen(place: Rect, px: int) -> Pen:
    pen = Pen(Image.new("RGBA", (place[2], place[3]), (*BACK, 255)), px)
    pen.y, pen.left, pen.right = 0, 0, place[2]
    return pen


def _caption(
    places: Layout, picture: Rect, name: str, what: str, told: str, colour: Colour,
    badges: tuple[tuple[str, Colour], ...] = (),
) -> Piece:  # fmt: skip
    height = round(places.px * 1.4)
    place = (picture[0], picture[1] - height - _FRAME, picture[2], height)

    def draw() -> np.ndarray:
        pen = _pen(place, places.px)
        edge = pen.right
        for text, own in reversed(badges):
            pen.right_text(edge, text, own)
            edge -= glyphs(text, pen.px)[1] + pen.px
        x = pen.text(0, name, colour)
        room = min(glyphs(told, pen.px)[1] + pen.px, edge // 2)
        x = pen.text(x + pen.px // 2, what, TEXT, right=max(x + 4 * pen.px, edge - room))
        pen.text(x + pen.px, told, DIM, right=edge)
        return np.asarray(pen.image)

    return Piece(place, (place, name, what, told, colour, badges), draw)


def _lines(model: OperatorModel, places: Layout) -> Piece:
    tempo = f"{model.hud.bpm:.1f} bpm, {model.leader}" if model.leader else ""
    lines = (
        ("NOW", model.cue, TEXT),
        ("NEXT", model.next_cue, WARN),
        ("TEMPO", tempo, TEXT),
        ("WITH", ", ".join(model.surfaces) if model.surfaces else "keyboard", DIM),
    )

    def draw() -> np.ndarray:
        pen = _pen(places.lines, places.px)
        edge = pen.right
        if model.plays:
            plays = shorten(model.plays, pen.px, edge // 2)
            pen.right_text(edge, plays, CALM)
            edge -= glyphs(plays, pen.px)[1] + pen.px
        for label, text, colour in lines:
            if text:
                pen.text(0, label, DIM)
                pen.text(4 * pen.px, text, colour, right=edge)
                pen.down(1.05)
                edge = pen.right
        return np.asarray(pen.image)

    return Piece(places.lines, (places.lines, lines, model.plays), draw)


def _invitation(model: OperatorModel, places: Layout) -> Piece:
    left, _, width, _ = places.panel
    beside = max(1, width - places.qr[2] - places.px)  # a window may have any size
    place = (left, places.qr[1], beside, places.qr[3])

    def draw() -> np.ndarray:
        pen = _pen(place, places.px)
        pen.y, pen.left = places.px, places.px
        pen.text(pen.left, "Play from a phone")
        pen.down(1.2)
        pen.text(pen.left, model.desk, DIM)
        return np.asarray(pen.image)

    return Piece(place, (place, model.desk), draw)


def _qr(url: str, side: int) -> np.ndarray:
    import segno  # only where there is a desk for phones

    code = segno.make(url, error="l")
    dots = np.array([[not cell for cell in row] for row in code.matrix_iter(border=3)], np.uint8) * 255
    scale = max(1, side // len(dots))
    image = Image.new("RGBA", (side, side), (*BACK, 255))
    big = Image.fromarray(dots).resize((len(dots) * scale,) * 2, Image.Resampling.NEAREST)
    image.paste(big.convert("RGBA"), (side - big.width, side - big.height))
    return np.asarray(image)

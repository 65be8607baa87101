"""Writing and drawing into a picture with Pillow, line by line: what the HUD and the operator's window are made of.

Pictures are premultiplied sRGB, uint8[h, w, 4], row 0 at the top. No GL, no state but a cache of glyphs.
"""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rect = tuple[int, int, int, int]  # x, y, width, height in pixels from the top left of the panel

TEXT: Colour = (228, 232, 238)
DIM: Colour = (136, 147, 162)
CALM: Colour = (96, 200, 184)
WARN: Colour = (242, 184, 84)
BAD: Colour = (255, 96, 84)
COLD: Colour = (122, 178, 255)
TROUGH: Colour = (44, 50, 60)
BACK: Colour = (9, 11, 15)
BACK_ALPHA = 0.84  # over a white picture the dim text keeps a contrast of 4:1, the white one 10:1
# Premultiplied, as everything here: pasting text by its coverage then is "over".
BACKGROUND = (*(round(c * BACK_ALPHA) for c in BACK), round(255 * BACK_ALPHA))

LABEL_EM = 5.5


@functools.lru_cache(maxsize=8)
def _font(px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(px)


@functools.lru_cache(maxsize=1024)
def glyphs(text: str, px: int) -> tuple[Image.Image, int]:
    """Return (coverage of the text, its advance in pixels). Text that stands for 4 redraws is laid out once."""
    font = _font(px)
    advance = round(font.getlength(text))
    mask = Image.new("L", (advance + 2, round(px * 1.35)), 0)
    ImageDraw.Draw(mask).text((0, 0), text, 255, font)
    return mask, advance


class Pen:
    """A place on the panel that moves down line by line."""

    def __init__(self, image: Image.Image, px: int) -> None:
        self.image = image
        self.px = px
        # A small screen has 30 lines of 12 px, a large one 42: there the sections stand apart.
        self.roomy = image.height / px > 36
        self.line = round(px * 1.42)
        self.left = round(px * 0.9)
        self.right = image.width - self.left
        self.column = self.left + round(px * LABEL_EM)
        self.y = round(px * 0.75)

    def text(self, x: int, text: str, colour: Colour = TEXT, *, right: int | None = None) -> int:
        """Write from `x` on, cut at `right`; return where it ended."""
        limit = self.right if right is None else right
        mask, advance = glyphs(text, self.px)
        if x + advance > limit:
            text = shorten(text, self.px, limit - x)
            mask, advance = glyphs(text, self.px)
        self.image.paste((*colour, 255), (x, self.y), mask)
        return x + advance

    def right_text(self, x: int, text: str, colour: Colour = TEXT) -> None:
        """Write so that it ends at `x`."""
        mask, advance = glyphs(text, self.px)
        self.image.paste((*colour, 255), (x - advance, self.y), mask)

    def label(self, text: str) -> None:
        self.text(self.left, text, DIM)

    def pairs(self, *pairs: tuple[str, str, Colour]) -> None:
        """Write up to three (value, name, colour) in the three columns right of the label."""
        width = (self.right - self.column) / 3
        for i, (value, name, colour) in enumerate(pairs):
            x = self.text(self.column + round(i * width), value, colour)
            self.text(x + self.px // 3, name, DIM, right=self.column + round((i + 1) * width))

    def bar(self, x: int, width: int, share: float, colour: Colour) -> Rect:
        """Draw a slim meter in this line; return its place."""
        height = max(3, self.px // 3)
        rect = (x, self.y + round(self.px * 0.62) - height // 2, width, height)
        self.box(rect, TROUGH)
        if (filled := round(width * min(1.0, max(0.0, share)))) > 0:
            self.box((rect[0], rect[1], filled, height), colour)
        return rect

    def box(self, rect: Rect, colour: Colour) -> None:
        x, y, w, h = rect
        self.image.paste((*colour, 255), (x, y, x + w, y + h))

    def down(self, lines: float = 1.0) -> None:
        self.y += round(self.line * lines)

    def section(self) -> None:
        """End a section."""
        self.down(1.35 if self.roomy else 1.1)


def shorten(text: str, px: int, room: int) -> str:
    """Return `text` cut to `room` pixels, with an ellipsis where it is cut."""
    if _font(px).getlength(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning that leaves room for the ellipsis
        middle = (low + high + 1) // 2
        if _font(px).getlength(text[:middle] + "...") <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..." if low else ""

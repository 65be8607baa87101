"""Draws the HUD's panel and badges into arrays with Pillow: no GL, no state but a cache of glyphs.

Called by hud.py at most four times a second. Pictures are premultiplied sRGB, uint8[h, w, 4], row 0 at the top; what
moves with the music (beat, level) is left empty here and filled by hud.py every frame, at the places in `Drawn.live`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phosphene.engine.core.frame import Size
from phosphene.engine.output.hud_model import HudModel

Colour = tuple[int, int, int]
Rect = tuple[int, int, int, int]  # x, y, width, height in pixels from the top left of the panel

TEXT: Colour = (228, 232, 238)
DIM: Colour = (136, 147, 162)
CALM: Colour = (96, 200, 184)
WARN: Colour = (242, 184, 84)
BAD: Colour = (255, 96, 84)
COLD: Colour = (122, 178, 255)
TROUGH: Colour = (44, 50, 60)
_BACK: Colour = (9, 11, 15)
_BACK_ALPHA = 0.84  # over a white picture the dim text keeps a contrast of 4:1, the white one 10:1

_WIDTH_EM = 32.5
_LABEL_EM = 5.5
_LEVEL_FLOOR_DB = 48.0
_MOST_BEATS = 7  # of a bar have room


@dataclass(frozen=True)
class Drawn:
    """A picture and the places in it that live values fill: `level`, and `beat1`, `beat2`, ... of a bar."""

    image: np.ndarray
    live: dict[str, Rect] = field(default_factory=dict)


def font_px(output: Size) -> int:
    """Return the height of the HUD's letters for a screen of this size, in pixels."""
    # 1/42 of the height is 10 minutes of arc on a 14 inch laptop at 1.5 m; below 12 px words run together.
    return max(12, round(output.height / 42))


def margin(output: Size) -> int:
    """Return the space between the HUD and the edge of the screen, in pixels."""
    return font_px(output) // 2


@functools.lru_cache(maxsize=8)
def _font(px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(px)


@functools.lru_cache(maxsize=1024)
def _glyphs(text: str, px: int) -> tuple[Image.Image, int]:
    """Return (coverage of the text, its advance in pixels). Text that stands for 4 redraws is laid out once."""
    font = _font(px)
    advance = round(font.getlength(text))
    mask = Image.new("L", (advance + 2, round(px * 1.35)), 0)
    ImageDraw.Draw(mask).text((0, 0), text, 255, font)
    return mask, advance


def level_share(peak: float) -> float:
    """Return how much of the level meter a linear peak fills: 0 at -48 dB, 1 at full scale."""
    return float(np.clip(1 + 20 * np.log10(max(peak, 1e-6)) / _LEVEL_FLOOR_DB, 0, 1))


class _Pen:
    """A place on the panel that moves down line by line."""

    def __init__(self, image: Image.Image, px: int) -> None:
        self.image = image
        self.px = px
        # A small screen has 30 lines of 12 px, a large one 42: there the sections stand apart.
        self.roomy = image.height / px > 36
        self.line = round(px * 1.42)
        self.left = round(px * 0.9)
        self.right = image.width - self.left
        self.column = self.left + round(px * _LABEL_EM)
        self.y = round(px * 0.75)

    def text(self, x: int, text: str, colour: Colour = TEXT, *, right: int | None = None) -> int:
        """Write from `x` on, cut at `right`; return where it ended."""
        limit = self.right if right is None else right
        mask, advance = _glyphs(text, self.px)
        if x + advance > limit:
            text = _shorten(text, self.px, limit - x)
            mask, advance = _glyphs(text, self.px)
        self.image.paste((*colour, 255), (x, self.y), mask)
        return x + advance

    def right_text(self, x: int, text: str, colour: Colour = TEXT) -> None:
        """Write so that it ends at `x`."""
        mask, advance = _glyphs(text, self.px)
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


def _shorten(text: str, px: int, room: int) -> str:
    low, high = 0, len(text)
    while low < high:  # the longest beginning that leaves room for the ellipsis
        middle = (low + high + 1) // 2
        if _font(px).getlength(text[:middle] + "...") <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..." if low else ""


# Premultiplied, as everything here: pasting text by its coverage then is "over".
_BACKGROUND = (*(round(c * _BACK_ALPHA) for c in _BACK), round(255 * _BACK_ALPHA))


def draw_panel(model: HudModel, output: Size) -> Drawn:
    """Draw the full panel for a screen of `output` pixels."""
    px = font_px(output)
    width = min(output.width, round(px * _WIDTH_EM))
    image = Image.new("RGBA", (width, output.height - 2 * margin(output)), _BACKGROUND)
    pen = _Pen(image, px)
    live: dict[str, Rect] = {}
    _frame_lines(pen, model)
    _audio_lines(pen, model, live)
    _show_lines(pen, model)
    _recorder_lines(pen, model)
    pen.label("CONTROL")
    lost = WARN if model.rejected else TEXT
    pen.pairs(
        (f"{model.received}", "received", TEXT),
        (f"{model.rejected}", "rejected", lost),
        (f"{model.dropped}", "dropped", BAD if model.dropped else TEXT),
    )
    pen.section()
    room = max(0, (image.height - pen.y) // pen.line)
    errors = model.errors[-room:] if room else ()  # the newest, errors before messages
    messages = model.messages[len(errors) - room :] if room > len(errors) else ()
    news = [(line, BAD) for line in errors] + [(line, TEXT) for line in messages]
    for line, colour in news:
        pen.text(pen.left, line, colour)
        pen.down()
    return Drawn(np.asarray(image.crop((0, 0, width, min(image.height, pen.y + px // 2)))), live)


def _frame_lines(pen: _Pen, model: HudModel) -> None:
    budget = 1000 / model.fps_target if model.fps_target else 0.0
    over = budget and model.frame_p99_ms > budget
    pen.label("SCENE")
    pen.right_text(pen.right, f"{model.fps_target:g} fps", DIM)
    pen.text(pen.column, model.scene or "none", CALM if model.scene else DIM, right=pen.right - pen.px * 4)
    pen.section()
    pen.label("FRAME")
    pen.pairs(
        (f"{model.frame_p50_ms:.1f}", "ms p50", TEXT),
        (f"{model.frame_p99_ms:.1f}", "ms p99", WARN if over else TEXT),
        (f"{model.missed}", "missed", WARN if model.missed else TEXT),
    )
    pen.down()
    if budget:
        rect = pen.bar(pen.column, pen.right - pen.column, model.frame_p50_ms / budget, CALM)
        mark = rect[0] + round(rect[2] * min(1.0, model.frame_p99_ms / budget)) - 1
        pen.box((mark, rect[1] - 1, 2, rect[3] + 2), WARN if over else TEXT)
    pen.down(0.9)
    pen.label("SIZE")
    pen.right_text(pen.right, f"flash guard {model.guard}", {"on": DIM, "off": BAD}.get(model.guard, WARN))
    x = pen.text(pen.column, f"{model.internal_size or '-'}")
    x = pen.text(x + pen.px // 2, "shown at", DIM)
    pen.text(x + pen.px // 2, f"{model.output_size or '-'}")
    pen.down()
    pen.label("BACKEND")
    x = pen.text(pen.column, model.backend or "none", TEXT if model.backend else WARN)
    pen.down()
    refused = [f"not {name}: {reason}" for name, reason in model.refused]
    for line in refused[:4] if pen.roomy else filter(None, [", ".join(refused)]):
        pen.text(pen.column, line, DIM)
        pen.down()
    pen.section()
    pen.down(-1)


def _audio_lines(pen: _Pen, model: HudModel, live: dict[str, Rect]) -> None:
    colour = {"running": CALM, "lost": BAD}.get(model.audio_state, WARN)
    pen.label("AUDIO")
    _, advance = _glyphs(model.audio_state or "off", pen.px)
    pen.right_text(pen.right, model.audio_state or "off", colour)
    pen.text(pen.column, model.audio_source or "none", right=pen.right - advance - pen.px // 2)
    pen.down()
    rect = pen.bar(pen.column, pen.right - pen.column, 0.0, TROUGH)
    live["level"] = rect
    for db in (-36, -24, -12, -6):  # the scale: a mark every 12 dB, one where it gets loud
        pen.box((rect[0] + round(rect[2] * (1 + db / _LEVEL_FLOOR_DB)), rect[1] + rect[3] + 1, 1, 2), DIM)
    pen.down(0.9)
    pen.pairs(
        (f"{model.clipped}", "clipped", BAD if model.clipped else TEXT),
        (f"{model.overflows}", "overflows", WARN if model.overflows else TEXT),
        (f"{model.restarts}", "restarts", WARN if model.restarts else TEXT),
    )
    pen.section()
    pen.label("TEMPO")
    x = pen.text(pen.column, f"{model.bpm:.1f}")
    x = pen.text(x + pen.px // 3, "bpm", DIM)
    side = round(pen.px * 0.62)
    x += pen.px
    for i in range(1, min(_MOST_BEATS, model.per_bar) + 1):
        live[f"beat{i}"] = (x, pen.y + round(pen.px * 0.62) - side // 2, side, side)
        pen.box(live[f"beat{i}"], TROUGH)
        x += round(side * 1.6)
    sure = CALM if model.confidence >= 0.5 else WARN
    pen.right_text(pen.right, f"{100 * model.confidence:.0f} % sure", sure)
    pen.section()


def _show_lines(pen: _Pen, model: HudModel) -> None:
    for label, deck, share in (("DECK A", model.deck_a, 1 - model.crossfade), ("DECK B", model.deck_b, model.crossfade)):
        pen.label(label)
        pen.right_text(pen.right, f"{100 * share:.0f} %", TEXT if share > 0 else DIM)
        pen.text(pen.column, deck or "empty", TEXT if share > 0 and deck else DIM, right=pen.right - pen.px * 3)
        pen.down()
    rect = pen.bar(pen.column, pen.right - pen.column, 0.0, TROUGH)
    knob = max(4, pen.px // 2)
    at = rect[0] + round((rect[2] - knob) * min(1.0, max(0.0, model.crossfade)))
    pen.box((at, rect[1] - 2, knob, rect[3] + 4), CALM)
    pen.down(0.9)
    pen.label("OUTPUT")
    x = pen.text(pen.column, f"{100 * model.master:.0f} %", TEXT if model.master > 0 else WARN)
    x = pen.text(x + pen.px // 3, "master", DIM)
    if model.transition:
        x = pen.text(x + pen.px, model.transition, CALM)
    states = [("BLACKOUT", BAD)] * model.blackout + [("FREEZE", COLD)] * model.freeze
    edge = pen.right
    for name, colour in states:
        pen.right_text(edge, name, colour)
        edge -= _glyphs(name, pen.px)[1] + pen.px // 2
    pen.section()


def _recorder_lines(pen: _Pen, model: HudModel) -> None:
    pen.label("REC")
    failed = model.recorder.startswith("failed")
    colour = BAD if failed or model.recording else DIM
    if model.disk_free_gb is not None:
        free = f"{model.disk_free_gb:.1f} GB free" if model.disk_free_gb < 10 else f"{model.disk_free_gb:.0f} GB free"
        pen.right_text(pen.right, free, WARN if model.disk_free_gb < 2 else DIM)
    x = pen.text(pen.column, model.recorder or "off", colour, right=pen.right - pen.px * 6)
    if model.recorder and not failed:
        pen.text(x + pen.px // 2, clock_text(model.recorded_s))
    pen.down()
    pen.pairs(
        (f"{model.recorded_frames}", "frames", TEXT if model.recorder else DIM),
        (f"{model.recorder_dropped}", "dropped", WARN if model.recorder_dropped else TEXT if model.recorder else DIM),
    )
    pen.section()


def clock_text(seconds: float) -> str:
    """Return `h:mm:ss`, or `m:ss` below an hour."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def badges(model: HudModel) -> tuple[tuple[str, Colour], ...]:
    """Return what must be seen even when the panel is hidden: (text, colour), most urgent first."""
    found: list[tuple[str, Colour]] = []
    if model.blackout:
        found.append(("BLACKOUT", BAD))
    if model.freeze:
        found.append(("FREEZE", COLD))
    if model.guard == "off":
        found.append(("FLASH GUARD OFF", WARN))
    if model.audio_state == "lost":
        found.append(("AUDIO LOST", WARN))
    if model.recorder.startswith("failed"):
        found.append((f"REC {model.recorder}", WARN))
    elif model.recording:
        found.append((f"REC {clock_text(model.recorded_s)}", BAD))
    if model.errors:
        found.append((model.errors[-1], WARN))
    return tuple(found)


def draw_badges(shown: tuple[tuple[str, Colour], ...], output: Size) -> Drawn:
    """Draw the badges in one row; they are cut where the screen ends."""
    px = font_px(output)
    pad, gap, height = px // 2, px // 2, round(px * 1.6)
    room = output.width - 2 * px
    boxes: list[tuple[Image.Image, int, Colour]] = []
    for text, colour in shown:
        fitting = text if _glyphs(text, px)[1] + 3 * pad + px // 2 <= room else _shorten(text, px, room - 3 * pad - px // 2)
        mask, advance = _glyphs(fitting, px)
        if not fitting:
            break
        width = advance + 3 * pad + px // 2
        boxes.append((mask, width, colour))
        room -= width + gap
    total = sum(width + gap for _, width, _ in boxes) - gap if boxes else 1
    image = Image.new("RGBA", (total, height), (0, 0, 0, 0))
    x = 0
    for mask, width, colour in boxes:
        image.paste(_BACKGROUND, (x, 0, x + width, height))
        dot = px // 2
        top = (height - dot) // 2
        image.paste((*colour, 255), (x + pad, top, x + pad + dot, top + dot))
        image.paste((*TEXT, 255), (x + 2 * pad + dot, round((height - px * 1.2) / 2)), mask)
        x += width + gap
    return Drawn(np.asarray(image))

"""Draws the HUD's panel and badges into arrays: no GL, no state.

Called by hud.py at most four times a second. What moves with the music (beat, level) is left empty here and filled by
hud.py every frame, at the places in `Drawn.live`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from phosphene.engine.core.frame import Size
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.pen import (
    BACKGROUND,
    BAD,
    CALM,
    COLD,
    DIM,
    TEXT,
    TROUGH,
    WARN,
    Colour,
    Pen,
    Rect,
    glyphs,
    shorten,
)

WIDTH_EM = 32.5  # width of the panel: three numbers and their names fit beside each other
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


def level_share(peak: float) -> float:
    """Return how much of the level meter a linear peak fills: 0 at -48 dB, 1 at full scale."""
    return float(np.clip(1 + 20 * np.log10(max(peak, 1e-6)) / _LEVEL_FLOOR_DB, 0, 1))


def draw_panel(model: HudModel, output: Size) -> Drawn:
    """Draw the full panel for a screen of `output` pixels."""
    px = font_px(output)
    return panel(model, Size(min(output.width, round(px * WIDTH_EM)), output.height - 2 * margin(output)), px)


def panel(model: HudModel, room: Size, px: int) -> Drawn:
    """Draw the full panel as wide as `room` and no higher, in letters of `px` pixels."""
    width = room.width
    image = Image.new("RGBA", (width, room.height), BACKGROUND)
    pen = Pen(image, px)
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


def _frame_lines(pen: Pen, model: HudModel) -> None:
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


def _audio_lines(pen: Pen, model: HudModel, live: dict[str, Rect]) -> None:
    colour = {"running": CALM, "lost": BAD}.get(model.audio_state, WARN)
    pen.label("AUDIO")
    _, advance = glyphs(model.audio_state or "off", pen.px)
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


def _show_lines(pen: Pen, model: HudModel) -> None:
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
        edge -= glyphs(name, pen.px)[1] + pen.px // 2
    pen.section()


def _recorder_lines(pen: Pen, model: HudModel) -> None:
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
        fitting = text if glyphs(text, px)[1] + 3 * pad + px // 2 <= room else shorten(text, px, room - 3 * pad - px // 2)
        mask, advance = glyphs(fitting, px)
        if not fitting:
            break
        width = advance + 3 * pad + px // 2
        boxes.append((mask, width, colour))
        room -= width + gap
    total = sum(width + gap for _, width, _ in boxes) - gap if boxes else 1
    image = Image.new("RGBA", (total, height), (0, 0, 0, 0))
    x = 0
    for mask, width, colour in boxes:
        image.paste(BACKGROUND, (x, 0, x + width, height))
        dot = px // 2
        top = (height - dot) // 2
        image.paste((*colour, 255), (x + pad, top, x + pad + dot, top + dot))
        image.paste((*TEXT, 255), (x + 2 * pad + dot, round((height - px * 1.2) / 2)), mask)
        x += width + gap
    return Drawn(np.asarray(image))

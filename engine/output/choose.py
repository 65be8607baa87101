"""Chooses the display for `--output auto|window|headless`. Called once, when a show starts, on its main thread."""

from __future__ import annotations

import logging

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.base import Display
from phosphene.engine.output.headless import Headless
from phosphene.engine.output.window import Window, display_refusal

log = logging.getLogger(__name__)

OUTPUTS = ("auto", "window", "headless")


def choose_display(
    output: str, size: Size, *, fullscreen: bool = True, monitor: str | int | None = None
) -> tuple[Display, str]:
    """Open the display and return (it, why it is not a window; empty when it is, or when none was asked for).

    `auto` takes a window where one can be had, else headless. Raises UserError when what was asked for cannot be had;
    also for a `monitor` that is not there, in `auto` too: nobody who names a monitor wants to play to nowhere.
    """
    if output not in OUTPUTS:
        raise UserError("unknown output", where="--output", allowed=", ".join(OUTPUTS), got=output)
    if output == "headless":
        return Headless(size), ""
    refusal = display_refusal()
    if not refusal:
        try:
            return Window(size, fullscreen=fullscreen, monitor=monitor), ""
        except UserError as error:
            if output == "window" or error.where == "--monitor":
                raise
            refusal = error.line()
    elif output == "window":
        remedy = "start it in a desktop session, or use --output headless"
        raise UserError("no window can be opened", got=refusal, remedy=remedy)
    log.info("no window: %s", refusal)
    return Headless(size), refusal

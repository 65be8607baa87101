"""The loop of every training: a step, what is told of it, a checkpoint now and then, until it is over. Main thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from phosphene.engine.core import clock


def take_steps(
    advance: Callable[[], Any],
    over: Callable[[], bool],
    seen: Callable[[Any], None],
    save: Callable[[], None],
    every: float,
    *,
    at_once: bool = False,
) -> str:
    """Take steps until `over`; return why the training ended before that, "" where it did not.

    advance: takes one step and returns its record; raises FloatingPointError where going on makes no sense. seen: called
    with each record. save: called between steps, each time `every` s after the last one ended; at_once: after the first
    step, too.
    """
    saved = -math.inf if at_once else clock.now()
    while not over():
        try:
            record = advance()
        except FloatingPointError as error:
            return str(error)
        seen(record)
        if clock.now() - saved > every:
            save()
            saved = clock.now()
    return ""

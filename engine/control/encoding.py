"""OSC messages that go out: their bytes, and how many those are before they are made."""

from __future__ import annotations

from pythonosc.osc_message_builder import OscMessageBuilder

from phosphene.engine.control.surface import Args

_MOST_TEXT = 240  # characters of a text that is sent


def encoded(path: str, args: Args) -> bytes:
    """Return one OSC message; an int goes out as i, a float as f, text as s, cut where it is long."""
    builder = OscMessageBuilder(path)
    for value in args:
        if isinstance(value, str):
            builder.add_arg(_short(value), "s")
        else:
            builder.add_arg(value, "i" if isinstance(value, int) else "f")
    return builder.build().dgram


def size(path: str, args: Args) -> int:
    """Return how many bytes `encoded` makes."""
    found = _padded(path) + _padded("," + "." * len(args))
    return found + sum(_padded(_short(value)) if isinstance(value, str) else 4 for value in args)


def _padded(text: str) -> int:
    """Return how many bytes a text takes in OSC."""
    return len(text.encode("utf-8", "replace")) // 4 * 4 + 4


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 3] + "..."

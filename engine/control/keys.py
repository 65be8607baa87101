"""The keyboard, as data: which key does what. Read by the window's key handler, the help panel and docs/playing.md.

A binding either sends a control message, as if it had come over OSC, or names a command of the window ("quit"). Called on
the main thread, on presses only: a key that repeats because it is held is not pressed again.
"""

from __future__ import annotations

from dataclasses import dataclass

from phosphene.engine.control.address import Table
from phosphene.engine.show.change import Change, Value


@dataclass(frozen=True, slots=True)
class Binding:
    """One key. path and args: what it sends; or command: what it asks of the window."""

    key: str
    does: str
    path: str = ""
    args: tuple[Value, ...] = ()
    command: str = ""


# Panic is the big key at the edge, found blind; what ends or starts something on disk needs Ctrl. Escape does nothing:
# it is the key that gets hit when something looks wrong, and must not take the picture away.
BINDINGS: tuple[Binding, ...] = (
    Binding("B", "blackout: fades to black, and back; pressed during a fade, cuts", "/blackout"),
    Binding("F", "freeze the picture, and let it go on", "/freeze"),
    Binding("Backspace", "panic: the style without effects, at once; again: the idle scene", "/panic"),
    Binding("Space", "tap the tempo", "/tempo/tap"),
    Binding("T", "tap the tempo", "/tempo/tap"),
    Binding("R", "this is the first beat of a bar", "/tempo/resync"),
    Binding("A", "follow the music again, after taps", "/tempo/follow"),
    Binding("[", "nudge the beat back", "/tempo/nudge", (-1 / 32,)),
    Binding("]", "nudge the beat ahead", "/tempo/nudge", (1 / 32,)),
    Binding("-", "half the tempo", "/tempo/multiply", (0.5,)),
    Binding("=", "double the tempo", "/tempo/multiply", (2.0,)),
    *(Binding(str(i), f"scene {i}", "/scene/number", (i,)) for i in range(1, 10)),
    Binding("N", "next scene", "/scene/next"),
    Binding("Enter", "next cue of the setlist", "/cue/go"),
    Binding("P", "scenes wait on the hidden deck, or come in by themselves", "/preview"),
    Binding("Tab", "take: bring in what is on the hidden deck", "/take"),
    Binding("Left", "crossfade to deck a over a bar", "/crossfade/to", ("a", 4.0)),
    Binding("Right", "crossfade to deck b over a bar", "/crossfade/to", ("b", 4.0)),
    Binding("H", "show or hide the panel", "/hud"),
    Binding("O", "open or close the operator's window", "/output/operator"),
    Binding("Ctrl+G", "turn the flash guard off, and on again", "/guard"),
    Binding("Ctrl+Z", "undo: take back the last change of a style, a parameter, a mapping or a fader", "/undo"),
    Binding("Ctrl+R", "start or end a take", "/record"),
    Binding("F11", "full screen, and back", command="fullscreen"),
    Binding("Ctrl+F", "full screen, and back; macOS keeps F11 for itself", command="fullscreen"),
    Binding("Ctrl+Q", "quit", command="quit"),
    Binding("Ctrl+W", "quit, as other windows do", command="quit"),
)

_BY_KEY = {b.key.lower(): b for b in BINDINGS}


def named(key: str, *, ctrl: bool = False, alt: bool = False) -> str:
    """Return the name under which `binding` finds a key: `ctrl+r`. Shift does not count: it only makes capitals."""
    return ("ctrl+" if ctrl else "") + ("alt+" if alt else "") + key.lower()


def binding(name: str) -> Binding | None:
    """Return what the key of that name does (`r`, `ctrl+r`, `left`, in any case), or None."""
    return _BY_KEY.get(name.lower())


def change(table: Table, bound: Binding, t: float) -> Change | None:
    """Return the checked change that a binding sends; None for a window command."""
    return table.parse(bound.path, bound.args, t, f"key {bound.key}") if bound.path else None


def bindings_markdown() -> str:
    """Return the bindings as a Markdown table; the nine scene keys share a row."""
    rows = [("1 .. 9", "scene 1 to 9") if b.key == "1" else (b.key, b.does) for b in BINDINGS if b.key not in "23456789"]
    return "\n".join(["| key | does |", "|---|---|", *(f"| `{key}` | {does} |" for key, does in rows)]) + "\n"

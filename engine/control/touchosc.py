"""The pages as a file of TouchOSC: XML that zlib has packed, built by py2tosc.

A fader of TouchOSC goes from 0 to 1; the scale of its argument is our range, in both directions. The ids of the nodes are
made of their place, so the same table gives the same file.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from phosphene.engine.control.layout import Control, Group, Page
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install_packages

PACKAGE = "py2tosc>=0.6,<0.7"
_FRAME = (0, 0, 1024, 768)
_ACROSS = 18  # faders in one row: 55 of 1024 pixels each
_BUTTONS = 8  # in one row
_MOST_WORDS = 64  # buttons for the words of one address, eight rows
_CDATA_END = "]]>"  # py2tosc 0.6 writes it as it is, and the file is no XML any more: such a name gets no button
_GAP = 6
_TEXT = 12
_RED, _VIOLET, _GREY, _AMBER = "#e63946ff", "#8c4df2ff", "#5a5a66ff", "#ffa633ff"
_LOUD = {"/blackout", "/panic", "/record"}


def layout(pages: Sequence[Page]) -> bytes:
    """Return the bytes of a .tosc file. Raises UserError where py2tosc is not installed."""
    try:
        import py2tosc  # optional: only whoever wants this file needs it
        from py2tosc import ui
    except ImportError as error:
        raise UserError("pages for TouchOSC need py2tosc", remedy=install_packages([PACKAGE])) from error
    make = _Make(py2tosc, ui)
    pager = ui.pager([make.page(page) for page in pages], name="pages")
    document = py2tosc.Document(root=ui.stack(pager, frame=_FRAME, name="phosphene")).resolve()
    for n, control in enumerate(document.walk()):
        control.id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"phosphene/{n}"))
    return zlib.compress(document.dumps(validate=True).encode("utf-8"))


class _Make:
    """Builds with py2tosc, which is handed in: it is imported only where it is wanted."""

    def __init__(self, py2tosc: Any, ui: Any) -> None:
        self._tosc, self._ui = py2tosc, ui

    def page(self, page: Page) -> Any:
        """Return a page: rows of groups, those with faders three times as high."""
        rows = [row for group in page.groups for row in self._rows(group)]
        packed: list[tuple[int, int, list[tuple[int, Any]]]] = []  # height, how many across, and what
        for height, across, block in rows:
            if packed and packed[-1][0] == height and packed[-1][1] + across <= _ACROSS:
                packed[-1] = (height, packed[-1][1] + across, [*packed[-1][2], (across, block)])
            else:
                packed.append((height, across, [(across, block)]))
        made = [
            self._ui.row([block for _, block in blocks], sizes=[across for across, _ in blocks], gap=_GAP, name=f"row{n}")
            for n, (_, _, blocks) in enumerate(packed)
        ]
        heights = [height for height, _, _ in packed]
        return self._ui.column(made, sizes=heights, gap=_GAP, pad=_GAP, name=page.name, interactive=False, outline=False)

    def _rows(self, group: Group) -> Iterable[tuple[int, int, Any]]:
        """Return the rows of a group under its name: how high, how many columns wide, and what is in it."""
        faders = [self._fader(control) for control in group.controls if control.kind == "fader"]
        others = [one for control in group.controls if control.kind != "fader" for one in self._others(control)]
        for height, most, width, cells in ((6, _ACROSS, 1, faders), (2, _BUTTONS, 2, others)):
            for n in range(0, len(cells), most):
                some = cells[n : n + most]
                title = self._label(group.name, f"{group.name} title")
                row = self._ui.row(some, gap=_GAP)
                yield height, width * len(some), self._ui.column(title, row, sizes=(1, height), name=group.name)

    def _fader(self, control: Control) -> Any:
        ui, span = self._ui, control.maximum - control.minimum
        number = "INTEGER" if control.type == "i" else "FLOAT"
        moved = ui.value("x", conversion=number, scale=(control.minimum, control.maximum))
        fader = self._tosc.fader(
            name=control.path,
            color=_VIOLET,
            values=self._values("x", (control.default - control.minimum) / span),
            messages=[ui.osc(control.path, args=[moved])],
        )
        caption = self._label(control.label, f"{control.path} caption", shows=control.caption)
        return ui.column(fader, caption, sizes=(6, 1), name=f"{control.path} strip")

    def _others(self, control: Control) -> Iterable[Any]:
        if control.kind == "shown":
            shown = self._label("", control.path, shows=control.path)
            yield self._ui.column(shown, self._label(control.label, f"{control.path} caption"), name=f"{control.path} box")
        elif control.kind == "toggle":
            on = self._ui.value("x", conversion="INTEGER")
            yield self._button(control, control.label, [self._ui.osc(control.path, args=[on])], toggles=True)
        elif control.kind == "words":
            for word in [word for word in control.words if _CDATA_END not in word][:_MOST_WORDS]:
                yield self._button(control, word, [self._press(control, word)])
        else:
            yield self._button(control, control.label, [self._press(control, control.args[0])])

    def _press(self, control: Control, value: object) -> Any:
        kind = {"i": "INTEGER", "f": "FLOAT", "s": "STRING"}[control.type]
        return self._ui.osc(control.path, args=[self._ui.const(str(value), conversion=kind)], on="RISE", receive=False)

    def _button(self, control: Control, text: str, messages: list[Any], *, toggles: bool = False) -> Any:
        colour = _RED if control.path in _LOUD else _AMBER if control.path.startswith("/tempo") else _GREY
        button = self._tosc.button(
            name=f"{control.path} {text}",
            color=colour,
            button_type=2 if toggles else 0,  # 2: changes over when it is pressed; 0: only while it is held
            values=self._values("x", control.default if toggles else 0.0),
            messages=messages,
        )
        return self._ui.labelled(button, text, size=_TEXT, name=f"{control.path} {text} box")

    def _label(self, text: str, name: str, *, shows: str = "") -> Any:
        """Return a text; shows: the published address that it takes another one from."""
        words = self._ui.value("text", conversion="STRING")
        hears = [self._ui.osc(shows, args=[words], var="text", send=False)] if shows else []
        return self._tosc.label(
            name=name,
            text_size=_TEXT,
            background=False,
            interactive=False,
            values=self._values("text", text),
            messages=hears,
        )

    def _values(self, key: str, default: object) -> list[Any]:
        return [self._tosc.Value(key, default=default), self._tosc.Value("touch", default=False)]

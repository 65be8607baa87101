"""The pages as a session of Open Stage Control, which is JSON.

Its server is started with `-s HOST:9000 -o 9001`. A widget sends its own address and takes what comes back under it. Faders
have five decimals: the program's own two would round the finer half of every move away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from phosphene.engine.control.layout import Control, Group, Page

_VERSION = "1.29.0"  # of the form; files of versions up to 1.24.2 would be converted
_DECIMALS = 5
_TALL, _LOW, _CAPTION = 220, 80, 24  # pixels: a group with faders, one without, a line of text
_Widget = dict[str, Any]


def session(pages: Sequence[Page]) -> str:
    """Return the text of a session file."""
    tabs = [
        {
            "type": "tab",
            "id": page.name,
            "label": page.name,
            "layout": "vertical",
            "widgets": [_group(page, group) for group in page.groups],
        }
        for page in pages
    ]
    root = {"type": "root", "id": "root", "tabs": tabs}
    whole = {"createdWith": "Open Stage Control", "version": _VERSION, "type": "session", "content": root}
    return json.dumps(whole, indent=1) + "\n"


def _group(page: Page, group: Group) -> _Widget:
    name = f"{page.name} {group.name}"
    tall = any(control.kind == "fader" for control in group.controls)
    row = _panel(f"{name} row", "horizontal", [_captioned(control) for control in group.controls], expand=True)
    return _panel(name, "vertical", [_text(f"{name} title", group.name), row], height=_TALL if tall else _LOW)


def _captioned(control: Control) -> _Widget:
    """Return a control under its name; a button has it on itself."""
    widget = _widget(control)
    if widget["type"] == "button":
        return widget
    caption = _text(f"{widget['id']} caption", control.label)
    if control.caption:
        caption["address"] = control.caption
    return _panel(f"{widget['id']} box", "vertical", [caption, widget], expand=True)


def _widget(control: Control) -> _Widget:
    common = {"id": control.path, "address": control.path, "typeTags": control.type, "expand": True}
    if control.kind == "fader":
        span = {"min": control.minimum, "max": control.maximum}
        decimals = 0 if control.type == "i" else _DECIMALS
        return {"type": "fader", **common, "range": span, "decimals": decimals, "default": control.default}
    if control.kind == "toggle":
        sent = {"mode": "toggle", "on": 1, "off": 0, "decimals": 0, "default": control.default}
        return {"type": "button", **common, "label": control.label, **sent}
    if control.kind == "button":
        (value,) = control.args
        one = {"id": f"{control.path} {value}", "label": control.label, "mode": "tap", "on": value, "decimals": _DECIMALS}
        return {"type": "button", **common, **one}
    if control.kind == "words":
        return {"type": "menu", **common, "values": list(control.words), "label": control.label}
    return {"type": "text", **common}


def _panel(name: str, layout: str, widgets: list[_Widget], **more: Any) -> _Widget:
    return {"type": "panel", "id": name, "layout": layout, "scroll": False, **more, "widgets": widgets}


def _text(name: str, text: str) -> _Widget:
    return {"type": "text", "id": name, "height": _CAPTION, "default": text}

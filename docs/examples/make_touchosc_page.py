"""Write phosphene.tosc, a page for TouchOSC: faders, crossfader, scenes, tempo, record. Needs nothing but Python.

    python make_touchosc_page.py            # writes phosphene.tosc beside this file

Change ROWS, run it again, and open the file in TouchOSC. A .tosc file is XML that zlib has packed.
"""

from __future__ import annotations

import itertools
import uuid
import zlib
from pathlib import Path

WIDTH, HEIGHT, GAP = 1024, 768, 12
VIOLET, AMBER, BLUE, RED, GREY = (0.55, 0.3, 0.95), (1.0, 0.65, 0.2), (0.25, 0.6, 1.0), (0.95, 0.2, 0.25), (0.35, 0.35, 0.4)
ACROSS = 1  # a fader that lies down

# Each row: its height, and from left to right (kind, caption, address, colour, argument). A fader sends 0 to 1. A button
# sends its argument when it is pressed; a toggle sends 1 and 0.
ROWS = [
    (
        300,
        [("fader", str(k), f"/fader/{k}", VIOLET, None) for k in range(1, 9)]
        + [("fader", "master", "/master", AMBER, None)],
    ),
    (90, [("crossfader", "a - b", "/crossfade", BLUE, None)]),
    (100, [("button", f"scene {k}", "/scene/number", GREY, k) for k in range(1, 9)]),
    (
        100,
        [
            ("button", "to a", "/crossfade/to", BLUE, "a"),
            ("button", "to b", "/crossfade/to", BLUE, "b"),
            ("button", "next scene", "/scene/next", GREY, 1),
            ("button", "next cue", "/cue/go", GREY, 1),
        ],
    ),
    (
        100,
        [
            ("button", "tap", "/tempo/tap", AMBER, 1),
            ("button", "the one", "/tempo/resync", AMBER, 1),
            ("toggle", "freeze", "/freeze", GREY, None),
            ("toggle", "blackout", "/blackout", RED, None),
            ("toggle", "record", "/record", RED, None),
        ],
    ),
]

_ids = itertools.count(1)


def text(value: str) -> str:
    return f"<![CDATA[{value}]]>"


def prop(kind: str, key: str, value: object) -> str:
    """One property. kind: b boolean, c colour, f float, i integer, r frame, s string."""
    parts = {"c": "rgba", "r": "xywh"}.get(kind)
    if parts:
        value = "".join(f"<{name}>{each}</{name}>" for name, each in zip(parts, value, strict=True))
    elif kind == "s":
        value = text(str(value))
    return f"<property type='{kind}'><key>{text(key)}</key><value>{value}</value></property>"


def starts(key: str, default: str) -> str:
    return (
        f"<value><key>{text(key)}</key><locked>0</locked><lockedDefaultCurrent>0</lockedDefaultCurrent>"
        f"<default>{text(default)}</default><defaultPull>0</defaultPull></value>"
    )


def partial(kind: str, conversion: str, of: str) -> str:
    return (
        f"<partial><type>{kind}</type><conversion>{conversion}</conversion><value>{text(of)}</value>"
        "<scaleMin>0</scaleMin><scaleMax>1</scaleMax></partial>"
    )


def message(address: str, argument: str, condition: str, send: int = 1, var: str = "x") -> str:
    """A message from and to every connection, sent when `var` changes (ANY) or when a button is pressed (RISE)."""
    return (
        f"<osc><enabled>1</enabled><send>{send}</send><receive>1</receive><feedback>0</feedback><noDuplicates>0</noDuplicates>"
        f"<connections>1111111111</connections><triggers><trigger><var>{text(var)}</var><condition>{condition}</condition>"
        f"</trigger></triggers><path>{partial('CONSTANT', 'STRING', address)}</path><arguments>{argument}</arguments></osc>"
    )


def node(kind: str, properties: list[str], values: list[str], messages: str = "", children: str = "") -> str:
    # The same page has the same names each time: a changed file is a changed page.
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"phosphene/{next(_ids)}")
    inside = f"<properties>{''.join(properties)}</properties><values>{''.join(values)}</values>"
    inside += f"<messages>{messages}</messages>" + (f"<children>{children}</children>" if children else "")
    return f"<node ID='{name}' type='{kind}'>{inside}</node>"


def looks(name: str, frame: tuple[int, ...], colour: tuple[float, ...], background: int = 1) -> list[str]:
    return [
        *(prop("b", "background", background), prop("c", "color", (*colour, 1)), prop("f", "cornerRadius", 6)),
        *(prop("r", "frame", frame), prop("b", "grabFocus", 1), prop("b", "locked", 0), prop("s", "name", name)),
        *(prop("b", "outline", 1), prop("i", "outlineStyle", 0), prop("i", "pointerPriority", 0), prop("i", "shape", 1)),
        prop("b", "visible", 1),
    ]


def control(
    kind: str, caption: str, address: str, colour: tuple[float, ...], argument: object, frame: tuple[int, ...]
) -> str:
    """A fader or a button, and its caption over it."""
    x = partial("VALUE", "FLOAT", "x")
    own = [prop("b", "interactive", 1)]
    if kind in ("fader", "crossfader"):
        which, sends = "FADER", message(address, x, "ANY")
        own += [prop("i", "orientation", ACROSS if kind == "crossfader" else 0), prop("i", "response", 0)]
        own += [prop("b", "bar", 1), prop("b", "cursor", 1), prop("i", "barDisplay", 0), prop("i", "cursorDisplay", 0)]
        own += [prop("b", "grid", 1), prop("i", "gridSteps", 8)]
    else:
        which, toggles = "BUTTON", kind == "toggle"
        conversion = "STRING" if isinstance(argument, str) else "INTEGER"
        constant = partial("CONSTANT", conversion, str(argument))
        sends = message(address, partial("VALUE", "INTEGER", "x") if toggles else constant, "ANY" if toggles else "RISE")
        # 0 is momentary, 2 toggles when it is pressed
        own += [prop("i", "buttonType", 2 if toggles else 0), prop("b", "press", 1), prop("b", "release", int(not toggles))]
        own += [prop("b", "valuePosition", 0), prop("i", "orientation", 0)]
    begins = "1" if address == "/master" else "0"
    made = node(which, looks(address, frame, colour) + own, [starts("x", begins), starts("touch", "false")], sends)
    left, top, wide, high = frame
    label = looks(f"{address} caption", (left, top + high - 34, wide, 30), (1.0, 1.0, 1.0), background=0)
    label += [prop("b", "interactive", 0), prop("i", "font", 0), prop("i", "textSize", 18), prop("i", "textAlignH", 2)]
    label += [prop("c", "textColor", (1, 1, 1, 1)), prop("i", "orientation", 0)]
    # What a fader does depends on the scene: the show says it.
    words = partial("VALUE", "STRING", "text")
    hears = message(f"/state{address}/label", words, "ANY", send=0, var="text") if address.startswith("/fader/") else ""
    return made + node("LABEL", label, [starts("text", caption), starts("touch", "false")], hears)


def page() -> str:
    """The whole page, as XML."""
    inside, top = "", GAP
    for high, controls in ROWS:
        wide = (WIDTH - GAP * (len(controls) + 1)) // len(controls)
        for k, (kind, caption, address, colour, argument) in enumerate(controls):
            inside += control(kind, caption, address, colour, argument, (GAP + k * (wide + GAP), top, wide, high))
        top += high + GAP
    root = looks("phosphene", (0, 0, WIDTH, HEIGHT), (0.05, 0.05, 0.07))
    root += [prop("b", "interactive", 0), prop("i", "orientation", 0)]
    whole = node("GROUP", root, [starts("touch", "false")], "", inside)
    return f"<?xml version='1.0' encoding='UTF-8'?><lexml version='3'>{whole}</lexml>"


if __name__ == "__main__":
    Path(__file__).with_name("phosphene.tosc").write_bytes(zlib.compress(page().encode("utf-8"), 9))

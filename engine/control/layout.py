"""What a page of controls for another program shows: made from the table, so a new address is on the next page written.

Faders, buttons and texts in groups on pages, as data. `touchosc.py` and `open_stage_control.py` write them in the forms of
two programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from phosphene.engine.control.address import Address, Table
from phosphene.engine.control.surface import Args
from phosphene.engine.control.table import LISTEN, TOKEN

_PAGES = ("Mix", "Scenes", "Deck A", "Deck B", "Tempo", "Desk")  # first of all, in this order; the state comes last
_STATE = "State"
_MOST_LABEL = 14  # characters of an alias's own words on a button, "Nudge ahead"; longer ones say its number


@dataclass(frozen=True, slots=True)
class Control:
    """One control. kind: fader, toggle, button (sends args), words (sends one of them), shown (only receives).

    caption: the published address of a text that is its caption.
    """

    kind: str
    label: str
    path: str
    type: str = "f"
    minimum: float = 0.0
    maximum: float = 1.0
    default: float = 0.0
    args: Args = ()
    words: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Controls that belong together."""

    name: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what is on the screen at one time."""

    name: str
    groups: tuple[Group, ...]


def pages(table: Table, words: Mapping[str, Sequence[str]]) -> list[Page]:
    """Return all controls of a table. words: of an address, what may be called now, such as the scenes of `/scene`."""
    placed = [
        (_page(address), _group(address), control)
        for address in table.addresses.values()
        for control in _controls(table, address, words.get(address.path, ()))
    ]
    names = dict.fromkeys((*_PAGES, *sorted({name for name, _, _ in placed} - {*_PAGES, _STATE}), _STATE))
    placed.sort(key=lambda each: list(names).index(each[0]))
    found = []
    for name, on_page in groupby(placed, key=lambda each: each[0]):
        groups: dict[str, list[Control]] = {}
        for _, group, control in on_page:
            groups.setdefault(group, []).append(control)
        found.append(Page(name, tuple(Group(group, tuple(controls)) for group, controls in groups.items())))
    return found


def _page(address: Address) -> str:
    folder, *rest = address.path.split("/")[1:]
    if folder == "deck":
        return f"Deck {rest[0].upper()}"
    if folder in ("scene", "cue"):
        return "Scenes"
    if folder in ("crossfade", "fader") or address.group == "Output":
        return "Mix"
    return _STATE if folder == "state" else address.group


def _group(address: Address) -> str:
    parts = address.path.split("/")[1:]
    if "fx" in parts:
        return parts[parts.index("fx") + 1].capitalize()
    return parts[0].capitalize() if parts[0] in ("crossfade", "fader", "scene", "cue") else address.group


def _controls(table: Table, address: Address, words: Sequence[str]) -> Iterable[Control]:
    path, label = address.path, address.label
    if path in (LISTEN, TOKEN) or path.endswith("/label"):
        return
    if address.output:
        yield Control("shown", label, path, address.types)
        return
    if not address.arguments:
        yield Control("button", label, path, "i", args=(1,))
        return
    if sum(not a.optional for a in address.arguments) > 1:
        return  # a control says one thing: what takes several is for the desk and for programs
    first = address.arguments[0]
    caption = f"/state{path}/label"
    if address.only_on:
        yield Control("button", label, path, first.type, args=(1,))
    elif first.type == "s":
        if choices := (() if first.told else first.choices) or tuple(words):  # none that is too long to be read
            yield Control("words", label, path, "s", words=choices)
    elif (first.type, first.minimum, first.maximum) == ("i", 0, 1):
        yield Control("toggle", label, path, "i", default=_number(address))
    elif address.default is None:
        # Nothing to show on a fader: buttons, for what other programs' buttons send to it.
        sent = {alias.fixed: alias.description for alias in table.aliases.values() if alias.target == path and alias.fixed}
        for args, description in sent.items():
            name = description if len(description) <= _MOST_LABEL else f"{label} {args[0]:g}"
            yield Control("button", name, path, first.type, args=args)
    else:
        kept = caption if caption in table.addresses else ""
        yield Control("fader", label, path, first.type, first.minimum, first.maximum, _number(address), caption=kept)


def _number(address: Address) -> float:
    return float(address.default) if isinstance(address.default, (int, float)) else 0.0

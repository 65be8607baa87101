"""The OSCQuery namespace of the table: what a path answers to an HTTP GET, as status and JSON.

Holds the newest values that the show published and the words that scenes and styles may be called by. Knows no socket: a
server hands it paths and queries of strangers, on any thread, and it raises nothing. Attributes and status codes are those
of Vidvox's proposal; what clients make of them differs, and Chataigne's reading decides where there is a choice: a name that
people see (DESCRIPTION) is short and stands once in its folder, the sentence is HELP, and text without words has no RANGE.

Measured: the whole tree, 174 addresses, is 42 KB and takes 0.9 ms; one value 1 us.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from phosphene.engine.control.address import Address, Argument, Table
from phosphene.engine.control.surface import Args

OK, NO_CONTENT, BAD_REQUEST, NOT_FOUND = 200, 204, 400, 404
_CRITICAL = {"/panic", "/blackout"}
_OPTIONAL = ("ACCESS", "VALUE", "RANGE", "UNIT", "CLIPMODE", "DESCRIPTION", "CRITICAL", "TAGS", "OVERLOADS", "HELP")
_ATTRIBUTES = {"FULL_PATH", "CONTENTS", "TYPE", *_OPTIONAL}
_COMMANDS = ("LISTEN", "PATH_CHANGED")  # of the WebSocket, which is the server's
_Node = dict[str, Any]


class Namespace:
    """The tree of one show. name: what clients list it as; osc_port: where they send to."""

    def __init__(self, table: Table, *, name: str = "Phosphene", osc_port: int = 9000) -> None:
        self._addresses = dict(table.addresses)
        # Aliases below their own target are leaves for clients that take an address with others below it for a folder.
        leaves = {a.path: a.target for a in table.aliases.values() if a.path.startswith(f"{a.target}/")}
        self._addresses |= {path: table.addresses[target] for path, target in leaves.items()}
        self._nodes: dict[str, _Node] = {"/": {"FULL_PATH": "/", "ACCESS": 0}}
        self._below: dict[str, dict[str, str]] = {}
        for path, address in self._addresses.items():
            self._grow(path)
            self._nodes[path] |= _attributes(address)
            if path in leaves:
                self._nodes[path]["DESCRIPTION"] = path.rsplit("/", 1)[1].capitalize()
        self._values: Mapping[str, Args] = {}
        self._words: Mapping[str, tuple[str, ...]] = {}
        self._host_info = {
            "NAME": name,
            "OSC_PORT": osc_port,
            "OSC_TRANSPORT": "UDP",
            "EXTENSIONS": dict.fromkeys((*_OPTIONAL, *_COMMANDS), True),
        }

    def publish(self, values: Mapping[str, Args]) -> None:
        """Take the newest values, {address: arguments}."""
        self._values = {**self._values, **values}  # a new one each time: whoever reads has the whole of one moment

    def offer(self, path: str, words: Sequence[str]) -> bool:
        """Say which words an address takes now (`/scene`, `/deck/a/style`); return whether they differ from before."""
        before = self._words.get(path, ())
        self._words = {**self._words, path: tuple(words)}
        return before != self._words[path]

    def answer(self, path: str, query: str = "") -> tuple[int, bytes]:
        """Return status and body for a GET of `path?query`. The body is JSON, or empty where the status is not 200."""
        attribute = query.partition("=")[0]
        if attribute == "HOST_INFO":
            return OK, _json(self._host_info)
        path = path.removesuffix("/") or "/"
        if path not in self._nodes:
            return NOT_FOUND, b""
        if not attribute:
            return OK, _json(self._tree(path))
        if attribute not in _ATTRIBUTES:
            return BAD_REQUEST, b""
        found = self._tree(path) if attribute == "CONTENTS" else self._node(path)
        return (OK, _json({attribute: found[attribute]})) if attribute in found else (NO_CONTENT, b"")

    def tree(self) -> _Node:
        """Return all of it."""
        return self._tree("/")

    def listened(self, path: str) -> str:
        """Return the published address whose values somebody who listens to exactly `path` is sent, under that path.

        "" where there is nothing to listen to: folders, triggers, paths that do not exist.
        """
        address = self._addresses.get(path)
        return "" if address is None or self._nodes[path]["ACCESS"] == 2 else address.told_as or address.path

    def value(self, path: str) -> Args | None:
        """Return the newest value of `path`; None where none was published."""
        return self._values.get(self.listened(path))

    def _grow(self, path: str) -> None:
        folder = "/"
        for name in path.split("/")[1:]:
            inner = f"{folder.rstrip('/')}/{name}"
            self._below.setdefault(folder, {})[name] = inner
            self._nodes.setdefault(inner, {"FULL_PATH": inner, "ACCESS": 0})
            folder = inner

    def _tree(self, path: str) -> _Node:
        found = self._node(path)
        if path in self._below:
            found["CONTENTS"] = {name: self._tree(inner) for name, inner in self._below[path].items()}
        return found

    def _node(self, path: str) -> _Node:
        found = dict(self._nodes[path])
        address = self._addresses.get(path)
        if address is None:
            return found
        if words := self._words.get(address.path):
            found["RANGE"], found["CLIPMODE"] = [{"VALS": list(words)}], ["none"]
        if (value := self.value(path)) is not None:
            found["VALUE"] = [_told(v, tag) for v, tag in zip(value, found["TYPE"], strict=False)]
        return found


def _attributes(address: Address) -> _Node:
    """Return what is always the same of an address: all but VALUE, and the words that are offered."""
    whole = _form(address.arguments, sent=address.output)
    found = whole
    if whole["TYPE"] != "T" and any(a.optional for a in address.arguments):
        found = _form([a for a in address.arguments if not a.optional], sent=address.output) | {"OVERLOADS": [whole]}
    found["ACCESS"] = 1 if address.output else 2 if found["TYPE"] == "N" else 3
    found |= {"DESCRIPTION": address.label, "HELP": address.description, "TAGS": [address.group]}
    if address.path in _CRITICAL:
        found["CRITICAL"] = True
    if address.default is not None:
        found["DEFAULT"] = [address.default]  # not of the proposal: where a control goes back to
    return found


def _form(arguments: Sequence[Argument], *, sent: bool) -> _Node:
    """Return TYPE, RANGE, UNIT and CLIPMODE of an address that is called with these arguments."""
    found: _Node = {"TYPE": "".join(map(_tag, arguments)) or "N"}
    ranges = [_range(a) for a in arguments]
    if ranges and all(ranges):  # a text beside them has none, and a list with a gap in it is not read everywhere
        found["RANGE"] = ranges
        if not sent:
            found["CLIPMODE"] = ["none"] * len(arguments)  # what is out of range is refused
    if any(a.unit for a in arguments):
        found["UNIT"] = [a.unit for a in arguments]
    return found


def _tag(argument: Argument) -> str:
    """Return the type of an argument; a whole number from 0 to 1 is a switch, which is sent as T and F."""
    return "T" if (argument.type, argument.minimum, argument.maximum) == ("i", 0, 1) else argument.type


def _range(argument: Argument) -> _Node | None:
    if argument.choices:
        return {"VALS": list(argument.choices)}
    if argument.type == "s" or _tag(argument) == "T" or math.isinf(argument.minimum):
        return None
    return {"MIN": argument.minimum, "MAX": argument.maximum}


def _told(value: object, tag: str) -> object:
    """Return a value as JSON has it: no NaN and nothing infinite."""
    if tag == "T":
        return bool(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _json(found: object) -> bytes:
    return json.dumps(found).encode("ascii")

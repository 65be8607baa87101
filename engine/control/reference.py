"""The table in two other forms: the reference page and the OSCQuery tree.

Made from the data for `vj osc` and the tests, so neither can be out of date. Pure text and dictionaries.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from phosphene.engine.control.address import Address, Alias, Table
from phosphene.engine.control.oscquery import Namespace

_DECK = re.compile(r"/[ab](?=/)")
_FADER = re.compile(r"(/fader)/\d+")
_FAMILY = re.compile(r"(/columns/|/link|/fader/)\d+")

_HEADER = """# OSC reference

Made by `vj osc --markdown`; do not edit.

Send to UDP port 9000. Only this machine is heard, unless `--osc-host` opens the port.

The state of the show comes back on port 9001, to every host that sent a message in the last minute: first everything, then
what changes. The sender of a UDP message can be forged. So another machine is sent at most three times as many bytes as came
from it, the most important values first; a controller that is being played has everything within seconds. A program that
wants everything at once sends the number from `/state/token` back: `/listen NUMBER`.

- A message with a wrong type, a value out of range or an unknown address is refused, counted, and named in
  `/state/control/error`. It disturbs neither the show nor the rest of its bundle.
- If several values for one address come within one frame, the last one counts. Presses are all kept.
- Where a whole number is expected, a float without a fraction or a boolean will do. Where a float is expected, a whole
  number will do.
- A trigger acts on no argument, on an impulse (`I`), or on anything but 0. It ignores the 0 of a button that is let go.
- Styles and scenes are named by their slug, never by a path.
- All messages of a bundle act in the same frame. A bundle with a time tag waits for its time, up to 10 s ahead; it acts at
  once where that has passed or lies further ahead. The clocks of both machines have to agree.
- Address patterns mean every address that fits, other programs' included: `?` one character, `*` any, `[a-c]` one of these,
  `[!a]` none of these, `{zoom,speed}` one of these words, `//` any number of parts. `/deck/*/zoom 1`, `//amount 0`. Each
  address takes or refuses the value by itself.
- `/master "?"` asks for a value: it comes back as `/master 0.5` to the port that asked, and once more on port 9001. A
  pattern asks for all that fit. Answers to other machines count as state does: three times what came from them.
- `/master "+" 0.1` moves a value from where it is; so do `"-"` and `"*"`, and what would leave the range ends at its bound.
  `/master "a" 0.5` is the same as `/master 0.5`.
"""
_ALIASES = """## Other programs' addresses

A controller that is set up for one of these programs works as it is.

| address | acts as | meaning |
|---|---|---|
"""


def markdown(table: Table) -> str:
    """Return `docs/osc.md`."""
    parts = [_HEADER]
    for group, found in groupby(_grouped(table), key=lambda a: a.group):
        parts.append(f"## {group}\n\n| address | types | range | default | does |\n|---|---|---|---|---|")
        parts[-1] = "\n".join([parts[-1], *(_row(path, address) for path, address in _folded(list(found)))]) + "\n"
    parts.append(_ALIASES + "\n".join(_alias_rows(list(table.aliases.values()))) + "\n")
    return "\n".join(parts)


def oscquery_tree(table: Table) -> dict[str, Any]:
    """Return the OSCQuery namespace of the table as its JSON, for reading: values are the defaults, and DESCRIPTION is the
    whole sentence, not the short label that clients are served.
    """
    namespace = Namespace(table)
    namespace.publish({a.told_as or a.path: (a.default,) for a in table.addresses.values() if a.default is not None})
    tree = namespace.tree()
    _spell_out(tree)
    return tree


def _spell_out(node: dict[str, Any]) -> None:
    if "HELP" in node:
        node["DESCRIPTION"] = node.pop("HELP")
    for inner in node.get("CONTENTS", {}).values():
        _spell_out(inner)


def _grouped(table: Table) -> list[Address]:
    order = list(dict.fromkeys(a.group for a in table.addresses.values()))
    return sorted(table.addresses.values(), key=lambda a: order.index(a.group))


def _folded(addresses: list[Address]) -> list[tuple[str, Address]]:
    """Write addresses that differ in their deck or number only as one row: `/deck/{a,b}/zoom`, `/fader/{1..8}`."""
    rows: dict[str, Address] = {}
    for a in addresses:
        rows.setdefault(_DECK.sub("/{a,b}", _FADER.sub(r"\1/{1..8}", a.path)), a)
    return list(rows.items())


def _row(path: str, address: Address) -> str:
    allowed = "; ".join(a.allowed for a in address.arguments) if not address.output else ""
    default = (
        ""
        if address.default is None
        else f"{address.default:g}"
        if not isinstance(address.default, str)
        else address.default
    )
    text = address.description.replace("|", "/")
    if path != address.path:
        text = text.replace("deck a", "a deck").replace("fader 1", "a fader").replace("Fader 1", "A fader")
    return f"| `{path}` | {address.types or 'press'} | {allowed} | {default} | {text} |"


def _alias_rows(aliases: list[Alias]) -> list[str]:
    """One row an alias; numbered families (columns, links) share one."""
    rows: dict[str, str] = {}
    for alias in aliases:
        sent = "".join(f" {v:g}" if not isinstance(v, str) else f" {v}" for v in alias.fixed or ())
        rows[alias.path] = f"| `{alias.path}` | `{alias.target}{sent}` | {alias.description} |"
    shown: dict[str, list[Alias]] = {}
    for alias in aliases:
        family = _FAMILY.sub(r"\1N", alias.path)
        shown.setdefault(family, []).append(alias)
    found = []
    for family, same in shown.items():
        if len(same) <= 2:
            found += [rows[a.path] for a in same]
            continue
        target = f"{same[0].target} N" if same[0].fixed else _FAMILY.sub(r"\1N", same[0].target)
        text = same[0].description.replace("1", "N")
        found.append(f"| `{family}`, N = 1 to {len(same)} | `{target}` | {text} |")
    return found

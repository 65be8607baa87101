"""Pages for other programs: every control of the table is on one, and the table takes what they send."""

from __future__ import annotations

import json
import math
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from phosphene.engine.control import open_stage_control, touchosc
from phosphene.engine.control.layout import Control, Page, pages
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.act_edits import EDITS

CATALOGUE = show_catalogue()
TABLE = build_table(CATALOGUE.effects, CATALOGUE.deck_params)
WORDS = {"/scene": ("lagoon", "ember & <ash>", "]]>"), "/deck/a/style": ("manta", "{moss}"), "/deck/b/style": ()}
SEVERAL = {
    f"/deck/{deck}/{word}" for deck in "ab" for word in ("map", "unmap", "map_acts", "set_act")
}  # arguments: no control has so many
NAMED = {
    *(f"/deck/{deck}/{word}" for deck in "ab" for word in ("act", *EDITS) if word not in ("set_act", "act_on")),
    "/scene/save",
    "/midi/learn",
    "/midi/forget",
    "/cue/number",
}  # what only a person can say
UNSHOWN = (
    SEVERAL
    | NAMED
    | {
        "/listen",
        "/state/token",
        "/audio/input",
        "/output/monitor",
        "/deck/b/style",
        *(f"/state/fader/{n}/label" for n in range(1, 9)),
    }
)


def made() -> list[Page]:
    return pages(TABLE, WORDS)


def controls() -> list[Control]:
    return [control for page in made() for group in page.groups for control in group.controls]


def taken(path: str, *args: object) -> None:
    assert TABLE.parse(path, args, source="osc 127.0.0.1") is not None, (path, args)


def test_every_address_is_on_a_page_once() -> None:
    kinds: dict[str, list[str]] = {}
    for control in controls():
        kinds.setdefault(control.path, []).append(control.kind)
    assert set(kinds) == set(TABLE.addresses) - UNSHOWN
    assert all(len(found) == 1 or set(found) == {"button"} for found in kinds.values())
    assert {path for path, (kind, *_) in kinds.items() if kind == "shown"} == set(kinds) - set(TABLE.inputs)


def test_the_pages_are_those_of_a_show() -> None:
    names = [page.name for page in made()]
    assert names[:6] == ["Mix", "Scenes", "Deck A", "Deck B", "Tempo", "Desk"]
    assert names[-1] == "State"
    mix = next(page for page in made() if page.name == "Mix")
    assert {"/crossfade", "/master", "/blackout", "/panic", "/fader/8"} <= {c.path for g in mix.groups for c in g.controls}
    deck = next(page for page in made() if page.name == "Deck B")
    assert all(c.path.startswith("/deck/b/") for g in deck.groups for c in g.controls)


def test_the_table_takes_what_they_send() -> None:
    for control in controls():
        if control.kind == "fader":
            taken(control.path, control.minimum)
            taken(control.path, control.maximum)
            assert control.minimum <= control.default <= control.maximum
        elif control.kind == "toggle":
            taken(control.path, 1)
            taken(control.path, 0)
        elif control.kind == "button":
            taken(control.path, *control.args)
        for word in control.words:
            if word in WORDS.get(control.path, ()) or "/" not in control.path[1:]:
                taken(control.path, word)


def test_buttons_for_what_has_no_value_send_what_other_programs_do() -> None:
    sent = {(c.label, c.path, *c.args) for c in controls() if c.kind == "button"}
    assert {("Nudge ahead", "/tempo/nudge", 1 / 32), ("Tempo by 2", "/tempo/multiply", 0.5)} <= sent
    assert ("Number 3", "/scene/number", 3) in sent
    assert ("Flash guard", "/guard", 1) in sent, "which no message switches off"


# Open Stage Control


def widgets(node: Any) -> Iterator[dict[str, Any]]:
    yield node
    for inner in (*node.get("tabs", ()), *node.get("widgets", ())):
        yield from widgets(inner)


def test_open_stage_control_reads_a_session() -> None:
    text = open_stage_control.session(made())
    assert text == open_stage_control.session(made())
    whole = json.loads(text)
    assert (whole["createdWith"], whole["version"], whole["type"]) == ("Open Stage Control", "1.29.0", "session")
    assert whole["content"]["type"] == "root"
    found = list(widgets(whole["content"]))
    ids = [widget["id"] for widget in found]
    assert len(set(ids)) == len(ids), "widgets of one id are copies of one another"
    assert {widget["type"] for widget in found} == {"root", "tab", "panel", "text", "fader", "button", "menu"}
    addresses = {widget["address"] for widget in found if "address" in widget}
    assert addresses == {c.path for c in controls()} | {f"/state/fader/{n}/label" for n in range(1, 9)}


def test_its_widgets_keep_to_the_table() -> None:
    for widget in widgets(json.loads(open_stage_control.session(made()))["content"]):
        if widget["type"] == "fader":
            argument = TABLE.inputs[widget["address"]].arguments[0]
            assert widget["range"] == {"min": argument.minimum, "max": argument.maximum}
            assert (widget["decimals"], widget["typeTags"]) == (0 if argument.type == "i" else 5, argument.type)
        elif widget["type"] == "button":
            taken(widget["address"], widget["on"])
            assert widget["mode"] in ("tap", "toggle")
        elif widget["type"] == "menu":
            assert widget["values"]
            assert widget["typeTags"] == "s"


# TouchOSC


@pytest.fixture
def document() -> Any:
    py2tosc = pytest.importorskip("py2tosc", reason="py2tosc is not installed")
    return py2tosc.loads(touchosc.layout(made()))


def sent_by(control: Any) -> Iterator[tuple[str, Any, bool]]:
    for message in control.messages:
        (path,), (argument,) = message.path, message.arguments
        yield path.value, argument, message.send


def test_touchosc_reads_the_file(document: Any) -> None:
    assert document.validate() == []
    assert touchosc.layout(made()) == touchosc.layout(made())
    assert zlib.decompress(touchosc.layout(made())).startswith(b"<?xml")
    ids = [control.id for control in document.walk()]
    assert len(set(ids)) == len(ids)


def test_its_messages_keep_to_the_table(document: Any) -> None:
    paths, received = set(), set()
    for control in document.walk():
        for path, argument, sends in sent_by(control):
            paths.add(path)
            if not sends:
                received.add(path)
            elif str(argument.type) == "CONSTANT":
                taken(path, argument.value if str(argument.conversion) == "STRING" else float(argument.value))
            else:
                taken(path, argument.scale_min)
                taken(path, argument.scale_max)
                start = argument.scale_min + control.value("x").default * (argument.scale_max - argument.scale_min)
                assert math.isclose(start, TABLE.inputs[path].default, abs_tol=1e-6), path
    assert paths == {c.path for c in controls()} | {f"/state/fader/{n}/label" for n in range(1, 9)}
    assert received == {path for path in paths if path.startswith("/state/")}


def test_its_controls_lie_within_their_groups(document: Any) -> None:
    for parent in document.walk():
        for control in parent:
            x, y, w, h = control.frame
            assert w >= 20, control.get("name")
            assert h >= 4, control.get("name")
            assert x >= 0
            assert y >= 0
            assert x + w <= parent.frame.w + 1
            assert y + h <= parent.frame.h + 1


def test_without_py2tosc_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py2tosc", None)
    with pytest.raises(UserError, match="need py2tosc") as caught:
        touchosc.layout(made())
    assert "install" in caught.value.remedy
    assert touchosc.PACKAGE in caught.value.remedy

"""What the keyboard does to the show: every key of the printed table reaches the bus as the message it stands for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from phosphene.engine.app.screen import key_changes
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.keys import BINDINGS
from phosphene.engine.control.table import build_table
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.output.base import KeyEvent


def pressed(*events: KeyEvent) -> tuple[list[str], bool]:
    """Return the addresses that these keys send, and whether one of them quits."""
    catalogue = show_catalogue()
    stage = SimpleNamespace(bus=ControlBus())
    display = SimpleNamespace(poll=lambda: list(events))
    quits = key_changes(display, build_table(catalogue.effects, catalogue.deck_params), stage)
    return [change.path for change in stage.bus.drain()], quits


@pytest.mark.parametrize("bound", [b for b in BINDINGS if b.key != "F11"], ids=lambda b: b.key)
def test_every_binding_is_heard(bound) -> None:
    *held, key = bound.key.lower().split("+") if len(bound.key) > 1 else [bound.key.lower()]
    paths, quits = pressed(KeyEvent(key, "press", frozenset(held)))
    assert quits == (bound.command == "quit")
    assert paths == ([bound.path] if bound.path else [])


def test_a_release_a_repeat_and_an_unknown_key_do_nothing() -> None:
    events = (KeyEvent("b", "release"), KeyEvent("b", "repeat"), KeyEvent("f5"), KeyEvent("r", "press", frozenset({"alt"})))
    assert pressed(*events) == ([], False)

"""The keyboard: every binding sends something the table understands, and no key stands twice."""

from __future__ import annotations

from phosphene.engine.control.keys import BINDINGS, binding, bindings_markdown, change, named
from phosphene.engine.control.table import build_table

TABLE = build_table({}, ())


def test_every_binding_is_understood() -> None:
    for bound in BINDINGS:
        sent = change(TABLE, bound, 1.0)
        assert (sent is None) == bool(bound.command), bound.key
        if sent:
            assert sent.source == f"key {bound.key}"


def test_keys_are_unique_and_escape_is_free() -> None:
    keys = [b.key for b in BINDINGS]
    assert len(set(keys)) == len(keys)
    assert binding("escape") is None


def test_modifiers_tell_bindings_apart_and_case_does_not_matter() -> None:
    assert binding(named("r", ctrl=True)).path == binding("Ctrl+R").path == "/record"
    assert binding(named("z", ctrl=True)).path == "/undo"
    assert binding(named("z")) is None
    assert binding(named("r")).path == binding("R").path == "/tempo/resync"
    assert binding(named("backspace")).path == "/panic"
    assert binding(named("r", alt=True)) is None


def test_the_printed_table_names_every_binding() -> None:
    text = bindings_markdown()
    for bound in BINDINGS:
        if bound.key not in "123456789":
            assert f"`{bound.key}`" in text

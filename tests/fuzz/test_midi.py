"""MIDI of strangers: any bytes are taken or counted; any mapping file is read or refused by a UserError."""

from __future__ import annotations

import contextlib
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.control.midi.device import Device
from phosphene.engine.control.midi.files import Found
from phosphene.engine.control.midi.mapping import check_mapping
from phosphene.engine.control.midi.messages import KINDS, Splitter
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.library.catalogue import show_catalogue
from tests.fuzz.mutations import CHANGES, TEXT_CHANGES, changed, plain, scribbled

CATALOGUE = show_catalogue()
TABLE = build_table(CATALOGUE.effects, CATALOGUE.deck_params)
GOOD = (PACKAGE / "midi/nanokontrol2.toml").read_bytes()
SHORT = {**tomllib.loads(GOOD.decode()), "control": tomllib.loads(GOOD.decode())["control"][38:46]}
_, CONTROLS, _ = check_mapping(PACKAGE / "midi/midimix.toml", TABLE)

BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from([0xB0, 0x90, 0x80, 0xE0, 0xC0, 0xF0, 0xF7, 0xF8, 0xF2, 0, 1, 16, 64, 127]), max_size=60
).map(bytes)


@settings(max_examples=300, deadline=None)
@given(st.lists(BYTES, max_size=8))
@example([b"\xf0" + b"\x01" * 5000])
@example([b"\xb0", b"\x10", b"\x7f\x11"])
def test_any_bytes_are_taken_or_counted(chunks: list[bytes]) -> None:
    splitter = Splitter()
    device = Device("Box", 1, Found({control.key: control for control in CONTROLS}))
    for i, chunk in enumerate(chunks):
        for message in splitter.feed(chunk):
            assert message.kind in (*KINDS, "clock")
            assert 0 <= message.value <= 16383
            for path, args in device.take(message, i * 0.01, {"/master": (0.5,)}):
                with contextlib.suppress(UserError):  # a flash guard that is to be turned off
                    TABLE.parse(path, args)
        device.due(i * 0.01, {})
    assert splitter.malformed <= sum(map(len, chunks))


def checked(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "box.toml"
        path.write_bytes(data)
        file, controls, faults = check_mapping(path, TABLE)
    assert file is not None or faults
    for fault in faults:
        assert len(fault.line()) < 4000
        assert fault.line().isprintable()
    for control in controls:
        for unit in (0.0, 0.5, 1.0):
            if control.takes_value and not control.button:
                TABLE.parse(control.address, (control.value(unit), *control.arguments))


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_a_mapping_with_anything_in_it_is_read_or_refused(changes: list[tuple[list[int], Any]]) -> None:
    data = plain(changed(SHORT, changes))
    with contextlib.suppress(TypeError, ValueError, AttributeError):  # what TOML cannot hold is no file
        checked(tomli_w.dumps(data).encode())


@settings(max_examples=150, deadline=None)
@given(TEXT_CHANGES)
def test_a_scribbled_mapping_is_read_or_refused(changes: list[tuple[int, bytes, int]]) -> None:
    checked(scribbled(tomli_w.dumps(SHORT).encode(), changes))

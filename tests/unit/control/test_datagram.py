"""What is in a datagram: bundles taken apart element by element, foreign types by name, and no zero for what is missing."""

from __future__ import annotations

import struct

import pytest

from phosphene.engine.control.datagram import Message, arguments, messages
from phosphene.engine.core.errors import UserError


def text(value: bytes) -> bytes:
    return value + b"\0" * (4 - len(value) % 4)


def message(address: bytes, tags: bytes = b"", payload: bytes = b"") -> bytes:
    return text(address) + text(b"," + tags) + payload


def bundle(*parts: bytes) -> bytes:
    return b"#bundle\0" + bytes(8) + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def number(value: float) -> bytes:
    return struct.pack(">f", value)


def read(datagram: bytes) -> tuple[list[tuple[str, list]], list[str]]:
    """Return what is taken, and what is said of the rest."""
    taken, said = [], []
    for part in messages(datagram):
        if isinstance(part, Message):
            taken.append((part.path, arguments(part)))
        else:
            said.append(part.error().line())
    return taken, said


def test_a_foreign_type_costs_its_own_element_only() -> None:
    colour = message(b"/pad/1/colour", b"r", b"\xff\0\x80\xff")
    faders = [message(b"/fader/%d" % n, b"f", number(n / 4)) for n in (1, 2, 3)]
    taken, said = read(bundle(faders[0], colour, *faders[1:]))
    assert taken == [("/fader/1", [0.25]), ("/fader/2", [0.5]), ("/fader/3", [0.75])]
    assert len(said) == 1
    assert "/pad/1/colour" in said[0]
    assert "a colour" in said[0]


@pytest.mark.parametrize(
    ("tags", "called"),
    [(b"r", "colour"), (b"m", "MIDI"), (b"t", "time tag"), (b"c", "character"), (b"S", "symbol"), (b"b", "blob"),
     (b"[ff]", "list"), (b"f]", "list"), (b"q", "OSC does not know"), (b",", "OSC does not know")],
)  # fmt: skip
def test_other_types_are_called_by_their_name_not_cut_off(tags: bytes, called: str) -> None:
    taken, said = read(message(b"/master", tags, bytes(16)))
    assert taken == []
    assert called in said[0]
    assert "cut off" not in said[0]


@pytest.mark.parametrize(
    ("tags", "payload", "values"),
    [
        (b"", b"", []),
        (b"I", b"", []),
        (b"TFN", b"", [True, False, None]),
        (b"ifhd", struct.pack(">ifqd", 7, 0.5, 2**40, 0.25), [7, 0.5, 2**40, 0.25]),
        (b"sis", text(b"abc") + bytes(4) + text("lagoon é".encode()), ["abc", 0, "lagoon é"]),
        (b"s", b"cut short\0", ["cut short"]),  # microcontrollers leave the last zeros out
    ],
)
def test_what_is_taken(tags: bytes, payload: bytes, values: list) -> None:
    assert read(message(b"/x", tags, payload)) == ([("/x", values)], [])


def test_an_impulse_is_a_press_without_a_value() -> None:
    assert read(message(b"/tempo/tap", b"I")) == ([("/tempo/tap", [])], [])


@pytest.mark.parametrize("text_", [b"caf\xe9", b"\xff\xfe", "übung".encode("utf-16")[:3] + b"\xe4", b"\xc0\xaf"])
def test_text_that_is_not_utf_8_is_called_so(text_: bytes) -> None:
    (part,) = messages(message(b"/scene", b"s", text(text_)))
    with pytest.raises(UserError, match="text that is not UTF-8"):
        arguments(part)


@pytest.mark.parametrize("tags", [b",f\0\0", b",i\0\0", b",d\0\0\0\0\0\0", b",ff\0\0\0\0\0", b",f", b",s\0\0"])
def test_a_missing_value_is_not_zero(tags: bytes) -> None:
    taken, said = read(b"/crossfade\0\0" + tags)
    assert taken == []
    assert "cut off" in said[0] or "no types" in said[0]


def test_a_text_without_its_end_is_cut_off() -> None:
    (part,) = messages(b"/scene\0\0,sf\0name\1\1\1\1")
    with pytest.raises(UserError, match="cut off"):
        arguments(part)


@pytest.mark.parametrize(
    "data",
    [b"/master\0\0\0\0\0,f\0\0" + bytes(4), b"/master1\0,f\0\0" + bytes(4), b"/master\0,f" + bytes(2),
     b"/master,f\0\0" + bytes(4), b"/master\0f\0\0\0" + bytes(4), b"master\0\0,f\0\0" + bytes(4),
     "/übung\0,f\0\0".encode() + bytes(4), b"/a b\0\0\0\0,\0\0\0"],
)  # fmt: skip
def test_odd_padding_and_odd_addresses_are_no_messages(data: bytes) -> None:
    taken, said = read(data)
    assert len(said) + len(taken) == 1
    assert not taken or taken[0][1] == [0.0]


def test_what_came_whole_before_the_cut_is_taken() -> None:
    whole = bundle(*(message(b"/fader/%d" % n, b"f", number(0.5)) for n in (1, 2, 3)))
    for end in range(17, len(whole)):
        taken, said = read(whole[:end])
        assert len(taken) == (end - 16) // 24, end
        assert bool(said) == ((end - 16) % 24 != 0), end
        assert all("cut off" in line for line in said)
    for end in range(8, 16):
        assert read(whole[:end])[0] == []
        assert "cut off" in read(whole[:end])[1][0]
    assert read(whole[:16]) == ([], []), "an empty bundle"


def test_sizes_that_osc_does_not_have_cost_their_own_element_only() -> None:
    good = message(b"/master", b"f", number(0.5))
    taken, said = read(bundle(good, b"", b"/odd!", good + b"\0", good))
    assert [path for path, _ in taken] == ["/master", "/master"]
    assert len(said) == 3
    taken, said = read(bundle(good) + (2**32 - 4).to_bytes(4, "big") + good)
    assert [path for path, _ in taken] == ["/master"]
    assert "cut off" in said[0]


def test_bundles_within_bundles_end_and_the_rest_is_taken() -> None:
    good = message(b"/master", b"f", number(0.5))
    deep = good
    for _ in range(2000):
        deep = bundle(deep)
    taken, said = read(bundle(good, bundle(bundle(good)), deep, good))
    assert len(taken) == 3
    assert "bundles within" in said[0]


def test_a_datagram_of_thousands_of_parts_is_looked_at_lazily() -> None:
    parts = messages(b"#bundle\0" + bytes(8) + bytes(65_000))
    assert sum(1 for _, _ in zip(range(1024), parts, strict=False)) == 1024

"""What a document of a stranger may be: a good one with one or more places changed, as data or as text."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30, 1e308, -1e308, 1e-320, float("inf"), float("nan")]),
)
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            ".",
            "..",
            "../../x",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "C:x",
            "\0",
            "\n",
            "x" * 5000,
            "\ufeff",
            "\udcff",
            "é",
            "²x²",
        ]
    ),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PLACES = st.lists(st.integers(0, 60), min_size=1, max_size=6)
CHANGES = st.lists(st.tuples(PLACES, ANYTHING), min_size=1, max_size=3)


def changed(data: Any, changes: list[tuple[list[int], Any]]) -> Any:
    """Return a copy of nested tables with some places replaced; a place of a table may also get a new key."""
    for place, value in changes:
        data = _changed(data, place, value)
    return data


def _changed(data: Any, place: list[int], value: Any) -> Any:
    if not place or not isinstance(data, (dict, list)) or not data:
        return value
    keys: list[Any] = list(data) if isinstance(data, dict) else list(range(len(data)))
    at = place[0] % (len(keys) + 1)
    copy: Any = dict(data) if isinstance(data, dict) else list(data)
    if at == len(keys):  # one more
        if isinstance(copy, dict):
            copy["wobble"] = value
        else:
            copy.append(value)
    else:
        copy[keys[at]] = _changed(data[keys[at]], place[1:], value)
    return copy


def plain(value: Any) -> Any:
    """Return what TOML and text files can hold of a value: no None, no lone surrogates."""
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [plain(v) for v in value if v is not None]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


TEXT_CHANGES = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from(
                [b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\r\n", b"[" * 3000, b"{" * 3000, b"9" * 5000, b"a." * 3000, b'"""',
                 b"'''", b"\0", b"inf", b"nan", b"1e999", b"0x", b"1979-99-99", b"#", b"\xe9", b"=", b"[[", b"]]"]
            ),
        ),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=3,
)  # fmt: skip
"""Where, what is put there, and how many bytes it takes the place of."""


def scribbled(text: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    """Return a file's bytes with some of them replaced."""
    for at, put, gone in changes:
        at %= len(text) + 1
        text = text[:at] + put + text[at + gone :]
    return text

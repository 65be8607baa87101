"""The control table: what is understood, what is refused and why, aliases; and only UserError ever comes out."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.control.reference import markdown, oscquery_tree
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.show.catalogue import LEVEL

EFFECTS = {
    "bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("threshold", "Threshold", 0.1, 0.9, 0.5)),
    "warp": (Param("amount", "Amount", 0.0, 1.0, 0.0),),
}
DECK = (Param("zoom", "Zoom", 0.1, 8.0, 1.0), LEVEL)
TABLE = build_table(EFFECTS, DECK)


def parsed(path: str, *args: object) -> tuple[str, tuple]:
    change = TABLE.parse(path, args)
    assert change is not None
    return change.path, change.args


def test_values_arrive_typed() -> None:
    assert parsed("/deck/a/zoom", 2) == ("/deck/a/zoom", (2.0,))
    assert parsed("/deck/b/fx/bloom/threshold", 0.25) == ("/deck/b/fx/bloom/threshold", (0.25,))
    assert parsed("/deck/a/style", "lagoon") == ("/deck/a/style", ("lagoon",))
    assert parsed("/scene/number", 3.0) == ("/scene/number", (3,))
    assert parsed("/master", True) == ("/master", (1.0,))
    assert parsed("/blackout", False) == ("/blackout", (0,))
    assert parsed("/crossfade/to", "b") == ("/crossfade/to", ("b",))
    assert parsed("/crossfade/to", "b", 8) == ("/crossfade/to", ("b", 8.0))


def test_a_bound_survives_float32() -> None:
    for bound in (0.1, 0.9):
        (on_the_wire,) = struct.unpack(">f", struct.pack(">f", bound))
        _, (value,) = parsed("/deck/a/fx/bloom/threshold", on_the_wire)
        assert 0.1 <= value <= 0.9


@pytest.mark.parametrize(
    ("path", "args", "what"),
    [
        ("/nope", (), "unknown address"),
        ("/deck/c/zoom", (1.0,), "unknown address"),
        ("/state/fps", (60.0,), "unknown address"),
        ("/deck/a/zoom", (), "wrong number of arguments"),
        ("/deck/a/zoom", (1.0, 2.0), "wrong number of arguments"),
        ("/deck/a/zoom", ("big",), "not a number"),
        ("/deck/a/zoom", (math.nan,), "out of range"),
        ("/deck/a/zoom", (math.inf,), "out of range"),
        ("/deck/a/zoom", (10**400,), "out of range"),
        ("/deck/a/zoom", (8.1,), "out of range"),
        ("/blackout", (2,), "out of range"),
        ("/blackout", (0.5,), "not a whole number"),
        ("/scene/number", (0,), "out of range"),
        ("/scene", (7,), "not a text"),
        ("/scene", ("",), "not a usable text"),
        ("/scene", ("x" * 201,), "not a usable text"),
        ("/scene", ("a\nb",), "not a usable text"),
        ("/crossfade/to", ("c",), "unknown word"),
        ("/crossfade/kind", ("star-wipe",), "unknown word"),
        ("/tempo/tap", ("now",), "a trigger takes no argument"),
        ("/tempo/tap", (math.nan,), "a trigger takes no argument"),
        ("/composition/tempocontroller/tempo", (1.5,), "out of range"),
        ("/deck/*/zoom", (1.0,), "address patterns are not understood"),
        ("/deck/{a,b}/zoom", (1.0,), "address patterns are not understood"),
        ("/deck/a/style", ("/home/me/style",), "a path"),
        ("/deck/a/style", ("../styles/manta",), "a path"),
        ("/deck/b/style", ("..",), "a path"),
        ("/deck/b/style", ("C:style",), "a path"),
        ("/scene", ("here\\tide",), "a path"),
        ("/scene", ("./tide.toml",), "a path"),
    ],
)
def test_refusals_say_what_is_wrong(path: str, args: tuple, what: str) -> None:
    with pytest.raises(UserError, match=what) as caught:
        TABLE.parse(path, args)
    assert path in caught.value.where


def test_triggers_act_on_the_press_only() -> None:
    for args in ((), (1,), (1.0,), (True,), (None,), (-1,)):
        assert TABLE.parse("/tempo/tap", args) is not None, args
    for args in ((0,), (0.0,), (False,)):
        assert TABLE.parse("/tempo/tap", args) is None, args


@pytest.mark.parametrize(
    ("path", "args", "becomes"),
    [
        ("/composition/crossfader/phase", (0.25,), ("/crossfade", (0.25,))),
        ("/composition/layers/2/video/opacity", (0.5,), ("/deck/b/level", (0.5,))),
        ("/composition/tempocontroller/tempo", (0.25,), ("/tempo/bpm", (140.0,))),
        ("/composition/tempocontroller/tempotap", (1,), ("/tempo/tap", ())),
        ("/composition/tempocontroller/tempopull", (1.0,), ("/tempo/nudge", (-1 / 32,))),
        ("/composition/tempocontroller/tempo/divide", (), ("/tempo/multiply", (0.5,))),
        ("/composition/columns/3/connect", (1,), ("/scene/number", (3,))),
        ("/composition/dashboard/link8", (0.5,), ("/fader/8", (0.5,))),
        ("/composition/disconnectall", (1,), ("/blackout", (1,))),
        ("/composition/master", (0.5,), ("/master", (0.5,))),
        ("/go", (), ("/cue/go", ())),
    ],
)
def test_aliases(path: str, args: tuple, becomes: tuple) -> None:
    assert parsed(path, *args) == becomes


def test_releases_of_alias_buttons_do_nothing() -> None:
    for alias in TABLE.aliases.values():
        if alias.fixed is not None:
            assert TABLE.parse(alias.path, (0,)) is None, alias.path


def test_every_press_is_marked_to_be_kept() -> None:
    for path in ("/tempo/tap", "/panic", "/cue/go", "/blackout", "/scene/next", "/tempo/nudge", "/tempo/multiply"):
        assert TABLE.inputs[path].every, path
    for path in ("/crossfade", "/deck/a/zoom", "/fader/1", "/master"):
        assert not TABLE.inputs[path].every, path


@settings(max_examples=300, deadline=None)
@given(
    path=st.one_of(st.sampled_from([*TABLE.addresses, *TABLE.aliases]), st.text()),
    args=st.lists(
        st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.binary(), st.lists(st.integers())),
        max_size=4,
    ),
)
def test_no_arguments_raise_anything_but_a_user_error(path: str, args: list) -> None:
    try:
        change = TABLE.parse(path, args)
    except UserError:
        return
    if change is not None:
        address = TABLE.inputs[change.path]
        for argument, value in zip(address.arguments, change.args, strict=False):
            assert {"f": float, "i": int, "s": str}[argument.type] is type(value)
            if argument.type != "s":
                assert argument.minimum <= value <= argument.maximum


def test_reference_names_every_address() -> None:
    text = markdown(TABLE)
    for path in (
        "/deck/{a,b}/fx/bloom/amount",
        "/fader/{1..8}",
        "/state/fader/{1..8}/label",
        "/composition/columns/N/connect",
    ):
        assert f"`{path}`" in text
    for address in TABLE.addresses.values():
        assert address.description, address.path
        if not any(part in ("a", "b") or part.isdigit() for part in address.path.split("/")):
            assert f"`{address.path}`" in text


def test_oscquery_tree_holds_every_address() -> None:
    tree = oscquery_tree(TABLE)
    for path, address in TABLE.addresses.items():
        node = tree
        for part in path.split("/")[1:]:
            node = node["CONTENTS"][part]
        assert node["FULL_PATH"] == path
        assert node["DESCRIPTION"] == address.description
    zoom = tree["CONTENTS"]["deck"]["CONTENTS"]["a"]["CONTENTS"]["zoom"]
    assert (zoom["TYPE"], zoom["ACCESS"], zoom["RANGE"]) == ("f", 3, [{"MIN": 0.1, "MAX": 8.0}])

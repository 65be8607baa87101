"""The OSCQuery namespace: attributes, queries and status codes of the proposal, in a tree that Chataigne can use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from phosphene.engine.control.address import MAX_LABEL
from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.control.table import build_table
from phosphene.engine.library.catalogue import show_catalogue

CATALOGUE = show_catalogue()
TABLE = build_table(CATALOGUE.effects, CATALOGUE.deck_params)


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(TABLE, name="Phosphene (desk)", osc_port=9000)


def got(namespace: Namespace, path: str, query: str = "") -> Any:
    status, body = namespace.answer(path, query)
    return json.loads(body) if status == 200 else status


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("CONTENTS", {}).values():
        yield from nodes(inner)


def test_the_tree_holds_every_address_at_its_path(namespace: Namespace) -> None:
    tree = got(namespace, "/")
    assert tree["FULL_PATH"] == "/"
    found = {node["FULL_PATH"]: node for node in nodes(tree)}
    assert set(TABLE.addresses) <= set(found)
    for path, node in found.items():
        assert node == got(namespace, path) == got(namespace, path.rstrip("/") + "/"), path
        assert {inner["FULL_PATH"] for inner in node.get("CONTENTS", {}).values()} == {
            f"{path.rstrip('/')}/{name}" for name in node.get("CONTENTS", {})
        }


def test_a_folder_is_no_more_than_that(namespace: Namespace) -> None:
    assert set(got(namespace, "/deck/a/fx")) == {"FULL_PATH", "ACCESS", "CONTENTS"}
    assert got(namespace, "/deck/a/fx", "ACCESS") == {"ACCESS": 0}
    assert "CONTENTS" not in got(namespace, "/master")


def test_a_value(namespace: Namespace) -> None:
    namespace.publish({"/tempo/bpm": (1.0,), "/state/tempo/bpm": (128.0,)})
    assert got(namespace, "/tempo/bpm") == {
        "FULL_PATH": "/tempo/bpm",
        "TYPE": "f",
        "ACCESS": 3,
        "VALUE": [128.0],
        "DEFAULT": [120.0],
        "RANGE": [{"MIN": 20.0, "MAX": 500.0}],
        "UNIT": ["bpm"],
        "CLIPMODE": ["none"],
        "DESCRIPTION": "BPM",
        "HELP": TABLE.addresses["/tempo/bpm"].description,
        "TAGS": ["Tempo"],
    }


def test_kinds_of_address(namespace: Namespace) -> None:
    namespace.publish({"/blackout": (1,), "/state/recorder/on": (0,), "/state/frame/p99": (float("nan"),)})
    blackout, panic, fade = (got(namespace, path) for path in ("/blackout", "/panic", "/crossfade/to"))
    assert (blackout["TYPE"], blackout["VALUE"], blackout["CRITICAL"]) == ("T", [True], True)
    assert "RANGE" not in blackout
    assert "OVERLOADS" not in blackout
    assert (panic["TYPE"], panic["ACCESS"], panic["CRITICAL"]) == ("N", 2, True)
    assert (fade["TYPE"], fade["RANGE"]) == ("s", [{"VALS": ["a", "b"]}])
    (long,) = fade["OVERLOADS"]
    assert (long["TYPE"], long["RANGE"]) == ("sf", [{"VALS": ["a", "b"]}, {"MIN": 0.0, "MAX": 256.0}])
    assert long["UNIT"] == ["", "beats"]
    assert got(namespace, "/record", "VALUE") == {"VALUE": [False]}
    assert got(namespace, "/state/fps")["ACCESS"] == 1
    assert "CLIPMODE" not in got(namespace, "/state/fps")
    assert got(namespace, "/state/frame/p99", "VALUE") == {"VALUE": [None]}, "JSON has no NaN"
    assert (got(namespace, "/listen")["TYPE"], got(namespace, "/listen")["ACCESS"]) == ("N", 2)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/master", "RANGE", 200),
        ("/master", "HELP", 200),
        ("/master", "FULL_PATH", 200),
        ("/deck", "CONTENTS", 200),
        ("/", "", 200),
        ("", "", 200),
        ("/nobody", "HOST_INFO", 200),
        ("/panic", "VALUE", 204),
        ("/master", "VALUE", 204),
        ("/master", "CONTENTS", 204),
        ("/deck", "VALUE", 204),
        ("/deck", "TYPE", 204),
        ("/audio/input", "RANGE", 204),
        ("/master", "CRITICAL", 204),
        ("/master", "NOBODY", 400),
        ("/master", "value", 400),
        ("/master", "VALUE&RANGE", 400),
        ("/nobody", "", 404),
        ("/nobody", "VALUE", 404),
        ("/deck/*/zoom", "", 404),
        ("master", "", 404),
        ("/go", "", 404),
    ],
)
def test_status(namespace: Namespace, path: str, query: str, status: int) -> None:
    found, body = namespace.answer(path, query)
    assert found == status
    assert bool(body) == (status == 200)
    if query and query != "HOST_INFO" and status == 200:
        assert list(json.loads(body)) == [query]


def test_host_info(namespace: Namespace) -> None:
    info = got(namespace, "/deck/a", "HOST_INFO")
    assert (info["NAME"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == ("Phosphene (desk)", 9000, "UDP")
    assert set(info["EXTENSIONS"].values()) == {True}
    assert {"LISTEN", "PATH_CHANGED", "RANGE", "VALUE"} <= set(info["EXTENSIONS"])
    assert not {"OSC_IP", "WS_IP", "WS_PORT"} & set(info), "the same host, the same port"


def test_names_are_short_and_stand_once_in_their_folder(namespace: Namespace) -> None:
    for node in nodes(namespace.tree()):
        labels = [inner["DESCRIPTION"] for inner in node.get("CONTENTS", {}).values() if "DESCRIPTION" in inner]
        assert len({label.casefold() for label in labels}) == len(labels), (node["FULL_PATH"], labels)
        assert all(0 < len(label) <= MAX_LABEL for label in labels), labels


def test_what_is_a_folder_to_chataigne_has_a_leaf(namespace: Namespace) -> None:
    """Its rule: a node with CONTENTS is a group, whatever else it has."""
    for node in nodes(namespace.tree()):
        if "CONTENTS" in node and node["ACCESS"] != 0:
            leaves = [a.path for a in TABLE.aliases.values() if a.target == node["FULL_PATH"]]
            inner = [leaf for leaf in leaves if leaf.rsplit("/", 1)[-1] in node["CONTENTS"]]
            assert inner, f"{node['FULL_PATH']} cannot be reached by Chataigne: give it a leaf alias"
    namespace.publish({"/crossfade": (0.25,), "/state/scene": ("lagoon",)})
    assert got(namespace, "/crossfade/position", "VALUE") == {"VALUE": [0.25]}
    assert got(namespace, "/scene/slug", "VALUE") == {"VALUE": ["lagoon"]}
    assert TABLE.parse("/crossfade/position", (0.5,)).path == "/crossfade"
    assert TABLE.parse("/scene/slug", ("lagoon",)).path == "/scene"


def test_text_has_words_or_no_range(namespace: Namespace) -> None:
    assert "RANGE" not in got(namespace, "/scene")
    assert namespace.offer("/scene", ["lagoon", "ember"])
    assert not namespace.offer("/scene", ("lagoon", "ember"))
    for path in ("/scene", "/scene/slug"):
        assert got(namespace, path, "RANGE") == {"RANGE": [{"VALS": ["lagoon", "ember"]}]}
    assert namespace.offer("/scene", ["lagoon"])
    assert got(namespace, "/scene", "RANGE") == {"RANGE": [{"VALS": ["lagoon"]}]}
    assert namespace.offer("/scene", [])
    assert namespace.answer("/scene", "RANGE")[0] == 204
    for node in nodes(namespace.tree()):
        for found in (node, *node.get("OVERLOADS", ())):
            assert all(found.get("RANGE", [True])), node["FULL_PATH"]
            for name in ("RANGE", "UNIT", "CLIPMODE"):
                assert len(found.get(name, found.get("TYPE", ""))) == len(found.get("TYPE", "")), (node["FULL_PATH"], name)


def test_who_listens_is_sent_what_is_published(namespace: Namespace) -> None:
    assert namespace.listened("/crossfade") == namespace.listened("/crossfade/position") == "/crossfade"
    assert namespace.listened("/scene") == namespace.listened("/scene/slug") == "/state/scene"
    assert namespace.listened("/deck/b/style") == "/state/deck/b/style"
    assert namespace.listened("/state/fps") == "/state/fps"
    for path in ("/panic", "/deck", "/", "/nobody", "/crossfade/*", "/listen", "/go"):
        assert namespace.listened(path) == "", path
    assert namespace.value("/master") is None
    namespace.publish({"/master": (0.5,)})
    namespace.publish({"/crossfade": (0.25,)})
    assert (namespace.value("/master"), namespace.value("/crossfade/position")) == ((0.5,), (0.25,))
    for address in TABLE.addresses.values():
        assert not address.told_as or TABLE.addresses[address.told_as].output, address.path

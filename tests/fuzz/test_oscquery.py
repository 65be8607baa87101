"""OSCQuery of strangers: any path and any query is answered with a status, and JSON where there is a body."""

from __future__ import annotations

import json
import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.control.table import build_table
from phosphene.engine.library.catalogue import show_catalogue
from tests.fuzz.mutations import TEXTS

CATALOGUE = show_catalogue()
TABLE = build_table(CATALOGUE.effects, CATALOGUE.deck_params)
PATHS = st.sampled_from([*TABLE.addresses, *TABLE.aliases, "/", "", "/deck", "/deck/a/fx"]) | TEXTS
QUERIES = st.sampled_from(["", "VALUE", "RANGE", "CONTENTS", "TYPE", "HOST_INFO", "FULL_PATH", "HELP", "OVERLOADS"]) | TEXTS
VALUES = st.dictionaries(
    st.sampled_from(list(TABLE.addresses)),
    st.lists(st.floats() | st.integers() | TEXTS, max_size=3).map(tuple),
    max_size=5,
)


def strict(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


@settings(max_examples=300, deadline=None)
@given(PATHS, PATHS | st.just(""), QUERIES, VALUES, st.lists(TEXTS, max_size=3))
@example("/master", "", "VALUE", {"/master": (math.nan,)}, [])
@example("/master", "", "VALUE", {"/master": ()}, [])
@example("/scene", "", "VALUE", {"/state/scene": ("\udcff",)}, ["\udcff"])
def test_any_query_is_answered(path: str, more: str, query: str, values: dict, words: list[str]) -> None:
    namespace = Namespace(TABLE)
    namespace.publish(values)
    namespace.offer("/scene", words)
    for asked in (path, path + more):
        status, body = namespace.answer(asked, query)
        assert status in (200, 204, 400, 404)
        assert bool(body) == (status == 200)
        if body:
            assert isinstance(json.loads(body, parse_constant=strict), dict)
        assert namespace.listened(asked) in {"", *TABLE.addresses}
        namespace.value(asked)

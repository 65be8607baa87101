"""Address patterns: what each wildcard means, what is no pattern, and that none costs more than its length."""

from __future__ import annotations

import pytest

from phosphene.engine.control.pattern import MOST_HITS, Patterns, is_pattern
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.catalogue import show_catalogue

PATHS = [
    "/master",
    "/crossfade",
    "/crossfade/to",
    "/deck/a/zoom",
    "/deck/b/zoom",
    "/deck/a/fx/bloom/amount",
    "/deck/b/fx/bloom/amount",
    "/deck/a/fx/warp/amount",
    *(f"/fader/{n}" for n in range(1, 13)),
]


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        ("/deck/*/zoom", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("/deck/?/zoom", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("/deck/[ab]/zoom", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("/deck/[!a]/zoom", ["/deck/b/zoom"]),
        ("/deck/{a,b,c}/zoom", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("/{master,crossfade}", ["/master", "/crossfade"]),
        ("/fader/[2-4]", ["/fader/2", "/fader/3", "/fader/4"]),
        ("/fader/[4-2]", ["/fader/2", "/fader/3", "/fader/4"]),
        ("/fader/[!1-8]", ["/fader/9"]),
        ("/fader/[1-]", ["/fader/1"]),
        ("/fader/1?", ["/fader/10", "/fader/11", "/fader/12"]),
        ("/fader/1*", ["/fader/1", "/fader/10", "/fader/11", "/fader/12"]),
        ("/fader/{1,12}", ["/fader/1", "/fader/12"]),
        ("/fader/{1,12}2", ["/fader/12"]),
        ("/fader/{,1}2", ["/fader/2", "/fader/12"]),
        ("/*", ["/master", "/crossfade"]),
        ("/cross*/*", ["/crossfade/to"]),
        ("/c*s*e", ["/crossfade"]),
        ("/c*x*e", []),
        ("/**?**r", ["/master"]),
        ("//amount", ["/deck/a/fx/bloom/amount", "/deck/b/fx/bloom/amount", "/deck/a/fx/warp/amount"]),
        ("/deck//bloom/*", ["/deck/a/fx/bloom/amount", "/deck/b/fx/bloom/amount"]),
        ("/deck/b//", ["/deck/b/zoom", "/deck/b/fx/bloom/amount"]),
        ("//zoom//", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("/deck//zoom", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("/deck///zoom", ["/deck/a/zoom", "/deck/b/zoom"]),
        ("//", PATHS),
        ("/deck/*", []),
        ("/deck/*/zoom/", []),
        ("/deck/[]/zoom", []),
        ("/deck/{}/zoom", []),
        ("/Deck/*/zoom", []),
        ("/mast[e-e]r", ["/master"]),
    ],
)
def test_hits(pattern: str, hits: list[str]) -> None:
    assert is_pattern(pattern)
    assert list(Patterns(PATHS).hits(pattern)) == hits


@pytest.mark.parametrize("path", ["/master", "/deck/a/zoom", "/a-b,c!d", "/"])
def test_what_is_no_pattern(path: str) -> None:
    assert not is_pattern(path)


@pytest.mark.parametrize(
    "pattern", ["/deck/[ab/zoom", "/deck/{a,b/zoom", "/deck/a]/zoom", "/deck/a}", "/{a,{b,c}}", "/[a[b]]", "/{a/b}", "/{a*}"]
)
def test_brackets_that_are_no_pairs_are_refused(pattern: str) -> None:
    with pytest.raises(UserError, match="a bracket") as caught:
        Patterns(PATHS).hits(pattern)
    assert pattern in caught.value.where


def test_wildcards_without_end_are_refused() -> None:
    with pytest.raises(UserError, match="too many wildcards"):
        Patterns(PATHS).hits("/" + "*a" * 90)


def test_hits_and_what_is_kept_are_bounded() -> None:
    patterns = Patterns(f"/x/{n}" for n in range(1000))
    assert len(patterns.hits("/x/*")) == MOST_HITS
    for n in range(1000):
        patterns.hits(f"/x/{n}*")
    assert patterns.missed == 1001
    patterns.hits("/x/999*")
    assert patterns.missed == 1001
    patterns.hits("/x/*")
    assert patterns.missed == 1002, "the oldest is forgotten"


def test_every_address_of_the_table_fits_into_one_pattern() -> None:
    catalogue = show_catalogue()
    table = build_table(catalogue.effects, catalogue.deck_params)
    paths = [*table.inputs, *table.aliases]
    assert set(Patterns(paths).hits("//")) == set(paths)

"""Address patterns of strangers: matched as a regular expression of their own would, or refused by a UserError."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.control.pattern import MOST_HITS, Patterns
from phosphene.engine.core.errors import UserError

PLAIN = st.text(alphabet="abc", max_size=3)
PATHS = ["/a", "/b", "/abc", "/a/b", "/a/bc", "/a/b/c", "/c/ab/abc"]
# What is written, and what it is as a regular expression.
PIECES = st.one_of(
    PLAIN.map(lambda text: (text, text)),
    st.just(("*", "[^/]*")),
    st.just(("?", "[^/]")),
    st.lists(PLAIN, min_size=1, max_size=3).map(lambda words: ("{" + ",".join(words) + "}", "(?:" + "|".join(words) + ")")),
    st.sampled_from([("[a-b]", "[a-b]"), ("[!a]", "[^a/]"), ("[c-b]", "[b-c]"), ("[!a-b]", "[^a-b/]"), ("[a-]", "[a-]")]),
)
PARTS = st.lists(PIECES, min_size=1, max_size=4).map(lambda pieces: tuple(map("".join, zip(*pieces, strict=True))))
GOOD = st.lists(st.tuples(st.booleans(), PARTS), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None)
@given(GOOD)
def test_a_pattern_means_what_it_says(parts: list[tuple[bool, tuple[str, str]]]) -> None:
    parts = [(deep, part) for deep, part in parts if part[0]]
    pattern = "".join(("//" if deep else "/") + written for deep, (written, _) in parts)
    expression = re.compile("".join(("(?:/[^/]+)*/" if deep else "/") + meant for deep, (_, meant) in parts))
    assert list(Patterns(PATHS).hits(pattern)) == [path for path in PATHS if expression.fullmatch(path)], pattern


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="/*?[]{},!-ab", max_size=200).map(lambda text: "/" + text) | st.text(max_size=40))
@example("/" + "*" * 200)
@example("/" + "{,}" * 66)
@example("//" * 100)
@example("/[")
@example("/[!]")
@example("/[-]")
def test_any_text_is_matched_or_refused(text: str) -> None:
    try:
        hits = Patterns(PATHS).hits(text)
    except UserError as error:
        hits, said = (), error.line()
    else:
        said = ""
    assert len(said) < 1000
    assert len(hits) <= MOST_HITS
    assert set(hits) <= set(PATHS)

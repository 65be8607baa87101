"""Address patterns of OSC: which addresses a path with `?`, `*`, `[a-c]`, `[!a]`, `{a,b}` or `//` means.

Part by part, as OSC 1.0 has it, with `//` of 1.1 for any number of parts. A pattern comes from the network, so it is no
regular expression, in which repeated stars cost exponentially: the places in a name that a pattern has reached are kept as a
set and moved on sign by sign. Each part of a pattern looks at each name of the table once.

Measured, for a pattern that was not seen before: 0.3 ms as people write them, 8 ms for the worst that was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from phosphene.engine.core.errors import UserError

MOST_HITS = 512  # addresses that one message may reach; the table has some 300 without shaders of one's own
_CACHED = 256  # patterns whose addresses are kept: a controller has some, a flood of others only pushes them out
_MOST_SIGNS = 32  # wildcards in one pattern: bounds what the worst costs
_SIGNS = frozenset("?*[]{}")
_Step = Callable[[str, set[int]], set[int]]


def is_pattern(path: str) -> bool:
    """Whether `path` has to be matched; all other paths mean exactly themselves."""
    return not _SIGNS.isdisjoint(path) or "//" in path


class Patterns:
    """Matches patterns against a fixed list of addresses. For one thread."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = [(path, path.split("/")[1:]) for path in paths]
        self._cached = lru_cache(_CACHED)(self._match)

    def hits(self, pattern: str) -> tuple[str, ...]:
        """Return the addresses that a pattern means, in the order of the list, `MOST_HITS` at most. Raises UserError."""
        return self._cached(pattern)

    @property
    def missed(self) -> int:
        """Patterns that had to be matched because they were not kept."""
        return self._cached.cache_info().misses

    def _match(self, pattern: str) -> tuple[str, ...]:
        if sum(pattern.count(sign) for sign in "?*[{") > _MOST_SIGNS:
            raise UserError("a pattern of too many wildcards", where=pattern[:80], allowed=f"{_MOST_SIGNS}")
        parts = [_part(part, pattern) if part else None for part in pattern.split("/")[1:]]
        if pattern.endswith("/"):  # `/deck//` has an empty part too many, and `/deck/` means nothing
            parts.pop()
            if parts and parts[-1] is not None:
                return ()
        found = [path for path, names in self._paths if _reaches(parts, names)]
        return tuple(found[:MOST_HITS])


def _reaches(parts: list[_Part | None], names: list[str]) -> bool:
    """Whether a pattern's parts go to the end of an address. None stands for any number of parts, none as well."""
    places = {0}
    for part in parts:
        if part is None:
            places = set(range(min(places), len(names) + 1))
        else:
            places = {at + 1 for at in places if at < len(names) and part.matches(names[at])}
        if not places:
            return False
    return len(names) in places


class _Part:
    """One part of a pattern; remembers the names that it was asked about."""

    def __init__(self, steps: list[_Step]) -> None:
        self._steps = steps
        self._known: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        if (known := self._known.get(name)) is None:
            places = {0}
            for step in self._steps:
                places = step(name, places)
                if not places:
                    break
            known = self._known[name] = len(name) in places
        return known


def _part(text: str, pattern: str) -> _Part:
    """Return a part that was written as `text`. Raises UserError where a bracket has no other."""
    steps: list[_Step] = []
    at = 0
    while at < len(text):
        sign, at = text[at], at + 1
        if sign == "*":
            if not steps or steps[-1] is not _any_text:
                steps.append(_any_text)
        elif sign == "?":
            steps.append(_any_sign)
        elif sign in "[{":
            end = text.find("]" if sign == "[" else "}", at)
            inner = text[at:end]
            if end < 0 or not _SIGNS.isdisjoint(inner):
                raise UserError("a pattern with a bracket that does not close", where=pattern[:80], got=text[:40])
            steps.append(_one_of(inner) if sign == "[" else _words(inner.split(",")))
            at = end + 1
        elif sign in "]}":
            raise UserError("a pattern with a bracket that does not open", where=pattern[:80], got=text[:40])
        else:
            end = next((i for i in range(at, len(text)) if text[i] in _SIGNS), len(text))
            steps.append(_words([text[at - 1 : end]]))
            at = end
    return _Part(steps)


def _any_text(name: str, places: set[int]) -> set[int]:
    return set(range(min(places), len(name) + 1))


def _any_sign(name: str, places: set[int]) -> set[int]:
    return {at + 1 for at in places if at < len(name)}


def _words(words: list[str]) -> _Step:
    return lambda name, places: {at + len(word) for at in places for word in words if name.startswith(word, at)}


def _one_of(inner: str) -> _Step:
    """Return the step of `[inner]`: signs and ranges such as `a-c`; after `!` those that are none of them."""
    wanted = not inner.startswith("!")
    signs = inner if wanted else inner[1:]
    ranges = []
    at = 0
    while at < len(signs):
        last = at + 2 if signs[at + 1 : at + 2] == "-" and at + 2 < len(signs) else at
        ranges.append(sorted((signs[at], signs[last])))
        at = last + 1

    def step(name: str, places: set[int]) -> set[int]:
        return {at + 1 for at in places if at < len(name) and any(a <= name[at] <= b for a, b in ranges) == wanted}

    return step

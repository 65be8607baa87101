"""The style library as one list: every folder with its style or the reason it has none, its rating, its scores in words.

Called by `vj styles list`, `show`, `gallery` and `suggest`. Reads files; never writes, never paints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.engine.library.ratings import Rating, load_ratings
from phosphene.engine.models.style import Style, StyleMeta, list_styles, load_style, style_folder

SORTS = ("name", "judge", "rating", "energy")


@dataclass(frozen=True)
class Entry:
    """One folder of the library. style: None when it is broken, and then `fault` says why; without its weights, which are
    checked and let go: a library of networks would fill the memory."""

    slug: str
    folder: Path
    style: Style | None
    fault: str = ""
    rating: Rating = field(default_factory=Rating)


@dataclass(frozen=True)
class Score:
    """A measured number beside what nothing would have scored. nulls: (name, value); better: above all of them, None if
    there are none."""

    name: str
    value: float
    sd: float | None = None
    nulls: tuple[tuple[str, float], ...] = ()

    @property
    def better(self) -> bool | None:
        return all(self.value > null for _, null in self.nulls) if self.nulls else None

    def text(self) -> str:
        """Return `0.312 ± 0.021 (untrained 0.104, best of random 0.187)`."""
        spread = f" ± {self.sd:.3f}" if self.sd is not None else ""
        beside = ", ".join(f"{name} {value:.3f}" for name, value in self.nulls)
        return f"{self.value:.3f}{spread}" + (f" ({beside})" if beside else "")


def read_library() -> tuple[list[Entry], str]:
    """Return every entry, by slug, and what is wrong with the ratings ("": nothing). Styles are shown without."""
    try:
        ratings, fault = load_ratings(), ""
    except UserError as error:
        ratings, fault = {}, error.line()
    entries = []
    for slug in list_styles():
        folder = style_folder(slug)
        rating = ratings.get(slug, Rating())
        try:
            entries.append(Entry(slug, folder, replace(load_style(folder), weights=[]), rating=rating))
        except UserError as error:
            entries.append(Entry(slug, folder, None, error.line(), rating))
    return entries, fault


def energy_of(meta: StyleMeta) -> float | None:
    """Return the energy 0..1 that somebody chose, or None: a style without genres that says 0.5 says nothing."""
    return meta.energy if meta.genres or meta.energy != 0.5 else None


def judge_gain(scores: dict[str, float]) -> float | None:
    """Return by how much the judge prefers the style to untrained networks, or None when it never saw it."""
    if "judge" not in scores or "judge_untrained" not in scores:
        return None
    return scores["judge"] - scores["judge_untrained"]


def scores_of(meta: StyleMeta) -> list[Score]:
    """Return the scores of style.toml, each beside its nulls; empty for a style that was never scored."""
    found, table = [], meta.scores
    for name in ("judge", "guide"):
        if name in table:
            nulls = (("untrained", f"{name}_untrained"), ("best of random", f"{name}_random"))
            kept = tuple((said, table[key]) for said, key in nulls if key in table)
            found.append(Score(name, table[name], table.get(f"{name}_sd"), kept))
    if "reactivity" in table:
        kept = (("shuffled", table["reactivity_null"]),) if "reactivity_null" in table else ()
        found.append(Score("reactivity", table["reactivity"], None, kept))
    if "kid" in table:
        nulls = (("real halves", "kid_real"), ("untrained", "kid_untrained"))
        found.append(Score("kid", table["kid"], None, tuple((said, table[key]) for said, key in nulls if key in table)))
    more = ("precision", "recall", "psnr", "perplexity", "flicker", "loop")
    found.extend(Score(name, table[name]) for name in more if name in table)
    return found


def facts(entry: Entry) -> dict:
    """Return what a list shows of a sound entry, as plain data."""
    style = entry.style
    assert style is not None, "a broken entry has no facts"
    return {
        "slug": entry.slug,
        "name": style.name,
        "kind": style.kind,
        "network": style.spec.told,
        "parameters": style.spec.parameters,
        "palette": list(style.palette),
        "tags": list(style.tags),
        "genres": list(style.meta.genres),
        "energy": energy_of(style.meta),
        "judge": style.meta.scores.get("judge"),
        "judge_gain": judge_gain(style.meta.scores),
        "stars": entry.rating.stars,
        "note": entry.rating.note,
    }


def chosen(entries: Iterable[Entry], tag: str | None = None, genre: str | None = None) -> list[Entry]:
    """Return the sound entries that carry `tag` and `genre` (any case); with neither, all that are sound."""
    return [
        e
        for e in entries
        if e.style is not None
        and (tag is None or tag.casefold() in (t.casefold() for t in e.style.tags))
        and (genre is None or genre.casefold() in (g.casefold() for g in e.style.meta.genres))
    ]


def ordered(entries: Iterable[Entry], by: str = "name") -> list[Entry]:
    """Return sound entries by name, or highest first by `judge` (gain over untrained), `rating`, `energy`; unknown last."""
    keys: dict[str, Callable[[Entry], float | None]] = {
        "name": lambda e: 0.0,
        "judge": lambda e: judge_gain(e.style.meta.scores),
        "rating": lambda e: e.rating.stars or None,
        "energy": lambda e: energy_of(e.style.meta),
    }
    if by not in keys:
        raise UserError("no such order", where="--sort", allowed=", ".join(SORTS), got=by)

    def place(entry: Entry) -> tuple[float, str, str]:
        value = keys[by](entry)
        return (math.inf if value is None else -value, entry.style.name.casefold(), entry.slug)

    return sorted(entries, key=place)

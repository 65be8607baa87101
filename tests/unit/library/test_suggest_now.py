"""Styles for what a show hears now: by the tags of the network and the energy alone, and honest where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from phosphene.engine.audio.tag_network import TAGS
from phosphene.engine.core.errors import UserError
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.library.ratings import Rating
from phosphene.engine.library.suggest import MOST_SURE, Candidate, describe_now, suggest_now, tagged_like
from phosphene.engine.models.style import list_styles, load_meta, style_folder
from phosphene.engine.show.setlist import EMPTY


def tags(**heard: float) -> dict[str, float]:
    return dict.fromkeys(TAGS, 0.0) | {name.replace("_", " "): value for name, value in heard.items()}


TECHNO = tags(techno=0.7, electronic=0.6, beats=0.4)
AMBIENT = tags(ambient=0.7, new_age=0.4, slow=0.6)


@pytest.fixture(scope="module")
def candidates() -> list[Candidate]:
    return [Candidate(slug, load_meta(style_folder(slug))) for slug in list_styles()]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DeskLibrary:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path))
    return DeskLibrary(show_catalogue(), EMPTY)


def test_another_music_has_other_styles_and_each_has_its_reason(candidates: list[Candidate]) -> None:
    fast, slow = suggest_now(0.9, TECHNO, candidates), suggest_now(0.1, AMBIENT, candidates)
    assert len(fast) == len(slow) == 6
    assert {each.slug for each in fast} & {each.slug for each in slow} == set()
    assert all("energy" in each.reason for each in fast + slow)
    assert any("electronic" in each.reason or "techno" in each.reason for each in fast)
    assert [each.score for each in fast] == sorted((each.score for each in fast), reverse=True)


def test_stars_move_a_style_up(candidates: list[Candidate]) -> None:
    sixth = suggest_now(0.9, TECHNO, candidates)[5]
    liked = [Candidate(c.slug, c.meta, Rating(stars=5)) if c.slug == sixth.slug else c for c in candidates]
    found = suggest_now(0.9, TECHNO, liked)
    assert [each.slug for each in found].index(sixth.slug) < 5
    assert "rated 5 of 5" in next(each.reason for each in found if each.slug == sixth.slug)


def test_what_is_heard_is_told_with_how_sure_it_is() -> None:
    assert next(iter(tagged_like(TECHNO))) == "electronic"
    assert all(0.0 <= sure <= MOST_SURE for sure in tagged_like(TECHNO).values())
    assert tagged_like({}) == tagged_like(tags()) == {}
    assert describe_now(0.9, TECHNO).startswith("high energy, 0.90; sounds like electronic (")
    assert "no genre" in describe_now(0.5, tags(country=0.9))


def test_a_page_is_told_six_of_them_or_why_there_are_none(library: DeskLibrary) -> None:
    told = library.suggested({"why": "", "energy": 0.9, "tags": TECHNO})
    assert [each["slug"] for each in told["styles"]] == [
        each.slug for each in suggest_now(0.9, TECHNO, [Candidate(s, load_meta(style_folder(s))) for s in list_styles()])
    ]
    assert all(each["reason"] and each["name"] for each in told["styles"])
    why = "No tags here: music is not tagged: the extra nets is not installed."
    assert library.suggested({"why": why, "energy": 0.0, "tags": {}}) == {"why": why, "heard": "", "styles": []}


def test_files_are_read_again_only_where_they_changed(library: DeskLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = {"why": "", "energy": 0.9, "tags": TECHNO}
    first = library.suggested(heard)

    def fail(folder: Path) -> None:
        raise UserError("read again")

    monkeypatch.setattr("phosphene.engine.desk.library.load_meta", fail)
    assert library.suggested(heard) == first

"""Ratings: kept, cleared, shown; a damaged file is refused and stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phosphene.engine.cli.styles_commands import app
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.ratings import MAX_NOTE, Rating, load_ratings, rate, ratings_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path / "styles"))
    for seed, slug in ((1, "amber"), (2, "birch"), (4, "cedar")):
        run("new", "--seed", str(seed), "--width", "16", "--layers", "2", "--slug", slug)
    return tmp_path / "styles"


def test_a_rating_is_kept_changed_and_cleared(library):
    assert load_ratings() == {}
    assert "birch: ★★★★ good in the dark" in run("rate", "birch", "4", "--note", "good in the dark")
    run("rate", "amber", "2")
    assert load_ratings() == {"amber": Rating(stars=2), "birch": Rating(stars=4, note="good in the dark")}
    run("rate", "birch", "5")
    assert load_ratings()["birch"] == Rating(stars=5, note="good in the dark"), "new stars keep the note"
    run("rate", "birch", "5", "--note", "")
    assert load_ratings()["birch"].note == ""
    assert "no rating" in run("rate", "birch", "0", "--note", "gone")
    assert load_ratings() == {"amber": Rating(stars=2)}
    assert [p.name for p in library.iterdir() if p.is_file()] == ["ratings.toml"], "no half-written file stays"


def test_a_rating_is_shown_and_sorts_the_list(library):
    run("rate", "cedar", "5", "--note", "the [bold] one")
    run("rate", "birch", "3")
    rows = json.loads(run("list", "--json", "--sort", "rating"))["styles"]
    assert [(row["slug"], row["stars"], row["note"]) for row in rows] == [
        ("cedar", 5, "the [bold] one"), ("birch", 3, ""), ("amber", 0, ""),
    ]  # fmt: skip
    assert "★★★★★" in run("list")
    assert "★★★★★ the [bold] one" in run("show", "cedar")
    assert json.loads(run("show", "birch", "--json"))["stars"] == 3


def test_a_style_may_be_named_by_its_folder_but_must_be_of_the_library(library, tmp_path):
    run("rate", str(library / "amber"), "3")
    assert list(load_ratings()) == ["amber"]
    run("new", "--seed", "9", "--width", "16", "--layers", "2", "--slug", "amber", "--directory", str(tmp_path / "runs"))
    with pytest.raises(UserError, match="only styles of the library"):
        rate(tmp_path / "runs" / "amber", 5)
    with pytest.raises(UserError, match="no such style"):
        rate("nobody", 5)
    assert load_ratings()["amber"].stars == 3


@pytest.mark.parametrize("stars", [-1, 6])
def test_wrong_stars_are_refused(library, stars):
    with pytest.raises(UserError, match="1 to 5"):
        rate("amber", stars)
    assert not ratings_path().exists()


def test_an_endless_note_is_refused(library):
    with pytest.raises(UserError, match="too long"):
        rate("amber", 3, "x" * (MAX_NOTE + 1))


@pytest.mark.parametrize(
    "damage",
    [
        b"version = 1\n[styles.amber\nstars = 3\n",
        b"version = 2\n",
        b"[styles.amber]\nstars = 11\n",
        b'[styles.amber]\nstars = "many"\n',
        b"[styles.amber]\nstars = 3\nmood = 1\n",
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_refused_and_never_written_over(library, damage):
    ratings_path().write_bytes(damage)
    with pytest.raises(UserError, match="ratings") as refusal:
        run("rate", "amber", "5")
    assert "ratings.toml" in refusal.value.line()
    assert "\n" not in refusal.value.line().replace("\\n", "")
    assert ratings_path().read_bytes() == damage
    listed = json.loads(run("list", "--json"))
    assert len(listed["styles"]) == 3, "no reason to hide the styles"
    assert "ratings" in listed["ratings_fault"]
    assert "no ratings" in run("list")


def test_ratings_of_styles_that_left_the_library_stay(library):
    ratings_path().write_text('[styles.gone]\nstars = 4\nnote = "on the other disk"\n')
    run("rate", "amber", "1")
    assert load_ratings()["gone"] == Rating(stars=4, note="on the other disk")

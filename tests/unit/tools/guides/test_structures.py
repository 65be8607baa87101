"""Words that name something to paint: which families, in which colours, on which ground; and what is said of the others."""

from __future__ import annotations

import pytest

from phosphene.tools.guides.structures import SYNONYMS, asked
from phosphene.tools.motif.subject import FAMILIES
from phosphene.tools.motif.words import FAMILY_WORDS


def families(prompt: str, negative: str = "", seed: int = 0) -> list[str]:
    return [subject.family for subject in asked(prompt, negative, seed).subjects]


@pytest.mark.parametrize(
    ("prompt", "family", "colours", "ground"),
    [
        ("a honeycomb of gold and orange on black", "hexagons", ("gold", "orange"), "black"),
        ("black and white zebra stripes", "stripes", ("white",), "black"),
        ("checkerboard in red on cream", "checker", ("red",), "light"),
        ("blue leaves on a white background", "leaves", ("blue",), "white"),
        ("light beams in forest green", "rays", ("green",), "black"),
        ("black lines on white", "stripes", ("black",), "white"),
        ("black waves", "waves", ("black",), "white"),
        ("soft pastel clouds in pinks and lavenders", "clouds", ("pink", "lavender"), "light"),
        ("tree rings", "wood", ("orange", "brown"), "black"),
        ("fire", "flames", ("orange", "red", "yellow"), "black"),
        ("blue fire", "flames", ("blue",), "black"),
        ("mostly teal bubbles with a touch of gold", "bubbles", ("teal", "gold"), "black"),
    ],
)
def test_words_become_a_subject(prompt, family, colours, ground):
    (subject,) = asked(prompt).subjects
    assert (subject.family, subject.colours, subject.ground) == (family, colours, ground)


def test_every_word_for_a_family_names_it():
    wrong = []
    for name in FAMILIES:
        synonyms = SYNONYMS.get(name, "").split(",")
        for phrase in (*FAMILY_WORDS[name].trained, *FAMILY_WORDS[name].kept, name, *filter(None, synonyms)):
            wrong += [(phrase, name)] if families(f"{phrase} in blue") != [name] else []
    assert wrong == []


@pytest.mark.parametrize(
    ("word", "family"),
    [("hexagon", "hexagons"), ("leaf", "leaves"), ("meshes", "grid"), ("boxes", ""), ("spirals", "spiral"),
    ("galaxies", "nebula"),     ("branch", "branches"), ("bullseyes", "rings"), ("lotuses", "petals")],
)  # fmt: skip
def test_the_singular_and_the_plural_are_one(word, family):
    assert families(word) == [name for name in [family] if name]


def test_the_adjectives_are_heard_and_the_usual_is_crisp_and_strong():
    usual = asked("red hexagons").subjects[0]
    assert (usual.sharpness, usual.density, usual.contrast, usual.symmetry) == ("sharp", "medium", "high", "none")
    told = asked("soft dense kaleidoscopic neon hexagons in red, low contrast").subjects[0]
    assert (told.sharpness, told.density, told.contrast) == ("soft", "dense", "low")
    assert (told.symmetry, told.treatment) == ("radial", "neon")


def test_two_structures_share_a_board_and_a_third_is_left_and_told():
    wanted = asked("red hexagons and blue dots on white, with waves")
    assert [subject.family for subject in wanted.subjects] == ["hexagons", "dots"]
    assert {(subject.colours, subject.ground) for subject in wanted.subjects} == {(("red", "blue"), "white")}
    assert wanted.left == ("waves",)
    assert "without waves" in wanted.lines()[1]


def test_a_mood_or_a_group_stands_for_its_families_and_the_seed_for_which():
    assert families("cyberpunk") == ["grid", "tunnel"]
    assert families("cyberpunk", seed=1) == ["glitch", "scanlines"]
    assert families("cyberpunk geometric patterns") == ["grid", "tunnel"]
    assert set(families("fractals in green")) <= {"branches", "leaves", "feathers", "contours", "cells", "spiral", "petals"}
    assert families("cyberpunk spiral") == ["spiral"]


def test_what_is_not_wanted_is_not_painted():
    assert families("waves and stripes", "stripes") == ["waves"]
    assert families("waves without stripes") == ["waves"]
    assert families("no stripes, blue") == []
    assert asked("gold and red waves", "red").subjects[0].colours == ("gold",)
    assert families("waves", "waves") == []


@pytest.mark.parametrize("prompt", ["", "pink and blue", "monochrome", "qwx zzyp", "a portrait of my cat", "波の絵"])
def test_words_without_a_structure_paint_nothing(prompt):
    assert asked(prompt).subjects == ()


def test_what_nobody_knows_is_told_and_long_texts_end():
    wanted = asked("a robot whispering to red hexagons")
    assert wanted.unknown == ("robot", "whispering")
    assert wanted.lines() == ("painted for: hexagons in red on black", "these words paint nothing: robot, whispering")
    long = asked("honeycomb shimmering " * 2500)
    assert len(long.subjects) == 1
    assert all(len(line) < 200 for line in asked(" ".join(f"qz{'x' * k}" for k in range(900)) + " waves").lines())


def test_a_colour_of_two_words_is_no_family_and_a_family_no_colour():
    assert asked("waves in brick red").subjects[0].colours == ("red",)
    assert families("leaf green waves") == ["waves"]
    soft_then_sharp = asked("soft sharp waves").subjects[0]
    assert soft_then_sharp.sharpness in ("soft", "sharp")

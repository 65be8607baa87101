"""Prompts become looks: colours by name, moods, structure; what is not known is said."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.models import colour
from phosphene.tools.guides import words
from phosphene.tools.guides.words import look
from phosphene.tools.motif.subject import COLOURS, MOODS


def hexes(prompt, negative=""):
    return [colour.to_hex(colour.oklab_to_srgb(np.array(lab))) for _, lab in look(prompt, negative).colours]


def test_all_names_are_there():
    lines = [line for line in words._NAMES.read_text().splitlines() if not line.startswith("#")]
    names = {line.split(" ", 1)[1] for line in lines}
    assert len(lines) == len(names) == 949 + 53
    assert {"cloudy blue", "dark teal", "rebeccapurple", "hot pink", "papayawhip"} <= names


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("hot pink", ["#ff028d"]),
        ("hot-pink", ["#ff028d"]),
        ("pink", [COLOURS["pink"]]),
        ("dark teal", ["#014d4e"]),
        ("purples/blues", [COLOURS["purple"], COLOURS["blue"]]),
        ("lots of rebecca purple", ["#663399"]),
        ("crimsons, bluish", ["#8c000f", "#2976bb"]),
        ("grey waves", [COLOURS["gray"]]),
    ],
)
def test_longest_name_first(prompt, expected):
    assert hexes(prompt) == expected


def test_the_first_library_is_understood():
    prompts = {
        "neon geometric patterns with pink and blue": (),
        "cosmic nebula with purples and blues": (),
        "flowing flames in oranges, reds and yellows": (),
        "underwater waves, blues and teals": (),
        "nature fractals, greens and browns": (),
        "digital glitch in red, black and white": (),
        "soft pastel clouds in pinks and lavenders": (),
        "a robot whispering to red elephants": ("robot", "whispering", "elephants"),
    }
    for prompt, ignored in prompts.items():
        assert look(prompt).ignored == ignored
    assert look("soft pastel clouds").understood == ("soft", "pastel", "clouds")


def test_every_mood_has_colours():
    for name in {*MOODS, *words.EXTRA_MOODS, *words.SYNONYMS}:
        heard = look(name)
        assert heard.colours, name
        assert sum(share for share, _ in heard.colours) == pytest.approx(1)
    assert set(words.SYNONYMS.values()) <= {*MOODS, *words.EXTRA_MOODS}
    named = {c for mood in words.EXTRA_MOODS.values() for scheme in mood.schemes for c in scheme}
    assert named <= set(COLOURS)


def test_named_colours_win_over_a_mood_and_keep_its_treatment():
    assert hexes("monochrome blue") == [COLOURS["blue"]]
    assert look("fire in green").ground_share == look("fire").ground_share
    assert look("fire in green").contrast is not None


def test_grounds():
    dark = look("blue")
    assert dark.ground[0] < 0.2
    assert 0.3 < dark.ground_share < 0.5
    assert look("pastel blue").ground[0] > 0.8
    assert look("blue on white").ground[0] > 0.8
    assert look("white and blue").ground[0] > 0.8
    assert look("red, black and white").ground[0] < 0.1
    assert look("mostly black, a touch of red").ground_share == 0.7


def test_shares():
    shares = [share for share, _ in look("mostly blue with a hint of gold").colours]
    assert shares[0] > 7 * shares[1]
    shares = [share for share, _ in look("blue with gold accents").colours]
    assert shares[0] > 3 * shares[1]


def test_structure():
    assert look("red horizontal stripes").orientation == "stripes"
    assert look("horizontal red").orientation == "horizontal"
    assert look("soft").slope < look("sharp").slope
    assert look("dense").fineness > look("minimal").fineness
    assert look("high contrast red").contrast > look("low contrast red").contrast
    assert look("symmetric").symmetry == "mirror"
    assert look("mandala").symmetry == "radial"
    assert look("stripes").colours == ()


def test_negatives():
    heard = look("ocean, no red", "blurry, green")
    assert heard.slope == look("sharp").slope
    assert len(heard.avoid) == 2
    assert heard.avoid[0] == pytest.approx(colour.oklab(colour.from_hex(COLOURS["red"])))
    assert not any(np.allclose(lab, heard.avoid[0]) for _, lab in heard.colours)
    assert look("soft", "soft").slope == look("soft").slope


@pytest.mark.parametrize("prompt", ["", "   ", "wibble of the wobble", "und dann noch ein Satz", "!?", "🙂" * 50])
def test_nothing_known_is_one_line(prompt):
    with pytest.raises(UserError, match=r"knows no word of this prompt.*names of colours.*stripes") as caught:
        look(prompt)
    assert "\n" not in str(caught.value)


def test_two_thousand_words():
    heard = look("hot pink and something else, " * 500)
    assert len(heard.understood) == 500

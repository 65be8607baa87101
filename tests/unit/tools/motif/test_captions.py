"""What captions say, what they keep back, and how words become numbers."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from phosphene.tools.motif import words
from phosphene.tools.motif.captions import SEVEN, caption, is_held_out, key
from phosphene.tools.motif.subject import COLOURS, FAMILIES, MOODS, Subject, draw_subject
from phosphene.tools.motif.tokens import MAX_WORDS, NGRAM_ROWS, WORD_ROWS, split_words, word_rows
from phosphene.tools.motif.words import Wording


def every_wording() -> list[Wording]:
    found = []
    for value in vars(words).values():
        if isinstance(value, dict):
            found += [v if isinstance(v, Wording) else v[0] for v in value.values() if isinstance(v, Wording | tuple)]
    return found


@pytest.fixture(scope="module")
def training_captions() -> list[str]:
    rng = np.random.default_rng(5)
    subjects = [draw_subject(rng) for _ in range(4000)]
    return [caption(s, rng, full=full) for s in subjects for full in (False, True)]


def test_every_name_has_words():
    assert set(FAMILIES) < set(words.FAMILY_WORDS)
    assert set(COLOURS) == set(words.COLOUR_WORDS)
    assert set(MOODS) == set(words.MOOD_WORDS)
    assert all(wording.trained and all(wording.trained) for wording in every_wording())
    assert all(words.FAMILY_WORDS[name].kept for name in FAMILIES)


def test_held_out_words_never_occur_in_training(training_captions):
    said = " | ".join(f" {key(text)} " for text in training_captions)
    kept = [word for wording in every_wording() for word in wording.kept] + list(words.FILLERS_KEPT)
    assert len(kept) > 200
    assert [word for word in kept if f" {key(word)} " in said] == []


def test_the_seven_prompts_are_not_learned_by_heart(training_captions):
    literal = {key(prompt) for prompt in SEVEN.values()}
    assert not literal & {key(text) for text in training_captions}


def test_most_words_of_the_seven_prompts_are_known(training_captions):
    said = {word for text in training_captions for word in key(text).split()}
    assert {word for prompt in SEVEN.values() for word in key(prompt).split()} <= said


def test_a_full_caption_mentions_every_attribute():
    rng = np.random.default_rng(6)
    for _ in range(200):
        subject = draw_subject(rng)
        text = f" {key(caption(subject, rng, full=True))} "
        group = [w for wording, members in words.GROUP_NOUNS.values() if subject.family in members for w in wording.trained]
        assert any(f" {key(w)} " in text for w in [*words.FAMILY_WORDS[subject.family].trained, *group])
        for colour in subject.colours:
            stems = [key(w)[:-1] for w in words.COLOUR_WORDS[colour].trained]
            assert any(f" {stem}" in text for stem in stems), (colour, text)
        if subject.mood:
            assert any(f" {key(w)} " in text for w in words.MOOD_WORDS[subject.mood].trained)
        for table, value in (
            (words.TREATMENT_ADJECTIVES, subject.treatment),
            (words.CONTRAST_PHRASES, subject.contrast),
            (words.DENSITY_ADJECTIVES, subject.density),
            (words.SYMMETRY_ADJECTIVES, subject.symmetry),
            (words.SHARPNESS_ADJECTIVES, subject.sharpness),
            (words.GROUND_PHRASES, subject.ground),
        ):
            assert any(f" {key(w)} " in text for w in table[value].trained), (value, text)


def test_a_held_out_caption_names_the_family_in_words_that_training_keeps_back():
    rng = np.random.default_rng(7)
    for _ in range(200):
        subject = draw_subject(rng)
        text = f" {key(caption(subject, rng, held_out=True, full=True))} "
        kept = [w for wording, members in words.GROUP_NOUNS.values() if subject.family in members for w in wording.kept]
        assert any(f" {key(w)} " in text for w in [*words.FAMILY_WORDS[subject.family].kept, *kept])


def test_captions_are_never_empty_and_vary_and_repeat_with_the_seed(training_captions):
    assert all(key(text) for text in training_captions)
    assert all("{" not in text and "  " not in text for text in training_captions)
    assert len(set(training_captions)) > 0.99 * len(training_captions)
    subject = Subject("waves", ("blue", "teal"))
    again = [caption(subject, np.random.default_rng(3)) for _ in range(2)]
    assert again[0] == again[1]


def test_one_combination_in_ten_is_held_out_but_never_a_moods_own():
    names = list(COLOURS)
    pairs = [(f, (a, b)) for f in FAMILIES for i, a in enumerate(names) for b in names[i + 1 :]]
    share = np.mean([is_held_out(Subject(f, colours)) for f, colours in pairs])
    assert 0.08 < share < 0.11
    assert not any(is_held_out(Subject(f, s)) for m in MOODS.values() for f in m.families for s in m.schemes)
    held = next(Subject(f, colours) for f, colours in pairs if is_held_out(Subject(f, colours)))
    assert is_held_out(Subject(held.family, (held.colours[1], held.colours[0], "lime")))
    assert {f.name for f in fields(Subject)} >= {"family", "colours"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ,;:!? ", []),
        ("Blues & TEALS", ["blues", "teals"]),
        ("neon-lit_city", ["neon", "lit", "city"]),
        ("caf\u00e9 \u7d2b\u8272 \U0001f525 42", ["cafe", "\u7d2b\u8272", "42"]),
    ],
)
def test_words(text, expected):
    assert split_words(text) == expected


def test_long_texts_and_long_words_are_cut():
    assert split_words("wave " * 2000) == ["wave"] * MAX_WORDS
    assert len(split_words("x" * 100000)[0]) == 24


def test_rows_are_in_range_stable_and_shared_by_relatives():
    row, grams = word_rows("bluish")
    assert 0 <= row < WORD_ROWS
    assert all(0 <= gram < NGRAM_ROWS for gram in grams)
    assert word_rows("blue") == word_rows("blue")
    assert word_rows("stripes")[0] == 1549  # crc32 is the same on every machine: weights depend on it
    assert len(set(grams) & set(word_rows("blue")[1])) >= 3
    assert word_rows("a")[1]

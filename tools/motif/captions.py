"""Says in words what a `Subject` looks like, the way people write prompts: some of its attributes, in some order.

Called by the training of `motif` and by its evaluation; pure functions of their arguments. Never looks at a picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np

from phosphene.tools.motif import words
from phosphene.tools.motif.subject import MOODS, Subject
from phosphene.tools.motif.words import Wording

T = TypeVar("T")

# The prompts that every library starts with. Their literal sentences are kept out of training, so that what is measured
# on them is reading and not memory.
SEVEN = {
    "cyberpunk": "cyberpunk neon geometric patterns in pink and blue",
    "cosmic": "cosmic nebula with purples and blues",
    "fire": "flowing flames in oranges, reds and yellows",
    "ocean": "underwater waves in blues and teals",
    "nature": "nature fractals in greens and browns",
    "glitch": "digital glitch in red, black and white",
    "pastel": "soft pastel clouds in pinks and lavenders",
}

# How often an attribute is mentioned; an attribute's unremarkable value is mentioned a fifth as often.
_MENTION = {"treatment": 0.5, "sharpness": 0.3, "density": 0.3, "symmetry": 0.55, "contrast": 0.25, "ground": 0.35}
_UNREMARKABLE = {"treatment": "plain", "sharpness": "medium", "density": "medium", "symmetry": "none", "contrast": "medium"}
_ADJECTIVES = {
    "treatment": words.TREATMENT_ADJECTIVES,
    "sharpness": words.SHARPNESS_ADJECTIVES,
    "density": words.DENSITY_ADJECTIVES,
    "symmetry": words.SYMMETRY_ADJECTIVES,
}
_PHRASES = {"contrast": words.CONTRAST_PHRASES, "ground": words.GROUND_PHRASES}
_HELD_SHARE = 10  # one combination in ten

_TEMPLATES = (
    "{adjectives} {noun} {within} {colours} {phrases}",
    "{adjectives} {noun} {within} {colours} {phrases}",
    "{adjectives} {noun} {within} {colours}, {phrases}",
    "{adjectives} {colours} {noun}, {phrases}",
    "{adjectives} {colours} {noun} {phrases}",
    "{colours} {adjectives} {noun}, {phrases}",
    "{noun}, {adjectives}, {colours}, {phrases}",
    "{noun} {within} {colours}, {adjectives}, {phrases}",
    "{colours}: {noun}, {adjectives}, {phrases}",
    "{phrases}, {adjectives} {noun} of {colours}",
)
_TEMPLATES_KEPT = (
    "{adjectives} {noun} painted {within} {colours}, {phrases}",
    "{noun} made from {colours} and {adjectives}, {phrases}",
    "{colours} shaped like {adjectives} {noun} {phrases}",
    "{phrases} there are {adjectives} {noun} dyed {colours}",
)
_WITHIN = ("in", "in", "in", "with", "in shades of", "in tones of", "coloured")
_WITHIN_KEPT = ("in hues of", "using tints of", "in a scheme of")


def key(text: str) -> str:
    """Return the text as bare lower-case words separated by single spaces: what two sentences are compared by."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


_SEVEN_KEYS = frozenset(key(prompt) for prompt in SEVEN.values())


def is_held_out(subject: Subject) -> bool:
    """Tell whether the subject's combination of family and its first two colours, in any order, is kept out of training.

    About one in ten is. What a mood is made of never is: its pictures must be known.
    """
    colours = tuple(sorted(subject.colours[:2]))
    if crc32(f"{subject.family}|{'|'.join(colours)}".encode()) % _HELD_SHARE:
        return False
    return not any(
        subject.family in mood.families and colours in {tuple(sorted(scheme[:2])) for scheme in mood.schemes}
        for mood in MOODS.values()
    )


def caption(subject: Subject, rng: np.random.Generator, held_out: bool = False, full: bool = False) -> str:
    """Return one way to describe the subject; never empty.

    held_out: sentence forms and words that training never uses: the sentence form, the word for the family and at least
    half of the other words. full: mention every attribute, where a person would mention some.
    """
    while True:
        text = _Writer(rng, held_out).write(subject, full)
        if text and key(text) not in _SEVEN_KEYS:
            return text


class _Writer:
    """Draws words for one caption."""

    def __init__(self, rng: np.random.Generator, held_out: bool) -> None:
        self._rng = rng
        self._held_out = held_out

    def write(self, subject: Subject, full: bool) -> str:
        """Return a caption, or "" where the draw mentioned nothing."""
        name_it, colour_it = full or self._chance(0.88), full or self._chance(0.88)
        mood = bool(subject.mood) and (full or self._chance(0.65))
        if not (name_it or colour_it or mood):
            return ""
        parts = {
            "adjectives": self._adjectives(subject, full, mood),
            "noun": self._noun(subject) if name_it else "",
            "colours": self._colours(subject, full) if colour_it else "",
            "phrases": ", ".join(self._mentions(subject, _PHRASES, full)),
            "within": self._one(_WITHIN_KEPT if self._held_out else _WITHIN) if colour_it and name_it else "",
        }
        text = self._one(_TEMPLATES_KEPT if self._held_out else _TEMPLATES).format(**parts)
        return self._with_filler(_tidy(text), full)

    def _noun(self, subject: Subject) -> str:
        """Return the family's word, or sometimes that of what several families are together."""
        groups = [wording for wording, families in words.GROUP_NOUNS.values() if subject.family in families]
        if groups and self._chance(0.2):
            return self._word(self._one(groups), sure=True)
        return self._word(words.FAMILY_WORDS[subject.family], sure=True)

    def _adjectives(self, subject: Subject, full: bool, mood: bool) -> str:
        found = self._mentions(subject, _ADJECTIVES, full)
        groups = [name for name, (_, families) in words.GROUP_NOUNS.items() if subject.family in families]
        if groups and self._chance(0.15):
            found.append(self._word(words.GROUP_ADJECTIVES[self._one(groups)]))
        self._rng.shuffle(found)
        if mood:
            # Mostly first, as in "cyberpunk neon grid".
            found.insert(0 if self._chance(0.7) else len(found), self._word(words.MOOD_WORDS[subject.mood]))
        return (", " if self._chance(0.25) else " ").join(found)

    def _mentions(self, subject: Subject, wordings: dict[str, dict[str, Wording]], full: bool) -> list[str]:
        found = []
        for attribute, choices in wordings.items():
            value = getattr(subject, attribute)
            chance = _MENTION[attribute] * (0.2 if _UNREMARKABLE.get(attribute) == value else 1.0)
            if full or self._chance(chance):
                found.append(self._word(choices[value]))
        return found

    def _colours(self, subject: Subject, full: bool) -> str:
        names = list(subject.colours)
        if len(names) > 1 and not full and self._chance(0.12):
            names = names[: 1 + int(self._rng.integers(len(names) - 1))]
        if self._chance(0.3):
            self._rng.shuffle(names)
        many = self._chance(0.4)
        said = [_plural(word) if many else word for word in (self._word(words.COLOUR_WORDS[name]) for name in names)]
        if len(said) == 1:
            return said[0]
        joint = self._one((" and ", " and ", " and ", ", ", " & ", " with "))
        return ", ".join(said[:-1]) + joint + said[-1]

    def _with_filler(self, text: str, full: bool) -> str:
        if full or not self._chance(0.3):
            return text
        filler = self._one(words.FILLERS_KEPT if self._held_out else words.FILLERS)
        return f"{filler} {text}" if self._chance(0.6) else f"{text}, {filler}"

    def _word(self, wording: Wording, sure: bool = False) -> str:
        """Return one of the words; held out: a kept one where there is one, surely or at 6 of 10."""
        if self._held_out and wording.kept and (sure or self._chance(0.6)):
            return self._one(wording.kept)
        return self._one(wording.trained)

    def _one(self, choices: Sequence[T]) -> T:
        return choices[int(self._rng.integers(len(choices)))]

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)


def _plural(word: str) -> str:
    """Return "reds" for "red"; words that already end so, or in -ish or -tinted, stay."""
    if word.endswith(("s", "ish", "tinted")):
        return word
    return word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeo" and word != "navy" else word + "s"


def _tidy(text: str) -> str:
    """Return the text without the empty places that attributes left unsaid leave behind."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(?:\s*[,:])+(?=\s*[,:])", "", text)
    text = re.sub(r"\s+([,:])", r"\1", text)
    text = re.sub(r"\b(of|and)\s*(?=[,:]|$)", "", text)
    return re.sub(r"\s+", " ", text).strip(" ,:")

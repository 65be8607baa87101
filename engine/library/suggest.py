"""Which styles suit a piece of music, and why, in words.

Called by `vj styles suggest`, and for the music of a running show by the desk. What a track sounds like is guessed by rules
of thumb over a dozen features, set by hand on synthesised tracks and two recordings, and by the music tagger where the extra
`nets` is installed. The rules are right on 5 of 15 recordings, with tags on 11 (docs/decisions/music-tags.md): a guess is
told as one, with a confidence of at most 0.8, and the ranking leans on it only that far.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from phosphene.engine.library.library import Entry, energy_of
from phosphene.engine.library.ratings import Rating
from phosphene.engine.library.track import Track, ramp
from phosphene.engine.models.colour import from_hex, oklab
from phosphene.engine.models.style import StyleMeta

# Shares of the score. Energy first: it is the one thing that a room notices at once when it is wrong.
ENERGY, GENRE, BRIGHTNESS, RATING = 0.40, 0.30, 0.20, 0.10
MOST_SURE = 0.8  # the confidence of a track that fits one genre's rules perfectly and no other's
WORTH_SAYING = 0.3
_CERTAIN = 0.6  # how likely tags are of music that is plainly of their genre: 9 of 15 recordings reach it
# Mean OKLab lightness of a palette: most styles are light on black, between these.
_DARK, _LIGHT = 0.30, 0.65
_PROMPT_WORD = 0.5  # a look named in the prompt counts half of one that somebody gave as a tag


@dataclass(frozen=True)
class Family:
    """A genre that is told apart. names: what a style's `genres` and tags may call it; looks: tags that go with it.

    heard: which of the music tagger's tags (`audio.tag_network.TAGS`) speak for it.
    """

    names: frozenset[str]
    looks: frozenset[str]
    heard: tuple[str, ...]


FAMILIES: dict[str, Family] = {
    "electronic": Family(
        frozenset({"electronic", "techno", "house", "trance", "edm", "drum and bass", "dnb", "dubstep", "breakbeat"}),
        frozenset({"cyberpunk", "glitch", "neon", "geometric", "circuit", "grid", "digital", "filaments"}),
        ("techno", "electronic", "synth", "dance", "beats"),
    ),
    "ambient": Family(
        frozenset({"ambient", "drone", "downtempo", "chill", "chillout", "new age", "lofi"}),
        frozenset({"cosmic", "pastel", "nebula", "dream", "clouds", "smoke", "aurora", "calm", "soft", "slow"}),
        ("ambient", "new age", "quiet", "soft"),
    ),
    "rock": Family(
        frozenset({"rock", "metal", "punk", "indie", "grunge"}),
        frozenset({"fire", "flames", "lava", "embers", "storm", "lightning"}),
        ("rock", "metal", "loud"),
    ),
    "classical": Family(
        frozenset({"classical", "orchestral", "piano", "chamber", "acoustic", "folk", "soundtrack"}),
        frozenset({"fractal", "nature", "forest", "leaves", "branches", "flower", "organic"}),
        ("classical", "classic", "strings", "violin", "cello", "piano", "harp", "harpsichord", "flute", "opera", "choir"),
    ),
}


@dataclass(frozen=True)
class Candidate:
    """A style that may suit: what it says of itself, and what a person thinks of it. No weights are needed."""

    slug: str
    meta: StyleMeta
    rating: Rating = field(default_factory=Rating)


@dataclass(frozen=True)
class Suggestion:
    """A style with its score (at most 1), the parts that add up to it, and the reason in words."""

    slug: str
    name: str
    score: float
    parts: dict[str, float]
    reason: str


def sounds_like(track: Track) -> dict[str, float]:
    """Return genre -> confidence 0..`MOST_SURE`, the likeliest first; empty for silence.

    Each genre has rules between 0 and 1, joined by their geometric mean: one that is broken outright rules the genre out.
    Where there are the tags of a network they decide, and the rules double what they speak for. Several that fit share the
    confidence.
    """
    if not track.sounding:
        return {}
    fit = _fit_of_rules(track)
    if track.tags:
        fit = {name: value * (0.5 + 0.5 * fit[name]) for name, value in _fit_of_tags(track.tags).items()}
    return _shared(fit)


def _shared(fit: Mapping[str, float]) -> dict[str, float]:
    """Return the confidence in each genre, the highest first."""
    total = max(1e-9, sum(fit.values()))
    found = {name: MOST_SURE * value * value / total for name, value in fit.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _fit_of_tags(tags: Mapping[str, float]) -> dict[str, float]:
    """Return genre -> how likely one of its tags is, 0..1."""
    likely = {name: 1.0 - math.prod(1.0 - tags[tag] for tag in family.heard) for name, family in FAMILIES.items()}
    return {name: min(1.0, value / _CERTAIN) for name, value in likely.items()}


def _fit_of_rules(track: Track) -> dict[str, float]:
    beat, busy = track.pulse, track.onsets
    rules = {
        "electronic": (
            ramp(beat, 0.3, 0.8), ramp(busy, 1.0, 4.0), ramp(track.bass_over_mid, 14.0, 24.0),
            ramp(track.bpm or 0.0, 80.0, 115.0),
        ),
        "ambient": (
            ramp(beat, 0.6, 0.2), ramp(busy, 2.0, 0.3), ramp(track.range_db, 18.0, 8.0), ramp(track.noise, -1.0, -3.0),
        ),
        "rock": (
            ramp(busy, 1.5, 4.0), ramp(track.bass_over_mid, 26.0, 16.0), ramp(track.brightness, 0.3, 0.6),
            ramp(track.range_db, 16.0, 8.0), ramp(beat, 0.1, 0.4),
        ),
        "classical": (
            ramp(beat, 0.9, 0.3), ramp(track.range_db, 8.0, 18.0), ramp(track.noise, -3.0, -4.5),
            ramp(track.bass_over_mid, 22.0, 10.0), ramp(busy, 0.1, 0.6),
        ),
    }  # fmt: skip
    return {name: math.prod(values) ** (1.0 / len(values)) for name, values in rules.items()}


def describe(track: Track) -> str:
    """Return the track in one line: `fast and bright: 132 bpm, 5.1 onsets a second; energy 0.78; sounds like ...`."""
    if not track.sounding:
        return "silence: nothing to go by"
    pace, tempo = "beatless", ""
    if track.bpm is not None:
        pace = "slow" if track.bpm < 92 else "steady" if track.bpm < 116 else "fast" if track.bpm < 155 else "very fast"
        tempo = f"{track.bpm:.0f} bpm, "
    many = "many" if track.onsets > 4.5 else "some" if track.onsets > 1.5 else "few"
    told = [f"{name} ({sure:.0%} sure)" for name, sure in sounds_like(track).items() if sure >= WORTH_SAYING]
    first = f"{pace} and {_shade(track.brightness)}: {tempo}{many} onsets ({track.onsets:.1f} a second)"
    last = f"sounds like {' or '.join(told)}" if told else "like no genre that the rules know"
    return f"{first}; energy {track.energy:.2f}; {last}"


def suggest(track: Track, entries: list[Entry], count: int = 5) -> list[Suggestion]:
    """Return the best `count` sound entries for `track`, best first; equal ones by slug."""
    genres = sounds_like(track)
    brightness = track.brightness if track.sounding else None
    sound = [Candidate(entry.slug, entry.style.meta, entry.rating) for entry in entries if entry.style is not None]
    return _best([_judge(genres, each, track.energy, brightness) for each in sound], count)


def suggest_now(
    energy: float, tags: Mapping[str, float], candidates: Iterable[Candidate], count: int = 6
) -> list[Suggestion]:
    """Return the best `count` for what a show hears now, best first; equal ones by slug.

    energy: 0..1, the signal of that name; tags: tag -> 0..1 of the tagging network (`audio.tag_network`). How bright the
    sound is does not count: a show knows it only beside what came before.
    """
    genres = tagged_like(tags)
    return _best([_judge(genres, each, energy, None) for each in candidates], count)


def tagged_like(tags: Mapping[str, float]) -> dict[str, float]:
    """Return genre -> confidence 0..`MOST_SURE` by tags alone, the likeliest first; empty without tags, and for silence."""
    return _shared(_fit_of_tags(tags)) if any(tags.values()) else {}


def describe_now(energy: float, tags: Mapping[str, float]) -> str:
    """Return what a show hears now in one line: `high energy, 0.72; sounds like electronic (78% sure)`."""
    told = [f"{name} ({sure:.0%} sure)" for name, sure in tagged_like(tags).items() if sure >= WORTH_SAYING]
    return f"{_level(energy)} energy, {energy:.2f}; " + (
        f"sounds like {' or '.join(told)}" if told else "of no genre that is told apart"
    )


def _best(ranked: list[Suggestion], count: int) -> list[Suggestion]:
    return sorted(ranked, key=lambda s: (-s.score, s.slug))[:count]


def lightness(palette: tuple[str, ...]) -> float:
    """Return 0 for a palette that is dark as styles go, 1 for a light one; 0.5 for none."""
    if not palette:
        return 0.5
    return ramp(float(oklab(np.array([from_hex(c) for c in palette]))[:, 0].mean()), _DARK, _LIGHT)


def _judge(genres: Mapping[str, float], style: Candidate, heard: float, brightness: float | None) -> Suggestion:
    """heard: energy of the music, 0..1. brightness: of its sound, 0..1; None where that says nothing."""
    meta, words = style.meta, []
    energy = energy_of(meta)
    # Where nobody said, 0.5: neither for nor against. Half the scale apart is already wrong, so the slope is 2.
    energy_fit = 0.5 if energy is None else max(0.0, 1.0 - 2.0 * abs(energy - heard))
    words.append("energy not given" if energy is None else f"{_level(energy)} energy, {energy:.2f} for {heard:.2f}")
    genre_fit = 0.0
    for name, sure in genres.items():
        strength, why = _belongs(meta, FAMILIES[name])
        genre_fit += sure * strength
        if why and sure >= WORTH_SAYING:
            words.append(why if why.endswith(f" {name}") else f"{why}, which is {name}")
    light = lightness(meta.palette)
    brightness_fit = 0.5 if brightness is None else 1.0 - abs(light - brightness)
    if brightness is not None:
        link = "like" if brightness_fit > 0.65 else "unlike"
        words.append(f"palette {_shade(light)}, {link} the sound")
    stars = style.rating.stars
    liked = (stars - 3) / 2 if stars else 0.0
    if stars:
        words.append(f"rated {stars} of 5")
    parts = {
        "energy": ENERGY * energy_fit,
        "genre": GENRE * genre_fit / MOST_SURE,
        "brightness": BRIGHTNESS * brightness_fit,
        "rating": RATING * liked,
    }
    return Suggestion(style.slug, meta.name, sum(parts.values()), parts, "; ".join(words))


def _belongs(meta: StyleMeta, family: Family) -> tuple[float, str]:
    """Return how far 0..1 a style belongs to a family, and by which word."""
    genres, tags = [_plain(g) for g in meta.genres], [_plain(t) for t in meta.tags]
    if named := [g for g in genres if g in family.names]:
        return 1.0, f"made for {named[0]}"
    if tagged := [t for t in (*genres, *tags) if t in family.looks or t in family.names]:
        return 0.7, f"tagged {tagged[0]}"
    if spoken := [w for w in re.findall(r"[a-z]+", meta.prompt.lower()) if w in family.looks]:
        return _PROMPT_WORD, f"prompt says {spoken[0]}"
    return 0.0, ""


def _plain(word: str) -> str:
    return word.casefold().replace("&", "and").replace("-", " ").strip()


def _level(energy: float) -> str:
    return "high" if energy > 0.65 else "low" if energy < 0.35 else "middling"


def _shade(value: float) -> str:
    return "dark" if value < 0.35 else "bright" if value > 0.65 else "middling"

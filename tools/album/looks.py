"""The parts of a song, and which look each gets. Pure functions, called by `plan`.

A look is a scene, and the style that it is played with where that is not its own. Parts alike look alike, so that a chorus
is known again; a part that is long changes its look on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from phosphene.engine.audio.sections import Section
from phosphene.engine.tempo.grid import BeatGrid
from phosphene.tools.album.presets import LEVELS, Preset

BAR = 4  # beats
Look = tuple[str, str]  # scene, style or ""

_EDGES = (0.35, 0.7)  # energies between calm, middle and peak


class Music(Protocol):
    """What a plan is made from: `engine.audio.prepared.Prepared`."""

    grid: BeatGrid
    sections: Sequence[Section]
    seconds: float


@dataclass(frozen=True)
class Span:
    """A part of a song. start, end: s. beat: the downbeat it starts on. turn: how often its section has changed its look."""

    start: float
    end: float
    beat: int
    label: int
    energy: float
    turn: int

    @property
    def level(self) -> str:
        """calm, middle or peak."""
        return LEVELS[sum(self.energy >= edge for edge in _EDGES)]


def spans_of(music: Music, bars: int) -> list[Span]:
    """Return the sections in order, each cut after every `bars` bars; less than half of that stays with its neighbour."""
    found: list[Span] = []
    for section in music.sections:
        first = round(music.grid.position(section.start).beat / BAR) * BAR
        last = music.grid.position(section.end).beat
        for turn in range(max(1, math.floor((last - first) / (BAR * bars) + 0.5))):
            beat = first + turn * bars * BAR
            start = section.start if turn == 0 else music.grid.time_of(beat)
            found.append(Span(start, section.end, beat, section.label, section.energy, turn))
    ends = [*(span.start for span in found[1:]), music.seconds]
    return [replace(span, end=end) for span, end in zip(found, ends, strict=True)]


def looks_of(spans: Sequence[Span], preset: Preset, given: Sequence[Look], seed: int) -> list[Look]:
    """Return a look per span. given: looks to be used in order; empty: those of the preset, begun where the seed says."""
    rng = np.random.default_rng(np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32]))
    lists: dict[str, list[Look]] = {}
    for level in LEVELS:
        own = [tuple(look.partition(":")[::2]) for look in preset.looks(level)]
        first = int(rng.integers(len(own)))  # two songs of an album begin elsewhere in the list
        lists[level] = own[first:] + own[:first]
    used = dict.fromkeys((*LEVELS, ""), 0)
    known: dict[tuple[int, int, str], Look] = {}
    found: list[Look] = []
    for i, span in enumerate(spans):
        level = "" if given else span.level
        choice = list(given) or lists[level]
        key = (span.label, span.turn, level)
        if key not in known:
            known[key], used[level] = _next(choice, used[level], found)
        look = known[key]
        if found and look == found[-1] and key != (spans[i - 1].label, spans[i - 1].turn, level):
            look, _ = _next(choice, choice.index(look) + 1, found)
        found.append(look)
    return found


def _next(choice: Sequence[Look], place: int, found: Sequence[Look]) -> tuple[Look, int]:
    """Return the look at `place`, round and round, or the one after it where that is on already; and the place after it."""
    if found and choice[place % len(choice)] == found[-1]:
        place += 1
    return choice[place % len(choice)], place + 1

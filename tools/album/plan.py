"""From the parts of a song to a show: which scene when, how it comes in, what the energy does to it. Pure functions.

Called before a render. A plan depends on the music (beat grid, sections), the preset and the seed, and on nothing else: the
same ones give the same plan, to the last digit. It is made of what a performer has, scenes and control changes, so that the
show document plays it like any other show.

    sections --cut at bars--> spans --energy, preset--> looks --> a scene file per look, /scene calls, values on bars
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from phosphene.engine.audio.sections import energy_curve
from phosphene.engine.core.params import Param
from phosphene.engine.models.media import is_source
from phosphene.engine.models.shaders import is_shader
from phosphene.engine.show.change import Change
from phosphene.engine.show.scene import Scene, Transition
from phosphene.engine.show.setlist import Cue, Setlist
from phosphene.tools.album.looks import BAR, Look, Music, Span, looks_of, spans_of
from phosphene.tools.album.presets import LEVELS, RELATIVE, Preset

SOURCE = "album"
_CALLED = 3.0  # beats before its downbeat a scene is called: one to clear a second deck away, a few frames to be ready
_JUMP = 0.3  # a part so much louder than the one before is a drop
_BUILD_BARS = 4  # before a louder part, values rise over so many bars
_BUILD = 0.5  # and so far of the way
_STEP = 1e-3  # smaller changes of a value are not worth a message


@dataclass(frozen=True)
class Piece:
    """A part of a song in one look. start, end: s of the film. beat: the downbeat that it starts on.

    level: calm, middle or peak. style: "" for the scene's own. slug: its scene file, that of the piece before where the look
    stays. kind, beats: how it comes in; kind "" where it does not have to. deck: where its scene plays.
    """

    start: float
    end: float
    beat: int
    label: int
    energy: float
    level: str
    scene: str
    style: str
    slug: str
    kind: str
    beats: float
    deck: str


@dataclass(frozen=True)
class Plan:
    """pieces: in order, without a gap. scenes: slug -> content of its scene file. script: what is changed on the way."""

    pieces: tuple[Piece, ...]
    scenes: dict[str, dict[str, Any]]
    script: tuple[Change, ...]

    @property
    def styles(self) -> tuple[str, ...]:
        """Every style of the library that is played, sorted: of decks and of acts."""
        return tuple(sorted(name for name in self._played() if not is_shader(name) and not is_source(name)))

    @property
    def shaders(self) -> tuple[str, ...]:
        """Every shader that is played like a style, sorted."""
        return tuple(sorted(filter(is_shader, self._played())))

    def _played(self) -> set[str]:
        decks = [scene[part] for scene in self.scenes.values() for part in ("deck", "second") if part in scene]
        acts = [act for scene in self.scenes.values() for act in scene.get("act", ())]
        return {part["style"] for part in (*decks, *acts) if part.get("style")}


def plan_song(
    music: Music,
    preset: Preset,
    scenes: Callable[[str], Scene],
    params: Mapping[str, Param],
    *,
    seed: int = 0,
    bars: int | None = None,
    looks: Sequence[Look] = (),
    style: str = "",
    overrides: Mapping[str, float] | None = None,
) -> Plan:
    """Return the plan of a song.

    scenes: reads a scene by slug. params: of one deck, by path. bars, looks: in place of the preset's; a look for each new
    part. style: on the deck of every scene. overrides: values of deck parameters.
    """
    fixed = dict(overrides or {})
    spans = spans_of(music, bars or preset.bars)
    chosen = [(scene, style or other) for scene, other in looks_of(spans, preset, looks, seed)]
    swell = _Swell(music, preset, params, fixed)
    pieces: list[Piece] = []
    files: dict[str, dict[str, Any]] = {}
    script: list[Change] = []
    deck = "a"
    for i, (span, look) in enumerate(zip(spans, chosen, strict=True)):
        if pieces and look == chosen[i - 1]:
            pieces.append(_piece(span, look, pieces[-1].slug, "", 0.0, deck))
            continue
        room = (spans[i + 1].beat if i + 1 < len(spans) else round(music.grid.position(music.seconds).beat)) - span.beat
        move = preset.drop if pieces and _drops(spans[i - 1], span) else preset.move
        transition = _transition(move.kind, move.beats, room)
        scene = _seen(scenes(look[0]), look[1], transition, room)
        if pieces:
            deck = _hidden(deck, files[pieces[-1].slug])
            slug = f"{len(files) + 1:02d}-{look[0]}"
            script.append(Change("/scene", (slug,), _rounded(music.grid.time_of(span.beat - _CALLED)), SOURCE))
        else:
            slug = f"01-{look[0]}"
        values = swell.bases(scene)
        cue = Cue(scene=slug, transition=transition, params=swell.values(values, span.energy) | fixed)
        played = Setlist(version=1, cue=(cue,)).played(0, scene)
        files[slug] = played.model_dump(mode="json", exclude={"slug"}, exclude_none=True)
        pieces.append(_piece(span, look, slug, transition.kind if script else "", transition.beats, deck))
        swell.bases_of[slug] = values
    for slug, same in groupby(pieces, key=lambda piece: piece.slug):
        script += swell.changes(slug, list(same))
    return Plan(tuple(pieces), files, tuple(sorted(script, key=lambda change: (change.t, change.path))))


def _drops(before: Span, span: Span) -> bool:
    return span.level == LEVELS[-1] and span.energy - before.energy >= _JUMP


def _transition(kind: str, beats: float, room: float) -> Transition:
    """Return a transition from the downbeat on that is over by the middle of the part; a cut where none fits."""
    beats = 0.0 if kind == "cut" else min(beats, room // (2 * BAR) * BAR)
    return Transition.model_validate({"kind": kind if beats > 0.0 else "cut", "beats": max(0.0, beats), "start": "bar"})


def _seen(scene: Scene, style: str, transition: Transition, room: float) -> Scene:
    """Return the scene with its style, and without its second deck where that would hardly be there before it goes."""
    if style:  # holds in every act
        free = tuple(act.model_copy(update={"style": ""}) for act in scene.act)
        scene = scene.model_copy(update={"act": free})
    deck = scene.deck.model_copy(update={"style": style}) if style else scene.deck
    second = scene.second if 2 * transition.beats + 3 * BAR <= room else None
    if second is not None:
        return scene.model_copy(update={"deck": deck})
    kept = tuple(m for m in scene.map if not _of_two(m.to))
    acts = tuple(
        act.model_copy(update={"values": {to: value for to, value in act.values.items() if not _of_two(to)}})
        for act in scene.act
    )
    return scene.model_copy(update={"deck": deck, "second": None, "map": kept, "act": acts})


def _of_two(path: str) -> bool:
    """Whether only a scene with two decks has this parameter."""
    return path.startswith("second/") or path == "crossfade"


def _hidden(deck: str, scene: Mapping[str, Any]) -> str:
    """Return the deck that the next scene lands on while `scene` plays from `deck`.

    A scene with a second deck leaves the crossfade between the two; the next one first clears it to the nearer end.
    """
    shown = deck
    if "second" in scene:
        fader = scene["mix"] if deck == "a" else 1.0 - scene["mix"]
        shown = "b" if fader > 0.5 else "a"
    return "b" if shown == "a" else "a"


def _piece(span: Span, look: Look, slug: str, kind: str, beats: float, deck: str) -> Piece:
    return Piece(
        _rounded(span.start), _rounded(span.end), span.beat, span.label, round(span.energy, 4), span.level,
        look[0], look[1], slug, kind, beats if kind else 0.0, deck,
    )  # fmt: skip


def _rounded(t: float) -> float:
    return round(max(0.0, t), 6)


class _Swell:
    """What the energy of the music does to the values of a scene."""

    def __init__(self, music: Music, preset: Preset, params: Mapping[str, Param], fixed: Mapping[str, float]) -> None:
        self.music, self.params = music, params
        self.ranges = {path: ends for path, ends in preset.energy.items() if path not in fixed}
        self.bases_of: dict[str, dict[str, float]] = {}

    def bases(self, scene: Scene) -> dict[str, float]:
        """Return the scene's own value of each parameter that the energy moves."""
        effects = {entry.effect: entry.params for entry in scene.deck.effects}
        found = {}
        for path in self.ranges:
            *effect, name = path.removeprefix("fx/").split("/")
            values = effects.get(effect[0], {}) if effect else scene.deck.params
            found[path] = float(values.get(name, self.params[path].default))
        return found

    def values(self, bases: Mapping[str, float], energy: float) -> dict[str, float]:
        """Return the values at an energy 0..1."""
        found = {}
        for path, (low, high) in self.ranges.items():
            by = low + (high - low) * energy
            value = bases[path] * by if path in RELATIVE else bases[path] + by
            found[path] = round(self.params[path].clamp(value), 4)
        return found

    def changes(self, slug: str, pieces: Sequence[Piece]) -> Iterator[Change]:
        """Yield the changes on the bars after the first of pieces that share a scene."""
        grid, bases, first = self.music.grid, self.bases_of[slug], pieces[0]
        last = self.values(bases, first.energy)
        end = min(pieces[-1].end, self.music.seconds)
        for beat in range(first.beat + BAR, math.ceil(grid.position(end).beat), BAR):
            t = grid.time_of(beat)
            piece = next(p for p in reversed(pieces) if p.beat <= beat)
            for path, value in self.values(bases, self._energy(piece, t)).items():
                if abs(value - last[path]) >= _STEP:
                    last[path] = value
                    yield Change(f"/deck/{first.deck}/{path}", (value,), _rounded(t), SOURCE)

    def _energy(self, piece: Piece, t: float) -> float:
        """Return the energy at `t`: its section's, and before a louder one a rise over the last bars."""
        sections = self.music.sections
        energy = energy_curve(sections, t)
        bar = 60.0 / self.music.grid.position(t).bpm * BAR
        after = energy_curve(sections, min(self.music.seconds, piece.end + 2.0))
        left = (piece.end - t) / bar
        if after > piece.energy and left <= _BUILD_BARS:
            share = _BUILD * (1.0 - left / (_BUILD_BARS + 1))
            energy = max(energy, piece.energy + (after - piece.energy) * share)
        return energy

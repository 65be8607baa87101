"""The show document's frozen values: what is on the decks, where the crossfade stands, what the next picture needs.

`ShowState` is what the performer has set (the base); `ShowFrame` is one frame of it with the music applied. Made by
`Document` on the main thread, read by anyone; nothing here changes in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from phosphene.engine.core.signals import FADERS
from phosphene.engine.show.acts import UNDIRECTED, Act, Direction
from phosphene.engine.show.catalogue import CROSSFADE, IDLE, LOOKAHEAD, MASTER
from phosphene.engine.show.layers import NO_LAYERS, Layers, most, played
from phosphene.engine.show.mapping import Mapping as SignalMapping
from phosphene.engine.show.piloting import PILOTING, Piloting
from phosphene.engine.show.scene import Scene, Transition

Chain = tuple[tuple[str, Mapping[str, float]], ...]


@dataclass(frozen=True, slots=True)
class DeckState:
    """One deck. style: what is on it. wanted: a style that is being loaded for it. chain: every effect, in order."""

    params: Mapping[str, float]
    chain: Chain
    style: str = IDLE
    wanted: str | None = None
    scene: str = ""
    mappings: tuple[SignalMapping, ...] = ()
    transition: Transition | None = None  # how the scene came in, for when this is saved as one
    direction: Direction = UNDIRECTED  # where the scene is in its acts
    layers: Layers = NO_LAYERS  # styles of its acts

    @property
    def seen(self) -> str:
        """The style that is seen: that of the act where it has one, in a change the one that is seen more."""
        return most(self.layers) or self.style

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """How much each style is seen, 1 in all; "" is the deck's own."""
        return played(self.layers)


@dataclass(frozen=True, slots=True)
class Fade:
    """An automatic crossfade. It waits for `start_beat`, then moves from `origin` to `target` in `beats`; `done` of them.

    drop: it waits for the next drop of the music instead, however long that takes. held: before either, for TAKE.
    """

    origin: float
    target: float
    kind: str
    beats: float
    start_beat: float
    quantum: float
    running: bool = False
    done: float = 0.0
    drop: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Staged:
    """A deck's next content, waiting for its style; then the crossfade moves to `target`."""

    deck: str
    content: DeckState
    target: float
    scene: Scene
    follow: Staged | None = None  # what goes on the other deck once that crossfade is over


@dataclass(frozen=True, slots=True)
class Step:
    """One change that can be taken back. path: where it was made; t: when it was made last, s of show time.

    value: what stood there. Of mappings: came is the `identity` of the one that came, mappings those that went, with their
    places. Of acts: decks are those whose acts changed, with the acts and mappings that they had; came says which value of
    which act it was, where it was one.
    """

    path: str
    t: float
    value: float | str = 0.0
    came: tuple[str, ...] | None = None
    mappings: tuple[tuple[int, SignalMapping], ...] = ()
    decks: tuple[tuple[str, tuple[Act, ...], tuple[SignalMapping, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ShowState:
    """The whole show document.

    black: level of the blackout, 0 picture .. 1 dark, moving towards `blackout`. paired: how much mapped values move the
    crossfade, 0..1; moving towards 1 while both decks belong to one scene, else towards 0. hurried: the scene that is asked
    for was asked for twice, and waits for no drop and no TAKE. drop: level of the signal `drop` when it was last told of,
    0..1; going: which of `build` and `break` went on then; bar: where the music was, in bars. preview: a scene that is
    called waits on the hidden deck for TAKE. lookahead: how early the beat is shown, ms.
    """

    a: DeckState
    b: DeckState
    crossfade: float = CROSSFADE.default
    kind: str = "dissolve"
    fade: Fade | None = None
    paired: float = 0.0
    staged: Staged | None = None
    follow: Staged | None = None
    queued: Scene | None = None
    master: float = MASTER.default
    blackout: bool = False
    black: float = 0.0
    freeze: bool = False
    guard: bool = True  # whether flashes are held back
    hud: bool = False
    preview: bool = False
    lookahead: float = LOOKAHEAD.default
    faders: tuple[float, ...] = (0.0,) * FADERS
    scene: str = ""
    scene_name: str = ""
    fader_labels: Mapping[int, str] = field(default_factory=dict)
    requested: str = ""  # slug of a scene that is being read
    requested_cue: int = -1
    hurried: bool = False
    cue: int = -1
    panics: int = 0
    drop: float = 0.0
    going: tuple[str, ...] = ()
    bar: float = 0.0
    autopilot: Piloting = PILOTING
    message: str = ""  # the newest refusal, for the HUD and clients
    saved: str = ""  # what came of the newest scene that was to be saved, for people
    undo: tuple[Step, ...] = ()  # what can be taken back, newest last

    def deck(self, name: str) -> DeckState:
        """Return deck "a" or "b"."""
        return self.a if name == "a" else self.b

    def with_deck(self, name: str, deck: DeckState) -> ShowState:
        """Return the document with another content of a deck."""
        return replace(self, a=deck) if name == "a" else replace(self, b=deck)

    def is_seen(self, name: str) -> bool:
        """Whether deck `name` is seen, also where a crossfade to it has just begun."""
        return (self.fade is not None and self.fade.running) or self.crossfade != float(name == "a")

    @property
    def on_standby(self) -> bool:
        """Whether a scene is on its deck and waits for a drop or for TAKE. `scene` is that scene's name already."""
        return self.fade is not None and (self.fade.drop or self.fade.held) and not self.fade.running

    @property
    def pending(self) -> str:
        """What is being loaded, or waits to be: "" when the show is as asked for."""
        if self.requested:
            return self.requested
        if self.queued:
            return self.queued.slug
        if self.staged:
            return self.staged.scene.slug
        if self.on_standby:
            return self.scene
        return self.a.wanted or self.b.wanted or ""


@dataclass(frozen=True, slots=True)
class DeckFrame:
    """One deck in one frame: final values, the music applied, all in range."""

    slug: str
    params: Mapping[str, float]
    chain: Chain


@dataclass(frozen=True, slots=True)
class ShowFrame:
    """Everything the mixer and the output pass need. mix: 0 deck a .. 1 deck b. blackout: 0 picture .. 1 dark."""

    a: DeckFrame
    b: DeckFrame
    mix: float = 0.0
    transition: str = "dissolve"
    master: float = 1.0
    blackout: float = 0.0
    freeze: bool = False
    guard: bool = True

    def deck(self, name: str) -> DeckFrame:
        """Return deck "a" or "b"."""
        return self.a if name == "a" else self.b


_STATE = TypeAdapter(ShowState)


def snapshot(state: ShowState) -> dict[str, Any]:
    """Return the document as plain JSON values, for the log of a take."""
    data: dict[str, Any] = _STATE.dump_python(state, mode="json")
    return data


def restore(data: Mapping[str, Any]) -> ShowState:
    """Return the document that `snapshot` wrote. Raises pydantic.ValidationError on foreign data."""
    return _STATE.validate_python(data)

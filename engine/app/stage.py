"""The stage: everything that one show owns, handed to the one frame function.

Live and offline build it with another clock, audio source, loader mode and sinks; nothing else differs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from phosphene.engine.app.autopilot import Autopilot
from phosphene.engine.app.delay import PictureDelay
from phosphene.engine.app.latency import OnsetLatency
from phosphene.engine.app.loader import Loader
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.compositor.guard import FlashGuard
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.core.clock import Clock
from phosphene.engine.core.errors import RateLimitedLog, one_line
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, Signals
from phosphene.engine.generators.base import Generator
from phosphene.engine.generators.layers import LayeredGenerator
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.latent import Walk
from phosphene.engine.output.base import Sink
from phosphene.engine.pacing.budget import FrameBudget
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.change import Action, Input
from phosphene.engine.show.document import Document
from phosphene.engine.show.layers import most
from phosphene.engine.show.mapping import Mappings
from phosphene.engine.show.state import ShowFrame, ShowState
from phosphene.engine.tempo.timeline import Timeline

if TYPE_CHECKING:
    from phosphene.engine.audio.tag_runner import TagRunner

_quiet = RateLimitedLog(logging.getLogger(__name__))


Tags = Callable[[float], Mapping[str, float]]


def no_tags(t: float) -> Mapping[str, float]:
    """Return nothing: nobody tags the music."""
    return {}


class ActionHandler(Protocol):
    """Does what the show document asks of the outside (recorder, audio), and hears what was applied."""

    def applied(self, inputs: Sequence[Input], frame: Frame) -> None:
        """Hear what this frame's show document is about to be given, for the take's log."""
        ...

    def act(self, action: Action, frame: Frame) -> None:
        """Carry out an action that is not a matter of styles, scenes or tempo."""
        ...


class BeatClock(Protocol):
    """Says where the beat is: `tempo.conductor.Conductor` live, `tempo.grid.GridConductor` over a whole file."""

    @property
    def leader(self) -> str:
        """Who leads, in a word: `hand`, `music`, `nobody`."""
        ...

    def update(self, line: Timeline | None, t: float, outside: tuple[str, Timeline] | None = None) -> None:
        """Hear the tracker's newest line, once a frame; outside: the name and line of who leads instead."""
        ...

    def requested(self) -> float | None:
        """Return, once, the tempo that a hand asked for while somebody outside leads."""
        ...

    def position(self, t: float) -> BeatPosition:
        """Return the beat at `t`."""
        ...

    def tap(self, t: float) -> None: ...
    def set_bpm(self, bpm: float, t: float) -> None: ...
    def resync(self, t: float) -> None: ...
    def follow(self) -> None: ...
    def nudge(self, beats: float, t: float) -> None: ...
    def multiply(self, factor: float, t: float) -> None: ...
    def look_ahead(self, seconds: float) -> None: ...


class Lead(Protocol):
    """Somebody outside who may lead the tempo: Ableton Link, a MIDI clock."""

    name: str

    def line(self) -> Timeline | None:
        """Return its line as of now; None while it does not lead. Never waits."""
        ...

    def set_bpm(self, bpm: float) -> bool:
        """Set its tempo; False where that is not ours to set."""
        ...


class LastPass(Protocol):
    """Makes the mixer's linear picture one of the output: `OutputPass`, or `ExportPass` offline."""

    def draw(
        self,
        picture: RenderTarget,
        target: RenderTarget,
        master: float = 1.0,
        blackout: float = 0.0,
        index: int = 0,
        held: RenderTarget | None = None,
    ) -> None: ...

    def close(self) -> None: ...


@dataclass
class DeckStyle:
    """What plays a deck's style, for the HUD and the report."""

    style: str = ""
    backend: str = ""
    refused: list[dict[str, str]] = field(default_factory=list)
    failed: frozenset[str] = frozenset()  # backends that raised in mid-show with this style
    generator: Generator | None = None


@dataclass
class Stage:
    """One show. Owned by the render thread."""

    clock: Clock
    source: AudioSource
    bus: ControlBus
    document: Document
    state: ShowState
    conductor: BeatClock
    mappings: Mappings
    governor: Governor
    budget: FrameBudget
    loader: Loader
    mixer: Mixer
    guard: FlashGuard
    output_pass: LastPass
    output: RenderTarget
    actions: ActionHandler
    latency: OnsetLatency
    leads: list[Lead] = field(default_factory=list)  # who may lead the tempo from outside, the first one first
    sinks: list[Sink] = field(default_factory=list)
    playing: dict[str, DeckStyle] = field(default_factory=lambda: {"a": DeckStyle(), "b": DeckStyle()})
    ready: dict[str, DeckStyle] = field(default_factory=dict)  # loaded, and not yet what the document shows on that deck
    # Styles of acts by name, beside the deck's own; and what plays them as one, while a deck has any.
    beside: dict[str, dict[str, DeckStyle]] = field(default_factory=lambda: {"a": {}, "b": {}})
    layered: dict[str, LayeredGenerator] = field(default_factory=dict)
    tags: Tags = no_tags  # what kind of music plays at a time, s on the line of the records
    tagger: TagRunner | None = None  # who tags it in a show, for those who tell about it
    signals: Signals | None = None  # of the newest frame, for those who tell about it
    began: float = 0.0  # when this frame's work began, on the clock's line
    aside_s: float = 0.0  # how long this frame worked on what the show does not need: no reason for smaller pictures
    waited_s: float = 0.0  # how long the display waited for its refresh in this frame: time, but no work
    delay: PictureDelay = field(default_factory=PictureDelay)
    # Decks whose generator raised since the last frame, and the style of an act that it played, "" for the deck's own.
    broken: list[tuple[str, str]] = field(default_factory=list)
    sizes: list[tuple[float, Size]] = field(default_factory=list)  # show time in s at which each internal size began
    messages: list[str] = field(default_factory=list)  # short lines for the HUD, newest last
    live: bool = False  # whether frames may not wait for a decoder; offline each frame has its own picture
    walk: Walk | None = None  # how latents move; None: with each style's own time
    shown: ShowFrame | None = None  # the newest frame's values
    moved: dict[str, tuple[str, float]] = field(default_factory=dict)  # address -> who moved it last, and when (clock line)
    # Scenes that the show saved itself -> when their files were written, by the file system; None: that is under way.
    written: dict[str, float | None] = field(default_factory=dict)
    autopilot: Autopilot | None = None  # changes scenes by itself; renders have none: what it did stands in their log
    refused: int = 0  # faults of the show document, of mappings and of what messages do: each cost itself only

    def shown_style(self, deck: str) -> DeckStyle:
        """Return what plays the style that is seen most on a deck."""
        return self.beside[deck].get(most(self.state.deck(deck).layers), self.playing[deck])

    def note_size(self, t: float, size: Size) -> None:
        """Keep the history of internal sizes; the newest 1000."""
        if not self.sizes or self.sizes[-1][1] != size:
            self.sizes.append((t, size))
            del self.sizes[:-1000]

    def say(self, line: str) -> None:
        """Add a line for the HUD, the report and the terminal, unless it is the newest one; the last 50 are kept."""
        if self.messages[-1:] == [line]:
            return
        if self.live:  # offline whoever began the render tells
            _quiet.warning(" ".join(line.split()[:2]), one_line(line))
        self.messages.append(line)
        del self.messages[:-50]

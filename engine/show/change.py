"""What comes into the show document, and what it asks of the outside in return. Frozen values, nothing else.

Control surfaces (OSC, MIDI, keyboard) make `Change`s on their own threads; the loader's answers come in as `SceneReady`,
`StyleReady` and their failures. `Document.apply` takes them on the main thread and returns `Action`s, which the
application carries out; what came of a scene that was to be saved is an answer, too. Nothing here touches a socket, a file
or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phosphene.engine.show.scene import Scene

Value = float | int | str


@dataclass(frozen=True, slots=True)
class Change:
    """One checked control message. path: canonical address such as `/deck/a/zoom`; args: typed and in range.

    t: arrival, s on the clock.now() line. source: "osc HOST", "midi DEVICE", "key", "take"... `every`: a press that must
    not be replaced by a later one on the same address.
    """

    path: str
    args: tuple[Value, ...] = ()
    t: float = 0.0
    source: str = ""
    every: bool = False


@dataclass(frozen=True, slots=True)
class SceneReady:
    """A scene that was read and checked."""

    scene: Scene


@dataclass(frozen=True, slots=True)
class SceneFailed:
    """A scene that was refused: the running one goes on."""

    slug: str
    reason: str


@dataclass(frozen=True, slots=True)
class StyleReady:
    """`style` is loaded, warmed, and can be shown on `deck` from this frame on. beside: for its acts, next to its own."""

    deck: str
    style: str
    beside: bool = False


@dataclass(frozen=True, slots=True)
class StyleFailed:
    """`style` was refused on `deck`: the old one plays on. beside: as of StyleReady."""

    deck: str
    style: str
    reason: str
    beside: bool = False


@dataclass(frozen=True, slots=True)
class SceneSaved:
    """What was on stage is a scene now, and can be called."""

    slug: str


@dataclass(frozen=True, slots=True)
class SceneNotSaved:
    """A scene could not be written: what is there stays as it is."""

    slug: str
    reason: str


Input = Change | SceneReady | SceneFailed | StyleReady | StyleFailed | SceneSaved | SceneNotSaved


@dataclass(frozen=True, slots=True)
class LoadScene:
    """Read and check a scene, then answer with SceneReady or SceneFailed."""

    slug: str


@dataclass(frozen=True, slots=True)
class LoadStyle:
    """Load, check and warm a style for a deck, then answer with StyleReady or StyleFailed. beside: as of StyleReady."""

    deck: str
    style: str
    beside: bool = False


@dataclass(frozen=True, slots=True)
class SaveScene:
    """Write a scene, then answer with SceneSaved or SceneNotSaved. again: in the place of one of that name.

    In a rerender nothing is written, and the answer is the one that came.
    """

    slug: str
    again: bool
    scene: Scene


@dataclass(frozen=True, slots=True)
class Tempo:
    """For the conductor. kind: tap, bpm, resync, follow, nudge (beats), multiply or lookahead (ms); t: when the message
    arrived."""

    kind: str
    value: float
    t: float


@dataclass(frozen=True, slots=True)
class Record:
    """Start (True), stop (False) or toggle (None) the recording: only the recorder knows which of them it is in."""

    on: bool | None


@dataclass(frozen=True, slots=True)
class AudioGain:
    """Set the input gain, a linear factor."""

    gain: float


@dataclass(frozen=True, slots=True)
class AudioInput:
    """Switch the audio input by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Output:
    """For the display. what: `monitor` (its name), `fullscreen` or `operator` (True, False; None: change over)."""

    what: str
    value: str | bool | None


@dataclass(frozen=True, slots=True)
class MidiLearn:
    """Let the next MIDI control that moves play an address; the same again, or "", ends it."""

    address: str


@dataclass(frozen=True, slots=True)
class MidiAnswer:
    """Answer what learning a MIDI control asks: "replace", "add" or "keep"."""

    answer: str


@dataclass(frozen=True, slots=True)
class MidiForget:
    """Let no MIDI control play an address."""

    address: str


@dataclass(frozen=True, slots=True)
class Panic:
    """Forget what effects have accumulated (feedback trails) on both decks."""


Action = (
    LoadScene
    | LoadStyle
    | SaveScene
    | Tempo
    | Record
    | AudioGain
    | AudioInput
    | Output
    | MidiLearn
    | MidiAnswer
    | MidiForget
    | Panic
)

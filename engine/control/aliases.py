"""What other programs call our addresses: Resolume, QLab, and OSCQuery clients that take an address for a folder. Data."""

from __future__ import annotations

from collections.abc import Iterable

from phosphene.engine.control.address import Alias
from phosphene.engine.core.signals import FADERS
from phosphene.engine.show.catalogue import DECKS

_COLUMNS = 16  # Resolume columns that call our scenes


def aliases(bpm: tuple[float, float]) -> list[Alias]:
    """Return all of them. bpm: what Resolume's tempo control spans."""
    return [*_resolume(bpm), *_qlab(), *_chataigne()]


def _resolume(bpm: tuple[float, float]) -> Iterable[Alias]:
    """Resolume Avenue and Arena: paths start at 1, values are 0..1, buttons send 1 and 0."""
    yield Alias("/composition/crossfader/phase", "/crossfade", "Crossfader")
    yield Alias("/composition/master", "/master", "Master of the composition")
    yield Alias("/composition/video/opacity", "/master", "Opacity of the composition")
    for number, deck in enumerate(DECKS, 1):
        yield Alias(f"/composition/layers/{number}/video/opacity", f"/deck/{deck}/level", f"Layer {number} is deck {deck}")
    for number in range(1, _COLUMNS + 1):
        path = f"/composition/columns/{number}/connect"
        yield Alias(path, "/scene/number", f"Column {number} is scene {number}", fixed=(number,))
    yield Alias("/composition/connectnextcolumn", "/scene/next", "Next column", fixed=())
    yield Alias("/composition/disconnectall", "/blackout", "Nothing to be seen", fixed=(1,))
    yield Alias("/composition/recorder/record", "/record", "Recorder")
    tempo = "/composition/tempocontroller"
    yield Alias(f"{tempo}/tempo", "/tempo/bpm", "Tempo: 0..1 is 20..500 bpm", scale=bpm)
    yield Alias(f"{tempo}/tempotap", "/tempo/tap", "TAP", fixed=())
    yield Alias(f"{tempo}/resync", "/tempo/resync", "RESYNC", fixed=())
    # Resolume bends the tempo while the button is held; a press here moves the beat by 1/32, about 15 ms at 120 bpm.
    yield Alias(f"{tempo}/tempopush", "/tempo/nudge", "Nudge ahead", fixed=(1 / 32,))
    yield Alias(f"{tempo}/tempopull", "/tempo/nudge", "Nudge back", fixed=(-1 / 32,))
    for path in ("tempo/multiply", "tempomultiplytwo"):
        yield Alias(f"{tempo}/{path}", "/tempo/multiply", "Tempo times 2", fixed=(2.0,))
    for path in ("tempo/divide", "tempodividetwo"):
        yield Alias(f"{tempo}/{path}", "/tempo/multiply", "Tempo by 2", fixed=(0.5,))
    for i in range(1, FADERS + 1):
        yield Alias(f"/composition/dashboard/link{i}", f"/fader/{i}", f"Dashboard link {i}")


def _qlab() -> Iterable[Alias]:
    yield Alias("/go", "/cue/go", "QLab's GO", fixed=())


def _chataigne() -> Iterable[Alias]:
    """To Chataigne what has addresses below it is a folder and nothing else: these get a leaf of their own there."""
    yield Alias("/crossfade/position", "/crossfade", "For OSCQuery clients that take `/crossfade` for a folder")
    yield Alias("/scene/slug", "/scene", "For OSCQuery clients that take `/scene` for a folder")
    yield Alias("/autopilot/on", "/autopilot", "For OSCQuery clients that take `/autopilot` for a folder")

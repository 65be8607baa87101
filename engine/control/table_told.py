"""Addresses that the show sends: its state, as clients and surfaces are told of it. A part of the one table (`table.py`)."""

from __future__ import annotations

from collections.abc import Iterable

from phosphene.engine.control.address import Address, Argument
from phosphene.engine.core.signals import FADERS
from phosphene.engine.show.catalogue import DECKS

LISTEN, TOKEN = "/listen", "/state/token"  # how a host says that it receives: see feedback.py

# path, type, name, unit, description, times a second at most
_STATE: tuple[tuple[str, str, str, str, str, float], ...] = (
    ("/state/scene", "s", "slug", "", "The scene on stage, or on its deck and waiting for its beat or a drop", 30.0),
    ("/state/pending", "s", "name", "", "What is loading, or waits for its beat, a drop or TAKE; empty: nothing", 30.0),
    ("/state/standby", "s", "slug", "", "The scene that waits on the hidden deck for its drop or TAKE; empty: none", 30.0),
    ("/state/fade", "s", "text", "", "What the crossfade does or waits for; empty when it stands still", 30.0),
    ("/state/cue", "i", "number", "", "The setlist's cue that was played last, from 1; 0 before the first", 30.0),
    ("/state/message", "s", "text", "", "The newest refusal, for people; empty when all is well", 30.0),
    ("/state/black", "f", "level", "", "Blackout as it is seen: 0 picture, 1 dark", 30.0),
    ("/state/guard", "s", "state", "", "Flash guard: on, holding back, or off", 10.0),
    ("/state/beat", "i", "beat", "", "Which beat of the bar, from 1, sent on each beat", 30.0),
    ("/state/tempo/bpm", "f", "bpm", "bpm", "Tempo", 10.0),
    ("/state/tempo/confidence", "f", "confidence", "", "How sure the beat tracker is, 0 to 1", 10.0),
    (
        "/state/tempo/source",
        "s",
        "who",
        "",
        "Who leads the tempo: link, midi clock, music, hand (taps, a set tempo), or nobody: it runs on",
        10.0,
    ),
    ("/state/tempo/per_bar", "i", "beats", "", "Beats to a bar", 10.0),
    ("/state/tempo/bar_confidence", "f", "confidence", "", "How sure it is of the bars, 0 to 1", 10.0),
    ("/state/audio/input", "s", "name", "", "The audio input that plays now; empty while there is none", 10.0),
    ("/state/audio/level", "f", "level", "", "Loudness, 0 to 1 (-60 to 0 dB)", 10.0),
    ("/state/audio/peak", "f", "peak", "", "Raw input peak before gain; 1 clips", 10.0),
    ("/state/audio/clipped", "i", "samples", "", "Samples of the input that were clipped since the start", 10.0),
    ("/state/audio/state", "s", "state", "", "running, starting or lost", 10.0),
    ("/state/fps", "f", "fps", "1/s", "Frames a second, over the last second", 10.0),
    ("/state/frame/p99", "f", "ms", "ms", "Frame time that 99 of 100 frames keep, over the last seconds", 10.0),
    ("/state/frame/missed", "i", "frames", "", "Frames missed since the start", 10.0),
    ("/state/size", "s", "size", "", "Internal size of the picture", 10.0),
    ("/state/backend", "s", "name", "", "What runs the networks", 10.0),
    ("/state/recorder/on", "i", "on", "", "1 while a take is recorded", 10.0),
    ("/state/recorder/seconds", "f", "s", "s", "Length of the take so far", 10.0),
    ("/state/recorder/disk", "f", "GB", "GB", "Room left on the disk of takes", 10.0),
    ("/state/recorder/dropped", "i", "frames", "", "Frames the recorder had to leave out", 10.0),
    ("/state/control/received", "i", "messages", "", "Control messages taken since the start", 10.0),
    ("/state/control/rejected", "i", "messages", "", "Control messages refused since the start", 10.0),
    ("/state/control/error", "s", "text", "", "The newest refusal of a control message", 10.0),
    ("/state/output/monitor", "s", "name", "", "The screen that the picture fills, or would fill", 10.0),
    ("/state/output/monitors", "s", "names", "", "The screens that are there, one a line; empty: there is no window", 10.0),
    ("/state/midi/devices", "s", "names", "", "The MIDI controllers that are plugged in", 10.0),
    (
        "/state/midi/learning",
        "s",
        "address",
        "",
        "What the next MIDI control that moves will play; empty: nobody learns",
        30.0,
    ),
    (
        TOKEN,
        "i",
        "token",
        "",
        f"Sent to a host that is not known to receive: `{LISTEN} token` shows that it does",
        1.0,
    ),
)


def told() -> Iterable[Address]:
    """Yield them."""
    decks = [(f"/state/deck/{deck}/style", "s", "slug", "", f"The style on deck {deck}", 30.0) for deck in DECKS]
    decks += [(f"/state/deck/{deck}/scene", "s", "slug", "", f"The scene on deck {deck}, or none", 30.0) for deck in DECKS]
    decks += [(f"/state/deck/{deck}/act", "s", "name", "", "The act of that scene, or none", 30.0) for deck in DECKS]
    decks += [(f"/state/deck/{deck}/acts", "s", "names", "", "Its acts, with spaces between", 30.0) for deck in DECKS]
    inputs = "What the eight shader parameters of deck {} move, such as `1 Width, 2 Height`; empty: no shader"
    decks += [(f"/state/deck/{deck}/shader", "s", "inputs", "", inputs.format(deck), 10.0) for deck in DECKS]
    picture = "The picture on deck {}: its size, a clip's length, what is wrong with it; empty: no picture"
    decks += [(f"/state/deck/{deck}/source", "s", "source", "", picture.format(deck), 10.0) for deck in DECKS]
    faders = [(f"/state/fader/{i}/label", "s", "label", "", f"What fader {i} does", 30.0) for i in range(1, FADERS + 1)]
    for path, kind, name, unit, description, rate in (*_STATE, *decks, *faders):
        argument = Argument(name, kind, unit=unit)
        yield Address(path, (argument,), description, output=True, rate_hz=rate, group="State, sent")
    yield Address(
        "/state/midi/learnt",
        (Argument("address", "s"), Argument("control", "s")),
        "What was learnt last, and the control that plays it",
        output=True,
        group="State, sent",
    )
    yield Address(
        "/state/midi/question",
        tuple(Argument(name, "s") for name in ("address", "control", "plays", "others")),
        "What learning asks, answered by `/midi/answer`: the address that is learnt, the control that was moved, what that "
        "one plays now, and which controls play the address. All empty while nothing is asked",
        output=True,
        group="State, sent",
    )
    yield Address(
        "/state/midi/waiting",
        (Argument("address", "s"), Argument("way", "f")),
        "An address whose MIDI control was moved and has not reached the value yet, and how far it is: 1 is the whole way "
        "up, -1 down. Empty when none waits",
        output=True,
        group="State, sent",
    )

"""Thirteen drum patterns in sixteenths, with fills.

A line is one or more bars that alternate; X x o - are hits from loud to ghost, anything else is a rest; spaces do not count.
`hat` may hold `O`, an open one. Several lines of a voice are choices: a piece takes one and keeps to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

VELOCITY = {"X": 1.0, "O": 0.9, "x": 0.78, "o": 0.5, "-": 0.28}

Line = tuple[str, ...]


@dataclass(frozen=True)
class Pattern:
    """beats: to a bar; steps: sixteenths to a beat; bpm: (slowest, fastest) that it is played at.

    divided: into how many a beat falls, 2 or 3. Each voice, and the bass: lines to choose from.
    """

    bpm: tuple[float, float]
    kick: tuple[Line, ...]
    snare: tuple[Line, ...]
    hat: tuple[Line, ...]
    bass: tuple[Line, ...]
    beats: int = 4
    steps: int = 4
    divided: int = 2
    fills: tuple[str, ...] = field(default=())

    @property
    def bar_steps(self) -> int:
        """Return how many sixteenths a bar has."""
        return self.beats * self.steps


_FILLS_4 = (".... .... .... o.xX", ".... .... oooo xxXX", ".... X..o ..X. .xXX", ".... .... X.o. X.xx")
_BASS_4 = (("X... .... X... ....",), ("X.x. x.x. X.x. x.x.",), ("..xo ..x. ..xo .xX.",), ("X..x ..x. X... ..x.",))
_HOUSE_HATS = (("..O. ..O. ..O. ..O.",), ("-.O. -.O. -.O. -.Oo",), ("x-O- x-O- x-O- x-O-",))
_EIGHTHS = (("X.o. x.o. x.o. x.o.",), ("x.x. x.x. x.x. x.xo",), ("X.x. x.x. X.x. x.O.",))

PATTERNS: dict[str, Pattern] = {
    "house": Pattern(
        (112.0, 130.0),
        kick=(("X... X... X... X...",), ("X... X... X... X..o", "X... X... X... X.o.")),
        snare=((".... X... .... X...",), (".... X... .... X..-", ".... X... .-.. X...")),
        hat=_HOUSE_HATS,
        bass=(*_BASS_4[2:], ("..X. ..X. ..X. ..x.",)),
        fills=_FILLS_4[:3],
    ),
    "techno": Pattern(
        (122.0, 145.0),
        kick=(("X... X... X... X...",),),
        snare=(("",), (".... .... .... ....", ".... .... .... ..-."), (".... o... .... o...",)),
        hat=(("..X. ..X. ..X. ..X.",), ("..X. ..X. ..X. ..X-",)),
        bass=((".xxx .xxx .xxx .xxx",), ("..x. ..x. ..x. ..xo",)),
        fills=("", ".... .... .... oooo"),
    ),
    "disco": Pattern(
        (105.0, 128.0),
        kick=(("X... X... X... X...",), ("X... X... X..o X...",)),
        snare=((".... X... .... X...",), (".... X..- .... X.-.",)),
        hat=(("x-O- x-O- x-O- x-O-",), ("xxOx xxOx xxOx xxOx",)),
        bass=(("X.x. X.x. X.x. X.x.",), ("x.X. x.X. x.X. x.Xx",)),
        fills=_FILLS_4,
    ),
    "dubstep": Pattern(
        (136.0, 144.0),
        kick=(("X... .... ..x. ....", "X... ..x. .... ..o."), ("X... .... .... ..x.", "X.x. .... .... ....")),
        snare=((".... .... X... ....",), (".... .... X... ...-", ".... .... X.-. ..-.")),
        hat=(("x.o. x.o. x.o. x.oo",), ("..x. .-x. ..x. .xo.",), ("x..x ..x. x..x ..x.",)),
        bass=(("X... ..x. X..x ..x.", "X..x ..x. X.x. x.x."), ("X... .... X... x.x.",)),
        fills=(".... .... X... xxxx", ".... .... X..x ..xX"),
    ),
    "dnb": Pattern(
        (168.0, 178.0),
        kick=(("X... .... ..X. ....",), ("X... .... ..X. ....", "X.x. .... ..X. ...."), ("X.X. .... ..Xx ....",)),
        snare=((".... X... .... X...",), (".... X..- .-.. X..-",), (".... X..- .-.. X...", ".... X..- .-.. ..X.")),
        hat=(("x.x. x.x. x.x. x.x.",), ("x-x- x-x- x-x- x-x-",), ("X.xo x.xo X.xo x.xo",)),
        bass=(("X... .... ..X. ....",), ("X..x ..x. ..X. ..x.",)),
        fills=(".... X..o ..X. X.XX", ".... XoXo ..X. XxXx"),
    ),
    "hip-hop": Pattern(
        (78.0, 98.0),
        kick=(("X.x. .... ..x. ....", "X.x. .... ..xx ...."), ("X... ...x ..X. ....",), ("X..x .... ..X. .x..",)),
        snare=((".... X... .... X...",), (".... X..- .-.. X..-",)),
        hat=(("x.x. x.x. x.x. x.x.",), ("x-x- x-xo x-x- x-O-",), ("X.xo x.x. X.xo x.x-",)),
        bass=(("X.x. .... ..x. ....",), ("X... ...x ..X. .x..",)),
        fills=_FILLS_4,
    ),
    "trap": Pattern(
        (130.0, 160.0),
        kick=(("X... .... ..x. ....", "X..x .... .... x..."), ("X... ..x. .... ..x.", "X... .... ..x. .x..")),
        snare=((".... .... X... ....",), (".... .... X... ....", ".... .... X... ...o")),
        hat=(("x.x. x.x. xxxx x.x.", "x.x. xxxx x.x. x.xx"), ("x.o. x.o. x.o. xxxx", "x.o. x.xx x.o. x.o.")),
        bass=(("X... .... ..x. ....", "X..x .... .... x..."), ("X... .... .... ....", "X... .... ..x. ....")),
        fills=(".... .... X... X.XX", ".... .... X.x. xxXX"),
    ),
    "garage": Pattern(
        (128.0, 136.0),
        kick=(("X... .... ..X. ....", "X... ...x ..X. ...."), ("X..x .... ..X. .x..",)),
        snare=((".... X... .... X...",), (".... X..- -... X.-.",)),
        hat=(("..x. .-x. ..x. .-x-",), ("-.X. -oX. -.X. -oXo",)),
        bass=(("X..x ..x. ..X. .x..",), ("..X. x..x ..X. ..x.",)),
        fills=_FILLS_4[:3],
    ),
    "rock": Pattern(
        (88.0, 160.0),
        kick=(("X... .... X.x. ....",), ("X... ..x. X.x. ....",), ("X.x. .... X... ..x.", "X... .... X.x. ....")),
        snare=((".... X... .... X...",), (".... X... .-.. X..-",)),
        hat=_EIGHTHS,
        bass=(("X.x. x.x. X.x. x.x.",), ("X... ..x. X.x. ..x.",)),
        fills=_FILLS_4,
    ),
    "waltz": Pattern(
        (84.0, 190.0),
        kick=(("X... .... ....",), ("X... .... ....", "X... .... ..o.")),
        snare=((".... x... x...",), (".... o... o...", ".... o... o.-.")),
        hat=(("x... x... x...",), ("X.o. x.o. x.o.",), (".... x.o. x.o.",)),
        bass=(("X... .... ....",), ("X... ..x. x...",)),
        beats=3,
        fills=(".... x.o. xxXX", "X... X.x. x.x."),
    ),
    "6/8": Pattern(
        (46.0, 80.0),
        kick=(("X... .. .... ..",), ("X... .. ..x. ..",), ("X... x. .... x.",)),
        snare=((".... .. X... ..",), (".... .. X... -.",)),
        hat=(("X.o.o. X.o.o.",), ("X.x.x. x.x.x.",), ("X.o.x. x.o.xo",)),
        bass=(("X... .. X... x.",), ("X... x. X... ..",)),
        beats=2,
        steps=6,
        divided=3,
        fills=("...... X.x.xX", "x.x.x. XxXxXX"),
    ),
    "5/4": Pattern(
        (90.0, 175.0),
        kick=(("X... .... ..x. X... ....",), ("X... ..x. .... X... ....",)),
        snare=((".... .... X... .... X...",), (".... X... .... .... X...",)),
        hat=(("X.o. x.o. x.o. X.o. x.o.",), ("x... x... x... x... x...",)),
        bass=(("X... ..x. .... X... ....",), ("X.x. .... x... X... x...",)),
        beats=5,
        fills=(".... .... X... ..x. xxXX",),
    ),
    "7/4": Pattern(
        (90.0, 175.0),
        kick=(("X... .... X... .... X... ..x. ....",), ("X... .... ..x. .... X... .... ..x.",)),
        snare=((".... X... .... X... .... .... X...",), (".... X... .... X... .... X... X...",)),
        hat=(("X.o. x.o. x.o. x.o. X.o. x.o. x.o.",), ("x... x... x... x... x... x... x...",)),
        bass=(("X... .... x... .... X... ..x. ....",), ("X.x. .... X.x. .... X... x... x...",)),
        beats=7,
        fills=(".... X... .... X... .... oooo xxXX",),
    ),
}


def hits(line: Line, bar: int) -> list[tuple[int, str]]:
    """Return (sixteenth of the bar, mark) of the hits of bar number `bar` >= 0."""
    text = line[bar % len(line)].replace(" ", "")
    return [(step, mark) for step, mark in enumerate(text) if mark in VELOCITY]


def pick(lines: tuple[Line, ...], rng: np.random.Generator, which: int | None = None) -> Line:
    """Return one of the lines: number `which` or any."""
    return lines[int(rng.integers(len(lines))) if which is None else which % len(lines)]

"""What a piece of music is made from, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Recipe:
    """What a piece is made from; everything else follows from `seed`.

    bpm: beats a minute (dotted quarters of 6/8), or points (s, bpm). ride: points (s, speed of the turntable). swing: how
    late the odd sixteenths are, in sixteenths, 0..0.5. lines: which of the pattern's lines kick, snare, hat and bass take,
    None: any. kit: of KITS; vary: how far each drum differs from it. Then levels of the voices. duck: 0..1, how far a kick
    takes the music away. loose: s, the spread of the hits. intro: bars; breaks: bars of every 16 that have no drums.
    ambience: level of a small room. end_db: rms of the whole.
    """

    pattern: str
    kit: str
    bpm: float | Points
    seconds: float = 30.0
    seed: int = 0
    swing: float = 0.0
    ride: Points = ((0.0, 1.0),)
    lines: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    vary: float = 0.1
    drums: float = 1.0
    kick: float = 1.0
    snare: float = 1.0
    hat: float = 1.0
    bass: float = 0.35
    pad: float = 0.3
    lead: float = 0.0
    duck: float = 0.4
    loose: float = 0.002
    intro: int = 4
    breaks: int = 0
    fills: bool = True
    ambience: float = 0.06
    end_db: float = -15.0

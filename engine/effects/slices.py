"""Slices: rows or tiles of the picture that jump aside with attacks or on the beat, and slide back. Their edges are sharp.

Used by the chain on the render thread, at the output's size. Which slice goes where is drawn by a hash of its place and of
how many jumps there have been: the same show gives the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from phosphene.engine.core.frame import Frame
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import HIT_DECAY_S, Signals
from phosphene.engine.effects.base import amount
from phosphene.engine.effects.beats import BeatSteps
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

_REACH = 0.8  # picture heights: the longest way
_RISE = 0.25  # of the signal `onset`, which falls from 1 after each attack: a rise by as much is the next one
_JUMPS = 1 << 20  # before the same ones come again
_FIRST_OF_BEAT = 4  # so often in a beat another jump is the first: an effect that music switches on must not repeat itself


class Slices:
    """The picture falls into pieces that jump."""

    name = "slices"
    sharp = True
    params = (
        amount("How far pieces jump"),
        Param("rows", "Rows", 1.0, 96.0, 24.0, "Slices over the height of the picture"),
        Param("tiles", "Tiles", 0.0, 32.0, 0.0, "Pieces over the width; 0 leaves rows whole"),
        Param("share", "Share", 0.0, 1.0, 0.5, "Part of the pieces that jump"),
        Param("uneven", "Uneven", 0.0, 1.0, 0.4, "Rows that stay together in fours"),
        Param("angle", "Angle", -1.0, 1.0, 0.0, "Direction of the rows; 0 is level", "turns"),
        Param("every", "Every", 0.0, 16.0, 0.0, "Time between two jumps; 0 jumps with each attack", "beats"),
        Param("hold", "Hold", 0.05, 16.0, 1.0, "Time in which a way falls to 37 %", "beats"),
        Param("split", "Split", 0.0, 1.0, 0.08, "Red and blue go further and less far than green"),
    )

    def __init__(self, passes: Passes) -> None:
        self._pass = passes["effects/slices.frag"]
        self._beats = BeatSteps()
        self.reset()

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        self._listen(frame, signals, params["every"])
        angle = 2.0 * math.pi * params["angle"]
        self._pass.draw(
            target,
            textures={"source": source},
            aspect=target.size.aspect,
            turn=(math.cos(angle), math.sin(angle)),
            rows=params["rows"],
            columns=params["tiles"] / target.size.aspect,
            reach=_REACH * params["amount"] * math.exp(-self._age / params["hold"]),
            share=params["share"],
            uneven=params["uneven"],
            split=params["split"],
            jump=self._jump,
        )

    def memory(self) -> list[float]:
        """See `Resumable`."""
        heard = self._waited, self._onset, self._valley, float(self._rising)
        return [float(self._jump), self._age, *heard, *self._beats.memory()]

    def resume(self, memory: list[float]) -> None:
        """See `Resumable`."""
        jump, self._age, self._waited, self._onset, self._valley, rising, *beat = memory
        self._rising = bool(rising)
        self._jump = int(jump) % _JUMPS if jump >= 0.0 else -1
        self._beats.resume(beat)

    def reset(self) -> None:
        """Begin anew, with pieces that the beat chooses."""
        self._jump = -1  # not begun
        self._age = 0.0  # beats since the newest jump
        self._waited = 0.0  # beats since one was due by `every`
        self._onset = self._valley = 1.0  # the signal in the last frame, and where it last was lowest
        self._rising = True  # an attack from before this effect was on is none
        self._beats.reset()

    def close(self) -> None:
        """Nothing is held."""

    def _listen(self, frame: Frame, signals: Signals, every: float) -> None:
        """Step to this frame; jump where it is time."""
        if self._jump < 0:
            self._jump = math.floor(_FIRST_OF_BEAT * signals.position.beat) % _JUMPS
        beats = self._beats.step(frame, signals)
        self._age += beats
        # Counted from the beats themselves, so that jumps fall on them whenever the effect was switched on.
        waited = signals.position.beat % every if every > 0.0 else 0.0
        attack = self._attacked(signals["onset"])
        if (waited < self._waited and beats > 0.0) if every > 0.0 else attack:
            self._jump = (self._jump + 1) % _JUMPS
            self._age = 0.0
        self._waited = waited
        if every == 0.0 and self._rising and signals["onset"] >= self._valley + _RISE:
            # The signal tells how long ago the attack was, also where frames are missing or between those of a take.
            self._age = max(0.0, -HIT_DECAY_S * math.log(signals["onset"])) * signals.position.bpm / 60.0

    def _attacked(self, onset: float) -> bool:
        """Take the signal; return whether this is the first frame of a rise. One over several frames is one attack."""
        if onset < self._onset:
            self._valley, self._rising = onset, False
        self._onset = onset
        if self._rising or onset - self._valley < _RISE:
            return False
        self._rising = True
        return True

"""How a knob takes over a value that is not where the knob is. For one control; called on the thread of the surface.

A scene changes values, and knobs stay where they are. With `pickup` a knob plays nothing until it passes the value; then the
value is held, and follows. See docs/decisions/midi.md for where other programs' rules lose a fast hand.
"""

from __future__ import annotations

from phosphene.engine.control.midi.messages import steps

_NEAR = 3 / 128  # one who is so close takes over; somebody else who moves it further takes it away
_END = 2 / 128  # worn faders do not reach their ends
_OWN_S = 0.25  # what we sent counts as the value for so long: what the show says is a frame or two old
_FAST_S = 0.020  # ticks of an encoder that come closer than this are of a hand that wants to get on
_FASTEST = 4.0  # how much further they then go
STEP = 1 / 128  # of the range, for a tick of an encoder


class Takeover:
    """mode: pickup, jump, scale, or a kind of relative encoder. All values are units, 0 to 1."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self.last: float | None = None  # where the hand is
        self.waiting = 0.0  # how far the value is from the hand that moved in vain, and where: above 0 upwards
        self._sent: float | None = None
        self._sent_t = -1e9
        self._held = False

    def move(self, x: float, now: float | None, t: float) -> float | None:
        """Return what to send for a knob that is at `x`; None where it has to wait. now: the value, None where unknown."""
        last, self.last = self.last, x
        if now is None or self._mode == "jump":
            return self._sends(x, t)
        now = self._value(now, t)
        if self._mode == "scale":
            return self._sends(_scaled(x, last, now), t)
        if not self._held and not _meets(x, last, now):
            self.waiting = now - x
            return None
        return self._sends(x, t)

    def turn(self, raw: int, now: float | None, t: float) -> float | None:
        """Return what to send for an encoder that sent `raw`; None where that is no movement."""
        ticks = float(steps(self._mode, raw))
        if not ticks:
            return None
        if abs(ticks) == 1.0 and t - self._sent_t < _FAST_S:  # a device that counts several ticks in one has its own curve
            ticks *= min(_FASTEST, _FAST_S / max(t - self._sent_t, 1e-3))
        value = 0.0 if now is None and self._sent is None else self._value(now if now is not None else self._sent or 0.0, t)
        return self._sends(min(1.0, max(0.0, value + ticks * STEP)), t)

    def recently(self, t: float) -> bool:
        """Whether a value was sent so lately that the show may not say it yet."""
        return t - self._sent_t < _OWN_S

    def _value(self, now: float, t: float) -> float:
        """Return the value as it is: ours while that is new. Notices who else has moved it."""
        if self._sent is not None and t - self._sent_t < _OWN_S:
            return self._sent
        if self._sent is None or abs(now - self._sent) > _NEAR:
            self._held = False
        return now

    def _sends(self, x: float, t: float) -> float:
        self._held, self._sent, self._sent_t, self.waiting = True, x, t, 0.0
        return x


def _meets(x: float, last: float | None, now: float) -> bool:
    """Whether a hand that went from `last` to `x` has the value: near it, at the same end, or past it."""
    if abs(x - now) <= _NEAR:
        return True
    if (x <= _END and now <= _END) or (x >= 1.0 - _END and now >= 1.0 - _END):
        return True
    return last is not None and (last - now) * (x - now) <= 0.0


def _scaled(x: float, last: float | None, now: float) -> float:
    """Return the value that reaches its end when the knob does, from wherever both are."""
    if last is None or x == last:
        return now if last is not None else _first(x, now)
    if x > last:
        return 1.0 if last >= 1.0 else now + (x - last) * (1.0 - now) / (1.0 - last)
    return 0.0 if last <= 0.0 else now + (x - last) * now / last


def _first(x: float, now: float) -> float:
    """Return the value for the first touch: where the hand came from is not known, so it moves nothing but at the ends."""
    return x if x in (0.0, 1.0) else now

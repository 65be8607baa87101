"""When was a hop captured? Turns the jittery times of an audio system into one smooth line over the sample count.

Called once per hop on the callback thread; pure arithmetic, no clock of its own. The audio system tells for each block
when it thinks it was captured: right on average, off by milliseconds each time (measured behind PulseAudio: 0.2 ms
typically, 9 ms for the first blocks, 20 ms at times). Samples, however, come at an even rate, so a second-order loop
follows the mean of what is told: fast at first, then over some 2 s, which bends no onset. Only when the told times stay
away were samples lost. And what has arrived was captured: a line that runs ahead of arrivals is moved back (PulseAudio's
times are 5 ms too late). Once settled it is moved in steps too small to bend a beat: a sound server that converts the rate
delivers a block 1 ms earlier than any before it now and then, and one such step showed as jitter of the music.
"""

from __future__ import annotations

_ASTRAY_S = 0.020  # a told time further off than this is not believed ...
_ASTRAY_HOPS = 12  # ... unless it stays there for 64 ms
_SETTLING_HOPS = 48  # the first quarter of a second is followed closely: streams start with odd times
_FIRST_GAIN = 1.0 / 16.0
_GAIN = 1.0 / 400.0  # of the phase, once settled: about 2 s; the rate follows with the square of it
_LEAD_STEP_S = 1e-4  # a hop, once settled: 1 ms within 10 hops, in which stamps are at most that much later than arrivals
_PERIOD_TOLERANCE = 1e-3  # no sound card is off by 1000 ppm


class SampleClock:
    """Stamps consecutive hops. `skipped` counts samples that the audio system lost between hops, as the times tell."""

    def __init__(self, hop: int, rate: int) -> None:
        self._rate = rate
        self._nominal = hop / rate
        self._period = self._nominal
        self._line = 0.0
        self._lead = 0.0  # by how much the line runs ahead of what can be ...
        self._moved = 0.0  # ... and by how much it has been moved back
        self._stamp = -float("inf")
        self._hops = 0
        self._astray = 0
        self.skipped = 0

    def stamp(self, told: float, arrived: float) -> float:
        """Return the time of the hop's last sample, given what the audio system tells and when we got it.

        Never less than the stamp before; after `arrived` only while the line is being moved back.
        """
        if self._hops == 0:
            self._line, self._lead, self._moved = told, 0.0, 0.0
        else:
            self._follow(told)
        self._hops += 1
        self._lead = max(self._lead, self._line - arrived)
        settled = self._hops > _SETTLING_HOPS
        self._moved = min(self._lead, self._moved + _LEAD_STEP_S) if settled else self._lead
        self._stamp = max(self._stamp, self._line - self._moved)
        return self._stamp

    def _follow(self, told: float) -> None:
        self._line += self._period
        error = told - self._line
        if abs(error) > _ASTRAY_S:
            self._astray += 1
            if self._astray >= _ASTRAY_HOPS:
                self.skipped += max(0, round(error * self._rate))
                self._line, self._period = told, self._nominal
                self._lead = self._moved = 0.0
                self._hops = self._astray = 0
            return
        self._astray = 0
        settled = self._hops - _SETTLING_HOPS
        gain = _FIRST_GAIN if settled < 1.0 / _FIRST_GAIN else max(1.0 / settled, _GAIN)
        self._line += gain * error
        # Critically damped once settled; before that the rate is left alone, it would chase the start-up jitter.
        if gain == _GAIN:
            limit = _PERIOD_TOLERANCE * self._nominal
            off = self._period + 0.25 * gain * gain * error - self._nominal
            self._period = self._nominal + min(limit, max(-limit, off))

"""Features of sound: one hop in, one FEATURES record out. The same code live and offline, so the same bits.

Called by `listener.Listener` on the PortAudio callback thread (live) or the caller's thread (offline). Everything is
preallocated; nothing here waits, logs, or reads a clock. No BLAS either: a threaded matrix product may sum in another
order from run to run and wakes other threads in the callback; einsum costs 5 us more and does neither.
"""

from __future__ import annotations

import math

import aubio
import numpy as np

from phosphene.engine.audio.dc_blocker import DcBlocker
from phosphene.engine.audio.lift import BODY_HZ, Lift
from phosphene.engine.audio.mending import is_sound
from phosphene.engine.audio.normaliser import LEVELS, SHAPES, Normaliser
from phosphene.engine.audio.spectrum import MelBank, attack_window, bin_frequencies, chroma_filters
from phosphene.engine.core.signals import FEATURES, HOP, MEL_BANDS, SAMPLE_RATE, WINDOW

ONSET_METHOD = "mkl"  # chosen by tools/lab/bench_onsets.py; numbers in docs/decisions/onset-method.md
BAND_EDGES_HZ = (20.0, 250.0, 4000.0, 16_000.0)  # bass | mid | treble
LOUDNESS_FLOOR_DB = -120.0

_LONG = 4096  # samples; chroma needs bins narrower than a semitone at 200 Hz: 11.7 Hz instead of 46.9
# Hops between chroma updates: harmony is slow and a long FFT each hop would double the cost. And at which of them: one at
# which neither the downmix judges, nor the structure ticks, nor the tracker has a frame. A hop never bears all of these.
_CHROMA_EVERY, _CHROMA_AT = 4, 3
_MEL_COMPRESSION = 1e5  # log(1 + c p): -50 dB is the knee, so that the noise of a room adds next to nothing
_INAUDIBLE = 1e-6  # -120 dB; below it a hop counts as zeros, which also keeps float32 powers out of the denormals
_ROLLOFF = 0.85
_WHITENING_FLOOR = 0.01  # rms
_EPS = np.float32(1e-20)


class Analyzer:
    """Analyses one mono stream. The window slides by one hop: it always ends with the hop just given.

    lift: the slow gain of a quiet stream. It acts on all that is heard, and not on the levels that are told: rms, peak,
    loudness and the three bands of a record are those of what comes in.
    """

    def __init__(
        self,
        sample_rate: int = SAMPLE_RATE,
        hop: int = HOP,
        window: int = WINDOW,
        onset_method: str = ONSET_METHOD,
    ) -> None:
        self._rate, self._hop, self._hops = sample_rate, hop, 0
        self.first_sample = 0  # where the stream begins on the show's sample count: not 0 after a restart
        self._onset = aubio.onset(onset_method, window, hop, sample_rate)
        self._normaliser = Normaliser(hop / sample_rate)
        self.lift = Lift(hop / sample_rate)
        self._dc = DcBlocker(hop, sample_rate)

        self._history = np.zeros(max(_LONG, window), np.float32)
        self._input = self._history[-hop:]
        self._silence = np.zeros(hop, np.float32)
        self._lifted = np.zeros(hop, np.float32)
        self._window = attack_window(window, hop)
        self._windowed = np.zeros(window, np.float32)
        self._spectrum = np.zeros(window // 2 + 1, np.complex64)
        self._magnitude = np.zeros(window // 2 + 1, np.float32)
        self._power = np.zeros(window // 2 + 1, np.float32)
        self._scratch = np.zeros(window // 2 + 1, np.float32)
        self._scale = np.float32(2.0 / self._window.sum())  # a sine of amplitude a peaks at a
        self._energy = float(np.square(self._window).sum())
        self._long_window = attack_window(_LONG, hop)
        self._long_windowed = np.zeros(_LONG, np.float32)
        self._long_spectrum = np.zeros(_LONG // 2 + 1, np.complex64)
        frequencies = bin_frequencies(window, sample_rate)
        self._frequencies = frequencies
        self._mel_bank = MelBank(frequencies, MEL_BANDS)
        self._chroma_filters, self._chroma_bins = chroma_filters(bin_frequencies(_LONG, sample_rate))
        self._chroma_magnitude = np.zeros(self._chroma_filters.shape[1], np.float32)
        self._band_starts = np.searchsorted(frequencies, BAND_EDGES_HZ).astype(np.intp)
        self._body = slice(*np.searchsorted(frequencies, BODY_HZ).tolist())
        self._band_sizes = np.diff(self._band_starts).tolist()
        self._mel_before = np.zeros(MEL_BANDS, np.float32)
        self._mel_rise = np.zeros(MEL_BANDS, np.float32)
        self._levels = [0.0] * len(LEVELS)
        self._shapes = [0.0] * len(SHAPES)

        # One record, reused; each field through a view, which is ten times cheaper to set than a field of a record.
        store = np.zeros(1, FEATURES)
        self._record = store[0]
        self._out = {name: store[name] for name in FEATURES.names}
        self._mel, self._chroma = store["mel"][0], store["chroma"][0]
        self._norm = store["norm"].view(np.float32)
        self._out["onset_time"][0] = -np.inf

    def process(self, hop_mono: np.ndarray, t_adc: float, peak: float | None = None) -> np.void:
        """Analyse one hop. hop_mono: float32[hop], full scale 1. t_adc: s, time of its last sample.

        `peak` is the raw input's when gain or mixing changed it, and all of it was finite. Returns a FEATURES record: the
        same object each time, so copy what you keep (Ring.push does). A constant offset is taken out first. Of broken
        samples (see `mending`) nothing is left when they come this far; a hop that still has one is silence.
        """
        out = self._out
        if peak is None:
            peak = self._peak_of(hop_mono)
            if not is_sound(peak):
                hop_mono, peak = self._silence, 0.0
        self._history[: -self._hop] = self._history[self._hop :]
        self._dc.apply(hop_mono, self._input)
        level = self._peak_of(self._input)
        if level < _INAUDIBLE or not is_sound(level):
            self._input[:] = 0.0
        self._hops += 1
        out["t_adc"][0] = t_adc
        out["sample"][0] = self.first_sample + self._hops * self._hop
        out["peak"][0] = peak

        self._transform()
        # Over the window, not the hop: a hop is a fraction of a period of the bass and would flutter with its phase.
        rms = math.sqrt(float(np.einsum("i,i->", self._windowed, self._windowed)) / self._energy)
        loudness = max(LOUDNESS_FLOOR_DB, 20.0 * math.log10(rms + 1e-12))
        out["rms"][0], out["loudness_db"][0] = rms, loudness
        levels = self._levels
        sums = np.add.reduceat(self._magnitude, self._band_starts).tolist()  # the fourth is what lies above
        levels[0] = rms
        levels[1:4] = (total / n for total, n in zip(sums, self._band_sizes, strict=False))
        out["bass"][0], out["mid"][0], out["treble"][0] = levels[1:4]
        gain = self.lift.step(loudness, float(np.add.reduce(self._magnitude[self._body])))
        active = self._normaliser.gate(loudness + self.lift.db)
        out["active"][0] = active
        levels[:4] = (gain * level for level in levels[:4])
        self._find_shapes()
        self._find_mel_and_flux(gain)
        self._find_onset(t_adc, active, gain)
        if self._hops % _CHROMA_EVERY == _CHROMA_AT:
            self._find_chroma()
        self._norm[:] = self._normaliser.step(levels, self._shapes)
        return self._record

    def _peak_of(self, hop: np.ndarray) -> float:
        return float(np.maximum.reduce(np.abs(hop, out=self._scratch[: self._hop])))

    def _transform(self) -> None:
        np.multiply(self._history[-len(self._window) :], self._window, out=self._windowed)
        np.fft.rfft(self._windowed, out=self._spectrum)
        np.abs(self._spectrum, out=self._magnitude)
        self._magnitude *= self._scale
        np.multiply(self._magnitude, self._magnitude, out=self._power)

    def _find_shapes(self) -> None:
        """Centroid and rolloff by magnitude (by power both would sit on the bass for good); flatness by power without DC."""
        magnitude, power, scratch, shapes = self._magnitude, self._power, self._scratch, self._shapes
        np.cumsum(magnitude, out=scratch)
        total = float(scratch[-1])
        if total < _INAUDIBLE:
            shapes[:] = 0.0, 0.0, 0.0
        else:
            shapes[0] = float(np.einsum("i,i->", self._frequencies, magnitude)) / total
            shapes[1] = float(self._frequencies[scratch.searchsorted(_ROLLOFF * total)])
            arithmetic = float(np.add.reduce(power[1:])) / (len(power) - 1)
            np.maximum(power, _EPS, out=scratch)
            np.log(scratch, out=scratch)
            geometric = math.exp(float(np.add.reduce(scratch[1:])) / (len(power) - 1))
            shapes[2] = min(1.0, geometric / max(arithmetic, float(_EPS)))
        self._out["centroid"][0], self._out["rolloff"][0], self._out["flatness"][0] = shapes

    def _find_mel_and_flux(self, gain: float) -> None:
        mel, rise = self._mel, self._mel_rise
        self._mel_before[:] = mel
        self._mel_bank.apply(self._power, mel)
        mel *= np.float32(_MEL_COMPRESSION * gain * gain)
        np.log1p(mel, out=mel)
        np.subtract(mel, self._mel_before, out=rise)
        np.maximum(rise, 0.0, out=rise)
        self._levels[4] = self._out["flux"][0] = float(np.add.reduce(rise)) / len(rise)

    def _find_onset(self, t_adc: float, active: float, gain: float) -> None:
        """aubio flags an onset about 20 ms after it was heard and says when it was: that time is published."""
        np.multiply(self._input, np.float32(gain), out=self._lifted)
        flagged = bool(self._onset(self._lifted)[0]) and active > 0.0
        self._out["onset"][0] = flagged
        if flagged:
            # get_last() counts samples; get_last_s() is a float32 and off by 4 ms after ten hours.
            behind = self._hops * self._hop - self._onset.get_last()
            self._out["onset_time"][0] = t_adc - behind / self._rate
        strength = max(0.0, float(self._onset.get_descriptor()))
        self._out["onset_strength"][0] = strength
        # aubio whitens the spectrum: hiss at -58 dB scores like a drum at -10. Under -40 dB it counts less and less.
        self._levels[5] = strength * min(1.0, self._levels[0] / _WHITENING_FLOOR)

    def _find_chroma(self) -> None:
        chroma = self._chroma
        np.multiply(self._history[-_LONG:], self._long_window, out=self._long_windowed)
        np.fft.rfft(self._long_windowed, out=self._long_spectrum)
        np.abs(self._long_spectrum[self._chroma_bins], out=self._chroma_magnitude)
        np.einsum("ij,j->i", self._chroma_filters, self._chroma_magnitude, out=chroma)
        highest = float(chroma.max())
        if highest < _INAUDIBLE:
            chroma[:] = 0.0
        else:
            chroma /= np.float32(highest)

"""How likely a beat is now: three small recurrent networks that have heard much music, run in numpy, 50 times a second.

The networks are BeatNet's (Heydari, Cwitkowitz, Duan, ISMIR 2021), whose three trainings on different music are shipped with
attribution (THIRD_PARTY.md) and asked together: where one is misled, two are not. Their input is 136 bands, 24 to the
octave, of a spectrum 64 ms long, and how much each has risen since 20 ms before; then come a convolution along the bands,
one layer, two LSTM layers and a softmax over beat, downbeat and neither. They were trained at 22,050 Hz; 3072 samples at
48 kHz are as long as their 1411, and their bins are the same within 0.1 %, so nothing is resampled.

Called by `tracker.BeatTracker` on the audio thread, once a hop: no clock. The three are asked in one go, as one network of
three layers of each kind: that costs 1.6 times as much as one alone. What it costs is reading 4.8 MB of weights, which are
out of the cache each time, so a frame takes three hops that read 1.1 to 2.2 MB each: none bears it all. BLAS is given blocks
so small that it never spreads one over threads (OpenBLAS does from 9,216 numbers on), which would wait for them, and sum in
another order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from phosphene.engine.core import shipped as core_shipped
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE

WEIGHTS = Path(__file__).with_name("weights") / "beatnet.npz"
TRAININGS = 3
FRAME, WINDOW = 960, 3072  # samples: 20 ms, 64 ms
LAG_S = WINDOW / 2 / SAMPLE_RATE  # what a frame tells is of the middle of its window

_log = logging.getLogger(__name__)

_TRAINED_RATE, _TRAINED_WINDOW = 22_050, 1411
_BINS = _TRAINED_WINDOW // 2
_BANDS_AN_OCTAVE, _LOWEST_HZ, _HIGHEST_HZ, _TUNING_HZ = 24, 30.0, 17_000.0, 440.0
_LOUDNESS = 0.1  # rms that the network is fed: of mastered music, on which it was trained
_HELD_S, _HELD_FIRST_S, _LEAST = 4.0, 0.1, 1e-3  # the loudness that counts is the last seconds', and at least -60 dB
_ABSURD = 1e6  # no sound is so strong
_CELLS = 150
_HALF = np.float32(0.5)
_BLOCK = 24  # outputs of a block of weights: small enough for BLAS, and a multiple of the 8 that it works out at a time
_SHAPES = {
    "conv1.weight": (2, 1, 10),
    "conv1.bias": (2,),
    "linear0.weight": (150, 262),
    "linear0.bias": (150,),
    **{f"lstm.weight_{which}_l{layer}": (4 * _CELLS, _CELLS) for layer in (0, 1) for which in ("ih", "hh")},
    **{f"lstm.bias_{which}_l{layer}": (4 * _CELLS,) for layer in (0, 1) for which in ("ih", "hh")},
    "linear.weight": (3, _CELLS),
    "linear.bias": (3,),
}


def load_weights(path: Path = WEIGHTS) -> tuple[dict[str, np.ndarray], ...]:
    """Return the weights of every training by name, float32. Raises UserError for a file that is not there, or not these."""
    every = {f"{k}/{name}": shape for k in range(TRAININGS) for name, shape in _SHAPES.items()}
    weights = core_shipped.load_weights(path, every, "beat networks")
    return tuple({name: weights[f"{k}/{name}"] for name in _SHAPES} for k in range(TRAININGS))


@cache
def shipped() -> tuple[dict[str, np.ndarray], ...] | None:
    """Return the shipped weights, read once; None, told once in the log, where they cannot be read."""
    try:
        return load_weights()
    except UserError as error:
        _log.warning("%s: the beat is followed by attacks and repetition alone", error.line())
        return None


def beat_activation() -> BeatActivation | None:
    """Return the networks with the shipped weights, which have heard nothing yet; None where those cannot be read."""
    weights = shipped()
    return None if weights is None else BeatActivation(weights)


class BeatActivation:
    """Listens to one stream.

    beat, downbeat: 0..1, how likely the instant `age_s` ago was a beat that begins no bar, and one that does.
    """

    def __init__(self, trainings: Sequence[dict[str, np.ndarray]]) -> None:
        self._history = np.zeros(WINDOW + FRAME, np.float32)
        self._new = self._frames = 0  # samples since the last frame ended, frames
        self._power = 0.0
        window = np.hanning(WINDOW)
        self._window = (window * (np.hanning(_TRAINED_WINDOW).sum() / window.sum())).astype(np.float32)
        self._windowed = np.zeros(WINDOW, np.float32)
        self._spectrum = np.zeros(WINDOW // 2 + 1, np.complex64)
        self._magnitude = np.zeros(_BINS, np.float32)
        bank = band_filters().T
        bands = len(bank)
        # 1.5 % of that matrix is not 0: bins and weights of all bands one after the other, and where each band begins.
        band, self._bins = np.nonzero(bank)
        self._weights, self._starts = bank[band, self._bins], np.searchsorted(band, np.arange(bands))
        self._weighted = np.zeros(len(band), np.float32)
        self._input = np.zeros(2 * bands, np.float32)
        self._bands, self._rise = self._input[:bands], self._input[bands:]
        self._before = np.zeros(bands, np.float32)
        self._networks = _Networks(trainings, self._input)
        self._left = 0  # of the two halves of the networks, how many have yet to hear the newest frame
        self.beat = self.downbeat = 0.0

    @property
    def age_s(self) -> float:
        """How long before the last sample given the instant lies that `beat` and `downbeat` speak of, in s."""
        return LAG_S + self._new / SAMPLE_RATE

    def step(self, hop: np.ndarray) -> bool:
        """Take float32 [n <= 320], the next samples of one channel at 48 kHz; return whether a frame has been worked out."""
        n = len(hop)
        self._history[:-n] = self._history[n:]
        self._history[-n:] = hop
        power = float(np.einsum("i,i->", hop, hop)) / n
        if not power < _ABSURD:  # also true of NaN, which the networks would keep for ever
            self._history[-n:] = power = 0.0
        memory = min(_HELD_S, _HELD_FIRST_S + self._frames * FRAME / SAMPLE_RATE)
        self._power += (power - self._power) * n / (SAMPLE_RATE * memory)
        self._new += n
        if self._new >= FRAME:
            self._new -= FRAME
            end = len(self._history) - self._new
            self._listen(self._history[end - WINDOW : end])
            self._networks.recall()
            self._left = 2
        elif self._left == 2:
            self._networks.begin()
            self._left = 1
        elif self._left == 1:
            self.beat, self.downbeat = self._networks.end()
            self._left = 0
            return True
        return False

    def _listen(self, samples: np.ndarray) -> None:
        np.multiply(samples, self._window, out=self._windowed)
        np.fft.rfft(self._windowed, out=self._spectrum)  # type: ignore[arg-type]  # the stubs know float64 alone
        np.abs(self._spectrum[:_BINS], out=self._magnitude)
        self._magnitude *= np.float32(_LOUDNESS / max(_LEAST, self._power**0.5))
        self._before[:] = self._bands
        np.take(self._magnitude, self._bins, out=self._weighted, mode="clip")  # "raise" would copy
        self._weighted *= self._weights
        np.add.reduceat(self._weighted, self._starts, out=self._bands)
        self._bands += 1.0
        np.log10(self._bands, out=self._bands)
        np.subtract(self._bands, self._before, out=self._rise)
        np.maximum(self._rise, 0.0, out=self._rise)
        if not self._frames:
            self._rise[:] = 0.0  # the first frame has risen from nothing known
        self._frames += 1


class _Networks:
    """All trainings as one: every array begins with an axis of them. A frame is `recall`, `begin`, `end`, in that order."""

    def __init__(self, trainings: Sequence[dict[str, np.ndarray]], features: np.ndarray) -> None:
        """features: float32 [272], in which the input of every step is found."""

        def of(name: str) -> np.ndarray:
            return np.stack([weights[name] for weights in trainings])

        count = len(trainings)
        self._kernel = np.ascontiguousarray(of("conv1.weight")[:, :, 0].reshape(2 * count, -1))  # [networks x channels, 10]
        self._kernel_bias = of("conv1.bias").reshape(-1, 1)
        self._slides = np.lib.stride_tricks.sliding_window_view(features, self._kernel.shape[1]).T
        self._slid = np.zeros(self._slides.shape, np.float32)
        self._seen = np.zeros((len(self._kernel), self._slides.shape[1]), np.float32)
        self._pooled = np.zeros((len(self._kernel), self._slides.shape[1] // 2), np.float32)
        self._into, self._into_bias = _blocks(of("linear0.weight")), of("linear0.bias")
        self._out, self._out_bias = of("linear.weight"), of("linear.bias")
        self._layers = [_Layer(*(of(f"lstm.{name}_l{k}") for name in _Layer.WEIGHTS)) for k in (0, 1)]

    def recall(self) -> None:
        """Work out what needs no new features: a third of what there is to read."""
        self._layers[0].recall()

    def begin(self) -> None:
        """Take the features as they are now, as far as the first LSTM layer."""
        self._slid[:] = self._slides  # BLAS takes no overlapping rows
        np.matmul(self._kernel, self._slid, out=self._seen)
        self._seen += self._kernel_bias
        pooled = self._pooled
        np.maximum(self._seen[:, :-1:2], self._seen[:, 1::2], out=pooled)
        np.maximum(pooled, 0.0, out=pooled)
        x = _times(self._into, pooled.reshape(len(self._out), -1))[:, :_CELLS] + self._into_bias
        self._layers[0].step(x)

    def end(self) -> tuple[float, float]:
        """Go on with what was begun; return (beat, downbeat), 0..1, on average."""
        first, second = self._layers
        second.recall()
        second.step(first.hidden)
        out = np.einsum("nij,nj->ni", self._out, second.hidden) + self._out_bias
        out = np.exp(out - out.max(axis=1, keepdims=True))
        out /= out.sum(axis=1, keepdims=True)
        beat, downbeat, _ = (out.sum(axis=0) / len(out)).tolist()
        return beat, downbeat


class _Layer:
    """An LSTM layer of every network: `recall`, then `step`. hidden: float32 [networks, 150], what it gave last."""

    WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

    def __init__(self, into: np.ndarray, again: np.ndarray, bias_into: np.ndarray, bias_again: np.ndarray) -> None:
        # Gates are in torch's order: input, forget, cell, output. All but the cell's are sigmoids, 0.5 + 0.5 tanh(x / 2):
        # with the half in their weights, which is exact, one tanh does for all four.
        half = np.full((4 * _CELLS, 1), 0.5, np.float32)
        half[2 * _CELLS : 3 * _CELLS] = 1.0
        self._into, self._again = _blocks(into * half), _blocks(again * half)
        self._bias = (bias_into + bias_again) * half[:, 0]
        count = len(into)
        self.hidden, self._cell, self._new = np.zeros((3, count, _CELLS), np.float32)
        self._recalled, self._opened = np.zeros((2, count, 4 * _CELLS), np.float32)

    def recall(self) -> None:
        """Work out what the last step adds to the gates of the next."""
        np.add(_times(self._again, self.hidden), self._bias, out=self._recalled)

    def step(self, x: np.ndarray) -> None:
        """Take float32 [networks, 150]."""
        opened, cell, new = self._opened, self._cell, self._new
        np.add(_times(self._into, x), self._recalled, out=opened)
        np.tanh(opened, out=opened)
        new[:] = opened[:, 2 * _CELLS : 3 * _CELLS]
        opened *= _HALF
        opened += _HALF
        new *= opened[:, :_CELLS]
        cell *= opened[:, _CELLS : 2 * _CELLS]
        cell += new
        np.tanh(cell, out=self.hidden)
        self.hidden *= opened[:, 3 * _CELLS :]


def _blocks(matrices: np.ndarray) -> np.ndarray:
    """Return float32 [networks, out, in] as [networks, blocks, in, 24], filled up with zeros.

    A vector times such a block goes through it from its beginning to its end. Out of the cache that takes 0.6 times as long
    as going through [blocks, rows, in] row by row, four at a time, as BLAS does there: 240 against 400 us for 4.3 MB.
    """
    networks, out, size = matrices.shape
    padded = np.pad(matrices, ((0, 0), (0, -out % _BLOCK), (0, 0)))
    return np.ascontiguousarray(padded.reshape(networks, -1, _BLOCK, size).swapaxes(2, 3))


def _times(blocks: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return float32 [networks, out] of float32 [networks, in]."""
    products: np.ndarray = np.matmul(x[:, None, None, :], blocks)
    return products.reshape(len(x), -1)


def band_filters() -> np.ndarray:
    """Return float32 [705, 136]: triangles of area 1 over FFT bins, as madmom's LogarithmicFilterbank makes them.

    Bands narrower than two bins are one bin; where several fall on one bin they are one band.
    """
    hz = np.arange(_BINS) * (_TRAINED_RATE / (2.0 * _BINS))
    low, high = (np.log2(edge / _TUNING_HZ) * _BANDS_AN_OCTAVE for edge in (_LOWEST_HZ, _HIGHEST_HZ))
    wanted = _TUNING_HZ * 2.0 ** (np.arange(np.ceil(low), np.floor(high) + 1) / _BANDS_AN_OCTAVE)
    above = np.clip(np.searchsorted(hz, wanted), 1, _BINS - 1)
    nearest = np.unique(above - (wanted - hz[above - 1] < hz[above] - wanted))
    bank = np.zeros((_BINS, len(nearest) - 2), np.float32)
    for k in range(len(nearest) - 2):
        start, centre, stop = nearest[k : k + 3]
        if stop - start < 2:
            centre, stop = start, start + 1
        triangle = np.concatenate(
            [np.linspace(0.0, 1.0, centre - start, endpoint=False), np.linspace(1.0, 0.0, stop - centre, endpoint=False)]
        )
        bank[start:stop, k] = triangle / triangle.sum()
    return bank

"""How a style moves and what its frames are made of, measured on frames as the show paints them; no guide, no judge.

Called by `scores` and by tests. Every frame comes from `engine.generators.still`; nothing here trains or writes.

    reactivity   does the picture change when the music strikes: a correlation, beside what chance and the style's own
                 movement give
    flicker      second difference over first: a straight movement has 0, noise 1.7
    loop         the seam of a style that repeats, beside an ordinary step from frame to frame
    statistics   lightness, range, dark share, colour: what tells mud from a picture
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.generators.still import sequence, still
from phosphene.engine.models.colour import oklab
from phosphene.engine.models.style import Style
from phosphene.tools.cppn.footage import FPS

Frames = Sequence[Mapping[str, float]]  # the signals of successive frames at `FPS`

# Every pixel is a sample of the picture at its centre, whatever the size: 1,296 of them know the mean change to 1 %.
SMALL = Size(48, 27)
SECONDS = 16.0  # of music that a style is measured on
LAG_S = 0.25  # reactions are looked for this far to both sides
SHUFFLES = 200
_BLOCK_S = (0.5, 1.3)
_TREND_S = 2.0
_CHANGE_FLOOR = 2e-4  # of sRGB: a twentieth of an 8-bit step, so that a still picture has flicker 0 and not 0 / 0
_STEADY_S = 4.0
_PHASES = ("beat_phase", "bar_phase", "phrase_phase")


@dataclass(frozen=True)
class Reactivity:
    """correlation: -1..1 at the best lag. lag: s by which the picture follows the music. shuffled: the 95th percentile of
    the shuffled controls; own: the correlation of the style's own movement while the sound is held.
    """

    correlation: float
    lag: float
    shuffled: float
    own: float

    @property
    def null(self) -> float:
        """What the correlation must exceed: chance, and what the picture would have done without hearing anything."""
        return max(self.shuffled, self.own)


def envelope(signals: Frames) -> np.ndarray:
    """Return how strongly the music strikes, float64 [frames], 0..1: the mean of onset strength and spectral flux."""
    return np.array([0.5 * (s.get("onset_strength", 0.0) + s.get("flux", 0.0)) for s in signals])


def excerpt(signals: Frames, seconds: float = SECONDS) -> Frames:
    """Return the stretch of the track whose attacks differ most: calm and strikes both. The whole of a shorter track."""
    n = round(seconds * FPS)
    if len(signals) <= n:
        return signals
    attacks = without_trend(envelope(signals))
    starts = range(0, len(signals) - n + 1, FPS)
    return signals[(best := max(starts, key=lambda k: attacks[k : k + n].std())) : best + n]


def held(signals: Frames, seconds: float = _STEADY_S) -> Frames:
    """Return a sound that does not change: the mean of every signal, with the beat standing still, for `seconds`."""
    steady = {name: float(np.mean([s[name] for s in signals])) for name in signals[0]}
    steady |= {name: 0.25 for name in _PHASES if name in steady}
    return [steady] * round(seconds * FPS)


def frames_of(style: Style, signals: Frames, size: Size = SMALL) -> np.ndarray:
    """Return the show's frames at `FPS`, float32 [n, h, w, 3], sRGB 0..1."""
    return np.stack(list(sequence(style, size, signals, 1.0 / FPS)))


def frame_change(frames: np.ndarray) -> np.ndarray:
    """Return the mean absolute difference of each frame to the one before, float64 [n]; the first is 0."""
    return np.concatenate([[0.0], np.abs(np.diff(frames, axis=0)).mean((1, 2, 3), dtype=np.float64)])


def reactivity(style: Style, signals: Frames, seed: int = 0) -> Reactivity:
    """Return how frame change follows the onset envelope over an excerpt of `signals`, beside its controls.

    Both series lose their trend (a moving mean of 2 s) first: that loud parts move more than quiet ones is no reaction to
    an attack, and two slow drifts always correlate.

    The control cannot be a circular shift. Music repeats with the beat: at 120 bpm a search over +-250 ms is one whole
    beat wide, so *every* shift finds its way back onto a beat, and a style that follows each kick would lose against
    itself. Shuffled instead are blocks of 0.5 to 1.3 s, of lengths that are no number of beats: attacks keep their shape
    and spacing, and no single lag can bring them all back. Blocks are longer than what is left of a series' memory without
    its trend, so the control is as wide as chance. What shuffling would miss, a picture that by accident moves by itself at
    the music's tempo, is the other control: the same frames painted while the sound is held.
    """
    signals = excerpt(signals)
    attacks = without_trend(envelope(signals))
    change = without_trend(frame_change(frames_of(style, signals)))
    alone = without_trend(frame_change(frames_of(style, held(signals, len(signals) / FPS))))
    found, lag = best_correlation(attacks, change)
    rng = np.random.default_rng([seed, 21])
    controls = [best_correlation(block_shuffled(attacks, rng), change)[0] for _ in range(SHUFFLES)]
    own = best_correlation(attacks, alone)[0]
    return Reactivity(found, lag / FPS, float(np.quantile(controls, 0.95)), own)


def without_trend(values: np.ndarray, seconds: float = _TREND_S) -> np.ndarray:
    """Return `values` less their moving mean over `seconds`, the window cut off at both ends."""
    half = round(seconds * FPS / 2)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    k = np.arange(len(values))
    low, high = np.maximum(k - half, 0), np.minimum(k + half + 1, len(values))
    return values - (sums[high] - sums[low]) / (high - low)


def block_shuffled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `values` in blocks of random length, in random order."""
    cuts, k = [], 0
    while (k := k + round(rng.uniform(*_BLOCK_S) * FPS)) < len(values):
        cuts.append(k)
    blocks = np.split(values, cuts)
    return np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])


def best_correlation(music: np.ndarray, change: np.ndarray) -> tuple[float, int]:
    """Return (Pearson's correlation at the best lag within `LAG_S`, that lag in frames: positive when the change is later).

    0 where either does not vary.
    """
    reach = round(LAG_S * FPS)
    best = (-1.0, 0)
    for lag in range(-reach, reach + 1):
        a = music[max(0, -lag) : len(music) - max(0, lag)]
        b = change[max(0, lag) : len(change) + min(0, lag)]
        best = max(best, (_correlation(a, b), lag), key=lambda found: found[0])
    return best


def flicker(frames: np.ndarray) -> float:
    """Return the mean absolute second difference in time over the first, 0..2. frames: float32 [n, h, w, 3], n >= 3."""
    first = np.diff(frames, axis=0)
    second = np.abs(np.diff(first, axis=0)).mean(dtype=np.float64)
    return float(second / (np.abs(first).mean(dtype=np.float64) + _CHANGE_FLOOR))


def loop_error(style: Style, loop_s: float, signals: Mapping[str, float], starts: int = 4) -> tuple[float, float]:
    """Return (mean absolute difference between a frame and the one `loop_s` of integrated time later, the same between a
    frame and its successor), sRGB 0..1: a seam that is smaller than a step cannot be seen."""
    seam, step = [], []
    for k in range(starts):
        t = loop_s * k / starts
        here = still(style, SMALL, t, signals).copy()
        seam.append(np.abs(still(style, SMALL, t + loop_s, signals) - here).mean())
        step.append(np.abs(still(style, SMALL, t + 1.0 / FPS, signals) - here).mean())
    return float(np.mean(seam)), float(np.mean(step))


def statistics(frames: np.ndarray) -> dict[str, float]:
    """Return what frames [n, h, w, 3] are made of, in OKLab, each the mean over the frames.

    lightness: mean, 0..1. range: from the 5th to the 95th percentile of lightness. dark: share of pixels that look black
    in a dark room (lightness below 0.25). colour: 90th percentile of chroma, 0..0.33.
    """
    lab = oklab(frames.reshape(len(frames), -1, 3))
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    low, high = np.percentile(light, (5, 95), axis=1)
    return {
        "lightness": float(light.mean()),
        "range": float((high - low).mean()),
        "dark": float((light < 0.25).mean()),
        "colour": float(np.percentile(chroma, 90, axis=1).mean()),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / scale) if scale > 1e-12 else 0.0

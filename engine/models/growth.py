"""Grows an untrained style from a seed: weights with chosen scale, depth of folding and colours, then its sensitivities.

Called by `vj styles new` and by tools, off the render thread. Plain Xavier weights (`cppn.random_weights`) give grey
noise in most draws; three things that need no training make most draws a picture:

1. the spread of each layer's input is set from a sample of its actual values, so depth neither blurs nor shatters it;
2. the last hidden layer reads only three fields, the strongest principal components of the layer before, which are its
   large shapes, and the output layer is the ridge regression from it to a colour ramp over those fields: black stays
   black, and the way from black to the brightest colour is a gradient that somebody chose;
3. `calibrate` measures how much each sound input and a second of time change the picture, and sets the style's
   normalisation so that all styles answer a kick by the same amount.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from phosphene.engine.models.colour import from_hex, logit, oklab, oklab_to_srgb
from phosphene.engine.models.cppn import CppnSpec, Weights
from phosphene.engine.models.encoding import AUDIO_INPUTS, input_values, spatial_input, uniform_vector
from phosphene.kernels.cppn.reference import ACTIVATIONS, forward

# Two ramps from dark to bright; a second field decides between them. Dark rooms want a ground near black.
PALETTES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ember": (("#050103", "#5c0f1e", "#f2541b", "#ffd27a"), ("#050103", "#3a0b33", "#c2185b", "#ff9a5a")),
    "ultraviolet": (("#040109", "#2d0a6b", "#8f2bff", "#ff8ae2"), ("#040109", "#0b1d6b", "#1f8bff", "#8ff6ff")),
    "lagoon": (("#01050a", "#063a52", "#08b3b0", "#c8fff0"), ("#01050a", "#0a1f66", "#2c7dff", "#a8e0ff")),
    "acid": (("#020401", "#1d4a0a", "#8fe11a", "#f7ff9c"), ("#020401", "#063d33", "#0fc98a", "#c9ffe0")),
    "rose": (("#060104", "#6b0a35", "#ff3d7f", "#ffc2b0"), ("#060104", "#33106b", "#9b4dff", "#ffb3f0")),
    "gold": (("#040201", "#4a2306", "#d98a1f", "#fff0b8"), ("#040201", "#3b0d0d", "#c2452a", "#ffc27a")),
    "ice": (("#010307", "#0e2a5c", "#4b9bff", "#eefaff"), ("#010307", "#1b1a4d", "#8a86ff", "#e6dcff")),
    "sunset": (("#050108", "#4a0d5c", "#ff4f5e", "#ffd98a"), ("#050108", "#1c1266", "#a13dff", "#ff9ad1")),
    "aurora": (("#010405", "#06403a", "#19e08a", "#d6ffb8"), ("#010405", "#101a66", "#6a4dff", "#8fe6ff")),
    "blood": (("#030000", "#45030c", "#d90429", "#ff8a5c"), ("#030000", "#250310", "#8c0f3c", "#ff5c7a")),
    "candy": (("#05020c", "#5c0a66", "#ff4fc3", "#ffe3a8"), ("#05020c", "#0a3a7a", "#21c4ff", "#d1ffef")),
    "violet": (("#030107", "#1f0f5c", "#6b3df0", "#d9c2ff"), ("#030107", "#4a0a4d", "#d13dc9", "#ffc2e0")),
    "silver": (("#020203", "#20252e", "#8794a8", "#f7fbff"), ("#020203", "#2a1f1a", "#b08968", "#fff1dc")),
    "reef": (("#01040a", "#0a3a4d", "#19b5a8", "#d8fff2"), ("#01040a", "#5c1020", "#ff5f52", "#ffe0b0")),
}

# Of the uniform inputs before they are calibrated.
FIRST_SCALES = dict.fromkeys(AUDIO_INPUTS, 0.3) | {"time": 0.2}

_SAMPLE = 4096
_MOMENTS = 64  # of random music and time among the samples
# How far each sound input at full level should move the picture: root mean square change of sRGB.
SOUND_TARGET = {
    "bass": 0.13, "onset": 0.12, "rms": 0.06, "mid": 0.05, "beat": 0.05, "treble": 0.05, "centroid": 0.05, "rolloff": 0.03,
}  # fmt: skip
TIME_TARGET = 0.035  # root mean square change of sRGB in one second of silence
_TIME_STEP = 0.5  # s: short against the movement, so that the change is still proportional to the scale


@dataclass(frozen=True)
class Recipe:
    """What a style is grown from.

    scale: mean radians per unit of coordinate in the first layer (a picture is 2 pi high). spread: how unlike the scales
    of its neurons are. gain: standard deviation of each later layer's input (0.8 calm .. 2.5 folded). detail: how many
    principal components the fields are drawn from (3 large shapes .. 12 fine ones). dark: share of the picture that stays
    near the ground. edge: how sharply the ramp is read (0.6 soft .. 2 crisp).
    """

    palette: str = "ember"
    scale: float = 0.5
    spread: float = 0.5
    gain: float = 1.2
    detail: int = 4
    dark: float = 0.35
    edge: float = 1.0
    bands: int = 0


def draw_recipe(seed: int) -> Recipe:
    """Return the recipe that a bare seed stands for."""
    rng = np.random.default_rng([seed, 1])
    return Recipe(
        palette=str(rng.choice(sorted(PALETTES))),
        scale=float(np.exp(rng.uniform(math.log(0.3), math.log(0.9)))),
        spread=float(rng.uniform(0.2, 0.8)),
        gain=float(rng.uniform(0.7, 1.8)),
        detail=int(rng.integers(3, 9)),
        dark=float(rng.uniform(0.2, 0.55)),
        edge=float(rng.uniform(0.8, 1.6)),
        bands=int(rng.choice([0, 0, 0, 1, 2, 3])),
    )


def sample_inputs(spec: CppnSpec, rng: np.random.Generator, scales: dict[str, float], n: int = _SAMPLE) -> np.ndarray:
    """Return `n` random inputs [n, inputs] of a 16:9 picture, at random moments of random music, float64."""
    y = rng.uniform(-math.pi, math.pi, n)
    x = rng.uniform(-math.pi, math.pi, n) * 16 / 9
    inputs = np.empty((n, len(spec.inputs)))
    for column, name in zip(spec.columns(spec.spatial), spec.spatial, strict=True):
        inputs[:, column] = spatial_input(name, x, y)
    moments = []
    for _ in range(_MOMENTS):
        levels = dict(zip(AUDIO_INPUTS, rng.uniform(0, 1, len(AUDIO_INPUTS)), strict=True))
        phases = {name: rng.uniform() for name in ("beat_phase", "bar_phase", "phrase_phase")}
        moments.append(uniform_vector(spec.uniform, input_values(rng.uniform(0, 300), levels, phases), scales))
    inputs[:, spec.columns(spec.uniform)] = np.array(moments)[np.arange(n) % _MOMENTS]
    return inputs


def grow(spec: CppnSpec, recipe: Recipe, seed: int) -> tuple[Weights, dict[str, float]]:
    """Return (weights, normalisation) of an untrained network of two hidden layers or more.

    Same arguments, same machine: same bits.
    """
    weights = shape(spec, recipe, seed)
    return weights, calibrate(spec, weights, seed)


def shape(spec: CppnSpec, recipe: Recipe, seed: int) -> Weights:
    """Return the weights of `grow` alone: a quarter of its time, for whoever wants to choose among many."""
    rng = np.random.default_rng([seed, 2])
    weights: Weights = []
    width = spec.width
    w = rng.standard_normal((width, len(spec.inputs)))
    scale = recipe.scale * np.exp(recipe.spread * rng.standard_normal((width, 1)) - recipe.spread**2 / 2)
    for column, name in zip(spec.columns(spec.spatial), spec.spatial, strict=True):
        # A fold turns N times as fast round the centre: without this it is a burst of needles.
        w[:, [column]] *= scale / (0.5 * int(name[4]) if name.startswith("fold") else 1.0)
    b = rng.uniform(-math.pi, math.pi, width)
    weights.append((w, b))
    inputs = sample_inputs(spec, rng, FIRST_SCALES)
    h = ACTIVATIONS[spec.layer_activations[0]](inputs @ w.T + b)
    for name in spec.layer_activations[1:-1]:
        w = rng.standard_normal((width, width))
        w *= recipe.gain / (h @ w.T).std(0)[:, None]
        # Centred, then shifted: an uncentred gauss or tanh layer would sit on one flank for every pixel.
        b = -(h @ w.T).mean(0) + rng.normal(0.0, 0.5, width)
        weights.append((w, b))
        h = ACTIVATIONS[name](h @ w.T + b)
    fields_w, fields_b = _fields(h, recipe.detail, rng)
    fields = h @ fields_w.T + fields_b
    spread = recipe.edge * np.array([1.0, 0.5, 0.35])
    features = rng.standard_normal((width, 3)) * spread * (1 + recipe.bands)
    centres = fields[rng.integers(0, len(fields), width)]
    w, b = features @ fields_w, features @ fields_b - (features * centres).sum(1)
    weights.append((w, b))
    h = ACTIVATIONS[spec.layer_activations[-1]](h @ w.T + b)
    weights.append(_regress(h, _ramp_logits(fields, recipe)))
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in weights]


def _fields(h: np.ndarray, detail: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return (W [3, width], b [3]) of three uncorrelated fields with mean 0 and variance 1 over the sample `h`."""
    mean = h.mean(0)
    # Within each moment only: components that change with time alone would turn the whole picture dark at once.
    apart = h.copy()
    for moment in range(_MOMENTS):
        apart[moment::_MOMENTS] -= apart[moment::_MOMENTS].mean(0)
    values, vectors = np.linalg.eigh(np.cov(apart.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])])
    k = max(3, min(detail, len(values)))
    rotation, _ = np.linalg.qr(rng.standard_normal((k, k)))
    w = (vectors[:, :k] / np.sqrt(np.maximum(values[:k], 1e-8)) @ rotation[:, :3]).T
    return w, -w @ mean


def _ramp_logits(fields: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the output's target logits [n, 3]: field 0 climbs the ramp, field 1 picks between two, field 2 shades."""
    u, v, shade = (_rank(f) for f in fields.T)
    if recipe.bands:
        u = np.abs(np.sin(math.pi * recipe.bands * u)) ** 1.5
    u = np.clip((u - recipe.dark) / (1.0 - recipe.dark), 0.0, 1.0) * (0.75 + 0.25 * shade)
    ramps = []
    for colours in PALETTES[recipe.palette]:
        lab = oklab(np.stack([from_hex(c) for c in colours]))
        stops = np.linspace(0.0, 1.0, len(colours))
        ramps.append(np.stack([np.interp(u, stops, lab[:, i]) for i in range(3)], -1))
    side = (v * v * (3.0 - 2.0 * v))[:, None]
    return np.clip(logit(oklab_to_srgb(ramps[0] * (1.0 - side) + ramps[1] * side)), -5.0, 5.0)


def _rank(values: np.ndarray) -> np.ndarray:
    """Return each value's rank, 0..1: whatever the field's distribution, the ramp is used evenly."""
    return values.argsort(kind="stable").argsort(kind="stable") / (len(values) - 1)


def _regress(h: np.ndarray, target: np.ndarray, ridge: float = 3e-3) -> tuple[np.ndarray, np.ndarray]:
    """Return (W, b) of the ridge regression from `h` [n, width] to `target` [n, 3]."""
    mean, goal = h.mean(0), target.mean(0)
    centred = h - mean
    gram = centred.T @ centred
    gram += np.eye(len(gram)) * ridge * np.trace(gram) / len(gram)
    w = np.linalg.solve(gram, centred.T @ (target - goal)).T
    return w, goal - w @ mean


def calibrate(spec: CppnSpec, weights: Weights, seed: int) -> dict[str, float]:
    """Return the scale of every sound input and of time at which the picture moves as far as it should.

    The change grows with the scale until the pattern has moved by its own size, so the scale is found by bisection below 3.
    """
    rng = np.random.default_rng([seed, 3])
    rest = dict.fromkeys(AUDIO_INPUTS, 0.0) | {"time": 0.2}
    base = sample_inputs(spec, rng, rest, 1024)
    still = forward(base, weights, spec.layer_activations)

    def change(name: str, step: float) -> float:
        moved = base.copy()
        moved[:, spec.inputs.index(name)] += step
        return float(np.sqrt(np.mean((forward(moved, weights, spec.layer_activations) - still) ** 2)))

    found = {}
    for name, target in {**SOUND_TARGET, "time": TIME_TARGET * _TIME_STEP}.items():
        if name not in spec.inputs:
            continue
        low, high = 0.0, 3.0
        for _ in range(11):
            middle = (low + high) / 2
            low, high = (middle, high) if change(name, middle) < target else (low, middle)
        found[name] = round(low / (_TIME_STEP if name == "time" else 1.0), 4)
    return found

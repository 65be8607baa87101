"""From loops of pictures to loops of codes and back: encoding, dreaming, and what a dream is worth.

Called by `commands` after training. A dream is judged by its picture: its seam beside its ordinary steps, and how far it is
from every training loop, at any shift and in both directions, beside how far real held-out loops are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from engine.core.frame import Size
from tools.datasets.part import Loop
from tools.vqvae.network import VqVae, to_tensor
from tools.vqvae.prior import Prior, dream

_COMPARED = Size(32, 18)  # px at which loops are compared: shape and colour, not texture
BOUND = 5.0  # percentile of held-out loops' distances that a dream must exceed
_TRIES = 4  # draws for each dream wanted, at most


@dataclass(frozen=True)
class Dream:
    """A loop that was dreamt. seam: RMS of 0..1 from the last frame to the first; step, step_most: mean and largest of the
    other steps; nearest: distance to the nearest training loop; kinds: sketches it follows.
    """

    codes: np.ndarray
    seam: float
    step: float
    step_most: float
    nearest: float
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Dreams:
    """What was kept of `drawn` draws. bound: the held-out loops' percentile. seam_ratio: seam over ordinary step, mean over
    all draws, kept or not. nearest_all, held_out: distances of all draws, and of the real held-out loops."""

    kept: list[Dream]
    drawn: int
    bound: float
    seam_ratio: float
    nearest_all: list[float]
    held_out: list[float]


@torch.no_grad()
def encode_loop(model: VqVae, loop: Loop, frames: int) -> np.ndarray:
    """Return the codes of `frames` evenly spaced frames of a loop: uint8 [frames, rows, columns]."""
    model.eval()
    spec = model.spec
    pictures = loop.array(spec.size, gray=spec.channels == 1)
    index = np.round(np.arange(frames) * loop.frames / frames).astype(int) % loop.frames
    codes = [model.codes_of(to_tensor(pictures[index[k : k + 32]])) for k in range(0, frames, 32)]
    return torch.cat(codes).numpy().astype(np.uint8)


@torch.no_grad()
def decode_codes(model: VqVae, codes: np.ndarray) -> np.ndarray:
    """Return the pictures of codes [n, rows, columns]: float32 [n, channels, h, w], 0..1."""
    model.eval()
    made = []
    for k in range(0, len(codes), 16):
        z = model.quantiser.embed(torch.from_numpy(codes[k : k + 16].astype(np.int64)))
        made.append(model.decoder(z).sigmoid().numpy())
    return np.concatenate(made)


def signature(pictures: np.ndarray) -> np.ndarray:
    """Return what loops are compared by: float32 [frames, d], scaled so that a norm is an RMS of 0..1."""
    small = functional.adaptive_avg_pool2d(torch.from_numpy(pictures), (_COMPARED.height, _COMPARED.width))
    flat = small.flatten(1).numpy()
    return flat / np.sqrt(np.float32(flat.shape[1]))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the RMS between two loops' signatures at their best shift, b forwards or backwards."""
    frames = len(a)
    best = np.inf
    for other in (b, b[::-1]):
        square = (a * a).sum(1)[:, None] + (other * other).sum(1)[None] - 2 * a @ other.T
        at = np.arange(frames)
        shifted = square[at[None], (at[None] + at[:, None]) % frames].mean(1)
        best = min(best, float(np.sqrt(max(0.0, shifted.min()))))
    return best


def nearest(a: np.ndarray, others: Sequence[np.ndarray]) -> float:
    """Return the distance from `a` to the nearest of `others`."""
    return min((distance(a, other) for other in others), default=float("inf"))


def steps_of(pictures: np.ndarray) -> np.ndarray:
    """Return the RMS of each step, the last of which is the seam: float64 [frames]."""
    following = np.roll(pictures, -1, axis=0)
    return np.sqrt(np.mean((following - pictures) ** 2, axis=(1, 2, 3), dtype=np.float64))


def dream_loops(
    model: VqVae,
    prior: Prior,
    training: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    names: Sequence[str],
    count: int,
    seed: int,
    stop: Callable[[], bool] = lambda: False,
    kinds: Sequence[int] | None = None,
    **how: float,
) -> Dreams:
    """Draw loops until `count` are kept, or four times as many are drawn. training, held_out: real loops' codes.

    A draw is kept if its seam is no larger than the largest of its other steps and it is farther from training than the
    bound. Without held-out loops the bound is 0. Every other draw follows one of `kinds`, every other
    the mean of two; None: of all sketches.
    """
    known = [signature(decode_codes(model, codes)) for codes in training]
    real = [nearest(signature(decode_codes(model, codes)), known) for codes in held_out]
    bound = float(np.percentile(real, BOUND)) if real else 0.0
    kept: list[Dream] = []
    ratios, distances = [], []
    rng = np.random.default_rng([seed, 8])
    drawn = 0
    while len(kept) < count and drawn < _TRIES * count and not stop():
        followed = rng.permutation(kinds if kinds is not None else len(names))[: 1 + drawn % 2]
        codes = dream(prior, seed * 10_007 + drawn, tuple(int(k) for k in followed), **how)
        drawn += 1
        pictures = decode_codes(model, codes)
        steps = steps_of(pictures)
        far = nearest(signature(pictures), known)
        found = Dream(
            codes, float(steps[-1]), float(steps[:-1].mean()), float(steps[:-1].max()), far,
            tuple(names[int(k)] for k in followed),
        )  # fmt: skip
        ratios.append(found.seam / max(1e-9, found.step))
        distances.append(far)
        if found.seam <= found.step_most and far > bound:
            kept.append(found)
    return Dreams(kept, drawn, bound, float(np.mean(ratios)) if ratios else 0.0, distances, real)

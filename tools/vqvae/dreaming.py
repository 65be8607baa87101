"""From loops of pictures to loops of codes and back: encoding, dreaming, and what a dream is worth.

Called by `commands` after training. A dream is judged by its picture: its seam beside its ordinary steps, and how far it is
from every training loop, at any shift and in both directions, beside how far real held-out loops are. The same is measured
of real loops and of codes drawn at random, which any dream must be better than.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.part import Loop
from phosphene.tools.datasets.pictures import fit, grey
from phosphene.tools.vqvae.network import VqVae, to_tensor
from phosphene.tools.vqvae.prior import Prior, dream

_COMPARED = Size(32, 18)  # px at which loops are compared: shape and colour, not texture
BOUND = 5.0  # percentile of held-out loops' distances that a dream must exceed
_TRIES = 4  # draws for each dream wanted, at most
_NULLS = 4  # loops of codes drawn at random, of each kind


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
class Beside:
    """Loops of one origin, as `Dream` has them: means of seam and ordinary step, and each one's distance to training."""

    name: str
    seam: float
    step: float
    nearest: list[float]

    def line(self) -> str:
        """Return it for people."""
        near = f"{np.median(self.nearest):.4f}" if self.nearest else "-"
        return f"{self.name}: seam {self.seam:.4f}, ordinary step {self.step:.4f}, nearest training loop {near}"


@dataclass(frozen=True)
class Dreams:
    """What was kept of `drawn` draws. refused: the best of the others, where none was kept. bound: the percentile of the
    held-out loops' distances, 0 without such loops. most: the ordinary step, half-way from real loops to codes at random by
    ratio, that a dream stays below. beside: all draws, kept or not; real loops; codes at random."""

    kept: list[Dream]
    refused: Dream | None
    drawn: int
    bound: float
    most: float
    beside: list[Beside]


@torch.no_grad()
def encode_loop(model: VqVae, loop: Loop, frames: int) -> np.ndarray:
    """Return the codes of `frames` evenly spaced frames of a loop: uint8 [frames, rows, columns]."""
    model.eval()
    spec = model.spec
    index = np.round(np.arange(frames) * loop.frames / frames).astype(int) % loop.frames
    # Only these frames are scaled: of 48 that would be half of an encoding's time.
    pictures = np.stack([fit(frame, spec.size) for frame in loop.array()[index]])
    if spec.channels == 1:
        pictures = grey(pictures)
    codes = [model.codes_of(to_tensor(pictures[k : k + 32])) for k in range(0, frames, 32)]
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


def random_loops(training: Sequence[np.ndarray], codes: int, seed: int) -> dict[str, list[np.ndarray]]:
    """Return the nulls: loops of codes drawn evenly, and as often as training uses them; of training's shape."""
    rng = np.random.default_rng([seed, 9])
    use = np.bincount(np.concatenate([loop.reshape(-1) for loop in training]), minlength=codes)
    shape = (_NULLS, *training[0].shape)
    return {
        "codes at random": list(rng.integers(codes, size=shape).astype(np.uint8)),
        "codes at random, by their use": list(rng.choice(codes, size=shape, p=use / use.sum()).astype(np.uint8)),
    }


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
    """Draw loops until `count` are kept, or four times as many are drawn, or `stop` says so; once at least.

    training, held_out: real loops' codes. A draw is kept if its seam is no larger than the largest of its other steps, it
    moves as a real loop rather than as codes at random, and it is farther from training than the bound. Without held-out
    loops the bound is 0. Every other draw follows one of `kinds`, every other the mean of two; None: of all sketches.
    """
    known = [signature(decode_codes(model, codes)) for codes in training]

    def judged(codes: np.ndarray, followed: Sequence[int] = ()) -> Dream:
        pictures = decode_codes(model, codes)
        steps = steps_of(pictures)
        return Dream(
            codes, float(steps[-1]), float(steps[:-1].mean()), float(steps[:-1].max()), nearest(signature(pictures), known),
            tuple(names[int(k)] for k in followed),
        )  # fmt: skip

    real = [judged(codes) for codes in held_out]
    bound = float(np.percentile([each.nearest for each in real], BOUND)) if real else 0.0
    nulls = {
        name: [judged(codes) for codes in loops] for name, loops in random_loops(training, model.spec.codes, seed).items()
    }
    # Frantic flicker has a seam like its other steps, and is far from every loop: it must not pass for a dream.
    still = real or [judged(codes) for codes in training[:_NULLS]]
    by_use = list(nulls.values())[-1]
    most = float(np.sqrt(np.mean([each.step for each in still]) * np.mean([each.step for each in by_use])))
    draws: list[Dream] = []
    kept: list[Dream] = []
    rng = np.random.default_rng([seed, 8])
    while not draws or (len(kept) < count and len(draws) < _TRIES * count and not stop()):
        followed = rng.permutation(kinds if kinds is not None else len(names))[: 1 + len(draws) % 2]
        chosen = tuple(int(k) for k in followed)
        draws.append(judged(dream(prior, seed * 10_007 + len(draws), chosen, **how), chosen))
        if draws[-1].seam <= draws[-1].step_most and draws[-1].step < most and draws[-1].nearest > bound:
            kept.append(draws[-1])
    refused = None if kept else min(draws, key=lambda each: each.step)
    beside = [_beside("dreams, kept or not", draws)]
    if real:
        beside.append(_beside("real loops, held out", real))
    beside += [_beside(name, loops) for name, loops in nulls.items()]
    return Dreams(kept, refused, len(draws), bound, most, beside)


def _beside(name: str, loops: Sequence[Dream]) -> Beside:
    seam, step = (float(np.mean([getattr(each, key) for each in loops])) for key in ("seam", "step"))
    return Beside(name, seam, step, [each.nearest for each in loops])

"""Cut-outs: the random crops, perspectives and colour jitters through which a guide sees a picture.

A guide that sees one fixed view is satisfied by patterns that only work there, up to noise that no person can read; many
random views make that impossible (CLIPDraw, Frans 2021; VQGAN-CLIP, Crowson 2022). Called by the trainer each step.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

_WHOLE_SHARE = 0.4  # of the cut-outs show (nearly) the full height: the composition, not only the texture
_PERSPECTIVE = 0.12  # of the side: how far each corner may wander
_NOISE = 0.02


def cutouts(pictures: torch.Tensor, count: int, side: int, rng: np.random.Generator) -> torch.Tensor:
    """Return `count` square views [count, 3, side, side] of `pictures` [n, 3, h, w], in turn; sRGB 0..1, differentiable."""
    height, width = pictures.shape[2:]
    views = []
    for i in range(count):
        picture = pictures[i % len(pictures)][None]
        share = rng.uniform(0.92, 1.0) if rng.random() < _WHOLE_SHARE else rng.uniform(0.4, 0.92)
        edge = max(8, round(share * min(height, width)))
        top, left = rng.integers(0, height - edge + 1), rng.integers(0, width - edge + 1)
        view = picture[:, :, top : top + edge, left : left + edge]
        if rng.random() < 0.5:
            view = view.flip(3)
        views.append(functional.interpolate(view, (side, side), mode="bilinear", antialias=edge > side))
    stack = functional.grid_sample(
        torch.cat(views), _perspectives(count, side, rng).to(pictures), padding_mode="reflection", align_corners=False
    )
    return jitter(stack, rng)


def jitter(stack: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return `stack` with each picture's brightness, contrast and saturation changed a little, and noise; in 0..1."""
    n = len(stack)
    gain, contrast, saturation = (
        torch.tensor(rng.uniform(1 - s, 1 + s, (n, 1, 1, 1)), dtype=torch.float32, device=stack.device)
        for s in (0.1, 0.15, 0.15)
    )
    mean = stack.mean((1, 2, 3), keepdim=True)
    stack = (stack - mean) * contrast + mean * gain
    gray = stack.mean(1, keepdim=True)
    stack = gray + (stack - gray) * saturation
    noise = rng.standard_normal(stack.shape, np.float32) * _NOISE
    # A clamp has no gradient outside: the leak lets a picture that is too bright find its way back.
    return _soft_clamp(stack + torch.from_numpy(noise).to(stack))


def _soft_clamp(x: torch.Tensor) -> torch.Tensor:
    clamped = x.clamp(0.0, 1.0)
    return clamped.detach() + (x - x.detach())


def _perspectives(count: int, side: int, rng: np.random.Generator) -> torch.Tensor:
    """Return sampling grids [count, side, side, 2]: a square whose corners have wandered."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, axis)
    points = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3)
    grids = np.empty((count, side, side, 2), np.float32)
    for i in range(count):
        moved = corners + rng.uniform(-_PERSPECTIVE, _PERSPECTIVE, (4, 2)) * 2
        projected = points @ _homography(corners, moved).T
        grids[i] = (projected[:, :2] / projected[:, 2:]).reshape(side, side, 2)
    return torch.from_numpy(grids)


def _homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the 3 x 3 matrix that takes the four points `source` to `target`."""
    rows, goal = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        goal += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(goal)), 1.0).reshape(3, 3)

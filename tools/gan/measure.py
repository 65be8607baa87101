"""How good generated pictures are, in numbers that stand beside their nulls: KID, FID, precision and recall, colours, path.

Called by `tools/train_gan.py` and the comparison. The features are those of motif's *judge* (`tools/motif`): 256 numbers of
a tower that knows patterns and colours, trained in this project; no guide and no loss of the GAN ever sees it. They are
not Inception's: no number here may be set beside a published FID.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from phosphene.engine.models.colour import oklab
from phosphene.tools.motif.model import SIDE, load_motif

FEATURES = "motif judge, image tower, 256 numbers"
_BLACK = 0.01  # a pixel whose largest channel is below this is black
_NEIGHBOURS = 3
_STEP = 0.16  # of a path, in rad: pictures have 8 bits, and a smaller one would measure their rounding


@torch.no_grad()
def features(pictures: np.ndarray) -> np.ndarray:
    """Return float64 [n, 256], RMS 1, of uint8 [n, h, w, 3]. Both sides are scaled to 64x64 alike."""
    tower = load_motif("judge").image
    found = []
    for start in range(0, len(pictures), 64):
        x = torch.from_numpy(np.array(pictures[start : start + 64])).movedim(-1, 1).float() / 255.0
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        found.append(tower(x).double())
    flat = torch.cat(found)
    return (flat * math.sqrt(flat.shape[1])).numpy()


def kid(a: np.ndarray, b: np.ndarray, seed: int = 0, subsets: int = 20, size: int = 200) -> tuple[float, float]:
    """Return mean and deviation, over subsets, of the unbiased squared MMD under (x.y/d + 1)^3 (Binkowski et al. 2018)."""
    rng = np.random.default_rng(seed)
    size = min(size, len(a), len(b))
    values = []
    for _ in range(subsets):
        x, y = (each[rng.choice(len(each), size, replace=False)] for each in (a, b))
        xx, yy, xy = (_kernel(p, q) for p, q in ((x, x), (y, y), (x, y)))
        inner = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (size * (size - 1))
        values.append(inner - 2.0 * xy.mean())
    return float(np.mean(values)), float(np.std(values))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def fid(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Frechet distance of two normal distributions fitted to the features."""
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(ca)
    root = vectors * np.sqrt(values.clip(0.0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cb @ root).clip(0.0)).sum()
    return float(mean + np.trace(ca) + np.trace(cb) - 2.0 * cross)


def precision_recall(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """Return the share of fakes within reach of a real one, and of reals within reach of a fake (Kynkaanniemi 2019)."""
    return _within(real, fake), _within(fake, real)


def _within(base: np.ndarray, asked: np.ndarray) -> float:
    own = _distances(base, base)
    reach = np.sort(own, axis=1)[:, min(_NEIGHBOURS, len(base) - 1)]
    return float((_distances(asked, base) <= reach[None]).any(1).mean())


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    squared = np.square(x).sum(1)[:, None] + np.square(y).sum(1)[None] - 2.0 * x @ y.T
    return np.sqrt(squared.clip(0.0))


def colours(pictures: np.ndarray) -> dict[str, float]:
    """Return mean and spread of OKLab lightness and chroma over all pixels, and the share of black ones."""
    x = pictures[:, ::2, ::2].astype(np.float32) / 255.0
    lab = oklab(x)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    return {
        "lightness": float(lab[..., 0].mean()),
        "lightness_sd": float(lab[..., 0].std()),
        "chroma": float(chroma.mean()),
        "chroma_sd": float(chroma.std()),
        "black": float((x.max(-1) < _BLACK).mean()),
    }


@torch.no_grad()
def path_length(paint: Callable[[dict[str, Tensor]], np.ndarray], ends: dict[str, Tensor]) -> float:
    """Return the mean of |f(G(z)) - f(G(z'))|^2 / step^2, where everything that is drawn moves along its great circle: the
    latent and, in a network that has one, the style. paint: inputs to uint8 pictures. ends: inputs of 2 n pictures, between
    which n arcs go; "z" and "style" of RMS 1, others as they are.
    """
    count = len(ends["z"]) // 2
    first, last = ({name: value[:count] for name, value in ends.items()} for _ in range(2))
    at = torch.linspace(0.0, 1.0, count)
    for name in {"z", "style"} & ends.keys():
        a, b = ends[name][:count], ends[name][count : 2 * count]
        t = at.view(-1, *[1] * (a.dim() - 1))
        angle = torch.arccos((a * b).flatten(1).mean(1).clamp(-0.999, 0.999)).view_as(t)
        for inputs, place in ((first, t), (last, t + _STEP / angle)):
            inputs[name] = (torch.sin((1 - place) * angle) * a + torch.sin(place * angle) * b) / torch.sin(angle)
    moved = np.square(features(paint(first)) - features(paint(last))).sum(1)
    return float(moved.mean() / _STEP**2)


def nearest_copies(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
    """Return median feature distances to the nearest training picture: of fakes, and of held-out real pictures."""
    found = {"nearest_train": float(np.median(_distances(fake, train).min(1)))}
    if len(held_out):
        found["nearest_train_held_out"] = float(np.median(_distances(held_out, train).min(1)))
    return found


def measure(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Return every number for uint8 pictures; each null is beside: two halves of the real pictures."""
    f_fake, f_train = features(fake), features(train)
    f_held = features(held_out) if len(held_out) else np.zeros((0, f_train.shape[1]))
    order = np.random.default_rng(seed).permutation(len(f_train))
    half_a, half_b = f_train[order[::2]], f_train[order[1::2]]
    value, spread = kid(f_fake, f_train, seed)
    precision, recall = precision_recall(f_train, f_fake)
    found = {"kid": value, "kid_sd": spread, "fid": fid(f_fake, f_train), "precision": precision, "recall": recall}
    found |= {"kid_real": kid(half_a, half_b, seed)[0], "fid_real": fid(half_a, half_b)}
    found |= nearest_copies(f_fake, f_train, f_held)
    found |= colours(fake) | {f"{name}_real": value for name, value in colours(train).items()}
    return {name: round(number, 6) for name, number in found.items()}

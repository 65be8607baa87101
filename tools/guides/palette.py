"""The guide that needs no network: a prompt's colour and structure words against what a picture measures.

The trainer pulls with it, alone or beside another guide; the report shows its parts. It knows nothing of what a picture
shows.
"""

from __future__ import annotations

import numpy as np
import torch

from phosphene.tools.guides import statistics
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.oklab import oklab
from phosphene.tools.guides.words import Lab, Look, look

POINTS = 4096
"""Colours that stand for the wanted palette."""

_WEIGHTS = {
    "palette": 1.0,
    "avoid": 0.5,
    "contrast": 0.3,
    "orientation": 0.4,
    "slope": 0.35,
    "fineness": 0.35,
    "symmetry": 0.4,
}
# The error at which a part is worth 0: half way between perfect and hopeless.
_HALF = {"palette": 0.12, "avoid": 0.1, "contrast": 0.1, "orientation": 0.4, "slope": 1.0, "fineness": 0.8, "symmetry": 0.4}


class PaletteGuide:
    """Scores pictures by the words of a request. `look` says what it heard. Wants whole pictures, 96 px high."""

    name = "palette"
    cutouts = False
    side = 96

    def __init__(self, request: Request) -> None:
        """Raises UserError where the request has no word that this guide knows."""
        self.look: Look = look(request.prompt, request.negative)
        """What it heard; `ignored` are the words that it does not know."""
        points = wanted_palette(self.look)
        self._palette = statistics.SlicedPalette(points, lightness_only=not self.look.colours)
        # Some colours cannot have the contrast that was asked for: the palette's own, or two parts would pull apart.
        self._contrast = float(points[:, 0].std())

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the weighted mean of `parts`, [n], -1..1; pictures as in `base.Guide`."""
        parts = self.parts(pictures)
        return sum(_WEIGHTS[name] * part for name, part in parts.items()) / sum(_WEIGHTS[name] for name in parts)

    def distance(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return how far each picture's palette is from the wanted one, [n], OKLab units, 0 = the same distribution."""
        return self._palette.distance(oklab(pictures))

    def parts(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what the words speak of -> score [n], -1..1: 1 is exactly as said, 0 is half way to hopeless."""
        lab = oklab(pictures)
        light = lab[:, 0]
        wanted = self.look
        errors = {"palette": self._palette.distance(lab)}
        if wanted.avoid:
            errors["avoid"] = _share_near(lab, wanted.avoid)
        if wanted.contrast is not None:
            errors["contrast"] = _distance(statistics.spread(light), self._contrast)
        if wanted.orientation:
            errors["orientation"] = _orientation_error(light, wanted.orientation)
        if wanted.slope is not None or wanted.fineness is not None:
            slope, fineness = statistics.spectrum(light)
            if wanted.slope is not None:
                errors["slope"] = _distance(slope, wanted.slope)
            if wanted.fineness is not None:
                errors["fineness"] = _distance(fineness, wanted.fineness)
        if wanted.symmetry:
            errors["symmetry"] = _symmetry_error(light, wanted.symmetry)
        return {name: 1 - 2 * error / (error + _HALF[name]) for name, error in errors.items()}


def wanted_palette(wanted: Look) -> np.ndarray:
    """Return `POINTS` colours in OKLab, float64 [POINTS, 3], of a picture with this look, the same each time.

    Not only the colours named: half of what is not ground lies near them, the rest on the way from them to the ground and
    to each other. Without these shades only flat areas with hard edges would fit.
    """
    rng = np.random.default_rng(4)
    ground = np.array(wanted.ground)
    count = round(POINTS * wanted.ground_share)
    behind = ground + rng.normal(0, (0.02, 0.006, 0.006), (count, 3))
    if ground[0] < 0.3:
        behind[:, 0] = np.abs(behind[:, 0])
    shares = np.array([share for share, _ in wanted.colours] or [1.0])
    named = np.array([lab for _, lab in wanted.colours] or [(0.75, 0.0, 0.0)])
    # Systematic draws: each colour gets its share to one point.
    which = np.searchsorted(np.cumsum(shares), (np.arange(POINTS - count) + 0.5) / (POINTS - count)).clip(0, len(shares) - 1)
    which = rng.permutation(which)
    points = named[which]
    kind, along = rng.random(len(points))[:, None], rng.random((len(points), 1))
    to_ground = points + (ground - points) * along
    to_other = points + (named[rng.permutation(which)] - points) * along * 0.5
    near = points + rng.normal(0, (0.04, 0.012, 0.012), points.shape)
    points = np.where(kind < 0.5, near, np.where(kind < 0.85, to_ground, to_other))
    points = np.concatenate([behind, points])
    if wanted.contrast is not None:
        middle, has = points[:, 0].mean(), points[:, 0].std()
        points[:, 0] = middle + (points[:, 0] - middle) * np.clip(wanted.contrast / has, 0.4, 1.25)
    points[:, 0] = points[:, 0].clip(0, 1)
    return points


def _distance(measured: torch.Tensor, wanted: float) -> torch.Tensor:
    """Return |measured - wanted|, with a slope everywhere."""
    return ((measured - wanted).square() + 1e-6).sqrt()


def _share_near(lab: torch.Tensor, colours: tuple[Lab, ...]) -> torch.Tensor:
    """Return the share of each picture that looks like one of `colours`, [n]: 1 at the colour, 0.14 at twice 0.1 from it."""
    away = [(lab - lab.new_tensor(c)[None, :, None, None]).square().sum(1) for c in colours]
    return torch.stack([torch.exp(-d / (2 * 0.1**2)).mean((1, 2)) for d in away]).sum(0)


def _orientation_error(light: torch.Tensor, wanted: str) -> torch.Tensor:
    """Return 0 (as wanted) .. 2 of [n, h, w]."""
    vector = statistics.orientation(light, polar=wanted in ("rings", "rays", "spiral"))
    one_way = (vector.square().sum(1) + 1e-6).sqrt()
    return {
        "vertical": 1 - vector[:, 0],
        "horizontal": 1 + vector[:, 0],
        "diagonal": 1 - (vector[:, 1].square() + 1e-6).sqrt(),
        "stripes": 1 - one_way,
        "even": one_way,
        "rings": 1 - vector[:, 0],
        "rays": 1 + vector[:, 0],
        "spiral": 1 - (vector[:, 1].square() + 1e-6).sqrt(),
    }[wanted].clamp_min(0)


def _symmetry_error(light: torch.Tensor, wanted: str) -> torch.Tensor:
    """Return 0 (as wanted) .. 2 of [n, h, w]."""
    if wanted == "radial":
        return (1 - statistics.turn_likeness(light)).clamp_min(0)
    likeness = statistics.mirror_likeness(light)
    return (1 - likeness).clamp_min(0) if wanted == "mirror" else likeness.clamp_min(0)

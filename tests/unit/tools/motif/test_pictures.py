"""The painted pictures: repeatable, complete, of the colours named, and changed by every word of a subject."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.models.colour import oklab
from phosphene.tools.motif.pictures import PAINTERS, paint
from phosphene.tools.motif.pictures.colouring import NAMED
from phosphene.tools.motif.subject import CHROMATIC, FAMILIES, GROUNDS, MOODS, SYMMETRIES, TREATMENTS, Subject, draw_subject


def lightness(picture: np.ndarray) -> np.ndarray:
    return oklab(picture)[..., 0]


def pictures_of(subject: Subject, count: int, side: int = 32) -> list[np.ndarray]:
    return [paint(subject, np.random.default_rng(k), side) for k in range(count)]


def test_every_family_has_a_painter() -> None:
    assert set(PAINTERS) == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_treatment_and_symmetry_can_be_painted(family: str) -> None:
    rng = np.random.default_rng(5)
    for side in (32, 64):
        for treatment in TREATMENTS if side == 32 else ("neon",):
            for symmetry in SYMMETRIES:
                ground = str(rng.choice(GROUNDS))
                subject = replace(
                    draw_subject(rng, 0.0), family=family, treatment=treatment, symmetry=symmetry, ground=ground
                )
                picture = paint(subject, rng, side)
                assert picture.shape == (side, side, 3)
                assert picture.dtype == np.float32
                assert np.isfinite(picture).all()
                assert picture.min() >= 0.0
                assert picture.max() <= 1.0


@pytest.mark.parametrize("family", FAMILIES)
def test_same_generator_same_picture_and_another_another(family: str) -> None:
    subject = Subject(family, ("orange", "blue"))
    first, again, other = (paint(subject, np.random.default_rng(seed), 32) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.02


def test_drawn_subjects_of_all_moods_can_be_painted() -> None:
    rng, seen = np.random.default_rng(8), set()
    for _ in range(120):
        subject = draw_subject(rng, 1.0)
        seen.add(subject.mood)
        assert np.isfinite(paint(subject, rng, 32)).all()
    assert len(seen) > 0.9 * len(MOODS)


def test_named_colours_are_seen_more_than_names_not_given() -> None:
    rng = np.random.default_rng(2)
    names = list(NAMED)
    anchors = np.array([NAMED[n] for n in names])
    own, null = [], []
    for family in FAMILIES:
        for _ in range(3):
            colours = tuple(str(n) for n in rng.choice(CHROMATIC, 2, replace=False))
            lab = oklab(
                paint(Subject(family, colours, ground="black", treatment="vivid", contrast="high"), rng, 32)
            ).reshape(-1, 3)
            lab = lab[lab[:, 0] > 0.2]
            nearest = ((lab[:, None] - anchors) ** 2).sum(2).argmin(1)
            share = np.bincount(nearest, minlength=len(names)) / max(1, len(nearest))
            own.append([share[names.index(n)] for n in colours])
            null.append(np.mean([share[k] for k, n in enumerate(names) if n not in colours and n in CHROMATIC]))
    assert np.mean(own) > 4 * np.mean(null)
    assert np.mean([min(pair) for pair in own]) > 1.5 * np.mean(null)  # the lesser of the two as well


def test_denser_pictures_have_finer_detail() -> None:
    finer = 0
    for family in FAMILIES:
        detail = []
        for density in ("sparse", "dense"):
            subject = Subject(family, ("white",), "black", contrast="high", density=density)
            total = np.zeros(2)
            for picture in pictures_of(subject, 10):
                spectrum = np.abs(np.fft.fft2(lightness(picture) - lightness(picture).mean())) ** 2
                f = np.hypot(*np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32)))
                total += (spectrum * f).sum(), spectrum.sum()
            detail.append(total[0] / total[1])
        finer += detail[1] > detail[0]
    assert finer >= 0.9 * len(FAMILIES)


def test_contrast_widens_the_spread_of_lightness() -> None:
    for family in FAMILIES:
        spread = []
        for contrast in ("low", "high"):
            subject = Subject(family, ("yellow", "cyan"), "black", contrast=contrast)
            spread.append(np.mean([lightness(p).std() for p in pictures_of(subject, 6)]))
        assert spread[1] > spread[0], family


def test_neon_leaves_a_black_ground_dark_and_a_white_ground_white() -> None:
    darkest = []
    for family in FAMILIES:
        black = pictures_of(Subject(family, ("magenta",), "black", "neon", "high"), 6)
        white = pictures_of(Subject(family, ("magenta",), "white", "neon", "high"), 6)
        darkest.append(np.median([np.quantile(lightness(p), 0.05) for p in black]))
        # 0.32 of OKLab is sRGB 0.2: the glow fills the fine grain of wood at 32 pixels, the other families stay below 0.22.
        assert darkest[-1] < 0.32, family
        assert np.median([np.quantile(lightness(p), 0.92) for p in white]) > 0.85, family
    assert np.mean(darkest) < 0.15

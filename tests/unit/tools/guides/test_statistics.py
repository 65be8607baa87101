"""The numbers say what a person sees in pictures of which that is known, and have gradients where those are flat."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from phosphene.tools.guides import statistics as st

H, W = 64, 96
Y, X = torch.meshgrid((torch.arange(H) + 0.5) / H - 0.5, (torch.arange(W) + 0.5) / H - W / H / 2, indexing="ij")
R, ANGLE = (X * X + Y * Y).sqrt(), torch.atan2(Y, X)


def wave(along, cycles=6.0):
    return (0.5 + 0.4 * torch.sin(2 * math.pi * cycles * along))[None]


def noise(power, seed=0):
    """Return a picture of random phases whose amplitude falls as frequency to the -power, sd 0.2."""
    spectrum = torch.fft.rfft2(torch.randn(1, H, H, generator=torch.Generator().manual_seed(seed)))
    f = (torch.fft.fftfreq(H)[:, None] ** 2 + torch.fft.rfftfreq(H)[None] ** 2).sqrt().clamp_min(1 / H)
    picture = torch.fft.irfft2(spectrum * f**-power, s=(H, H))
    return 0.5 + 0.2 * (picture - picture.mean()) / picture.std()


def test_a_shift_is_its_length():
    rng = np.random.default_rng(3)
    points = rng.normal(0.4, 0.1, (2000, 3))
    palette = st.SlicedPalette(points)
    picture = torch.tensor(points.T.reshape(1, 3, 40, 50), dtype=torch.float32)
    assert palette.distance(picture).item() < 2e-3
    shift = torch.tensor([0.05, -0.12, 0.09])
    moved = palette.distance(picture + shift[None, :, None, None]).item()
    assert moved == pytest.approx(shift.norm().item(), rel=0.02)


def test_distance_depends_neither_on_place_nor_on_size():
    rng = np.random.default_rng(3)
    palette = st.SlicedPalette(rng.normal(0.4, 0.1, (2000, 3)))
    picture = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(1))
    shuffled = picture.flatten(2)[:, :, torch.randperm(1200)].reshape(picture.shape)
    large = picture.repeat_interleave(5, 2).repeat_interleave(5, 3)
    small, again, big = (palette.distance(p).item() for p in (picture, shuffled, large))
    assert again == pytest.approx(small, abs=1e-6)
    assert big == pytest.approx(small, abs=0.01)


def test_every_pixel_of_a_whole_picture_is_pulled():
    picture = torch.rand(1, 3, 96, 170, requires_grad=True)
    st.SlicedPalette(np.zeros((100, 3))).distance(picture).sum().backward()
    assert (picture.grad.abs().sum(1) > 0).float().mean() > 0.99


@pytest.mark.parametrize(
    ("picture", "polar", "expected"),
    [
        (wave(X), False, (1, 0)),
        (wave(Y), False, (-1, 0)),
        (wave((X + Y) / 2**0.5), False, (0, 1)),
        (wave((X - Y) / 2**0.5), False, (0, -1)),
        (wave(R), True, (1, 0)),
        (wave(ANGLE / (2 * math.pi), 7), True, (-1, 0)),
    ],
)
def test_orientation(picture, polar, expected):
    assert st.orientation(picture, polar)[0].numpy() == pytest.approx(np.array(expected), abs=0.12)


def test_noise_has_no_orientation():
    assert st.orientation(noise(1.0)).norm() < 0.15


def test_spectrum():
    slopes = [st.spectrum(noise(power))[0].item() for power in (0.0, 1.0, 2.0)]
    assert slopes == pytest.approx([0, -2, -4], abs=0.5)
    finenesses = [st.spectrum(wave(X, cycles))[1].item() for cycles in (2, 4, 8, 16)]
    assert finenesses == pytest.approx([1, 2, 3, 4], abs=0.15)


def test_likeness():
    even, odd, petals = wave(X * X, 5), wave(X + 0.3 * Y, 3), wave(ANGLE / (2 * math.pi), 6)
    assert st.mirror_likeness(even) > 0.99
    assert st.mirror_likeness(odd) < 0.4
    assert st.turn_likeness(petals) > 0.95
    assert st.turn_likeness(odd) < 0.4
    assert st.mirror_likeness(torch.full((1, H, W), 0.3)) < 1e-6


def test_texture_finds_scale_and_orientation():
    levels = st.texture(wave(Y, 6))["level"].reshape(len(st.SCALES), st.ORIENTATIONS)
    scale, orientation = divmod(int(levels.argmax()), st.ORIENTATIONS)
    assert st.SCALES[scale] == 6
    assert orientation == st.ORIENTATIONS // 2
    assert torch.allclose(st.texture(wave(Y, 6))["level"], st.texture(wave(Y + 0.05, 6))["level"], atol=0.25)


def test_texture_tells_edges_from_noise_of_the_same_spectrum():
    disc = (R < 0.3).float()[None, :, (W - H) // 2 : (W + H) // 2]
    phases = torch.fft.rfft2(torch.randn(1, H, H, generator=torch.Generator().manual_seed(2)))
    scrambled = torch.fft.irfft2(torch.fft.rfft2(disc).abs() * phases / phases.abs(), s=(H, H))
    assert st.texture(disc)["kinship"].mean() > st.texture(scrambled)["kinship"].mean() + 0.3
    assert st.texture(disc)["variance"].mean() > st.texture(scrambled)["variance"].mean() + 0.2


def test_colour_edges():
    ramp = wave(X)[:, None]
    warm = torch.cat([ramp, ramp * 0.2, ramp * 0.2], 1)
    cold = torch.cat([ramp, -ramp * 0.2, -ramp * 0.2], 1)
    assert st.colour_edges(warm)["with_light"].min() > 0.9
    assert st.colour_edges(cold)["with_light"].max() < -0.9
    hard = torch.cat([(ramp > 0.5).float()] * 3, 1)
    assert st.colour_edges(hard)["clear"].mean() > st.colour_edges(warm)["clear"].mean() + 0.2


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_have_finite_gradients(level):
    picture = torch.full((2, 3, 40, 64), level, requires_grad=True)
    light = picture[:, 0]
    numbers = [
        st.spread(light),
        st.orientation(light),
        st.orientation(light, True),
        *st.spectrum(light),
        st.mirror_likeness(light),
    ]
    numbers += [st.turn_likeness(light), *st.texture(light).values(), *st.colour_edges(picture).values()]
    sum(n.sum() for n in numbers).backward()
    assert all(torch.isfinite(n).all() for n in numbers)
    assert torch.isfinite(picture.grad).all()

"""The guide by words: the right colours and structures score higher than wrong ones, and a network can be pulled to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from phosphene.engine.core.errors import UserError
from phosphene.engine.models import colour
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.palette import PaletteGuide, wanted_palette
from phosphene.tools.guides.words import look

PROMPTS = (
    "neon geometric patterns with pink and blue",
    "flames in oranges, reds and yellows",
    "underwater waves in blues and teals",
    "nature, greens and browns",
    "soft pastel clouds in pinks and lavenders",
)
H, W = 48, 84


def picture_of(prompt, seed=0):
    """Return a picture with a prompt's palette and no structure, [1, 3, H, W]."""
    points = wanted_palette(look(prompt))
    drawn = points[np.random.default_rng(seed).integers(0, len(points), H * W)]
    return torch.tensor(colour.oklab_to_srgb(drawn).T.reshape(1, 3, H, W), dtype=torch.float32)


def grey(level):
    return level.expand(1, 3, H, W).float()


Y, X = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W) * W / H, indexing="ij")


class Small(torch.nn.Module):
    """A network of place, 32 wide, as the trained ones are built."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.first, self.second, self.out = torch.nn.Linear(3, 32), torch.nn.Linear(32, 32), torch.nn.Linear(32, 3)
        torch.nn.init.normal_(self.first.weight, 0, 2.0)
        self.place = torch.stack([X, Y, (X * X + Y * Y).sqrt()], -1)[::2, ::2].reshape(-1, 3)

    def forward(self):
        rgb = torch.sigmoid(self.out(torch.tanh(self.second(torch.sin(self.first(self.place))))))
        return rgb.T.reshape(1, 3, H // 2, W // 2)


def test_is_a_guide():
    guide = PaletteGuide(Request(PROMPTS[0]))
    assert (guide.name, guide.cutouts, guide.side) == ("palette", False, 96)
    score = guide.score(torch.rand(3, 3, H, W))
    assert score.shape == (3,)
    assert score.dtype == torch.float32
    assert score.abs().max() <= 1


def test_the_right_palette_beats_every_wrong_one():
    pictures = torch.cat([picture_of(prompt) for prompt in PROMPTS])
    for k, prompt in enumerate(PROMPTS):
        distance = PaletteGuide(Request(prompt)).distance(pictures)
        wrong = torch.cat([distance[:k], distance[k + 1 :]])
        assert distance[k] < 0.02
        assert wrong.min() > 3 * distance[k]


def test_shuffled_pixels_keep_the_palette_and_lose_the_structure():
    guide = PaletteGuide(Request("horizontal bands of gold, symmetric, soft"))
    stripes = grey(0.5 + 0.5 * torch.cos(6 * Y))
    shuffled = stripes.flatten(2)[:, :, torch.randperm(H * W, generator=torch.Generator().manual_seed(1))].reshape(
        stripes.shape
    )
    before, after = guide.parts(stripes), guide.parts(shuffled)
    assert after["palette"].item() == pytest.approx(before["palette"].item(), abs=1e-4)
    for name in ("orientation", "symmetry", "slope"):
        assert after[name] < before[name] - 0.5, name


@pytest.mark.parametrize(
    ("word", "right", "wrong"),
    [
        ("horizontal", torch.sin(20 * Y), torch.sin(20 * X)),
        ("vertical", torch.sin(20 * X), torch.sin(20 * Y)),
        ("diagonal", torch.sin(14 * (X + Y)), torch.sin(20 * X)),
        ("stripes", torch.sin(14 * X + 5 * Y), torch.sin(20 * X) * torch.sin(20 * Y)),
        ("rings", torch.sin(20 * (X * X + Y * Y).sqrt()), torch.sin(9 * torch.atan2(Y, X))),
        ("rays", torch.sin(9 * torch.atan2(Y, X)), torch.sin(20 * (X * X + Y * Y).sqrt())),
        (
            "spiral",
            torch.sin(6 * torch.atan2(Y, X) + 9 * (X * X + Y * Y + 1e-6).log()),
            torch.sin(20 * (X * X + Y * Y).sqrt()),
        ),
        ("mandala", torch.sin(6 * torch.atan2(Y, X)), torch.sin(4 * X + 3 * Y)),
        ("mirrored", torch.cos(7 * X) + Y, torch.sin(4 * X + 3 * Y)),
        ("sharp", (X * X + Y * Y < 0.25).float() * 2 - 1, torch.exp(-(X * X + Y * Y) * 4) * 2 - 1),
        ("dense", torch.sin(40 * X), torch.sin(4 * X)),
        ("minimal", torch.sin(4 * X), torch.sin(40 * X)),
    ],
)
def test_words_of_structure(word, right, wrong):
    guide = PaletteGuide(Request(word))
    pair = torch.cat([grey(0.5 + 0.25 * p) for p in (right, wrong)])
    parts = guide.parts(pair)
    parts.pop("palette")
    score = sum(parts.values()) / len(parts)
    assert score[0] > score[1] + 0.15


def test_what_is_to_be_avoided():
    guide = PaletteGuide(Request("blue", negative="green"))
    blue, green = picture_of("blue"), picture_of("green")
    parts = guide.parts(torch.cat([blue, green]))
    assert parts["avoid"][0] > 0.8
    assert parts["avoid"][1] < 0


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_have_a_way_out(level):
    pictures = torch.full((2, 3, H, W), level, requires_grad=True)
    PaletteGuide(Request("dense sharp radial symmetric stripes, pink, high contrast", negative="black")).score(
        pictures
    ).sum().backward()
    assert torch.isfinite(pictures.grad).all()
    assert pictures.grad.abs().sum() > 1e-3


def test_a_network_is_pulled_to_the_palette():
    guide, network = PaletteGuide(Request(PROMPTS[0])), Small()
    adam = torch.optim.Adam(network.parameters(), 0.02)
    with torch.no_grad():
        before = float(guide.distance(network()))
    for _ in range(60):
        adam.zero_grad()
        (-guide.score(network()).mean()).backward()
        adam.step()
    with torch.no_grad():
        after = guide.distance(network()).item()
        other = PaletteGuide(Request(PROMPTS[1])).distance(network()).item()
    assert after < 0.25 * before
    assert after < 0.25 * other


def test_a_prompt_without_a_known_word_is_refused():
    with pytest.raises(UserError, match="choose another guide"):
        PaletteGuide(Request("wibble"))

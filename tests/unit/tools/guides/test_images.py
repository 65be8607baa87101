"""The guide by pictures reads what a folder holds, and pulls a network towards its palette."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.images import ImagesGuide, find_images


def painted(low, high, waves=3.0, turn=0.0, size=(120, 90), seed=0):
    """Return soft stripes from one colour to another, a little uneven, uint8 [h, w, 3]."""
    rng = np.random.default_rng(seed)
    w, h = size
    y, x = np.mgrid[:h, :w] / h
    along = x * math.cos(turn) + y * math.sin(turn)
    level = 0.5 + 0.5 * np.sin(2 * math.pi * waves * along + rng.uniform(0, 6) + np.sin(5 * y))
    return (np.asarray(low) + (np.asarray(high) - np.asarray(low)) * level[..., None]).astype(np.uint8)


EMBER, SEA = ((10, 2, 4), (255, 140, 20)), ((4, 8, 40), (40, 220, 230))


@pytest.fixture
def board(tmp_path):
    """Return a folder of five pictures of embers, in five formats."""
    for k, suffix in enumerate(("png", "jpg", "webp", "bmp", "tif")):
        Image.fromarray(painted(*EMBER, waves=3 + k / 4, seed=k)).save(tmp_path / f"ember{k}.{suffix}")
    return tmp_path


def guide_of(folder):
    return ImagesGuide(Request(images=find_images(folder)[0]))


def batch(*pictures):
    return torch.stack([torch.tensor(p / 255.0, dtype=torch.float32).permute(2, 0, 1) for p in pictures])


class Small(torch.nn.Module):
    """A network of place, 32 wide, as the trained ones are built."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.first, self.second, self.out = torch.nn.Linear(3, 32), torch.nn.Linear(32, 32), torch.nn.Linear(32, 3)
        torch.nn.init.normal_(self.first.weight, 0, 0.8)

    def forward(self, h, w):
        y, x = torch.meshgrid(torch.linspace(-3, 3, h), torch.linspace(-3, 3, w) * w / h, indexing="ij")
        place = torch.stack([x, y, (x * x + y * y).sqrt()], -1).reshape(-1, 3)
        rgb = torch.sigmoid(self.out(torch.tanh(self.second(torch.sin(self.first(place))))))
        return rgb.T.reshape(1, 3, h, w)


def test_training_halves_the_palette_distance(board):
    guide, network = guide_of(board), Small()
    adam = torch.optim.Adam(network.parameters(), 0.02)
    with torch.no_grad():
        before, score_before = float(guide.palette_distance(network(36, 64))), float(guide.score(network(36, 64)))
    for _ in range(60):
        adam.zero_grad()
        (-guide.score(network(36, 64)).mean()).backward()
        adam.step()
    with torch.no_grad():
        after, score_after = float(guide.palette_distance(network(36, 64))), float(guide.score(network(36, 64)))
    assert after < 0.5 * before
    assert score_after > score_before + 0.3


def test_likes_its_own_more_than_other_colours_and_other_structure(board):
    guide = guide_of(board)
    own = painted(*EMBER, waves=3.3, seed=40, size=(160, 128))
    other_colours = painted(*SEA, waves=3.3, seed=40, size=(160, 128))
    turned = painted(*EMBER, waves=9, turn=math.pi / 2, seed=40, size=(160, 128))
    shuffled = np.random.default_rng(1).permutation(own.reshape(-1, 3)).reshape(own.shape)
    pictures = batch(own, other_colours, turned, shuffled)
    score, palette = guide.score(pictures), guide.palette_distance(pictures)
    parts = guide.parts(pictures)
    assert score.shape == (4,)
    assert score[0] > score[1:].max() + 0.2
    assert score.abs().max() <= 1
    assert palette[1] > 4 * palette[0]
    # Shuffled pixels have the same colours, and none of the structure.
    assert abs(palette[3] - palette[0]) < 0.01
    assert parts["texture"][3] < 0 < parts["texture"][0]
    assert parts["edges"][3] < parts["edges"][0] - 0.5
    assert parts["texture"][0] > parts["texture"][2] + 0.3


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_have_a_way_out(board, level):
    pictures = torch.full((2, 3, 36, 64), level, requires_grad=True)
    guide_of(board).score(pictures).sum().backward()
    assert torch.isfinite(pictures.grad).all()
    assert pictures.grad.abs().sum() > 1e-3


def test_corrupt_and_tiny_ones_are_noted(board):
    (board / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (board / "cut.jpg").write_bytes((board / "ember1.jpg").read_bytes()[:400])
    Image.new("RGB", (1, 1), (255, 0, 0)).save(board / "dot.png")
    (board / "notes.txt").write_text("not a picture")
    (board / "._ember0.png").write_bytes(b"of a Mac")
    found, notes = find_images(board)
    assert [path.name for path in found] == [
        "dot.png",
        *(f"ember{k}.{s}" for k, s in enumerate(("png", "jpg", "webp", "bmp", "tif"))),
    ]
    assert len(notes) == 3
    assert any("broken.png" in note for note in notes)
    assert any("cut.jpg" in note for note in notes)
    assert any("dot.png is only 1 x 1" in note for note in notes)
    guide = ImagesGuide(Request(images=found))
    assert [note for note in guide.notes if "dot.png" in note] == list(guide.notes)


def test_a_single_pixel_is_a_palette(tmp_path):
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "dot.png")
    guide = guide_of(tmp_path)
    red, blue = batch(np.full((20, 30, 3), (255, 0, 0)), np.full((20, 30, 3), (0, 0, 255))).split(1)
    assert set(guide.parts(red)) == {"palette"}
    assert guide.palette_distance(red) < 1e-3
    assert guide.score(red) > 0.9 > 0 > guide.score(blue)
    assert "1 x 1" in guide.notes[0]


def test_no_picture_is_one_line(tmp_path):
    (tmp_path / "readme.md").write_text("none")
    with pytest.raises(UserError, match=r"no readable picture here \(.*\): allowed: \.png, \.jpg"):
        find_images(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"broken\.png cannot be read"):
        find_images(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no readable picture"):
        ImagesGuide(Request(images=(tmp_path / "broken.png",)))
    with pytest.raises(UserError, match="needs pictures"):
        ImagesGuide(Request(prompt="embers"))


def test_one_file_will_do(board):
    assert find_images(board / "ember0.png") == ((board / "ember0.png",), ())


def test_a_crowd_is_thinned_evenly(tmp_path):
    for k in range(205):
        Image.new("RGB", (16, 16), (k, 0, 255 - k)).save(tmp_path / f"{k:03}.bmp")
    found, notes = find_images(tmp_path)
    assert len(found) == 100
    assert found[-1].stem > "200"
    assert "205 pictures" in notes[0]


def read(path, height=128):
    from phosphene.tools.guides import images

    return images._read(path, height)


def test_reads_upright_over_black_and_reduced(tmp_path):
    halves = np.zeros((60, 40, 3), np.uint8)
    halves[:30] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by half a turn
    Image.fromarray(halves).save(tmp_path / "turned.png", exif=exif)
    upright = read(tmp_path / "turned.png", 60)
    assert upright[:28].max() == 0
    assert upright[32:].min() == 1

    clear = np.full((32, 32, 4), 255, np.uint8)
    clear[:, 16:, 3] = 0
    Image.fromarray(clear).save(tmp_path / "clear.png")
    over_black = read(tmp_path / "clear.png", 32)
    assert over_black[:, :15].min() == 1
    assert over_black[:, 17:].max() == 0

    Image.fromarray(np.full((40, 40), 40000, np.uint16)).save(tmp_path / "deep.png")
    assert read(tmp_path / "deep.png", 40).mean() == pytest.approx(40000 / 65535, abs=0.01)

    Image.new("RGB", (6000, 4000), (200, 30, 60)).save(tmp_path / "large.jpg")
    assert read(tmp_path / "large.jpg").shape == (128, 192, 3)
    assert read(tmp_path / "large.jpg")[64, 64] == pytest.approx(np.array([200, 30, 60]) / 255, abs=0.02)

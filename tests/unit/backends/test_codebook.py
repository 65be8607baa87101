"""A codebook without its encoder: the fit finds the codes of pictures that it did not see, and blends without jumps."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.backends.codebook import Codebook
from phosphene.engine.models.style import load_style
from tests.decoded_styles import small_vqvae


@pytest.fixture(scope="module", params=["neon-loops", "night-pond", "toy-blocks"])
def book(request):
    made = Codebook(load_style(request.param))
    yield made
    made.close()


def unseen(book: Codebook, count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return frames of the style's loops by another chance than the fit's: embeddings and pictures."""
    rng, net = np.random.default_rng(99), book.net
    loops = book.style.weights["loops"].astype(int)
    codes = [loops[rng.integers(len(loops)), rng.integers(net.frames)] for _ in range(count)]
    return np.array([book.codes[each] for each in codes]), np.array([decoded(book, book.codes[each]) for each in codes])


def decoded(book: Codebook, z: np.ndarray) -> np.ndarray:
    return book.decoder.decode({"z": np.ascontiguousarray(np.moveaxis(z, -1, 0), np.float32)})


def test_it_finds_what_the_decoder_painted(book: Codebook) -> None:
    z, pictures = unseen(book)
    guessed = np.array([book.guess(each) for each in pictures])
    left = ((guessed - z) ** 2).sum() / ((z - z.mean(axis=(0, 1, 2))) ** 2).sum()
    assert left < 0.35, "of the variance of the embeddings"
    again = np.array([decoded(book, each) for each in guessed])
    off = np.abs(again - pictures).mean()
    null = np.abs(np.roll(pictures, 1, axis=0) - pictures).mean()  # another frame of the style's own
    assert off < 0.4 * null


def test_what_it_makes_is_of_its_codes_and_does_not_jump(book: Codebook) -> None:
    size = book.size
    y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32) / size.height
    made, step = [], 1.0 / 400.0
    for k in range(24):
        picture = np.stack([0.5 + 0.4 * np.sin(6 * (x + k * step) + c) * np.cos(5 * y) for c in range(3)], -1)
        made.append(book.encode(picture.astype(np.float32)))
    low, high = book.codes.min(axis=0), book.codes.max(axis=0)
    assert all(((low - 1e-4 <= z) & (z <= high + 1e-4)).all() for z in made), "between codes, never beyond them"
    steps = np.abs(np.diff(np.array([decoded(book, z) for z in made]), axis=0)).mean(axis=(1, 2, 3))
    whole = np.abs(decoded(book, made[-1]) - decoded(book, made[0])).mean()
    assert steps.max() < 0.5 * whole, "no step is the whole way"
    assert whole > 0.01


def test_the_same_picture_gives_the_same_bits_whoever_fitted() -> None:
    picture = np.random.default_rng(1).random((36, 64, 3)).astype(np.float32)
    books = [Codebook(small_vqvae()) for _ in range(2)]
    assert books[0].size.width == 64
    assert np.array_equal(*(each.encode(picture) for each in books))
    for each in books:
        each.close()

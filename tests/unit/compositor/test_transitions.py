"""Transitions show one deck alone at their ends, share the area by the fader in between, and interlock without ghosts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from phosphene.engine.compositor.transitions import Transitions, threshold, weights
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import TRANSITIONS
from phosphene.kernels.compositor.field import field

SIZE = Size(160, 90)
FADERS = [0.0, 0.01, 0.03, 0.1, 0.25, 0.5, 0.77, 0.95, 0.98, 1.0]


def frame(time: float = 0.0) -> Frame:
    return Frame(0, time, time, 1 / 60, 60.0)


@pytest.fixture(scope="module")
def transitions(gl_context) -> Iterator[Transitions]:
    gl_context.make_current()
    passes = Passes()
    made = Transitions(passes)
    yield made
    gl_context.make_current()
    made.close()
    passes.close()


@pytest.fixture
def decks(gl) -> Iterator[tuple[RenderTarget, RenderTarget, RenderTarget]]:
    """Deck a is noise in red, deck b in blue, and where they go."""
    made = tuple(RenderTarget(SIZE) for _ in range(3))
    rng = np.random.default_rng(4)
    for target, channel in zip(made[:2], (0, 2), strict=True):
        picture = np.zeros((SIZE.height, SIZE.width, 4), np.float16)
        picture[..., channel] = rng.uniform(0.5, 1.0, (SIZE.height, SIZE.width))
        picture[..., 3] = 1.0
        target.upload(picture)
    yield made
    for each in made:
        each.close()


def mask(transitions: Transitions, kind: str, mix: float, time: float = 0.0) -> np.ndarray:
    """Return the share of deck b at every pixel."""
    a, b, out = (RenderTarget(SIZE, "rgba32f") for _ in range(3))
    a.clear(0.0, 0.0, 0.0, 1.0)
    b.clear(1.0, 1.0, 1.0, 1.0)
    transitions.draw(kind, mix, a, b, out, frame(time))
    share = out.read()[..., 0]
    for each in (a, b, out):
        each.close()
    return share


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_ends_are_one_deck_exactly(gl, transitions, decks, kind: str) -> None:
    a, b, out = decks
    for mix, deck in ((0.0, a), (1.0, b)):
        assert weights(kind, mix) == ((1.0, 0.0), (0.0, 1.0))[int(mix)]
        for time in (0.0, 33.3):
            transitions.draw(kind, mix, a, b, out, frame(time))
            np.testing.assert_array_equal(out.read(), deck.read())


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_fader_moves_from_a_to_b_without_going_back(kind: str) -> None:
    pairs = [weights(kind, mix) for mix in np.linspace(0.0, 1.0, 101)]
    assert all(a0 >= a1 and b0 <= b1 for (a0, b0), (a1, b1) in pairwise(pairs))
    assert all(0.0 <= a + b <= 1.0 + 1e-12 for a, b in pairs)


@pytest.mark.parametrize("time", [0.0, 12.7])
@pytest.mark.parametrize("mix", FADERS)
def test_interlock_s_mean_is_the_fader(gl, transitions, mix: float, time: float) -> None:
    assert abs(mask(transitions, "interlock", mix, time).mean() - mix) < 0.01


@pytest.mark.parametrize("share", np.linspace(0.0, 1.0, 21))
def test_threshold_keeps_the_mean(share: float) -> None:
    uniform = (np.arange(100_000) + 0.5) / 100_000
    assert np.clip((threshold(share, 0.14) - uniform) / 0.14 + 0.5, 0, 1).mean() == pytest.approx(share, abs=1e-4)


def test_interlock_is_crisp(gl, transitions) -> None:
    share = mask(transitions, "interlock", 0.5)
    assert ((share > 0.02) & (share < 0.98)).mean() < 0.16
    assert (np.abs(np.diff(share, axis=1)) > 0.9).mean() < 5e-3, "seams are soft"


def test_interlock_masks_are_complementary(gl, transitions, decks) -> None:
    a, _, out = decks
    transitions.draw("interlock", 0.5, a, a, out, frame())
    np.testing.assert_allclose(out.read(), a.read(), atol=1e-3)


def test_field_is_uniform_and_repeats() -> None:
    values = field()
    levels = np.linspace(0.0, 1.0, 50)
    assert np.abs((values[..., None] < levels).mean((0, 1)) - levels).max() < 1e-3
    inside = np.abs(np.diff(values, axis=1)).max()
    assert np.abs(values[:, 0] - values[:, -1]).max() <= inside * 1.5


@pytest.mark.parametrize("angle", [0.0, 0.35, 2.0, -1.0, 3.1])
def test_wipe_is_complete_at_any_angle(gl, angle: float) -> None:
    passes = Passes()
    transitions = Transitions(passes, wipe_angle=angle)
    assert mask(transitions, "wipe", 1e-6).max() < 0.01
    assert mask(transitions, "wipe", 1 - 1e-6).min() > 0.99
    half = mask(transitions, "wipe", 0.5)
    assert half.mean() == pytest.approx(0.5, abs=0.02)
    transitions.close()
    passes.close()


def test_wipe_moves_to_the_right(gl, transitions) -> None:
    columns = mask(transitions, "wipe", 0.5).mean(axis=0)
    assert columns[5] > 0.9 > 0.1 > columns[-5]


def test_through_black_is_black_half_way(gl, transitions, decks) -> None:
    a, b, out = decks
    transitions.draw("through-black", 0.5, a, b, out, frame())
    assert not out.read().any()


def test_levels_scale_each_deck(gl, transitions, decks) -> None:
    a, b, out = decks
    for kind in TRANSITIONS:
        transitions.draw(kind, 0.0, a, b, out, frame(), (0.5, 1.0))
        np.testing.assert_allclose(out.read(), 0.5 * a.read(), atol=1e-3)
        transitions.draw(kind, 1.0, a, b, out, frame(), (0.5, 0.25))
        np.testing.assert_allclose(out.read(), 0.25 * b.read(), atol=1e-3)

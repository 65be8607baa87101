"""Latents walk on the sphere: RMS 1 everywhere, the same for a seed, at any frame rate, without a jump, on the beat."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.latent import Trajectory, Walk, latent_values, slerp, unit_rms

DIMS = 8


def path(walk: Walk, seconds: float = 60.0, fps: float = 30.0, bpm: float = 120.0, onset: float = 0.0) -> np.ndarray:
    trajectory = Trajectory(walk, DIMS)
    return np.array([trajectory.at(k / fps, k / fps * bpm / 60.0, onset) for k in range(round(seconds * fps))])


@pytest.mark.parametrize("onset", [0.0, 1.0])
@pytest.mark.parametrize("walk", [Walk(), Walk(beats=0.0), Walk(wander=0.0), Walk(wander=1.0, push=1.0)], ids=str)
def test_every_point_is_on_the_sphere(walk: Walk, onset: float) -> None:
    rms = np.sqrt(np.mean(path(walk, onset=onset) ** 2, axis=1))
    assert np.abs(rms - 1.0).max() < 0.05
    assert np.abs(rms - 1.0).max() < 1e-9  # what is asked for is 0.05; along the sphere it is exact


def test_blending_instead_would_leave_the_sphere() -> None:
    """The fault that slerp is there for: a mean of four anchors has half the length."""
    anchors = unit_rms(np.random.default_rng(0).standard_normal((200, 4, DIMS)))
    assert np.sqrt(np.mean(anchors.mean(axis=1) ** 2, axis=1)).mean() < 0.6


def test_a_seed_is_a_walk() -> None:
    assert np.array_equal(path(Walk(seed=4), 5.0), path(Walk(seed=4), 5.0))
    assert np.abs(path(Walk(seed=4), 5.0) - path(Walk(seed=5), 5.0)).max() > 0.5


def test_any_frame_rate_and_any_beginning_give_the_same_walk() -> None:
    assert np.allclose(path(Walk(), 10.0, 60.0)[::2], path(Walk(), 10.0, 30.0), atol=1e-12)
    trajectory = Trajectory(Walk(), DIMS)
    assert np.array_equal(trajectory.at(7.0, 14.0), path(Walk(), 8.0, 30.0)[210])


def test_it_moves_and_never_jumps() -> None:
    steps = np.sqrt(np.mean(np.diff(path(Walk(push=0.5), 120.0, 60.0, onset=0.7), axis=0) ** 2, axis=1))
    assert steps.max() < 0.05
    assert np.median(steps) > 1e-4


def test_anchors_are_reached_on_their_beat_and_held() -> None:
    given = tuple(tuple(row) for row in np.eye(DIMS)[:3])
    trajectory = Trajectory(Walk(beats=16.0, hold=0.25, wander=0.0, push=0.0, anchors=given), DIMS)
    for n in range(7):
        expected = unit_rms(np.eye(DIMS)[n % 3])
        for beat in (16.0 * n, 16.0 * n + 3.9):
            assert np.allclose(trajectory.at(123.0, beat), expected, atol=1e-9)
        between = trajectory.at(0.0, 16.0 * n + 10.0)
        assert min(np.abs(between - a).max() for a in unit_rms(np.eye(DIMS)[:3])) > 0.3


def test_an_onset_pushes_and_lets_go() -> None:
    trajectory = Trajectory(Walk(push=0.3), DIMS)
    still, hit = trajectory.at(3.0, 6.5), trajectory.at(3.0, 6.5, 1.0)
    assert 0.1 < np.sqrt(np.mean((hit - still) ** 2)) < 0.5
    assert np.allclose(trajectory.at(3.0, 6.5, 1e-9), still, atol=1e-8)


def test_slerp_of_opposites_stays_on_the_sphere() -> None:
    a = unit_rms(np.arange(1.0, 9.0))
    for b in (a, -a, np.roll(a, 1)):
        assert np.isclose(np.sqrt(np.mean(slerp(a, b, 0.3) ** 2)), 1.0)


def test_values_have_the_names_of_inputs() -> None:
    assert latent_values(np.array([0.5, -1.0])) == {"latent0": 0.5, "latent1": -1.0}


def test_refusals_say_what_is_allowed() -> None:
    with pytest.raises(UserError, match=r"walk\.wander.*0 to 1"):
        Walk(wander=2.0)
    with pytest.raises(UserError, match=r"anchors\[1\].*8 numbers"):
        Trajectory(Walk(anchors=((1.0, 0.0),)), DIMS)

"""The flash guard on the GPU: the same as its numpy reference, untouched below the limit, and calm whatever comes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from engine.compositor.guard import FlashGuard
from engine.compositor.output_pass import OutputPass, output_gain
from engine.core.frame import Size
from engine.gpu.shader import Passes
from engine.gpu.texture import RenderTarget
from kernels.guard import reference

SIZE = Size(72, 48)
FPS = 30


@pytest.fixture
def rig(gl) -> Iterator:
    passes = Passes()
    guard, picture = FlashGuard(passes), RenderTarget(SIZE)

    def hold(light: np.ndarray, master: float = 1.0, blackout: float = 0.0, dt: float = 1 / FPS) -> np.ndarray:
        alpha = np.ones_like(light[..., :1])
        picture.upload(np.concatenate([light, alpha], axis=-1).astype(np.float16))
        return guard.hold(picture, master, blackout, dt).read()[..., :3]

    hold.guard = guard
    yield hold
    guard.close()
    picture.close()
    passes.close()


def colours(k: int, seed: int = 1) -> np.ndarray:
    """A picture whose places flash at rates of their own, red ones among them, float32 [h, w, 3]."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[0:1 : SIZE.height * 1j, 0:1 : SIZE.width * 1j]
    light = np.zeros((SIZE.height, SIZE.width, 3))
    for _ in range(5):
        centre, hz, tint = rng.uniform(0, 1, 2), rng.uniform(2, 9), rng.choice([0.0, 0.5, 1.0], 3)
        spot = np.exp(-((u - centre[0]) ** 2 + (v - centre[1]) ** 2) / 0.05)
        light += spot[..., None] * tint * ((k * hz / FPS) % 1.0 < 0.5)
    return np.clip(light, 0, 1).astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_numpy_reference(rig, seed):
    guard = reference.Guard()
    held = 0
    for k in range(4 * FPS):
        light = colours(k, seed)
        cells = guard.hold(reference.measure(light), 1 / FPS)
        wanted = reference.apply(light, cells)
        assert np.abs(rig(light) - wanted).max() < 2e-3, k
        held += bool((cells[..., 0] < 1.0).any())
    assert held > FPS  # else nothing was compared


def test_below_the_limit_the_picture_is_the_same_to_the_bit(rig):
    rng = np.random.default_rng(0)
    for k in range(3 * FPS):
        light = rng.uniform(0, 20, (SIZE.height, SIZE.width, 3)) * (1.0 if k % FPS < 10 else 0.001)  # one flash a second
        light = light.astype(np.float16)
        assert np.array_equal(rig(light), light.astype(np.float32))
    assert not rig.guard.status.held


@pytest.mark.parametrize(
    "performer",
    [
        lambda k: {"master": float(k // 2 % 2)},
        lambda k: {"blackout": float(k // 3 % 2)},
        lambda k: {"master": float(k % 2)},
    ],
    ids=["master", "blackout", "every frame"],
)
def test_what_a_performer_does_goes_through_it_too(rig, performer):
    light, shown = np.full((SIZE.height, SIZE.width, 3), 0.9, np.float32), []
    for k in range(5 * FPS):
        given = performer(k)
        gain = output_gain(given.get("master", 1.0), given.get("blackout", 0.0))
        shown.append(float((gain * rig(light, **given)).mean()))
        assert shown[-1] <= 0.9 * gain + 1e-3  # black stays black
    seen, rises = reference.Transitions(np.float32([0.1]), np.float32([0.8])), []
    for k, value in enumerate(shown):
        if seen.add(np.float32([value]), 1 / FPS)[0] and seen.rising[0]:
            rises.append(k)
    assert max(sum(k - FPS < x <= k for x in rises) for k in range(len(shown))) <= 3
    assert len(rises) > 4


def test_light_above_white_does_not_outshine_it(rig):
    low, high = (np.full((SIZE.height, SIZE.width, 3), x, np.float32) for x in (0.0, 500.0))
    shown = [float(np.minimum(rig(high if k % 4 < 2 else low), 1.0).mean()) for k in range(2 * FPS)]
    assert max(shown) == 1.0
    assert np.mean(np.array(shown) > 0.2) < 0.3


def test_no_number_gets_into_its_memory(rig):
    bad = np.full((SIZE.height, SIZE.width, 3), np.nan, np.float32)
    bad[: SIZE.height // 2] = np.inf
    for k in range(FPS):
        rig(bad if k % 2 else np.zeros_like(bad))
    good = np.full_like(bad, 0.25)
    for _ in range(3 * FPS):
        last = rig(good)
    assert last == pytest.approx(0.25, abs=1e-3)


def test_it_forgets_when_it_is_told(rig):
    white, black = (np.full((SIZE.height, SIZE.width, 3), x, np.float32) for x in (0.9, 0.0))
    for k in range(FPS):
        rig(white if k % 4 < 2 else black)
    assert rig.guard.status.active or rig.guard.status.held
    rig.guard.reset()
    assert not rig.guard.status.active
    assert np.array_equal(rig(white), white.astype(np.float16))


def test_what_leaves_it_is_what_the_output_pass_shows(rig, gl):
    """Held back, encoded and enlarged, the mean of the picture is where the guard believes it to be."""
    passes = Passes()
    output, target = OutputPass(passes), RenderTarget(Size(144, 96), "rgba8")
    source = RenderTarget(SIZE)
    white = np.full((SIZE.height, SIZE.width, 4), 0.9, np.float16)
    means = []
    for k in range(2 * FPS):
        source.upload(white if k % 4 < 2 else np.zeros_like(white))
        output.draw(rig.guard.hold(source, 0.9, 0.0, 1 / FPS), target, 0.9, 0.0, k)
        code = target.read()[..., :3]
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        means.append(float(linear.mean()))
    held = [m for m in means if 0.01 < m < 0.3]
    assert held
    assert max(held) == pytest.approx(reference.HOLD * reference.LUMINANCE_STEP * reference.CAUTION, abs=0.004)
    for each in (output, target, source, passes):
        each.close()

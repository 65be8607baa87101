"""The flash guard on the GPU: the same as its numpy reference, untouched below the limit, and calm whatever comes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.compositor.export_pass import Export, ExportPass
from phosphene.engine.compositor.guard import FlashGuard
from phosphene.engine.compositor.output_pass import OutputPass, output_gain
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.guard import reference

SIZE, SCREEN = Size(72, 48), Size(144, 96)
FPS = 30


class Rig:
    """A guard and the output pass after it."""

    def __init__(self) -> None:
        self.passes = Passes()
        self.guard, self.output = FlashGuard(self.passes), OutputPass(self.passes)
        self.picture, self.screen = RenderTarget(SIZE), RenderTarget(SCREEN, "rgba8")
        self._index = 0

    def cells(self, light: np.ndarray, master: float = 1.0, blackout: float = 0.0, dt: float = 1 / FPS) -> np.ndarray:
        """Take the next picture, float [h, w, 3]; return factor and fading, float32 [6, 6, 2]."""
        alpha = np.ones_like(light[..., :1])
        self.picture.upload(np.concatenate([light, alpha], axis=-1).astype(np.float16))
        return self.guard.hold(self.picture, master, blackout, dt).read()[..., :2]

    def show(self, light: np.ndarray, master: float = 1.0, blackout: float = 0.0) -> np.ndarray:
        """Take the next picture; return what is on the screen as linear light, float32 [h, w, 3]."""
        self.cells(light, master, blackout)
        self._index += 1
        self.output.draw(self.picture, self.screen, master, blackout, self._index, self.guard._cells)
        code = self.screen.read()[..., :3]
        return np.where(code <= 0.04045, code / 12.92, ((np.maximum(code, 0.04) + 0.055) / 1.055) ** 2.4)

    def close(self) -> None:
        for each in (self.guard, self.output, self.picture, self.screen, self.passes):
            each.close()


@pytest.fixture
def rig(gl) -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def colours(k: int, seed: int = 1) -> np.ndarray:
    """A picture whose places flash at rates of their own, red ones among them, float32 [h, w, 3]."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[0 : 1 : SIZE.height * 1j, 0 : 1 : SIZE.width * 1j]
    light = np.zeros((SIZE.height, SIZE.width, 3))
    for _ in range(5):
        centre, hz, tint = rng.uniform(0, 1, 2), rng.uniform(2, 9), rng.choice([0.0, 0.5, 1.0], 3)
        spot = np.exp(-((u - centre[0]) ** 2 + (v - centre[1]) ** 2) / 0.05)
        light += spot[..., None] * tint * ((k * hz / FPS) % 1.0 < 0.5)
    return np.clip(light, 0, 1).astype(np.float16).astype(np.float32)


def plain(luminance: float) -> np.ndarray:
    return np.full((SIZE.height, SIZE.width, 3), luminance, np.float32)


def rises(values: list[float]) -> list[int]:
    """Return the frames in which the light rises by a tenth of white or more."""
    seen = reference.Transitions(np.float32([0.1]), np.float32([0.8]))
    return [k for k, value in enumerate(values) if seen.add(np.float32([value]), 1 / FPS)[0] and seen.rising[0]]


@pytest.mark.parametrize("seed", [1, 2, 8])
@pytest.mark.parametrize("planned", [False, True])
def test_it_is_the_numpy_reference(rig, seed, planned):
    guard, plan = reference.Guard(), None
    if planned:
        rng = np.random.default_rng(seed)
        factor, fading = rng.uniform(0.3, 1.0, (6, 6)), rng.choice([0.0, reference.FADED], (6, 6))
        plan = np.stack([factor, fading], axis=-1).astype(np.float32)
        rig.guard.plan(plan)
    held = 0
    for k in range(4 * FPS):
        light = colours(k, seed)
        coming = light if plan is None else reference.apply(light, plan)
        wanted = guard.decide(reference.measure(coming), 1 / FPS, plan)
        guard.settle(reference.measure(reference.apply(light, wanted)), 1 / FPS)
        assert np.abs(rig.cells(light) - wanted).max() < 2e-3, k
        held += bool((guard.factor < 1.0).any())
    assert held > FPS / 2  # else nothing was compared


@pytest.mark.parametrize("place", ["encode", "export", "export, half floats"])
def test_what_is_shown_is_what_was_decided(rig, place):
    light = np.random.default_rng(1).uniform(0, 1, (SIZE.height, SIZE.width, 3)).astype(np.float16).astype(np.float32)
    light[: SIZE.height // 2, :, 1:] *= 0.05
    v, u = np.mgrid[0:1:6j, 0:1:6j]
    cells = np.stack([1.0 - 0.9 * u, 0.45 * v], axis=-1).astype(np.float32)
    rig.guard.plan(cells)
    held = rig.guard.hold(rig.picture, 1.0, 0.0, 1 / FPS)
    rig.picture.upload(np.concatenate([light, np.ones_like(light[..., :1])], axis=-1).astype(np.float16))
    target = RenderTarget(SIZE, "rgba16f" if "half" in place else "rgba8")
    last = rig.output if place == "encode" else ExportPass(rig.passes, Export(linear="half" in place))
    last.draw(rig.picture, target, 0.9, 0.0, 3, held)
    found, wanted = target.read()[..., :3], reference.apply(output_gain(0.9, 0.0) * light, cells)
    if "half" not in place:
        wanted = np.where(wanted <= 0.0031308, 12.92 * wanted, 1.055 * np.maximum(wanted, 1e-9) ** (1 / 2.4) - 0.055)
    assert np.abs(found - wanted).max() < 1.6 / 255
    target.close()
    if last is not rig.output:
        last.close()


def test_below_the_limit_the_picture_is_the_same_to_the_bit(rig):
    rng = np.random.default_rng(0)
    free = RenderTarget(SCREEN, "rgba8")
    for k in range(3 * FPS):
        light = rng.uniform(0, 20, (SIZE.height, SIZE.width, 3)) * (1.0 if k % FPS < 10 else 0.001)  # one flash a second
        rig.show(light)
        rig.output.draw(rig.picture, free, 1.0, 0.0, k + 1)
        assert np.array_equal(free.read(), rig.screen.read())
    assert not rig.guard.status.held
    free.close()


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
    shown = []
    for k in range(5 * FPS):
        given = performer(k)
        shown.append(float(rig.show(plain(0.9), **given).mean()))
        gain = output_gain(given.get("master", 1.0), given.get("blackout", 0.0))
        assert shown[-1] <= 0.9 * gain + 5e-3  # black stays black
    found = rises(shown)
    assert max(sum(k - FPS < x <= k for x in found) for k in range(len(shown))) <= 3
    assert len(found) > 4


def test_light_above_white_does_not_outshine_it(rig):
    shown = [float(rig.show(plain(500.0 if k % 4 < 2 else 0.0)).mean()) for k in range(2 * FPS)]
    assert max(shown) > 0.99
    assert np.mean(np.array(shown) > 0.2) < 0.3
    held = [m for m in shown if 0.01 < m < 0.2]
    assert held
    assert max(held) == pytest.approx(reference.HOLD * reference.LUMINANCE_STEP * reference.CAUTION, abs=0.004)


def test_no_number_gets_into_its_memory(rig):
    bad = plain(np.nan)
    bad[: SIZE.height // 2] = np.inf
    for k in range(FPS):
        rig.show(bad if k % 2 else plain(0.0))
    for _ in range(3 * FPS):
        last = rig.show(plain(0.25))
    assert last == pytest.approx(0.25, abs=4e-3)


def test_it_forgets_when_it_is_told(rig):
    for k in range(FPS):
        rig.show(plain(0.9 if k % 4 < 2 else 0.0))
    assert rig.guard.status.held
    assert rig.guard.status.frames
    rig.guard.off()
    assert not rig.guard.status.active
    assert (rig.cells(plain(0.9))[..., 0] == 1.0).all()


@pytest.mark.parametrize("size", [Size(240, 135), Size(640, 360), Size(1280, 720)])
def test_large_pictures_are_measured_by_samples(gl, size):
    passes = Passes()
    guard, picture = FlashGuard(passes), RenderTarget(size)
    light = np.random.default_rng(0).uniform(0, 1, (size.height, size.width, 4)).astype(np.float16)
    light[:, : size.width // 3] *= np.float16(0.2)
    picture.upload(light)
    guard.hold(picture, 1.0, 0.0, 1 / FPS)
    found, wanted = (reference.regions(x) for x in (guard.tiles(), reference.measure(light[..., :3].astype(np.float32))))
    assert np.abs(found - wanted).max() < 0.01
    for each in (guard, picture, passes):
        each.close()


def test_a_fine_pattern_that_moves_is_no_flash(gl) -> None:
    """Lines whose distance is that of the places that are looked at. Null: evenly spaced places see them flash."""
    passes = Passes()
    guard, picture = FlashGuard(passes), RenderTarget(Size(1280, 720))
    spans = {}
    for scattered in (False, True):
        means = []
        for shift in range(4):
            stripes = np.zeros((720, 1280, 4), np.float16)
            stripes[shift::4], stripes[..., 3] = 1.0, 1.0
            picture.upload(stripes)
            guard.hold(picture, 1.0, 0.0, 1 / FPS, scattered=scattered)
            means.append(reference.regions(guard.tiles())[:, 0])
        spans[scattered] = float(np.ptp(means, axis=0).max())
    for each in (guard, picture, passes):
        each.close()
    assert spans[False] > 0.3
    assert spans[True] < 0.05  # a step that counts is 0.1


def test_scattered_places_are_all_places_of_a_small_picture(rig) -> None:
    rig.cells(colours(3))
    plain = rig.guard.tiles()
    rig.guard.hold(rig.picture, 1.0, 0.0, 1 / FPS, scattered=True)
    np.testing.assert_array_equal(rig.guard.tiles(), plain)

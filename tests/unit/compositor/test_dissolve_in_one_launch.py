"""Two decks and their dissolve in one go: when it is done, and that the picture is the one that two decks give.

The pair here is a CPU program that paints both networks as the fused kernel is specified to: added up in linear light,
stored as 8-bit sRGB. The kernel itself is held to that in the tests of `kernels.cppn_fused` and in `tests/gpu`.
"""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.backends.base import Capabilities
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.cppn import CppnGenerator
from phosphene.engine.models.colour import linear_to_srgb
from phosphene.engine.show.state import DeckFrame, ShowFrame
from tests.contract.test_backends import make_style

SIZE = Size(48, 27)
SIGNALS = signals_at(0.0, [], BeatPosition(0.1))
GRAIN = (("grain", {"amount": 0.5}),)


class Paired(CpuProgram):
    """A CPU program that paints with another one. `together`: how often it did."""

    together = 0
    gpu_ms = 0.0
    failure: Exception | None = None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("rgba8", self.gpu_ms, pairing=self)

    def pairs_with(self, other) -> bool:
        return isinstance(other, Paired) and other.spec == self.spec

    def run_pair(self, other, uniforms, size, views, gains, target) -> None:
        self.together += 1
        if self.failure:
            raise self.failure
        light = np.zeros((size.height, size.width, 3))
        for program, u, view, gain in zip((self, other), uniforms, views, gains, strict=True):
            s = program.evaluate(u, size, view).astype(np.float64)
            light += gain * np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
        target.upload((linear_to_srgb(light) * 255.0 + 0.5).astype(np.uint8))


@pytest.fixture
def decks(gl):
    """The mixer, and two generators of one shape on it."""
    mixer = Mixer()
    generators = [CppnGenerator(s, Paired(s), mixer.passes) for s in (make_style(seed=3), make_style(seed=4))]
    for deck, generator in zip("ab", generators, strict=True):
        mixer.set_generator(deck, generator)
    yield mixer, generators
    for generator in generators:
        generator.close()
    mixer.close()


def show(mix=0.4, kind="dissolve", levels=(1.0, 1.0), chain=()) -> ShowFrame:
    params = {"zoom": 1.3, "rotate": 0.1}
    decks = [DeckFrame("x", params | {"level": level}, chain) for level in levels]
    return ShowFrame(*decks, mix=mix, transition=kind)


def picture(mixer: Mixer, wanted: ShowFrame) -> np.ndarray:
    return mixer.render(Frame(0, 0.0, 0.0, 0.0, 30.0), SIGNALS, wanted, SIZE).read()


@pytest.mark.parametrize("levels", [(1.0, 1.0), (0.6, 0.9)])
@pytest.mark.parametrize("mix", [0.05, 0.4, 0.8])
def test_the_picture_is_that_of_two_decks(decks, mix, levels):
    mixer, (a, _) = decks
    together = picture(mixer, show(mix, levels=levels))
    assert a.program.together == 1
    a.program.pairs_with = lambda other: False
    apart = picture(mixer, show(mix, levels=levels))
    assert a.program.together == 1
    encoded = [linear_to_srgb(p[..., :3].astype(np.float64)) for p in (together, apart)]
    assert encoded[1].std() > 0.02
    assert np.abs(encoded[0] - encoded[1]).max() <= 1.0 / 255.0
    np.testing.assert_allclose(together[..., 3], apart[..., 3], atol=2e-3)
    assert not mixer.light


@pytest.mark.parametrize(
    "wanted", [show(0.0), show(1.0), show(kind="wipe"), show(levels=(0.0, 1.0)), show(chain=GRAIN)],
    ids=["a alone", "b alone", "wipe", "a dark", "effects"],
)  # fmt: skip
def test_nothing_else_is_painted_together(decks, wanted):
    mixer, (a, _) = decks
    picture(mixer, wanted)
    assert a.program.together == 0


def test_an_effect_at_zero_does_not_keep_them_apart(decks):
    mixer, (a, _) = decks
    picture(mixer, show(chain=(("grain", {"amount": 0.0}),)))
    assert a.program.together == 1


def test_other_shapes_are_painted_apart(decks):
    mixer, (a, _) = decks
    wide = make_style(width=24)
    other = CppnGenerator(wide, Paired(wide), mixer.passes)
    mixer.set_generator("b", other)
    picture(mixer, show())
    assert a.program.together == 0
    other.close()


def test_what_fails_together_is_painted_apart_in_the_same_frame_and_from_then_on(decks):
    mixer, (a, _) = decks
    a.program.failure = RuntimeError("launch failed")
    first = picture(mixer, show())
    assert first[..., :3].std() > 0.02
    assert mixer.faults == {}
    picture(mixer, show())
    assert a.program.together == 1
    a.program.failure = None
    fresh = make_style(seed=5)
    other = CppnGenerator(fresh, Paired(fresh), mixer.passes)
    mixer.set_generator("b", other)
    picture(mixer, show())
    assert a.program.together == 2
    other.close()


def test_only_the_painter_is_asked_what_the_gpu_took(decks):
    mixer, (a, b) = decks
    a.program.gpu_ms, b.program.gpu_ms = 0.5, 0.25
    picture(mixer, show())
    assert mixer.gpu_ms == 0.5
    picture(mixer, show(kind="wipe"))
    assert mixer.gpu_ms == 0.75
    picture(mixer, show(1.0))
    assert mixer.gpu_ms == 0.25

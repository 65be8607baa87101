"""The mixer: what is not seen is not rendered, what fails does not stop the picture, what is frozen stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.generators.base import Generator
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import TRANSITIONS
from phosphene.engine.show.state import DeckFrame, ShowFrame

SIZE = Size(48, 27)


class Solid(Generator):
    """A real generator of one colour that can be told to fail, before or after it has drawn."""

    params: tuple[Param, ...] = ()

    def __init__(self, r: float, g: float, b: float) -> None:
        self.colour = (r, g, b)
        self.rendered = 0
        self.failure: Exception | None = None

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        self.rendered += 1
        if self.failure:
            target.clear(9.0, 9.0, 9.0, 1.0)
            raise self.failure
        target.clear(*self.colour, 1.0)

    def close(self) -> None:
        self.rendered = -1


def frame(index: int = 0) -> Frame:
    return Frame(index, index / 30, index / 30, 1 / 30, 30.0)


SIGNALS = signals_at(0.0, [], BeatPosition(0.1))


def show(
    mix: float = 0.0,
    kind: str = "dissolve",
    a: tuple = (),
    b: tuple = (),
    levels: tuple[float, float] = (1.0, 1.0),
    freeze: bool = False,
) -> ShowFrame:
    decks = [DeckFrame("x", {"level": level}, chain) for chain, level in zip((a, b), levels, strict=True)]
    return ShowFrame(*decks, mix=mix, transition=kind, freeze=freeze)


@pytest.fixture(scope="module")
def shared(gl_context) -> Iterator[tuple[Mixer, list]]:
    gl_context.make_current()
    faults: list[tuple[str, Exception]] = []
    mixer = Mixer(on_fault=lambda deck, error: faults.append((deck, error)))
    yield mixer, faults
    gl_context.make_current()
    mixer.close()


@pytest.fixture
def mixer(gl, shared) -> Mixer:
    made, faults = shared
    faults.clear()
    for deck in ("a", "b"):
        made.set_generator(deck, None)
    return made


@pytest.fixture
def faults(shared) -> list[tuple[str, Exception]]:
    return shared[1]


@pytest.fixture
def red(mixer) -> Solid:
    made = Solid(0.5, 0.0, 0.0)
    mixer.set_generator("a", made)
    return made


@pytest.fixture
def blue(mixer) -> Solid:
    made = Solid(0.0, 0.0, 0.25)
    mixer.set_generator("b", made)
    return made


def colour(picture: RenderTarget) -> tuple[float, ...]:
    pixels = picture.read()
    return tuple(round(float(x), 3) for x in pixels[13, 24, :3])


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_ends_show_one_deck_and_render_no_other(mixer, red, blue, kind: str) -> None:
    assert colour(mixer.render(frame(), SIGNALS, show(0.0, kind), SIZE)) == (0.5, 0.0, 0.0)
    assert (red.rendered, blue.rendered) == (1, 0)
    assert colour(mixer.render(frame(1), SIGNALS, show(1.0, kind), SIZE)) == (0.0, 0.0, 0.25)
    assert (red.rendered, blue.rendered) == (1, 1)


def test_dissolve_mixes_linear_light(mixer, red, blue) -> None:
    assert colour(mixer.render(frame(), SIGNALS, show(0.5), SIZE)) == (0.25, 0.0, 0.125)


def test_level_dims_and_hides_a_deck(mixer, red, blue) -> None:
    assert colour(mixer.render(frame(), SIGNALS, show(0.0, levels=(0.5, 1.0)), SIZE)) == (0.25, 0.0, 0.0)
    assert colour(mixer.render(frame(), SIGNALS, show(0.5, levels=(0.0, 1.0)), SIZE)) == (0.0, 0.0, 0.125)
    assert red.rendered == 1
    assert not mixer.render(frame(), SIGNALS, show(0.5, levels=(0.0, 0.0)), SIZE).read().any()


def test_size_follows_the_governor(mixer, red) -> None:
    for size in (SIZE, Size(64, 36), Size(31, 17)):
        picture = mixer.render(frame(), SIGNALS, show(a=(("feedback", {"amount": 0.5}),)), size)
        assert picture.size == size
        assert colour(picture)[0] == pytest.approx(0.5, abs=2e-3) if size.height > 20 else picture.read().any()


GRID = (("shapes", {"amount": 1.0, "mode": 3.0, "width": 0.3, "count": 2.0}),)
OUTPUT = Size(144, 81)


def test_the_picture_is_as_large_as_the_output_while_a_sharp_effect_is_on(mixer, red) -> None:
    off = (("shapes", {"amount": 0.0}),)
    for chain, size in ((off, SIZE), (GRID, OUTPUT), (off, SIZE)):
        picture = mixer.render(frame(), SIGNALS, show(a=chain), SIZE, OUTPUT)
        assert picture.size == size
        assert mixer.sharp == (chain is GRID)
    assert mixer.render(frame(), SIGNALS, show(a=GRID), SIZE, Size(24, 13)).size == SIZE, (
        "an internal size beyond the output's"
    )
    assert mixer.render(frame(), SIGNALS, show(a=GRID), SIZE).size == SIZE


def test_without_a_sharp_effect_the_output_s_size_changes_no_bit(mixer, red, blue) -> None:
    for mix in (0.0, 0.4):
        plain = mixer.render(frame(), SIGNALS, show(mix), SIZE).read()
        np.testing.assert_array_equal(mixer.render(frame(), SIGNALS, show(mix), SIZE, OUTPUT).read(), plain)


@pytest.mark.parametrize("kind", ["dissolve", "wipe", "interlock"])
@pytest.mark.parametrize("sharp", ["a", "b"])
def test_decks_of_unlike_sizes_mix_as_those_of_one_size(mixer, red, blue, kind: str, sharp: str) -> None:
    """A grid on one deck alone, against both decks painted at the output's size."""
    wanted = show(0.4, kind, **{sharp: GRID})
    mixed = mixer.render(frame(), SIGNALS, wanted, SIZE, OUTPUT)
    assert mixed.size == OUTPUT
    assert mixer.sharp
    assert {name: picture.size for name, picture in mixer.seen.items()} == {
        name: OUTPUT if name == sharp else SIZE for name in ("a", "b")
    }
    pixels = mixed.read()
    np.testing.assert_allclose(pixels, mixer.render(frame(), SIGNALS, wanted, OUTPUT).read(), atol=2e-3)
    assert pixels[..., 0].max() > 0.0
    assert pixels[..., 2].max() > 0.0


def test_a_broken_chain_beside_a_sharp_one_is_mixed_all_the_same(mixer, red, blue) -> None:
    broken = (*GRID, ("no-such-effect", {"amount": 1.0}))
    picture = mixer.render(frame(), SIGNALS, show(0.5, a=broken, b=GRID), SIZE, OUTPUT)
    assert picture.size == OUTPUT
    assert picture.read()[40, 70, 0] == pytest.approx(0.25, abs=2e-3)


def test_a_deck_without_generator_shows_the_idle_scene(mixer) -> None:
    picture = mixer.render(frame(), SIGNALS, show(), SIZE).read()
    assert picture[..., :3].max() > 0.01
    assert picture[..., :3].std() > 0.001


def test_a_fault_keeps_the_last_good_picture(mixer, red, faults) -> None:
    mixer.render(frame(), SIGNALS, show(), SIZE)
    red.failure = RuntimeError("the device is gone")
    for index in (1, 2):
        picture = mixer.render(frame(index), SIGNALS, show(), Size(64, 36))
        assert picture.size == Size(64, 36)
        assert colour(picture) == (0.5, 0.0, 0.0)
    assert mixer.faults == {"a": "RuntimeError: the device is gone"}
    assert [(deck, str(error)) for deck, error in faults] == [("a", "the device is gone")]
    red.failure = None
    red.colour = (0.0, 1.0, 0.0)
    assert colour(mixer.render(frame(3), SIGNALS, show(), SIZE)) == (0.0, 1.0, 0.0)
    assert mixer.faults == {}


def test_a_new_generator_that_fails_keeps_the_old_one_s_picture(mixer, red) -> None:
    mixer.render(frame(), SIGNALS, show(), SIZE)
    broken = Solid(0.0, 1.0, 0.0)
    broken.failure = RuntimeError("no kernel image")
    mixer.set_generator("a", broken)
    assert colour(mixer.render(frame(1), SIGNALS, show(), SIZE)) == (0.5, 0.0, 0.0)
    assert mixer.faults["a"].endswith("no kernel image")


def test_a_fault_before_the_first_picture_shows_idle(mixer, red, faults) -> None:
    red.failure = ValueError("weights are NaN")
    picture = mixer.render(frame(), SIGNALS, show(), SIZE).read()
    assert 0.01 < picture[..., :3].max() < 1.0
    assert len(faults) == 1


def test_a_broken_chain_goes_on_without_effects(mixer, red, faults) -> None:
    broken = (("bloom", {"amount": 1.0}), ("no-such-effect", {"amount": 1.0}))
    assert colour(mixer.render(frame(), SIGNALS, show(a=broken), SIZE)) == (0.5, 0.0, 0.0)
    assert "no such effect" in mixer.faults["a"]
    mixer.render(frame(1), SIGNALS, show(a=broken), SIZE)
    assert faults == []  # no other backend would mend an effect
    mixer.render(frame(2), SIGNALS, show(), SIZE)
    assert mixer.faults == {}


def test_a_fault_of_one_deck_leaves_the_other_alone(mixer, red, blue) -> None:
    mixer.render(frame(), SIGNALS, show(0.5), SIZE)
    red.failure = RuntimeError("no")
    blue.colour = (0.0, 1.0, 0.0)
    assert colour(mixer.render(frame(1), SIGNALS, show(0.5), SIZE)) == (0.25, 0.5, 0.0)


def test_freeze_stops_generators_and_effects(mixer, red) -> None:
    trails = (("feedback", {"amount": 1.0}), ("warp", {"amount": 1.0, "speed": 4.0}))
    first = mixer.render(frame(), SIGNALS, show(a=trails), SIZE)
    pixels = first.read()
    phase = list(mixer.decks["a"].chain.effects["warp"]._phase)
    for index in (1, 2, 3):
        again = mixer.render(frame(index), SIGNALS, show(a=trails, freeze=True), Size(64, 36))
        assert again is first
    np.testing.assert_array_equal(again.read(), pixels)
    assert red.rendered == 1
    assert mixer.decks["a"].chain.effects["warp"]._phase == phase


def test_frozen_before_the_first_picture_still_shows_one(gl) -> None:
    fresh = Mixer()
    assert fresh.render(frame(), SIGNALS, show(freeze=True), SIZE).read()[..., 3].min() == 1.0
    fresh.close()


def test_no_number_from_a_generator_lives_on(mixer, red) -> None:
    trails = (("feedback", {"amount": 1.0, "decay": 8.0}),)
    red.colour = (float("nan"), float("inf"), 0.5)
    mixer.render(frame(), SIGNALS, show(a=trails), SIZE)
    red.colour = (0.0, 0.0, 0.5)
    for index in range(1, 4):
        picture = mixer.render(frame(index), SIGNALS, show(a=trails), SIZE).read()
        assert np.isfinite(picture).all()


def test_trails_do_not_flash_up_when_a_deck_comes_back(mixer, red, blue) -> None:
    trails = (("feedback", {"amount": 1.0, "decay": 8.0}),)
    red.colour = (1.0, 1.0, 1.0)
    mixer.render(frame(), SIGNALS, show(0.0, a=trails), SIZE)
    mixer.render(frame(1), SIGNALS, show(1.0, a=trails), SIZE)
    red.colour = (0.0, 0.0, 0.0)
    assert colour(mixer.render(frame(2), SIGNALS, show(0.0, a=trails), SIZE)) == (0.0, 0.0, 0.0)


def test_swapping_a_generator_is_at_once(mixer, red) -> None:
    mixer.render(frame(), SIGNALS, show(), SIZE)
    mixer.set_generator("a", Solid(0.0, 1.0, 0.0))
    assert colour(mixer.render(frame(1), SIGNALS, show(), SIZE)) == (0.0, 1.0, 0.0)
    assert red.rendered == 1, "closing the old one is the caller's"

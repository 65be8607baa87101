"""Previews: small pictures of what is seen and of what is not, which change nothing of the show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.backends.base import ReadyShader
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.previews import Previews
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.generators.cppn import CppnGenerator
from phosphene.engine.generators.isf import IsfGenerator
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.style import load_style
from phosphene.engine.show.state import DeckFrame
from tests.unit.compositor.test_mixer import SIGNALS, Solid, frame, show

OUTPUT = Size(656, 368)  # no side of it or of its half is a power of two


@pytest.fixture
def mixer(gl_context) -> Iterator[Mixer]:
    made = Mixer()
    yield made
    made.close()


@pytest.fixture
def previews(mixer) -> Iterator[Previews]:
    made = Previews(mixer, OUTPUT.aspect)
    yield made
    made.close()


def pixel(picture: RenderTarget | None) -> tuple[int, ...]:
    assert picture is not None
    return tuple(round(float(v) * 255) for v in picture.read()[40, 60, :3])


def test_what_is_seen_is_the_picture_of_the_show_small_and_as_bright(mixer, previews):
    mixer.set_generator("a", Solid(0.5, 0.0, 0.0))
    mixer.render(frame(), SIGNALS, show(0.0), OUTPUT)
    seen = previews.seen("a")
    assert seen.size == previews.size == Size(320, 180)
    assert abs(pixel(seen)[0] - 188) <= 1  # half of the light, in sRGB
    assert previews.seen("b") is None


def test_the_wall_is_the_output_small(previews):
    output = RenderTarget(Size(1280, 720), "rgba8")
    stripes = np.zeros((720, 1280, 4), np.uint8)
    stripes[:, ::2] = 255  # finer than a preview can show: grey, and no pattern
    output.upload(stripes)
    wall = previews.wall(output).read()[..., :3] * 255
    output.close()
    assert 126 <= wall.min() <= wall.max() <= 129


def test_a_hidden_deck_is_painted_at_half_of_the_shows_size(mixer, previews):
    hidden = Solid(0.0, 0.5, 0.0)
    mixer.set_generator("b", hidden)
    mixer.render(frame(), SIGNALS, show(0.0), OUTPUT)
    assert hidden.rendered == 0
    picture = previews.hidden("b", frame(), SIGNALS, DeckFrame("x", {}, ()), Size(160, 90))
    assert picture.size == previews.size
    assert pixel(picture)[0] == 0
    assert abs(pixel(picture)[1] - 188) <= 1


def test_effects_are_seen_before_they_are_on_the_wall(mixer, previews):
    mixer.set_generator("b", Solid(0.5, 0.5, 0.5))
    chain = (("grade", {"amount": 1.0, "contrast": 0.0, "saturation": 0.0, "tint": 0.0}),)
    plain = pixel(previews.hidden("b", frame(), SIGNALS, DeckFrame("x", {}, ()), OUTPUT))
    graded = pixel(previews.hidden("b", frame(1), SIGNALS, DeckFrame("x", {}, chain), OUTPUT))
    assert plain != graded


def test_sharp_effects_are_drawn_at_the_preview_s_size(mixer, previews):
    mixer.set_generator("b", Solid(0.5, 0.5, 0.5))
    chain = (("shapes", {"amount": 1.0, "mode": 3.0, "form": 7.0, "width": 0.5}),)
    mixer.render(frame(), SIGNALS, show(1.0, b=chain), Size(160, 90), OUTPUT)
    seen = previews.seen("b").read()[..., 0]
    mixer.render(frame(), SIGNALS, show(0.0), Size(160, 90), OUTPUT)
    hidden = previews.hidden("b", frame(), SIGNALS, DeckFrame("x", {}, chain), Size(80, 44)).read()[..., 0]
    assert np.abs(seen - hidden).mean() < 0.02
    for picture in (seen, hidden):
        assert np.abs(np.diff(picture, axis=1)).max() > 0.5, "the edge of a bar is not as wide as a painted pixel"


def test_a_deck_that_was_looked_at_comes_in_as_one_that_was_not(mixer, previews):
    style = load_style("manta")
    generators = [CppnGenerator(style, CpuProgram(style), mixer.passes) for _ in range(2)]
    pictures = []
    for generator, looked_at in zip(generators, (False, True), strict=True):
        mixer.set_generator("b", generator)
        for k in range(6):
            mixer.render(frame(k), SIGNALS, show(0.0), Size(160, 90))
            if looked_at:
                before = generator.memory()
                previews.hidden("b", frame(k), SIGNALS, DeckFrame("x", {}, ()), Size(160, 90))
                assert generator.memory() == before
        pictures.append(mixer.render(frame(6), SIGNALS, show(1.0), Size(160, 90)).read())
        mixer.set_generator("b", None)
        generator.close()
    assert np.array_equal(*pictures)


def test_a_shader_with_buffers_that_was_looked_at_comes_in_as_one_that_was_not(mixer, previews):
    style = load_style("shader:coral")
    generators = [IsfGenerator(style, ReadyShader(style.spec, {}), mixer.passes) for _ in range(2)]
    pictures, watched = [], []
    for generator, looked_at in zip(generators, (False, True), strict=True):
        mixer.set_generator("b", generator)
        for k in range(12):
            mixer.render(frame(k), SIGNALS, show(1.0 if k < 4 else 0.0), Size(160, 90))
            if looked_at and k >= 4:
                watched.append(previews.hidden("b", frame(k), SIGNALS, DeckFrame("x", {}, ()), Size(160, 90)).read())
        pictures.append(mixer.render(frame(12), SIGNALS, show(1.0), Size(160, 90)).read())
        mixer.set_generator("b", None)
        generator.close()
    assert np.array_equal(*pictures)
    assert not np.array_equal(watched[0], watched[-1]), "it grows in its preview"


def test_a_hidden_deck_moves_in_its_preview(mixer, previews):
    style = load_style("manta")
    generator = CppnGenerator(style, CpuProgram(style), mixer.passes)
    mixer.set_generator("b", generator)
    pictures = []
    for k in (0, 30):
        later = Frame(k, k / 30, k / 30, 1 / 30, 30.0)
        pictures.append(previews.hidden("b", later, SIGNALS, DeckFrame("x", {"speed": 4.0}, ()), OUTPUT).read())
    generator.close()
    assert not np.array_equal(*pictures)


def test_a_fault_out_of_sight_costs_the_preview_and_no_more(mixer, previews):
    broken = Solid(0.5, 0.0, 0.0)
    broken.failure = RuntimeError("out of memory")
    mixer.set_generator("b", broken)
    assert previews.hidden("b", frame(), SIGNALS, DeckFrame("x", {}, ()), OUTPUT) is None
    assert previews.hidden("b", frame(1), SIGNALS, DeckFrame("x", {}, ()), OUTPUT) is None
    assert broken.rendered == 1
    assert mixer.faults == {}

"""The CPPN on stage: it paints what the preview shows, in linear light, and answers its parameters and the music."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.backends.base import Program
from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.backends.select import installed_backends, open_style
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import defaults
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.cppn import CPPN_PARAMS, CppnGenerator
from phosphene.engine.generators.still import preview_still, sequence, still
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.library import previews
from phosphene.engine.models.colour import linear_to_srgb
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.growth import draw_recipe, shape
from phosphene.engine.models.style import Style, list_styles, load_style, style_folder, write_style
from phosphene.tools.cppn.nulls import unsaved_style

SMALL = Size(64, 36)


def frame(dt: float, index: int = 0) -> Frame:
    return Frame(index, index * dt, index * dt, dt, 60.0)


@pytest.fixture
def passes(gl):
    made = Passes()
    yield made
    made.close()


@pytest.fixture
def stage(passes):
    """Play a style: a function of (slug, size) to (generator, target)."""
    opened = []

    def play(slug: str, size: Size) -> tuple[CppnGenerator, RenderTarget]:
        style = load_style(slug)
        program, _ = open_style(style, size, installed_backends("llvmpipe"))
        opened.extend([CppnGenerator(style, program, passes), RenderTarget(size)])
        return opened[-2], opened[-1]

    yield play
    for each in opened:
        each.close()


@pytest.mark.parametrize("slug", list_styles("cppn"))
def test_the_frame_on_stage_is_the_preview(stage, slug):
    """Promise: within 1/255 of preview.png at the same time and sound, whatever path it took."""
    generator, target = stage(slug, Size(320, 180))
    signals = generator.style.meta.preview.signals
    generator.motion.settle(signals)
    generator.render(frame(0.0), signals, {}, target)
    light = target.read()
    shown = linear_to_srgb(light[..., :3].astype(np.float64)) * 255
    with Image.open(style_folder(slug) / "preview.png") as image:
        preview = np.asarray(image.convert("RGB"), np.float64)
    # Half a step is the file's rounding; the rest is the RGBA16F target.
    assert np.abs(shown - preview).max() <= 1.0
    np.testing.assert_array_equal(light[..., 3], 1.0)


def test_zoom_turns_and_pan_move_the_picture_that_is_there(stage):
    generator, target = stage("manta", Size(90, 90))

    def at(**params: float) -> np.ndarray:
        generator.render(frame(0.0), {}, params, target)
        return target.read()[..., :3]

    straight = at()
    np.testing.assert_allclose(at(rotate=0.5), straight[::-1, ::-1], atol=2e-3)
    np.testing.assert_allclose(at(rotate=1.0), straight, atol=2e-3)
    np.testing.assert_allclose(at(pan_x=1.0)[:, 45:], straight[:, :45], atol=2e-3)
    np.testing.assert_allclose(at(pan_y=1.0)[:45], straight[45:], atol=2e-3)
    zoomed = at(zoom=3.0)
    np.testing.assert_allclose(zoomed[1::3, 1::3], straight[30:60, 30:60], atol=0.12)


def test_missing_and_unknown_parameters_are_defaults(stage):
    generator, target = stage("manta", SMALL)
    generator.render(frame(0.0), {}, {}, target)
    bare = target.read()
    generator.render(frame(0.0), {}, defaults(CPPN_PARAMS) | {"level": 0.2}, target)
    assert np.array_equal(bare, target.read())


def test_speed_zero_stands_still_in_silence_and_react_zero_is_deaf(stage):
    generator, target = stage("coral-idol", SMALL)
    loud = {"bass": 1.0, "onset": 1.0, "rms": 1.0, "beat": 1.0}

    def at(signals, **params: float) -> np.ndarray:
        generator.render(frame(0.5), signals, params, target)
        return target.read()

    a = at({}, speed=0.0)
    assert np.array_equal(a, at({}, speed=0.0))
    assert np.array_equal(a, at(loud, speed=0.0, react=0.0))
    assert np.abs(a - at(loud, speed=0.0)).mean() > 0.02
    generator.motion.settle({})
    assert np.abs(a - at({}, speed=4.0)).mean() > 0.005


def test_a_program_that_raises_reaches_the_caller_and_the_next_backend_takes_over(passes):
    """What the mixer sees in mid-show, and what the loader then does about it."""

    class Failing(Program):
        name = "cuda"

        def run(self, uniforms, size, view, target):
            raise RuntimeError("device lost")

        def close(self):
            self.closed = True

    style, target = load_style("manta"), RenderTarget(SMALL)
    generator = CppnGenerator(style, Failing(), passes)
    with pytest.raises(RuntimeError, match="device lost"):
        generator.render(frame(0.1), {}, {}, target)
    generator.close()
    program, selection = open_style(
        style, SMALL, {"cuda": CpuBackend(), **installed_backends("")}, excluded=frozenset({"cuda"})
    )
    assert selection.refused[0] == {"name": "cuda", "reason": "failed during this show"}
    generator = CppnGenerator(style, program, passes)
    generator.render(frame(0.1), {}, {}, target)
    assert target.read()[..., :3].std() > 0.05
    generator.close()
    target.close()


def test_real_signals_drive_it(stage):
    generator, target = stage("aurora-rain", SMALL)
    for k in range(3):
        t = k / 60
        generator.render(frame(1 / 60, k), signals_at(t, [], BeatPosition(t * 2, 120.0, 1.0)), {}, target)
    assert np.isfinite(target.read()).all()


@pytest.mark.parametrize("slug", list_styles("cppn"))
def test_movement_is_smooth_and_a_kick_is_seen(slug):
    """In steady music no frame may jump; a kick must move more than any of them, at once."""
    style = load_style(slug)
    steady = {"rms": 0.6, "bass": 0.3, "mid": 0.4, "treble": 0.4, "centroid": 0.5, "rolloff": 0.5}
    kick = steady | {"bass": 1.0, "onset": 1.0, "beat": 1.0}
    pictures = list(sequence(style, SMALL, [steady] * 24 + [kick], 1 / 30))
    steps = [float(np.sqrt(np.mean((a - b) ** 2))) for a, b in pairwise(pictures)]
    settled, hit = steps[8:-1], steps[-1]
    assert max(settled) < 0.03
    assert max(settled) < 1.6 * min(settled), "steady music, unsteady picture"
    assert hit > 0.05
    assert hit > 4 * max(settled)


@pytest.mark.parametrize("slug", list_styles("cppn"))
def test_it_never_dies_over_a_night(slug):
    """Black or flat pictures may pass, but not stay: of 24 moments over six hours most are alive."""
    style = load_style(slug)
    signals = dict(style.meta.preview.signals)
    moments = [still(style, SMALL, t, signals).copy() for t in np.linspace(60.0, 21_600.0, 24)]
    alive = [m.std() > 0.04 for m in moments]
    assert sum(alive) >= 18
    assert preview_still(style, SMALL).shape == (36, 64, 3)


def world() -> Style:
    """Return a style of four variations: a wave that is a quarter of a turn on in each."""
    spec = CppnSpec(("x", "y", "time", "place"), 16, 2, ("sin",))
    weights = shape(spec, draw_recipe(3), 3)
    weights[0][0][:, 3] = 2.0 * np.pi * np.arange(16)
    return unsaved_style("world", spec, weights, {}, variations=4)


def test_each_variation_is_its_own_picture_and_all_round_is_the_first(passes):
    style = world()
    generator, target = CppnGenerator(style, CpuBackend().open(style, SMALL), passes), RenderTarget(SMALL)

    def at(variation: float) -> np.ndarray:
        generator.render(frame(0.0), {}, {"variation": variation}, target)
        return target.read()[..., :3].copy()

    try:
        shown = [at(k / 4) for k in range(4)]
        assert all(np.abs(a - b).mean() > 0.02 for a, b in pairwise(shown))
        np.testing.assert_allclose(at(1.0), shown[0], atol=2e-3)
        generator.render(frame(0.0), {"phrase_phase": 0.2}, {"explore": 4.0, "speed": 0.0}, target)
        for k in range(1, 21):
            generator.render(frame(1 / 24, k), {"phrase_phase": 0.2 + k / 80}, {"explore": 4.0, "speed": 0.0}, target)
        np.testing.assert_allclose(target.read()[..., :3], shown[1], atol=2e-3)
        again = CppnGenerator(style, CpuBackend().open(style, SMALL), passes)
        again.resume(generator.memory())
        again.render(frame(0.0), {"phrase_phase": 0.45}, {"explore": 4.0, "speed": 0.0}, target)
        np.testing.assert_allclose(target.read()[..., :3], shown[1], atol=2e-3)
        again.close()
    finally:
        generator.close()
        target.close()


def test_a_moving_preview_shows_every_variation(tmp_path, monkeypatch):
    style, shown = world(), []
    meta = style.meta.model_copy(update={"images": ("none",)})
    write_style(tmp_path / "world", meta, style.weights)
    monkeypatch.setattr(previews, "film_bytes", lambda pictures, quality: shown.extend(pictures) or b"")
    previews.write_video(tmp_path / "world", [{}] * 160)
    assert len(shown) == 160
    for k in range(4):
        # Half way through its part, after the same time as the frame that it is compared with.
        part = {"place": k / 4}
        wanted = list(sequence(style, previews.VIDEO_SIZE, [part] * 160, 1 / previews.VIDEO_FPS))[40 * k + 20]
        np.testing.assert_allclose(shown[40 * k + 20], wanted * 255, atol=1.0)

"""How music moves a GAN: latents keep their length, beats and bands reach what they should, a walk has no frame rate."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.params import Param, defaults
from phosphene.engine.generators import registry
from phosphene.engine.generators.decoded import cover, fitted, half_screen
from phosphene.engine.generators.gan import GAN_PARAMS, GanDrive
from phosphene.engine.models.latent import Walk

PLAIN = defaults(GAN_PARAMS)
QUIET = {"bass": 0.0, "onset": 0.0, "rms": 0.0}


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


def moved(style, signals, beat=2.0, **params):
    drive = GanDrive(style, Walk(seed=1, beats=8.0))
    drive.settle(signals)
    drive.step(signals, beat, 0.0, PLAIN | params)
    return drive.inputs(0.0, 16 / 9)


@pytest.mark.parametrize("aspect", [16 / 9, 1.0, 9 / 16])
def test_latents_keep_an_rms_of_one_over_a_whole_track(tiny_gan, aspect):
    # A minute and a half: silence, a beat, sustained noise, random spikes, while every fader is moved and the tempo changes.
    rng = np.random.default_rng(0)
    drive = GanDrive(tiny_gan)
    beat, found = -3.0, []
    params = dict(PLAIN)
    for k in range(90 * 4):
        part = k // 90
        kick = float(np.exp(-4.0 * (beat % 1.0)))
        loud = (0.0, kick, 1.0, float(rng.integers(0, 2)))[part]
        signals = {"bass": loud, "onset": rng.uniform(0, loud) if loud else 0.0, "rms": 0.6 * loud}
        if k % 10 == 0:
            params = {p.name: p.from_unit(float(rng.choice([0.0, 1.0, rng.uniform()]))) for p in GAN_PARAMS}
        beat += (0.5, 0.53, 0.7, 0.05)[part] * (0.9 + 0.2 * rng.random())
        drive.step(signals, beat, 0.25, params)
        inputs = drive.inputs(float(rng.choice([0.0, 0.4])), aspect)
        assert inputs["style"].shape == (tiny_gan.spec.levels, tiny_gan.spec.style)
        found += [rms(inputs["z"]), *(rms(row) for row in inputs["style"])]
    assert len(found) == 360 * (1 + tiny_gan.spec.levels)
    assert np.abs(np.array(found) - 1.0).max() < 1e-6


def test_a_beat_under_a_held_bass_makes_no_jump(tiny_gan):
    def style(beat):
        drive = GanDrive(tiny_gan, Walk(seed=1, beats=8.0, wander=0.0))
        drive.settle(QUIET | {"bass": 1.0, "onset": 1.0})
        drive.step(QUIET | {"bass": 1.0, "onset": 1.0}, beat, 0.0, PLAIN | {"coarse": 1.0, "fine": 1.0})
        return drive.inputs(0.0, 16 / 9)["style"]

    for beat in (8.0, 9.0, 16.0):
        assert np.abs(style(beat + 1e-4) - style(beat - 1e-4)).max() < 0.01
    assert np.abs(style(8.9) - style(8.1)).mean() > 0.2


def test_loud_music_is_looked_ahead_of_at_its_own_pace(tiny_gan):
    loud = {"rms": 1.0, "onset": 1.0, "bass": 0.0}
    drive = GanDrive(tiny_gan)
    drive.motion.drive = 1.0
    for k in range(48):
        drive.step(loud, k / 12, 1 / 24, PLAIN)
    guessed, _ = drive.place(0.5)
    for k in range(48, 60):
        drive.step(loud, k / 12, 1 / 24, PLAIN)
    assert guessed == pytest.approx(drive.place()[0], abs=1e-3)


def test_bass_moves_the_coarse_end_and_onsets_the_fine_end(tiny_gan):
    still, kick, tick = (moved(tiny_gan, QUIET | signals, mixing=0.0) for signals in ({}, {"bass": 1.0}, {"onset": 1.0}))
    by_kick = np.abs(kick["style"] - still["style"]).mean(1)
    by_tick = np.abs(tick["style"] - still["style"]).mean(1)
    assert by_kick[0] > by_kick[-1] == 0.0
    assert by_tick[-1] > by_tick[0] == 0.0
    assert np.abs(kick["z"] - still["z"]).mean() > 0.1
    assert np.array_equal(tick["z"], still["z"])


def test_react_zero_is_deaf(tiny_gan):
    loud = QUIET | {"bass": 1.0, "onset": 1.0}
    deaf, still = moved(tiny_gan, loud, react=0.0), moved(tiny_gan, QUIET)
    assert all(np.array_equal(deaf[name], still[name]) for name in still)


def test_mixing_leaves_the_coarse_level_alone(tiny_gan):
    one, mixed = moved(tiny_gan, QUIET, mixing=0.0), moved(tiny_gan, QUIET, mixing=1.0)
    assert np.array_equal(one["style"][0], mixed["style"][0])
    assert np.abs(one["style"][-1] - mixed["style"][-1]).mean() > 0.3
    assert np.allclose(one["style"], one["style"][:1])


def test_bending_scales_the_channels_of_its_own_end(tiny_gan):
    widths = tiny_gan.spec.widths
    assert np.array_equal(moved(tiny_gan, QUIET)["bend"], np.ones(sum(widths)))
    coarse = moved(tiny_gan, QUIET, bend_coarse=1.0)["bend"]
    assert coarse[: widths[0]].std() > 0.3
    assert np.array_equal(coarse[-widths[-1] :], np.ones(widths[-1]))


def test_steps_are_locked_to_the_beat(tiny_gan):
    # A quarter of 8 beats is rest: without wander the latent stands, then moves.
    def z(beat):
        drive = GanDrive(tiny_gan, Walk(seed=1, beats=8.0, hold=0.25, wander=0.0))
        drive.step(QUIET, beat, 0.0, PLAIN)
        return drive.inputs(0.0, 16 / 9)["z"]

    assert np.allclose(z(8.2), z(9.9))
    assert np.abs(z(14.0) - z(8.2)).mean() > 0.3


@pytest.mark.parametrize("speed", [1.0, 0.5])
def test_a_walk_is_the_same_at_any_frame_rate(tiny_gan, speed):
    def after(fps):
        drive = GanDrive(tiny_gan)
        for k in range(2 * fps + 1):
            drive.step(QUIET, k / fps * 2.0, 1 / fps if k else 0.0, PLAIN | {"speed": speed})
        return drive.inputs(0.0, 16 / 9)["z"]

    assert np.abs(after(24) - after(60)).max() < 1e-6


def test_speed_changes_without_a_jump(tiny_gan):
    drive = GanDrive(tiny_gan)
    drive.step(QUIET, 100.0, 1 / 24, PLAIN)
    before = drive.inputs(0.0, 16 / 9)["z"]
    drive.step(QUIET, 100.01, 1 / 24, PLAIN | {"speed": 4.0})
    assert np.abs(drive.inputs(0.0, 16 / 9)["z"] - before).mean() < 0.1  # unrelated latents: 1.1


def test_ahead_is_where_the_latent_will_be(tiny_gan):
    now, later = GanDrive(tiny_gan), GanDrive(tiny_gan)
    for drive, frames in ((now, 24), (later, 30)):
        for k in range(frames):
            drive.step(QUIET, 4.0 + k / 12, 1 / 24, PLAIN)
    guessed = now.inputs(6 / 24, 16 / 9)["z"]
    assert np.abs(guessed - later.inputs(0.0, 16 / 9)["z"]).max() < 1e-6


def test_all_kinds_share_their_names(monkeypatch):
    names = [p.name for p in registry.deck_params()]
    assert len(names) == len(set(names))
    assert {"zoom", "psi"} <= set(names)
    other = registry.Kind((Param("zoom", "Zoom", 0.0, 9.0, 1.0),), None, None, None)
    monkeypatch.setitem(registry.GENERATORS, "other", other)
    with pytest.raises(ValueError, match="zoom"):
        registry.deck_params()


@pytest.mark.parametrize("screen", [16 / 9, 1.0, 9 / 16, 3.0])
def test_a_picture_covers_every_screen_without_being_squashed(screen):
    width, height = cover(screen, 16 / 9)
    assert width / height == pytest.approx(16 / 9)
    half = half_screen(screen)
    assert width >= half[0] - 1e-9
    assert height >= half[1] - 1e-9
    assert min(width / half[0], height / half[1]) == pytest.approx(1.0)


def test_a_flat_picture_stays_flat():
    from phosphene.engine.core.frame import Size

    assert np.allclose(fitted(np.full((9, 16, 3), 0.25, np.float32), Size(100, 60)), 0.25)


@pytest.mark.parametrize("size", ["128x72", "160x90", "90x90", "60x110"])
def test_what_is_played_is_the_preview_within_a_step(gl, tiny_gan, size):
    from phosphene.engine.backends.plain_decoder import open_decoder
    from phosphene.engine.core.frame import Frame, Size
    from phosphene.engine.core.signals import BeatPosition, signals_at
    from phosphene.engine.generators.gan import gan_generator
    from phosphene.engine.gpu.shader import Passes
    from phosphene.engine.gpu.texture import RenderTarget
    from phosphene.engine.models.colour import linear_to_srgb

    shape = Size.parse(size)
    passes, target = Passes(), RenderTarget(shape, "rgba32f")
    generator = gan_generator(tiny_gan, open_decoder(tiny_gan), passes, None, False)
    generator.render(Frame(0, 0.0, 0.0, 0.0, 24.0), signals_at(0.0, [], BeatPosition(3.0)), {}, target)
    played = linear_to_srgb(target.read()[..., :3])
    still = fitted(generator.decoding._decoder.decode(generator._drive.inputs(0.0, shape.aspect)), shape)
    edge = 4  # there the one mirrors and the other normalises
    inner = np.abs(played - still)[edge:-edge, edge:-edge]
    assert np.quantile(inner, 0.999) < 1 / 255
    assert inner.max() < 2 / 255
    assert np.ptp(still) > 0.3
    generator.close()
    target.close()
    passes.close()


def test_zoom_and_pan_look_elsewhere_and_the_edge_is_mirrored(gl, tiny_gan):
    from phosphene.engine.backends.plain_decoder import open_decoder
    from phosphene.engine.core.frame import Frame, Size
    from phosphene.engine.core.signals import BeatPosition, signals_at
    from phosphene.engine.generators.gan import gan_generator
    from phosphene.engine.gpu.shader import Passes
    from phosphene.engine.gpu.texture import RenderTarget

    passes, target = Passes(), RenderTarget(Size(128, 72))
    generator = gan_generator(tiny_gan, open_decoder(tiny_gan), passes, None, False)

    def seen(**params):
        generator.render(Frame(0, 0.0, 0.0, 0.0, 24.0), signals_at(0.0, [], BeatPosition(3.0)), params, target)
        return target.read()[..., :3]

    straight, wide = seen(), seen(zoom=0.5)
    # At half size the middle of the screen holds the whole picture, and its mirror image lies above it.
    small = straight.reshape(36, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(wide[18:54, 32:96] - small).mean() < 0.02
    assert np.abs(wide[:18] - wide[18:36][::-1]).mean() < 1e-3
    assert np.abs(seen(pan_x=0.5)[:, 18:] - straight[:, :-18]).mean() < 1e-3
    generator.close()
    target.close()
    passes.close()

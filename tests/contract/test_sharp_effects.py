"""What the contract adds for sharp effects: edges a pixel wide at any size, in the same place, enlarged like the output.

Plus what single ones promise: every form and mode as in numpy, light that a thin line keeps, moves by the beat.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import complete, defaults
from phosphene.engine.core.signals import FEATURES, HIT_DECAY_S, BeatPosition, Signals, signals_at
from phosphene.engine.effects.beats import BeatSteps, eased
from phosphene.engine.effects.enlarge import Enlarger
from phosphene.engine.effects.halftone import FORMS as PRINTS
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.effects.shapes import FORMS, MODES, number, scale
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.effects import reference_sharp as reference
from tests.contract.test_effects import colourful, frame_at, signals

pytestmark = pytest.mark.gl

SHARP = [name for name, effect in EFFECTS.items() if effect.sharp]
SIZE = Size(64, 36)


@pytest.fixture(scope="module")
def passes(gl_context) -> Iterator[Passes]:
    gl_context.make_current()
    shared = Passes()
    yield shared
    gl_context.make_current()
    shared.close()


class Drawn:
    """One effect, drawn on pictures of any size."""

    def __init__(self, name: str, passes: Passes) -> None:
        self.effect = EFFECTS[name](passes)
        self._source, self._target = RenderTarget(SIZE, "rgba32f"), RenderTarget(SIZE, "rgba32f")

    def over(self, picture: np.ndarray, index: int = 0, sig: Signals | None = None, **params: float) -> np.ndarray:
        self._source.upload(np.ascontiguousarray(picture, np.float32))
        self._target.resize(self._source.size)
        values = complete(self.effect.params, {**defaults(self.effect.params), "amount": 1.0, **params})
        self.effect.apply(self._source, self._target, frame_at(index), sig or signals(), values)
        return self._target.read()

    def close(self) -> None:
        for each in (self.effect, self._source, self._target):
            each.close()


@pytest.fixture
def drawn(gl, passes) -> Iterator:
    made: list[Drawn] = []

    def make(name: str) -> Drawn:
        made.append(Drawn(name, passes))
        return made[-1]

    yield make
    for each in made:
        each.close()


def smooth(size: Size) -> np.ndarray:
    """The same soft picture at any size."""
    u, v = np.meshgrid((np.arange(size.width) + 0.5) / size.width, (np.arange(size.height) + 0.5) / size.height)
    rgb = 0.3 + 0.25 * np.stack([np.sin(5 * u), np.cos(4 * v), np.sin(3 * u + 3 * v)], axis=-1)
    return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1).astype(np.float32)


def shrunk(picture: np.ndarray, factor: int) -> np.ndarray:
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    return picture.reshape(height, factor, width, factor, 4).mean(axis=(1, 3))


def test_some_effects_are_sharp_and_stand_last() -> None:
    assert SHARP == ["contours", "halftone", "slices", "particles", "shapes"]
    assert list(EFFECTS)[-len(SHARP) :] == SHARP


@pytest.mark.parametrize("name", SHARP)
def test_a_sharp_effect_lies_in_the_same_place_at_any_size(drawn, name: str) -> None:
    made = drawn(name)
    how = {"particles": {"size": 12.0, "count": 2000.0}, "halftone": {"rows": 12.0}}.get(name, {"angle": 0.03})
    small = made.over(smooth(Size(160, 90)), **how)
    large = shrunk(made.over(smooth(Size(640, 360)), **how), 4)
    untouched = smooth(Size(160, 90))
    share = 0.05 if name == "particles" else 0.02  # a dot of a pixel is not round
    assert np.abs(small - large).mean() < share * np.abs(small - untouched).mean() + 1e-3
    moved = np.abs(np.roll(small, 2, axis=1) - large).mean()
    assert np.abs(small - large).mean() < 0.2 * moved, "null: two pixels aside"


@pytest.mark.parametrize("name", ["halftone", "slices", "shapes"])
def test_an_edge_is_one_pixel_wide_and_has_steps_in_between(drawn, name: str) -> None:
    """Slanted edges on two flat halves: what lies between is few pixels, and not none."""
    picture = np.zeros((180, 320, 4), np.float32)
    picture[:, 160:, :3] = 0.5
    picture[..., 3] = 1.0
    how = {
        "shapes": {"mode": 3.0, "form": 7.0, "width": 0.5},
        "slices": {"split": 0.0, "rows": 6.0},
        "halftone": {"form": 3.0, "rows": 9.0, "ink": 0.0},
    }[name]
    top = 1.0 if name == "halftone" else 0.5  # ink is as light as it can be
    out = drawn(name).over(picture, angle=0.02, **how)[..., 0]
    between = (out > 0.04 * top) & (out < 0.96 * top)
    edges = sum(np.abs(np.diff(out, axis=axis)).sum() for axis in (0, 1)) / top  # their length, in pixels
    assert between.sum() > 0.3 * edges
    assert between.sum() < 3.0 * edges
    assert edges > 100


@pytest.mark.parametrize("mode", range(1, len(MODES) + 1))
@pytest.mark.parametrize("form", range(1, len(FORMS) + 1))
def test_every_form_and_mode_equals_its_reference_after_it_has_moved(drawn, form: int, mode: int) -> None:
    made, picture, size = drawn("shapes"), colourful(Size(45, 77)), Size(45, 77)
    values = {"width": 0.37, "count": 5.3, "zoom": 0.9, "angle": 0.07, "palette": 3.4, "glow": 0.4}
    moving = {"form": float(form), "mode": float(mode), "amount": 0.8, "scroll": 1.3, "snap": 0.3}
    made.over(picture, 0, signals(0.1), **values, **moving)
    out = made.over(picture, 1, signals(0.3), **values, **moving)
    wanted = reference.shapes(
        picture,
        amount=0.8,
        form=form,
        mode=mode,
        number=number(form, 5.3),
        travelled=1.3 * (eased(0.3, 0.3) - eased(0.1, 0.3)) % 1.0,
        turn=(math.cos(2 * math.pi * 0.07), math.sin(2 * math.pi * 0.07)),
        scale=scale(form, 5.3, 0.9),
        width=0.37,
        glow=0.4,
        palette=3.4,
    )
    np.testing.assert_allclose(out, wanted, atol=4e-3)
    assert np.abs(out - picture).max() > 0.02, f"{FORMS[form - 1]} is seen at {size}"


@pytest.mark.parametrize("mode", range(1, len(MODES) + 1))
@pytest.mark.parametrize("form", range(1, len(FORMS) + 1))
def test_every_form_and_mode_is_finite_over_bad_pictures(drawn, form: int, mode: int) -> None:
    bad = np.abs(np.random.default_rng(5).normal(0.0, 3e4, (9, 16, 4))).astype(np.float32)
    bad[2, 3], bad[4, 5], bad[6, 7], bad[1, 1, :3] = np.nan, np.inf, -np.inf, -5.0
    for width, count in ((0.0, 48.0), (0.5, 3.0), (1.0, 1.0)):
        out = drawn("shapes").over(bad, form=float(form), mode=float(mode), width=width, count=count, glow=1.0)
        assert np.isfinite(out).all()
        assert out.min() >= 0.0
        assert out[..., :3].max() < 65504.0
        assert out[..., 3].max() <= 1.0 + 1e-6


@pytest.mark.parametrize("form", range(1, len(FORMS) + 1))
def test_lines_thinner_than_a_pixel_keep_their_light(drawn, form: int) -> None:
    """A mask of lines lets the same light through at 1280x720, at 320x180 and where two lines share a pixel."""
    through = []
    for size in (Size(1280, 720), Size(320, 180), Size(64, 36)):
        white = np.ones((size.height, size.width, 4), np.float32)
        out = drawn("shapes").over(white, form=float(form), mode=3.0, width=0.2, count=12.0, angle=0.013)
        through.append(float(out[..., 0].mean()))
    assert through[0] > 0.01
    np.testing.assert_allclose(through[1:], through[0], rtol=0.12)


def test_the_whole_width_leaves_no_gap(drawn) -> None:
    white = np.ones((90, 160, 4), np.float32)
    for form in range(1, len(FORMS) + 1):
        out = drawn("shapes").over(white, form=float(form), mode=3.0, width=1.0, angle=0.03)
        np.testing.assert_allclose(out, 1.0, atol=2e-3, err_msg=FORMS[form - 1])


@pytest.mark.parametrize("mode", [1.0, 3.0, 4.0, 5.0])
def test_shapes_leave_black_black_in_the_picture_s_own_colour(drawn, mode: float) -> None:
    black = np.zeros((36, 64, 4), np.float32)
    black[..., 3] = 1.0
    assert not drawn("shapes").over(black, mode=mode, width=0.5, palette=0.0)[..., :3].any()


def test_a_palette_lights_black_and_light_behind_leaves_light_places_alone(drawn) -> None:
    half = np.zeros((36, 64, 4), np.float32)
    half[:, 32:, :3] = 1.0
    half[..., 3] = 1.0
    out = drawn("shapes").over(half, mode=2.0, width=0.5, palette=7.0)
    assert out[:, :30, :3].max() > 0.1
    np.testing.assert_allclose(out[:, 34:], half[:, 34:], atol=1e-4)


@pytest.mark.parametrize("snap", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("fps", [24.0, 60.0, 144.0])
def test_a_beat_is_a_beat_at_any_frame_rate(snap: float, fps: float) -> None:
    steps = BeatSteps()
    moves = []
    for k in range(round(2 * fps) + 1):  # four beats at 120 a minute
        frame = Frame(k, k / fps, k / fps, 1 / fps, fps)
        moves.append(steps.step(frame, signals(2.0 * k / fps), snap))
    assert sum(moves) == pytest.approx(4.0, abs=1e-6)
    assert min(moves) >= 0.0


def test_a_jump_of_the_beat_line_moves_nothing_by_more_than_the_tempo() -> None:
    steps = BeatSteps()
    frame = frame_at(0)
    steps.step(frame, signals(10.0))
    for beat in (300.0, 4.0):
        assert steps.step(frame, signals(beat)) == pytest.approx(frame.dt * 2.0)


def test_a_pattern_comes_back_to_itself_after_whole_steps(drawn) -> None:
    picture = smooth(SIZE)
    for form in range(1, len(FORMS) + 1):
        made = drawn("shapes")
        how = {"form": float(form), "scroll": 1.0, "snap": 1.0, "angle": 0.04}
        first = made.over(picture, 0, signals(3.0), **how)
        between = made.over(picture, 1, signals(3.12), **how)
        again = made.over(picture, 2, signals(4.0), **how)
        np.testing.assert_allclose(again, first, atol=2e-3)
        assert np.abs(between - first).max() > 0.02, FORMS[form - 1]


@pytest.mark.parametrize("form", range(1, len(PRINTS) + 1))
def test_every_print_equals_its_reference(drawn, form: int) -> None:
    picture = colourful(Size(160, 90))
    out = drawn("halftone").over(picture, form=float(form), rows=11.3, angle=0.07, ink=0.6, amount=0.9)
    turn = math.cos(2 * math.pi * 0.07), math.sin(2 * math.pi * 0.07)
    wanted = reference.halftone(picture, form=form, rows=11.3, turn=turn, ink=0.6, amount=0.9)
    np.testing.assert_allclose(out, wanted, atol=4e-3)
    assert np.abs(out - picture).max() > 0.2, PRINTS[form - 1]


@pytest.mark.parametrize("ink", [0.0, 1.0])
@pytest.mark.parametrize("form", range(1, len(PRINTS) + 1))
def test_a_print_has_the_light_of_its_picture(drawn, form: int, ink: float) -> None:
    """Of dark and light ones, at cells of many pixels, of few and of less than one; black and white stay what they are."""
    made = drawn("halftone")
    for level in (0.0, 0.02, 0.2, 0.6, 0.85, 1.0):
        for size in (Size(1280, 720), Size(320, 180), Size(64, 36)):
            flat = np.full((size.height, size.width, 4), level, np.float32)
            flat[..., 3] = 1.0
            mean = made.over(flat, form=float(form), ink=ink, rows=40.0, angle=0.04)[..., :3].mean()
            assert mean == pytest.approx(level, abs=0.012), (PRINTS[form - 1], level, size)


def grey(rows: np.ndarray, width: int) -> np.ndarray:
    """A picture whose rows have these lightnesses, as the eye has them."""
    picture = np.repeat(np.repeat((rows**2)[:, None, None], width, axis=1), 4, axis=2).astype(np.float32)
    picture[..., 3] = 1.0
    return picture


def test_contours_are_as_wide_on_a_slope_as_on_a_cliff(drawn) -> None:
    """And each level has one: seven of eight, because black is where they begin."""
    for height in (180, 720):
        for end, count in ((0.97, 7), (0.47, 3)):
            slope = grey(np.linspace(0.03, end, height), 64)
            lines = drawn("contours").over(slope, levels=8.0, width=6.0, line=1.0, ground=0.0)[:, 32, 0]
            assert lines.sum() == pytest.approx(count * 0.006 * height, rel=0.03)
            assert (np.diff((lines > 0.25).astype(int)) == 1).sum() == count


def test_a_flat_picture_has_no_contour_however_light_it_is(drawn) -> None:
    made = drawn("contours")
    for level in np.linspace(0.0, 1.0, 33):
        assert not made.over(grey(np.full(36, level), 64), levels=8.0, line=1.0, ground=0.0)[..., :3].any()


def test_flat_steps_go_from_black_to_white(drawn) -> None:
    out = drawn("contours").over(grey(np.linspace(0.0, 1.0, 720), 64), levels=5.0, line=0.0, fill=1.0, ground=1.0)[:, 32, 0]
    steps, counts = np.unique(np.round(np.sqrt(out), 3), return_counts=True)
    np.testing.assert_allclose(steps[counts > 100], [0.0, 0.25, 0.5, 0.75, 1.0], atol=2e-3)
    assert counts[counts > 100].sum() > 0.97 * 720, "an edge is a pixel or two"


def test_black_contours_equal_their_reference(drawn) -> None:
    picture = colourful(Size(160, 90))
    out = drawn("contours").over(picture, levels=7.0, width=12.0, line=-0.7, fill=1.0, ground=0.9)
    wanted = reference.contours(picture, amount=1.0, levels=7.0, width=0.012, line=-0.7, fill=1.0, ground=0.9)
    np.testing.assert_allclose(out, wanted, atol=4e-3)


def _attack(t: float) -> Signals:
    """Signals at `t` s after an attack at 0."""
    record = np.zeros(1, FEATURES)[0]
    record["t_adc"], record["onset_time"], record["drum_time"], record["part_time"] = t, 0.0, -np.inf, -np.inf
    return signals_at(t, [record], BeatPosition(2.0 * t + 20.0, 120.0, 1.0))


def jumps(made: Drawn, course: list[Signals], **params: float) -> list[int]:
    """Return the frames at which the pieces go somewhere else."""
    found, last = [], None
    for k, sig in enumerate(course):
        made.over(smooth(SIZE), k, sig, **params)
        now = made.effect.memory()[0]
        if last is not None and now != last:
            found.append(k)
        last = now
    return found


def test_slices_jump_with_attacks(drawn) -> None:
    course = [_attack(t) for t in (0.3, 0.33, 0.37, 0.4)] + [_attack(t) for t in (0.01, 0.04, 0.07, 0.1)]
    assert jumps(drawn("slices"), course) == [4]
    assert jumps(drawn("slices"), course[:4]) == []
    assert jumps(drawn("slices"), course[4:]) == [], "an attack from before the effect was on"


def test_an_attack_that_rises_over_two_frames_is_one_jump_as_old_as_the_signal_says(drawn) -> None:
    """A frame that a show missed lies between its neighbours when its take is rendered."""
    course = [
        replace(signals(8.0 + 0.02 * k), table={**signals().table, "onset": onset})
        for k, onset in enumerate((0.1, 0.05, 0.45, 0.85, 0.6))
    ]
    assert jumps(drawn("slices"), course) == [2]
    ages = []
    for those in (course, [course[k] for k in (0, 1, 3, 4)]):
        made = drawn("slices")
        jumps(made, those)
        ages.append(made.effect.memory()[1])
    assert ages[0] == pytest.approx(ages[1], abs=1e-9)
    assert ages[0] == pytest.approx(-HIT_DECAY_S * math.log(0.85) * 2.0 + 0.02, abs=1e-6)


def test_slices_jump_on_the_beat(drawn) -> None:
    course = [signals(7.9 + 0.1 * k) for k in range(41)]
    assert jumps(drawn("slices"), course, every=2.0) == [1, 21]
    assert jumps(drawn("slices"), course, every=1.0) == [1, 11, 21, 31]


def test_slices_slide_back(drawn) -> None:
    made, picture = drawn("slices"), smooth(SIZE)
    off = [np.abs(made.over(picture, k, signals(2.0 * k), hold=1.0) - picture).mean() for k in range(6)]
    assert off[0] > 0.01
    assert all(later < earlier for earlier, later in itertools.pairwise(off))
    assert off[5] < 0.01 * off[0]


def test_slices_that_music_switches_on_are_other_ones_each_time(drawn) -> None:
    made, pictures = drawn("slices"), []
    for beat in (8.0, 8.25, 9.0):
        pictures.append(made.over(smooth(SIZE), 0, signals(beat)))
        made.effect.reset()
    for one, other in itertools.combinations(pictures, 2):
        assert np.abs(one - other).mean() > 0.01


def test_the_same_jumps_give_the_same_pieces(drawn) -> None:
    course = [signals(7.9 + 0.1 * k) for k in range(25)]
    pictures = []
    for _ in range(2):
        made = drawn("slices")
        jumps(made, course, every=1.0)
        pictures.append(made.over(colourful(SIZE), 25, signals(10.4), every=1.0))
    np.testing.assert_array_equal(*pictures)


def test_particles_give_the_same_light_at_any_size(drawn) -> None:
    given = []
    for size in (Size(1280, 720), Size(320, 180), Size(64, 36)):
        picture = smooth(size)
        given.append(float((drawn("particles").over(picture, palette=3.0, size=3.0) - picture)[..., :3].mean()))
    assert given[0] > 0.005
    np.testing.assert_allclose(given[1:], given[0], rtol=0.05)


@pytest.mark.parametrize(("course", "where"), [(0.0, 1.0), (0.5, 0.0)])
def test_particles_drift_to_the_light_or_away_from_it(drawn, course: float, where: float) -> None:
    """A ramp: more of their light is on the one side than without a way to go."""
    ramp = np.ones((90, 160, 4), np.float32)
    ramp[..., :3] = np.linspace(0.02, 1.0, 160)[None, :, None] ** 2
    shares = []
    for reach in (0.0, 1.0):
        added = (drawn("particles").over(ramp, course=course, reach=reach, size=3.0) - ramp)[..., 0]
        added /= 0.25 + np.sqrt(ramp[..., 0])  # what is light lights them more
        right = added[:, 80:].sum() / added.sum()
        shares.append(right if where else 1.0 - right)
    assert shares[1] > shares[0] + 0.06


def test_particles_move_by_the_beat_and_not_by_the_clock(drawn) -> None:
    made, picture = drawn("particles"), smooth(SIZE)
    first = made.over(picture, 0, signals(4.0))
    np.testing.assert_array_equal(made.over(picture, 30, signals(4.0)), first)
    assert np.abs(made.over(picture, 31, signals(4.5)) - first).max() > 0.02


@pytest.mark.parametrize("size", [Size(192, 108), Size(170, 101)], ids=str)
def test_enlarging_equals_its_reference(gl, passes, size: Size) -> None:
    enlarger, source, target = Enlarger(passes), RenderTarget(SIZE, "rgba32f"), RenderTarget(size, "rgba32f")
    picture = colourful(SIZE)
    picture[10:14, 20:24, :3] = 900.0
    picture[3, 3], picture[3, 9] = np.nan, np.inf
    source.upload(picture)
    enlarger.draw(source, target)
    out, wanted = target.read(), reference.enlarge(picture, size.height, size.width)
    assert np.isfinite(out).all()
    dark = wanted[..., :3].max(axis=-1) < 4.0  # above, half floats between the passes are a few percent off
    assert dark.mean() > 0.9
    np.testing.assert_allclose(out[dark], wanted[dark], atol=4e-3, rtol=4e-3)
    for each in (enlarger, source, target):
        each.close()


def test_an_enlarged_picture_looks_as_the_output_pass_would_enlarge_it(gl, passes) -> None:
    size = Size(256, 144)
    enlarger, output = Enlarger(passes), OutputPass(passes)
    source, large, screens = RenderTarget(SIZE), RenderTarget(size), [RenderTarget(size, "rgba8") for _ in range(2)]
    source.upload(colourful(SIZE, peak=1.0))
    enlarger.draw(source, large)
    output.draw(source, screens[0])
    output.draw(large, screens[1])
    plain, by_way = (screen.read()[..., :3] for screen in screens)
    assert np.abs(plain - by_way).mean() < 1.0 / 255.0
    assert np.abs(plain - by_way).max() < 8.0 / 255.0
    for each in (enlarger, output, source, large, *screens):
        each.close()


def test_what_is_very_bright_has_no_dark_ring(gl, passes) -> None:
    enlarger, source, target = Enlarger(passes), RenderTarget(SIZE), RenderTarget(Size(256, 144))
    picture = np.full((36, 64, 4), 0.2, np.float32)
    picture[18, 32, :3] = 400.0
    picture[..., 3] = 1.0
    source.upload(picture)
    enlarger.draw(source, target)
    assert target.read()[..., :3].min() > 0.03  # filtered as light, it would be 0
    for each in (enlarger, source, target):
        each.close()

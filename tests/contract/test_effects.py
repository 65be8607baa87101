"""The effects' contract, held by one suite over the whole registry: identity, finite, premultiplied, equal to numpy.

Plus what single effects promise: trails in seconds, grain by frame, flashes no faster than is safe.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import complete, defaults
from phosphene.engine.core.resumable import Resumable
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.effects.bloom import GAIN, LEVELS
from phosphene.engine.effects.chain import Chain
from phosphene.engine.effects.colour import colour_matrix
from phosphene.engine.effects.feedback import Feedback
from phosphene.engine.effects.particles import STRENGTH
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.effects.relief import lights, reach, steepness
from phosphene.engine.effects.shapes import number, scale
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.effects import reference, reference_sharp

pytestmark = pytest.mark.gl

SIZES = [Size(64, 36), Size(45, 77)]
FPS = 30.0


def frame_at(index: int, fps: float = FPS) -> Frame:
    return Frame(index, index / fps, index / fps, 1 / fps, fps)


def signals(beat: float = 0.1, bpm: float = 120.0) -> Signals:
    return signals_at(0.0, [], BeatPosition(beat, bpm, 1.0))


def colourful(size: Size, seed: int = 3, peak: float = 1.5) -> np.ndarray:
    """A smooth opaque picture with dark, saturated and overbright places, float32 [h, w, 4]."""
    u, v = reference.coordinates(size.height, size.width)
    a, b, c = np.random.default_rng(seed).uniform(2.0, 6.0, 3)
    waves = [np.sin(a * u + b * v), np.sin(b * u - c * v + 1.0), np.sin(c * u * v + a)]
    rgb = peak * (0.5 + 0.5 * np.stack(waves, axis=-1)) ** 2
    return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def passes(gl_context) -> Iterator[Passes]:
    gl_context.make_current()
    shared = Passes()
    yield shared
    gl_context.make_current()
    shared.close()


class Rig:
    """One effect between two targets."""

    def __init__(self, name: str, passes: Passes, size: Size) -> None:
        self.effect = EFFECTS[name](passes)
        self.source, self.target = RenderTarget(size, "rgba32f"), RenderTarget(size, "rgba32f")

    def run(self, picture: np.ndarray, index: int = 0, sig: Signals | None = None, **params: float) -> np.ndarray:
        self.source.upload(picture.astype(np.float32))
        self.target.resize(self.source.size)
        values = complete(self.effect.params, {**defaults(self.effect.params), **params})
        self.effect.apply(self.source, self.target, frame_at(index), sig or signals(), values)
        return self.target.read()

    def close(self) -> None:
        for each in (self.effect, self.source, self.target):
            each.close()


@pytest.fixture
def rig(request, gl, passes) -> Iterator:
    made: list[Rig] = []

    def make(name: str, size: Size = SIZES[0]) -> Rig:
        made.append(Rig(name, passes, size))
        return made[-1]

    yield make
    for each in made:
        each.close()


def corners(name: str) -> Iterator[dict[str, float]]:
    """Every combination of minimum and maximum of an effect's parameters."""
    params = EFFECTS[name].params
    for values in itertools.product(*((p.minimum, p.maximum) for p in params)):
        yield dict(zip((p.name for p in params), values, strict=True))


@pytest.mark.parametrize("name", EFFECTS)
def test_amount_comes_first_and_is_off(name: str) -> None:
    effect = EFFECTS[name]
    assert effect.name == name
    first = effect.params[0]
    assert (first.name, first.minimum, first.maximum, first.default) == ("amount", 0.0, 1.0, 0.0)
    assert len({p.name for p in effect.params}) == len(effect.params)
    assert all(p.description and p.label for p in effect.params)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", EFFECTS)
def test_amount_zero_is_identity_in_the_shader(rig, name: str, size: Size) -> None:
    picture = colourful(size)
    made = rig(name, size)
    for index in range(3):
        out = made.run(picture, index, amount=0.0)
        np.testing.assert_allclose(out, picture, atol=2e-4)


@pytest.mark.parametrize("name", EFFECTS)
def test_chain_skips_amount_zero(gl, passes, name: str) -> None:
    chain = Chain(passes)
    source = RenderTarget(SIZES[0])
    assert chain.apply(source, frame_at(0), signals(), [(name, {"amount": 0.0})]) is source
    assert chain.apply(source, frame_at(0), signals(), [(name, {"amount": 0.5})]) is not source
    source.close()
    chain.close()


@pytest.mark.parametrize("name", EFFECTS)
def test_output_is_finite_and_no_light_is_negative_at_every_corner(rig, name: str) -> None:
    size = Size(16, 9)
    bright = np.abs(np.random.default_rng(5).normal(0.0, 3e4, (9, 16, 4))).astype(np.float32)
    bright[..., 3] = 1.0
    spoilt = colourful(size)
    spoilt[2, 3] = np.nan
    spoilt[4, 5] = np.inf
    spoilt[6, 7] = -np.inf
    spoilt[1, 1, :3] = -5.0
    for values in corners(name):
        for picture in (bright, spoilt, np.zeros_like(bright)):
            made = rig(name, size)
            for index in (0, 1):
                out = made.run(picture, index, **values)
                assert np.isfinite(out).all(), values
                assert out.min() >= 0.0, values
                assert out[..., 3].max() <= 1.0 + 1e-6, values
            half = RenderTarget(size)
            half.upload(np.minimum(out, 65504.0))
            assert out[..., :3].max() < 65504.0, "it must fit a half float"
            half.close()
            made.close()


@pytest.mark.parametrize("name", EFFECTS)
def test_output_is_premultiplied(rig, name: str) -> None:
    """A picture at 40 % alpha gives 40 % of the output; nothing gives nothing."""
    picture = colourful(SIZES[0])
    whole, part, none = rig(name), rig(name), rig(name)
    for index in range(3):
        full = whole.run(picture, index, amount=0.8)
        out = part.run(picture * 0.4, index, amount=0.8)
        assert not none.run(np.zeros_like(picture), index, amount=0.8).any()
    np.testing.assert_allclose(out, full * 0.4, atol=2e-3)


def _kaleidoscope(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    rotation = 2 * math.pi * ((p["spin"] / FPS + p["rotation"]) % 1.0)
    wedge = 2 * math.pi / round(p["segments"])
    return reference.kaleidoscope(
        picture, amount=p["amount"], wedge=wedge, rotation=rotation, look=-rotation / 2, zoom=p["zoom"]
    )


def _mirror(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    angle = 2 * math.pi * p["angle"]
    normal = (math.cos(angle), math.sin(angle))
    return reference.mirror(picture, amount=p["amount"], normal=normal, offset=p["offset"], quad=p["quad"])


def _warp(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    step = p["speed"] / FPS
    starts, rates = (0.0, 1.7, 3.1, 4.9), (0.71, -0.53, 1.13, -0.89)
    phase = tuple(s + r * step for s, r in zip(starts, rates, strict=True))
    reach = 0.3 * p["amount"] / p["scale"]
    return reference.warp(picture, reach=reach, scale=p["scale"], ripple=p["ripple"], phase=phase, ring_phase=4 * step)


def _grade(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    return reference.grade(
        picture,
        amount=p["amount"],
        palette=p["palette"],
        tint=p["tint"],
        contrast=p["contrast"],
        matrix=colour_matrix(p["saturation"], p["hue"]),
    )


def _bloom(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    return reference.bloom(
        picture,
        gain=GAIN * p["amount"],
        threshold=p["threshold"],
        knee=0.5 * p["threshold"] + 0.05,
        spread=0.2 + 0.75 * p["radius"],
        levels=LEVELS,
    )


def _relief(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    light, halfway = lights(p["angle"])
    own = {name: p[name] for name in ("amount", "gloss", "metal")} | {"height": steepness(p["height"], p["width"])}
    return reference.relief(picture, reach=reach(p["width"]), light=light, halfway=halfway, **own)


def _shapes(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    form, angle = round(p["form"]), 2 * math.pi * p["angle"]
    return reference_sharp.shapes(
        picture,
        form=form,
        mode=round(p["mode"]),
        number=number(form, p["count"]),
        travelled=0.0,
        turn=(math.cos(angle), math.sin(angle)),
        scale=scale(form, p["count"], p["zoom"]),
        **{name: p[name] for name in ("amount", "width", "glow", "palette")},
    )


def _slices(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    angle, aspect = 2 * math.pi * p["angle"], picture.shape[1] / picture.shape[0]
    return reference_sharp.slices(
        picture,
        turn=(math.cos(angle), math.sin(angle)),
        columns=p["tiles"] / aspect,
        reach=0.8 * p["amount"],
        jump=0,
        **{name: p[name] for name in ("rows", "share", "uneven", "split")},
    )


def _contours(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    given = {name: p[name] for name in ("amount", "levels", "line", "fill", "ground")}
    return reference_sharp.contours(picture, width=p["width"] / 1000.0, **given)


def _halftone(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    angle = 2 * math.pi * p["angle"]
    turn = (math.cos(angle), math.sin(angle))
    return reference_sharp.halftone(
        picture, form=round(p["form"]), turn=turn, amount=p["amount"], rows=p["rows"], ink=p["ink"]
    )


def _particles(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    angle = 2 * math.pi * p["course"]
    return reference_sharp.particles(
        picture,
        count=round(p["count"]),
        born=0,
        time=0.0,
        course=(math.cos(angle), math.sin(angle)),
        size=p["size"] / 1000.0,
        strength=STRENGTH * p["amount"],
        reach=p["reach"],
        palette=p["palette"],
    )


def _strobe(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    return reference.strobe(picture, gain=1.0, white=p["amount"] * p["white"])


def _grain(picture: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    return reference.grain(picture, strength=0.3 * p["amount"], chroma=p["chroma"], seed=0)


REFERENCES = {
    "kaleidoscope": (_kaleidoscope, {"segments": 5.0, "rotation": 0.13, "spin": 0.4, "zoom": 1.3}, 4e-3),
    "mirror": (_mirror, {"angle": 0.21, "offset": 0.1, "quad": 0.7}, 4e-3),
    "warp": (_warp, {"scale": 3.0, "speed": 1.5, "ripple": 0.3}, 4e-3),
    "grade": (_grade, {"palette": 3.4, "tint": 0.6, "contrast": 1.3, "saturation": 0.7, "hue": 0.2}, 4e-3),
    "relief": (_relief, {"height": 2.5, "width": 0.8, "angle": -0.2, "gloss": 1.1, "metal": 0.5}, 8e-3),
    "bloom": (_bloom, {"threshold": 0.3, "radius": 0.8}, 8e-3),
    "shapes": (_shapes, {"form": 2.0, "width": 0.3, "zoom": 1.3, "angle": 0.07, "palette": 3.4, "glow": 0.6}, 4e-3),
    "slices": (_slices, {"rows": 7.3, "tiles": 5.0, "share": 0.7, "angle": 0.06, "split": 0.4}, 4e-3),
    "contours": (_contours, {"levels": 6.0, "width": 9.0, "line": 0.8, "fill": 0.6, "ground": 0.7}, 4e-3),
    "halftone": (_halftone, {"rows": 9.3, "angle": 0.06, "ink": 0.7}, 4e-3),
    "particles": (_particles, {"count": 900.0, "size": 12.0, "reach": 0.2, "palette": 2.3}, 8e-3),
    "strobe": (_strobe, {"white": 0.5}, 1e-5),
    "grain": (_grain, {"chroma": 0.6}, 1e-5),
}


def test_every_effect_has_a_reference() -> None:
    assert set(REFERENCES) | {"feedback"} == set(EFFECTS)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("amount", [0.35, 1.0])
@pytest.mark.parametrize("name", REFERENCES)
def test_shader_equals_reference(rig, name: str, amount: float, size: Size) -> None:
    expected, params, tolerance = REFERENCES[name]
    picture = colourful(size)
    values = {**defaults(EFFECTS[name].params), **params, "amount": amount}
    out = rig(name, size).run(picture, 0, **values)
    np.testing.assert_allclose(out, expected(picture, values), atol=tolerance)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_feedback_equals_reference(rig, size: Size) -> None:
    made = rig("feedback", size)
    values = {"decay": 0.4, "zoom": 1.6, "rotation": 0.2, "smear": 0.5, "tint": 0.6, "amount": 0.7}
    shrink, angle = 1.6 ** (-1 / FPS), 2 * math.pi * 0.2 / FPS
    turn = (shrink * math.cos(angle), shrink * math.sin(angle))
    fall = Feedback.fall(1 / FPS, 0.4, 0.6)
    history = colourful(size, 0)
    for index in range(4):
        picture = colourful(size, index)
        out = made.run(picture, index, **values)
        history = reference.feedback(picture, history, turn=turn, fall=fall, rise=math.exp(-1 / FPS / 0.2))
        np.testing.assert_allclose(out, reference.blend(picture, history, amount=0.7), atol=6e-3)


@pytest.mark.parametrize("metal", [0.0, 1.0])
def test_relief_keeps_what_is_flat_and_what_is_black(rig, metal: float) -> None:
    flat = np.full((36, 64, 4), 0.4, np.float32)
    flat[..., 3] = 1.0
    np.testing.assert_allclose(rig("relief").run(flat, amount=1.0, height=4.0, gloss=2.0, metal=metal), flat, atol=1e-3)
    half = colourful(SIZES[0])
    half[:, :32, :3] = 0.0
    lit = rig("relief").run(half, amount=1.0, height=4.0, width=0.0, gloss=2.0, metal=metal)
    assert not lit[:, :30, :3].any()


def test_relief_is_lit_from_where_the_light_is(rig) -> None:
    """A ball: its right side is the lighter one with light from the right, its upper one with light from above."""
    u, v = reference.coordinates(36, 36)
    ball = np.sqrt(np.maximum(0.0, 1.0 - 5.0 * ((u - 0.5) ** 2 + (v - 0.5) ** 2)))[..., None]
    picture = np.concatenate([0.2 + 0.6 * np.repeat(ball, 3, axis=2), np.ones((36, 36, 1))], axis=2)
    made = rig("relief", Size(36, 36))
    right, above = (made.run(picture, amount=1.0, angle=angle, height=4.0, gloss=0.0)[..., 0] for angle in (0.0, 0.25))
    assert right[:, 20:28].mean() > 1.2 * right[:, 8:16].mean()
    assert above[8:16].mean() > 1.2 * above[20:28].mean()


@pytest.mark.parametrize("smear", [0.0, 1.0])
def test_trails_last_seconds_not_frames(rig, smear: float) -> None:
    """One second of white, half a second of black: the same trail at 24 and at 60 fps."""
    size = Size(8, 8)
    left = {}
    for fps in (24, 60):
        made = rig("feedback", size)
        made.source.upload(np.ones((8, 8, 4), np.float32))
        values = defaults(Feedback.params) | {"amount": 1.0, "decay": 0.5, "smear": smear, "tint": 0.0}
        for index in range(fps + fps // 2):
            if index == fps:
                made.source.clear(0.0, 0.0, 0.0, 1.0)
            made.effect.apply(made.source, made.target, frame_at(index, fps), signals(), values)
        left[fps] = made.target.read()[4, 4, 0]
    assert left[60] == pytest.approx(math.exp(-1.0), rel=0.02)
    assert left[24] == pytest.approx(left[60], rel=0.02)


def test_trails_survive_a_change_of_size_without_a_flash(rig) -> None:
    made = rig("feedback")
    values = {"amount": 1.0, "decay": 4.0, "zoom": 1.0, "rotation": 0.0, "tint": 0.0}
    for index in range(5):
        before = made.run(colourful(Size(64, 36)), index, **values)
    after = made.run(colourful(Size(96, 54)), 5, **values)
    back = made.run(colourful(Size(64, 36)), 6, **values)
    assert after.shape == (54, 96, 4)
    assert abs(after.mean() - before.mean()) < 0.01
    assert np.abs(back - before).max() < 0.05


def test_reset_forgets(rig) -> None:
    made = rig("feedback")
    for index in range(5):
        made.run(colourful(SIZES[0], 9), index, amount=1.0)
    made.effect.reset()
    picture = colourful(SIZES[0], 4)
    np.testing.assert_allclose(made.run(picture, 5, amount=1.0, zoom=1.0, rotation=0.0), picture, atol=2e-3)


@pytest.mark.parametrize("name", EFFECTS)
def test_a_fresh_one_goes_on_where_another_one_stood(rig, name: str) -> None:
    """What keeps numbers is `Resumable`, through JSON, as a take has them; feedback alone keeps a picture."""
    played, fresh = rig(name), rig(name)
    moving = {p.name: p.maximum for p in EFFECTS[name].params}
    for index in range(5):
        played.run(colourful(SIZES[0], 9), index, signals(0.3 * index), **moving)
    if isinstance(played.effect, Resumable):
        fresh.effect.resume(json.loads(json.dumps(played.effect.memory())))
    if isinstance(played.effect, Feedback):
        assert played.effect.trails is not None
        fresh.effect.recall(played.effect.trails.read().astype(np.float16))
    pictures = [each.run(colourful(SIZES[0], 4), 5, signals(1.5), **moving) for each in (played, fresh)]
    np.testing.assert_allclose(*pictures, atol=2e-3)


def test_history_is_forgotten_while_an_effect_is_off(gl, passes) -> None:
    chain = Chain(passes)
    old, new = RenderTarget(SIZES[0]), RenderTarget(SIZES[0])
    old.clear(1.0, 1.0, 1.0, 1.0)
    new.clear(0.0, 0.0, 0.0, 1.0)
    on, off = [("feedback", {"amount": 1.0, "decay": 8.0})], [("feedback", {"amount": 0.0})]
    chain.apply(old, frame_at(0), signals(), on)
    chain.apply(new, frame_at(1), signals(), off)
    assert chain.apply(new, frame_at(2), signals(), on).read()[..., :3].max() == 0.0
    for each in (chain, old, new):
        each.close()


@pytest.mark.parametrize("amount", [0.3, 0.7, 1.0])
def test_kaleidoscope_has_no_seam(rig, amount: float) -> None:
    """Neighbouring pixels of a smooth picture stay neighbours: no step is larger than folding allows."""
    size = Size(128, 72)
    u, v = reference.coordinates(size.height, size.width)
    ramp = np.stack([u, v, 0.5 * (u + v), np.ones_like(u)], axis=-1).astype(np.float32)
    out = rig("kaleidoscope", size).run(ramp, amount=amount, segments=7.0, rotation=0.07)
    step = max(np.abs(np.diff(out, axis=0)).max(), np.abs(np.diff(out, axis=1)).max())
    # A step of one pixel moves the place by at most one pixel's length (the fold is an isometry on a circle).
    assert step < 3.0 / size.height


def test_grain_is_the_frame_s_own(rig) -> None:
    made = rig("grain")
    picture = colourful(SIZES[0])
    first, again, next_one = (made.run(picture, index, amount=1.0) for index in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - next_one).max() > 0.05
    assert abs((first - picture).mean()) < 5e-3


def flashes(strobe, fps: float, seconds: float, bpm_at, params_at) -> list[float]:
    """Return the times at which the picture turns from dark to lit."""
    times, was, beat = [], True, 0.0
    for index in range(int(seconds * fps)):
        t = index / fps
        sig = signals(beat, bpm_at(t))
        values = complete(strobe.params, defaults(strobe.params) | params_at(t) | {"amount": 1.0})
        lit = strobe.lit(frame_at(index, fps), sig, values)
        if lit and not was:
            times.append(t)
        was = lit
        beat += bpm_at(t) / 60.0 / fps
    return times


def test_strobe_follows_the_beat(gl, passes) -> None:
    found = flashes(EFFECTS["strobe"](passes), 60.0, 10.0, lambda t: 120.0, lambda t: {"rate": 1.0})
    assert np.allclose(np.diff(found), 0.5, atol=0.02)


@pytest.mark.parametrize("fps", [24.0, 60.0, 144.0])
def test_strobe_never_exceeds_three_flashes_a_second(gl, passes, fps: float) -> None:
    """Whatever tempo, rate and duty do, jumps and resets included: WCAG 2.3.1."""
    rng = np.random.default_rng(11)
    strobe = EFFECTS["strobe"](passes)

    def wild(t: float) -> dict[str, float]:
        if rng.random() < 0.02:
            strobe.reset()
        rate, hz, duty = rng.choice([0.5, 1.0, 4.0, 8.0]), rng.choice([0.0, 0.0, 3.0]), rng.uniform(0.05, 0.95)
        return {"rate": float(rate), "hz": float(hz), "duty": float(duty)}

    found = np.array(flashes(strobe, fps, 20.0, lambda t: float(rng.uniform(60, 400)), wild))
    assert len(found) > 10
    assert (found[3:] - found[:-3]).min() > 1.0


def test_strobe_halves_a_rate_that_is_too_fast(gl, passes) -> None:
    found = flashes(EFFECTS["strobe"](passes), 60.0, 6.0, lambda t: 120.0, lambda t: {"rate": 8.0, "duty": 0.3})
    assert np.allclose(np.diff(found), 0.5, atol=0.02)

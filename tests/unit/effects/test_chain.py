"""The chain runs effects in the order given, completes their parameters, and refuses what it does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.effects.chain import Chain
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.kernels.effects import reference_sharp

FRAME = Frame(3, 0.1, 0.1, 1 / 30, 30.0)
SIGNALS = signals_at(0.0, [], BeatPosition(0.1))


@pytest.fixture
def chain(gl) -> Iterator[Chain]:
    passes = Passes()
    made = Chain(passes)
    made.warm()
    yield made
    made.close()
    passes.close()


@pytest.fixture
def source(gl) -> Iterator[RenderTarget]:
    target = RenderTarget(Size(40, 24))
    picture = np.random.default_rng(6).random((24, 40, 4), np.float32)
    picture[..., 3] = 1.0
    target.upload(picture)
    yield target
    target.close()


def test_nothing_on_gives_the_picture_itself(chain, source) -> None:
    assert chain.apply(source, FRAME, SIGNALS, []) is source
    assert chain.apply(source, FRAME, SIGNALS, [(name, {}) for name in EFFECTS]) is source


def test_the_source_is_never_changed(chain, source) -> None:
    before = source.read()
    chain.apply(source, FRAME, SIGNALS, [(name, {"amount": 1.0}) for name in EFFECTS])
    np.testing.assert_array_equal(source.read(), before)


def test_order_matters_and_is_kept(chain, source) -> None:
    mirror, grain = ("mirror", {"amount": 1.0}), ("grain", {"amount": 1.0, "chroma": 0.0})
    grain_last = chain.apply(source, FRAME, SIGNALS, [mirror, grain]).read()
    grain_first = chain.apply(source, FRAME, SIGNALS, [grain, mirror]).read()
    np.testing.assert_allclose(grain_first, grain_first[:, ::-1], atol=2e-3)
    assert np.abs(grain_last - grain_last[:, ::-1]).max() > 0.01


def test_values_out_of_range_are_clamped(chain, source) -> None:
    wild = chain.apply(source, FRAME, SIGNALS, [("grade", {"amount": 7.0, "tint": -3.0, "palette": float("nan")})]).read()
    tame = chain.apply(source, FRAME, SIGNALS, [("grade", {"amount": 1.0, "tint": 0.0, "palette": 1.0})]).read()
    np.testing.assert_array_equal(wild, tame)


def test_an_unknown_effect_is_a_user_error(chain, source) -> None:
    with pytest.raises(UserError, match=r"no such effect.*feedback.*got: blom"):
        chain.apply(source, FRAME, SIGNALS, [("blom", {"amount": 1.0})])


def test_all_effects_at_once_at_any_size(chain, source) -> None:
    everything = [(name, {"amount": 0.7}) for name in EFFECTS]
    for size in (Size(40, 24), Size(64, 36), Size(7, 5), Size(1, 1)):
        source.resize(size)
        source.clear(0.3, 0.2, 0.1, 1.0)
        result = chain.apply(source, FRAME, SIGNALS, everything)
        assert result.size == size
        pixels = result.read()
        assert np.isfinite(pixels).all()
        assert pixels[..., :3].max() > 0.05


GRID = ("shapes", {"amount": 1.0, "mode": 3.0, "width": 0.3})


def test_a_sharp_effect_is_drawn_at_the_output_s_size(chain, source) -> None:
    output = Size(120, 72)
    result = chain.apply(source, FRAME, SIGNALS, [GRID], output)
    assert result.size == output
    assert chain.sharp
    bare = chain.apply(source, FRAME, SIGNALS, [("slices", {"amount": 1.0, "share": 0.0})], output).read()
    np.testing.assert_allclose(bare, reference_sharp.enlarge(source.read(), output.height, output.width), atol=4e-3)


def test_without_sharp_effects_the_output_s_size_changes_nothing(chain, source) -> None:
    output, plain = Size(120, 72), [(name, {"amount": 0.7}) for name in ("grade", "mirror", "bloom")]
    off = [("shapes", {"amount": 0.0}), ("slices", {})]
    wanted = chain.apply(source, FRAME, SIGNALS, plain).read()
    result = chain.apply(source, FRAME, SIGNALS, [*plain, *off], output)
    assert result.size == source.size
    assert not chain.sharp
    np.testing.assert_array_equal(result.read(), wanted)
    assert chain.apply(source, FRAME, SIGNALS, off, output) is source


@pytest.mark.parametrize("output", [None, Size(120, 72)], ids=str)
def test_sharp_effects_come_last_whatever_the_order(chain, source, output) -> None:
    grade = ("grade", {"amount": 1.0, "palette": 3.0})
    orders = [[grade, GRID], [GRID, grade]]
    first, second = (chain.apply(source, FRAME, SIGNALS, order, output).read() for order in orders)
    np.testing.assert_array_equal(first, second)


def test_one_chain_goes_on_where_another_stood(chain, source) -> None:
    """Turning effects by their numbers, feedback by its picture; through JSON, as a take has them."""
    effects = [
        ("warp", {"amount": 0.8, "speed": 2.0}),
        ("kaleidoscope", {"amount": 1.0, "spin": 0.3}),
        ("feedback", {"amount": 0.9, "smear": 0.8}),
        ("strobe", {"amount": 0.7, "hz": 2.0, "duty": 0.3}),
        ("shapes", {"amount": 0.8, "scroll": 0.7}),
        ("slices", {"amount": 0.5, "every": 0.5}),
    ]
    passes = Passes()
    other = Chain(passes)
    assert chain.trails is None
    for k in range(12):
        chain.apply(source, Frame(k, k / 30, k / 30, 1 / 30, 30.0), signals_at(0.0, [], BeatPosition(0.07 * k)), effects)
    other.resume(json.loads(json.dumps(chain.memory())))
    assert chain.trails is not None
    other.recall(chain.trails.read().astype(np.float16))
    fresh = Chain(passes)
    frame = Frame(12, 12 / 30, 12 / 30, 1 / 30, 30.0)
    wanted = chain.apply(source, frame, SIGNALS, effects).read()
    np.testing.assert_array_equal(other.apply(source, frame, SIGNALS, effects).read(), wanted)
    assert np.abs(fresh.apply(source, frame, SIGNALS, effects).read() - wanted).mean() > 0.01
    other.close()
    fresh.close()
    passes.close()

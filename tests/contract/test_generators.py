"""What every generator promises, on each that there is: finite opaque pictures of any size, from frozen values alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from phosphene.engine.backends.base import ReadyShader, ReadySource
from phosphene.engine.backends.codebook import Codebook
from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.backends.decoders import OnnxBackend
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import FEATURES, NORMALISED, BeatPosition, Signals, signals_at
from phosphene.engine.generators.base import Generator, Played
from phosphene.engine.generators.cppn import CppnGenerator
from phosphene.engine.generators.gan import gan_generator
from phosphene.engine.generators.idle import Idle
from phosphene.engine.generators.isf import isf_generator
from phosphene.engine.generators.layers import LayeredGenerator
from phosphene.engine.generators.source import SourceGenerator
from phosphene.engine.generators.vqvae import vqvae_generator
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import FORMATS, RenderTarget
from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.media import Source, SourceNetwork
from phosphene.engine.models.style import Style, StyleMeta, list_styles, load_style
from phosphene.engine.models.vqvae import VqvaeNetwork
from phosphene.engine.sources.base import Frames
from phosphene.engine.sources.clip import Clip
from phosphene.engine.sources.still import Still
from tests.decoded_styles import small_vqvae

FPS = 24
SIZES = (Size(64, 36), Size(37, 91), Size(16, 16))


def cppn(passes: Passes) -> Generator:
    style = load_style(list_styles("cppn")[0])
    return CppnGenerator(style, CpuBackend().open(style, SIZES[0]), passes)


def vqvae(passes: Passes) -> Generator:
    """A decoder with random weights, and random loops."""
    net = VqvaeNetwork(rows=3, columns=5, codes=16, dim=8, widths=(16, 8), blocks=1, loops=2, frames=6, beats=4)
    rng = np.random.default_rng(1)
    weights = {name: rng.standard_normal(shape).astype(np.float32) * 0.4 for name, shape in net.tensors.items()}
    weights["loops"] = rng.integers(0, 16, net.tensors["loops"]).astype(np.float32)
    meta = StyleMeta(version=1, name="Loops", kind="vqvae", seed=1, licence="CC0-1.0", network=net)
    style = Style("loops", "Loops", "vqvae", net, weights, meta)
    return vqvae_generator(style, OnnxBackend().open(style, SIZES[0]), passes, None, False)


def gan(passes: Passes) -> Generator:
    """As offline: every frame is decoded, so that pictures repeat."""
    net = GanNetwork(widths=(12, 8, 8), style=8, mapped=8)
    rng = np.random.default_rng(5)
    fans = {k: max(1, int(np.prod(shape[1:]))) for k, shape in net.tensors.items()}
    weights = {k: (rng.standard_normal(s) / np.sqrt(fans[k])).astype(np.float32) for k, s in net.tensors.items()}
    meta = StyleMeta(version=1, name="Tiny", kind="gan", seed=4, licence="CC0-1.0", network=net)
    style = Style("tiny", "Tiny", "gan", net, weights, meta)
    return gan_generator(style, OnnxBackend().open(style, SIZES[0]), passes, None, False)


def isf(passes: Passes) -> Generator:
    style = load_style("shader:loom")
    return isf_generator(style, ReadyShader(style.spec, {}), passes, None, False)


def image(passes: Passes) -> Generator:
    """A still picture, seen through a codebook by half."""
    picture = np.random.default_rng(3).integers(0, 256, (45, 80, 3), np.uint8)
    return _source("image", Still(picture), passes)


def clip(passes: Passes) -> Generator:
    """Eight pictures that go round in four bars."""
    rng = np.random.default_rng(4)
    return _source("clip", Clip(list(rng.integers(0, 256, (8, 45, 80, 3), np.uint8)), np.arange(8) / 8, 1.0), passes)


def _source(kind: str, frames: Frames, passes: Passes) -> Generator:
    source = Source(kind, None, "0", "loops", True)
    meta = StyleMeta(version=1, name="Seen", kind=kind, seed=0, licence="", network=SourceNetwork(kind=kind))
    style = Style("seen", "Seen", kind, source, {}, meta)
    return _Through(style, ReadySource(frames, Codebook(small_vqvae())), passes)


class _Through(SourceGenerator):
    """Shows half of it through the codebook, where nothing else is asked."""

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        super().render(frame, signals, {"through": 0.5} | dict(params), target)


class _Both(LayeredGenerator):
    """A deck's own style and two of acts in the middle of a change; they are closed with it here."""

    def __init__(self, passes: Passes) -> None:
        super().__init__(passes, self._raised)
        self._held = [cppn(passes), isf(passes), vqvae(passes)]
        self.use(self._held[0], {"loom": self._held[1], "loops": self._held[2]})
        self.shares = (("", 0.3), ("loom", 0.4), ("loops", 0.3))

    def _raised(self, style: str, error: Exception) -> None:
        raise AssertionError(style) from error

    def close(self) -> None:
        super().close()
        for each in self._held:
            each.close()


GENERATORS: dict[str, Callable[[Passes], Generator]] = {
    "cppn": cppn,
    "gan": gan,
    "vqvae": vqvae,
    "isf": isf,
    "image": image,
    "clip": clip,
    "idle": lambda passes: Idle(),
    "layers": _Both,
}


def heard(k: int, level: float) -> Signals:
    record = np.zeros((), FEATURES)
    record["t_adc"], record["onset_time"], record["active"] = k / FPS, -np.inf, 1.0
    for name in NORMALISED:
        record["norm"][name] = level
    return signals_at(k / FPS, [record[()]], BeatPosition(k / 12, 120.0, 1.0))


def frame(k: int) -> Frame:
    return Frame(k, k / FPS, k / FPS, 1 / FPS, FPS)


def play(
    make: Callable[[Passes], Generator], size: Size, frames: int = 4, level: float = 0.5, **params: float
) -> np.ndarray:
    passes, target = Passes(), RenderTarget(size)
    generator = make(passes)
    for k in range(frames):
        generator.render(frame(k), heard(k, level), params, target)
    picture = target.read()
    generator.close()
    generator.close()
    target.close()
    passes.close()
    return picture


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_finite_opaque_light_of_the_size_asked_for(gl, name: str, size: Size) -> None:
    picture = play(GENERATORS[name], size)
    assert picture.shape == (size.height, size.width, 4)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0.0
    assert np.allclose(picture[..., 3], 1.0)
    assert picture[..., :3].std() > 1e-3, "a picture, not a blank"


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_values_give_the_same_picture(gl, name: str) -> None:
    assert np.array_equal(play(GENERATORS[name], SIZES[0]), play(GENERATORS[name], SIZES[0]))


@pytest.mark.parametrize("name", GENERATORS)
def test_parameters_at_their_ends_and_unknown_ones(gl, name: str) -> None:
    params = GENERATORS[name](Passes()).params
    for ends in ({p.name: p.minimum for p in params}, {p.name: p.maximum for p in params}, {"wobble": 3.0}):
        assert np.isfinite(play(GENERATORS[name], SIZES[0], level=1.0, **ends)).all()


@pytest.mark.parametrize("name", GENERATORS)
def test_size_may_change_from_frame_to_frame(gl, name: str) -> None:
    passes, target = Passes(), RenderTarget(SIZES[0])
    generator = GENERATORS[name](passes)
    for k, size in enumerate((*SIZES, *SIZES)):
        target.resize(size)
        generator.render(frame(k), heard(k, 0.5), {}, target)
        assert target.size == size
        assert np.isfinite(target.read()).all()
    generator.close()
    target.close()
    passes.close()


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "idle"])
def test_a_fresh_one_goes_on_where_another_one_stood(gl, name: str) -> None:
    """What a take stores of it, through JSON, is all that its next picture depends on."""
    passes, target = Passes(), RenderTarget(SIZES[0])
    played, fresh = (GENERATORS[name](passes) for _ in range(2))
    assert isinstance(played, Played)
    assert isinstance(fresh, Played)
    params = {"speed": 1.5, "depth": 0.8, "fly": 0.5}
    for k in range(6):
        played.render(frame(k), heard(k, 0.2 * k), params, target)
    fresh.resume(json.loads(json.dumps(played.memory())))
    pictures = []
    for each in (played, fresh):
        each.render(frame(6), heard(6, 0.9), params, target)
        pictures.append(target.read())
        each.close()
    assert np.array_equal(*pictures)
    target.close()
    passes.close()


@pytest.mark.parametrize("name", GENERATORS)
def test_what_it_can_do_besides_is_said_in_one_record(gl, name: str) -> None:
    passes = Passes()
    generator = GENERATORS[name](passes)
    can = generator.capabilities
    assert can.storage in FORMATS
    assert (can.pairing, can.gpu_ms, can.staging_reason) == (None, 0.0, ""), "nothing here runs on a GPU of its own"
    target = RenderTarget(SIZES[0])
    assert not generator.render_dissolve(generator, frame(0), heard(0, 0.5), ({}, {}), (0.5, 0.5), target)
    for each in (generator, target, passes):
        each.close()


@pytest.mark.parametrize("name", [name for name in GENERATORS if name not in ("idle", "isf")])  # a shader has its own space
def test_the_camera_flies_through_every_kind_of_style(gl, name: str) -> None:
    """With time standing still: what moves is where the picture is asked or read."""
    for kind in (0.0, 1.0, 2.0, 3.0):
        still = {"speed": 0.0, "react": 0.0, "depth": 1.0, "projection": kind}
        begun, flown = (play(GENERATORS[name], SIZES[0], **still, fly=fly) for fly in (0.0, 0.5))
        assert np.abs(flown - begun).mean() > 1e-3, kind


def test_time_moves_them(gl) -> None:
    for name, make in GENERATORS.items():
        early, late = play(make, SIZES[0], frames=1), play(make, SIZES[0], frames=48)
        assert np.abs(late - early).mean() > 1e-3, name

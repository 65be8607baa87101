"""Decoded networks on a CUDA GPU, by torch and by TensorRT: the CPU's float32 pictures, replayed or not, at any aspect."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.backends.decoders import OnnxDecoder
from phosphene.engine.backends.plan_build import build
from phosphene.engine.backends.plans import PlanStore, recipe_of
from phosphene.engine.backends.select import installed_backends, open_style
from phosphene.engine.backends.tensorrt import TensorRTBackend
from phosphene.engine.backends.torch import TorchBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style
from tests.decoded_styles import small_gan, small_vqvae

pytest.importorskip("onnxruntime")

SCREEN = Size(1280, 720)
LIMIT = 1.0 / 255.0
# The first GAN is too steep for half and runs in float32, the others in half.
STYLES = {"gan in float32": small_gan(), "gan": small_gan(0.01), "vqvae": small_vqvae()}


@pytest.fixture(params=STYLES)
def style(request) -> Style:
    return STYLES[request.param]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> PlanStore:
    return PlanStore(tmp_path_factory.mktemp("plans"))


@pytest.fixture(params=["torch", "tensorrt"])
def decoder(request, cuda, style, store):
    """The style on the GPU by one library, or a skip that says why there is none."""
    backend = TorchBackend() if request.param == "torch" else TensorRTBackend(store=store)
    if reason := backend.refusal():
        pytest.skip(reason)
    if request.param == "tensorrt" and store.find(style, backend.machine(), SCREEN) is None:
        header = build(style, recipe_of(style, 1, 2, 1), backend.machine(), store)
        assert header.recipe.numbers.startswith("float32" if style is STYLES["gan in float32"] else "half")
    opened = backend.open(style, SCREEN)
    assert opened.name == request.param
    yield opened
    opened.close()
    opened.close()


def check(picture: np.ndarray, wanted: np.ndarray) -> None:
    assert (picture.shape, picture.dtype) == (wanted.shape, np.float32)
    assert wanted.std() > 0.01
    assert np.percentile(np.abs(picture - wanted), 99) <= LIMIT


@pytest.mark.timeout(600)
def test_pictures_are_float32s_and_repeat(decoder, style):
    exact, rng = OnnxDecoder(style), np.random.default_rng(3)
    first, second = style.spec.trial(rng), style.spec.trial(rng)
    seen = [decoder.decode(inputs) for inputs in (first, second, first, second)]
    for picture, inputs in zip(seen, (first, second, first, second), strict=True):
        check(picture, exact.decode(inputs))
    assert np.array_equal(seen[0], seen[2])
    assert not np.array_equal(seen[0], seen[1])
    assert decoder._graph is not None, getattr(decoder, "eager_reason", "not recorded")


@pytest.mark.timeout(600)
def test_a_latent_of_another_screen(decoder, style):
    exact = OnnxDecoder(style)
    for aspect in (1.0, 9 / 16, 3.5, 16 / 9):
        inputs = style.spec.trial(np.random.default_rng(1))
        shape = (inputs["z"].shape[0], *style.spec.grid_for(aspect))
        inputs["z"] = np.random.default_rng(2).standard_normal(shape)
        for _ in range(3):
            check(decoder.decode(inputs), exact.decode(inputs))


def test_on_a_gpu_torch_goes_before_onnxruntime(cuda):
    if reason := TorchBackend().refusal():
        pytest.skip(reason)
    decoder, selection = open_style(STYLES["vqvae"], SCREEN, installed_backends(""), excluded=frozenset({"tensorrt"}))
    assert selection.name == "torch"
    decoder.close()


def test_a_style_that_never_had_a_plan_is_refused(cuda, tmp_path):
    backend = TensorRTBackend(store=PlanStore(tmp_path))
    if reason := backend.refusal():
        pytest.skip(reason)
    assert "vj engines build loops" in backend.refusal(STYLES["vqvae"])
    with pytest.raises(UserError, match="no plan was built"):
        backend.open(STYLES["vqvae"], SCREEN)

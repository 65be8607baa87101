"""The torch decoder in half, on the CPU: its arithmetic, and when float32 is taken instead. Graphs are for `tests/gpu`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.backends.decoders import KINDS, OnnxDecoder
from phosphene.engine.backends.torch import TorchBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.gpu.cuda import cuda_refusal
from tests.decoded_styles import small_gan, small_vqvae

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from phosphene.engine.backends import torch_decode  # noqa: E402
from phosphene.engine.backends.decoded_onnx import half_error, trials  # noqa: E402
from phosphene.engine.backends.torch_decode import LIMIT, TorchDecoder, open_in_half  # noqa: E402


def test_half_is_off_by_what_half_is_and_float32_is_not(tiny_vqvae):
    exact = OnnxDecoder(tiny_vqvae).trial
    half, full = TorchDecoder(tiny_vqvae, half=True), TorchDecoder(tiny_vqvae)
    assert exact.std() > 0.01
    assert 0.02 / 255 < np.percentile(np.abs(half.trial - exact), 99) <= LIMIT
    assert np.abs(full.trial - exact).max() < 0.01 / 255
    assert half._tensors["in.weight"].is_contiguous(memory_format=torch.channels_last)
    half.close()
    half.close()


@pytest.mark.parametrize("style", [small_gan(), small_gan(0.01), small_vqvae()], ids=["steep", "gan", "vqvae"])
def test_what_a_plan_in_half_is_expected_to_be_off_by_is_what_torchs_half_is(style):
    half, full = TorchDecoder(style, half=True), TorchDecoder(style)
    worst = max(np.percentile(np.abs(half.decode(inputs) - full.decode(inputs)), 99) for inputs in trials(style))
    # Torch's half on a CPU sums in half or in float32, as the CPU has instructions for it: 0.82 to 1.01 have been seen.
    assert 0.7 < half_error(style) / worst < 1.4


def test_half_where_it_holds_and_float32_where_not(tiny_vqvae, tiny_gan):
    assert open_in_half(tiny_vqvae, "cpu")._dtype is torch.float16
    decoder = open_in_half(tiny_gan, "cpu")
    assert decoder._dtype is torch.float32
    inputs = tiny_gan.spec.trial(np.random.default_rng(3))
    assert np.abs(decoder.decode(inputs) - OnnxDecoder(tiny_gan).decode(inputs)).max() < 0.5 / 255


def test_half_that_overflows_is_float32(tiny_vqvae):
    # relu(1e6 + x) is 1e6 for every cell, which the next layer's weights bring back: only half cannot hold it.
    weights = tiny_vqvae.weights | {"in.bias": np.full(16, 1e6, np.float32)}
    weights["levels.0.weight"] = weights["levels.0.weight"] * np.float32(1e-6)
    assert open_in_half(replace(tiny_vqvae, weights=weights), "cpu")._dtype is torch.float32


def test_a_gpu_that_paints_something_else_is_refused_with_both_reasons(tiny_vqvae, monkeypatch):
    class Elsewhere(TorchDecoder):
        def __init__(self, style, device="cpu", *, half=False):
            super().__init__(style, half=half)
            self.trial = self.trial + np.float32(0.1) * (device != "cpu")

    monkeypatch.setattr(torch_decode, "TorchDecoder", Elsewhere)
    with pytest.raises(UserError, match=r"change the picture.*half is off by 25\.\d/255; float32 is off by 25\.5/255"):
        open_in_half(tiny_vqvae, "gpu")


@pytest.mark.skipif(cuda_refusal() is None, reason="this machine has CUDA")
def test_cuda_is_the_torch_backends_and_says_why_it_is_not_there(tiny_gan):
    assert TorchBackend().kinds > KINDS
    assert TorchBackend().refusal(tiny_gan)
    with pytest.raises(UserError):
        TorchBackend().open(tiny_gan, None)

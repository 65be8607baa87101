"""The torch backend's arithmetic on the CPU, in float32, against the CPU backend; and what it says where there is no CUDA."""

from __future__ import annotations

import numpy as np
import pytest

from engine.backends.cpu import CpuProgram
from engine.backends.torch import LIMIT, Network, TorchBackend, TorchProgram, trial
from engine.core.errors import UserError
from engine.core.frame import Size
from engine.gpu.cuda import cuda_refusal, driver_refusal
from engine.gpu.texture import RenderTarget
from engine.models.encoding import SPATIAL_INPUTS, View
from engine.models.style import load_style
from tests.contract.test_backends import SIZES, VIEWS, make_style, uniforms_of

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", SIZES)
def test_every_spatial_input_and_activation_is_the_cpus(size, view):
    for spatial in (SPATIAL_INPUTS[:6], SPATIAL_INPUTS[6:13], SPATIAL_INPUTS[13:]):
        style = make_style(width=24, spatial=spatial, gain=0.4)
        program = TorchProgram(style, "cpu")
        uniforms = uniforms_of(style)
        got, want = program.evaluate(uniforms, size, view), CpuProgram(style).evaluate(uniforms, size, view)
        assert want.std() > 0.01
        assert np.abs(got - want).max() < 1e-3 / 255
        program.close()
        program.close()


def test_a_trained_style_is_the_cpus_within_a_level():
    style = load_style("acid-spiral")
    assert trial(TorchProgram(style, "cpu"), style) <= LIMIT


def test_chunks_do_not_change_the_picture_and_rows_are_opengls():
    style, size = make_style(width=16), Size(37, 21)
    whole, parts = (Network(style, "cpu", torch.float32, chunk) for chunk in (10_000, 100))
    for network in (whole, parts):
        network.resize(size)
        network.feed(np.full(16, 0.3, np.float32), View(rotate=0.1))
        network.forward()
    assert torch.allclose(whole.picture, parts.picture, atol=1e-6)
    rgba = whole.rgba.numpy().reshape(size.height, size.width, 4)
    assert (rgba[..., 3] == 255).all()
    np.testing.assert_array_equal(
        rgba[..., :3], np.floor(whole.picture.numpy().reshape(size.height, size.width, 3) * 255 + 0.5)
    )


def test_the_hidden_layers_take_the_dtype_they_are_given():
    style = make_style(width=16, gain=0.4)
    network = Network(style, "cpu", torch.bfloat16)
    network.resize(SIZES[0])
    network.feed(np.zeros(16, np.float32), View())
    network.forward()
    exact = CpuProgram(style)
    want = exact.evaluate(np.zeros(len(style.spec.uniform)), SIZES[0])
    # Not what the zero bias gives, which leaves out b0: only that the picture is finite, in range, and not float32's to the bit.
    picture = network.picture.numpy()
    assert np.isfinite(picture).all()
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0
    assert picture.shape == (want.shape[0] * want.shape[1], 3)


@pytest.mark.skipif(cuda_refusal() is None, reason="this machine has CUDA")
def test_without_cuda_it_says_why_and_draws_nothing():
    reason = TorchBackend().refusal()
    assert reason
    assert "\n" not in reason
    if driver_refusal():
        assert "no NVIDIA driver" in reason
    with pytest.raises(UserError):
        TorchBackend().open(make_style(), SIZES[0])


def test_a_program_on_the_cpu_does_not_draw(gl):
    program = TorchProgram(make_style(), "cpu")
    target = RenderTarget(SIZES[0])
    with pytest.raises(UserError, match="draws nothing"):
        program.run(np.zeros(10), SIZES[0], View(), target)
    target.close()

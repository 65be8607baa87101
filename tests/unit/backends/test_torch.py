"""The torch backend's arithmetic on the CPU, in float32, against the CPU backend; and what it says without CUDA."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.torch import LIMIT, Network, TorchBackend, TorchProgram, trial
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import cuda_refusal, driver_refusal
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import SPATIAL_INPUTS, View, fold_bias
from phosphene.engine.models.style import load_style
from tests.contract.test_backends import PROJECTIONS, SIZES, VIEWS, make_style, uniforms_of

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


def test_every_projection_is_the_cpus_and_flat_again_after_it():
    style, size = make_style(width=24, spatial=("x", "fold3_x", "radius"), gain=0.4), SIZES[0]
    program, uniforms = TorchProgram(style, "cpu"), uniforms_of(style)
    flat = program.evaluate(uniforms, size, View(zoom=1.3)).copy()
    for projection in PROJECTIONS:
        view = View(zoom=1.2, rotate=0.06, pan_x=0.1, projection=projection)
        got, want = program.evaluate(uniforms, size, view), CpuProgram(style).evaluate(uniforms, size, view)
        assert want.std() > 0.01
        assert np.abs(got - want).max() < 0.01 / 255
    assert np.array_equal(flat, program.evaluate(uniforms, size, View(zoom=1.3)))
    program.close()


def test_a_trained_style_is_the_cpus_within_a_level():
    style = load_style("ruby-rings")
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
    levels = np.floor(whole.picture.numpy().reshape(size.height, size.width, 3) * 255 + 0.5)
    np.testing.assert_array_equal(rgba[..., :3], levels)


def test_the_hidden_layers_take_the_dtype_they_are_given():
    """With bfloat16, which the CPU has: off by more than float32 ever is, and by no more than a few levels."""
    style, size = make_style(width=16, layers=2, gain=0.3), SIZES[0]
    uniforms, columns = uniforms_of(style), style.spec.columns(style.spec.uniform)
    network = Network(style, "cpu", torch.bfloat16)
    network.resize(size)
    network.feed(fold_bias(*style.weights[0], columns, uniforms, style.spec.periodic), View())
    network.forward()
    got = network.picture.numpy().reshape(size.height, size.width, 3)[::-1]
    error = np.abs(got - CpuProgram(style).evaluate(uniforms, size)).max() * 255
    assert 0.01 < error < 4.0


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

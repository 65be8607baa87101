"""The fused backend without a GPU: end to end on a driver of host memory, and what it refuses; `tests/gpu` has the rest."""

from __future__ import annotations

import pytest

from phosphene.engine.backends import cuda as backend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.compile import compile_cubin
from phosphene.engine.gpu.cuda import package_found
from phosphene.engine.gpu.cuda_base import DeviceInfo
from phosphene.kernels.cppn_fused.shape import Shape
from phosphene.kernels.cppn_fused.source import build
from tests.contract.host_driver import ask
from tests.contract.host_driver import build as build_driver
from tests.contract.test_backends import make_style


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, str]:
    """What the backend's process says on the driver of host memory."""
    if not package_found("cuda.bindings"):
        pytest.skip("cuda-bindings is not installed")
    folder = tmp_path_factory.mktemp("driver")
    if reason := build_driver(folder):
        pytest.skip(reason)
    return ask("backend", folder)


@pytest.mark.gl
@pytest.mark.parametrize("question", ["rgba8", "rgba16f", "pair", "generator", "kernels"])
def test_end_to_end_with_the_kernel_emulated(answers, question):
    assert answers[question] == ""


@pytest.mark.skipif(not package_found("cuda.core"), reason="cuda-core is not installed")
@pytest.mark.parametrize("variant", ["fp16", "fp16_acc32", "fp32"])
def test_the_kernels_source_is_taken_by_the_run_time_compiler_as_we_call_it(tmp_path, monkeypatch, variant):
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path))
    for pair in (False, True):
        program = build(Shape(("x", "y", "radius"), 32, ("sin", "gauss", "tanh")), variant, pair)
        image = compile_cubin(program.source, "sm_89", "cppn_fused", ftz=True)
        assert image[:4] == b"\x7fELF"
        assert b"cppn_paint" in image
    assert set(program.options(89)) == {"--gpu-architecture=sm_89", "--std=c++17", "--ftz=true"}  # what compile_cubin gives


def a_gpu(major: int, minor: int) -> DeviceInfo:
    return DeviceInfo(0, "a GPU", (major, minor), 20, 1500, 2**32, 13000)


class Opened:
    """What `open_cuda` gives."""

    def __init__(self, device: DeviceInfo) -> None:
        self.device = device


def test_old_gpus_are_refused_and_older_ones_get_the_kernel_without_tensor_cores(monkeypatch):
    made = backend.CudaBackend()
    assert made.variants(a_gpu(8, 9)) == ["fp16", "fp16_acc32", "fp32"]
    assert made.variants(a_gpu(7, 5)) == ["fp32"]
    monkeypatch.setattr(backend, "driver_refusal", lambda: None)
    monkeypatch.setattr(backend, "cuda_refusal", lambda: None)
    monkeypatch.setattr(backend, "open_cuda", lambda: Opened(a_gpu(6, 1)))
    assert made.refusal() == "a GPU has compute capability 6.1, at least 7.5 is needed"
    monkeypatch.setattr(backend, "open_cuda", lambda: Opened(a_gpu(7, 5)))
    assert made.refusal() is None


def test_a_style_that_no_variant_paints_right_is_refused_with_every_reason(monkeypatch):
    class Fails:
        def __init__(self, style, cuda, kernels, max_size, renderer, variant) -> None:
            if variant == "fp16":
                raise ValueError("w1: a weight is beyond 65504.0")
            self.closed = False

        def close(self) -> None:
            closed.append(self)

    closed: list[Fails] = []
    cuda = Opened(a_gpu(8, 9))
    cuda.activate = lambda: None
    monkeypatch.setattr(backend, "open_cuda", lambda: cuda)
    monkeypatch.setattr(backend, "CudaProgram", Fails)
    monkeypatch.setattr(backend, "trial", lambda program, style: 7.3 / 255)
    with pytest.raises(UserError, match="refuses the style") as error:
        backend.CudaBackend().open(make_style(), Size(64, 36))
    assert error.value.got == (
        "fp16: w1: a weight is beyond 65504.0; fp16_acc32: off by 7.3/255 (99th percentile; limit 1/255); "
        "fp32: off by 7.3/255 (99th percentile; limit 1/255)"
    )
    assert len(closed) == 2

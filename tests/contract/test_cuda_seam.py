"""One suite for every binding of the CUDA seam, on a GPU; and what can be held without one.

Without a GPU: every call through cuda-python arrives at a driver that is made of host memory (`host_driver/`), every name
that we use exists with that many arguments, source compiles and is cached, and refusals are lines for people.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.backends.select import ORDER, installed_backends
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu import cuda as seam
from phosphene.engine.gpu.compile import compile_cubin
from phosphene.engine.gpu.cuda_base import NO_INTEROP, CudaError
from phosphene.engine.gpu.interop import Bridge
from phosphene.engine.gpu.texture import RenderTarget
from tests.contract.host_driver import ask, build
from tests.contract.host_driver.calls import AFFINE, CALLS

ROOT = Path(__file__).resolve().parents[2]
HOST_CALLS = ("opened", *CALLS, "refusal", "closed")
NO_BINDINGS = not seam.package_found("cuda.bindings")
needs_bindings = pytest.mark.skipif(NO_BINDINGS, reason="cuda-bindings is not installed")


# --- on a GPU ---


@pytest.fixture(params=["cuda-python", "pycuda"])
def gpu(request, monkeypatch):
    """The first GPU by one binding, or a skip that says why not."""
    monkeypatch.setenv("PHOSPHENE_CUDA", request.param)
    try:
        cuda = seam._open(0)
    except UserError as error:
        pytest.skip(error.line())
    yield cuda
    cuda.close()


@pytest.mark.gpu
@pytest.mark.parametrize("call", [name for name in CALLS if name != "shared_texture"])
def test_what_a_binding_does_on_a_gpu(gpu, call):
    CALLS[call](gpu, compile_cubin(AFFINE, gpu.device.arch), 0)


@pytest.mark.gpu
def test_a_texture_is_shared_or_the_reason_is_known(gpu, gl):
    target = RenderTarget(Size(64, 64), "rgba8")
    try:
        CALLS["shared_texture"](gpu, b"", target.texture)
    except CudaError as error:
        if error.interop_refusal is None:
            raise
        pytest.skip(f"no sharing here: {error.interop_refusal}")
    finally:
        target.close()


@pytest.mark.gpu
def test_the_context_is_the_one_that_torch_uses(gpu):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensor = torch.arange(1000, dtype=torch.float32, device=f"cuda:{gpu.device.ordinal}")
    torch.cuda.synchronize()
    stream = gpu.stream()
    back = np.empty(1000, np.float32)

    class Borrowed:
        address, nbytes = tensor.data_ptr(), 4000

    stream.download(back, Borrowed())
    stream.synchronize()
    np.testing.assert_array_equal(back, np.arange(1000))
    assert float(tensor.sum()) == 499500.0  # torch goes on as before
    stream.close()


# --- on a driver that is made of host memory ---


@pytest.fixture(scope="module")
def host_answers(tmp_path_factory) -> dict[str, str]:
    """What a process on that driver says: {call: what went wrong, or nothing}."""
    if NO_BINDINGS:
        pytest.skip("cuda-bindings is not installed")
    folder = tmp_path_factory.mktemp("driver")
    if reason := build(folder):
        pytest.skip(reason)
    return ask("seam", folder)


@pytest.mark.parametrize("call", HOST_CALLS)
def test_what_cuda_python_is_given_arrives_at_the_driver(host_answers, call):
    assert host_answers.pop(call) == ""


# --- without any driver ---


def _calls(path: str, owners: tuple[str, ...]) -> dict[str, set[int]]:
    """Return {name: numbers of arguments} of the calls in `path` of attributes of `owners`; -1 where `*` hides it."""
    found: dict[str, set[int]] = {}
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        owner = owner.func if isinstance(owner, ast.Call) else owner  # _driver().cuX(...)
        if isinstance(owner, ast.Name) and owner.id in owners:
            number = -1 if any(isinstance(a, ast.Starred) for a in node.args) else len(node.args)
            found.setdefault(node.func.attr, set()).add(number)
    return found


@needs_bindings
def test_every_driver_call_exists_with_that_many_arguments():
    from cuda.bindings import driver

    calls = _calls("engine/gpu/cuda_python.py", ("cu", "_driver"))
    assert len(calls) > 40
    for name, numbers in calls.items():
        function = getattr(driver, name)
        if isinstance(function, type):  # a struct
            continue
        inside = re.match(rf"{name}\((.*?)\)\n", (function.__doc__ or "") + "\n", re.S)[1]
        wanted = len(re.sub(r"\[.*?\]", "", inside).split(",")) if inside.strip() else 0
        assert numbers <= {wanted, -1}, f"{name}: {numbers}, and it takes {wanted}"
    # The one call with a star: function, 3 + 3 for grid and block, shared memory, stream, arguments, extra.
    assert calls["cuLaunchKernel"] == {-1}
    assert len(re.match(r"cuLaunchKernel\((.*?)\)\n", driver.cuLaunchKernel.__doc__, re.S)[1].split(",")) == 11


@needs_bindings
def test_the_errors_that_mean_no_sharing_are_those_of_the_driver():
    from cuda.bindings import driver

    names = {code: driver.CUresult(code).name for code in NO_INTEROP}
    assert names[219] == "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT"
    assert names[304] == "CUDA_ERROR_OPERATING_SYSTEM"
    assert names[999] == "CUDA_ERROR_UNKNOWN"
    error = CudaError("cuGraphicsGLRegisterImage", 304, names[304], "OS call failed")
    assert error.interop_refusal == f"{NO_INTEROP[304]} (CUDA_ERROR_OPERATING_SYSTEM)"
    assert str(error) == "cuGraphicsGLRegisterImage: CUDA_ERROR_OPERATING_SYSTEM (OS call failed)"
    assert CudaError("cuMemAlloc", 2, "CUDA_ERROR_OUT_OF_MEMORY").interop_refusal is None


def test_pycudas_texts_are_read_back_as_numbers():
    from phosphene.engine.gpu.cuda_pycuda import _code

    assert _code("cuGraphicsGLRegisterImage failed: invalid OpenGL or DirectX context") == 219
    assert _code("cuGraphicsMapResources failed: OS call failed or operation not supported on this OS - and so on") == 304
    assert _code("cuMemAlloc failed: out of memory") == -1


@pytest.mark.skipif(not seam.package_found("cuda.core"), reason="cuda-core is not installed")
class TestCompile:
    """NVRTC needs no GPU."""

    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
        self.entries = tmp_path / "cache/cuda/entries"

    def files(self) -> list[Path]:
        return [path for path in self.entries.rglob("*") if path.is_file()]

    def test_source_becomes_a_cubin_and_is_kept(self):
        first = compile_cubin(AFFINE, "sm_86")
        assert first[:4] == b"\x7fELF"
        assert b"affine" in first
        assert [path.read_bytes() for path in self.files()] == [first]
        assert compile_cubin(AFFINE, "sm_86") == first
        assert len(self.files()) == 1
        compile_cubin(AFFINE, "sm_89")
        compile_cubin(AFFINE, "sm_86", ftz=True)
        compile_cubin(AFFINE + "\n", "sm_86")
        assert len(self.files()) == 4  # by source, options and architecture

    def test_a_fault_is_named_with_its_line(self):
        with pytest.raises(UserError, match="does not compile") as error:
            compile_cubin('extern "C" __global__ void k() {\n  nothing();\n}', "sm_86", "broken")
        assert error.value.where == "broken, sm_86"
        assert "broken(2): error" in error.value.got
        assert self.files() == []

    def test_a_cache_that_cannot_be_written_costs_the_cache_only(self, tmp_path, monkeypatch):
        blocked = tmp_path / "a file"
        blocked.write_text("")
        monkeypatch.setenv("PHOSPHENE_CACHE", str(blocked))
        assert compile_cubin(AFFINE, "sm_86")[:4] == b"\x7fELF"

    def test_a_gpu_that_the_compiler_does_not_know_gets_what_was_built_before(self):
        assert compile_cubin(AFFINE, "sm_999", prebuilt=lambda arch: f"for {arch}".encode()) == b"for sm_999"
        with pytest.raises(UserError, match="no compiler for device code"):
            compile_cubin(AFFINE, "sm_999")


def test_an_unknown_binding_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(seam, "driver_refusal", lambda: None)
    monkeypatch.setenv("PHOSPHENE_CUDA", "abacus")
    with pytest.raises(UserError, match="no such CUDA binding") as error:
        seam._open(0)
    assert error.value.allowed == "cuda-python, pycuda"


def test_a_binding_that_is_missing_or_broken_is_named(monkeypatch):
    def broken(ordinal: int):
        raise CudaError("cuInit", 100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected")

    monkeypatch.setattr(seam, "driver_refusal", lambda: None)
    monkeypatch.delenv("PHOSPHENE_CUDA", raising=False)
    monkeypatch.setattr(seam, "_BINDINGS", {"cuda-python": ("json", broken), "pycuda": ("no_such.package", broken)})
    with pytest.raises(UserError) as error:
        seam._open(0)
    assert "cuda-python: cuInit: CUDA_ERROR_NO_DEVICE" in error.value.got
    assert "pycuda is not installed" in error.value.got


@pytest.mark.skipif(seam.driver_refusal() is None, reason="this machine has an NVIDIA driver")
def test_without_a_driver_every_backend_on_cuda_says_so_and_loads_nothing():
    backends = installed_backends("llvmpipe")
    for name in ("cuda", "torch"):
        reason = backends[name].refusal()
        assert "no NVIDIA driver (libcuda.so.1 cannot be loaded)" in reason or "macOS" in reason
        assert name in ORDER
    code = (
        "import sys; from phosphene.engine.backends.select import installed_backends\n"
        "[b.refusal() for b in installed_backends('llvmpipe').values() if b.name != 'cpu-bf16']\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'cuda', 'pycuda', 'tensorrt'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip() == "[]", done.stderr


class Refusing:
    """A GPU whose driver shares no texture; its memory is an array."""

    def __init__(self, code: int) -> None:
        self.code, self.tried = code, 0

    def texture(self, texture: int, *, writes: bool):
        self.tried += 1
        raise CudaError("cuGraphicsGLRegisterImage", self.code, "CUDA_ERROR")

    def host_buffer(self, nbytes: int):
        class Host:
            array = np.zeros(nbytes, np.uint8)

            def close(self) -> None:
                self.array = np.zeros(0, np.uint8)

        return Host()


class Memory:
    """Its buffers and streams."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def download(self, target: np.ndarray, source: Memory) -> None:
        target[:] = source.array.reshape(-1)[: target.size]

    def synchronize(self) -> None:
        """Nothing is under way."""


@pytest.mark.parametrize("code", sorted(NO_INTEROP))
def test_where_nothing_is_shared_the_picture_goes_through_host_memory_with_the_reason(gl, code):
    cuda, size = Refusing(code), Size(20, 6)
    picture = np.random.default_rng(code).integers(0, 256, (size.height, size.width, 4)).astype(np.uint8)
    bottom_first = Memory(np.ascontiguousarray(picture[::-1]))
    bridge, target = Bridge(cuda), RenderTarget(Size(2, 2), "rgba8")
    for _ in range(2):
        bridge.resize(target, size)
        bridge.show(bottom_first, target, bottom_first)
        np.testing.assert_array_equal(np.rint(target.read() * 255).astype(np.uint8), picture)
    assert cuda.tried == 1
    assert bridge.reason.startswith(NO_INTEROP[code])
    bridge.close()
    target.close()


def test_a_fault_that_is_not_about_sharing_comes_out(gl):
    bridge, target = Bridge(Refusing(700)), RenderTarget(Size(4, 4), "rgba8")
    with pytest.raises(CudaError):
        bridge.show(Memory(np.zeros(64, np.uint8)), target, None)
    assert bridge.reason == ""
    with pytest.raises(ValueError, match="rgba8"):
        bridge.show(Memory(np.zeros(64, np.uint8)), RenderTarget(Size(4, 4)), None)
    target.close()

"""The TensorRT decoder end to end, without a GPU: real bindings and our own code; the library by a stand-in.

A process of its own, started by `tests/unit/backends/test_tensorrt_decode.py`. A plan is the very ONNX file that a build
would be given, behind a line with its sizes; onnxruntime runs it on the addresses that the decoder has named. What the
library is asked is held against its list of names in `test_tensorrt_api.py`. Prints {question: what went wrong, or nothing}.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import json
import math
import sys
import tempfile
import traceback
import types
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from phosphene.engine.backends import decoded_onnx, tensorrt
from phosphene.engine.backends.decoders import KINDS, OnnxBackend, OnnxDecoder
from phosphene.engine.backends.plans import Header, PlanStore, recipe_of
from phosphene.engine.backends.select import ORDER, open_style
from phosphene.engine.backends.tensorrt_decode import TensorRTDecoder
from phosphene.engine.backends.torch_decode import TorchDecodeBackend
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda_python import CudaPython
from phosphene.engine.models.graph import OUTPUT
from phosphene.engine.models.style import Style
from tests.decoded_styles import small_gan, small_vqvae

SCREEN = Size(1280, 720)
replays: list[int] = []  # how often each recorded graph was launched


class DataType(Enum):
    FLOAT, HALF, INT64, UINT8 = range(4)


class ILogger:
    WARNING, ERROR = 2, 1


class Engine:
    def __init__(self, plan: bytes) -> None:
        first, _, model = plan.partition(b"\n")
        self.free, self.shapes = json.loads(first)
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.inputs = {each.name: each for each in self.session.get_inputs()}
        self.names = [*self.inputs, OUTPUT]
        self.num_io_tensors = len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_dtype(self, name: str) -> DataType:
        kinds = {each.name: each.type for each in (*self.inputs.values(), *self.session.get_outputs())}
        return {"tensor(float)": DataType.FLOAT, "tensor(float16)": DataType.HALF}[kinds[name]]

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[list[int]]:
        assert (name, profile) == (self.free, 0)
        return self.shapes

    def create_execution_context(self) -> Context:
        return Context(self)


class Context:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.addresses = engine, {}
        self.shapes = {name: each.shape for name, each in engine.inputs.items()}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self.engine.shapes
        self.shapes[name] = shape
        return all(low <= side <= high for low, side, high in zip(least, shape, most, strict=True))

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        assert name == OUTPUT
        zeros = {key: np.zeros(shape, np.float32) for key, shape in self.shapes.items()}
        return self.engine.session.run([OUTPUT], zeros)[0].shape

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return address != 0

    def execute_async_v3(self, stream: int) -> bool:
        assert stream
        given = {name: _floats(self.addresses[name], shape).copy() for name, shape in self.shapes.items()}
        picture = np.ascontiguousarray(self.engine.session.run([OUTPUT], given)[0])
        ctypes.memmove(self.addresses[OUTPUT], picture.ctypes.data, picture.nbytes)
        return True


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        assert isinstance(logger, ILogger)

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        return Engine(plan) if plan.startswith(b"[") else None


class Replay:
    """The driver of host memory records kernels only: here the work is done again."""

    def __init__(self, stream: object, work: Callable[[], None]) -> None:
        self._work, self._at = work, len(replays)
        replays.append(0)

    def launch(self, stream: object) -> None:
        replays[self._at] += 1
        self._work()

    def close(self) -> None:
        self._work = None


def _floats(address: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_float * math.prod(shape)).from_address(address)).reshape(shape)


def build(style: Style, recipe, machine, store: PlanStore, *, limit_s: float = 0.0, painted: Style | None = None) -> Header:
    """Store what a worker would be given. painted: whose weights lie in it, by mistake."""
    model = decoded_onnx.graph(painted or style, recipe.full_layers, packed=True)
    plan = json.dumps(decoded_onnx.free_shapes(style, recipe.pixels)).encode() + b"\n" + model
    return store.save(style.slug, recipe, machine, plan, refit=False, built="2026", seconds=1.0)


def made(style: Style, **options: Style) -> tensorrt.TensorRTBackend:
    """Return a backend with a plan of `style` in a store of its own."""
    backend = tensorrt.TensorRTBackend("llvmpipe", PlanStore(Path(tempfile.mkdtemp(dir=_folder.name))))
    build(style, recipe_of(style, 1, 2, 3), backend.machine(), backend.store, **options)
    return backend


def check(decoder: TensorRTDecoder, style: Style, inputs: dict[str, np.ndarray]) -> np.ndarray:
    exact = OnnxDecoder(style)
    picture, wanted = decoder.decode(inputs), exact.decode(inputs)
    assert picture.shape == wanted.shape
    assert wanted.std() > 0.01
    assert np.percentile(np.abs(picture - wanted), 99) <= 1.0 / 255.0
    return picture


def pictures(style: Style) -> None:
    """Pictures are onnxruntime's; after the trial they are replayed, with the same bits; closing twice frees once."""
    decoder = made(style).open(style, SCREEN)
    assert decoder.name == "tensorrt"
    started = len(replays)
    rng = np.random.default_rng(3)
    for _ in range(2):
        inputs = style.spec.trial(rng)
        first = check(decoder, style, inputs)
        assert np.array_equal(decoder.decode(inputs), first)
    assert replays[started:] == [4], replays  # the trial picture was queued as it is
    decoder.close()
    decoder.close()


def aspects() -> None:
    """A latent for another screen is taken as it comes, and recorded anew; one that is too large is refused."""
    style = small_gan()
    decoder = made(style).open(style, SCREEN)
    inputs = style.spec.trial(np.random.default_rng(3))
    started = len(replays)
    for aspect in (1.0, 9 / 16, 4.0, 0.25, 16 / 9):
        rows, columns = style.spec.grid_for(aspect)
        inputs["z"] = np.random.default_rng(1).standard_normal((style.spec.latent, rows, columns))
        for _ in range(3):
            assert check(decoder, style, inputs).shape == (4 * rows, 4 * columns, 3)
    assert replays[started:] == [2] * 5, replays
    inputs["z"] = np.zeros((style.spec.latent, 9, 200))
    _refused(lambda: decoder.decode(inputs), "not for such a screen")
    decoder.close()


def screens() -> None:
    """A screen that no plan is for is refused before anything is loaded; a VQ-VAE's picture fits any."""
    style = small_gan()
    backend = made(style)
    _refused(lambda: backend.open(style, Size(1920, 120)), "a latent of")
    loops = small_vqvae()
    made(loops).open(loops, Size(1920, 120)).close()


def faults() -> None:
    """A plan that paints something else is refused, one that does not load is built again, one of another kind is none."""
    style, other = small_gan(), small_gan()
    wrong = replace(other, weights=other.weights | {"out.bias": other.weights["out.bias"] + 0.5})
    _refused(lambda: made(style, painted=wrong).open(style, SCREEN), "is off by")
    backend = made(style)
    (header,) = backend.store.headers()
    backend.store.save(style.slug, header.recipe, header.machine, b"no plan", refit=False, built="2026", seconds=1.0)
    backend.open(style, SCREEN).close()
    assert len(backend.store.headers()) == 1
    loops = small_vqvae()
    assert "no plan was built for loops" in backend.refusal(loops)
    _refused(lambda: backend.open(loops, SCREEN), "no plan was built")


def choice() -> None:
    """It goes before onnxruntime and torch where it has a plan, and leaves the style to them where not."""
    style = small_gan()
    backends = {"onnx": OnnxBackend(), "torch-decode": TorchDecodeBackend(), "tensorrt": made(style)}
    decoder, selection = open_style(style, SCREEN, backends)
    assert (selection.name, selection.refused) == ("tensorrt", [])
    decoder.close()
    _, selection = open_style(small_vqvae(), SCREEN, backends)
    assert selection.name == "onnx"
    assert selection.refused[0]["name"] == "tensorrt"
    assert ORDER.index("tensorrt") < ORDER.index("torch") < ORDER.index("onnx")
    assert backends["tensorrt"].kinds > KINDS


def _refused(work: Callable[[], object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        work()


def stand_in() -> types.ModuleType:
    module = types.ModuleType("tensorrt")
    module.__spec__ = importlib.machinery.ModuleSpec("tensorrt", None)
    module.__version__ = "11.4.0"
    module.DataType, module.ILogger, module.Runtime = DataType, ILogger, Runtime
    return module


QUESTIONS: dict[str, Callable[[], None]] = {
    "gan": lambda: pictures(small_gan()),
    "gan in half": lambda: pictures(small_gan(0.01)),
    "vqvae": lambda: pictures(small_vqvae()),
    "aspects": aspects,
    "screens": screens,
    "faults": faults,
    "choice": choice,
}
_folder = tempfile.TemporaryDirectory()


def main() -> None:
    """Ask everything; what was allocated must have been freed."""
    sys.modules["tensorrt"] = stand_in()
    tensorrt.build = build
    CudaPython.graph = lambda self, stream, work: Replay(stream, work)
    driver = ctypes.CDLL("libcuda.so.1")
    said = {}
    for name, question in QUESTIONS.items():
        before = driver.host_allocated()
        try:
            question()
            left = driver.host_allocated() - before
            said[name] = f"{left} allocations were not freed" if left else ""
        except Exception:  # noqa: BLE001 boundary: the caller wants every answer
            said[name] = traceback.format_exc()
    _folder.cleanup()
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()

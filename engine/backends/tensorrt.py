"""Networks of every kind by TensorRT, from plans that were built before the show (`vj engines build`).

`refusal` and `open` are the loader thread's, `run` and `close` the render thread's. A plan is taken only when it was built
for exactly this machine, and shown only after a picture of it has agreed with the CPU's. A plan that machine or style have
outgrown is built again, in a worker process and within a limit; for a style that never had one the next backend plays.
Every fault of the library ends as a refusal with its reason. Never builds on the render thread, never uses the default
stream, never synchronises the device.
"""

from __future__ import annotations

import importlib.util
import logging
import platform
import re
import threading
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phosphene.engine.backends.base import Capabilities
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.decoders import KINDS as DECODED
from phosphene.engine.backends.device_picture import DevicePicture
from phosphene.engine.backends.onnx_graph import LIMIT, weights_digest
from phosphene.engine.backends.plan_build import build
from phosphene.engine.backends.plan_worker import make_logger
from phosphene.engine.backends.plans import LEAST, Header, Machine, PlanStore, plan_key, recipe_of
from phosphene.engine.backends.tensorrt_decode import TensorRTDecoder, check, screen_refusal
from phosphene.engine.backends.tensorrt_plan import LoadedPlan, PlanRefused, load_tensorrt
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import driver_refusal, open_cuda
from phosphene.engine.gpu.cuda_base import Cuda, DeviceInfo
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import STRAIGHT_VIEW, View, input_values, uniform_vector
from phosphene.engine.models.style import Style

if TYPE_CHECKING:
    import tensorrt as trt

_log = logging.getLogger(__name__)
# The network may be off by LIMIT; the picture comes back in 8 bits, with dither.
_PROBE_LIMIT = LIMIT + 1.0 / 255.0
_REBUILD_S = 120.0  # what the loader waits for a plan that was outgrown; the old style plays on meanwhile
_IDLE_KEPT = 1  # plans without a style: a 128-wide network at 1280x720 holds some 500 MB (calculated: two float32 layers)
_FAULTS_KEPT = 3


class TensorRTProgram:
    """One style in a loaded plan."""

    name = "tensorrt"

    def __init__(self, style: Style, plan: LoadedPlan, picture: DevicePicture, backend: TensorRTBackend) -> None:
        self.style = style
        self._plan: LoadedPlan | None = plan
        self._picture = picture
        self._backend = backend

    @property
    def capabilities(self) -> Capabilities:
        """See `base.Capabilities`."""
        return Capabilities("rgba8", self.gpu_ms, self.staging_reason)

    @property
    def gpu_ms(self) -> float:
        """GPU time of the newest picture whose time is known."""
        return self._picture.gpu_ms

    @property
    def staging_reason(self) -> str:
        """Why pictures go through host memory; empty where they do not."""
        return self._picture.staging_reason

    def run(self, uniforms: np.ndarray, size: Size, view: View, target: RenderTarget) -> None:
        """Queue the network and the copy into `target`; waits only where the size changes. Raises UserError, CudaError."""
        self._picture.begin(size)
        self._plan.launch(self.style, uniforms, size, view, self._picture.stream)
        self._picture.show(size, target, self._plan.picture)

    def close(self) -> None:
        """Give the plan back for another style of its architecture."""
        if self._plan is not None:
            plan, self._plan = self._plan, None
            self._picture.close()  # waits for its stream: the plan is idle from here on
            self._backend.give_back(plan)


class TensorRTBackend:
    """renderer: GL_RENDERER of the show's context. store: where plans lie, by default the user's cache."""

    name = "tensorrt"
    kinds = frozenset({"cppn"}) | DECODED

    def __init__(self, renderer: str = "", store: PlanStore | None = None) -> None:
        self.store = store or PlanStore()
        self._renderer = renderer
        self._logger: trt.ILogger | None = None
        self._faults: deque[str] = deque(maxlen=_FAULTS_KEPT)
        self._lock = threading.Lock()
        self._idle: list[LoadedPlan] = []
        self._given_up: set[str] = set()  # keys of plans that could not be built in this process

    def refusal(self, style: Style | None = None) -> str | None:
        """Say what is missing: the driver, the library, or any plan for the style."""
        try:
            machine = self.machine()
        except UserError as error:
            return error.line()
        if style is None or self.store.find(style, machine, LEAST) or self.store.outgrown(style):
            return None
        return f"no plan was built for {style.slug} (vj engines build {style.slug})"

    def machine(self) -> Machine:
        """Return what plans are keyed by here. Raises UserError where there is no NVIDIA driver or no TensorRT."""
        cuda = self._cuda()
        return machine_of(load_tensorrt().__version__, cuda.device)

    def open(self, style: Style, max_size: Size) -> TensorRTProgram | TensorRTDecoder:
        """Load or refit a plan for `style`, check its picture and record its graph. Raises UserError, CudaError.

        A decoded network's plan is neither refitted nor kept when it is idle: it goes with its decoder.
        """
        cuda = self._cuda()
        cuda.activate()
        if self._logger is None:
            load_tensorrt()
            self._logger = make_logger(self._hear)
        machine = self.machine()
        header = self.store.find(style, machine, max_size)
        if style.kind in DECODED:
            return self._open_decoder(style, header, machine, max_size, cuda)
        plan = self._take_idle(header)
        self._free_idle(_IDLE_KEPT)
        plan = plan or self._load(style, header, machine, max_size, cuda)
        with ExitStack() as undo:
            undo.callback(plan.close)
            try:
                if plan.weights != weights_digest(style, plan.header.recipe.full_layers):
                    plan.refit(style)
                picture = DevicePicture(cuda, None, self._renderer)
                undo.callback(picture.close)
                _warm(style, plan, picture, max_size)
            except PlanRefused as error:
                raise self._refused(style, error) from error
            undo.pop_all()
        return TensorRTProgram(style, plan, picture, self)

    def _open_decoder(
        self, style: Style, header: Header | None, machine: Machine, max_size: Size, cuda: Cuda
    ) -> TensorRTDecoder:
        if reason := screen_refusal(style, max_size):
            raise UserError("no plan is for such a screen", where=style.slug, got=reason)
        decoder = self._load(style, header, machine, max_size, cuda)
        with ExitStack() as undo:
            undo.callback(decoder.close)
            try:
                check(decoder, style)
            except PlanRefused as error:
                raise self._refused(style, error) from error
            undo.pop_all()
        return decoder

    def give_back(self, plan: LoadedPlan) -> None:
        """Keep an idle plan for the next style of its architecture. Nothing is freed here: that waits for the whole GPU."""
        with self._lock:
            self._idle.append(plan)

    def close(self) -> None:
        """Free the idle plans."""
        self._free_idle(0)

    def _cuda(self) -> Cuda:
        if reason := driver_refusal():
            raise UserError(reason)
        if importlib.util.find_spec("tensorrt") is None:
            raise UserError("TensorRT is not installed", remedy=install("rtx", "tensorrt"))
        return open_cuda()

    def _free_idle(self, kept: int) -> None:
        with self._lock:
            extra = self._idle[: len(self._idle) - kept]
            self._idle = self._idle[len(extra) :]
        for plan in extra:
            plan.close()

    def _take_idle(self, header: Header | None) -> LoadedPlan | None:
        """Return an idle plan that does what the plan of `header` would, perhaps with other weights in it."""
        with self._lock:
            for plan in self._idle:
                if header is not None and (plan.header == header or (plan.header.refit and _alike(plan.header, header))):
                    self._idle.remove(plan)
                    return plan
        return None

    def _load(
        self, style: Style, header: Header | None, machine: Machine, max_size: Size, cuda: Cuda
    ) -> LoadedPlan | TensorRTDecoder:
        """Load the plan of `header`; build it again where there is none, or it does not load."""
        if header is not None:
            try:
                return self._loaded(style, header, cuda)
            except PlanRefused as error:
                # Whatever its header says, a plan that does not load is none.
                _log.warning("%s; it is built again", self._refused(style, error).line())
                self.store.discard(header)
        old = header or self.store.outgrown(style)
        if old is None:
            remedy = f"vj engines build {style.slug} --sizes {LEAST}..{max_size}"
            raise UserError(f"no plan was built for {style.slug}", remedy=remedy)
        if old.machine != machine:
            _log.info("%s: its plan has %s; it is built again", style.slug, machine.differences(old.machine))
        most = max(old.recipe.pixels[2], max_size.pixels)
        recipe = recipe_of(style, old.recipe.pixels[0], most, old.recipe.level)
        key = plan_key(recipe, machine)
        if key in self._given_up:
            raise UserError("its plan could not be built before", where=style.slug, remedy=f"vj engines build {style.slug}")
        self._given_up.add(key)  # until it is there: a second try would keep the loader as long for nothing
        header = build(style, recipe, machine, self.store, limit_s=_REBUILD_S)
        self._given_up.discard(key)
        try:
            return self._loaded(style, header, cuda)
        except PlanRefused as error:
            raise self._refused(style, error) from error

    def _loaded(self, style: Style, header: Header, cuda: Cuda) -> LoadedPlan | TensorRTDecoder:
        data = self.store.load(header)
        if data is None:
            raise PlanRefused("the file of the plan is damaged")
        if style.kind in DECODED:
            return TensorRTDecoder(style, header, data, self._logger, cuda)
        return LoadedPlan(header, data, self._logger, cuda)

    def _hear(self, note: str, grave: bool) -> None:
        """Take what TensorRT says, on whichever thread it says it."""
        if grave:
            self._faults.append(note)
        _log.log(logging.WARNING if grave else logging.DEBUG, "TensorRT: %s", note)

    def _refused(self, style: Style, error: PlanRefused) -> UserError:
        said = "; ".join((str(error), *self._faults))
        self._faults.clear()
        full = "out of memory" in said.lower()
        remedy = "build for a smaller size, or close what else uses the GPU" if full else ""
        return UserError("TensorRT refuses the plan", where=style.slug, got=said, remedy=remedy)


def _alike(one: Header, other: Header) -> bool:
    """Whether two plans do the same work, so that one with exchanged weights is as good as the other."""
    return one.recipe.model_copy(update={"weights": other.recipe.weights}) == other.recipe


def _warm(style: Style, plan: LoadedPlan, picture: DevicePicture, max_size: Size) -> None:
    """Hold a small picture against the CPU's, then run the largest size twice, which records its graph."""
    preview = style.meta.preview
    values = input_values(preview.time, preview.signals, preview.signals)
    uniforms = uniform_vector(style.spec.uniform, values, style.scales)
    plan.launch(style, uniforms, LEAST, STRAIGHT_VIEW, picture.stream)
    got = plan.read(LEAST, picture.stream)[..., :3] / np.float32(255.0)
    error = float(np.percentile(np.abs(got - CpuProgram(style).evaluate(uniforms, LEAST)), 99))
    if not error <= _PROBE_LIMIT:
        raise PlanRefused(
            f"its picture is off by {error * 255:.1f}/255 at the 99th percentile (limit {_PROBE_LIMIT * 255:.0f})"
        )
    for _ in range(2):
        plan.launch(style, uniforms, max_size, STRAIGHT_VIEW, picture.stream)
    picture.stream.synchronize()


def machine_of(tensorrt: str, device: DeviceInfo) -> Machine:
    """Return what plans are tied to: tensorrt is its version."""
    return Machine(
        tensorrt=tensorrt,
        gpu=device.name,
        capability=".".join(map(str, device.capability)),
        driver=driver_version(device.driver),
        system=f"{platform.system()} {platform.machine()}",
    )


def driver_version(cuda: int, kernel_module: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Return the driver's own version where Linux tells it, and the CUDA version it brings: 13020 is 13.2."""
    number = f"CUDA {cuda // 1000}.{cuda % 1000 // 10}"
    try:
        found = re.search(r"Kernel Module.*?\s(\d+\.[\d.]+)", kernel_module.read_text("utf-8", "replace"))
    except OSError:
        found = None
    return f"{found[1]} ({number})" if found else number

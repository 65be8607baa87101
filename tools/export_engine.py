"""Make ONNX files and a TensorRT plan of styles, and hold each ONNX file against the reference picture.

    vj export deep-caustics                       # both ONNX files and how far they are off, the plan of this GPU
    vj export deep-caustics --onnx-only           # no GPU needed
    vj export --all --sizes 64x36..1920x1080 --level 4

`<out>/<style>.onnx` is float32; `<style>-half.onnx` has its products in half, but for leading layers that cannot bear it.
What has these names and is another file is kept under a number.

Inputs, in float32: grid [pixels, 3] (x, y, dither), view [10], bias [width]; output: picture [pixels, 4], sRGB 0..1. Plans
go into the cache, where `vj live` finds them; `vj engines` lists them. Exit code 1: a picture is off by more than 1/255 at
the 99th percentile (float32: 1e-4 at most), or a plan could not be built.

A decoded style (a GAN, a VQ-VAE) is in half throughout or not at all. Its inputs are those of its graph, its picture is
float32 [n, channels, h, w]. The reference is torch in float32; onnxruntime may be off by 1e-3, most of it in its tanh.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from typer import Argument, Option

from phosphene.engine.backends import decoded_onnx
from phosphene.engine.backends.decoders import KINDS as DECODED
from phosphene.engine.backends.decoders import batched
from phosphene.engine.backends.graph_torch import run_graph
from phosphene.engine.backends.onnx_graph import (
    BIAS,
    GRID,
    LIMIT,
    PICTURE,
    VIEW,
    all_layers,
    first_bias,
    graph,
    grid,
    needed_full_layers,
    view_vector,
)
from phosphene.engine.backends.plan_build import LEVEL, LIMIT_S, build
from phosphene.engine.backends.plans import Machine, PlanStore, recipe_of, sizes_of
from phosphene.engine.backends.tensorrt import TensorRTBackend
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.models.encoding import STRAIGHT_VIEW, coordinates, input_values, uniform_vector
from phosphene.engine.models.style import Style, list_styles, load_style
from phosphene.kernels.cppn.reference import forward
from phosphene.tools.command_line import read
from phosphene.tools.handing_over import check_place, hand_over

FLOAT_LIMIT, DECODED_FLOAT_LIMIT = 1e-4, 1e-3
_CHUNK = 16_384  # pixels of the float64 reference at once: 256 wide they take 34 MB a layer


@dataclass(frozen=True)
class Deviation:
    """How far a picture by onnxruntime is from the reference, in sRGB 0..1."""

    p99: float
    largest: float
    half: bool
    float_limit: float = FLOAT_LIMIT

    @property
    def holds(self) -> bool:
        return self.p99 <= LIMIT if self.half else self.largest <= self.float_limit

    def line(self) -> str:
        """Return it in words, in 8-bit levels."""
        limit = f"p99 <= {LIMIT * 255:g}" if self.half else f"at most {self.float_limit * 255:.4f}"
        verdict = "holds" if self.holds else "BROKEN"
        return f"p99 {self.p99 * 255:.4f}/255, at most {self.largest * 255:.4f}/255 ({limit}): {verdict}"


def reference(style: Style, uniforms: np.ndarray, size: Size) -> np.ndarray:
    """Return the picture the plain way: float64 [pixels, 3], every input for every pixel."""
    spec = style.spec
    points = coordinates(size, STRAIGHT_VIEW, spec.spatial)
    parts = []
    for start in range(0, size.pixels, _CHUNK):
        part = points[start : start + _CHUNK]
        inputs = np.empty((len(part), len(spec.inputs)))
        inputs[:, spec.columns(spec.spatial)] = part
        inputs[:, spec.columns(spec.uniform)] = uniforms
        parts.append(forward(inputs, style.weights, spec.layer_activations))
    return np.concatenate(parts)


def deviation(style: Style, model: bytes, half: bool) -> Deviation:
    """Run an ONNX model of `style` at its preview's instant and size. Raises UserError without onnxruntime."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise UserError("onnxruntime is not installed", remedy=install("nets"))
    import onnxruntime

    preview = style.meta.preview
    size = Size.parse(preview.size)
    values = input_values(preview.time, preview.signals, preview.signals)
    uniforms = uniform_vector(style.spec.uniform, values, style.scales)
    options = onnxruntime.SessionOptions()
    # Optimised, it would take away the pairs of casts that make half what it is.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {GRID: grid(size), VIEW: view_vector(STRAIGHT_VIEW), BIAS: first_bias(style, uniforms)}
    got = session.run([PICTURE], feeds)[0][:, :3].astype(np.float64)
    error = np.abs(got - reference(style, uniforms, size))
    return Deviation(float(np.percentile(error, 99)), float(error.max()), half)


def decoded_deviation(style: Style, model: bytes, half: bool) -> Deviation:
    """Run an ONNX model of a decoded style for some latents, beside torch. Raises UserError without either."""
    if importlib.util.find_spec("torch") is None:
        raise UserError("torch is not installed, it is the reference", remedy=install("torch"))
    import torch

    tensors = {name: torch.tensor(array) for name, array in style.weights.items()}
    found = []
    for inputs in decoded_onnx.trials(style):
        given = {name: torch.from_numpy(array) for name, array in batched(style, inputs).items()}
        with torch.inference_mode():
            wanted = run_graph(style.spec.graph, tensors, given).numpy()
        got = decoded_onnx.run(model, style, inputs, rounded=half)
        found.append(decoded_onnx.distance(got, wanted))
    p99, largest = (max(each) for each in zip(*found, strict=True))
    return Deviation(p99, largest, half, DECODED_FLOAT_LIMIT)


def export_decoded(style: Style, folder: Path, half_only: bool, check: bool) -> bool:
    """Write the ONNX files of a decoded style, print what they are; return whether the pictures of each hold."""
    whole = decoded_onnx.all_layers(style)
    holds = True
    for name, full_layers in {style.slug: whole, f"{style.slug}-half": 0}.items():
        if half_only and full_layers:
            continue
        try:
            model = decoded_onnx.graph(style, full_layers)
        except ImportError as error:
            raise UserError("onnx is not installed", where=style.slug, remedy=install("nets")) from error
        path = hand_over(folder / f"{name}.onnx", model)
        told = f"{one_line(str(path))}: {full_layers} of {whole} layers float32"
        if check:
            found = decoded_deviation(style, model, half=full_layers == 0)
            holds = holds and found.holds
            told += f"; {found.line()}" + ("; float32 is used" if found.half and not found.holds else "")
        print(told)
    return holds


def export_onnx(style: Style, folder: Path, half_only: bool, check: bool) -> bool:
    """Write the ONNX files of `style`, print what they are; return whether the pictures of each hold."""
    if style.kind in DECODED:
        return export_decoded(style, folder, half_only, check)
    whole, needed = all_layers(style), needed_full_layers(style)
    wanted = {} if half_only else {style.slug: whole}
    if needed < whole:
        wanted[f"{style.slug}-half"] = needed
    elif half_only:
        raise UserError("half is too coarse for this style", where=style.slug, remedy="leave --half out")
    holds = True
    for name, full_layers in wanted.items():
        try:
            model = graph(style, full_layers)
        except ImportError as error:
            raise UserError("onnx is not installed", where=style.slug, remedy=install("nets")) from error
        path = hand_over(folder / f"{name}.onnx", model)
        told = f"{one_line(str(path))}: {full_layers} of {whole} layers float32"
        if check:
            found = deviation(style, model, full_layers < whole)
            holds = holds and found.holds
            told += f"; {found.line()}"
        print(told)
    return holds


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the command line says."""

    styles: Annotated[list[str] | None, Argument(metavar="STYLE", help="slugs or folders")] = None
    all: Annotated[bool, Option("--all", help="the whole library")] = False
    onnx_only: Annotated[bool, Option("--onnx-only", help="no plan: needs neither a GPU nor TensorRT")] = False
    half: Annotated[bool, Option("--half", help="only the ONNX file in half")] = False
    out: Annotated[Path, Option(help="folder of the ONNX files")] = Path("out/engines")
    size: Annotated[str | None, Option(help="a plan of one size, such as 1280x720")] = None
    sizes: Annotated[str | None, Option(help="a plan of a range of sizes (default: 64x36..1280x720)")] = None
    level: Annotated[int, Option(min=0, max=5, help="how hard the builder tries")] = LEVEL
    limit: Annotated[float, Option(min=1.0, max=86_400.0, help="seconds for one plan")] = LIMIT_S


def main(argv: Sequence[str] | None = None, prog: str = "export_engine.py") -> int:
    """Return the exit code."""
    args = read(CommandLine, argv, prog, __doc__)
    try:
        least, most = sizes_of(args.size, args.sizes)
        names = list_styles() if args.all else args.styles
        if not names:
            raise UserError("no style is named", where="STYLE", allowed="slugs, folders, or --all")
        # Said before minutes are spent on files that nobody can use.
        machine = None if args.onnx_only else _machine()
        check = args.onnx_only or importlib.util.find_spec("onnxruntime") is not None
        store = PlanStore()
        for name in names:
            check_place(args.out / f"{Path(name).name}.onnx")
        sound = True
        for name in names:
            style = load_style(name)
            sound = export_onnx(style, args.out, args.half, check) and sound
            if machine is not None:
                recipe = recipe_of(style, least.pixels, most.pixels, args.level)
                header = build(style, recipe, machine, store, limit_s=args.limit, progress=_progress)
                told = f"{header.nbytes / 1e6:.1f} MB in {header.seconds:.0f} s, {recipe.numbers}"
                print(f"{store.path(header.key)}: {told}")
    except UserError as error:
        sys.stderr.write(f"{prog}: {error.line()}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0 if sound else 1


def _machine() -> Machine:
    try:
        return TensorRTBackend().machine()
    except UserError as error:
        remedy = "--onnx-only makes the ONNX files alone"
        raise UserError("no plan can be built here", got=error.line(), remedy=remedy) from error


def _progress(phase: str, done: int, steps: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= steps else "\r"
        sys.stderr.write(f"  {phase}: {done} of {steps}\033[K{end}")


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("export_engine", lambda: sys.exit(main()))

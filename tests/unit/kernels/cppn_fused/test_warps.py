"""The kernel's own source, run on the processor: every lane of a block, against the emulation, to the last bit.

`warps.cpp` takes the place of `ptx.cu`; everything else is the text that the GPU's compiler gets.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.models.encoding import SPATIAL_INPUTS, Projection, View
from phosphene.kernels.cppn_fused.emulate import lerp, paint
from phosphene.kernels.cppn_fused.source import LERP_BLOCK, assemble, build
from tests.unit.kernels.cppn_fused.networks import frame_of, network

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to compile the kernel for the processor")

MACHINE = (Path(__file__).parent / "warps.cpp").read_text()
SIZE = Size(20, 9)  # 180 pixels: no multiple of a warp's or a block's
WHOLE, OFFSET, GAP = (64, 36), (7, 11), 16
VIEWS = [View(zoom=1.2, rotate=0.1, pan_x=0.3, pan_y=0.1), View(zoom=0.8)]


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def compiled(shape, variant: str, decks: int, folder: Path) -> ctypes.CDLL:
    source, library = folder / "kernel.cpp", folder / "kernel.so"
    source.write_text(assemble(shape.padded(variant), variant, decks, MACHINE))
    flags = ["-O1", "-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-Wno-unknown-pragmas"]
    done = subprocess.run(["g++", *flags, "-o", library, source], capture_output=True, text=True, check=False)
    if "_Float16" in done.stderr:
        pytest.skip("this g++ has no half floats")
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


CASES = [
    (16, "fp16", 1, ("x", "y"), 1),
    (32, "fp16", 2, ("radius", "abs_x", "abs_y"), 3),
    (48, "fp16", 1, SPATIAL_INPUTS, 4),
    (64, "fp16_acc32", 2, ("x", "y", "radius"), 5),
    (128, "fp16_acc32", 2, ("x", "fold5_y"), 2),
    (128, "fp16", 2, ("x", "y", "radius"), 3),
    (256, "fp16", 1, ("x", "y"), 2),
    (24, "fp32", 2, ("x", "y", "fold2_x"), 4),
    (256, "fp32", 1, ("x", "y"), 3),
]


@pytest.mark.parametrize(("width", "variant", "decks", "spatial", "layers"), CASES)
def test_the_source_does_what_the_emulation_does(tmp_path, width, variant, decks, spatial, layers):
    networks = [network(width, spatial, layers, seed=seed, gain=1.2) for seed in range(decks)]
    packed = [net.packed(variant) for net in networks]
    pitch = 4 * SIZE.width + GAP
    frame = frame_of(
        networks, variant, SIZE, VIEWS[:decks],
        whole=WHOLE, offset=OFFSET, pitch=pitch, gains=(0.6, 0.4), dither=1.0, seed=0.3,
    )  # fmt: skip
    out = np.zeros((SIZE.height, pitch), np.uint8)
    shape = networks[0].shape
    library = compiled(shape, variant, decks, tmp_path)
    library.launch_paint(pointer(frame), pointer(packed[0]), pointer(packed[-1]), pointer(out), 2)
    expected = paint(shape.padded(variant), variant, frame, packed)
    got = out[:, : 4 * SIZE.width].reshape(SIZE.height, SIZE.width, 4)
    assert expected[..., :3].std() > 5
    # fp32 adds in another order than BLAS does, and a byte may fall the other way.
    off = np.abs(got.astype(int) - expected)
    assert off.max() <= (1 if variant == "fp32" else 0)
    assert (off > 0).mean() < 0.01
    assert not out[:, 4 * SIZE.width :].any()  # the gap between rows belongs to someone else


IN_DEPTH = [
    View(zoom=1.1, rotate=0.1, projection=Projection(kind, depth, 0.3))
    for kind, depth in ((0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (0.5, 0.7), (2.5, 0.3))
]


@pytest.mark.parametrize(("variant", "decks"), [("fp16", 2), ("fp32", 1)])
def test_the_source_projects_as_the_emulation_does(tmp_path, variant, decks):
    """Every place in every projection, and with it every byte; deck b looks another way than deck a."""
    networks = [network(16, ("x", "y", "fold3_x"), 2, seed=seed, gain=0.8) for seed in range(decks)]
    packed = [net.packed(variant) for net in networks]
    shape = networks[0].shape
    library = compiled(shape, variant, decks, tmp_path)
    for k, view in enumerate(IN_DEPTH):
        views = [view, IN_DEPTH[k - 1]][:decks]
        frame = frame_of(networks, variant, SIZE, views, gains=(0.6, 0.4))
        out = np.zeros((SIZE.height, 4 * SIZE.width), np.uint8)
        library.launch_paint(pointer(frame), pointer(packed[0]), pointer(packed[-1]), pointer(out), 2)
        expected = paint(shape.padded(variant), variant, frame, packed)
        off = np.abs(out.reshape(expected.shape).astype(int) - expected)
        assert expected[..., :3].std() > 5
        assert off.max() <= (1 if variant == "fp32" else 0)
        assert (off > 0).mean() < 0.01


@pytest.mark.parametrize("variant", ["fp16", "fp16_acc32", "fp32"])
def test_interpolation_of_weights(tmp_path, variant):
    a, b = network(24, layers=3, seed=1), network(24, layers=3, seed=2)
    program = build(a.shape, variant)
    frame = frame_of([a], variant, SIZE, blend=0.3)
    first, second = a.packed(variant), b.packed(variant)
    out = np.zeros(program.weight_bytes + 64, np.uint8)
    library = compiled(a.shape, variant, 1, tmp_path)
    library.launch_lerp(pointer(frame), pointer(first), pointer(second), pointer(out), program.lerp_grid, LERP_BLOCK)
    assert np.array_equal(out[: program.weight_bytes], lerp(program.shape, variant, first, second, 0.3))
    assert not out[program.weight_bytes :].any()

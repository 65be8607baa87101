"""RGBA8 -> NV12: the reference agrees with libswscale, the kernel's own source agrees with the reference, and it compiles.

The source is plain C++ but for its qualifiers and the indices of a thread. With those defined it runs here, thread after
thread: the arithmetic that is tested is the kernel's text, not a second writing of it.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from phosphene.kernels.pack_nv12 import BLOCK, ENTRY, grid, source
from phosphene.kernels.pack_nv12.reference import pack

WIDTH, HEIGHT = 96, 54
HOST = """
struct Index { int x, y, z; };
static Index blockIdx, threadIdx, blockDim;
#define DEVICE static inline
#define KERNEL extern "C"
"""
RUN = """
extern "C" void run(int gx, int gy, int bx, int by, const unsigned char* rgba, int pitch, int width, int height,
                    unsigned char* luma, unsigned char* chroma, int out_pitch) {
    blockDim = {bx, by, 1};
    for (blockIdx.y = 0; blockIdx.y < gy; ++blockIdx.y) for (blockIdx.x = 0; blockIdx.x < gx; ++blockIdx.x)
    for (threadIdx.y = 0; threadIdx.y < by; ++threadIdx.y) for (threadIdx.x = 0; threadIdx.x < bx; ++threadIdx.x)
        pack_nv12(rgba, pitch, width, height, luma, chroma, out_pitch);
}
"""


def smooth(seed: int = 0) -> np.ndarray:
    """A picture of gradients through the whole gamut, with some of its corners."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / (HEIGHT, WIDTH)[0]
    picture = np.stack([127.5 + 127.5 * np.sin(rng.uniform(1, 4) * x + rng.uniform(1, 4) * y + c) for c in range(4)], -1)
    return (picture + 0.5).clip(0, 255).astype(np.uint8)


def blocks(seed: int = 1) -> np.ndarray:
    """Random colours, 16 pixels a side: flat inside, so that how chroma is sited does not matter there."""
    colours = np.random.default_rng(seed).integers(0, 256, (-(-HEIGHT // 16), -(-WIDTH // 16), 4)).astype(np.uint8)
    colours[0, :4, :3] = [0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]
    return np.ascontiguousarray(np.repeat(np.repeat(colours, 16, 0), 16, 1)[:HEIGHT, :WIDTH])


def swscale(rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the recorder's other path makes of the same picture, with the same arguments."""
    frame = av.VideoFrame.from_numpy_buffer(rgba, format="rgba")
    made = VideoReformatter().reformat(
        frame, WIDTH, HEIGHT, "nv12", src_color_range=ColorRange.JPEG, dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG, threads=1,
    ).to_ndarray()  # fmt: skip
    return made[:HEIGHT], made[HEIGHT:].reshape(HEIGHT // 2, WIDTH // 2, 2)


def off(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(int) - b.astype(int))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> ctypes.CDLL:
    """The kernel's source, compiled for this machine's CPU."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("nv12")
    (folder / "pack.cpp").write_text(HOST + source() + RUN)
    library = folder / "pack.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, folder / "pack.cpp"], check=True)
    return ctypes.CDLL(str(library))


def run(kernel: ctypes.CDLL, rgba: np.ndarray, pitch: int, first: int, out_pitch: int) -> tuple[np.ndarray, np.ndarray]:
    """Run all threads of the launch; `first`: byte at which the top row begins. Bytes outside of the picture are 77."""
    luma = np.full((HEIGHT, out_pitch), 77, np.uint8)
    chroma = np.full((HEIGHT // 2, out_pitch), 77, np.uint8)
    pointer = ctypes.c_void_p
    gx, gy, _ = grid(WIDTH, HEIGHT)
    kernel.run(
        gx, gy, BLOCK[0], BLOCK[1], pointer(rgba.ctypes.data + first), pitch, WIDTH, HEIGHT, pointer(luma.ctypes.data),
        pointer(chroma.ctypes.data), out_pitch,
    )  # fmt: skip
    assert (luma[:, WIDTH:] == 77).all()
    assert (chroma[:, WIDTH:] == 77).all()
    return luma[:, :WIDTH], chroma[:, :WIDTH].reshape(HEIGHT // 2, WIDTH // 2, 2)


@pytest.mark.parametrize("picture", [smooth(), smooth(5)], ids=["gradients", "others"])
def test_the_reference_is_libswscales_within_two_levels(picture):
    for mine, theirs in zip(pack(picture), swscale(picture), strict=True):
        assert off(mine, theirs).max() <= 2
        assert off(mine, theirs).mean() < 0.6


def test_flat_colours_are_libswscales_within_a_level():
    picture = blocks()
    (luma, chroma), (luma_theirs, chroma_theirs) = pack(picture), swscale(picture)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for y in range(4, HEIGHT - 12, 16):
        for x in range(4, WIDTH - 12, 16):
            inside[y : y + 8, x : x + 8] = True
    assert off(luma, luma_theirs)[inside].max() <= 1
    assert off(chroma, chroma_theirs)[inside[::2, ::2]].max() <= 1


def test_the_range_is_limited_and_grey_has_no_colour():
    for grey, level in ((0, 16), (255, 235), (128, 126)):
        luma, chroma = pack(np.full((4, 4, 4), grey, np.uint8))
        assert (luma == level).all()
        assert (chroma == 128).all()
    luma, chroma = pack(np.tile(np.array([255, 0, 0, 255], np.uint8), (2, 2, 1)))
    assert (luma[0, 0], *chroma[0, 0]) == (63, 102, 240)  # BT.709 red
    with pytest.raises(ValueError, match="even"):
        pack(np.zeros((3, 4, 4), np.uint8))


@pytest.mark.parametrize("picture", [smooth(), blocks()], ids=["gradients", "blocks"])
def test_the_kernel_is_the_reference(kernel, picture):
    for mine, wanted in zip(run(kernel, picture, 4 * WIDTH, 0, WIDTH), pack(picture), strict=True):
        assert off(mine, wanted).max() <= 1  # float32 and float64 round a half apart, once in a thousand
        assert (off(mine, wanted) > 0).mean() < 0.002


def test_rows_that_come_bottom_first_and_padded_planes(kernel):
    picture = smooth(2)
    upside_down = np.ascontiguousarray(picture[::-1])
    mine = run(kernel, upside_down, -4 * WIDTH, 4 * WIDTH * (HEIGHT - 1), 256)
    straight = run(kernel, picture, 4 * WIDTH, 0, WIDTH)
    for a, b in zip(mine, straight, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("arch", [80, 86, 89, 90, 120])
def test_nvcc_compiles_it_without_spills(tmp_path, arch):
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc")
    (tmp_path / "pack.cu").write_text(source())
    done = subprocess.run(
        ["nvcc", f"-arch=sm_{arch}", "-std=c++17", "-cubin", "-Xptxas", "-v", "-o", "pack.cubin", "pack.cu"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert ENTRY in said
    assert "0 bytes spill stores, 0 bytes spill loads" in said
    assert int(re.search(r"Used (\d+) registers", said)[1]) <= 64

"""RGBA8 -> NV12 in device memory, for the recorder: BT.709, limited range, what libswscale makes of the same picture.

`pack_nv12.cu` holds the kernel, `reference.py` the same arithmetic in numpy; `engine/output/device_capture.py` calls it.

    extern "C" pack_nv12(rgba, pitch, width, height, luma, chroma, out_pitch)

    rgba      device pointer to the first row that is read (the picture's top one); alpha is ignored
    pitch     int32, bytes from row to row; negative for pictures whose bottom row comes first, as OpenGL has them
    width, height   int32, even; out_pitch   int32, bytes from row to row of both planes, at least `width`
    luma      device pointer: uint8 [height, out_pitch]
    chroma    device pointer: uint8 [height / 2, out_pitch], Cb and Cr by turns

A thread packs 2x2 pixels: block BLOCK, grid `grid(width, height)`. Chroma is the mean of the four (centred, as libswscale).
"""

from __future__ import annotations

from importlib.resources import files

ENTRY = "pack_nv12"
BLOCK = (32, 8, 1)


def source() -> str:
    """Return the CUDA source, without an include."""
    return files(__package__).joinpath("pack_nv12.cu").read_text("utf-8")


def grid(width: int, height: int) -> tuple[int, int, int]:
    """Return the grid for a picture of `width` x `height` pixels."""
    return (-(-width // (2 * BLOCK[0])), -(-height // (2 * BLOCK[1])), 1)

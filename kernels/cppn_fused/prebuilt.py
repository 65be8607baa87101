"""Kernels that were compiled beforehand, for machines where nothing compiles: PTX, which the driver finishes.

Read by `engine.backends.cuda` on the loader thread, written by `tools/lab/prebuild_kernels.py`. One archive holds every
variant of every shape in the library; a style of another shape needs NVRTC. Each is named by the hash of its source: a
kernel that has changed since is not found, never run.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ARCHIVE = Path(__file__).with_name("prebuilt.tar.xz")


def ptx(key: str) -> bytes | None:
    """Return the PTX of the program with that `Program.key`, None where it was not built."""
    return _read().get(key)


@cache
def _read() -> Mapping[str, bytes]:
    # All at once: what the archive saves (4 kernels in 5 are nearly alike) cannot be taken out one by one. 0.2 s.
    try:
        with tarfile.open(ARCHIVE, "r:xz") as archive:
            return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    except (OSError, tarfile.TarError):
        return {}


def write(images: Mapping[str, bytes], path: Path = ARCHIVE) -> None:
    """Write `images` {key: PTX} as an archive that is the same to the byte for the same images."""
    part = path.with_name(path.name + ".part")
    with tarfile.open(part, "w:xz", preset=9) as archive:
        for key, image in sorted(images.items()):
            member = tarfile.TarInfo(key)
            member.size = len(image)
            archive.addfile(member, io.BytesIO(image))
    part.replace(path)
    _read.cache_clear()

"""Ten seamless loops, written as a data set: discs on Lissajous paths, in numpy, in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

# Before any test draws: the first optimiser imports triton, whose LLVM crashes the process where Mesa has loaded its own.
import torch._dynamo  # noqa: F401

from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.manifest import Record, write_manifest
from phosphene.tools.vqvae.options import Options


def moving_discs(seed: int, frames: int, size: Size) -> np.ndarray:
    """Return uint8 [frames, h, w, 3]: three discs on closed paths, so that the end meets the beginning."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size.height, : size.width] / size.height
    picture = np.zeros((frames, size.height, size.width, 3))
    for _ in range(3):
        turns, shift, colour = rng.integers(1, 3, 2), rng.random(2), rng.uniform(0.3, 1.0, 3)
        for k in range(frames):
            at = 0.5 + 0.35 * np.sin(2 * np.pi * (turns * k / frames + shift))
            inside = np.hypot(x - at[0] * size.aspect, y - at[1]) < 0.18
            picture[k][inside] = colour
    return (picture * 255).astype(np.uint8)


def write_loops(folder: Path, count: int = 10, frames: int = 12, size: Size | None = None) -> Path:
    size = size or Size(64, 64)
    (folder / "loops").mkdir(parents=True)
    records = []
    for i in range(count):
        loop = moving_discs(i, frames, size)
        np.save(folder / "loops" / f"l{i}.npy", loop)
        records.append(
            Record(id=f"l{i}", path=f"loops/l{i}.npy", group=f"sketch{i // 2}", bucket="discs", frames=frames, fps=12.0,
                   width=size.width, height=size.height, variant=i % 2,
                   split="validation" if i // 2 == count // 2 - 1 else "train")
        )  # fmt: skip
    write_manifest(folder, records, {"command": "a test"})
    return folder


@pytest.fixture(scope="session")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_loops(tmp_path_factory.mktemp("vq") / "loops")


@pytest.fixture
def tiny(loops: Path) -> Options:
    """A network that trains in a blink."""
    return Options(data=str(loops), split="variant", codes=16, dim=8, widths=(8, 8, 8), batch=16, epochs=3, seed=3, lr=4e-3)

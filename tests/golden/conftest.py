"""Golden pictures: small PNGs that were looked at once and must come out again.

Compared on Mesa's software renderer only, which is the same everywhere; on other GPUs a test still has to draw something.
`pytest tests/golden --regenerate` writes them anew; look at them before committing. A picture that differs leaves itself
and an amplified difference in `out/golden/`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.gpu.context import info

PICTURES = Path(__file__).parent
OUT = PACKAGE / "out" / "golden"
# Rounding differs between CPUs and Mesa versions by a step or two, on edges by some more.
MEAN_STEPS = 0.75
MAX_STEPS = 12
AMPLIFY = 16


@pytest.fixture
def golden(request: pytest.FixtureRequest, gl) -> Callable[[str, np.ndarray], None]:
    """Return compare(name, picture): `picture` is float [h, w, 3 or 4], sRGB 0..1, row 0 = top."""

    def compare(name: str, picture: np.ndarray) -> None:
        got = np.round(np.clip(picture[..., :3], 0.0, 1.0) * 255.0).astype(np.uint8)
        assert got.std() > 1.0, "the picture is flat"
        if "llvmpipe" not in info()["renderer"]:
            return
        path = PICTURES / f"{name}.png"
        if request.config.getoption("--regenerate"):
            Image.fromarray(got).save(path, optimize=True)
            return
        if not path.is_file():
            pytest.fail(f"{path.name} is missing: run pytest tests/golden --regenerate, and look at it")
        with Image.open(path) as image:
            wanted = np.asarray(image.convert("RGB"))
        assert got.shape == wanted.shape
        difference = np.abs(got.astype(int) - wanted.astype(int))
        if difference.mean() > MEAN_STEPS or difference.max() > MAX_STEPS:
            OUT.mkdir(parents=True, exist_ok=True)
            amplified = np.minimum(difference * AMPLIFY, 255).astype(np.uint8)
            Image.fromarray(np.hstack([wanted, got, amplified])).save(OUT / f"{name}.png")
            pytest.fail(
                f"{name} differs: mean {difference.mean():.2f}, max {difference.max()} of 255; "
                f"wanted, got and {AMPLIFY}x difference are in {OUT / name}.png"
            )

    return compare

"""A small data set and a short run for the tests of the GAN trainer's commands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.library import previews
from phosphene.tools.datasets.manifest import Record

SMALL = ("--size", "64x36", "--widths", "8", "8", "8", "--judge", "4", "--batch", "4")
"""Options of networks that train in milliseconds a step."""


def write_data(folder: Path, pictures: Sequence[np.ndarray], held_out: int = 0) -> Path:
    """Write pictures, uint8 [h, w, 3], as a data set whose last `held_out` are validation; return its folder."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for k, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / "images" / f"p{k}.png")
        split = "validation" if k >= len(pictures) - held_out else "train"
        h, w = picture.shape[:2]
        record = Record(id=f"p{k}", path=f"images/p{k}.png", group=f"g{k}", bucket="waves", split=split, width=w, height=h)
        lines.append(record.model_dump_json())
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def waves(count: int) -> list[np.ndarray]:
    """Return coloured waves, of two sizes and aspects in turn."""
    rng = np.random.default_rng(0)
    found = []
    for k in range(count):
        w, h = (64, 36) if k % 2 else (80, 60)
        wave = np.sin(np.arange(w) * rng.uniform(0.1, 0.6))[None, :, None] * np.ones((h, 1, 1))
        found.append(((0.5 + 0.5 * wave) * rng.random(3) * 255).astype(np.uint8))
    return found


@pytest.fixture
def small() -> list[str]:
    return list(SMALL)


@pytest.fixture(scope="session")
def make_data() -> Callable[..., Path]:
    return write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Twenty-four painted pictures, four of them held out."""
    return write_data(tmp_path_factory.mktemp("data") / "waves", waves(24), held_out=4)


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory) -> Path:
    """A folder in which a run has ended, films and scores included: style under `out`, run under `run`. Films are short."""
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    from phosphene.tools.cppn.footage import Music
    from phosphene.tools.gan import results
    from phosphene.tools.train_gan import main

    home = tmp_path_factory.mktemp("trained")
    first = previews.demo_signals("intro", 0.0, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(previews, "demo_signals", functools.partial(previews.demo_signals, "intro", 0.0, 1.0))
        patch.setattr(results, "WALK_S", 1.0)
        patch.setattr(results, "load_music", lambda: Music.of("a second of it", first))
        arguments = ["--data", str(data), "--out", str(home / "out"), "--run", str(home / "run"), "--images", "16", *SMALL]
        assert main([*arguments, "--licence", "CC0-1.0", "--tags", "waves", "--save-every", "1"]) == 0
    return home

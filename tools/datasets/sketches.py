"""A data set of loops, captured from a folder of p5.js sketches. Called by `tools/make_dataset.py p5`."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.colour import from_hex, oklab, oklab_to_srgb, srgb_to_linear
from phosphene.tools.datasets.browser import P5_VERSION, Browser, Params, SketchRefused
from phosphene.tools.datasets.writer import Writer

LIMIT_S = 120.0
_CANVAS = 256  # px a sketch draws at, at least: a 64 px frame is then the mean of 16 pixels each
_LEAST = 1.0 / 255.0  # RMS of 0..1: below it there is no picture, or no motion
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_SEAM = 1.5  # ordinary steps that the last one may be as large as


def capture_sketches(
    writer: Writer,
    place: Path,
    size: Size,
    *,
    frames: int = 180,
    fps: float = 30.0,
    variants: int = 4,
    seed: int = 0,
    only: Collection[str] = (),
    palette: Sequence[str] = (),
    limit_s: float = LIMIT_S,
    progress: Callable[[str], None] = lambda loop: None,
) -> None:
    """Capture `variants` loops of each sketch `*.js` in `place`; the group of a split is a sketch. only: names, none: all.
    palette: `#rrggbb`, dark to light, that every loop is painted in; none: the sketch's own colours.

    A sketch that throws, draws nothing, never moves or does not end is refused, a note each, and the others go on. One that
    does not come back to its first frame is kept, with a note. Raises UserError where no sketch gave a loop, or nothing
    can run one.
    """
    for name, value, least in (("--frames", frames, 2), ("--fps", fps, 1), ("--variants", variants, 1), ("--seed", seed, 0)):
        if value < least:
            raise UserError("too small a number", where=name, allowed=f"{least} or more", got=value)
    found = sorted(p for p in place.glob("*.js") if p.is_file() and p.name[0] != ".")
    if not found:
        raise UserError(
            "no sketch here", where=str(place), allowed="p5.js sketches, *.js", remedy="give a folder of sketches"
        )
    names = [path.stem for path in found]
    for name in only:
        if name not in names:
            raise UserError("no such sketch", where="--only", allowed=", ".join(names), got=name)
    found = [path for path in found if not only or path.stem in only]
    table = colour_table(palette) if palette else None
    asyncio.run(_capture_all(writer, found, size, frames, fps, variants, seed, table, limit_s, progress))
    if not writer.records:
        raise UserError(
            "no sketch gave a loop", where=str(place), got=f"{len(found)} sketches", remedy="; ".join(writer.notes)
        )


async def _capture_all(
    writer: Writer, found: list[Path], size: Size, frames: int, fps: float, variants: int, seed: int,
    table: np.ndarray | None, limit_s: float, progress: Callable[[str], None],
) -> None:  # fmt: skip
    canvas = max(_CANVAS, 2 * size.width, 2 * size.height)
    async with Browser(limit_s) as browser:
        for path in found:
            source = path.read_text(encoding="utf-8", errors="replace")
            for variant in range(variants):
                params = Params(_seed(seed, variant), variant, frames, fps, canvas)
                try:
                    # One frame more than the loop has: it should be the first again.
                    taken = await browser.capture(path, params, size, frames + 1)
                    seam, step = examine(taken)
                except SketchRefused as reason:
                    writer.notes.append(f"{path.name} is refused: {reason}")
                    break
                name = f"{path.stem}-{variant}"
                if seam > _SEAM * step:
                    writer.notes.append(f"{name} does not loop: its seam is {seam:.3f}, its largest step {step:.3f}")
                about = {
                    "sketch": path.name, "sha256": hashlib.sha256(source.encode()).hexdigest(), "seed": params.seed,
                    "canvas": canvas, "p5": P5_VERSION, "seam": round(seam, 5), "step": round(step, 5),
                }  # fmt: skip
                frames_taken = taken[:frames] if table is None else painted(taken[:frames], table)
                writer.loop(
                    name, frames_taken, about,
                    group=path.stem, bucket=path.stem, caption=title(source), fps=fps, variant=variant,
                )  # fmt: skip
                progress(name)


def examine(taken: np.ndarray) -> tuple[float, float]:
    """Return (how far the last frame is from the first, the largest step between neighbours), RMS of 0..1.

    taken: uint8 [n + 1, h, w, 3]. Raises SketchRefused where nothing is drawn or nothing moves."""
    if max(float(np.std(frame)) for frame in taken) < 255 * _LEAST:
        raise SketchRefused("it draws nothing")
    steps = [_rms(a, b) for a, b in pairwise(taken)]
    if max(_rms(frame, taken[0]) for frame in taken) < _LEAST:
        raise SketchRefused("it never moves")
    return _rms(taken[-1], taken[0]), max(steps)


def colour_table(palette: Sequence[str]) -> np.ndarray:
    """Return uint8 [256, 3]: from the first colour to the last, evenly in OKLab. Raises UserError."""
    where, allowed = "--palette", "two or more of #rrggbb, dark to light, commas between"
    if len(palette) < 2 or not all(re.fullmatch(r"#[0-9a-fA-F]{6}", each) for each in palette):
        raise UserError("not a palette", where=where, allowed=allowed, got=",".join(palette))
    stops = oklab(np.stack([from_hex(each) for each in palette]))
    at = np.linspace(0.0, len(stops) - 1.0, 256)
    lab = np.stack([np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)], axis=1)
    return np.round(oklab_to_srgb(lab) * 255.0).astype(np.uint8)


def painted(frames: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return uint8 [n, h, w, 3] of such frames, each pixel by its lightness, from the loop's darkest to its lightest.

    A codebook of 256 holds shapes or hues, not both: with every hue in the data, codes of lines come out grey.
    """
    light = np.stack([np.cbrt(srgb_to_linear(frame / 255.0) @ _LUMINANCE) for frame in frames])
    # Percentiles: the ground of a sketch is a dark hue, and has to become the palette's black.
    least, most = np.percentile(light, (2.0, 99.8))
    return table[(np.clip((light - least) / max(most - least, 1e-3), 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)]


def _seed(seed: int, variant: int) -> int:
    """Return a sketch's seed: p5's generator gives near seeds nearly the same first numbers."""
    return int(np.random.SeedSequence([seed, variant]).generate_state(1)[0])


def _rms(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a.astype(np.float32) - b) ** 2))) / 255.0


def title(source: str) -> str:
    """Return the comment that a sketch begins with, or ''."""
    first = source.lstrip().partition("\n")[0]
    return first.removeprefix("//").strip() if first.startswith("//") else ""

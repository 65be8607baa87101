"""The boards of the library's textures: materials that Phosphene paints, and free photographs in other colours.

    pip download --no-deps -d wheels scikit-image
    python tools/lab/library_boards.py . --photos wheels
    python tools/train_style.py --moodboard tools/moodboards/boards.toml --output boards
    python tools/train_style.py --moodboard tools/moodboards/worlds.toml --output worlds

Makes `boards/<name>/` with eight pictures each, and `worlds/<name>/` with three or four such folders each, in one palette.
Photographs lie in the wheel of scikit-image, which need not be installed.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from typer import Argument, Option

from phosphene.engine.core.pictures import read_image
from phosphene.engine.models.colour import from_hex, oklab, oklab_to_srgb
from phosphene.tools.command_line import read
from phosphene.tools.lab.materials import MATERIALS, Look, paint
from phosphene.tools.lab.texture_boards import HEIGHT, WIDTH, photograph, write_boards
from phosphene.tools.runs.boundary import exit_code

PICTURES = 8


@dataclass(frozen=True)
class Photo:
    """inside: file in the wheel. share: width of a cut-out over the photograph's. ramp: colours from dark to light. turned:
    a quarter turn, so that bricks lie. seed: of where it is cut."""

    inside: str
    share: float
    ramp: tuple[str, ...]
    seed: int
    turned: bool = False


PHOTOS = {
    "brick": Photo("skimage/data/brick.png", 0.6, ("#08020a", "#8a1030", "#ff7a40", "#ffe0a0"), 14, turned=True),  # CC0
    "gravel": Photo("skimage/data/gravel.png", 0.45, ("#02060e", "#14507a", "#60d0d8", "#f0fff8"), 15),  # CC0
}
NAMES = (*MATERIALS, *PHOTOS)
# materials; colours of the ramp, from dark to light; key lamp, rim lamp, own light
WORLDS = {
    "inferno": ("lava scales bark", "#0a0202 #7a1408 #ff6a18 #ffd890", "#ffb060 #a01050 #ff7a10"),
    "reef": ("coral foam dunes scales", "#02141c #0a7a80 #40d8b0 #fff0d0", "#fff0d8 #ff5a70 #a0fff0"),
    "machine": ("tread wicker foil cobbles", "#06080c #2a3a50 #7a90a8 #e0e8f0", "#ff9a40 #1870ff #40c0ff"),
    "amethyst": ("crystals velvet chrome foam", "#0a0218 #4a1490 #a050f0 #f0d0ff", "#ffc8ff #3040ff #ffb040"),
    "jungle": ("bark scales wicker coral", "#020a04 #14502a #60b030 #f0f080", "#fff0a0 #108070 #c0ff40"),
    "polar": ("dunes craters cobbles", "#081428 #3a6a9a #a8d0e8 #ffffff", "#ffffff #5070ff #80ffff"),
    "sweets": ("velvet wicker chrome", "#b02060 #ff70a0 #ffd070 #fff8e8", "#ffffff #40c8ff #ffffff"),
    "treasury": ("scales velvet coral", "#0a0602 #5a3a08 #d09820 #fff0a8", "#fff0c0 #802010 #ffe070"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the command line says."""

    place: Annotated[Path, Argument(help="folder to make both in")]
    photos: Annotated[Path | None, Option(help="folder with the wheel of scikit-image")] = None


def make_boards(place: Path, photos: Path | None = None, names: Sequence[str] = NAMES) -> list[str]:
    """Write the boards; return the names of those that could be made. Raises UserError where a file cannot be written."""
    return write_boards(
        names,
        lambda name: painted(MATERIALS[name], NAMES.index(name)) if name in MATERIALS else cut(name, photos),
        lambda name, k: place / name,
    )


def make_worlds(place: Path) -> None:
    """Write the boards of the worlds, a folder of folders each. Raises UserError where a file cannot be written."""
    for name, (materials, ramp, lights) in WORLDS.items():
        key, rim, glow = lights.split()
        for k, material in enumerate(materials.split()):
            look = replace(MATERIALS[material], colours=tuple(ramp.split()), key=key, rim=rim, glow=glow)
            folder = place / name / f"{k + 1}-{material}"
            folder.mkdir(parents=True, exist_ok=True)
            for i, picture in enumerate(painted(look, NAMES.index(material))):
                Image.fromarray(picture).save(folder / f"{material}-{i}.png")


def painted(look: Look, seed: int) -> list[np.ndarray]:
    """Return drawings uint8 [180, 320, 3] of one material."""
    return [paint(look, np.random.default_rng([seed, k]), WIDTH, HEIGHT) for k in range(PICTURES)]


def cut(name: str, photos: Path | None) -> list[np.ndarray]:
    """Return cut-outs uint8 [180, 320, 3] of a photograph, in its ramp's colours. Raises UserError where it is not there."""
    photo = PHOTOS[name]
    whole = np.asarray(read_image(io.BytesIO(photograph(photo.inside, photos))).convert("RGB"))
    whole = np.rot90(whole) if photo.turned else whole
    high, wide = whole.shape[:2]
    width = round(photo.share * wide)
    height = width * HEIGHT // WIDTH
    rng = np.random.default_rng(photo.seed)
    pictures = []
    for _ in range(PICTURES):
        x, y = round(rng.uniform(0, wide - width)), round(rng.uniform(0, high - height))
        part = Image.fromarray(whole[y : y + height, x : x + width]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        pictures.append(coloured(np.asarray(part), photo.ramp))
    return pictures


def coloured(picture: np.ndarray, ramp: Sequence[str]) -> np.ndarray:
    """Return the picture, uint8 [h, w, 3], its lightness from its 2nd to its 98th percentile along the ramp in OKLab."""
    light = oklab(picture / 255.0)[..., 0]
    low, high = np.percentile(light, (2, 98))
    place = np.clip((light - low) / max(high - low, 1e-6), 0, 1)
    stops = np.stack([oklab(from_hex(each)) for each in ramp])
    along = np.stack([np.interp(place, np.linspace(0, 1, len(stops)), stops[:, k]) for k in range(3)], -1)
    return np.round(255 * np.clip(oklab_to_srgb(along), 0, 1)).astype(np.uint8)


def main(argv: Sequence[str] | None = None, prog: str = "library_boards.py") -> int:
    """Return the exit code."""
    args = read(CommandLine, argv, prog, __doc__)

    def make() -> int:
        make_worlds(args.place / "worlds")
        return 0 if make_boards(args.place / "boards", args.photos) else 1

    return exit_code(make, prog=prog)


if __name__ == "__main__":
    sys.exit(main())

"""The guide by pictures: a folder of them, their palette and their texture, without a trained network.

The trainer opens it for --images; `find_images` is also the command line's reader of that option. It never writes, and one
bad file among good ones is a note, not an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.pictures import SUFFIXES, read_image
from phosphene.tools.guides import statistics
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.oklab import oklab

MOST = 100
"""Pictures read of one folder: more than a mood board has, few enough to wait for."""

_POINTS = 16384  # pooled pixels that stand for all pictures
_SMALLEST = 16  # px: what is smaller has no texture to speak of
_FLAT = 0.01  # standard deviation of L and of a and b, below which a picture has none either

# Share of the score, and the mean error at which a part is worth 0.
_WEIGHTS = {"palette": 1.0, "texture": 0.6, "edges": 0.3}
_HALF = {"palette": 0.12, "texture": 1.0, "edges": 1.0}
# Statistics differ from picture to picture of one mood board: a difference counts in units of that spread, and never of less
# than this, chosen by hand: one picture alone has no spread.
_LEAST = {"level": 0.3, "variance": 0.15, "kinship": 0.12, "crossing": 0.12, "steps": 0.3, "with_light": 0.2, "clear": 0.15}


MOST_BOARDS = 8


def find_boards(place: Path) -> tuple[tuple[tuple[Path, ...], ...], tuple[str, ...]]:
    """Return the pictures of a folder as one board; of a folder that has no pictures, but folders of them, each as one, by
    name; and what `find_images` has to say of them.

    Raises UserError as that does, and where there are more than `MOST_BOARDS`.
    """
    folders = []
    if place.is_dir() and not any(p.suffix.lower() in SUFFIXES and not p.is_dir() for p in place.iterdir()):
        folders = sorted(p for p in place.iterdir() if p.is_dir() and p.name[0] != ".")
    if len(folders) < 2:
        images, notes = find_images(folders[0] if folders else place)
        return (images,), notes
    if len(folders) > MOST_BOARDS:
        raise UserError(
            "too many folders of pictures", where=str(place), allowed=f"{MOST_BOARDS}, each a variation", got=len(folders)
        )
    found = [find_images(folder) for folder in folders]
    return tuple(images for images, _ in found), tuple(note for _, notes in found for note in notes)


def find_images(place: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the pictures of a folder (not of folders in it), or the one file, sorted by name, each read once to see that
    it can be; and one line for each that cannot, or counts only in part.

    Raises UserError where there is no place, or no picture in it.
    """
    allowed = ", ".join(SUFFIXES)
    if not place.exists():
        raise UserError("no such folder or picture", where=str(place), allowed=allowed, remedy="check the path")
    if place.is_dir():
        # A pipe is among them, to be named with the others that cannot be read.
        files = sorted(p for p in place.iterdir() if p.suffix.lower() in SUFFIXES and not p.is_dir() and p.name[0] != ".")
    else:
        files = [place]
    notes = []
    if len(files) > MOST:
        notes.append(f"{place} has {len(files)} pictures: {MOST} of them, evenly by name, are used")
        files = [files[i * len(files) // MOST] for i in range(MOST)]
    good = []
    for path in files:
        try:
            note = _shortcoming(path, _read(path, ImagesGuide.side))
        except UserError as error:
            note = _skipped(path, error)
        else:
            good.append(path)
        notes += [note] if note else []
    if not good:
        remedy = "; ".join(notes[:3]) or "put pictures into it"
        raise UserError(
            "no readable picture here", where=str(place), allowed=allowed, got=f"{len(files)} files", remedy=remedy
        )
    return tuple(good), tuple(notes)


class ImagesGuide:
    """Scores pictures by their likeness to the request's in palette, texture and edges. Wants whole pictures, 96 px high.

    notes: what was left out or counts in part, a line each.
    """

    name = "images"
    cutouts = False
    side = 96

    def __init__(self, request: Request) -> None:
        """Read the pictures. Raises UserError where the request has none that can be read."""
        if not request.images:
            raise UserError("the images guide needs pictures", remedy="give a folder with --images, or choose another guide")
        notes, pixels, described = [], [], []
        rng = np.random.default_rng(7)
        for path in request.images:
            try:
                rgb = _read(path, self.side)
            except UserError as error:
                notes.append(_skipped(path, error))
                continue
            lab = oklab(torch.tensor(rgb).permute(2, 0, 1)[None])
            flat = lab[0].flatten(1).T.numpy()
            # Every picture has the same say, however large: a swatch of one pixel is a wish too.
            pixels.append(flat[rng.integers(0, len(flat), _POINTS // len(request.images) + 1)])
            note = _shortcoming(path, rgb)
            if note:
                notes.append(note)
            else:
                described.append({name: value[0] for name, value in _describe(lab).items()})
        if not pixels:
            raise UserError(
                "no readable picture",
                where=str(request.images[0].parent),
                allowed=", ".join(SUFFIXES),
                got=f"{len(request.images)} files",
                remedy="; ".join(notes[:3]),
            )
        self.notes: tuple[str, ...] = tuple(notes)
        self._palette = statistics.SlicedPalette(np.concatenate(pixels))
        self._wanted = _across(described) if described else {}

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the weighted mean of `parts`, [n], -1..1; pictures as in `base.Guide`."""
        parts = self.parts(pictures)
        return sum(_WEIGHTS[name] * part for name, part in parts.items()) / sum(_WEIGHTS[name] for name in parts)

    def palette_distance(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return how far each picture's palette is from the pooled one of the request's, [n], OKLab units, 0 = the same."""
        return self._palette.distance(oklab(pictures))

    def parts(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return 'palette', 'texture', 'edges' -> score [n], -1..1; 'palette' alone where the request's have no texture."""
        lab = oklab(pictures)
        errors = {"palette": self._palette.distance(lab)}
        if self._wanted:
            found = _describe(lab)
            away = {name: self._wanted[name].difference(value) for name, value in found.items()}
            errors["texture"] = torch.cat([away[name] for name in ("level", "variance", "kinship", "crossing")], 1).mean(1)
            errors["edges"] = torch.cat([away[name] for name in ("steps", "with_light", "clear")], 1).mean(1)
        return {name: 1 - 2 * error / (error + _HALF[name]) for name, error in errors.items()}


@dataclass(frozen=True)
class _Wanted:
    """A statistic over the request's pictures: its mean and its spread, [numbers] each."""

    mean: torch.Tensor
    spread: torch.Tensor

    def difference(self, found: torch.Tensor) -> torch.Tensor:
        """Return how many spreads [n, numbers] is away, smoothly 0 at the mean."""
        return (((found - self.mean.to(found)) / self.spread.to(found)).square() + 1).sqrt() - 1


def _across(described: list[dict[str, torch.Tensor]]) -> dict[str, _Wanted]:
    wanted = {}
    for name in described[0]:
        values = torch.stack([d[name] for d in described])
        wanted[name] = _Wanted(values.mean(0), values.std(0, correction=0).clamp_min(_LEAST[name]))
    return wanted


def _describe(lab: torch.Tensor) -> dict[str, torch.Tensor]:
    return statistics.texture(lab[:, 0]) | statistics.colour_edges(lab)


def _read(path: Path, height: int) -> np.ndarray:
    """Return a picture's first frame, upright, over black, sRGB 0..1 float32 [h, w, 3], h = `height` unless a side is tiny.

    Raises UserError.
    """
    # Resized with alpha still there: Pillow premultiplies, so that colours under transparent pixels do not bleed.
    picture = read_image(path, 2 * height).convert("RGBA")
    if min(picture.size) >= _SMALLEST and picture.height != height:
        width = min(4 * height, max(1, round(picture.width * height / picture.height)))
        picture = picture.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    rgba = np.asarray(picture, np.float32) / 255
    return np.ascontiguousarray(rgba[..., :3] * rgba[..., 3:])


def _shortcoming(path: Path, rgb: np.ndarray) -> str:
    """Return why a picture counts for its palette only, or ''."""
    h, w = rgb.shape[:2]
    if min(h, w) < _SMALLEST:
        return f"{path.name} is only {w} x {h} px: it counts for its colours, not for its texture"
    if rgb.std((0, 1)).max() < _FLAT:
        return f"{path.name} is one flat colour: it counts for its colour, not for its texture"
    return ""


def _skipped(path: Path, error: UserError) -> str:
    why = f"{error.what}: {error.got}" if error.got is not None else error.what
    return one_line(f"{path.name} cannot be read as a picture and is left out ({why})")

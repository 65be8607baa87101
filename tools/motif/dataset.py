"""The pictures that `motif` learns from: painted once per seed into a file, and varied anew at every use.

Called by `tools/train_motif.py` and the evaluation. Files lie in the cache folder under a name that is a hash of all that
made them, the painters' source included. Never writes captions: those are drawn at every step.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch.nn import functional as F

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, read_json
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import cache_dir
from phosphene.engine.models.colour import from_hex, oklab
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.encoding import AUDIO_INPUTS, View, coordinates, input_values, uniform_vector
from phosphene.engine.models.growth import draw_recipe, grow
from phosphene.kernels.cppn.reference import forward
from phosphene.tools.datasets.rows import Rows
from phosphene.tools.motif import pictures as painters
from phosphene.tools.motif import subject as subjects
from phosphene.tools.motif.captions import is_held_out
from phosphene.tools.motif.pictures import paint
from phosphene.tools.motif.subject import COLOURS, Subject, draw_subject

MOST_PICTURES = 1_000_000
"""What the list of subjects, up to 224 bytes each, can be read back with: hours of painting are not to be lost."""

PAINTED_SIDE = 72  # px: an eighth more than is looked at, so that a crop of 64 loses no sharpness
_NETWORK_SHARE = 0.06
_VIEWS = 6  # pictures per network: growing one costs as much as painting twenty
_SPEC = CppnSpec(width=24, layers=4)


@dataclass(frozen=True)
class Settings:
    """seed: another one gives other pictures throughout. count: pictures. held_out: only combinations that training never
    sees, instead of only those it does. networks: whether a few renders of untrained networks are among them."""

    seed: int
    count: int
    held_out: bool = False
    networks: bool = True
    side: int = PAINTED_SIDE

    @property
    def key(self) -> str:
        """Hash of the settings and of the source that paints."""
        source = [Path(subjects.__file__), *sorted(Path(painters.__file__).parent.glob("*.py"))]
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        for path in source:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Pictures:
    """images: uint8 [n, side, side, 3], in memory or in a file; subjects: what each shows; key: of the file."""

    images: np.ndarray | Rows
    subjects: list[Subject]
    key: str = ""

    def tensor(self, index: np.ndarray) -> torch.Tensor:
        """Return those pictures, float32 [n, 3, side, side] in 0..1."""
        return torch.from_numpy(np.ascontiguousarray(self.images[index])).permute(0, 3, 1, 2).float() / 255.0


def open_pictures(settings: Settings, progress: Callable[[int], None] | None = None, key: str | None = None) -> Pictures:
    """Return the pictures of these settings, painted now if they are not in the cache (about 5 ms each).

    progress: told how many are done. key: of a file that a resumed training began with; used if it is still there.
    """
    folder = cache_dir() / "motif"
    name = key if key and (folder / f"{key}.json").is_file() else settings.key
    images_path, subjects_path = folder / f"{name}.npy", folder / f"{name}.json"
    # The list is written last, so it vouches for the pictures.
    if not subjects_path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = images_path.with_suffix(".part")
        shape = (settings.count, settings.side, settings.side, 3)
        with part.open("wb") as file:
            found = _paint_all(settings, _Sheet(file, shape), progress)
        part.replace(images_path)
        listed = subjects_path.with_suffix(".json.part")
        listed.write_text(json.dumps([asdict(subject) for subject in found]))
        listed.replace(subjects_path)
    return Pictures(Rows(images_path), _read_subjects(subjects_path), name)


def _read_subjects(path: Path) -> list[Subject]:
    listed = read_json(path, MOST_RECORD)
    try:
        return [Subject(**{**entry, "colours": tuple(entry["colours"])}) for entry in listed]
    except (TypeError, KeyError) as error:
        raise UserError(
            "the list of painted pictures is damaged", where=str(path), remedy="delete it: they are painted again"
        ) from error


class _Sheet:
    """An array in a file that pictures are painted into. Written and not mapped: where a disk is full a mapping ends us."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        self._file = file
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        self._begin = file.tell()

    def __setitem__(self, i: int, picture: np.ndarray) -> None:
        self._file.seek(self._begin + i * picture.size)
        self._file.write(picture.tobytes())


def make_pictures(settings: Settings) -> Pictures:
    """Return the pictures of these settings in memory: for a few."""
    images = np.empty((settings.count, settings.side, settings.side, 3), np.uint8)
    return Pictures(images, _paint_all(settings, images, None))


def _paint_all(settings: Settings, images: np.ndarray | _Sheet, progress: Callable[[int], None] | None) -> list[Subject]:
    networks = int(settings.count * _NETWORK_SHARE) // _VIEWS * _VIEWS if settings.networks and not settings.held_out else 0
    found: list[Subject] = []
    for i in range(settings.count - networks):
        rng = np.random.default_rng([settings.seed, i])
        subject = draw_subject(rng)
        while is_held_out(subject) != settings.held_out:
            subject = draw_subject(rng)
        images[i] = _bytes(paint(subject, rng, settings.side))
        found.append(subject)
        if progress and i % 100 == 0:
            progress(i)
    for i in range(0, networks, _VIEWS):
        at = settings.count - networks + i
        for k, picture in enumerate(render_network(np.random.default_rng([settings.seed, at, 1]), settings.side)):
            images[at + k] = _bytes(picture)
            found.append(describe_colours(picture))
        if progress:
            progress(at)
    return found


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)


def render_network(rng: np.random.Generator, side: int) -> list[np.ndarray]:
    """Return views of one untrained network at random moments, float32 [side, side, 3] each.

    What is scored later are networks' pictures, smooth in their own way; some must be known, or all are equally strange.
    """
    weights, scales = grow(_SPEC, draw_recipe(int(rng.integers(1 << 30))), int(rng.integers(1 << 30)))
    views = []
    for _ in range(_VIEWS):
        view = View(zoom=float(np.exp(rng.uniform(-0.7, 1.2))), pan_x=float(rng.normal()), pan_y=float(rng.normal()))
        levels = dict(zip(AUDIO_INPUTS, rng.uniform(0, 1, len(AUDIO_INPUTS)), strict=True))
        inputs = np.empty((side * side, len(_SPEC.inputs)))
        inputs[:, _SPEC.columns(_SPEC.spatial)] = coordinates(Size(side, side), view)
        inputs[:, _SPEC.columns(_SPEC.uniform)] = uniform_vector(
            _SPEC.uniform, input_values(rng.uniform(0, 300), levels, {}), scales
        )
        picture = forward(inputs, weights, _SPEC.layer_activations).reshape(side, side, 3)
        # Growth knows fourteen palettes: other orders of the channels make them eighty-four.
        views.append(picture[:, :, rng.permutation(3)].astype(np.float32))
    return views


_ANCHORS = oklab(np.stack([from_hex(value) for value in COLOURS.values()]))


def describe_colours(picture: np.ndarray) -> Subject:
    """Return a subject of the pseudo-family `abstract` that names the picture's colours [h, w, 3] and its ground."""
    lab = oklab(picture[::3, ::3].reshape(-1, 3))
    # Lightness counts less: people call a dark red red.
    distance = (((lab[:, None] - _ANCHORS) * (0.6, 1.0, 1.0)) ** 2).sum(2)
    share = np.bincount(distance.argmin(1), minlength=len(COLOURS)) / len(lab)
    names = list(COLOURS)
    dark = share[names.index("black")]
    share[names.index("black")] = 0.0
    order = [int(i) for i in np.argsort(-share)[:3] if share[i] > max(0.06, 0.3 * share.max())]
    ground = "black" if dark > 0.4 else "dark" if lab[:, 0].mean() < 0.5 else "light"
    return Subject("abstract", tuple(names[i] for i in order) or ("black",), ground)


def in_colours_of(fields: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Return pictures with the structure of one and the colours of the other, float32 [n, 3, h, w].

    fields: float32 [n, h, w], of which only the order counts. pictures: [n, 3, h, w]. The pixels of each picture, from dark
    to light, are laid where its field is low to high: not one colour more or less.
    """
    flat = pictures.flatten(2)
    order = _luma(pictures).flatten(1).argsort(1)
    places = fields.flatten(1).argsort(1).argsort(1)
    sorted_ = flat.gather(2, order[:, None].expand_as(flat))
    return sorted_.gather(2, places[:, None].expand_as(flat)).reshape(pictures.shape)


def camouflage(pictures: torch.Tensor) -> torch.Tensor:
    """Return warped blobs in the very colours of pictures float32 [n, 3, side, side]: what a style looks like that took the
    colours of its words and nothing else. Drawn by torch's generator."""
    n, _, side, _ = pictures.shape
    bend = F.interpolate(torch.randn(n, 2, 5, 5), (side, side), mode="bicubic", align_corners=False)
    axis = torch.linspace(-0.7, 0.7, side)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1) + 0.14 * bend.permute(0, 2, 3, 1)
    # Ridges of a field make the thin necks between blobs that such styles have.
    large = F.interpolate(torch.randn(n, 1, 6, 6), (32, 32), mode="bicubic", align_corners=False)
    fine = F.interpolate(torch.randn(n, 1, 14, 14), (32, 32), mode="bicubic", align_corners=False)
    blobs = F.grid_sample(large + 0.45 * fine, places, mode="bicubic", padding_mode="reflection", align_corners=False)[:, 0]
    ridged = torch.rand(n, 1, 1) < 0.4
    return in_colours_of(torch.where(ridged, blobs.abs(), blobs).to(pictures.device), pictures)


def _luma(pictures: torch.Tensor) -> torch.Tensor:
    return pictures[:, 0] * 0.3 + pictures[:, 1] * 0.59 + pictures[:, 2] * 0.11


def vary(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Return the pictures [n, 3, h, w] as a careless camera would see them, float32 [n, 3, side, side] in 0..1.

    A crop of 0.6 to 1 of the side, turned up to 12 degrees, perhaps mirrored; brightness, contrast and colour balance
    shifted a little; a third blurred, half with noise: without noise in training a tower's gradient is mostly noise. Not
    differentiable: it writes in place.
    """
    n, device = len(pictures), pictures.device

    def draw(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, *shape, device=device)

    zoom, turn = draw(0.6, 1.0), draw(-1.0, 1.0) ** 3 * math.radians(12)
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    cos, sin = zoom * turn.cos(), zoom * turn.sin()
    room = 1.0 - zoom
    matrix = torch.stack(
        (torch.stack((flip * cos, -sin, room * draw(-1, 1)), 1), torch.stack((flip * sin, cos, room * draw(-1, 1)), 1)), 1
    )
    grid = F.affine_grid(matrix, [n, 3, side, side], align_corners=False)
    x = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    contrast = draw(0.85, 1.15, 1, 1, 1)
    x.mul_(contrast).add_(0.5 - 0.5 * contrast + draw(-0.06, 0.06, 1, 1, 1) + draw(-0.03, 0.03, 3, 1, 1))
    # The pictures come in random order, so that a fixed third of the batch is a random one.
    kernel = torch.tensor([1.0, 2.0, 1.0], device=device) / 4
    weight = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
    third = n // 3
    x[:third] = F.conv2d(F.pad(x[:third], (1, 1, 1, 1), mode="replicate"), weight, groups=3)
    noisy = x[n // 4 : n - n // 4]
    noisy.add_(torch.randn_like(noisy).mul_(draw(0.0, 0.06, 1, 1, 1)[: len(noisy)]))
    return x.clamp_(0.0, 1.0)

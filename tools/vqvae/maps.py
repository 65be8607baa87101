"""Pictures of a codebook: the atlas of its codes, their map by principal components, and their use over the training.

Called by `commands` at the end of a run and by `report`. Draws and writes PNG; trains nothing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phosphene.engine.models.style import write_atomic
from phosphene.tools.vqvae.dreaming import decode_codes
from phosphene.tools.vqvae.export import to_frames
from phosphene.tools.vqvae.network import VqVae

_LAID = 4  # codes on each side of a tile: a code is seen among its kind, as the decoder sees it
_MAP_PX = 720
_TILE_PX = (10, 44)  # side of a code's tile on the map: of one that is never used, of the most used one
_USAGE_PX = 480  # width and height of the picture of use, at least
_UNUSED = (64, 12, 24)  # sRGB, of an epoch in which a code is not used at all


def write_maps(folder: Path, model: VqVae, counts: np.ndarray) -> None:
    """Write atlas.png, codebook.png and, in codebook.json, how much of the variance the map explains.

    counts: int64 [codes], use by what is held out.
    """
    tiles = tiles_of(model)
    places, explained = principal_places(model.codebook().numpy())
    write_png(folder / "atlas.png", atlas(tiles))
    write_png(folder / "codebook.png", codebook_map(tiles, places, counts))
    write_atomic(folder / "codebook.json", (json.dumps({"explained": explained.tolist()}) + "\n").encode())


@torch.no_grad()
def tiles_of(model: VqVae) -> np.ndarray:
    """Return a tile for each code, laid everywhere: uint8 [codes, side, side, 3]."""
    codes = np.arange(model.spec.codes)
    laid = np.broadcast_to(codes[:, None, None], (len(codes), _LAID, _LAID))
    return to_frames(decode_codes(model, np.ascontiguousarray(laid)))


def atlas(tiles: np.ndarray) -> np.ndarray:
    """Return the codebook as a picture, uint8 [h, w, 3], sorted by brightness. Codes that nothing uses are in it too."""
    order = np.argsort(tiles.reshape(len(tiles), -1).mean(1), kind="stable")
    across = int(np.ceil(np.sqrt(len(tiles) * 16 / 9)))
    down = -(-len(tiles) // across)
    step = tiles.shape[1] + 2
    sheet = np.zeros((down * step, across * step, 3), np.uint8)
    for place, k in enumerate(order):
        y, x = divmod(place, across)
        sheet[y * step : y * step + step - 2, x * step : x * step + step - 2] = tiles[k]
    return sheet


def principal_places(codebook: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each code lies along the two directions in which the codes differ most, float64 [codes, 2], and the share
    of the variance that each direction explains, [2]. codebook: [codes, dim]; of one dimension the second place is 0."""
    centred = codebook.astype(np.float64) - codebook.mean(0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    places, shares = np.zeros((len(centred), 2)), np.zeros(2)
    kept = min(2, len(sizes))
    places[:, :kept] = centred @ directions[:kept].T
    shares[:kept] = np.square(sizes[:kept]) / max(1e-12, np.square(sizes).sum())
    return places, shares


def codebook_map(tiles: np.ndarray, places: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the map, uint8 [720, 720, 3]: each code's tile at its place, its area by its use; seldom used ones on top."""
    use = counts if len(counts) == len(tiles) else np.zeros(len(tiles))
    sides = _TILE_PX[0] + (_TILE_PX[1] - _TILE_PX[0]) * np.sqrt(use / max(1, use.max()))
    low, high = places.min(0), places.max(0)
    at = (places - low) / np.maximum(high - low, 1e-9) * (_MAP_PX - _TILE_PX[1]) + _TILE_PX[1] / 2
    sheet = Image.new("RGB", (_MAP_PX, _MAP_PX), (16, 16, 20))
    for k in np.argsort(-use, kind="stable"):
        side = round(sides[k])
        tile = Image.fromarray(tiles[k]).resize((side, side), Image.Resampling.BOX)
        sheet.paste(tile, (round(at[k, 0] - side / 2), round(_MAP_PX - at[k, 1] - side / 2)))
    return np.asarray(sheet)


def usage_map(counts: Sequence[Sequence[int]]) -> np.ndarray | None:
    """Return the use of codes over the training, uint8 [h, w, 3]: a column an epoch, a row a code, the most used of the last
    epoch on top; bright is often, dark red never. counts: of each epoch, empty ones are left out; None without any.
    """
    kept = [np.asarray(each, np.float64) for each in counts if len(each)]
    if not kept or any(len(each) != len(kept[0]) for each in kept):
        return None
    share = np.stack([each / max(1.0, each.sum()) for each in kept], axis=1)
    share = share[np.argsort(-share[:, -1], kind="stable")]
    light = np.sqrt(share / max(1e-12, share.max()))
    picture = (np.stack([light * 235, light * 215 + 20, light * 160 + 40], -1)).astype(np.uint8)
    picture[share == 0] = _UNUSED
    tall, wide = (-(-_USAGE_PX // side) for side in picture.shape[:2])
    return picture.repeat(tall, 0).repeat(wide, 1)


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 [h, w, 3]."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG", optimize=True)
    write_atomic(path, data.getvalue())

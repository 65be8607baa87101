"""Any picture in the codes of a VQ-VAE style, without its encoder, which no style holds: what undoes the decoder is fitted.

The decoder paints pictures of codes: frames of the style's own loops, and the same with half of the places given to chance.
A ridge regression (Hoerl and Kennard 1970) then says which embedding a place had by the pixels of that place and around it:

    codes --decoder--> 64 pictures --features of a place--> ridge --> z of the place --nearest codes, blended--> z

Made on the loader thread, which takes half a second the first time; `encode` is the render thread's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from phosphene.engine.backends.decoders import Decoder
from phosphene.engine.backends.plain_decoder import open_decoder
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style

_PLACES = 9000  # that the fit sees: some 25 for each of the numbers that it finds, for those styles that ship
_PICTURES = (8, 128)  # that the decoder paints for it
_RIDGE = 1e-3  # of the mean variance of a feature
_BLEND = 0.25  # of the squared way from a code to its nearest: codes that are as near as that to a place are blended there
_USUAL = (0.45, 0.25)  # mean and spread of a picture's sRGB: pictures are brought from there to where the style's lie
_MOST_REMEMBERED = 4


@dataclass(frozen=True)
class _Fit:
    """Means of features and embeddings, the weights between them; mean and spread of each colour of the style's pictures."""

    features: np.ndarray
    weights: np.ndarray
    embeddings: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


_fitted: dict[str, _Fit] = {}  # by a style's fingerprint


class Codebook:
    """A VQ-VAE style that pictures are seen through. The decoder is closed with it. Raises UserError where none can run."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.net = style.spec
        self.codes = np.ascontiguousarray(style.weights["codebook"], np.float32)
        tokens = self.net.tokens
        most = 8 if tokens <= 1024 else 4 if tokens <= 4096 else 2
        self._cell = min(most, self.net.factor)  # px of a place's side that are looked at
        # Beside the threads that draw, two of OpenBLAS take 30 ms for products that one has done in 1.
        self._blas = ThreadpoolController().select(user_api="blas")
        self.decoder: Decoder = open_decoder(style)
        try:
            with self._blas.limit(limits=1):
                self._fit = _fitted.get(style.sha256) or self._fitted_now()
        except BaseException:
            self.decoder.close()
            raise
        if style.sha256:
            _fitted[style.sha256] = self._fit
            while len(_fitted) > _MOST_REMEMBERED:
                del _fitted[next(iter(_fitted))]
        ways = _squares(self.codes, self.codes)
        np.fill_diagonal(ways, np.inf)
        self._softness = max(1e-9, _BLEND * float(np.median(ways.min(axis=1))))

    @property
    def size(self) -> Size:
        """The size of the pictures that `encode` takes."""
        return Size(self.net.columns * self._cell, self.net.rows * self._cell)

    def guess(self, picture: np.ndarray) -> np.ndarray:
        """Return the embedding of each place as the fit has it, float32 [rows, columns, dim]. picture: as of `encode`."""
        fit = self._fit
        z = (self._features(picture) - fit.features) @ fit.weights + fit.embeddings
        return z.reshape(self.net.rows, self.net.columns, -1)

    def encode(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture in codes, float32 [rows, columns, dim]: at each place the nearest, mixed by their nearness.

        One code alone would jump to another wherever the picture moves a little. picture: float32 [h, w, 3] of `size`, sRGB.
        Its colours are first brought to where the style's own lie, always by the same rule: codes of a dark style have no
        word for a light sky.
        """
        usual, spread = _USUAL
        picture = np.clip(self._fit.mean + (picture - usual) * (self._fit.spread / spread), 0.0, 1.0).astype(np.float32)
        with self._blas.limit(limits=1):
            ways = _squares(self.guess(picture).reshape(-1, self.net.dim), self.codes)
            ways -= ways.min(axis=1, keepdims=True)
            shares = np.exp(np.maximum(-ways / self._softness, -60.0))
            shares /= shares.sum(axis=1, keepdims=True)
            z = shares @ self.codes
        return z.reshape(self.net.rows, self.net.columns, self.net.dim)

    def close(self) -> None:
        """Free the decoder."""
        self.decoder.close()

    def _fitted_now(self) -> _Fit:
        net, rng = self.net, np.random.default_rng([7, self.style.meta.seed & 0xFFFFFFFF])
        loops = np.clip(self.style.weights["loops"], 0, net.codes - 1).astype(np.int64)
        features, codes, colours = [], [], []
        for n in range(min(_PICTURES[1], max(_PICTURES[0], -(-_PLACES // net.tokens)))):
            grid = loops[rng.integers(len(loops)), rng.integers(net.frames)]
            if n % 2:
                grid = np.where(rng.random(grid.shape) < 0.5, rng.integers(0, net.codes, grid.shape), grid)
            z = np.ascontiguousarray(np.moveaxis(self.codes[grid], -1, 0))
            picture = _reduced(self.decoder.decode({"z": z}), net.factor // self._cell)
            features.append(self._features(picture))
            if not n % 2:
                colours.append(picture.reshape(-1, 3))
            codes.append(grid.ravel())
        x, z = np.concatenate(features).astype(np.float64), self.codes[np.concatenate(codes)].astype(np.float64)
        mean, offset = x.mean(axis=0), z.mean(axis=0)
        x -= mean
        square = x.T @ x
        square[np.diag_indices_from(square)] += _RIDGE * max(1e-9, float(np.trace(square))) / len(square)
        weights = np.linalg.solve(square, x.T @ (z - offset))
        seen = np.concatenate(colours)
        found = (mean, weights, offset, seen.mean(axis=0), seen.std(axis=0))
        return _Fit(*(each.astype(np.float32) for each in found))

    def _features(self, picture: np.ndarray) -> np.ndarray:
        """Return float32 [places, features]: each place's own pixels, and twice its width at half the detail."""
        rows, columns, cell = self.net.rows, self.net.columns, self._cell
        own = picture.reshape(rows, cell, columns, cell, 3).swapaxes(1, 2).reshape(rows * columns, -1)
        half = cell // 2
        if not half:
            return own
        wide = np.pad(picture, ((half, half), (half, half), (0, 0)), mode="edge")
        if wide.shape[0] % 2 or wide.shape[1] % 2:
            return own
        wide = _reduced(wide, 2)
        around = np.lib.stride_tricks.sliding_window_view(wide, (cell, cell), axis=(0, 1))[::half, ::half]
        return np.concatenate((own, around[:rows, :columns].reshape(rows * columns, -1)), axis=1)


def _reduced(picture: np.ndarray, by: int) -> np.ndarray:
    height, width = picture.shape[:2]
    return picture.reshape(height // by, by, width // by, by, 3).mean(axis=(1, 3)) if by > 1 else picture


def _squares(points: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the squared ways from points to codes, [points, codes]."""
    found = (points * points).sum(axis=1)[:, None] + (codes * codes).sum(axis=1) - 2.0 * points @ codes.T
    return np.maximum(found, 0.0)

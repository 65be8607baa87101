"""What a VQ-VAE training is told: one frozen record, written to the run's `options.json` and read back.

Made by the command line and by the ablation. Checks ranges; opens nothing.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.vqvae import MAX_CODES, VqvaeNetwork
from phosphene.tools.laboratory import laboratory
from phosphene.tools.option_words import PLAIN_RECIPES, RECIPES
from phosphene.tools.runs.options import from_table, options_table

if TYPE_CHECKING:
    import torch

    from phosphene.tools.vqvae.quantisers import Quantiser

MODES = ("gray", "128", "256")
QUANTISERS = ("ema", "gradient", "cosine", "fsq", "vae")
SPLITS = ("whole", "variant", "arc", "leaky")
START = ("none", "before", "data")
LEVELS = {128: (8, 4, 4), 256: (8, 8, 4), 64: (4, 4, 4), 16: (4, 4), 125: (5, 5, 5), 240: (8, 6, 5)}
BETA, BETA_FIRST, BETA_EPOCHS = 0.25, 0.05, 30


@dataclass(frozen=True)
class Options:
    """What a run is told.

    mode: "gray" is 64 x 64 with the plain recipe's architecture; "128" and "256" are colour, 16:9 if the data are (`size`
    says otherwise). quantiser: "ema" and "gradient" are codebooks of all dimensions, "cosine" one of `inner` dimensions on
    the sphere, "fsq" has none, "vae" is none. start: of the codebook: "none" as drawn; "before" k-means on the untrained
    encoder as the plain recipe does; "data" k-means after `warm` epochs without a quantiser. restart: codes used by fewer
    vectors a batch are put on data, 0 never; even: how strongly codes are used alike; rescue: "plain" revives as the plain
    recipe does. minutes: of the whole run, 0: it ends when the epochs are done; share: of them that the network gets, the
    rate falling in time; what is left is for prior, dreams and previews. precision: "auto" is mixed where the processor
    multiplies bfloat16. threads: of torch, 0: as many as it likes. mend: collapse is mended, not only said.
    """

    data: str = ""
    mode: str = "gray"
    split: str = "whole"
    size: str = ""
    variants: int = 0
    quantiser: str = "ema"
    codes: int = 0
    inner: int = 8
    gradient: str = "straight"
    decay: float = 0.99
    start: str = "data"
    warm: int = 1
    restart: float = 1.0
    even: float = 0.05
    rescue: str = "full"
    widths: tuple[int, ...] = ()
    blocks: int = -1
    dim: int = 64
    batch: int = 32
    lr: float = 1e-3
    schedule: str = "cosine"
    epochs: int = 200
    patience: int = 15
    minutes: float = 0.0
    share: float = 1.0
    seed: int = 0
    data_seed: int = 42
    precision: str = "auto"
    threads: int = 1
    mend: bool = True

    def __post_init__(self) -> None:
        words = {
            "mode": MODES, "split": SPLITS, "quantiser": QUANTISERS, "gradient": ("straight", "rotation"), "start": START,
            "rescue": RECIPES, "schedule": ("cosine", "plateau"), "precision": ("auto", "float", "mixed"),
        }  # fmt: skip
        for key, allowed in words.items():
            if (got := getattr(self, key)) not in allowed:
                raise UserError("no such choice", where=flag(key), allowed=", ".join(allowed), got=got)
        ranges: dict[str, tuple[float, float]] = {
            "variants": (0, 10_000), "inner": (1, 64), "decay": (0.5, 0.9999), "warm": (0, 100), "restart": (0, 1000),
            "even": (0, 10),
            "codes": (0, MAX_CODES), "batch": (1, 4096), "lr": (1e-7, 1.0), "epochs": (1, 100_000), "patience": (0, 100_000),
            "minutes": (0, 1e5), "share": (0.01, 1.0), "threads": (0, 256),
            "seed": (0, 2**31 - 1), "data_seed": (0, 2**31 - 1),
        }  # fmt: skip
        for key, (low, high) in ranges.items():
            if not low <= (value := getattr(self, key)) <= high:
                raise UserError("out of range", where=flag(key), allowed=f"{low:g} to {high:g}", got=value)
        if self.quantiser == "fsq" and self.entries not in LEVELS:
            allowed = ", ".join(map(str, sorted(LEVELS)))
            raise UserError("no levels of FSQ for so many codes", where="--codes", allowed=allowed, got=self.entries)
        spec = self.spec()
        if self.size and spec.size != self.picture:
            remedy = f"multiples of {spec.factor}"
            raise UserError("the codes do not tile the picture", where="--size", allowed=remedy, got=self.size)

    @property
    def gray(self) -> bool:
        return self.mode == "gray"

    @property
    def entries(self) -> int:
        """Codes of the codebook."""
        return self.codes or (128 if self.gray else 256)

    @property
    def picture(self) -> Size:
        """The size that is trained on."""
        if self.size:
            return Size.parse(self.size)
        return {"gray": Size(64, 64), "128": Size(128, 72), "256": Size(256, 144)}[self.mode]

    def spec(self) -> VqvaeNetwork:
        """Return the decoder's architecture. Raises UserError."""
        plain = self.gray
        widths = self.widths or ((128, 64, 32) if plain else (128, 96, 48))
        blocks = self.blocks if self.blocks >= 0 else (0 if plain else 2)
        factor = 2 ** len(widths)
        size = self.picture
        try:
            return VqvaeNetwork(
                rows=size.height // factor, columns=size.width // factor, channels=1 if plain else 3, codes=self.entries,
                dim=self.dim, widths=tuple(widths), blocks=blocks,
            )  # fmt: skip
        except ValidationError as error:
            first = error.errors()[0]
            key = {"rows": "size", "columns": "size"}.get(str(first["loc"][0]), str(first["loc"][0]))
            raise UserError(first["msg"].lower(), where=flag(key), got=first["input"]) from error

    def make_quantiser(self, generator: torch.Generator) -> Quantiser:
        """Return the quantiser, its random start drawn from `generator`."""
        from phosphene.tools.vqvae.quantisers import Codebook, Gaussian, Scalar  # torch, which no help waits for

        if self.quantiser == "fsq":
            return Scalar(LEVELS[self.entries], self.dim)
        if self.quantiser == "vae":
            return Gaussian(self.dim)
        kind = Codebook if self.rescue == "full" else laboratory("plain_vqvae", PLAIN_RECIPES).Rescued
        cosine = self.quantiser == "cosine"
        return kind(
            self.entries, self.dim, generator, learning="gradient" if self.quantiser == "gradient" else "ema",
            gradient=self.gradient, decay=self.decay, inner=self.inner if cosine else 0, cosine=cosine,
            restart=self.restart, even=self.even,
        )  # fmt: skip

    def beta(self, epoch: int) -> float:
        """Return the weight of the commitment in epoch 0, 1, ...: 0.05 -> 0.25 over 30 epochs."""
        return BETA_FIRST + (BETA - BETA_FIRST) * min(1.0, epoch / BETA_EPOCHS)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Options:
        """Read `options.json`. Raises UserError naming the key."""
        return cls.from_table(options_table(path), str(path))

    @classmethod
    def from_table(cls, table: dict[str, Any], where: str) -> Options:
        """Return the options that a JSON table names. Raises UserError."""
        return from_table(cls, table, where)


def flag(key: str) -> str:
    return "--" + key.replace("_", "-")

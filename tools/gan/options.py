"""What a GAN is trained with: one frozen record, checked before anything is opened, written beside every run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.params import within
from phosphene.engine.models.gan import GanNetwork
from phosphene.tools.option_words import RECIPES, of_today

_RANGES: dict[str, tuple[float, float]] = {
    "batch": (2, 4096), "judge": (4, 512), "lr": (0.0, 1.0), "minutes": (0.0, 1e6), "images": (0.0, 1e12),
    "gamma": (0.0, 1e6), "ema": (0.0, 1e12), "save_every": (1.0, 1e6), "sample_every": (1, 1e9), "seed": (0, 2**63 - 1),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """minutes: of training, 0: no limit. images: real pictures seen, in all, 0: no limit. gamma: of R1 and R2, falls to a
    tenth. ema: pictures after which a weight counts half. augment: chance that a picture is changed before it is judged.
    widths: of the generator's levels. judge: width of the discriminator's first level. field: pictures are so many times
    larger than `size`, and a random part of each is trained on; on stage the style paints them whole."""

    size: str = "128x72"
    field: int = 1
    widths: tuple[int, ...] = (64, 48, 32, 16)
    judge: int = 24
    batch: int = 16
    minutes: float = 10.0
    images: float = 0.0
    lr: float = 0.0
    gamma: float = 2.0
    ema: float = 2000.0
    augment: float = 0.5
    mirror: bool = True
    recipe: str = "full"
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"
    save_every: float = 30.0
    sample_every: int = 100
    buckets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            within(f"--{name.replace('_', '-')}", getattr(self, name), low, high)
        if not self.minutes and not self.images:
            raise UserError("training would never end", where="--minutes", remedy="give --minutes or --images")
        if not 0.0 <= self.augment <= 1.0:
            raise UserError("value out of range", where="--augment", allowed="0 to 1", got=self.augment)
        for name, allowed in (("recipe", RECIPES), ("precision", ("auto", "float32", "bfloat16"))):
            if getattr(self, name) not in allowed:
                raise UserError("no such choice", where=f"--{name}", allowed=", ".join(allowed), got=getattr(self, name))
        if not 1 <= self.field <= 4:
            raise UserError("value out of range", where="--field", allowed="1 to 4", got=self.field)
        self.painted()

    @property
    def picture(self) -> Size:
        """Size of the training pictures; one number is a square."""
        try:
            return Size.parse(f"{self.size}x{self.size}" if self.size.isdigit() else self.size)
        except ValueError as error:
            allowed = "WIDTHxHEIGHT, such as 128x72, or one number"
            raise UserError("not a size", where="--size", allowed=allowed, got=self.size) from error

    @property
    def whole(self) -> Size:
        """Size of the pictures that parts are trained on, and that the style paints."""
        return Size(self.picture.width * self.field, self.picture.height * self.field)

    def network(self) -> GanNetwork:
        """Return the generator's shape. Raises UserError where size and widths do not fit."""
        size, factor = self.picture, 2 ** (len(self.widths) - 1)
        if size.width % factor or size.height % factor:
            remedy = f"each level after the first doubles the picture: {len(self.widths)} widths make a factor of {factor}"
            allowed = f"multiples of {factor}"
            raise UserError("size does not fit the levels", where="--size", allowed=allowed, got=self.size, remedy=remedy)
        grid = (size.height // factor, size.width // factor)
        if min(grid) < 2 or max(grid) > 64:
            raise UserError("size does not fit the levels", where="--size", allowed="a latent of 2 to 64 cells", got=grid)
        try:
            return GanNetwork(grid=grid, widths=self.widths)  # that a part needs
        except ValidationError as error:
            allowed = "2 to 7 numbers of 4 to 512"
            raise UserError(_reason(error), where="--widths", allowed=allowed, got=self.widths) from error

    def painted(self) -> GanNetwork:
        """Return the network that the style paints with: of whole pictures, where parts are trained on. Raises UserError."""
        try:
            return self.network().larger(self.field)
        except ValidationError as error:
            raise UserError(_reason(error), where="--size, --widths, --field", got=self.whole) from error

    def as_json(self) -> dict[str, Any]:
        """Return plain values for options.json."""
        return dataclasses.asdict(self)


def _reason(error: ValidationError) -> str:
    said = str(error.errors()[0]["msg"])
    return said[0].lower() + said[1:]


def options_from(data: dict[str, Any]) -> Options:
    """Read what `as_json` wrote; unknown keys are dropped. Raises UserError."""
    names = {f.name for f in dataclasses.fields(Options)}
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in of_today(data).items() if k in names}
    try:
        return Options(**given)
    except (TypeError, AttributeError) as error:
        raise UserError("options.json is damaged", got=error, remedy="start another run") from error

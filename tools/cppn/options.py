"""What a training run is told: every choice in one frozen record, written to the run's `options.json` and read back.

Made by the command line and by batches. Checks ranges; opens nothing.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.cppn import ACTIVATIONS, MAX_LAYERS, MAX_WIDTH, MIN_WIDTH, CppnSpec
from phosphene.engine.models.encoding import BASE_INPUTS
from phosphene.tools.option_words import RECIPES
from phosphene.tools.runs.options import from_table, options_table

_NAME = 60  # as in style.toml
MAX_PROMPT = 600  # characters: longer ones are cut, with a warning; no text tower reads further


@dataclass(frozen=True)
class Options:
    """What a run is told.

    recipe: "full", or "plain": the method of the first CLIP-guided CPPNs (one frame, one time, no cut-outs, no terms),
    which the full one is compared with. resolutions: widths in px of the 16:9 picture, one stage each. iterations: steps
    a stage. reactivity, smoothness, palette, contrast, loop: weights of the loss. loop_s: s of integrated time after which
    the picture repeats, 0 never.
    """

    output: str
    prompt: str = ""
    negative_prompt: str = ""
    images: str = ""
    audio: str = "demo"
    guide: str = "auto"
    judge: str = "auto"
    clip_model: str = ""
    clip_weights: str = ""
    hidden_dim: int = 128
    layers: int = 4
    activation: str = ",".join(ACTIVATIONS)
    inputs: str = ",".join(BASE_INPUTS)
    iterations: int = 400
    resolutions: tuple[int, ...] = (256, 512)
    crops: int = 8
    lr: float = 1e-3
    starts: int = 48
    seed: int = 0
    device: str = "auto"
    recipe: str = "full"
    reactivity: float = 0.3
    smoothness: float = 0.3
    palette: float = 0.5
    contrast: float = 0.5
    loop: float = 1.0
    loop_s: float = 0.0
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    energy: float = 0.5
    licence: str = "CC0-1.0"

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "hidden_dim": (MIN_WIDTH, MAX_WIDTH),
            "layers": (2, MAX_LAYERS),
            "iterations": (1, 100_000),
            "crops": (1, 256),
            "lr": (1e-7, 1.0),
            "starts": (1, 10_000),
            "seed": (0, 2**31 - 1),
            "energy": (0.0, 1.0),
            "loop_s": (0.0, 3600.0),
            **dict.fromkeys(("reactivity", "smoothness", "palette", "contrast", "loop"), (0.0, 100.0)),
        }
        for key, (low, high) in ranges.items():
            value = getattr(self, key)
            if not low <= value <= high:
                raise UserError("out of range", where=_flag(key), allowed=f"{low:g} to {high:g}", got=value)
        if len(self.name) > _NAME:
            raise UserError("the name is too long", where="--name", allowed=f"{_NAME} characters", got=len(self.name))
        for key, most in (("description", 4000), ("licence", 200)):  # as in style.toml
            if len(getattr(self, key)) > most:
                raise UserError("the text is too long", where=_flag(key), allowed=f"{most} characters")
        for key in ("tags", "genres"):
            words = getattr(self, key)
            if len(words) > 256 or any(len(word) > 200 for word in words):
                raise UserError("too many words", where=_flag(key), allowed="256 of 200 characters")
        if not self.resolutions or any(not 32 <= r <= 4096 for r in self.resolutions):
            raise UserError("out of range", where="--resolutions", allowed="32 to 4096 each", got=self.resolutions)
        CppnSpec(self.input_names, self.hidden_dim, self.layers, self.activation_names)  # raises what is wrong with it
        if self.recipe not in RECIPES:
            raise UserError("no such recipe", where="--recipe", allowed=", ".join(RECIPES), got=self.recipe)
        if not self.prompt.strip() and not self.images:
            raise UserError(
                "nothing to train towards",
                where="--prompt, --images",
                allowed="words or a folder of pictures",
                got="neither",
            )
        if self.loop_s and "time" not in self.input_names:
            raise UserError("without time nothing loops", where="--loop-seconds, --inputs", remedy="add time to --inputs")
        if self.loop_s and any(name.startswith("latent") for name in self.input_names):
            raise UserError("latent inputs never repeat, so the picture cannot loop", where="--loop-seconds, --inputs")

    @property
    def input_names(self) -> tuple[str, ...]:
        return _names(self.inputs)

    @property
    def activation_names(self) -> tuple[str, ...]:
        return _names(self.activation)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.iterations * len(self.resolutions)

    def stage(self, step: int) -> int:
        """Return the resolution at `step` of the run."""
        return self.resolutions[min(step // self.iterations, len(self.resolutions) - 1)]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_table(cls, table: dict[str, Any], where: str) -> Options:
        """Return the options that a JSON or TOML table names. Raises UserError naming the key."""
        return from_table(cls, table, where)

    @classmethod
    def read(cls, path: Path) -> Options:
        """Read `options.json`. Raises UserError."""
        return cls.from_table(options_table(path), str(path))


def _flag(key: str) -> str:
    return "--loop-seconds" if key == "loop_s" else "--" + key.replace("_", "-")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

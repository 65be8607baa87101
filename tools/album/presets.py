"""Presets: `presets/<mood>.toml`, how a mood turns a song into a show. Schema and reading.

Called before a render. A preset is data: it names scenes and styles that exist, and runs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import read_toml
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.scene import Number, Text, schema_faults

FOLDER = Path(__file__).parent / "presets"
VERSION = 1
LEVELS = ("calm", "middle", "peak")
RELATIVE = ("speed", "react")  # these scale what a scene has; effects are added to it

Looks = Annotated[tuple[Text, ...], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Move(_Table):
    """How one scene gives way to the next. beats: at most this long."""

    kind: Literal["cut", "dissolve", "through-black", "wipe", "interlock"]
    beats: Annotated[float, Field(ge=0.0, le=128.0)] = 8.0


class WalkTable(_Table):
    """[walk]: as `engine.models.latent.Walk`."""

    beats: Annotated[float, Field(ge=0.0, le=1024.0)] = 16.0
    hold: Annotated[float, Field(ge=0.0, le=0.95)] = 0.25
    wander: Annotated[float, Field(ge=0.0, le=1.0)] = 0.35
    wander_s: Annotated[float, Field(ge=0.1, le=600.0)] = 9.0
    push: Annotated[float, Field(ge=0.0, le=1.0)] = 0.15


class Preset(_Table):
    """A mood. calm, middle, peak: the looks (`scene` or `scene:style`) for parts of that energy, in order of use.

    bars: a part that is longer changes its look after so many. move: between parts; drop: into a peak that is much louder.
    energy: path of a deck parameter -> [at energy 0, at energy 1]: a factor for speed and react, else added to the scene's.
    """

    version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    description: Text
    calm: Looks
    middle: Looks
    peak: Looks
    bars: Annotated[int, Field(ge=1, le=256, strict=True)] = 32
    move: Move
    drop: Move
    energy: dict[str, tuple[Number, Number]] = {}
    walk: WalkTable = WalkTable()

    def looks(self, level: str) -> tuple[str, ...]:
        """Return the looks of a level of `LEVELS`."""
        return {"calm": self.calm, "middle": self.middle, "peak": self.peak}[level]


def preset_names() -> tuple[str, ...]:
    """Return the moods there are, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_preset(name: str, catalogue: Catalogue, where: str = "preset") -> Preset:
    """Read and check the preset `name`. Raises UserError with the first fault."""
    if name not in preset_names():
        remedy = did_you_mean(name, preset_names()) or "--list-presets shows what there is"
        raise UserError("no such preset", where=where, allowed=listed(preset_names()), got=name, remedy=remedy)
    path = FOLDER / f"{name}.toml"
    try:
        preset = Preset.model_validate(read_toml(path, what="preset"))
    except ValidationError as error:
        raise schema_faults(error, Preset, path)[0] from error
    for level in LEVELS:
        for look in preset.looks(level):
            check_look(look, catalogue, f"{path}, {level}")
    for key, ends in preset.energy.items():
        where = f"{path}, energy.{key}"
        if (param := catalogue.deck_paths.get(key)) is None:
            remedy = did_you_mean(key, catalogue.deck_paths) or "use one of those allowed"
            raise UserError("unknown parameter", where=where, allowed=listed(catalogue.deck_paths), got=key, remedy=remedy)
        for value in ends:
            if key in RELATIVE and not 0.0 <= value <= 4.0:
                raise UserError("factor out of range", where=where, allowed="0 to 4", got=value)
            if key not in RELATIVE and abs(value) > param.maximum - param.minimum:
                raise UserError("value out of range", where=where, allowed=param.range_text, got=value)
    return preset


def check_look(look: str, catalogue: Catalogue, where: str) -> tuple[str, str]:
    """Return (scene, style or "") of a look. Raises UserError for one that does not exist."""
    scene, _, style = look.partition(":")
    for what, got, allowed in (("scene", scene, catalogue.scenes), ("style", style, catalogue.styles)):
        if got not in allowed and (got or what == "scene"):
            remedy = did_you_mean(got, allowed) or f"vj {what}s list shows what there is"
            raise UserError(f"no such {what}", where=where, allowed=listed(allowed, 12), got=got, remedy=remedy)
    return scene, style

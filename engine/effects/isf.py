"""ISF shaders with an `inputImage`, as effects of a deck: each a class of its own, made of its file.

Used by the chain on the render thread. Only those that have proven themselves are here: ours, and what `vj shaders lint` has
passed. Their inputs are the effect's parameters, by their own names and in their own ranges.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from phosphene.engine.backends.isf_known import NOT_TRIED, known_shaders, shown_as
from phosphene.engine.backends.isf_program import IsfProgram, Moment
from phosphene.engine.backends.isf_sound import sound_picture
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param
from phosphene.engine.core.paths import cache_dir, shader_folders
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.base import Effect, amount
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.isf import Isf, imported_pictures
from phosphene.engine.models.isf_input import IsfInput

MOST_EFFECTS, MOST_NUMBERS = 12, 12  # of a chain, and of one effect: each is an address on both decks
_PARTS = {"point2D": ("x", "y"), "color": ("red", "green", "blue", "alpha")}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Knob:
    """A parameter, and which number of which input it is."""

    param: Param
    input: IsfInput
    index: int


def knobs_of(isf: Isf) -> tuple[Knob, ...]:
    """Return the effect's parameters but `amount`, in the order of the header; inputs beyond the last stay as they are."""
    found: dict[str, Knob] = {}
    for each in isf.values:
        parts = _PARTS.get(each.kind, ("",))
        for index, part in enumerate(parts):
            name = re.sub(r"[^a-z0-9]+", "_", f"{each.name}_{part}".lower()).strip("_") or "input"
            while name in found or name == "amount":
                name += "_"
            label = f"{each.label or each.name} {part}".strip()
            ends = each.minimum[index], each.maximum[index]
            param = Param(name, label, *ends, each.default[index], f"{label}, of the shader {isf.name}")
            found[name] = Knob(param, each, index)
    return tuple(found.values())[:MOST_NUMBERS]


def input_values(knobs: tuple[Knob, ...], params: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """Return the values of the inputs. params: complete, in range."""
    found: dict[str, list[float]] = {}
    for knob in knobs:
        each, value = knob.input, params[knob.param.name]
        if each.kind == "long":
            value = float(min(each.values, key=lambda known: abs(known - value)))
        elif each.kind in ("bool", "event"):
            value = float(value > 0.5)
        found.setdefault(each.name, list(each.default))[knob.index] = value
    return {name: tuple(values) for name, values in found.items()}


class IsfEffect:
    """One shader between two pictures. See `base.Effect`; what it shows above white is white.

    isf, opaque (see `isf_judge.Verdict`), knobs: of the shader. One that the driver refuses after all changes nothing.
    """

    name: ClassVar[str]
    sharp: ClassVar[bool] = False
    params: ClassVar[tuple[Param, ...]]
    isf: ClassVar[Isf]
    opaque: ClassVar[bool]
    knobs: ClassVar[tuple[Knob, ...]]

    def __init__(self, passes: Passes) -> None:
        self._encode, self._mix, self._copy = (passes[f"{name}.frag"] for name in ("isf/encode", "isf/mix", "common/copy"))
        self._program: IsfProgram | None = None
        try:
            self._program = IsfProgram(self.isf, imported_pictures(self.isf))
        except UserError as error:
            _log.warning("the effect %s does nothing: %s", self.name, error.line())
        self._seen, self._made = RenderTarget(Size(2, 2)), RenderTarget(Size(2, 2))
        self._sounds = {each.name: RenderTarget(Size(1, 1)) for each in self.isf.inputs if each.kind.startswith("audio")}
        self._time = 0.0
        self._held: set[str] = set()  # events that are held down

    def apply(
        self, source: RenderTarget, target: RenderTarget, frame: Frame, signals: Signals, params: Mapping[str, float]
    ) -> None:
        if self._program is None:
            self._copy.draw(target, textures={"source": source})
            return
        for each in self.isf.inputs:
            if each.name in self._sounds:
                self._sounds[each.name].upload(sound_picture(each, signals))
        for each in (self._seen, self._made):
            each.resize(source.size)
        self._encode.draw(self._seen, textures={"source": source})
        moment = Moment(self._time, frame.dt)
        shown = {"inputImage": self._seen, **self._sounds}
        self._program.render(self._made, moment, self._pressed(params), shown, keep=not frame.between)
        pictures = {"source": source, "other": self._made}
        self._mix.draw(target, textures=pictures, opaque=float(self.opaque), amount=params["amount"])
        self._time += frame.dt

    def _pressed(self, params: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
        """Return the inputs' values; an event comes once each time its parameter rises above the middle."""
        values = input_values(self.knobs, params)
        for knob in self.knobs:
            name = knob.input.name
            if knob.input.kind == "event":
                held = values[name][0] > 0.5
                values[name] = (float(held and name not in self._held),)
                (self._held.add if held else self._held.discard)(name)
        return values

    def memory(self) -> list[float]:
        """See `core.resumable.Resumable`: time, frames, and of each event whether it is held down. Buffers: see `kept`."""
        frames = self._program.frames if self._program is not None else 0
        return [self._time, float(frames), *(float(name in self._held) for name in self._events)]

    def resume(self, memory: list[float]) -> None:
        """See `core.resumable.Resumable`. Older takes have the time only."""
        self._time = memory[0]
        if self._program is not None:
            self._program.frames = int(memory[1]) if len(memory) > 1 else 0
        self._held = {name for name, held in zip(self._events, memory[2:], strict=False) if held}

    @property
    def kept(self) -> dict[str, RenderTarget]:
        """See `gpu.keeping.Keeping`."""
        return self._program.kept if self._program is not None else {}

    def recall(self, pictures: Mapping[str, np.ndarray]) -> None:
        """See `gpu.keeping.Keeping`."""
        if self._program is not None:
            self._program.recall(pictures)

    @property
    def _events(self) -> list[str]:
        return [knob.input.name for knob in self.knobs if knob.input.kind == "event"]

    def reset(self) -> None:
        """Begin anew."""
        self._time = 0.0
        self._held.clear()
        if self._program is not None:
            self._program.reset()

    def close(self) -> None:
        if self._program is not None:
            self._program.close()
        for each in (self._seen, self._made, *self._sounds.values()):
            each.close()


def effect_of(isf: Isf, name: str, opaque: bool = False) -> type[Effect]:
    """Return the effect that a shader is."""
    knobs = knobs_of(isf)
    params = (amount(f"Mixes the shader {isf.name} in"), *(knob.param for knob in knobs))
    own = {"name": name, "params": params, "isf": isf, "opaque": opaque, "knobs": knobs, "__doc__": isf.description}
    return type("IsfEffect", (IsfEffect,), own)


def shader_effects() -> dict[str, type[Effect]]:
    """Return name -> effect of the shaders that have proven themselves, sorted, at most MOST_EFFECTS.

    The same for the whole life of the program: what a chain has and what a scene may name must not part.
    """
    return _shader_effects(shader_folders(), cache_dir())


@cache
def _shader_effects(folders: tuple[Path, ...], remembered: Path) -> dict[str, type[Effect]]:
    found: dict[str, type[Effect]] = {}
    untried = 0
    for slug, known in known_shaders().items():
        if isinstance(known, str):
            _log.debug("no effect: %s", known)
            continue
        if known.isf.kind != "effect":
            continue
        untried += known.refusal == NOT_TRIED
        if not known.refusal and len(found) < MOST_EFFECTS:
            name = shown_as(slug)
            found[name] = effect_of(known.isf, name, known.opaque)
    if untried:
        _log.info("%d shaders that change pictures are no effects yet: vj shaders lint tries them", untried)
    return found

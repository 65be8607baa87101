"""An ISF shader on stage: its inputs are the deck's `shader1` to `shader8`, its time is the deck's.

Render thread. Each of the eight moves one number of the shader from where its author set it: 0 leaves it there, 1 is its
most, -1 its least. A colour has one, which turns its hue. Sound comes as the pictures that `audio` and `audioFFT` are.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from phosphene.engine.backends.base import ReadyShader
from phosphene.engine.backends.isf_program import IsfProgram, Moment
from phosphene.engine.backends.isf_sound import sound_picture
from phosphene.engine.core.errors import one_line
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param, complete
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.base import Generator, Memory
from phosphene.engine.generators.cppn import CPPN_PARAMS
from phosphene.engine.generators.offscreen import painted_offscreen
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.encoding import Motion, View, view_matrix
from phosphene.engine.models.isf import Isf, imported_pictures
from phosphene.engine.models.isf_input import IsfInput
from phosphene.engine.models.latent import Walk
from phosphene.engine.models.style import Style

SLOTS = 8
ISF_PARAMS = (
    *CPPN_PARAMS,
    *(
        Param(f"shader{n}", f"Shader {n}", -1.0, 1.0, 0.0, f"input {n} of a shader: 0 as its author set it, 1 its most")
        for n in range(1, SLOTS + 1)
    ),
)
_GREY = 0.05  # saturation below which a colour has no hue to turn


@dataclass(frozen=True)
class Slot:
    """What one of `shader1` ... moves. index: which number of the input; label: for people."""

    param: str
    input: IsfInput
    index: int
    label: str


def slots_of(isf: Isf) -> tuple[Slot, ...]:
    """Return which parameter moves what, in the order of the header; inputs beyond the eighth stay as they are."""
    found = []
    for each in isf.values:
        name = each.label or each.name
        parts = (" x", " y") if each.kind == "point2D" else (" hue",) if each.kind == "color" else ("",)
        found += [(each, index, name + part) for index, part in enumerate(parts)]
    return tuple(Slot(f"shader{n}", *what) for n, what in enumerate(found[:SLOTS], 1))


def values_of(slots: Iterable[Slot], params: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """Return the values of the inputs that `slots` move. params: complete."""
    places: dict[str, list[float]] = {}
    found: dict[str, tuple[float, ...]] = {}
    for slot in slots:
        each, place = slot.input, params[slot.param]
        if each.kind == "color":
            found[each.name] = _turned(each.default, place)
        else:
            places.setdefault(each.name, [0.0] * len(each.default))[slot.index] = place
            found[each.name] = each.at(tuple(places[each.name]))
    return found


def _turned(colour: tuple[float, ...], place: float) -> tuple[float, ...]:
    """Return a colour with its hue turned by half of `place` turns; a grey one becomes a colour on the way."""
    if place == 0.0:
        return colour
    red, green, blue, alpha = colour
    hue, saturation, value = colorsys.rgb_to_hsv(*(min(1.0, max(0.0, each)) for each in (red, green, blue)))
    if saturation < _GREY:
        hue, saturation = 0.0, min(1.0, 2.0 * abs(place))
    return (*colorsys.hsv_to_rgb((hue + 0.5 * place) % 1.0, saturation, value), alpha)


class IsfGenerator(Generator):
    """Plays a shader. Compiles it when it is made: raises UserError where the driver refuses it after all."""

    params = ISF_PARAMS

    def __init__(self, style: Style, ready: ReadyShader, passes: Passes) -> None:
        self.style = style
        self.motion = Motion(style.meta.motion.drive, style.meta.preview.time)
        self.slots = slots_of(ready.isf)
        self.labels = ", ".join(f"{n} {one_line(slot.label)}" for n, slot in enumerate(self.slots, 1))
        self._isf = ready.isf
        self._program = IsfProgram(ready.isf, ready.pictures)
        self._opaque = float(ready.opaque)
        self._decode = passes["isf/decode.frag"]
        self._raw = RenderTarget(Size(2, 2))
        self._sounds = {each.name: RenderTarget(Size(1, 1)) for each in self._isf.inputs if each.kind.startswith("audio")}
        self._fired: set[str] = set()  # events that are held down

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Advance by `frame.dt` and draw."""
        p = complete(ISF_PARAMS, params)
        before = self.motion.phase
        self.motion.step(signals, frame.dt, p["speed"], p["react"])
        for each in self._isf.inputs:
            if each.name in self._sounds:
                self._sounds[each.name].upload(sound_picture(each, signals, p["react"]))
        self._raw.resize(target.size)
        values = values_of(self.slots, p)
        self._press(values)
        moment = Moment(self.motion.phase, self.motion.phase - before)
        self._program.render(self._raw, moment, values, self._sounds, keep=not frame.between)
        a, b, tx, ty = view_matrix(View(p["zoom"], p["rotate"], p["pan_x"], p["pan_y"]))
        view = (a, b, tx / np.pi, ty / np.pi)
        self._decode.draw(target, textures={"picture": self._raw}, aspect=target.size.aspect, view=view, opaque=self._opaque)

    def memory(self) -> Memory:
        """See `base.Played`. What its buffers have is in `kept`."""
        return {**self.motion.memory(), "frames": self._program.frames, "pressed": sorted(self._fired)}

    def resume(self, memory: Memory) -> None:
        """See `base.Played`."""
        self.motion.resume(memory)
        self._program.frames = memory.get("frames", 0)
        self._fired = set(memory.get("pressed", ()))

    @property
    def kept(self) -> dict[str, RenderTarget]:
        """See `gpu.keeping.Keeping`."""
        return self._program.kept

    def recall(self, pictures: Mapping[str, np.ndarray]) -> None:
        """See `gpu.keeping.Keeping`."""
        self._program.recall(pictures)

    def aside(self, on: bool) -> None:
        """See `base.Generator`: other buffers are used."""
        self._program.aside(on)

    def close(self) -> None:
        """Free everything."""
        self._program.close()
        for each in (self._raw, *self._sounds.values()):
            each.close()

    def _press(self, values: dict[str, tuple[float, ...]]) -> None:
        """Let an event come once each time its parameter rises above the middle."""
        for slot in self.slots:
            if slot.input.kind != "event":
                continue
            name, held = slot.input.name, values[slot.input.name][0] > 0.5
            values[name] = (float(held and name not in self._fired),)
            (self._fired.add if held else self._fired.discard)(name)


def isf_generator(style: Style, ready: ReadyShader, passes: Passes, walk: Walk | None, live: bool) -> IsfGenerator:
    """Return the generator of a shader. See `registry.Kind`."""
    return IsfGenerator(style, ready, passes)


def isf_still(style: Style, size: Size, time: float, signals: Mapping[str, float]) -> np.ndarray:
    """Return the picture at `time` s. See `registry.Kind`."""
    return _played(style, size, [signals], time, 1.0, 1.0)[0]


def isf_sequence(
    style: Style, size: Size, signals: Iterable[Mapping[str, float]], dt: float, speed: float, react: float
) -> Iterator[np.ndarray]:
    """Yield pictures. See `registry.Kind`."""
    yield from _played(style, size, list(signals), dt, speed, react)


def _played(
    style: Style, size: Size, signals: list[Mapping[str, float]], dt: float, speed: float, react: float
) -> list[np.ndarray]:
    make = partial(IsfGenerator, style, ReadyShader(style.spec, imported_pictures(style.spec)))
    return painted_offscreen(make, size, signals, dt, {"speed": speed, "react": react})

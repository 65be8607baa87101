"""ISF shaders with `startImage`, `endImage` and `progress`, as transitions between the decks: `shader-fan` of `fan.fs`.

Used by `transitions.py` on the render thread. Only those that have proven themselves are here: ours, and what
`vj shaders lint` has passed. `progress` is the crossfader: deck a is its start, deck b its end, and moved back it goes back.
All other inputs stay as their author set them.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from phosphene.engine.backends.isf_known import NOT_TRIED, KnownShader, known_shaders, shown_as
from phosphene.engine.backends.isf_program import IsfProgram, Moment
from phosphene.engine.backends.isf_sound import sound_picture
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.paths import cache_dir, shader_folders
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.isf import imported_pictures

MOST_TRANSITIONS = 96  # each is compiled at the start: the public collection has 68
_START, _END, _PROGRESS = "startImage", "endImage", "progress"
_LACKS = f"it lacks {_START}, {_END} or {_PROGRESS}"
_log = logging.getLogger(__name__)


def shader_transitions() -> dict[str, KnownShader]:
    """Return name -> shader of the transitions that have proven themselves, sorted, at most MOST_TRANSITIONS.

    The same for the whole life of the program: what the mixer has and what a scene may name must not part.
    """
    return _shader_transitions(shader_folders(), cache_dir())


@cache
def _shader_transitions(folders: tuple[Path, ...], remembered: Path) -> dict[str, KnownShader]:
    found: dict[str, KnownShader] = {}
    untried = 0
    for slug, known in known_shaders().items():
        if isinstance(known, str) or known.isf.kind != "transition":
            continue
        untried += known.refusal == NOT_TRIED
        if not known.refusal and len(found) < MOST_TRANSITIONS:
            found[shown_as(slug)] = known
    if untried:
        _log.info("%d shaders that are transitions cannot be chosen yet: vj shaders lint tries them", untried)
    return found


def why_not(name: str) -> str:
    """Return why `name` is no transition that can be shown, in a line."""
    known = next((known for slug, known in known_shaders().items() if shown_as(slug) == name), None)
    if known is None:
        return "there is no such shader"
    if isinstance(known, str):
        return known
    if known.isf.kind != "transition":
        return f"the shader is no transition: {_LACKS}"
    return known.refusal or f"only {MOST_TRANSITIONS} shaders can be transitions at once"


class IsfTransition:
    """One shader between two decks. Raises UserError where the driver refuses it after all."""

    def __init__(self, known: KnownShader, passes: Passes) -> None:
        self.opaque = float(known.opaque)
        self.isf = known.isf
        self._program = IsfProgram(known.isf, imported_pictures(known.isf))
        self._start, self._joined = passes["isf/start.frag"], passes["isf/joined.frag"]
        self._sounds = {each.name: RenderTarget(Size(1, 1)) for each in known.isf.inputs if each.kind.startswith("audio")}
        self._time = 0.0
        self._fresh = True

    def draw(
        self,
        mix: float,
        decks: tuple[RenderTarget, RenderTarget],
        scratch: tuple[RenderTarget, RenderTarget, RenderTarget],
        target: RenderTarget,
        frame: Frame,
        signals: Signals | None,
        levels: tuple[float, float],
    ) -> None:
        """Draw the transition at `mix`, between 0 and 1, into `target`; advance by `frame.dt`.

        decks, target: of one size, linear, premultiplied. scratch: pictures to draw into on the way. levels: of the decks.
        signals: None: silence. Raises UserError where its buffers would take too much memory.
        """
        heard = signals if signals is not None else signals_at(0.0, [], BeatPosition())
        for each in self.isf.inputs:
            if each.name in self._sounds:
                self._sounds[each.name].upload(sound_picture(each, heard))
        start, end, made = scratch
        for each in scratch:
            each.resize(target.size)
        self._start.draw(start, textures={"source": decks[0]}, gain=levels[0])
        self._start.draw(end, textures={"source": decks[1]}, gain=levels[1])
        pictures = {_START: start, _END: end, **self._sounds}
        moment = Moment(self._time, frame.dt)
        self._program.render(made, moment, {_PROGRESS: (mix,)}, pictures, keep=not frame.between)
        gains = (1.0 - mix) * levels[0], mix * levels[1]
        shown = {"made": made, "a": decks[0], "b": decks[1]}
        self._joined.draw(target, textures=shown, gains=gains, opaque=self.opaque)
        self._time += frame.dt
        self._fresh = False

    def rest(self) -> None:
        """Begin anew at the next picture: its time, its frames and what its buffers keep."""
        if not self._fresh:
            self._time, self._fresh = 0.0, True
            self._program.reset()

    def memory(self) -> list[float]:
        """See `core.resumable.Resumable`: its time. What its buffers have is not kept."""
        return [self._time]

    def resume(self, memory: list[float]) -> None:
        """See `core.resumable.Resumable`."""
        (self._time,) = memory
        self._fresh = False

    def close(self) -> None:
        """Free everything."""
        self._program.close()
        for each in self._sounds.values():
            each.close()


class ShaderTransitions:
    """All shaders that are transitions, compiled when this is made; what the driver refuses is kept with its reason."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._made: dict[str, IsfTransition] = {}
        self._refused: dict[str, str] = {}
        self._scratch = (RenderTarget(Size(2, 2)), RenderTarget(Size(2, 2)), RenderTarget(Size(2, 2)))
        self._last = ""  # what was drawn in the newest frame that had a transition of ours
        for name, known in shader_transitions().items():
            try:
                self._made[name] = IsfTransition(known, passes)
            except UserError as error:
                self._refused[name] = error.line()
                _log.warning("the transition %s is a dissolve: %s", name, error.line())

    def load(self, kind: str, known: KnownShader) -> None:
        """Draw `kind` with another version of its shader. Raises UserError for one that is refused: the old one stays."""
        if known.isf.kind != "transition":
            raise UserError(f"the shader is no transition: {_LACKS}", where=str(known.isf.path))
        made = IsfTransition(known, self._passes)
        if (old := self._made.get(kind)) is not None:
            old.close()
        self._made[kind] = made
        self._refused.pop(kind, None)

    @property
    def fingerprints(self) -> dict[str, str]:
        """The SHA-256 of each shader that can be drawn, by kind."""
        return {kind: made.isf.sha256 for kind, made in self._made.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Those that can be drawn."""
        return tuple(self._made)

    def draw(
        self,
        kind: str,
        mix: float,
        decks: tuple[RenderTarget, RenderTarget],
        target: RenderTarget,
        frame: Frame,
        signals: Signals | None,
        levels: tuple[float, float],
    ) -> str:
        """Draw as `IsfTransition.draw` does; return why it was not drawn, "" where it was.

        One that fails is not tried again.
        """
        made = self._made.get(kind)
        if self._last != kind:
            self.rest()
        if made is None:
            return self.fault(kind)
        self._last = kind
        try:
            made.draw(mix, decks, self._scratch, target, frame, signals, levels)
        except UserError as error:
            self._refused[kind] = error.line()
            self._made.pop(kind).close()
            _log.warning("the transition %s is a dissolve: %s", kind, error.line())
        return self.fault(kind)

    def fault(self, kind: str) -> str:
        """Return why the transition `kind` cannot be drawn, "" where it can."""
        return "" if kind in self._made else self._refused.get(kind) or why_not(kind)

    def rest(self) -> None:
        """Say that none is drawn in this frame: the next one begins anew."""
        if self._last in self._made:
            self._made[self._last].rest()
        self._last = ""

    def close(self) -> None:
        """Free everything; closing again is not an error."""
        for each in (*self._made.values(), *self._scratch):
            each.close()
        self._made.clear()

"""Several styles on one deck: its own and those of its acts, of which one becomes the other. To the mixer they are one.

Made and used on the render thread. A style that is not seen is not painted and stands still; where two are seen they are
added up in linear light, by `compositor/mix.frag`. One that fails is left out: the deck's own is seen in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NotRequired

from phosphene.engine.backends.base import Capabilities
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.base import Generator, Memory, Played
from phosphene.engine.generators.idle import Idle
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

OWN = ""  # the deck's own style
_SMALL = Size(2, 2)

OnFault = Callable[[str, Exception], None]


class LayersMemory(Memory):
    """That of the deck's own style, and beside it those of its acts' styles by name."""

    beside: NotRequired[dict[str, Memory]]


class LayeredGenerator(Generator):
    """Plays `own` and the generators of `beside`, as much of each as `shares` says; closing it closes none of them.

    on_fault(style, error) is called once for each fault of a style beside the deck's own; own: None is the idle scene.
    """

    def __init__(self, passes: Passes, on_fault: OnFault) -> None:
        self._mix = passes["compositor/mix.frag"]
        self._on_fault = on_fault
        self._idle: Idle | None = None
        self._own: Generator | None = None
        self._beside: Mapping[str, Generator] = {}
        self._faults: dict[str, str] = {}
        self._scratch = [RenderTarget(_SMALL) for _ in range(3)]
        self.shares: tuple[tuple[str, float], ...] = ((OWN, 1.0),)

    def use(self, own: Generator | None, beside: Mapping[str, Generator]) -> bool:
        """Play these from now on; return whether they are others than before."""
        if own is self._own and list(beside.items()) == list(self._beside.items()):
            return False
        self._own, self._beside = own, dict(beside)
        self._faults.clear()
        for each in (own, *beside.values()):
            if isinstance(each, Played):  # which makes this one, too, one that can be brought to where another stood
                self.style, self.motion = each.style, each.motion
                break
        return True

    @property
    def alone(self) -> Generator | None:
        """The one generator that is seen, None where several are."""
        return self._of(self.shares[0][0]) if len(self.shares) == 1 else None

    @property
    def params(self) -> tuple:  # type: ignore[override]
        """Those of what is seen most."""
        return self._of(max(self.shares, key=lambda each: each[1])[0]).params

    @property
    def capabilities(self) -> Capabilities:
        """Those of what is seen; of several the time is added up, and none can be painted together with another deck."""
        if (alone := self.alone) is not None:
            return alone.capabilities
        told = [self._of(style).capabilities for style, _ in self.shares]
        return Capabilities(gpu_ms=sum(each.gpu_ms for each in told))

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        """Paint what is seen into `target`."""
        shares = self.shares
        if len(shares) == 1:
            self._painted(shares[0][0], frame, signals, params, target)
            return
        first, second, sum_of_both = self._scratch
        for each in self._scratch:
            each.resize(target.size)
        self._painted(shares[0][0], frame, signals, params, first)
        before = shares[0][1]
        for n, (style, share) in enumerate(shares[1:], 2):
            self._painted(style, frame, signals, params, second)
            into = target if n == len(shares) else sum_of_both
            # Each sum is a whole picture: parts of one would lose their last bits in half floats, and be seen through.
            part = share / (before + share)
            self._mix.draw(into, textures={"a": first, "b": second}, gains=(1.0 - part, part))
            first, sum_of_both, before = sum_of_both, first, before + share

    def render_dissolve(
        self,
        other: Generator,
        frame: Frame,
        signals: Signals,
        params: Sequence[Mapping[str, float]],
        gains: tuple[float, float],
        target: RenderTarget,
    ) -> bool:
        """See `Generator`: the one that is seen alone, with the one that is seen alone on the other deck."""
        mine = self.alone
        theirs = other.alone if isinstance(other, LayeredGenerator) else other
        if mine is None or theirs is None:
            return False
        return mine.render_dissolve(theirs, frame, signals, params, gains, target)

    def aside(self, on: bool) -> None:
        """See `Generator`."""
        for each in (self._own, *self._beside.values()):
            if each is not None:
                each.aside(on)

    def memory(self) -> LayersMemory:
        """Return where all of them stand."""
        found: LayersMemory = {**self._own.memory()} if isinstance(self._own, Played) else LayersMemory()  # type: ignore[typeddict-item]
        found["beside"] = {style: each.memory() for style, each in self._beside.items() if isinstance(each, Played)}
        return found

    def resume(self, memory: LayersMemory) -> None:
        """Let all go on from where others stood."""
        if isinstance(self._own, Played):
            self._own.resume(memory)
        for style, told in memory.get("beside", {}).items():
            each = self._beside.get(style)
            if isinstance(each, Played):
                each.resume(told)

    def close(self) -> None:
        """Free what it holds by itself; the generators are whose they were."""
        for each in self._scratch:
            each.close()
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def _of(self, style: str) -> Generator:
        found = self._own if style == OWN else self._beside.get(style, self._own)
        if found is None:
            self._idle = found = self._idle or Idle()
        return found

    def _painted(
        self, style: str, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget
    ) -> None:
        """Paint one style; what its generator raises is told, and the deck's own is painted instead: what that raises is
        the deck's fault, as without acts."""
        if style != OWN and style in self._beside:
            try:
                self._beside[style].render(frame, signals, params, target)
                return
            except Exception as error:  # noqa: BLE001 boundary: whatever an act's style does, the deck goes on with its own
                text = f"{type(error).__name__}: {error}"
                if self._faults.get(style) != text:
                    self._faults[style] = text
                    self._on_fault(style, error)
            # In a change the own one is painted by itself as well: its time goes on once.
            still = any(name == OWN for name, _ in self.shares)
            frame = replace(frame, dt=0.0) if still else frame
        self._of(OWN).render(frame, signals, params, target)

"""A deck's effects, one after the other.

Called by the mixer on the render thread, once a frame while the deck is seen. An effect whose amount is 0 costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import complete, defaults
from phosphene.engine.core.resumable import Resumable
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.effects.base import Effect
from phosphene.engine.effects.enlarge import Enlarger
from phosphene.engine.effects.feedback import Feedback
from phosphene.engine.effects.registry import all_effects
from phosphene.engine.gpu.keeping import Keeping
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget

# Software GL compiles a program for each combination of formats, and another where a side is a power of two: internal sizes
# avoid those (44 and its halves 22, 11, 5 are none), as does this one. An output has the size that it was given.
WARM_SIZE = Size(44, 26)


class Chain:
    """Holds one instance of every effect, so that switching one on in mid-show compiles nothing."""

    def __init__(self, passes: Passes) -> None:
        self.effects: dict[str, Effect] = {name: make(passes) for name, make in all_effects().items()}
        self._active: set[str] = set()
        self._scratch = (RenderTarget(WARM_SIZE), RenderTarget(WARM_SIZE))
        # Of their own: one pair for both would be made anew twice a frame where the picture is smaller than the output.
        self._large = (RenderTarget(WARM_SIZE), RenderTarget(WARM_SIZE))
        self._enlarger = Enlarger(passes)

    def apply(
        self,
        picture: RenderTarget,
        frame: Frame,
        signals: Signals,
        effects: Iterable[tuple[str, Mapping[str, float]]],
        output: Size | None = None,
    ) -> RenderTarget:
        """Return `picture` after `effects` [(name, parameters)]: itself when none is on, else a target of this chain.

        output: size for the effects that are sharp; None: the picture's own. They come last, and where one is on the result
        has that size; else it has the picture's. It is valid until the next call. Raises UserError for a name that no effect
        has.
        """
        seen = set()
        sharp: list[tuple[str, Mapping[str, float]]] = []
        for name, given in effects:
            if name not in self.effects:
                raise UserError("no such effect", allowed=", ".join(self.effects), got=name)
            if given.get("amount", 0.0) == 0.0:
                continue
            if self.effects[name].sharp:
                sharp.append((name, given))
            else:
                picture = self._applied(name, given, picture, self._scratch, frame, signals)
            seen.add(name)
        if sharp:
            pair = self._scratch
            if output is not None and output != picture.size:
                pair = self._large
                pair[0].resize(output)
                self._enlarger.draw(picture, pair[0])
                picture = pair[0]
            for name, given in sharp:
                picture = self._applied(name, given, picture, pair, frame, signals)
        for name in self._active - seen:
            self.effects[name].reset()
        self._active = seen
        return picture

    @property
    def sharp(self) -> bool:
        """Whether a sharp effect is on."""
        return any(self.effects[name].sharp for name in self._active)

    def reset(self) -> None:
        """Forget the past of every effect: after a time unseen, old trails would flash up."""
        for name in self._active:
            self.effects[name].reset()
        self._active = set()

    def memory(self) -> dict[str, list[float]]:
        """Return where each effect that is on stands, as numbers. Feedback has a picture instead: `trails`."""
        active = {name: self.effects[name] for name in sorted(self._active)}
        return {name: effect.memory() if isinstance(effect, Resumable) else [] for name, effect in active.items()}

    @property
    def kept(self) -> dict[str, Mapping[str, RenderTarget]]:
        """What the effects that are on keep of the past as pictures, by effect and name; trails are apart."""
        active = {name: self.effects[name] for name in sorted(self._active)}
        return {name: effect.kept for name, effect in active.items() if isinstance(effect, Keeping)}

    def resume(self, memory: dict[str, list[float]]) -> None:
        """Have these effects on, and go on from where they stood; names that no effect has are left alone."""
        self._active = set(memory) & set(self.effects)
        for name in self._active:
            effect = self.effects[name]
            if memory[name] and isinstance(effect, Resumable):
                effect.resume(memory[name])

    def recall_kept(self, pictures: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Let the effects that are on go on with `kept` of another chain; what is missing begins anew."""
        for name in self._active:
            effect = self.effects[name]
            if isinstance(effect, Keeping):
                effect.recall(pictures.get(name, {}))

    @property
    def trails(self) -> RenderTarget | None:
        """What feedback shows of the past; None while it is off."""
        feedback = self.effects[Feedback.name]
        return feedback.trails if isinstance(feedback, Feedback) and Feedback.name in self._active else None

    def recall(self, trails: np.ndarray) -> None:
        """Let feedback go on with `trails`, as they were in another chain."""
        feedback = self.effects[Feedback.name]
        if isinstance(feedback, Feedback):
            feedback.recall(trails)

    def warm(self, output: Size | None = None) -> None:
        """Run every effect once, small: drivers compile at the first draw, and that must not happen in mid-show.

        output: size at which sharp effects will be drawn. Measured on software GL: up to 180 ms for one at 1024x512.
        """
        large = _like(output) if output is not None else Size(92, 54)
        frame = Frame(0, 0.0, 0.0, 1 / 60, 60.0)
        signals = signals_at(0.0, [], BeatPosition())
        blank = RenderTarget(WARM_SIZE)
        for name, effect in self.effects.items():
            # At its maxima as well: an effect may have a shader for one of its modes.
            for values in (defaults(effect.params) | {"amount": 1.0}, {p.name: p.maximum for p in effect.params}):
                self.apply(blank, frame, signals, [(name, values)], large)
        blank.close()
        self.reset()

    def close(self) -> None:
        """Free everything."""
        for effect in self.effects.values():
            effect.close()
        for each in (*self._scratch, *self._large, self._enlarger):
            each.close()

    def _applied(
        self,
        name: str,
        given: Mapping[str, float],
        picture: RenderTarget,
        pair: tuple[RenderTarget, RenderTarget],
        frame: Frame,
        signals: Signals,
    ) -> RenderTarget:
        """Return `picture` after one effect, in that target of `pair` which it is not."""
        effect = self.effects[name]
        target = pair[picture is pair[0]]
        target.resize(picture.size)
        effect.apply(picture, target, frame, signals, complete(effect.params, given))
        return target


def _like(size: Size) -> Size:
    """Return a small size whose sides are powers of two where those of `size` are."""
    width, height = (side & (side - 1) == 0 for side in (size.width, size.height))
    return Size(64 if width else 92, 32 if height else 54)

"""Small pictures of the decks, for whoever plays the show: what is seen of them, and what the hidden one would look like.

Render thread, and only while somebody looks. A hidden deck is not rendered for the show, so it is painted here, small, with
effects of its own. Its generator stands afterwards where it stood: a take that was watched rerenders as one that was not.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import Signals
from phosphene.engine.effects.chain import Chain
from phosphene.engine.generators.base import Generator, Memory, Played
from phosphene.engine.generators.idle import Idle
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.state import DeckFrame

_log = logging.getLogger(__name__)

WIDTH = 320  # on a page of 1440 pixels three of them stand beside each other
_SMALL = Size(2, 2)
_LONGEST_DT = 0.25  # s: after a time unwatched the hidden deck goes on from where it stands


class _Aside:
    """One hidden deck: its effects, and where its generator stands when it is painted here."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.picture = RenderTarget(_SMALL)
        self.generator: Generator | None = None
        self.memory: Memory | None = None
        self.time = 0.0
        self.broken: Generator | None = None


class Previews:
    """Makes rgba8 pictures of `size`, sRGB, each valid until the next one of its name. aspect: of the output.

    Each has a target of its own: what is drawn now is read in the next frame, when nobody has to wait for it any more.
    """

    def __init__(self, mixer: Mixer, aspect: float) -> None:
        self.size = Size(WIDTH, max(2, round(WIDTH / aspect / 2) * 2))
        self._mixer = mixer
        self._copy = mixer.passes["common/copy.frag"]
        self._encode = OutputPass(mixer.passes)
        self._halves = {"rgba16f": [RenderTarget(_SMALL)], "rgba8": [RenderTarget(_SMALL, "rgba8")]}
        self._out: dict[str, RenderTarget] = {}
        self._asides: dict[str, _Aside] = {}
        self._idle = Idle()

    def wall(self, output: RenderTarget) -> RenderTarget:
        """Return the output's picture (rgba8), small."""
        return self._fitted(output, self._target("wall"))

    def seen(self, deck: str) -> RenderTarget | None:
        """Return what the show painted of a deck in this frame, small; None where it did not paint it by itself."""
        picture = self._mixer.seen.get(deck)
        return None if picture is None else self._encoded(picture, deck)

    def hidden(self, deck: str, frame: Frame, signals: Signals, show: DeckFrame, internal: Size) -> RenderTarget | None:
        """Return what a deck that is not seen would look like; None where it cannot be painted.

        internal: size at which the show paints. Half of it at most, so that this costs at most a quarter of a deck.
        """
        aside = self._asides.get(deck)
        if aside is None:
            aside = self._asides[deck] = _Aside(Chain(self._mixer.passes))
        generator = self._mixer.decks[deck].generator or self._idle
        if generator is aside.broken:
            return None
        width = min(WIDTH, internal.width // 2)
        aside.picture.resize(self.size if width == WIDTH else Size(width, max(2, round(width / self.size.aspect))))
        step = replace(frame, dt=min(_LONGEST_DT, max(0.0, frame.time - aside.time)))
        aside.time = frame.time
        try:
            return self._encoded(self._painted(aside, generator, step, signals, show), deck)
        except Exception:  # noqa: BLE001 boundary: what fails out of sight must not touch the show; on stage it is said
            _log.debug("preview of deck %s", deck, exc_info=True)
            aside.broken = generator
            return None

    def close(self) -> None:
        """Free everything."""
        for aside in self._asides.values():
            aside.chain.close()
            aside.picture.close()
        for targets in (*self._halves.values(), self._out.values()):
            for target in targets:
                target.close()
        self._encode.close()
        self._idle.close()

    def _painted(self, aside: _Aside, generator: Generator, frame: Frame, signals: Signals, show: DeckFrame) -> RenderTarget:
        stood = generator.memory() if isinstance(generator, Played) else None
        if generator is not aside.generator:
            aside.chain.reset()
            aside.generator, aside.memory = generator, None
        generator.aside(True)
        try:
            if isinstance(generator, Played) and aside.memory is not None:
                generator.resume(aside.memory)
            generator.render(frame, signals, show.params, aside.picture)
            if isinstance(generator, Played):
                aside.memory = generator.memory()
        finally:
            generator.aside(False)
            if isinstance(generator, Played) and stood is not None:
                generator.resume(stood)
        return aside.chain.apply(aside.picture, frame, signals, show.chain, self.size)

    def _target(self, name: str) -> RenderTarget:
        if name not in self._out:
            self._out[name] = RenderTarget(self.size, "rgba8")
        return self._out[name]

    def _encoded(self, picture: RenderTarget, name: str) -> RenderTarget:
        """Return a linear picture as sRGB, small. Halved in linear light, so that fine bright lines keep their light."""
        if picture.size.width > self.size.width:
            small = self._halves["rgba16f"][-1]
            small.resize(self.size)
            picture = self._fitted(picture, small)
        out = self._target(name)
        self._encode.draw(picture, out)
        return out

    def _fitted(self, picture: RenderTarget, target: RenderTarget) -> RenderTarget:
        """Draw `picture` into `target` by halves: bilinear sampling of more than two texels a pixel would flicker."""
        steps = self._halves[target.format]
        level = 0
        while picture.size.width >= 4 * target.size.width:
            if len(steps) <= level + 1:
                steps.insert(0, RenderTarget(_SMALL, target.format))
            half = steps[len(steps) - 2 - level]
            half.resize(Size(picture.size.width // 2, picture.size.height // 2))
            self._copy.draw(half, textures={"source": picture})
            picture, level = half, level + 1
        self._copy.draw(target, textures={"source": picture})
        return target

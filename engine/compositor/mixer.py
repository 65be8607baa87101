"""Two decks and the transition between them: generators and effects become one picture.

Called once a frame on the render thread. Nothing that a generator or an effect does comes out of `render`: a deck that
fails shows its last good picture, or the idle scene where it has none, and says so in `faults`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from phosphene.engine.backends.isf_known import KnownShader
from phosphene.engine.compositor.transitions import Transitions, weights
from phosphene.engine.core.errors import RateLimitedLog
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.effects.chain import WARM_SIZE, Chain
from phosphene.engine.effects.enlarge import Enlarger
from phosphene.engine.generators.base import Generator
from phosphene.engine.generators.idle import Idle
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import CROSSFADE, DECKS
from phosphene.engine.show.state import DeckFrame, ShowFrame

_log = RateLimitedLog(logging.getLogger(__name__))
_SMALL = Size(2, 2)

OnFault = Callable[[str, Exception], None]


class Deck:
    """One generator, its effects, and its last good picture."""

    def __init__(self, name: str, passes: Passes, idle: Generator, on_fault: OnFault) -> None:
        self.name = name
        self.chain = Chain(passes)
        self.generator: Generator | None = None
        self._faults = {"picture": "", "effects": ""}
        self._copy = passes["common/copy.frag"]
        self._idle = idle
        self._on_fault = on_fault
        # Two, because a generator that fails half-way has spoilt what it was drawing into.
        self._good = RenderTarget(_SMALL)
        self._draft = RenderTarget(_SMALL)
        self._has_good = False

    @property
    def fault(self) -> str:
        """What is wrong now, or nothing."""
        return self._faults["picture"] or self._faults["effects"]

    def load(self, generator: Generator | None) -> None:
        """Play `generator` from the next frame on; None is the idle scene. The old one is the caller's to close.

        The old one's last picture stays as long as the new one has none, and its trails fade by themselves.
        """
        self.generator = generator
        self._faults = dict.fromkeys(self._faults, "")
        self._has_good = self._has_good and generator is not None

    def render(
        self, frame: Frame, signals: Signals, show: DeckFrame, size: Size, output: Size | None = None
    ) -> RenderTarget:
        """Return the deck's picture with its effects: of `size`, or of `output` while a sharp one is on. Never raises."""
        picture = self._generated(frame, signals, show, size)
        try:
            picture = self.chain.apply(picture, frame, signals, show.chain, output)
            self._faults["effects"] = ""
        except Exception as error:  # noqa: BLE001 boundary: a broken effect must not stop the picture; it goes on without effects
            self._failed("effects", error)
        return picture

    def plain(self, show: DeckFrame) -> bool:
        """Whether the deck's picture is what its generator makes: all is well, and no effect is on."""
        return not self.fault and not any(params.get("amount", 0.0) for _, params in show.chain)

    def close(self) -> None:
        """Free what the deck holds; the generator is the caller's."""
        self.chain.close()
        self._good.close()
        self._draft.close()

    def _generated(self, frame: Frame, signals: Signals, show: DeckFrame, size: Size) -> RenderTarget:
        self._draft.resize(size)
        try:
            (self.generator or self._idle).render(frame, signals, show.params, self._draft)
            self._good, self._draft = self._draft, self._good
            self._has_good = True
            self._faults["picture"] = ""
        except Exception as error:  # noqa: BLE001 boundary: whatever a style or a backend does, the last good picture stays
            self._failed("picture", error)
            if not self._has_good:
                self._idle.render(frame, signals, show.params, self._draft)
                return self._draft
            if self._good.size != size:
                self._draft.resize(size)
                self._copy.draw(self._draft, textures={"source": self._good})
                self._good, self._draft = self._draft, self._good
        return self._good

    def _failed(self, part: str, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        _log.warning(self.name, f"deck {self.name}: {text}")
        if text != self._faults[part]:
            self._faults[part] = text
            if part == "picture":  # whoever listens looks for another backend: an effect's fault is none of the backend's
                self._on_fault(self.name, error)


class Mixer:
    """Owns every picture between the generators and the output pass. `on_fault(deck, error)` is called once per fault of
    a generator. output: size of what is shown, as far as it is known.

    Compiles and runs every shader once when it is made, so that no effect or transition hitches when it is first used.
    """

    def __init__(self, passes: Passes | None = None, on_fault: OnFault | None = None, output: Size | None = None) -> None:
        self.passes = passes or Passes()
        self._idle = Idle()
        self._transitions = Transitions(self.passes)
        report = on_fault or (lambda deck, error: None)
        self.decks = {name: Deck(name, self.passes, self._idle, report) for name in DECKS}
        self._mixed = RenderTarget(_SMALL)
        self._enlarger = Enlarger(self.passes)
        self._enlarged = RenderTarget(_SMALL)  # a deck without sharp effects beside one that has some
        self._mixed_large = RenderTarget(_SMALL)  # of its own: a sharp effect may go on and off with every beat
        self._picture: RenderTarget | None = None
        self.light = True  # whether the newest picture was made without any deck's generator: it says nothing of their cost
        self.sharp = False  # whether sharp effects are on in the newest picture: it has the output's size then
        self.seen: dict[str, RenderTarget] = {}  # what each deck painted by itself in the newest frame, valid until the next
        self.together = False  # whether one launch painted both decks in the newest frame
        self.gpu_ms = 0.0  # GPU time of the generators that are seen, as far as they tell
        self._apart: tuple[Generator | None, Generator | None] | None = None  # a pair that failed to render together
        self._warm(output)

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong on which deck, and under CROSSFADE with the transition; empty while all is well."""
        found = {name: deck.fault for name, deck in self.decks.items() if deck.fault}
        return found | ({CROSSFADE.name: self._transitions.fault} if self._transitions.fault else {})

    @property
    def transition_fingerprints(self) -> dict[str, str]:
        """The SHA-256 of each shader that is a transition, by its kind."""
        return self._transitions.fingerprints

    def load_transition(self, kind: str, known: KnownShader) -> None:
        """Draw a transition that is a shader anew, of another version of its file; compiles it, so outside of shows only.

        Raises UserError where the driver refuses it: then the old one stays.
        """
        self._transitions.load(kind, known)

    def set_generator(self, deck: str, generator: Generator | None) -> None:
        """Put a generator on deck "a" or "b" at once; None takes it off. The caller closes the one that was there."""
        self.decks[deck].load(generator)

    def render(
        self, frame: Frame, signals: Signals, show: ShowFrame, size: Size, output: Size | None = None
    ) -> RenderTarget:
        """Return the show's picture of this frame at internal `size`: linear, premultiplied, valid until the next call.

        output: size of what is shown; None: `size`. While a sharp effect is on the picture has the larger one of both.
        A deck that is not seen is not rendered. While frozen, the last picture comes again and nothing moves. Master and
        blackout are the output pass's.
        """
        self.light, self.gpu_ms = True, 0.0
        large = output if output is not None and output.pixels > size.pixels else size
        if show.freeze and self._picture is not None:
            return self._picture
        self._transitions.look(show.transition)
        seen = weights(show.transition, show.mix)
        levels = tuple(min(1.0, max(0.0, show.deck(name).params.get("level", 1.0))) for name in DECKS)
        self.seen = {}
        self.together = self._together(frame, signals, show, size, seen, levels)
        if self.together:
            self._transitions.rest()
            self.sharp = False
            self._picture = self._mixed
            return self._picture
        pictures: dict[str, RenderTarget] = {}
        for name, weight, level in zip(DECKS, seen, levels, strict=True):
            if weight * level > 0.0:
                pictures[name] = self.decks[name].render(frame, signals, show.deck(name), size, large)
                if (generator := self.decks[name].generator) is not None:
                    self.light = False
                    self.gpu_ms += generator.capabilities.gpu_ms
            else:
                self.decks[name].chain.reset()
        self.seen = pictures
        self.sharp = any(self.decks[name].chain.sharp for name in pictures)
        alone = next(iter(pictures), "")
        if len(pictures) == 1 and seen[DECKS.index(alone)] == levels[DECKS.index(alone)] == 1.0:
            self._transitions.rest()
            self._picture = pictures[alone]
            return self._picture
        largest = max((picture.size for picture in pictures.values()), key=lambda s: s.pixels, default=size)
        mixed = self._mixed if largest == size else self._mixed_large
        mixed.resize(largest)
        self._picture = mixed
        if pictures:
            # The deck that is not seen has weight 0: any finite picture may stand in for it.
            a, b = (self._fitted(pictures.get(name, pictures[alone]), largest) for name in DECKS)
            levels = tuple(level if name in pictures else 0.0 for name, level in zip(DECKS, levels, strict=True))
            self._transitions.draw(show.transition, show.mix, a, b, mixed, frame, levels, signals)
        else:
            self._transitions.rest()
            mixed.clear()
        return self._picture

    def _fitted(self, picture: RenderTarget, size: Size) -> RenderTarget:
        """Return a deck's picture at `size`, that of the other deck's: one of them may have sharp effects alone."""
        if picture.size == size:
            return picture
        self._enlarged.resize(size)
        self._enlarger.draw(picture, self._enlarged)
        return self._enlarged

    def _together(
        self,
        frame: Frame,
        signals: Signals,
        show: ShowFrame,
        size: Size,
        seen: tuple[float, float],
        levels: tuple[float, ...],
    ) -> bool:
        """Let one generator paint both decks and their dissolve in one go, where the two are a pair and have no effects.

        The picture is then in `_mixed`, the same as the decks' own pictures would give within 1/255. Those stay as old as
        the dissolve meanwhile: a generator that fails right after it falls back to a picture from before.
        """
        a, b = (self.decks[name] for name in DECKS)
        gains = seen[0] * levels[0], seen[1] * levels[1]
        if a.generator is None or b.generator is None or a.generator.capabilities.pairing is None:
            return False
        if show.transition != "dissolve" or 0.0 in gains:
            return False
        if self._apart == (a.generator, b.generator) or not (a.plain(show.a) and b.plain(show.b)):
            return False
        self._mixed.resize(size)
        try:
            params = show.a.params, show.b.params
            if not a.generator.render_dissolve(b.generator, frame, signals, params, gains, self._mixed):
                return False
        except Exception as error:  # noqa: BLE001 boundary: what fails together is tried apart, in this very frame
            self._apart = a.generator, b.generator
            _log.warning("together", f"the decks do not dissolve in one launch: {type(error).__name__}: {error}")
            return False
        self.light, self.gpu_ms = False, a.generator.capabilities.gpu_ms
        a.chain.reset()
        b.chain.reset()
        return True

    def _warm(self, output: Size | None) -> None:
        # Drivers compile at the first draw: measured 20 ms for an effect and 60 for a transition on software GL.
        a, b = RenderTarget(WARM_SIZE), RenderTarget(WARM_SIZE)
        self._mixed.resize(WARM_SIZE)
        frame, signals = Frame(0, 0.0, 0.0, 1 / 60, 60.0), signals_at(0.0, [], BeatPosition())
        self._idle.render(frame, signals, {}, a)
        for kind in self._transitions.kinds:
            self._transitions.draw(kind, 0.5, a, b, self._mixed, frame)
        self._transitions.rest()
        # One deck is enough: both draw with the same passes.
        next(iter(self.decks.values())).chain.warm(output)
        a.close()
        b.close()

    def close(self) -> None:
        """Free everything but the generators."""
        for deck in self.decks.values():
            deck.close()
        self._transitions.close()
        self._mixed.close()
        self._mixed_large.close()
        self._enlarged.close()
        self._enlarger.close()
        self._idle.close()
        self.passes.close()

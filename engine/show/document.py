"""The show document: the only place where what is on stage changes. Pure functions of their arguments.

The render loop calls, once a frame: `apply` (control messages and loader's answers), `advance` (fades), `resolve` (the
music applied: a `ShowFrame`). Nothing here waits, reads a file or a clock: what needs the outside is returned as an
`Action`, and its answer comes back as an input of a later frame. So a log of inputs replays to the same show.

How a scene comes in: read -> staged for the hidden deck -> its style is ready -> the deck takes it -> the crossfade
starts on the beat or bar, or with the next drop of the music, or, where scenes are previewed, after TAKE. Called a second
time it waits no more, and another scene that is called takes its place. While both decks are seen, nothing may pop: a scene
that is called then waits, and the crossfade first runs to its nearer end within one beat.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import complete, defaults
from phosphene.engine.core.signals import FADERS, PARTS, BeatPosition
from phosphene.engine.show import acts, directing, layers
from phosphene.engine.show.act_edits import act_verbs
from phosphene.engine.show.catalogue import CROSSFADE, DECKS, FADER, IDLE, LOOKAHEAD, MASTER, Catalogue, is_transition
from phosphene.engine.show.change import (
    Action,
    Change,
    Input,
    LoadScene,
    LoadStyle,
    Panic,
    SaveScene,
    SceneFailed,
    SceneNotSaved,
    SceneReady,
    SceneSaved,
    StyleFailed,
    StyleReady,
)
from phosphene.engine.show.crossfade import fade_to, is_usable, released, started, stepped
from phosphene.engine.show.remap import mapped, mapped_in, unmapped
from phosphene.engine.show.saving import scene_of
from phosphene.engine.show.scene import DeckEntry, Scene, Transition
from phosphene.engine.show.setlist import EMPTY, Setlist
from phosphene.engine.show.state import DeckFrame, DeckState, ShowFrame, ShowState, Staged, restore, snapshot
from phosphene.engine.show.undo import failed, fitting, forgotten, is_of_lists, noted, put_back
from phosphene.engine.show.verbs import PLAIN, Message, Verb, moved

__all__ = ["BLACKOUT_S", "Document", "ShowFrame", "ShowState", "restore", "snapshot"]

BLACKOUT_S = 0.3  # a blackout fades this long: short enough to be one, long enough not to look like a fault
_PAIRING_S = 0.2  # one beat at 300 bpm: mapped values leave the crossfade before the next scene needs its ends
_MOST_SCENES = 10_000  # as many as the log of a take may name
_HURRY_BEATS = 1.0  # a crossfade that stands in the way of the next scene is over within one beat


class Document:
    """The rules of the show over one catalogue and setlist. Holds no state of its own.

    verbs: what each address does, by the path that the control table knows it by.
    """

    def __init__(self, catalogue: Catalogue, setlist: Setlist = EMPTY) -> None:
        self.catalogue = catalogue
        self.setlist = setlist
        self.verbs: Mapping[str, Verb] = self._verbs()

    def knowing(self, slug: str) -> Document:
        """Return the rules over a catalogue that has the scene `slug` as well."""
        scenes = self.catalogue.scenes
        if slug in scenes or len(scenes) >= _MOST_SCENES:
            return self
        return Document(replace(self.catalogue, scenes=tuple(sorted((*scenes, slug)))), self.setlist)

    # What is on stage when the show begins

    def empty(self) -> ShowState:
        """Return the document before anything is loaded: the idle scene on both decks."""
        return ShowState(a=self._bare(), b=self._bare())

    def opened(self, scene: Scene) -> tuple[ShowState, list[Action]]:
        """Return a document that has `scene` on deck a, its style wanted. For the start, offline and previews."""
        staged = self._staging(scene, "a", 0.0)
        style = staged.content.style
        deck = replace(staged.content, style=IDLE, wanted=None if style == IDLE else style)
        state = replace(self._taken(self.empty(), staged), a=deck, kind=scene.transition.kind)
        actions: list[Action] = [] if style == IDLE else [LoadStyle("a", style)]
        return directing.asking(state, actions), actions

    # Inputs

    def apply(
        self, state: ShowState, inputs: Iterable[Input], position: BeatPosition, t: float = 0.0
    ) -> tuple[ShowState, list[Action]]:
        """Return the document after `inputs`, in order, and what the outside has to do. t: of the frame, s of show time.

        Raises UserError for an address that is none of `verbs`.
        """
        actions: list[Action] = []
        for event in inputs:
            match event:
                case Change(path, args, arrived):
                    verb = self.verbs.get(path)
                    if verb is None:
                        raise UserError("unknown address", where=path[:80], remedy="vj osc lists them all")
                    state = noted(state, verb(state, Message(args, arrived, position, actions)), event, t)
                case SceneReady(scene):
                    state = self._scene_ready(state, scene, position, actions)
                case SceneFailed(slug, reason):
                    if slug == state.requested:
                        state = replace(state, requested="", requested_cue=-1)
                    state = replace(state, message=f"scene {slug}: {reason}")
                case StyleReady(deck, style, True):
                    state = directing.style_ready(deck, style, state)
                case StyleReady(deck, style):
                    state = self._style_ready(state, deck, style, position, actions)
                case StyleFailed(deck, style, reason, True):
                    state = directing.style_failed(deck, style, reason, state)
                case StyleFailed(deck, style, reason):
                    state = self._style_failed(state, deck, style, reason)
                case SceneSaved(slug):
                    state = replace(state, saved=f"saved: {slug}")
                case SceneNotSaved(slug, reason):
                    state = _not_saved(state, slug, reason)
        return state, actions

    def _verbs(self) -> dict[str, Verb]:
        """Return what each address does: those of `control/table.py`, and no others."""
        verbs: dict[str, Verb] = {
            "/scene": lambda s, m: self._call(s, m.word, -1, m),
            "/scene/number": self._numbered_scene,
            "/scene/save": self._saved,
            "/scene/next": self._next_scene,
            "/cue/go": self._next_cue,
            "/cue/number": self._numbered_cue,
            "/panic": lambda s, m: self._panicked(m.asking(s, Panic())),
            "/undo": self._undone,
        }
        verbs |= {f"/deck/{deck}/style": partial(self._style, deck) for deck in DECKS}
        verbs |= {f"/deck/{deck}/act": partial(directing.called, deck) for deck in DECKS}
        verbs |= {f"/deck/{deck}/next_act": partial(directing.next_called, deck) for deck in DECKS}
        verbs |= act_verbs(self.catalogue)
        verbs |= {f"/deck/{deck}/map": partial(mapped, self.catalogue, deck) for deck in DECKS}
        verbs |= {f"/deck/{deck}/unmap": partial(unmapped, self.catalogue, deck) for deck in DECKS}
        verbs |= {f"/deck/{deck}/map_acts": partial(mapped_in, self.catalogue, deck) for deck in DECKS}
        verbs |= {f"/{path}": partial(moved, target) for path, target in self.catalogue.targets.items() if target.deck}
        return {**PLAIN, **verbs}

    def _style(self, deck: str, state: ShowState, message: Message) -> ShowState:
        return self._wanted(state, deck, message.word, message.actions)

    def _numbered_scene(self, state: ShowState, message: Message) -> ShowState:
        names, number = self.catalogue.scenes, message.number
        if 1 <= number <= len(names):
            return self._call(state, names[int(number) - 1], -1, message)
        return replace(state, message=f"there is no scene {number:g}: the last one is {len(names)}")

    def _undone(self, state: ShowState, message: Message) -> ShowState:
        if not state.undo:
            return replace(state, message="there is nothing to take back")
        step = state.undo[-1]
        state = replace(state, undo=state.undo[:-1])
        if is_of_lists(step):
            return put_back(state, step)
        return self.verbs[step.path](state, replace(message, args=(step.value,)))

    def _saved(self, state: ShowState, message: Message) -> ShowState:
        slug, again = message.word, len(message.args) > 1 and bool(message.args[1])
        try:
            scene = scene_of(state, self.catalogue, slug)
        except UserError as error:
            return _not_saved(state, slug[:80], error.what)
        return message.asking(replace(state, saved=""), SaveScene(slug, again, scene))

    def _numbered_cue(self, state: ShowState, message: Message) -> ShowState:
        cues, number = self.setlist.cue, message.number
        if 1 <= number <= len(cues):
            return self._call(state, cues[int(number) - 1].scene, int(number) - 1, message)
        return replace(state, message=f"there is no cue {number:g}: the last one is {len(cues)}")

    # Styles and scenes

    def _wanted(self, state: ShowState, deck: str, style: str, actions: list[Action]) -> ShowState:
        if state.staged and state.staged.deck == deck:
            state = replace(state, staged=None)
        state = replace(state, panics=0)
        if style == IDLE:
            return state.with_deck(deck, _with_style(state.deck(deck), IDLE))
        actions.append(LoadStyle(deck, style))
        return state.with_deck(deck, replace(state.deck(deck), wanted=style))

    def _call(self, state: ShowState, slug: str, cue: int, message: Message) -> ShowState:
        """Ask for a scene. A second time is a person who does not want to wait any longer. So is asking for the one that is
        on stage, unless scenes are looked at first."""
        if state.on_standby and slug == state.scene:
            return released(replace(state, requested="", requested_cue=-1), message.position)
        message.actions.append(LoadScene(slug))
        again = slug == state.pending or (slug == state.scene and not state.preview)
        hurried = cue < 0 and again  # a cue of the same scene is meant as it is written
        return replace(state, requested=slug, requested_cue=cue, hurried=hurried)

    def _next_scene(self, state: ShowState, message: Message) -> ShowState:
        names = self.catalogue.scenes
        if not names:
            return replace(state, message="there are no scenes")
        # From the one that was asked for last, so that two quick presses go two scenes on.
        last = state.pending if state.pending in names else state.scene
        return self._call(state, names[(names.index(last) + 1) % len(names) if last in names else 0], -1, message)

    def _next_cue(self, state: ShowState, message: Message) -> ShowState:
        played = self.setlist.cue[state.cue].scene if 0 <= state.cue < len(self.setlist.cue) else ""
        if state.on_standby and played == state.scene and not state.requested:
            return released(state, message.position)  # the cue that was played last has not come in yet: "go" means that
        index = max(state.cue, state.requested_cue) + 1
        if index >= len(self.setlist.cue):
            return replace(state, message="the setlist is over" if self.setlist.cue else "there is no setlist")
        return self._call(state, self.setlist.cue[index].scene, index, message)

    def _scene_ready(self, state: ShowState, scene: Scene, position: BeatPosition, actions: list[Action]) -> ShowState:
        if scene.slug != state.requested:
            return state  # an answer to a question that is no longer asked
        cue = state.requested_cue
        state = replace(state, requested="", requested_cue=-1, panics=0, cue=state.cue if cue < 0 else cue)
        if cue >= 0:
            scene = self.setlist.played(cue, scene)
        return self._enter(state, scene, position, actions)

    def _enter(self, state: ShowState, scene: Scene, position: BeatPosition, actions: list[Action]) -> ShowState:
        """Stage `scene` on the hidden deck, after clearing the way where both decks are seen."""
        state = replace(state, queued=None, staged=None, follow=None)
        moving = state.fade if state.fade is not None and state.fade.running else None
        if moving or state.crossfade not in (0.0, 1.0) or state.paired > 0.0:
            target = moving.target if moving and moving.target in (0.0, 1.0) else float(state.crossfade > 0.5)
            hurry = Transition(kind=state.kind, beats=_HURRY_BEATS, start="now")
            return replace(state, queued=scene, fade=fade_to(state, target, hurry, position))
        deck = "b" if state.crossfade == 0.0 else "a"
        state = replace(state.with_deck(deck, replace(state.deck(deck), wanted=None)), fade=None)
        return self._stage(state, self._staging(scene, deck, 1.0 - state.crossfade), position, actions)

    def _stage(self, state: ShowState, staged: Staged, position: BeatPosition, actions: list[Action]) -> ShowState:
        # What was on that deck goes, whatever becomes of its style: to take that back now would stop the scene.
        state = forgotten(replace(state, staged=staged), staged.deck)
        if staged.content.style == IDLE:
            return self._style_ready(state, staged.deck, IDLE, position, actions)
        actions.append(LoadStyle(staged.deck, staged.content.style))
        return state

    def _staging(self, scene: Scene, deck: str, target: float) -> Staged:
        other = "a" if deck == "b" else "b"
        follow = None
        if scene.second:
            content = self._content(scene, scene.second, "second", other, deck)
            follow = Staged(other, content, scene.mix if other == "b" else 1.0 - scene.mix, scene)
        return Staged(deck, self._content(scene, scene.deck, "deck", deck, other), target, scene, follow)

    def _content(self, scene: Scene, entry: DeckEntry, part: str, deck: str, other: str) -> DeckState:
        params = {**defaults(self.catalogue.deck_params), **entry.params}
        plain = dict(self.catalogue.plain_chain())
        first = tuple((e.effect, {**plain.pop(e.effect), **e.params}) for e in entry.effects)
        chain = first + tuple(plain.items())
        mappings = scene.mappings(part, deck, other)
        direction = acts.directed(scene.acts(part, deck, other, directing.values_of(params, chain)))
        return DeckState(params, chain, entry.style, None, scene.slug, mappings, scene.transition, direction)

    def _style_ready(
        self, state: ShowState, deck: str, style: str, position: BeatPosition, actions: list[Action]
    ) -> ShowState:
        staged = state.staged
        if staged and staged.deck == deck and staged.content.style == style:
            enters = staged.content.style == staged.scene.deck.style and staged.target in (0.0, 1.0)
            if state.crossfade != (1.0 if deck == "a" else 0.0):
                # A hand has meanwhile brought this deck into sight: find the scene another way in, or do without its second.
                return self._enter(state, staged.scene, position, actions) if enters else replace(state, staged=None)
            state = self._taken(state, staged)
            transition = staged.scene.transition
            # The second deck of a scene follows the first one at once: its drop has been.
            if transition.start == "drop" and (state.hurried or not enters):
                transition = transition.model_copy(update={"start": "now"})
            fade = fade_to(state, staged.target, transition, position)
            fade = replace(fade, held=state.preview and enters and not state.hurried)
            return started(replace(state, fade=fade), position)
        if state.deck(deck).wanted == style:
            return state.with_deck(deck, _with_style(state.deck(deck), style))
        return state

    def _taken(self, state: ShowState, staged: Staged) -> ShowState:
        scene = staged.scene
        labels = {int(k): v for k, v in scene.faders.items()}
        state = replace(state, scene=scene.slug, scene_name=scene.name, fader_labels=labels, message="")
        state = forgotten(state.with_deck(staged.deck, staged.content), staged.deck)
        return replace(state, staged=None, follow=staged.follow)

    def _style_failed(self, state: ShowState, deck: str, style: str, reason: str) -> ShowState:
        state = replace(state, message=f"style {style}: {reason}")
        if state.staged and state.staged.deck == deck and state.staged.content.style == style:
            return replace(state, staged=None)
        if state.deck(deck).wanted == style:
            return failed(state.with_deck(deck, replace(state.deck(deck), wanted=None)), deck)
        return state

    # Panic

    def _bare(self, style: str = IDLE) -> DeckState:
        return DeckState(defaults(self.catalogue.deck_params), self.catalogue.plain_chain(), style)

    def _panicked(self, state: ShowState) -> ShowState:
        """Return the safe picture: one bare style at full level, no effect, mapping or fade; pressed again, the idle scene.

        The style stays at the first press because it is the one thing that is known to be loaded and running.
        """
        side = float(state.crossfade > 0.5)
        bare = [self._bare(IDLE if state.panics else deck.style) for deck in (state.a, state.b)]
        clear = replace(self.stopped(state), requested="", requested_cue=-1)
        lit = replace(clear, master=1.0, blackout=False, black=0.0, freeze=False)
        return replace(lit, a=bare[0], b=bare[1], crossfade=side, kind="dissolve", panics=state.panics + 1, undo=())

    # What somebody else has written, or what has failed

    def fitted(self, state: ShowState) -> ShowState:
        """Return a document of a file so that every rule here holds: all parameters there, all in range, known words."""

        def deck(given: DeckState) -> DeckState:
            own, effects = complete(self.catalogue.deck_params, given.params), self.catalogue.effects
            chain = {name: complete(effects[name], values) for name, values in given.chain if name in effects}
            chain |= {name: values for name, values in self.catalogue.plain_chain() if name not in chain}
            return replace(
                given,
                params=own,
                chain=tuple(chain.items()),
                direction=acts.fitted(given.direction),
                layers=layers.fitted(given.layers),
            )

        def staged(given: Staged | None) -> Staged | None:
            if given is None:
                return None
            target = CROSSFADE.clamp(given.target)
            return replace(given, content=deck(given.content), target=target, follow=staged(given.follow))

        fade = state.fade
        if fade is not None and not is_usable(fade):
            fade = None
        faders = [*state.faders[:FADERS], *(0.0,) * FADERS][:FADERS]
        return replace(
            state,
            a=deck(state.a),
            b=deck(state.b),
            crossfade=CROSSFADE.clamp(state.crossfade),
            master=MASTER.clamp(state.master),
            black=FADER.clamp(state.black),
            paired=FADER.clamp(state.paired),
            drop=FADER.clamp(state.drop),
            bar=state.bar if math.isfinite(state.bar) else 0.0,
            faders=tuple(FADER.clamp(value) for value in faders),
            kind=state.kind if is_transition(state.kind) else "dissolve",
            fade=fade,
            lookahead=LOOKAHEAD.clamp(state.lookahead),
            preview=state.preview and not state.autopilot.on,
            autopilot=state.autopilot.fitted(),
            staged=staged(state.staged),
            follow=staged(state.follow),
            undo=fitting(state.undo, self.catalogue),
        )

    def stopped(self, state: ShowState) -> ShowState:
        """Return the document with nothing under way: what there is stays, also where the crossfade stands."""
        return replace(state, fade=None, staged=None, follow=None, queued=None)

    # Time

    def advance(
        self, state: ShowState, position: BeatPosition, dt: float, heard: Mapping[str, float] | None = None
    ) -> tuple[ShowState, list[Action]]:
        """Return the document `dt` s later: the blackout fades, the crossfade moves, acts follow, what follows is staged.

        heard: the signals `PARTS` of the newest frame that was heard, 0..1; None: nothing was. Where `drop` rises the music
        drops.
        """
        actions: list[Action] = []
        begun: tuple[str, ...] = ()
        if heard is not None:
            state, begun = directing.heard(state, {name: FADER.clamp(heard[name]) for name in PARTS})
        dropped = "drop" in begun
        if state.black != float(state.blackout):
            step = dt / BLACKOUT_S
            black = min(1.0, state.black + step) if state.blackout else max(0.0, state.black - step)
            state = replace(state, black=black)
        together = state.a.scene == state.b.scene != "" and state.queued is None and state.staged is None
        together = together and not state.on_standby  # the same scene once more, for later: no pair
        if state.paired != float(together):
            step = dt / _PAIRING_S
            paired = min(1.0, state.paired + step) if together else max(0.0, state.paired - step)
            state = replace(state, paired=paired)
        if state.fade is not None:
            if state.fade.running:
                state = stepped(state, dt * position.bpm / 60.0)
            else:
                state = started(state, position, dropped)
        state = directing.asking(directing.acted(state, position, dt, begun), actions)
        if state.fade is None and state.staged is None:
            if state.queued:
                state = self._enter(state, state.queued, position, actions)
            elif state.follow:
                state = self._stage(replace(state, follow=None), state.follow, position, actions)
        return state, actions

    # One frame

    def resolve(self, state: ShowState, values: Mapping[str, float]) -> ShowFrame:
        """Return the frame's final values: base + mapped `values` ({parameter path: what to add}), clamped."""
        params = {"a": dict(state.a.params), "b": dict(state.b.params)}
        chains = {"a": dict(state.a.chain), "b": dict(state.b.chain)}
        show = {"master": state.master, "crossfade": state.crossfade}
        for path, value in directing.with_acts(state, values).items():
            if (target := self.catalogue.targets.get(path)) is None:
                continue
            name = target.param.name
            if target.effect:
                chain = chains[target.deck]
                base = chain[target.effect]
                chain[target.effect] = {**base, name: target.param.clamp(base[name] + value)}
            else:
                group = params[target.deck] if target.deck else show
                if name == CROSSFADE.name:
                    # A scene may move the fader between its own two decks only, not towards what the last one left.
                    value *= state.paired
                group[name] = target.param.clamp(group[name] + value)
        black = state.black * state.black * (3.0 - 2.0 * state.black)
        return ShowFrame(
            a=DeckFrame(state.a.seen, params["a"], tuple(chains["a"].items())),
            b=DeckFrame(state.b.seen, params["b"], tuple(chains["b"].items())),
            mix=show["crossfade"],
            transition=state.kind,
            master=show["master"],
            blackout=black,
            freeze=state.freeze,
            guard=state.guard,
        )


def _with_style(deck: DeckState, style: str) -> DeckState:
    """Return a deck as a hand's style comes in: it is seen at once, and that of an act again when the next one begins."""
    return replace(deck, style=style, wanted=None, layers=layers.without_change(deck.layers))


def _not_saved(state: ShowState, slug: str, reason: str) -> ShowState:
    line = f"scene {slug} is not saved: {reason}"
    return replace(state, saved=line, message=line)

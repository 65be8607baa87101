"""The one frame function, live and offline. Read `render_frame` top to bottom: that is the program.

Called by the live loop and by offline programs on the thread that owns the GL context. Nothing in here reads a device, a
socket or a file, and nothing that a style, a scene or a message does comes out of it as an exception: what the show
document or a mapping raises becomes a refusal, in `_held`, and the picture goes on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from phosphene.engine.app.autopilot_frame import Now
from phosphene.engine.app.loader import LoadFailed, SceneLoaded, SceneWritten, StyleLoaded
from phosphene.engine.app.stage import DeckStyle, Stage
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.generators.layers import LayeredGenerator
from phosphene.engine.generators.registry import GENERATORS
from phosphene.engine.show import acts, directing
from phosphene.engine.show.catalogue import DECKS, IDLE
from phosphene.engine.show.change import (
    Action,
    Change,
    Input,
    LoadScene,
    LoadStyle,
    Panic,
    SceneFailed,
    SceneNotSaved,
    SceneReady,
    SceneSaved,
    StyleFailed,
    StyleReady,
    Tempo,
)
from phosphene.engine.show.scene import Scene
from phosphene.engine.show.state import ShowFrame

_log = logging.getLogger(__name__)
T = TypeVar("T")

LEADERS = {
    "hand": "the hand leads",
    "music": "the music leads",
    "nobody": "runs on",
    "link": "Ableton Link leads",
    "midi clock": "the MIDI clock leads",
}


def render_frame(stage: Stage) -> tuple[Frame, Signals]:
    """Render and hand over the next frame; return it with its signals."""
    # 1 when it is
    missed_before = stage.clock.missed
    frame = stage.clock.next_frame()
    stage.began = began = clock.now()
    stage.aside_s = 0.0

    # 2 what came in: sound, answers of the loader, messages
    records = stage.source.records(frame.t_present)
    stage.latency.begin_frame()
    inputs: list[Input] = [*_answers(stage), *stage.bus.drain()]

    # 3 the show document, the only thing that changes what is on stage
    position = _position(stage, frame.t_present)
    stage.actions.applied(inputs, frame)
    _act(stage, _applied(stage, inputs, position, frame), frame)
    _piloted(stage, inputs, position, frame)

    # 4 what the music does when this picture is seen
    since = stage.signals.t_audio if stage.signals else frame.t_present
    tags, scene = stage.tags(frame.t_present), acts.scene_signals(directing.shown(stage.state).direction)
    signals = signals_at(frame.t_present, records, position, stage.state.faders, since, tags, scene)

    # 5 parameters: what the performer set, moved by the music
    show = _resolved(stage, signals, frame.dt)

    # 6 how many pixels can be afforded
    size = stage.governor.size()
    stage.note_size(frame.time, size)

    # 7 the picture
    _seat(stage)
    picture = stage.mixer.render(frame, signals, show, size, stage.governor.output_size)
    held = None
    if show.guard:
        held = stage.guard.hold(picture, show.master, show.blackout, frame.dt, scattered=stage.mixer.sharp)
    else:
        stage.guard.off()
    stage.output_pass.draw(picture, stage.output, show.master, show.blackout, frame.index, held)

    stage.signals = signals

    # 8 to the display, the recorder, whoever else looks
    # Half a frame earlier than the newest sound it shows: what it shows happened anywhere since the last one.
    t_picture = frame.t_present - stage.delay.update(frame.t_present, signals.t_audio, frame.dt) - 0.5 / frame.fps
    for sink in stage.sinks:
        sink.accept(stage.output, frame, t_picture)

    # 9 what it cost: a wait for the screen costs nothing
    ended = clock.now()
    cost = ended - began - stage.waited_s
    gpu_ms = stage.mixer.gpu_ms
    stage.budget.close(cost, ended, stage.clock.missed - missed_before, gpu_ms)
    # This thread only queues what CUDA computes, and the two run side by side: the slower one sets the pace.
    stage.governor.record(max((cost - stage.aside_s) * 1e3, gpu_ms), light=stage.mixer.light)
    return frame, signals


def open_scene(stage: Stage, slug: str, timeout_s: float = 3.0) -> None:
    """Put scene `slug` on deck a before the first frame. A fault is said and leaves the idle scene; never raises."""
    stage.loader.request_scene(slug)
    wanted = "scene"
    give_up = clock.now() + timeout_s
    while clock.now() < give_up:
        for answer in stage.loader.finished():
            if isinstance(answer, LoadFailed) and not answer.beside:
                stage.say(f"{answer.what} {answer.name}: {answer.reason}")
                return
            if isinstance(answer, SceneLoaded):
                stage.state, actions = stage.document.opened(answer.scene)
                _act(stage, actions, None)
                wanted = stage.state.a.wanted or ""
            if isinstance(answer, StyleLoaded) or (isinstance(answer, LoadFailed) and answer.beside):
                _answered(stage, answer)
                wanted = wanted if answer.beside else ""
        if not wanted:
            return
        clock.sleep(0.002)
    if wanted == "scene":
        stage.bus.put(Change("/scene", (slug,), clock.now(), "start"))  # called as by hand: the document has to expect it
    stage.say(f"scene {slug} is not ready after {timeout_s:g} s: it comes in when it is")


def open_for_render(stage: Stage, scene: str | Scene, changes: Sequence[Change] = ()) -> None:
    """Set an offline stage before its first frame: `scene`, by name or itself, then `changes`, and what those want loaded.

    Raises UserError for whatever is refused: a render must not be of another show than was asked for.
    """
    before = len(stage.messages)
    actions: list[Action] = []
    if isinstance(scene, str):
        open_scene(stage, scene)
    else:
        stage.state, actions = stage.document.opened(scene)
    stage.state, later = stage.document.apply(stage.state, changes, stage.conductor.position(0.0))
    _act(stage, [*actions, *later], None)
    for answer in stage.loader.finished():
        if isinstance(answer, StyleLoaded) or (isinstance(answer, LoadFailed) and answer.beside):
            _answered(stage, answer)
        elif isinstance(answer, LoadFailed):
            stage.say(f"{answer.what} {answer.name}: {answer.reason}")
    if len(stage.messages) > before:
        raise UserError("the show cannot be opened", got=stage.messages[-1])


def close_stage(stage: Stage) -> None:
    """Free what the stage holds on the GPU, and stop the loader."""
    stage.loader.close()
    for layered in stage.layered.values():
        layered.close()
    beside = [loaded for each in stage.beside.values() for loaded in each.values()]
    for loaded in (*stage.playing.values(), *stage.ready.values(), *beside):
        _drop(loaded)
    stage.mixer.close()
    stage.guard.close()
    stage.output_pass.close()
    stage.output.close()


def _held(stage: Stage, what: str, work: Callable[[], T], instead: T) -> T:
    """Return what `work` returns, or `instead` where it raises: the one place where a fault of the show document, of a
    mapping or of a message's effect ends. It is said, counted, and comes again in a rerender, for the log has its cause.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001 boundary: no message, no file and no moment may end the show, or cost another message
        stage.refused += 1
        reason = error.line() if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        _log.debug(what, exc_info=True)
        stage.say(f"{what} is refused: {reason}")
        return instead


def _position(stage: Stage, t: float) -> BeatPosition:
    """Let the beat follow what is heard, and return it at `t`; the last one where it is no number."""

    def heard() -> None:
        led = ((lead.name, lead.line()) for lead in stage.leads)
        outside = next(((name, line) for name, line in led if line is not None), None)
        stage.conductor.update(stage.source.timeline(), t, outside)

    before = stage.conductor.leader
    _held(stage, "the beat that is heard", heard, None)
    leader, outside = stage.conductor.leader, {lead.name for lead in stage.leads}
    if leader != before and {leader, before} & outside:
        stage.say(f"tempo: {LEADERS.get(leader, leader)}")
    position = stage.conductor.position(t)
    if all(map(math.isfinite, (position.beat, position.bpm, position.confidence))):
        return position
    return stage.signals.position if stage.signals else BeatPosition()


def _applied(stage: Stage, inputs: Sequence[Input], position: BeatPosition, frame: Frame) -> list[Action]:
    """Apply what came in, one by one, and let the document's time pass; return what the outside has to do."""
    actions: list[Action] = []

    def take(event: Input) -> bool:
        stage.state, more = stage.document.apply(stage.state, (event,), position, frame.time)
        actions.extend(more)
        if isinstance(event, Change):
            stage.moved.pop(event.path, None)  # put in again: the newest is the last one
            stage.moved[event.path] = event.source, event.t
        elif isinstance(event, SceneSaved):
            stage.document = stage.document.knowing(event.slug)
        return True

    def advance() -> bool:
        stage.state, more = stage.document.advance(stage.state, position, frame.dt, stage.signals)
        actions.extend(more)
        return True

    for event in inputs:
        if not _held(stage, _name_of(event), partial(take, event), False):
            # An answer that cannot be used is a failure: otherwise the document would wait for it all night.
            match event:
                case SceneReady(scene):
                    failed: Input | None = SceneFailed(scene.slug, "it cannot be played")
                case StyleReady(deck, style, beside):
                    failed = StyleFailed(deck, style, "it cannot be played", beside)
                case _:
                    failed = None
            if failed is not None:
                _held(stage, _name_of(failed), partial(take, failed), False)
    if not _held(stage, "what is under way", advance, False):
        stage.state = stage.document.stopped(stage.state)
    return actions


def _piloted(stage: Stage, inputs: Sequence[Input], position: BeatPosition, frame: Frame) -> None:
    """Let the autopilot see the frame; what it does comes in with the next one, like what a hand does."""
    pilot = stage.autopilot
    if pilot is None:
        return
    now = Now(inputs, stage.state, position, stage.signals, frame.t_present, frame.dt)
    nothing: list[Change] = []
    for change in _held(stage, "the autopilot", partial(pilot.fly, now), nothing):
        stage.bus.put(change)
    for line in pilot.said():
        stage.say(line)


def _name_of(event: Input) -> str:
    match event:
        case Change(path):
            return path
        case SceneReady(scene):
            return f"scene {scene.slug}"
        case SceneFailed(slug):
            return f"scene {slug}"
        case StyleReady(deck, style) | StyleFailed(deck, style):
            return f"style {style} on deck {deck}"
        case SceneSaved(slug) | SceneNotSaved(slug):
            return f"saving scene {slug}"


def _resolved(stage: Stage, signals: Signals, dt: float) -> ShowFrame:
    """Return the frame's values: without the music where a mapping fails, the last frame's where the document does."""

    def mapped() -> dict[str, float]:
        stage.mappings.use(stage.state.a.mappings, stage.state.b.mappings)
        return stage.mappings.evaluate(signals, dt, (stage.state.a.direction, stage.state.b.direction))

    document = stage.document
    unmoved: dict[str, float] = {}
    values = _held(stage, "a mapping", mapped, unmoved)
    shown = _held(stage, "the show document", lambda: document.resolve(stage.state, values), stage.shown)
    stage.shown = shown or document.resolve(document.empty(), {})
    return stage.shown


def _answers(stage: Stage) -> list[Input]:
    inputs: list[Input] = []
    for answer in stage.loader.finished():
        match answer:
            case SceneLoaded(scene):
                inputs.append(SceneReady(scene))
            case StyleLoaded():
                inputs += _placed(stage, answer)
            case SceneWritten(name, slug, changed):
                stage.written.pop(name, None)
                stage.written[slug] = changed
                inputs.append(SceneSaved(slug))
                stage.say(f"scene {slug} is saved")
            # The panel gets the whole line; the document, which goes out over the network, what quotes nothing of a file.
            case LoadFailed("scene", name, _, reason, brief):
                inputs.append(SceneFailed(name, brief))
                stage.say(f"scene {name} refused: {reason}")
            case LoadFailed("save", name, _, reason, brief):
                stage.written.pop(name, None)
                inputs.append(SceneNotSaved(name, brief))
                stage.say(f"scene {name} is not saved: {reason}")
            case LoadFailed("style"):
                inputs.append(_refused(stage, answer))
    return inputs


def _refused(stage: Stage, answer: LoadFailed) -> Input:
    """Say that a style cannot be had; return what the show document has to hear."""
    whose = f"of an act is refused, deck {answer.deck} plays on as it is" if answer.beside else "refused"
    stage.say(f"style {answer.name} {whose}: {answer.reason}")
    return StyleFailed(answer.deck, answer.name, answer.brief, answer.beside)


def _answered(stage: Stage, answer: StyleLoaded | LoadFailed) -> None:
    """Take a style before the first frame."""
    position = stage.conductor.position(0.0)
    inputs = _placed(stage, answer) if isinstance(answer, StyleLoaded) else [_refused(stage, answer)]
    stage.state, actions = stage.document.apply(stage.state, inputs, position)
    _act(stage, actions, None)


def _placed(stage: Stage, answer: StyleLoaded) -> list[Input]:
    """Make a loaded style ready beside its deck; return what the show document has to hear."""
    # By the name that the document waits for: a style outside the library is asked for by its path.
    deck, slug = answer.deck, answer.name or answer.style.slug
    try:
        make = GENERATORS[answer.style.kind].generator
        generator = make(answer.style, answer.program, stage.mixer.passes, stage.walk, stage.live)
    except Exception as error:  # noqa: BLE001 boundary: a driver may refuse a target or a shader; the old style plays on
        _log.debug("style %s does not start", slug, exc_info=True)
        answer.program.close()
        stage.say(f"style {slug} refused: {type(error).__name__}: {error}")
        return [StyleFailed(deck, slug, "it does not start", answer.beside)]
    made = DeckStyle(slug, answer.backend, answer.refused, answer.excluded, generator)
    place, key = (stage.beside[deck], slug) if answer.beside else (stage.ready, deck)
    _drop(place.pop(key, None))
    place[key] = made
    return [StyleReady(deck, slug, answer.beside)]


def _seat(stage: Stage) -> None:
    """Bring the decks in line with the document: what it wants and is ready is swapped in, broken ones ask for help."""
    for deck in DECKS:
        wanted, loaded, ready = stage.state.deck(deck).style, stage.playing[deck], stage.ready.get(deck)
        if ready is not None and ready.style == wanted:
            stage.mixer.set_generator(deck, ready.generator)
            _drop(loaded)
            stage.playing[deck] = stage.ready.pop(deck)
        elif wanted == IDLE and loaded.generator is not None:
            stage.mixer.set_generator(deck, None)
            _drop(loaded)
            stage.playing[deck] = DeckStyle()
        _layer(stage, deck)
    while stage.broken:
        deck, style = stage.broken.pop()
        loaded = stage.beside[deck].get(style, DeckStyle()) if style else stage.playing[deck]
        if loaded.generator is not None and loaded.backend not in loaded.failed:
            loaded.failed |= {loaded.backend}
            stage.say(f"deck {deck}: backend {loaded.backend} failed, trying the next one")
            stage.loader.request_style(deck, loaded.style, loaded.failed, beside=bool(style))


def _layer(stage: Stage, deck: str) -> None:
    """Bring the styles of a deck's acts in line with the document: what is no more needed goes, the rest plays as one."""
    layers, beside = stage.state.deck(deck).layers, stage.beside[deck]
    layered = stage.layered.get(deck)
    if not beside and layered is None:
        return
    kept = {*layers.asked, *layers.loaded}
    gone = [beside.pop(style) for style in list(beside) if style not in kept]
    own = stage.playing[deck].generator
    if not beside:
        stage.mixer.set_generator(deck, own)
        if layered is not None:
            stage.layered.pop(deck).close()
    else:
        if layered is None:
            layered = stage.layered[deck] = LayeredGenerator(
                stage.mixer.passes, lambda style, error: stage.broken.append((deck, style))
            )
        others = {style: each.generator for style, each in beside.items() if each.generator is not None}
        if layered.use(own, others) or stage.mixer.decks[deck].generator is not layered:
            stage.mixer.set_generator(deck, layered)
        layered.shares = stage.state.deck(deck).shares
    for loaded in gone:
        _drop(loaded)


def _drop(loaded: DeckStyle | None) -> None:
    if loaded is not None and loaded.generator is not None:
        loaded.generator.close()


def _act(stage: Stage, actions: Sequence[Action], frame: Frame | None) -> None:
    for action in actions:
        _held(stage, type(action).__name__.lower(), partial(_done, stage, action, frame), None)


def _done(stage: Stage, action: Action, frame: Frame | None) -> None:
    match action:
        case LoadStyle(deck, style, beside):
            stage.loader.request_style(deck, style, beside=beside)
        case LoadScene(slug):
            stage.loader.request_scene(slug)
        case Tempo(kind, value, t):
            _tempo(stage, kind, value, t)
        case Panic():
            for each in stage.mixer.decks.values():
                each.chain.reset()
        case _ if frame is not None:
            stage.actions.act(action, frame)


def _tempo(stage: Stage, kind: str, value: float, t: float) -> None:
    conductor = stage.conductor
    lead = next((each for each in stage.leads if each.name == conductor.leader), None)
    if lead is not None and kind == "resync" and (line := lead.line()) is not None and line.bar_confidence > 0.0:
        raise UserError("the bar is not ours to say", where="/tempo/resync", got=LEADERS.get(lead.name, lead.name))
    match kind:
        case "tap":
            conductor.tap(t)
        case "bpm":
            conductor.set_bpm(value, t)
        case "resync":
            conductor.resync(t)
        case "follow":
            conductor.follow()
        case "nudge":
            conductor.nudge(value, t)
        case "multiply":
            conductor.multiply(value, t)
        case "lookahead":
            conductor.look_ahead(value / 1e3)
    bpm = conductor.requested()
    if bpm is not None and lead is not None and not lead.set_bpm(bpm):
        raise UserError("the tempo is not ours to set", where=f"/tempo/{kind}", got=LEADERS.get(lead.name, lead.name))

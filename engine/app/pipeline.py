"""The one frame function, live and offline. Read `render_frame` top to bottom: that is the program.

Called by the live loop and by offline programs on the thread that owns the GL context. Nothing in here reads a device, a
socket or a file, and nothing that a style, a scene or a message does comes out of it as an exception.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine.app.loader import LoadFailed, SceneLoaded, StyleLoaded
from engine.app.stage import Backing, Stage
from engine.core import clock
from engine.core.errors import UserError
from engine.core.frame import Frame
from engine.core.signals import Signals, signals_at
from engine.generators.registry import GENERATORS
from engine.show.catalogue import DECKS, IDLE
from engine.show.change import (
    Action,
    Change,
    Input,
    LoadScene,
    LoadStyle,
    Panic,
    SceneFailed,
    SceneReady,
    StyleFailed,
    StyleReady,
    Tempo,
)
from engine.show.scene import Scene

_log = logging.getLogger(__name__)


def render_frame(stage: Stage) -> tuple[Frame, Signals]:
    """Render and hand over the next frame; return it with its signals."""
    # 1 when it is
    missed_before = stage.clock.missed
    frame = stage.clock.next_frame()
    began = clock.now()

    # 2 what came in: sound, answers of the loader, messages
    records = stage.source.records(frame.t_present)
    stage.latency.begin_frame()
    inputs: list[Input] = [*_answers(stage), *stage.bus.drain()]

    # 3 the show document, the only thing that changes what is on stage
    stage.conductor.update(stage.source.timeline(), frame.t_present)
    position = stage.conductor.position(frame.t_present)
    stage.hands.applied(inputs, frame)
    stage.state, actions = stage.document.apply(stage.state, inputs, position, frame.time)
    stage.state, later = stage.document.advance(stage.state, position, frame.dt)
    _act(stage, [*actions, *later], frame)

    # 4 what the music does when this picture is seen
    since = stage.signals.t_audio if stage.signals else frame.t_present
    signals = signals_at(frame.t_present, records, position, stage.state.faders, since)

    # 5 parameters: what the performer set, moved by the music
    stage.mappings.use(stage.state.a.mappings, stage.state.b.mappings)
    show = stage.document.resolve(stage.state, stage.mappings.evaluate(signals, frame.dt))

    # 6 how many pixels can be afforded
    size = stage.governor.size()
    stage.note_size(frame.time, size)

    # 7 the picture
    _seat(stage)
    picture = stage.mixer.render(frame, signals, show, size)
    held = stage.guard.hold(picture, show.master, show.blackout, frame.dt) if show.guard else stage.guard.off()
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
    stage.governor.record(max(cost * 1e3, gpu_ms), light=stage.mixer.light)
    return frame, signals


def open_scene(stage: Stage, slug: str, timeout_s: float = 3.0) -> None:
    """Put scene `slug` on deck a before the first frame. A fault is said and leaves the idle scene; never raises."""
    stage.loader.request_scene(slug)
    wanted = "scene"
    give_up = clock.now() + timeout_s
    while clock.now() < give_up:
        for answer in stage.loader.finished():
            if isinstance(answer, LoadFailed):
                stage.say(f"{answer.what} {answer.name}: {answer.reason}")
                return
            if isinstance(answer, SceneLoaded):
                stage.state, actions = stage.document.opened(answer.scene)
                _act(stage, actions, None)
                wanted = stage.state.a.wanted or ""
            if isinstance(answer, StyleLoaded):
                _answered(stage, answer)
                wanted = ""
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
        if isinstance(answer, StyleLoaded):
            _answered(stage, answer)
        elif isinstance(answer, LoadFailed):
            stage.say(f"{answer.what} {answer.name}: {answer.reason}")
    if len(stage.messages) > before:
        raise UserError("the show cannot be opened", got=stage.messages[-1])


def close_stage(stage: Stage) -> None:
    """Free what the stage holds on the GPU, and stop the loader."""
    stage.loader.close()
    for backing in (*stage.backing.values(), *stage.ready.values()):
        _drop(backing)
    stage.mixer.close()
    stage.guard.close()
    stage.output_pass.close()
    stage.output.close()


def _answers(stage: Stage) -> list[Input]:
    inputs: list[Input] = []
    for answer in stage.loader.finished():
        match answer:
            case SceneLoaded(scene):
                inputs.append(SceneReady(scene))
            case StyleLoaded():
                inputs += _placed(stage, answer)
            case LoadFailed("scene", name, _, reason):
                inputs.append(SceneFailed(name, reason))
                stage.say(f"scene {name} refused: {reason}")
            case LoadFailed(_, name, deck, reason):
                inputs.append(StyleFailed(deck, name, reason))
                stage.say(f"style {name} refused: {reason}")
    return inputs


def _answered(stage: Stage, answer: StyleLoaded) -> None:
    """Take a style before the first frame."""
    position = stage.conductor.position(0.0)
    stage.state, actions = stage.document.apply(stage.state, _placed(stage, answer), position)
    _act(stage, actions, None)


def _placed(stage: Stage, answer: StyleLoaded) -> list[Input]:
    """Make a loaded style ready beside its deck; return what the show document has to hear."""
    # By the name that the document waits for: a style outside the library is asked for by its path.
    deck, slug = answer.deck, answer.name or answer.style.slug
    try:
        make = GENERATORS[answer.style.kind].generator
        generator = make(answer.style, answer.program, stage.mixer.passes, stage.walk, stage.live)
    except Exception as error:  # noqa: BLE001 boundary: a driver may refuse a target or a shader; the old style plays on
        _log.exception("style %s does not start", slug)
        answer.program.close()
        return [StyleFailed(deck, slug, f"{type(error).__name__}: {error}")]
    _drop(stage.ready.pop(deck, None))
    stage.ready[deck] = Backing(slug, answer.backend, answer.refused, answer.excluded, generator)
    return [StyleReady(deck, slug)]


def _seat(stage: Stage) -> None:
    """Bring the decks in line with the document: what it wants and is ready is swapped in, broken ones ask for help."""
    for deck in DECKS:
        wanted, backing, ready = stage.state.deck(deck).style, stage.backing[deck], stage.ready.get(deck)
        if ready is not None and ready.style == wanted:
            stage.mixer.set_generator(deck, ready.generator)
            _drop(backing)
            stage.backing[deck] = stage.ready.pop(deck)
        elif wanted == IDLE and backing.generator is not None:
            stage.mixer.set_generator(deck, None)
            _drop(backing)
            stage.backing[deck] = Backing()
    while stage.broken:
        deck = stage.broken.pop()
        backing = stage.backing[deck]
        if backing.generator is not None and backing.backend not in backing.failed:
            backing.failed |= {backing.backend}
            stage.say(f"deck {deck}: backend {backing.backend} failed, trying the next one")
            stage.loader.request_style(deck, backing.style, backing.failed)


def _drop(backing: Backing | None) -> None:
    if backing is not None and backing.generator is not None:
        backing.generator.close()


def _act(stage: Stage, actions: Sequence[Action], frame: Frame | None) -> None:
    for action in actions:
        match action:
            case LoadStyle(deck, style):
                stage.loader.request_style(deck, style)
            case LoadScene(slug):
                stage.loader.request_scene(slug)
            case Tempo(kind, value, t):
                _tempo(stage, kind, value, t)
            case Panic():
                for deck in stage.mixer.decks.values():
                    deck.chain.reset()
            case _ if frame is not None:
                stage.hands.act(action, frame)


def _tempo(stage: Stage, kind: str, value: float, t: float) -> None:
    conductor = stage.conductor
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

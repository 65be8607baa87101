"""`vj live`: opens everything, runs the frame function until it is told to stop, closes everything in order.

Main thread. What can be missing (a screen, sound, a scene, the OSC port) is replaced and said; only a machine without
OpenGL, or an option that makes no sense, ends it with an error.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from phosphene.engine.app import telemetry
from phosphene.engine.app.actions import LiveActions
from phosphene.engine.app.autopilot import Autopilot
from phosphene.engine.app.build import build_stage, given_scene
from phosphene.engine.app.options import LiveOptions, check_places
from phosphene.engine.app.pipeline import close_stage, open_scene, render_frame
from phosphene.engine.app.previewing import PreviewSink
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.screen import Screen, key_changes
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.stopping import Stop, deaf
from phosphene.engine.app.surfaces import Surfaces
from phosphene.engine.app.take import write_json
from phosphene.engine.app.take_state import StageSnapshots
from phosphene.engine.app.watch import SceneWatch, ShaderWatch, TransitionWatch
from phosphene.engine.audio.supervisor import Supervisor
from phosphene.engine.audio.tag_runner import TagRunner
from phosphene.engine.backends.isf_known import tried
from phosphene.engine.compositor.isf import shader_transitions
from phosphene.engine.control.address import Table
from phosphene.engine.control.link import LinkPeer
from phosphene.engine.control.midi.lead import MidiClock
from phosphene.engine.control.midi.ports import refusal as midi_refusal
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.control.server import OscServer
from phosphene.engine.core import clock, paths
from phosphene.engine.core.clock import Clock, DisplayClock, LiveClock
from phosphene.engine.core.errors import RateLimitedLog, one_line
from phosphene.engine.core.fine_timer import fine_timer
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.context import info
from phosphene.engine.gpu.hybrid import other_gpu
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.library.scene_facts import read_aside
from phosphene.engine.models.media import names_book
from phosphene.engine.models.shaders import find_shader
from phosphene.engine.models.style import check_style, empty_library, list_styles
from phosphene.engine.output.base import Display, Sink
from phosphene.engine.output.choose import choose_display
from phosphene.engine.output.window import Window
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.change import Change
from phosphene.engine.show.scene import load_scene, scene_path

if TYPE_CHECKING:
    from phosphene.engine.desk.advertise import Advertisement
    from phosphene.engine.desk.server import DeskServer

_KEYS = "1 to 9: scenes, H: numbers, Ctrl+R: record, F11: leaves the full screen, Ctrl+Q: ends the show"

_log = logging.getLogger(__name__)
_quiet = RateLimitedLog(_log)

HARDWARE_FORMAT = (Size(1280, 720), Fraction(60))
# Software GL fills about 60 Mpx/s a pass on two cores: 720p60 would leave nothing for the network.
SOFTWARE_FORMAT = (Size(640, 360), Fraction(30))
_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software")
_SWITCH_INTERVAL_S = 0.001  # a thread that wants the interpreter gets it within 1.4 ms at p99; 5.4 ms by default
_ANOTHER_RATE = 0.3  # beyond, it is another show: 60 asked of 100 Hz becomes 50, of 40 Hz it stays
_SAME_RATE = 0.02  # 59.94 Hz is 60
_AUDIO_WAIT_S = 2.5  # the demo music takes over when no input gives sound within this


def default_format(renderer: str) -> tuple[Size, Fraction]:
    """Return the output size and frame rate that suit what draws (GL_RENDERER)."""
    return SOFTWARE_FORMAT if any(word in renderer.lower() for word in _SOFTWARE) else HARDWARE_FORMAT


def run_live(options: LiveOptions, extra_sink: Callable[[Stage], Sink] | None = None) -> int:
    """Run a show; return the exit code: 1 where something that was to be recorded is not whole.

    extra_sink: makes one more, called after the display on the render thread; benchmarks look at the pictures that way.
    Raises UserError for what cannot be replaced.
    """
    began = clock.now()
    if options.style is not None:
        check_style(options.style)  # a name that does not exist is said at once, not on a stage that stays idle
    elif not list_styles():
        raise empty_library()
    if options.scene is not None:
        load_scene(scene_path(given_scene(options.scene)), show_catalogue())
    check_places(options)
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    source = Supervisor(
        "default" if options.input == "auto" else options.input,
        gain=options.gain,
        channels=options.channels or None,
        monitor=options.listen,
    )
    try:
        with fine_timer(), deaf(), Stop() as stopping:
            return _on_display(options, source, began, extra_sink, stopping)
    finally:
        source.close()
        sys.setswitchinterval(switch_interval)


def _on_display(
    options: LiveOptions, source: Supervisor, began: float, extra_sink: Callable[[Stage], Sink] | None, stopping: Stop
) -> int:
    size = options.size or HARDWARE_FORMAT[0]
    display, _ = choose_display(options.output, size, fullscreen=not options.windowed, monitor=options.monitor)
    try:
        renderer = info()["renderer"]
        default_size, default_fps = default_format(renderer)
        size, fps = options.size or default_size, options.fps or fitting_rate(display, default_fps)
        display.output_size = size
        _log.info("drawing with %s at %s, %g fps", renderer, size, fps)
        if idle := other_gpu(renderer):
            _log.warning("%s", idle)
        _log.info(_KEYS if display.name == "window" else "Ctrl-C ends the show")
        return _with_stage(options, source, display, size, fps, renderer, began, extra_sink, stopping)
    finally:
        display.close()


def _with_stage(
    options: LiveOptions,
    source: Supervisor,
    display: Display,
    size: Size,
    fps: Fraction,
    renderer: str,
    began: float,
    extra_sink: Callable[[Stage], Sink] | None,
    stopping: Stop,
) -> int:
    governor = Governor(size, float(fps), fixed=options.internal)
    actions = LiveActions(source.said)
    stage, table = build_stage(LiveClock(fps), source, size, governor, actions, renderer=renderer, backend=options.backend)
    about = {"renderer": renderer, "seed": 0, "source": options.input, "gain": options.gain}
    takes, named = options.takes or paths.takes_dir(), options.takes is not None
    recording = Recording(source, size, fps, takes, about, stage.say, StageSnapshots(stage), named=named)
    surfaces = Surfaces(stage, recording)
    surfaces.open(
        "OSC", lambda: OscServer(table, stage.bus, host=options.osc_host, port=options.osc_port, port_out=options.osc_out)
    )
    desk: DeskServer | None = None
    if options.desk is not None:
        from phosphene.engine.app.desk import DeskDocuments, advertised, open_desk  # aiohttp: 0.25 s, and only here
        from phosphene.engine.desk.invitation import qr_text

        host, port = options.desk
        desk = surfaces.open("desk", lambda: open_desk(stage, table, host, port, options.osc_port))
    if options.link and (link := surfaces.open("Ableton Link", LinkPeer)) is not None:
        stage.leads.append(link)
    if options.midi and not midi_refusal():  # a laptop without MIDI is nothing to be told at every start: vj doctor says it
        _open_midi(surfaces, actions, stage, table)
    page = (desk.address, desk.url if desk.keys.play else "") if desk is not None else ("", "")
    screen = Screen(display, stage, recording, surfaces, page)
    actions.display = screen.put
    actions.open(stage, recording, lambda: telemetry.report(stage, recording, surfaces.health()))
    stage.sinks += [screen, recording]
    previews = PreviewSink(stage, desk, screen.operator)
    stage.sinks.append(previews)
    advertisement: Advertisement | None = None
    if desk is not None:
        advertisement = advertised(desk, options.osc_port)
        stage.sinks.append(DeskDocuments(stage, recording, surfaces, desk))
        _log.info("play it from %s", desk.url)
        if desk.keys.play:
            _log.info("\n%s", qr_text(desk.url))
    tagger: TagRunner | None = None
    if extra_sink is not None:
        stage.sinks.append(extra_sink(stage))
    try:
        if opening := given_scene(options.scene or "") or (None if options.style else _opening(stage)):
            open_scene(stage, opening)
        if options.lookahead:
            stage.bus.put(Change("/tempo/lookahead", (options.lookahead,), clock.now(), "start"))
        if not options.guard:
            stage.bus.put(Change("/guard", (0,), clock.now(), "start"))
        if options.style is not None:
            # As by hand, so that a style that fails later is refused and named like any other.
            stage.bus.put(Change("/deck/a/style", (options.style,), clock.now(), "start"))
            if names_book(options.style):  # who names one wants to see it
                stage.bus.put(Change("/deck/a/through", (1.0,), clock.now(), "start"))
        _autopilot(options, stage)
        _operator(options.operator, display, screen)
        _wait_for_sound(options, source, stage)
        stage.tagger = tagger = TagRunner(source)
        stage.tags = tagger.values
        if options.record is not None:
            recording.open(options.record, actions.report, stage.output)
        _run(options, stage, display, table, screen, began, stopping, tagger)
    finally:
        recording.close()
        if tagger is not None:
            tagger.close()
        report = telemetry.report(stage, recording, surfaces.health())
        if advertisement is not None:
            advertisement.close()
        surfaces.close()
        screen.close()
        previews.close()
        close_stage(stage)
    _say_goodbye(stage, recording)
    if options.report is not None:
        write_json(options.report, report)
    return 1 if recording.failures else 0


def _operator(wanted: bool | None, display: Display, screen: Screen) -> None:
    """Open the operator's window where it is asked for, or where the wall has a screen of its own."""
    if screen.operator is None or not isinstance(display, Window):
        return
    alone = len(display.monitors) < 2
    if wanted or (wanted is None and display.fullscreen and not alone):
        screen.operator.switch(True)
    elif wanted is None and alone:
        _log.info("one screen: H shows the numbers over the picture, for the audience too; O opens a window with previews")


def _open_midi(surfaces: Surfaces, actions: LiveActions, stage: Stage, table: Table) -> None:
    def opened() -> MidiSurface:
        actions.midi = midi = MidiSurface(table, stage.bus, scenes=stage.document.catalogue.scenes)
        surfaces.also_tell(midi.told)
        stage.leads.append(MidiClock(midi))
        return midi

    surfaces.open("MIDI", opened)


def _autopilot(options: LiveOptions, stage: Stage) -> None:
    """Set the autopilot in its place. Its chance is another each night: a take has what it did, whatever the seed."""
    stage.autopilot = Autopilot(stage.document, seed=int(clock.wall_clock().timestamp()))
    read_aside(stage.document.catalogue, stage.autopilot.learn)
    if options.autopilot:
        stage.bus.put(Change("/autopilot", (1,), clock.now(), "start", every=True))


def _run(
    options: LiveOptions,
    stage: Stage,
    display: Display,
    table: Table,
    screen: Screen,
    began: float,
    stopping: Stop,
    tagger: TagRunner,
) -> None:
    last = None if options.seconds is None else max(1, round(options.seconds * stage.clock.fps)) - 1
    watches = () if options.show else _watches()
    told, tired = False, False
    stopping.begin()
    gc.collect()
    gc.freeze()  # what is loaded stays: a full collection over it would cost a frame
    stage.clock = show_clock(display, stage.clock.fps)
    ends = stage.clock.t_start + (options.seconds or 0.0)  # also where every frame fails
    with ExitStack() as watching:
        for watch in watches:
            watching.enter_context(closing(watch))
            watch.begin()
        while not (stopping.asked or display.should_close):
            tagger.missed(stage.clock.missed)
            if tagger.rested and not tired:
                tired = True
                stage.say(tagger.note)
            if _keys(display, table, stage):
                return
            index = _frame(stage)
            if not told and screen.first_s is not None:  # not frame 0, which may be missed
                _log.info("first picture after %.2f s", screen.first_s - began)
                told = True
            if last is not None and (index >= last or (index < 0 and clock.now() > ends)):
                return
            for watch in watches:
                watch.look(stage)


def _watches() -> tuple[SceneWatch | ShaderWatch | TransitionWatch, ...]:
    """Return who looks at files while a look is being built. Needs the show's context."""
    transitions = {kind: known.isf.path for kind, known in shader_transitions().items()}
    again = partial(tried, renderer=info()["renderer"])
    return SceneWatch(scene_path), ShaderWatch(find_shader), TransitionWatch(transitions, again)


def _keys(display: Display, table: Table, stage: Stage) -> bool:
    """Take what was pressed; return whether to quit. A fault in it costs that press, not the show."""
    try:
        return key_changes(display, table, stage)
    except Exception as error:  # noqa: BLE001 boundary: no key and no event of the window system may end the show
        _quiet.warning("keys", f"a key was lost: {type(error).__name__}: {error}")
        _log.debug("keys", exc_info=True)
        return False


def show_clock(display: Display, fps: Fraction) -> Clock:
    """Return the clock of a show that begins now: the display's where its refreshes make the rate asked for, else our own.

    On a screen of 120 Hz every second refresh makes 60 frames a second; the display is told to wait for so many.
    """
    refreshes = max(1, round(display.refresh_hz / float(fps)))
    if display.vsync and abs(display.refresh_hz / (refreshes * float(fps)) - 1.0) < _SAME_RATE:
        display.wait_for(refreshes)
        return DisplayClock(fps, display.refresh_hz / refreshes)
    return LiveClock(fps)


def fitting_rate(display: Display, usual: Fraction) -> Fraction:
    """Return the rate for a show that was told none: the usual one, or the nearest that the screen divides into evenly.

    60 frames a second on 144 Hz would stay for two refreshes and for three in turn, which judders; 72 do not.
    """
    if not display.vsync:
        return usual
    even = display.refresh_hz / max(1, round(display.refresh_hz / float(usual)))
    near = abs(even / float(usual) - 1.0)
    return usual if near < _SAME_RATE or near > _ANOTHER_RATE else Fraction(round(even))


def _frame(stage: Stage) -> int:
    """Render one frame and return its index; a fault of the program itself costs that frame, not the show."""
    try:
        return render_frame(stage)[0].index
    except Exception as error:  # noqa: BLE001 boundary: the picture never stops; the display goes on showing the last one
        _log.debug("frame", exc_info=True)
        stage.say(f"a frame failed: {type(error).__name__}: {error}")
        return -1


def _wait_for_sound(options: LiveOptions, source: Supervisor, stage: Stage) -> None:
    """Give the input time to start; without any, and unless one was named, the demo music plays."""

    def known() -> bool:
        health = source.health()
        return health.state == "running" or (options.input == "auto" and bool(health.error))

    wait_for(known, _AUDIO_WAIT_S)
    health = source.health()
    if health.state != "running" and options.input == "auto":
        stage.say(f"no audio input ({health.error or 'no sound arrives'}): playing the demo music")
        source.set_input("demo")
        wait_for(lambda: source.health().state == "running", _AUDIO_WAIT_S)


def wait_for(done: Callable[[], bool], timeout_s: float) -> bool:
    """Return whether `done()` came true within `timeout_s`."""
    give_up = clock.now() + timeout_s
    while not done():
        if clock.now() >= give_up:
            return False
        clock.sleep(0.01)
    return True


def _opening(stage: Stage) -> str:
    cues = stage.document.setlist.cue
    scenes = stage.document.catalogue.scenes
    return cues[0].scene if cues else scenes[0] if scenes else ""


def _say_goodbye(stage: Stage, recording: Recording) -> None:
    budget = stage.budget
    _log.info(
        "%d frames, %d missed (%.2f %%), p50 %.1f ms, p99 %.1f ms",
        budget.frames,
        budget.missed,
        100.0 * budget.missed_share,
        budget.frame_ms.percentile(50),
        budget.frame_ms.percentile(99),
    )
    for result in recording.results:
        if result.path is not None and result.path.is_file():
            what = (one_line(str(result.path)), result.seconds, result.dropped, f" ({result.error})" if result.error else "")
            _log.info("recorded %s: %.2f s, %d dropped%s", *what)
    for line in recording.failures:
        _log.error("%s", line)

"""MIDI controllers as a surface of the show: plugged in at any time, learnt, taken over, lit.

One thread asks the ports every few milliseconds what has come, makes `Change`s of it and puts them on the bus; it also looks
for ports twice a second, judges what is learnt, and sends to lights.
Nothing that a device sends can raise out of it. The disk is only written by a thread that ends with the file.

Measured: see docs/decisions/midi.md.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.midi.clock_in import HEARD_S
from phosphene.engine.control.midi.device import Device, Play
from phosphene.engine.control.midi.files import Found, save_learnt, with_learnt, without
from phosphene.engine.control.midi.learn import LISTENS_S, Judge, Target, entry_of, parse_target
from phosphene.engine.control.midi.messages import Message
from phosphene.engine.control.midi.plugs import Plug, Plugs
from phosphene.engine.control.midi.ports import Ports, RtMidiPorts
from phosphene.engine.control.midi.question import NO_QUESTION, Question, question
from phosphene.engine.control.monitor import refused
from phosphene.engine.control.surface import Args, SurfaceHealth
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.tempo.timeline import Timeline

_log = logging.getLogger(__name__)

_MOST_WAITING = 4096  # messages in the queue: all 128 controllers on 16 channels are 2,048
_MOST_A_TURN = 512  # that are acted on before the thread rests, as long as it worked
_FEW = 64  # in one turn that are hands, not a flood
_MOST_BYTES = 4096  # of one message: what is longer is no gesture
_ASKS_S, _ASKS_AT_REST_S = 0.004, 0.008  # between two looks for messages: while hands move, and where none did for ...
_AT_REST_S = 1.0  # ... so long
_LIGHTS_S = 1.0 / 30.0
_IDLE_S = 0.5  # between two looks for a first controller
_LEARNS_S = 30.0  # a wish to learn is forgotten after so long without a move
_ANSWERS_S = 60.0  # and a question that it led to after so long without an answer
_NEWS_S = 10.0  # how long a refusal is news


class MidiSurface:
    """Listens from construction to `close`. ports: those of the system unless told; scenes: in the order of their numbers.

    Raises UserError where there is no MIDI.
    """

    name = "midi"

    def __init__(self, table: Table, bus: ControlBus, *, ports: Ports | None = None, scenes: Sequence[str] = ()) -> None:
        self._table, self._bus, self._scenes = table, bus, scenes
        self._quiet = RateLimitedLog(_log)
        self._wake = threading.Event()
        self._queue: deque[tuple[Plug, Sequence[int], float, float]] = deque()
        self._asked: deque[Callable[[], None]] = deque()
        self._values: Mapping[str, Args] = {}
        self._target: Target | None = None
        self._target_t = 0.0
        self._judges: dict[str, Judge] = {}
        self._learnt = ("", "")
        self._question: Question | None = None
        self._leader: Device | None = None
        self._line: tuple[Timeline, float] | None = None
        self._received = self._rejected = self._dropped = self._lost = 0
        self._refusal = ("", -1e9)
        self._lit_t = self._heard_t = -1e9
        self._saving: threading.Thread | None = None
        self._closing = False
        self._plugs = Plugs(RtMidiPorts() if ports is None else ports, table, scenes, self._say)
        self._thread = threading.Thread(target=self._run, name="midi", daemon=True)
        self._thread.start()

    # Any thread

    @property
    def wants_state(self) -> bool:
        """Whether a controller is plugged in: takeover and lights need the state."""
        return bool(self._plugs)

    def publish(self, values: Mapping[str, Args]) -> None:
        """Take the newest state."""
        self._values = values

    def health(self) -> SurfaceHealth:
        """Return its counters; `where` names the controllers."""
        where = ", ".join(self.devices) or "no controller"
        text, at = self._refusal
        faults = [fault.line() for each in self._plugs for fault in each.device.found.faults]
        error = text if text and clock.now() - at < _NEWS_S else next(iter(faults), "")
        return SurfaceHealth(self.name, where, self._received, self._rejected, self._dropped + self._lost, error)

    @property
    def devices(self) -> list[str]:
        """The names of what is plugged in."""
        return [each.device.title for each in self._plugs]

    def learn(self, address: str = "") -> None:
        """Let the next control that moves play `address`; the same again, or none, ends it."""
        self._ask(lambda: self._begin_learning(address))

    def answer(self, answer: str) -> None:
        """Answer what learning asks: "replace" what is in the way, "add" the control to those that play it, or "keep"."""
        self._ask(lambda: self._answer(answer))

    def forget(self, address: str) -> None:
        """Let no control play `address` any more."""
        self._ask(lambda: self._forget(address))

    def told(self) -> dict[str, Args]:
        """Return what the surface itself has to say, as state."""
        target, asked = self._target, self._question
        waiting = next((w for each in self._plugs if (w := each.device.waiting)), ("", 0.0))
        return {
            "/state/midi/devices": (", ".join(self.devices),),
            "/state/midi/learning": (target.text if target else "",),
            "/state/midi/learnt": self._learnt,
            "/state/midi/question": asked.told if asked else NO_QUESTION,
            "/state/midi/waiting": waiting,
        }

    def clock_line(self) -> Timeline | None:
        """Return the beat of a MIDI clock, None where none was heard in the last half second."""
        line = self._line
        return line[0] if line is not None and clock.now() - line[1] < HEARD_S else None

    def close(self) -> None:
        """Put out the lights, close the ports."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout=2.0)

    def _ask(self, what: Callable[[], None]) -> None:
        if len(self._asked) < _FEW:
            self._asked.append(what)
            self._wake.set()

    # The thread

    def _run(self) -> None:
        while not self._closing:
            try:
                self._wake.wait(self._patience())
                self._wake.clear()
                began = clock.now()
                if self._turn(began) > _FEW:
                    clock.sleep(min(0.05, clock.now() - began))
            except Exception:  # noqa: BLE001 - boundary: no byte and no driver may end the controllers for the night
                self._quiet.warning("turn", "a turn of the MIDI thread failed")
                _log.debug("MIDI turn", exc_info=True)
                clock.sleep(0.05)
        self._plugs.close()
        if self._saving is not None:
            self._saving.join(timeout=1.0)

    def _patience(self) -> float:
        """Return how long to rest; what is asked of the surface wakes it."""
        if self._queue or self._asked or self._closing:
            return 0.0
        if any(plug.outgoing for plug in self._plugs):
            return 0.001
        if not self._plugs:
            return _IDLE_S
        return _ASKS_S if clock.now() - self._heard_t < _AT_REST_S else _ASKS_AT_REST_S

    def _turn(self, t: float) -> int:
        """Do all that is due; return how many messages were taken."""
        while self._asked:
            self._asked.popleft()()
        self._gather()
        taken = 0
        while self._queue and taken < _MOST_A_TURN:
            plug, data, delta, seen = self._queue.popleft()
            taken += 1
            if not plug.gone:
                self._take(plug.device, data, delta, seen)
        for each in self._plugs:
            if each.device.is_waiting:
                self._put(each.device, each.device.due(clock.now(), self._values), t)
        for gone in self._plugs.look(t):
            self._put(gone, gone.released(), t)
        self._judge(t)
        self._light(t)
        return taken

    def _gather(self) -> None:
        """Take what has come out of the ports: what is acted on in this turn may be less."""
        for plug, data, delta in self._plugs.heard():
            self._heard_t = clock.now()
            if len(self._queue) < _MOST_WAITING:
                self._queue.append((plug, data, delta, self._heard_t))
            else:
                self._lost += 1

    def _take(self, device: Device, data: Sequence[int], delta: float, seen: float) -> None:
        if len(data) > _MOST_BYTES or (data and data[0] == 0xF0 and data[-1] == 0xF7):
            self._dropped += len(data) > _MOST_BYTES
            return
        before = device.splitter.malformed
        t = device.delta.time(delta, seen)
        for message in device.splitter.feed(data):
            if message.kind == "clock":
                self._follow(device, message, t)
                continue
            self._received += 1
            if self._target is not None:  # what is moved to be learnt plays nothing, whatever it played before
                self._judges.setdefault(device.title, Judge()).feed(message, seen)
                device.note(message)
            else:
                self._put(device, device.take(message, seen, self._values), seen)
        if (wrong := device.splitter.malformed - before) > 0:
            self._rejected += 1
            self._bus.reject()
            self._say(f"MIDI from {device.title}: {wrong} bytes that are no message")

    def _put(self, device: Device, plays: Sequence[Play], t: float) -> None:
        for path, args in plays:
            noted = self._bus.monitor.note(path, partial(tuple, args), device.source, t)
            try:
                change = self._table.parse(path, args, t, device.source)
            except UserError as error:
                refused(noted, error.line())
                self._rejected += 1
                self._bus.reject()
                self._say(f"MIDI from {device.title}: {error.line()}")
                continue
            if change is not None and not self._bus.put(change):
                self._dropped += 1

    def _follow(self, device: Device, message: Message, t: float) -> None:
        """Let one clock lead: the first that is heard, until it is silent."""
        device.clock.hear(message, t)
        if self._leader is not device and (self._leader is None or not self._leader.clock.heard(t)):
            self._leader = device
        if self._leader is device and device.clock.line is not None and device.clock.heard(t):
            self._line = device.clock.line, t

    def _say(self, line: str) -> None:
        self._refusal = line, clock.now()
        self._quiet.warning(line[:40], line)

    # Learning

    def _begin_learning(self, text: str) -> None:
        ended = self._target
        self._target, self._judges, self._question = None, {}, None
        try:
            target = parse_target(text, self._table) if text.strip() else None
        except UserError as error:
            self._say(error.line())
            return
        if target is not None and (ended is None or ended.text != target.text):
            self._target, self._target_t = target, clock.now()

    def _judge(self, t: float) -> None:
        target = self._target
        if self._question is not None and t - self._question.t > _ANSWERS_S:
            self._say(f"{self._question.target.text} was not learnt: nobody said replace, add or keep")
            self._question = None
        if self._question is not None and self._question.plug.gone:  # with a yes, nothing at all would play the address
            self._say(f"{self._question.target.text} was not learnt: {self._question.plug.device.title} is gone")
            self._question = None
        if target is None:
            return
        began = [judge.began for judge in self._judges.values() if judge.began is not None]
        if not began:
            if t - self._target_t > _LEARNS_S:
                self._target = None
            return
        if t - min(began) < LISTENS_S:
            return
        title = max(self._judges, key=lambda each: self._judges[each].moved)
        judged = self._judges[title].judged()
        plug = next((each for each in self._plugs if each.device.title == title), None)
        self._judges = {}
        if judged is None or plug is None:
            return
        try:
            entry = entry_of(judged, target)
            found = with_learnt(plug.device.found, entry, self._table, beside=True)
        except UserError as error:
            self._say(error.line())  # and goes on listening: another control may do
            self._target_t = t
            return
        self._target = None
        self._question = question(target, entry, judged.key, plug, self._plugs, t)
        if self._question is not None:
            self._say(self._question.text)  # on the panel as well: whoever learns may have no page open
            return
        self._learnt = target.text, f"{title}: {judged.key}"
        self._use(plug, found)

    def _answer(self, answer: str) -> None:
        asked, self._question = self._question, None
        if asked is None:
            self._say("MIDI learn asks nothing now")
            return
        try:
            changed = asked.answered(answer, self._table)
        except UserError as error:
            self._say(error.line())
            return
        for plug, found in changed:
            if not plug.gone:
                self._use(plug, found)
        if changed:
            self._learnt = asked.target.text, asked.control
        self._refusal = "", self._refusal[1]  # the question stands on no panel any more

    def _forget(self, address: str) -> None:
        path = self._table.aliases[address].target if address in self._table.aliases else address
        for plug in self._plugs:
            if any(control.address == path for control in plug.device.found.controls.values()):
                self._use(plug, without(plug.device.found, path, self._table))

    def _use(self, plug: Plug, found: Found) -> None:
        """Play by what was learnt, and keep it."""
        plug.device.use(found)
        self._plugs.relight(plug)
        self._save(plug.device, found)

    def _save(self, device: Device, found: Found) -> None:
        """Write on a thread of its own: a disk may take its time. One after the other, so that the newest stays."""
        before = self._saving

        def save() -> None:
            if before is not None:
                before.join()
            try:
                save_learnt(device.name, device.unit, found)
            except UserError as error:
                self._say(error.line())

        self._saving = threading.Thread(target=save, name="midi-save", daemon=True)
        self._saving.start()

    # Lights

    def _light(self, t: float) -> None:
        if t - self._lit_t >= _LIGHTS_S and self._values:
            self._lit_t = t
            for plug in self._plugs:
                if plug.output is not None and not plug.outgoing:
                    plug.outgoing.extend(plug.device.lights.due(self._values, t))
        self._plugs.send()

"""Live sound as an AudioSource: keeps an audio process alive, finds its device again by name, reads its rings.

Built and read by the main process (records and timeline by the render loop, raw audio by the recorder). A small thread
watches; no method here waits for it, or for a disk. While there is no input the rings stand still: features decay in
`signals_at`, the beat runs on at the last tempo, and the state says "lost".

    asked for --look, start--> candidate --has sound--> current --no hop for 250 ms, or its end--> asked for again

One process writes the rings. Another input is opened beside it and takes over once it has sound; what cannot be had leaves
the running one alone, and is said.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from phosphene.engine.audio.base import AudioHealth
from phosphene.engine.audio.devices import DEFAULT, silent_line
from phosphene.engine.audio.downmix import DEAD, INVERTED
from phosphene.engine.audio.feeds import DEMO, FILE_PREFIX, is_feed
from phosphene.engine.audio.input_watch import BETTER, InputWatch
from phosphene.engine.audio.looks import Look, input_found, look_for_input
from phosphene.engine.audio.mending import broken_line
from phosphene.engine.audio.shared import SharedState, time_percentile
from phosphene.engine.audio.source_process import SourceProcess
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog
from phosphene.engine.tempo.timeline import Timeline

_SILENT_S = 0.25  # no hop for this long: the process is stuck or the device is gone
_START_S = {"device": 8.0, "feed": 120.0}  # patience before there is sound; the demo may have to be synthesised first
_TAKE_OVER_S = 5.0  # from then to the first hop: a tenth of it on a machine with time
_LEAD_IN_S = 0.05
_TICK_S = 0.02
_RETRY_S = 1.0  # between tries for a missing input: a look costs 0.1 s of one core
_RETRY_FIRST_S = 0.1
_MOST_RETRY_S = 10.0  # of a better input that is there and cannot be opened
_TOLD_LIFT_DB = 12.0
_RECORDS, _KEPT = 16, 64  # 85 ms: two frames at 24 fps

_log = logging.getLogger(__name__)


class Supervisor:
    """The live AudioSource. `health()` tells how it goes, `said()` what came of a change."""

    def __init__(
        self, input_spec: str, *, gain: float = 1.0, channels: Sequence[int] | None = None, monitor: bool = False
    ) -> None:
        """input_spec: device name, part of one, index, `default`, `file:PATH`, `demo`. channels: counted from 1.

        Raises UserError for a file that cannot be heard. A device that is not there is waited for, on the default input.
        """
        spec = _spec_of(input_spec)
        check_file(spec)
        self._state = SharedState.create()
        self._channels, self._monitor = list(channels) if channels else None, monitor
        self._spec = spec  # what plays, or should
        self._wishes: deque[str] = deque([spec], maxlen=1)  # asked for and not yet taken up: the last one counts
        self._error = ""
        self._said: deque[str] = deque(maxlen=16)
        self._restarts = 0
        self._current: SourceProcess | None = None
        self._candidate: _Candidate | None = None
        self._watch: InputWatch | None = None
        self._origin: float | None = None  # of the file that plays
        self._last = ""  # the spec that was let go last
        self._hops_before, self._let_go = 0, 0.0
        self._next_try, self._retry_s, self._better_s = 0.0, _RETRY_FIRST_S, _RETRY_S
        self._ever_ran = False
        self._broken_before = 0  # samples before this input; -1 once they were said
        self._odd: set[str] = set()  # what was said of this input
        self._recent: deque[np.void] = deque(maxlen=_KEPT)
        self._feature_cursor = 0
        self._line: Timeline | None = None
        self._line_cursor = 0
        self._closing, self._wake = threading.Event(), threading.Event()
        self._warnings = RateLimitedLog(_log)
        self.set_gain(gain)
        self._thread = threading.Thread(target=self._supervise, name="audio-supervisor", daemon=True)
        self._thread.start()

    # What the show reads: rings only.

    def records(self, t: float) -> list[np.void]:
        """Return about 16 records, oldest first, ending with the first one at or after `t`, or the newest."""
        ring = self._state.features
        new, self._feature_cursor, _ = ring.since(max(self._feature_cursor, ring.written - _KEPT))
        self._recent.extend(new)
        records = list(self._recent)
        end = len(records)
        while end > _RECORDS and records[end - 2]["t_adc"] >= t:
            end -= 1
        return records[max(0, end - _RECORDS) : end]

    def onsets_since(self, cursor: int) -> tuple[list[float], int]:
        """Return (musical times of the onsets flagged since `cursor`, next cursor)."""
        records, cursor, _ = self._state.features.since(cursor)
        return [float(r["onset_time"]) for r in records if r["onset"] > 0], cursor

    def timeline(self) -> Timeline | None:
        """Return the tracker's newest line; after a restart the last one until the new tracker has its own."""
        ring = self._state.timelines
        if ring.written != self._line_cursor and (record := ring.latest()) is not None:
            self._line_cursor = ring.written
            self._line = Timeline.from_record(record)
        return self._line

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        """Return (raw blocks from `cursor` on, next cursor, blocks lost). A gap in capture is a jump of `sample`."""
        return self._state.pcm.since(cursor)

    def health(self) -> AudioHealth:
        """Return the state of the input now."""
        status, current = self._state.status.latest(), self._current
        lost = "lost" if self._ever_ran or self._error else "starting"
        if status is None:
            return AudioHealth(state=lost, restarts=self._restarts, gain=self._gain, error=self._error)
        running = current is not None and _runs(status)
        work, broken = status["work_us"], int(status["broken"])
        notes = list(current.notes) if running else []
        notes += self._oddities(status) if running else []
        notes += [_lift_line(lift)] if running and (lift := float(status["lift_db"])) >= _TOLD_LIFT_DB else []
        notes += [broken_line(broken)] if broken else []
        return AudioHealth(
            source=current.source if running else "",
            state="running" if running else lost,
            hops=int(status["hops"]),
            overflows=int(status["overflows"]),
            restarts=self._restarts,
            clipped=int(status["clipped"]),
            peak=float(status["peak"]) if running else 0.0,
            gain=self._gain,
            callback_us={
                "p50": round(time_percentile(work, 50), 1),
                "p99": round(time_percentile(work, 99), 1),
                "max": round(float(status["work_max_us"]), 1),
            },
            error=self._error,
            notes=tuple(notes),
        )

    def said(self) -> list[str]:
        """Return the lines that have come up since the last call: inputs that were refused, and why; oddities of sounds."""
        return [self._said.popleft() for _ in range(len(self._said))]

    # What the show asks for.

    def set_gain(self, gain: float) -> None:
        """Set the factor on what is analysed, from the next hop on."""
        self._gain = float(gain)
        self._state.commands["gain"][0] = gain

    def set_input(self, name: str) -> None:
        """Ask for another input. It takes over once it has sound, within a second or so; one that has none is refused."""
        self._wishes.append(_spec_of(name))
        self._wake.set()

    def close(self) -> None:
        """End the audio process and the thread. Waits for both, a second or two at most."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout=4.0)
        self._state.close()

    # What the thread does.

    def _supervise(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._step()
                except Exception as error:  # noqa: BLE001 boundary: no process, no memory, no pactl now: sound must come back when they do
                    self._drop_candidate()
                    reason = f"the audio process cannot be started: {error}"
                    if self._current is None:
                        self._fail(reason)
                    else:
                        self._tell(f"input refused: {reason}; {self._current.source} goes on")
                self._wake.wait(_TICK_S)
                self._wake.clear()
        finally:
            self._drop_candidate()
            self._leave()

    def _step(self) -> None:
        if self._wishes:
            wish = self._wishes.pop()
            self._drop_candidate()
            plays = self._current is not None and wish == self._spec and not self._error
            # A device by name, or whatever there is: but only while nothing plays.
            self._candidate = None if plays else self._try(wish, None, or_default=self._current is None, asked=True)
        if self._current is not None:
            self._look_after(self._current)
        if self._candidate is not None:
            self._bring_on(self._candidate)
        elif self._current is None and clock.now() >= self._next_try:
            self._candidate = self._try(self._spec, self._origin, or_default=True)

    def _try(self, spec: str, origin: float | None, *, or_default: bool, asked: bool = False) -> _Candidate:
        order = {
            "memory": self._state.handle,
            "input": spec,
            "device": None,
            "channels": self._channels,
            "monitor": self._monitor,
            "origin": origin,
        }
        return _Candidate(spec, order, self._state.descriptors, or_default=or_default, asked=asked)

    def _look_after(self, current: SourceProcess) -> None:
        """Leave an input that ended, stalled, or is another now; try for a better one that is there."""
        status = self._state.status.latest()
        ran = status is not None and int(status["hops"]) > self._hops_before
        if ran:
            self._ever_ran, self._retry_s = True, _RETRY_FIRST_S
            self._tell_odd(status)
        if current.ended:
            self._lose(current.why())
        elif ran and not _runs(status):
            self._lose("no sound from the input: starting over")
        elif not ran and clock.now() - self._let_go > _TAKE_OVER_S:
            self._lose("the audio process did not start")
        elif self._watch is not None and (verdict := self._watch.verdict()):
            if verdict != BETTER:
                self._lose(f"the input {current.source} went away")
            elif self._candidate is None and clock.now() >= self._next_try:
                self._candidate = self._try(self._spec, None, or_default=False)

    def _bring_on(self, candidate: _Candidate) -> None:
        """Let a candidate take over that has sound; refuse one that has ended, or takes too long."""
        if not (candidate.advance() or candidate.refusal):
            return
        self._candidate = None
        if candidate.refusal:
            candidate.end()
            self._refuse(candidate)
            return
        self._leave()
        fresh = candidate.order["origin"] is None
        origin = clock.now() + _LEAD_IN_S if fresh else float(candidate.order["origin"])
        status = self._state.status.latest()
        self._hops_before, self._let_go = 0 if status is None else int(status["hops"]), clock.now()
        candidate.process.go(origin)
        self._restarts += self._last == candidate.spec and not candidate.asked
        self._current, self._spec, self._last = candidate.process, candidate.spec, candidate.spec
        self._origin = origin if is_feed(candidate.spec) else None
        self._error, self._better_s = candidate.stand_in, _RETRY_S
        self._watch = InputWatch(candidate.spec, candidate.process.device, on_default=bool(candidate.stand_in))
        self._broken_before = 0 if status is None else int(status["broken"])
        self._odd.clear()
        if candidate.stand_in:
            self._warnings.warning("missing", f"audio input: {candidate.stand_in}; listening to {candidate.process.source}")

    def _refuse(self, candidate: _Candidate) -> None:
        """Say why an input cannot be had: the one that plays goes on, or else it is tried for again."""
        current = self._current
        if current is None and is_feed(candidate.spec) and candidate.spec != self._spec:
            self._tell(f"input refused: {candidate.refusal}")  # a file that is none stays one
        elif current is None:
            self._spec = candidate.spec  # a device may come
            self._fail(candidate.refusal)
        elif not candidate.asked:  # a better one that is there and cannot be opened
            self._better_s = min(_MOST_RETRY_S, 2.0 * self._better_s)
            self._next_try = clock.now() + self._better_s
            self._warnings.warning("better", f"audio input: {candidate.refusal}")
        else:
            self._tell(f"input refused: {candidate.refusal}; {current.source} goes on")

    def _lose(self, reason: str) -> None:
        self._leave()
        self._fail(reason)

    def _fail(self, reason: str) -> None:
        self._error = reason
        self._warnings.warning("lost", f"audio input: {reason}")
        self._next_try = clock.now() + self._retry_s
        self._retry_s = min(_RETRY_S, 2.0 * self._retry_s)

    def _leave(self) -> None:
        """End what plays: the rings have no writer then."""
        if self._watch is not None:
            self._watch.end()
        if self._current is not None:
            self._current.end()
        self._current = self._watch = None

    def _drop_candidate(self) -> None:
        if self._candidate is not None:
            self._candidate.end()
            self._candidate = None

    def _tell_odd(self, status: np.void) -> None:
        """Say once of an input what is odd about its sound."""
        if int(status["broken"]) > self._broken_before >= 0:
            self._tell(f"audio input: {broken_line(int(status['broken']) - self._broken_before)}")
            self._broken_before = -1
        for line in self._oddities(status):
            if line not in self._odd:
                self._odd.add(line)
                self._tell(f"audio input: {line}")

    def _oddities(self, status: np.void) -> list[str]:
        """Return a line for each thing that is odd about the sound now."""
        found = [INVERTED] if status["inverted"] else []
        found += [DEAD[int(status["dead"]) - 1]] if status["dead"] else []
        return [*found, silent_line()] if self._is_silent(status) else found

    def _is_silent(self, status: np.void) -> bool:
        """Whether a device gives nothing but zeros; a file may well be silent for a while."""
        return bool(status["silent"]) and not is_feed(self._spec)

    def _tell(self, line: str) -> None:
        self._said.append(line)
        self._warnings.warning("said", line)


class _Candidate:
    """An input on its way: looked for, started, until it has sound.

    asked: by a person. refusal: why it cannot be had. stand_in: why it is the default and not the device that was asked for.
    Raises OSError where no process can be started.
    """

    def __init__(
        self, spec: str, order: dict[str, object], descriptors: Sequence[int], *, or_default: bool, asked: bool
    ) -> None:
        self.spec, self.order, self.asked = spec, order, asked
        self._descriptors, self._or_default = descriptors, or_default
        self.refusal = self.stand_in = ""
        self._look: Look | None = None
        self._patience = _START_S["feed" if is_feed(spec) else "device"]
        self._process: SourceProcess | None = None
        if is_feed(spec):
            self._start(spec)
        else:
            self._look = look_for_input(spec)

    @property
    def process(self) -> SourceProcess:
        """Its process, once it has one."""
        assert self._process is not None
        return self._process

    def advance(self) -> bool:
        """Go on; return whether it has sound. Never waits."""
        if self._look is not None:
            if self._look.done:
                look, self._look = self._look, None
                self._found(input_found(look.end(), look.fault))
            return False
        if self.process.ended:
            self.refusal = self.process.why()
        elif not self.process.ready and clock.now() - self._begun > self._patience:
            self.refusal = "the audio process did not start"
        return self.process.ready and not self.refusal

    def end(self) -> None:
        """End what there is of it."""
        if self._look is not None:
            self._look.end()
        if self._process is not None:
            self._process.end()

    def _found(self, answer: Mapping[str, object]) -> None:
        error, device = str(answer.get("error", "")), answer.get("device")
        if device is None or (error and not self._or_default):
            self.refusal = error or "no audio input"
            return
        self.stand_in = error
        self.order["device"] = device
        self._start(str(device["name"]))

    def _start(self, source: str) -> None:
        self._process, self._begun = SourceProcess(self.order, source, self._descriptors), clock.now()


def check_file(spec: str) -> None:
    """Decode the first moments of an input that is a file. Raises UserError. May take a disk's time."""
    if spec.startswith(FILE_PREFIX):
        from phosphene.engine.audio.decode import stream_audio

        next(stream_audio(spec.removeprefix(FILE_PREFIX)))


def _lift_line(lift_db: float) -> str:
    louder = 5 * round(lift_db / 5.0)
    return f"a quiet input: heard some {louder} dB louder than it comes; more level from the mixer has less noise"


def _runs(status: np.void) -> bool:
    return clock.now() - float(status["heartbeat"]) < _SILENT_S


def _spec_of(name: str) -> str:
    """Return the input by the name that it keeps wherever we go: a file with its absolute path. Touches no disk."""
    spec = name.strip() or DEFAULT
    if spec == DEMO or not spec.startswith(FILE_PREFIX):
        return spec
    return FILE_PREFIX + os.path.abspath(os.path.expanduser(spec.removeprefix(FILE_PREFIX)))

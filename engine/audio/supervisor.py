"""Live sound as an AudioSource: keeps an audio process alive, finds its device again by name, reads its rings.

Built and read by the main process (records and timeline by the render loop, raw audio by the recorder). A small thread
watches; no method here waits for it. While there is no input the rings stand still: features decay in `signals_at`,
the beat runs on at the last tempo, and the state says "lost".

    no device --found--> starting --first hop--> running --no hop for 250 ms, or exit--> no device
                                                    |
                                         on the default: looks for the named one every second
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from engine.audio.base import AudioHealth
from engine.audio.devices import DEFAULT, PULSE
from engine.audio.feeds import DEMO, FILE_PREFIX, is_feed
from engine.audio.looks import Look, child_environment, input_found, look_for_input, look_for_source, source_number
from engine.audio.shared import SharedState, time_percentile
from engine.core import clock
from engine.core.errors import RateLimitedLog, UserError
from engine.tempo.timeline import Timeline

_SILENT_S = 0.25  # no hop for this long: the process is stuck or the device is gone
_START_S = {"device": 8.0, "feed": 120.0}  # patience before the first hop; the demo may have to be synthesised first
_TICK_S = 0.02
_RETRY_S = 1.0  # between looks for a missing input: a look costs 0.1 s of one core
_RETRY_FIRST_S = 0.1
_RECORDS, _KEPT = 16, 64  # 85 ms: two frames at 24 fps

_log = logging.getLogger(__name__)


class Supervisor:
    """The live AudioSource. Returns from its constructor at once; `health()` tells how it goes."""

    def __init__(
        self, input_spec: str, *, gain: float = 1.0, channels: Sequence[int] | None = None, monitor: bool = False
    ) -> None:
        """input_spec: device name, part of one, index, `default`, `file:PATH`, `demo`. channels: counted from 1.

        Raises UserError for a file that is not there. A device that is not there is waited for, on the default input.
        """
        self._state = SharedState.create()
        self._channels, self._monitor = list(channels) if channels else None, monitor
        self._spec = _checked(input_spec)
        self._error = ""
        self._restarts = 0
        self._ever_ran = False
        self._recent: deque[np.void] = deque(maxlen=_KEPT)
        self._feature_cursor = 0
        self._line: Timeline | None = None
        self._line_cursor = 0
        self._closing = threading.Event()
        self._changed = threading.Event()  # set by set_input and close: whatever runs must end
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
        status = self._state.status.latest()
        if status is None:
            return AudioHealth(state="lost" if self._error else "starting", restarts=self._restarts, error=self._error)
        running = self._runs(status)
        work = status["work_us"]
        return AudioHealth(
            source=status["source"].decode(errors="replace") if running else "",
            state="running" if running else "lost" if self._ever_ran or self._error else "starting",
            hops=int(status["hops"]),
            overflows=int(status["overflows"]),
            restarts=self._restarts,
            clipped=int(status["clipped"]),
            peak=float(status["peak"]) if running else 0.0,
            callback_us={
                "p50": round(time_percentile(work, 50), 1),
                "p99": round(time_percentile(work, 99), 1),
                "max": round(float(status["work_max_us"]), 1),
            },
            error=self._error or status["error"].decode(errors="replace"),
        )

    # What the show asks for.

    def set_gain(self, gain: float) -> None:
        """Set the factor on what is analysed, from the next hop on."""
        self._state.commands["gain"][0] = gain

    def set_input(self, name: str) -> None:
        """Change the input: the old one stops, the new one starts within a second. Raises UserError for a missing file."""
        self._spec = _checked(name)
        self._changed.set()

    def close(self) -> None:
        """End the audio process and the thread. Waits for both, a second or two at most."""
        self._closing.set()
        self._changed.set()
        self._thread.join(timeout=4.0)
        self._state.close()

    # What the thread does.

    def _supervise(self) -> None:
        spec = started = None
        retry_s = _RETRY_FIRST_S
        while True:
            self._changed.clear()
            if self._closing.is_set():  # after the clear: close() sets closing first, so that it cannot be missed
                return
            if spec != self._spec:
                spec, retry_s = self._spec, _RETRY_FIRST_S
                self._state.commands["origin"][0] = 0.0
            else:
                self._changed.wait(retry_s)
                retry_s = min(_RETRY_S, 2.0 * retry_s)
                if self._changed.is_set():
                    continue
            try:
                order = self._order(spec)
                if order is None:
                    continue
                self._restarts += started == spec
                started = spec
                if self._run(order, spec):
                    retry_s = _RETRY_FIRST_S
            except Exception as error:  # noqa: BLE001 boundary: no process, no memory, no pactl now: sound must come back when they do
                self._error = f"the audio process cannot be started: {error}"
                self._warnings.warning("start", f"audio input: {self._error}")

    def _order(self, spec: str) -> dict[str, object] | None:
        """Find out what to open: None while there is no input at all."""
        order: dict[str, object] = {
            "memory": self._state.handle,
            "input": spec,
            "source": spec,
            "device": None,
            "channels": self._channels,
            "monitor": self._monitor,
        }
        if is_feed(spec):
            self._error = ""
            return order
        look = look_for_input(spec)
        while not look.done and not self._changed.wait(_TICK_S):
            continue
        answer = input_found(look.end())
        self._error = str(answer.get("error", ""))
        if answer.get("device") is None:
            self._warnings.warning("missing", f"audio input: {self._error}")
            return None
        order["device"], order["source"] = answer["device"], answer["device"]["name"]
        return order

    def _run(self, order: Mapping[str, object], spec: str) -> bool:
        """Run one audio process until it ends, stalls, is no longer wanted, or a better input is there.

        Returns whether it ever delivered a hop.
        """
        before, begun = self._hops(), clock.now()
        patience = _START_S["feed" if order["device"] is None else "device"]
        watch = _InputWatch(spec, order["device"], on_default=bool(self._error))
        process = _start(order, self._state.descriptors)
        ran = False
        try:
            while not self._changed.wait(_TICK_S):
                status = self._state.status.latest()
                if process.poll() is not None:
                    told = "" if status is None else status["error"].decode(errors="replace")
                    self._error = told or f"the audio process ended ({process.returncode})"
                    break
                ran = ran or self._hops() > before
                self._ever_ran = self._ever_ran or ran
                if ran and status is not None and not self._runs(status):
                    self._error = "no sound from the input: starting over"
                    break
                if not ran and clock.now() - begun > patience:
                    self._error = "the audio process did not start"
                    break
                if ran and not watch.on_default:
                    self._error = ""
                if (reason := watch.reason_to_leave()) is not None:
                    self._error = reason
                    break
        finally:
            watch.end()
            _end(process)
        if self._error:
            self._warnings.warning("lost", f"audio input: {self._error}")
        return ran

    def _hops(self) -> int:
        status = self._state.status.latest()
        return 0 if status is None else int(status["hops"])

    @staticmethod
    def _runs(status: np.void) -> bool:
        return clock.now() - float(status["heartbeat"]) < _SILENT_S


class _InputWatch:
    """Tells when a running input should be left although it delivers: the wanted one is back, or this one is another.

    PulseAudio moves a stream whose source is unplugged to whatever else there is, without a word: a laptop's microphone,
    say, in place of the mixer. So a source must keep its number.
    """

    def __init__(self, spec: str, device: Mapping[str, object] | None, *, on_default: bool) -> None:
        self.on_default = on_default
        self._spec = spec
        self._source = str(device["name"]) if device is not None and device["kind"] == PULSE else None
        self._number = ""
        self._look: Look | None = None
        self._next = clock.now() + (0.0 if self._source else _RETRY_S)

    def reason_to_leave(self) -> str | None:
        """Return why the input should be left (empty: for a better one), or None to stay. Never waits."""
        if not self.on_default and self._source is None:
            return None
        if self._look is None:
            if clock.now() >= self._next:
                self._look = look_for_input(self._spec) if self.on_default else look_for_source()
            return None
        if not self._look.done:
            return None
        text, self._look, self._next = self._look.end(), None, clock.now() + _RETRY_S
        if self.on_default:
            return None if "error" in input_found(text) else ""
        number = source_number(text, str(self._source))
        if number is None or (self._number and number and number != self._number):
            return f"the input {self._source} went away"
        self._number = number or self._number
        return None

    def end(self) -> None:
        """Stop looking."""
        if self._look is not None:
            self._look.end()


def _checked(spec: str) -> str:
    """Return the input with an absolute path if it is a file. Raises UserError for a file that is not there."""
    spec = spec.strip() or DEFAULT
    if spec == DEMO or not spec.startswith(FILE_PREFIX):
        return spec
    path = os.path.abspath(os.path.expanduser(spec.removeprefix(FILE_PREFIX)))
    if not os.path.isfile(path):
        raise UserError("no such audio file", where=path, remedy="check the path after file:")
    return FILE_PREFIX + path


def _start(order: Mapping[str, object], descriptors: Sequence[int]) -> subprocess.Popen:
    environment = child_environment()
    device = order["device"]
    if device is not None and device["kind"] == PULSE:
        environment["PULSE_SOURCE"] = device["name"]
    inherit = {} if sys.platform == "win32" else {"pass_fds": tuple(descriptors)}
    return subprocess.Popen(
        [sys.executable, "-m", "engine.audio.process", json.dumps(order)],
        stdin=subprocess.PIPE,  # held open: it closes when we do, however we end, and that ends the process
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C in the terminal is for the show alone
        **inherit,
    )


def _end(process: subprocess.Popen) -> None:
    process.stdin.close()
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""Tags the music of a running show, outside the render loop: feeds a process of its own, keeps the newest three rows.

Made beside the audio source in the main process. Two threads wait for pipes, never the render loop: `values` reads one
reference. Where tagging is too slow for the machine, or costs the show frames, it rests until the next start, and `note`
says why; so it does where the extra `nets` is not installed.

    source.pcm_since --a thread, every 0.2 s--> stdin of tag_process --rows on its stdout--> a thread --> values(t)
"""

from __future__ import annotations

import contextlib
import json
import logging
import statistics
import subprocess
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

from phosphene.engine.audio import tag_network
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.audio.last_words import LastWords, died
from phosphene.engine.audio.tag_process import HEADER
from phosphene.engine.audio.tagger import ROW, STEP, values_at
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.signals import HOP, SAMPLE_RATE

MODULE = "phosphene.engine.audio.tag_process"
_TICK_S = 0.2
_JUDGED = 10  # rows: a load of seconds, as of a style that is opened, is borne
# Of a row: waiting for a turn included it must not fall behind, at low priority that alone harms nobody; work of a core.
_MOST_TOOK_S, _MOST_CPU_S = 0.9, 0.3
# Frames missed while rows were worked out: so many, and so many times as many a second as otherwise.
_MISSES, _WORSE, _LEAST_S = 8, 4.0, 5.0
_MOST_HOPS = round(2.0 * SAMPLE_RATE / HOP)
_END_S = 0.5

_log = logging.getLogger(__name__)


class TagRunner:
    """note: one line why no music is tagged; empty while all is well. rested: it is a fault or a burden, which whoever
    runs it has to tell. Every method returns at once.
    """

    def __init__(self, source: AudioSource, command: Sequence[str] | None = None) -> None:
        """Start listening to `source`. command: of the process, for tests."""
        self.note, self.rested = "", False
        self._source = source
        self._rows: tuple[np.void, ...] = ()  # the newest last; swapped whole
        self._judged: deque[tuple[float, float]] = deque(maxlen=_JUDGED)
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self._fresh = 0  # samples since the last row was due
        self._busy_since: float | None = None
        self._busy_s = 0.0
        self._missed_before, self._missed_busy, self._missed_idle = 0, 0, 0
        self._begun = clock.now()
        if command is None and (why := tag_network.refusal()):
            self.note = f"music is not tagged: {why}"
            self._closing.set()
            _log.info("%s", self.note)  # no warning: an install without extras is a whole one
            return
        try:
            self._process = subprocess.Popen(
                list(command or python_child(MODULE)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=child_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the show alone
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
        except OSError as error:
            self._rest(f"music is not tagged: its process could not be started ({error})")
            return
        self._words = LastWords(self._process.stderr)
        for target, name in ((self._feed, "tag-feed"), (self._read, "tag-rows")):
            self._threads.append(threading.Thread(target=target, name=name, daemon=True))
            self._threads[-1].start()

    @property
    def running(self) -> bool:
        """Whether rows are to be expected."""
        return self._process is not None and not self._closing.is_set()

    def values(self, t: float) -> dict[str, float]:
        """Return the signals at `t`, s on the line of the records' `t_adc`: every name of `tagger.NAMES`, 0..1."""
        return values_at(self._rows, t)

    def tags(self) -> dict[str, float]:
        """Return the newest tags, 0..1; empty before there are any."""
        rows = self._rows
        return dict(zip(tag_network.TAGS, rows[-1]["tags"].tolist(), strict=True)) if rows else {}

    def missed(self, total: int) -> None:
        """Be told, once a frame, how many frames the show has missed since it began. It rests where it is to blame."""
        new, self._missed_before = total - self._missed_before, total
        if new <= 0 or not self.running:
            return
        if self._busy_since is None:
            self._missed_idle += new
            return
        self._missed_busy += new
        busy_s = self._busy_s + clock.now() - self._busy_since
        idle_s = max(_LEAST_S, clock.now() - self._begun - busy_s)
        otherwise = (self._missed_idle + 1) / idle_s
        if self._missed_busy >= _MISSES and self._missed_busy / max(busy_s, 1e-3) > _WORSE * otherwise:
            self._rest(f"music is no longer tagged: it cost the show {self._missed_busy} frames")

    def close(self) -> None:
        """End the process and the threads. Waits for them, at most about a second."""
        self._closing.set()
        self._end()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_END_S)

    def _rest(self, note: str) -> None:
        if self._closing.is_set():
            return
        self.note, self.rested = note, True
        self._closing.set()
        if self._process is not None:
            self._process.kill()  # the threads see its pipes end

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        process.kill()  # it holds nothing that has to be put away
        process.wait()

    def _feed(self) -> None:
        """Hand on what was heard since the last look, until the show or the process ends."""
        pipe, cursor = self._process.stdin, None
        with contextlib.suppress(OSError, ValueError), pipe:
            while not self._closing.wait(_TICK_S):
                if cursor is None:  # what was heard before we began is of no interest
                    _, cursor, _ = self._source.pcm_since(0)
                    continue
                records, cursor, _ = self._source.pcm_since(cursor)
                if not records:
                    continue
                self._fresh += len(records) * HOP
                if self._fresh >= STEP:
                    self._fresh -= STEP
                    self._busy_since = clock.now()
                # After a hold-up the newest counts: a machine that is behind does not have to catch up.
                pcm = np.concatenate([record["pcm"] for record in records[-_MOST_HOPS:]])
                pipe.write(HEADER.pack(float(records[-1]["t_adc"]), len(pcm)) + pcm.tobytes())
                pipe.flush()

    def _read(self) -> None:
        """Take the rows as they come; judge whether the machine can bear it."""
        error = ""
        with self._process.stdout as pipe:
            for line in pipe:
                try:
                    said = json.loads(line)
                    error = str(said.get("error", error))
                    if "values" in said:
                        self._take(said)
                except (ValueError, KeyError, TypeError, AttributeError):  # half a line of a process that was killed
                    continue
        if not self._closing.is_set():
            code = self._process.wait()
            self._rest(f"music is not tagged: {error or died('its process', code, self._words)}")
        self._process.wait()

    def _take(self, said: dict) -> None:
        row = np.zeros((), ROW)
        row["t"], row["values"], row["tags"] = said["t"], said["values"], said["tags"]
        self._rows = (*self._rows[-2:], row[()])
        if self._busy_since is not None:
            self._busy_s += clock.now() - self._busy_since
            self._busy_since = None
        self._judged.append((float(said["took"]), float(said["cpu"])))
        if len(self._judged) < _JUDGED:
            return
        took, cpu = (list(column) for column in zip(*self._judged, strict=True))
        if statistics.median(took) > _MOST_TOOK_S:
            self._rest(f"music is no longer tagged: a second of it took {statistics.median(took):.1f} s on this machine")
        elif statistics.mean(cpu) > _MOST_CPU_S:
            self._rest(f"music is no longer tagged: it took {statistics.mean(cpu):.0%} of a core of this machine")

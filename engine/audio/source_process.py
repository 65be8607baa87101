"""One audio process as its supervisor sees it: started and held until it can deliver, let go, ended; and why it ended.

Called by the supervisor's thread only; nothing here waits but `end`, half a second at most. What the process says comes as
lines of JSON on its standard output (see `process`), read by a thread.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Mapping, Sequence

from phosphene.engine.audio.devices import PULSE
from phosphene.engine.audio.last_words import LastWords, died
from phosphene.engine.core.child import child_environment, python_child

_END_S = 0.5
_MOST_NOTES = 4


class SourceProcess:
    """source: name of the device or file. ready: it has sound, and waits for `go`. notes: what it warns of."""

    def __init__(self, order: Mapping[str, object], source: str, descriptors: Sequence[int]) -> None:
        """Start it. order: see `process.main`. descriptors: to be inherited. Raises OSError."""
        device = order["device"]
        pulse = device is not None and device["kind"] == PULSE
        self._process = subprocess.Popen(
            python_child("phosphene.engine.audio.process", json.dumps(order)),
            stdin=subprocess.PIPE,  # held open: it closes when we do, however we end, and that ends the process
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment({"PULSE_SOURCE": str(device["name"])} if pulse else {}),
            start_new_session=True,  # Ctrl-C in the terminal is for the show alone
            pass_fds=tuple(descriptors),  # none on Windows, which takes none
        )
        self.source, self.device = source, device
        self.ready = False
        self.notes: list[str] = []
        self._error = ""
        self._words = LastWords(self._process.stderr)
        self._reader = threading.Thread(target=self._listen, name="audio-process", daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether it runs no more; then `why` says why."""
        return self._process.poll() is not None

    def why(self) -> str:
        """Return in a line why it ended: in its own words, or by what it died of."""
        self._reader.join(_END_S)
        code = self._process.poll()
        return self._error or died("the audio process", 0 if code is None else code, self._words)

    def go(self, origin: float) -> None:
        """Let it publish. origin: of a file, when its sample 0 is or was heard, s on the clock.now() line."""
        try:
            self._process.stdin.write(json.dumps({"origin": origin}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return  # it has just ended: `ended` will say so

    def end(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(OSError):  # what was written last did not arrive: nobody is there
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        with self._process.stdout as pipe:
            for line in pipe:
                try:
                    said = json.loads(line)
                except ValueError:  # half a line of a process that was killed
                    continue
                self._error = str(said.get("error", self._error))
                if "note" in said:
                    self.notes = [*self.notes, str(said["note"])][-_MOST_NOTES:]
                self.ready = self.ready or "ready" in said

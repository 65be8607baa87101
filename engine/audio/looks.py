"""Looks at the audio devices of the machine, each in a short-lived process, so that the supervisor never waits for one.

Called by the supervisor's thread only. PortAudio reads its device list once per process: a new look needs a new process.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from phosphene.engine.audio.last_words import LastWords, died
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, find_program, python_child

_PATIENCE_S = 10.0


class Look:
    """A child process that writes its answer to standard output. Poll `done`, then call `end` once.

    fault: after `end`, why there is no answer, in a line.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,
        )
        self._words = LastWords(self._process.stderr)
        self._deadline = clock.now() + _PATIENCE_S
        self.fault = ""

    @property
    def done(self) -> bool:
        """Whether `end` need not wait; a look that takes 10 s is given up."""
        if clock.now() > self._deadline:
            self._process.kill()
        return self._process.poll() is not None

    def end(self) -> str:
        """Return what was written; empty when the look failed or was not done, in which case it is ended."""
        if self._process.poll() is None:
            self._process.kill()
        with self._process.stdout as pipe:
            text = pipe.read()
        if code := self._process.wait():
            self.fault = died("the look at the audio devices", code, self._words)
            return ""
        return text.decode(errors="replace")


def look_for_input(spec: str) -> Look:
    """Begin to look for `spec`; costs 0.1 s of one core. Read the answer with `input_found`."""
    return Look(python_child("phosphene.engine.audio.devices", spec, "or-default"))


def input_found(text: str, fault: str = "") -> dict:
    """Return {"device": ..., "error": ...}, either or both: with both the device is the default in place of `spec`.

    fault: the look's, told where it has no answer.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"error": fault or "the audio devices could not be listed"}


def look_for_source() -> Look | None:
    """Begin to list the sources of PulseAudio; costs 5 ms. Read the answer with `source_number`. None without `pactl`."""
    pactl = find_program("pactl")
    return None if pactl is None else Look([pactl, "list", "short", "sources"])


def source_number(text: str, name: str) -> str | None:
    """Return the server's number for the source `name`: a new one when it went and came. None: not there.

    Empty when the server did not answer, which says nothing.
    """
    if not text:
        return ""
    rows = (line.split("\t") for line in text.splitlines())
    return next((row[0] for row in rows if len(row) > 1 and row[1] == name), None)

"""Looks at the audio devices of the machine, each in a short-lived process, so that the supervisor never waits for one.

Called by the supervisor's thread only. PortAudio reads its device list once per process: a new look needs a new process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from engine.core import clock, paths

_PATIENCE_S = 10.0


class Look:
    """A child process that writes its answer to standard output. Poll `done`, then call `end` once."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA thinks aloud there
            env=child_environment(),
            start_new_session=True,
        )
        self._deadline = clock.now() + _PATIENCE_S

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
        text, _ = self._process.communicate()
        return text.decode(errors="replace") if self._process.returncode == 0 else ""


def look_for_input(spec: str) -> Look:
    """Begin to look for `spec`; costs 0.1 s of one core. Read the answer with `input_found`."""
    return Look([sys.executable, "-m", "engine.audio.devices", spec, "or-default"])


def input_found(text: str) -> dict:
    """Return {"device": ..., "error": ...}, either or both: with both the device is the default in place of `spec`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"error": "the audio devices could not be listed"}


def look_for_source() -> Look:
    """Begin to list the sources of PulseAudio; costs 5 ms. Read the answer with `source_number`."""
    return Look(["pactl", "list", "short", "sources"])


def source_number(text: str, name: str) -> str | None:
    """Return the server's number for the source `name`: a new one when it went and came. None: not there.

    Empty when the server did not answer, which says nothing.
    """
    if not text:
        return ""
    rows = (line.split("\t") for line in text.splitlines())
    return next((row[0] for row in rows if len(row) > 1 and row[1] == name), None)


def child_environment() -> dict[str, str]:
    """Our environment, with the checkout importable wherever the show was started from."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(p for p in (str(paths.ROOT), environment.get("PYTHONPATH")) if p)
    return environment

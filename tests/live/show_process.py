"""`vj live` as a process of its own, as a person starts it: started, told over OSC, faulted, ended, and its report read."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient

from phosphene.engine.core import clock

PATIENCE_S = 180.0  # for whatever has to come in the end: a machine may be busy


def free_port() -> int:
    """Return a UDP port that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ShowProcess:
    """One running show. Headless at 320x180 and 24 fps with the demo music unless told otherwise."""

    def __init__(
        self, folder: Path, *options: str, environment: dict[str, str] | None = None, terminal: int | None = None
    ) -> None:
        """terminal: a descriptor in place of the log."""
        self.folder = folder
        self.port = free_port()
        self.report_path = folder / "report.json"
        self.log_path = folder / "log.txt"
        given = [*options]
        self.port_out = free_port()
        usual = {"--output": "headless", "--input": "demo", "--size": "320x180", "--fps": "24"}
        usual |= {"--takes": str(folder / "takes"), "--report": str(self.report_path)}
        usual |= {"--osc-out": str(self.port_out), "--osc-port": str(self.port)}
        for name, value in usual.items():
            if name not in given:
                given += [name, value]
        command = [sys.executable, "-m", "phosphene.engine.cli.main", "live", *given]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                env=os.environ | (environment or {}),
                stdout=log if terminal is None else terminal,
                stderr=log if terminal is None else terminal,
                start_new_session=True,
            )
        self.osc = SimpleUDPClient("127.0.0.1", self.port)
        self._told: dict[str, Any] = {}
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(lambda path, *arguments: self._told.update({path: arguments[0]}))
        self._listener = BlockingOSCUDPServer(("127.0.0.1", self.port_out), dispatcher)
        self._listening = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._listening.start()

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def wait_for_picture(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the first picture was presented."""
        self.wait_for_line("first picture", timeout_s)

    def wait_for_line(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the log holds `text`."""
        give_up = clock.now() + timeout_s
        while text not in self.log:
            assert self.process.poll() is None, self.log
            assert clock.now() < give_up, f"{text!r} did not come:\n{self.log}"
            clock.sleep(0.02)

    def state(self, path: str, wanted: Any = None, timeout_s: float = PATIENCE_S) -> Any:
        """Return what the show says of `path` once that is `wanted` (or anything, for None), or at the end of the time."""
        give_up = clock.now() + timeout_s
        while clock.now() < give_up:
            self.osc.send_message("/fader/8", clock.now() % 1.0)  # whoever speaks is told
            clock.sleep(0.05)
            value = self._told.get(path)
            if value is not None and wanted in (None, value):
                break
        return self._told.get(path)

    def child_pids(self) -> list[int]:
        """Return the processes that the show has started."""
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def end(self, number: int = signal.SIGINT, timeout_s: float = PATIENCE_S, code: int = 0) -> dict[str, Any]:
        """Ask it to end with a signal (once it ended by itself: just read), and return its report."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.finished(timeout_s, code)

    def finished(self, timeout_s: float = PATIENCE_S, code: int | None = 0) -> dict[str, Any]:
        """Wait for its end, with this exit code: well, unless told otherwise; None: any. Return its report."""
        got = self.process.wait(timeout_s)
        assert code in (None, got), f"exit code {got}:\n{self.log}"
        return json.loads(self.report_path.read_text())

    def kill(self) -> None:
        """End it and everything it started, whatever state they are in."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._listener.shutdown()
        self._listener.server_close()
        self._listening.join()
        self.osc._sock.close()  # python-osc's client has no close of its own


@pytest.fixture
def start_show(tmp_path: Path) -> Iterator[Callable[..., ShowProcess]]:
    """Start `vj live` processes that do not outlive the test."""
    shows: list[ShowProcess] = []

    def start(*options: str, environment: dict[str, str] | None = None, terminal: int | None = None) -> ShowProcess:
        shows.append(ShowProcess(tmp_path, *options, environment=environment, terminal=terminal))
        return shows[-1]

    yield start
    for show in shows:
        show.kill()

"""Closing the console window, with a stand-in for Windows: the show is asked to end, and is given the time."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest

from phosphene.engine.app.stopping import Stop
from phosphene.engine.core import console


class Windows:
    """Keeps the handler, and calls it as Windows does: on a thread of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, has_console: bool = True) -> None:
        self.handlers: list = []
        self._has_console = has_console
        kernel32 = SimpleNamespace(SetConsoleCtrlHandler=self._set)
        stand_in = SimpleNamespace(
            WINFUNCTYPE=lambda *types: lambda handler: handler,
            windll=SimpleNamespace(kernel32=kernel32),
            c_int=None,
            c_uint=None,
        )
        monkeypatch.setattr(console, "ctypes", stand_in)
        monkeypatch.setattr(console, "sys", SimpleNamespace(platform="win32"))
        monkeypatch.setattr(console, "_kept", [])

    def _set(self, handler, add: int) -> int:
        assert add == 1
        if self._has_console:
            self.handlers.append(handler)
        return int(self._has_console)

    def close(self, event: int) -> threading.Thread:
        thread = threading.Thread(target=self.handlers[0], args=(event,), daemon=True)
        thread.start()
        return thread


@pytest.mark.parametrize("event", [2, 5, 6])
def test_closing_is_heard_and_windows_has_to_wait_for_the_end(monkeypatch, event: int) -> None:
    windows, heard = Windows(monkeypatch), threading.Event()
    console.on_console_close(heard.set)
    assert console._kept == windows.handlers, "the handler would be collected"
    thread = windows.close(event)
    assert heard.wait(10)
    thread.join(0.2)
    assert thread.is_alive(), "the program would be ended now, with its recording open"


@pytest.mark.parametrize("event", [0, 1])
def test_ctrl_c_and_ctrl_break_are_left_to_python(monkeypatch, event: int) -> None:
    windows, heard = Windows(monkeypatch), threading.Event()
    console.on_console_close(heard.set)
    assert windows.handlers[0](event) == 0
    assert not heard.is_set()


def test_a_show_ends_in_order_when_its_console_closes(monkeypatch) -> None:
    windows = Windows(monkeypatch)
    monkeypatch.setattr(console, "_LONGER_THAN_WINDOWS_S", 0.0)
    with Stop() as stopping:
        monkeypatch.setattr("phosphene.engine.app.stopping._signals", lambda names: [])
        stopping.begin()
        assert not stopping.asked
        windows.close(2).join(10)
        assert stopping.asked
        for _ in range(3):  # closing again, impatiently, must not tear the recording
            windows.close(2).join(10)


def test_without_a_console_nothing_is_kept(monkeypatch) -> None:
    Windows(monkeypatch, has_console=False)
    console.on_console_close(lambda: None)
    assert console._kept == []


@pytest.mark.skipif(sys.platform == "win32", reason="elsewhere a closed terminal sends SIGHUP")
def test_elsewhere_nothing_is_done(monkeypatch) -> None:
    monkeypatch.setattr(console, "_kept", [])
    console.on_console_close(lambda: None)
    assert console._kept == []

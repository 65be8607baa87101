"""The timer of Windows, a stand-in: asked for once, given back, also where the show fails."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from phosphene.engine.core import fine_timer as module
from phosphene.engine.core.fine_timer import fine_timer


def on_windows(monkeypatch: pytest.MonkeyPatch, refusal: int = 0) -> list[tuple[str, int]]:
    calls: list[tuple[str, int]] = []
    winmm = SimpleNamespace(
        timeBeginPeriod=lambda ms: calls.append(("begin", ms)) or refusal,
        timeEndPeriod=lambda ms: calls.append(("end", ms)) or 0,
    )
    monkeypatch.setattr(module, "ctypes", SimpleNamespace(windll=SimpleNamespace(winmm=winmm)))
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform="win32"))
    return calls


def test_it_is_asked_for_and_given_back(monkeypatch) -> None:
    calls = on_windows(monkeypatch)
    with pytest.raises(LookupError), fine_timer():
        raise LookupError(calls.copy())
    assert calls == [("begin", 1), ("end", 1)]


def test_what_was_refused_is_not_given_back(monkeypatch) -> None:
    calls = on_windows(monkeypatch, refusal=97)
    with fine_timer():
        pass
    assert calls == [("begin", 1)]


def test_a_show_asks_for_it(monkeypatch) -> None:
    from phosphene.engine.app import live
    from phosphene.engine.app.options import LiveOptions

    calls = on_windows(monkeypatch)
    monkeypatch.setattr(live, "_on_display", lambda *given: calls.append(("show", 0)) or 0)
    monkeypatch.setattr(live, "Supervisor", lambda *given, **more: SimpleNamespace(close=lambda: None))
    assert live.run_live(LiveOptions()) == 0
    assert calls == [("begin", 1), ("show", 0), ("end", 1)]

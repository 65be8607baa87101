"""Commands that are run in this process leave no log handler behind: it would write on the terminal of all later tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_log_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phosphene.engine.cli.main.log_to_terminal", lambda level: None)

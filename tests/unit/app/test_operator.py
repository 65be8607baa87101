"""When the operator's window is drawn, and what its end means to the show: the wall comes first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from phosphene.engine.app import operator as module
from phosphene.engine.app.operator import Operator
from phosphene.engine.app.screen import Screen
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.output.operator_panel import OperatorModel
from tests.unit.show.test_drop import _scenes_stay  # noqa: F401 what `previewed` changes is put back


class Time:
    def __init__(self) -> None:
        self.t = 100.0

    def now(self) -> float:
        return self.t


class Window:
    size, should_close = Size(1440, 900), False

    def __init__(self, time: Time, cost: float) -> None:
        self.time, self.cost, self.shown, self.closed = time, cost, [], 0

    def show(self, picture: object) -> None:
        self.time.t += self.cost
        self.shown.append(self.time.t)

    def make_room(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


class View:
    def __init__(self) -> None:
        self.decks, self.told = {}, 0

    def tell(self, model: OperatorModel) -> None:
        self.told += 1

    def draw(self, size: Size, picture: object, live: object) -> object:
        return picture

    def close(self) -> None:
        pass


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(module, "clock", time)
    monkeypatch.setattr(Operator, "_model", lambda self: OperatorModel())
    return time


def made(time: Time, cost: float) -> tuple[Operator, Window, View, SimpleNamespace]:
    said: list[str] = []
    signals = SimpleNamespace(position=BeatPosition(1.0, 120.0, 1.0))
    source = SimpleNamespace(health=lambda: SimpleNamespace(peak=0.1))
    stage = SimpleNamespace(signals=signals, source=source, aside_s=0.0, say=said.append, said=said)
    operator = Operator(None, stage, None, None)
    operator._window, operator._view = window, view = Window(time, cost), View()
    return operator, window, view, stage


def played(operator: Operator, time: Time, seconds: float, left: float, fps: float = 60.0) -> None:
    """Run frames that end `left` seconds before they are due."""
    period = 1.0 / fps
    for index in range(round(seconds * fps)):
        began = time.t
        time.t += period - left
        operator.draw(None, Frame(index + 1, index * period, began + period, period, fps))
        time.t = max(time.t, began + period)


def test_it_is_drawn_every_second_frame_while_there_is_time(time: Time) -> None:
    operator, window, view, stage = made(time, 0.002)
    played(operator, time, 2.0, left=0.010)
    assert len(window.shown) == pytest.approx(60, abs=1)
    assert view.told == pytest.approx(8, abs=1), "texts change four times a second"
    assert stage.aside_s == pytest.approx(0.002 * len(window.shown))


def test_it_waits_where_a_frame_has_no_time_left_and_still_moves_twice_a_second(time: Time) -> None:
    operator, window, _, _ = made(time, 0.012)
    played(operator, time, 4.0, left=0.003)
    assert len(window.shown) <= 11
    assert len(window.shown) >= 8


def test_closing_it_ends_neither_show_nor_wish_for_it(time: Time) -> None:
    operator, window, _, stage = made(time, 0.001)
    assert operator.pictures_wanted == {"a", "b"}
    window.should_close = True
    played(operator, time, 0.1, left=0.010)
    assert (operator.opened, window.closed, stage.said) == (False, 1, [])
    assert operator.pictures_wanted == frozenset()


def test_a_fault_in_it_closes_it_and_is_said(time: Time) -> None:
    operator, window, _, stage = made(time, 0.001)
    window.show = lambda picture: 1 / 0
    played(operator, time, 0.1, left=0.010)
    assert not operator.opened
    assert stage.said == ["the operator's window is closed: ZeroDivisionError: division by zero"]


def test_one_that_cannot_be_opened_is_said(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, _, _, stage = made(time, 0.001)
    operator.close()

    def refused(wall: object) -> None:
        raise UserError("no window with OpenGL 3.3 can be opened", remedy="update the graphics driver")

    monkeypatch.setattr(module, "OperatorWindow", refused)
    operator.switch(None)
    assert not operator.opened
    assert "no window with OpenGL 3.3" in stage.said[0]


def test_one_that_cannot_be_drawn_is_not_left_open(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, _, _, stage = made(time, 0.001)
    operator.close()
    window = Window(time, 0.001)
    stage.mixer, stage.output = SimpleNamespace(passes=None), SimpleNamespace(size=SimpleNamespace(aspect=1.0))
    monkeypatch.setattr(module, "OperatorWindow", lambda wall: window)
    monkeypatch.setattr(module, "OperatorView", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        operator.switch(True)
    assert (operator.opened, window.closed) == (False, 1)


def test_a_headless_show_says_that_it_has_no_window() -> None:
    said: list[str] = []
    told: list = []
    surfaces = SimpleNamespace(also_tell=told.append)
    screen = Screen(SimpleNamespace(name="headless"), SimpleNamespace(say=said.append), None, surfaces)
    for what in ("operator", "fullscreen", "monitor"):
        screen.put(what, None)
    assert said == ["there is no window: the show plays headless"] * 3
    assert told[0]()["/state/output/monitors"] == ("",)


def test_what_the_window_is_told_of_a_show() -> None:
    """`_model` over a real document: the scene that is seen, the one that waits, and the cue after the last one."""
    from phosphene.engine.output.hud_model import HudModel
    from tests.unit.show.test_preview import previewed

    show = previewed()
    stage = SimpleNamespace(
        state=show.state, document=show.document, signals=object(), autopilot=None,
        conductor=SimpleNamespace(leader="link"),
    )  # fmt: skip
    surfaces = SimpleNamespace(error="", health=lambda: [SimpleNamespace(name="midi", where="nanoKONTROL2")])
    operator = Operator(None, stage, None, surfaces, ("http://10.0.0.2:8800/", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "hud_model", lambda *given: HudModel())
        model = operator._model()
    assert (model.scene, model.standby, model.plays) == ("S1", "S2", "scenes wait for TAKE (Tab)")
    assert (model.cue, model.next_cue, model.leader) == ("", "1 of 2: S2", "Ableton Link leads")
    assert model.surfaces == ("MIDI nanoKONTROL2",)


def test_a_screen_that_is_not_there_is_refused_with_those_that_are_and_no_option() -> None:
    from phosphene.engine.output.monitors import find_monitor

    said: list[str] = []
    screen = Screen(
        SimpleNamespace(name="headless"),
        SimpleNamespace(say=said.append),
        None,
        SimpleNamespace(also_tell=lambda told: None),
    )
    window = SimpleNamespace(refresh_hz=60.0, go_to=lambda name: find_monitor(name, []))
    screen._go_to(window, "projector")
    assert said == ["the picture stays where it is: no monitor is connected (/output/monitor): got: projector"]

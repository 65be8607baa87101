"""The surface over ports without a driver: moved, learnt, lit, unplugged, flooded."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.midi import surface as module
from phosphene.engine.control.midi.files import learnt_path
from phosphene.engine.control.midi.messages import CLOCK, START
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.core.params import Param
from phosphene.engine.show.change import Change
from tests.fake_midi import FakePorts, wait

TABLE = build_table({}, (Param("zoom", "Zoom", 0.25, 4.0, 1.0),))
MAPPING = """
version = 1
device = "Box"
control = [
    {input = "cc 1 1", address = "/master"},
    {input = "cc 1 2", address = "/deck/a/zoom", mode = "relative-2c"},
    {input = "cc14 1 3", address = "/crossfade", mode = "jump"},
    {input = "note 1 1", address = "/blackout"},
    {input = "note 1 2", address = "/freeze", button = "hold"},
    {input = "note 1 3", address = "/master", button = "toggle"},
    {input = "note 1 4", address = "/tempo/tap"},
    {input = "note 1 5", address = "/scene", arguments = ["lagoon"]},
    {input = "note 1 6", address = "/guard", button = "hold"},
    {input = "program 1", address = "/scene/number"},
]
"""
ON, OFF = 0x90, 0x80


class Rig:
    def __init__(self) -> None:
        self.ports, self.bus = FakePorts("Box 20:0"), ControlBus()
        self.surface = MidiSurface(TABLE, self.bus, ports=self.ports, scenes=("ember", "lagoon"))
        wait(lambda: self.surface.devices == ["Box"])

    def after(self, *messages: list[int], n: int = 1) -> list[tuple[str, tuple]]:
        """Play messages; return the first n changes that come of them."""
        self.ports.play(*messages)
        return [(c.path, c.args) for c in self.changes(n)]

    def changes(self, n: int) -> list[Change]:
        found: list[Change] = []
        wait(lambda: len(found.extend(self.bus.drain()) or found) >= n)
        return found

    def settle(self) -> list[Change]:
        """Return what is on the bus once all that was played has been taken."""
        before = self.surface.health().received
        self.ports.play([0xBF, 119, 0])
        wait(lambda: self.surface.health().received > before and not self.surface._queue)
        return self.bus.drain()

    def lit(self) -> dict[tuple[int, int], int]:
        """Return what each light was told last."""
        return {message[:2]: message[2] for port in self.ports.lights for message in port.sent}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_MIDI", str(tmp_path))
    (tmp_path / "box.toml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


@pytest.fixture
def rig() -> Iterator[Rig]:
    found = Rig()
    yield found
    found.surface.close()


def test_buttons_of_three_kinds(rig: Rig) -> None:
    assert rig.after([ON, 1, 100], [OFF, 1, 0]) == [("/blackout", ())]
    assert rig.after([ON, 2, 100], [ON, 2, 0], n=2) == [("/freeze", (1,)), ("/freeze", (0,))]
    assert rig.after([ON, 3, 100], [ON, 3, 0]) == [("/master", (1.0,))]
    assert rig.after([ON, 3, 100], [ON, 3, 0]) == [("/master", (0.0,))], "quicker than the show tells it"
    assert rig.after([ON, 4, 1], [ON, 4, 0]) == [("/tempo/tap", ())]
    assert rig.after([ON, 5, 100]) == [("/scene", ("lagoon",))]
    assert rig.after([0xC0, 4]) == [("/scene/number", (5,))]
    assert all(change.source == "midi Box" for change in rig.settle())


def test_the_source_names_the_device(rig: Rig) -> None:
    rig.ports.play([ON, 4, 100])
    assert [change.source for change in rig.changes(1)] == ["midi Box"]


def test_no_controller_turns_the_flash_guard_off(rig: Rig) -> None:
    assert rig.after([ON, 6, 100]) == [("/guard", (1,))]
    rig.ports.play([ON, 6, 0])
    wait(lambda: rig.surface.health().rejected == 1)
    assert "Ctrl+G" in rig.surface.health().error
    assert rig.settle() == []


def test_knobs_encoders_and_fourteen_bits(rig: Rig) -> None:
    rig.surface.publish({"/master": (0.5,), "/deck/a/zoom": (1.0,), "/crossfade": (0.0,)})
    assert rig.after([0xB0, 1, 20], [0xB0, 1, 90]) == [("/master", (90 / 127,))], "picked up as it passes"
    ((path, (value,)),) = rig.after([0xB0, 2, 1])
    assert (path, value) == ("/deck/a/zoom", pytest.approx(1.0 + 3.75 / 128))
    assert rig.after([0xB0, 35, 0], [0xB0, 3, 64]) == [("/crossfade", (0.5,))]
    assert rig.after([0xB0, 3, 127]) == [("/crossfade", (pytest.approx((127 << 7) / 16383, abs=1e-3),))], (
        "half of it, after 5 ms"
    )


def test_pickup_holds_after_a_scene_change(rig: Rig) -> None:
    rig.surface.publish({"/master": (1.0,)})
    assert rig.after([0xB0, 1, 126]) == [("/master", (126 / 127,))]
    clock.sleep(0.26)
    rig.surface.publish({"/master": (0.2,)})
    rig.ports.play([0xB0, 1, 120], [0xB0, 1, 80])
    assert rig.settle() == []
    assert rig.surface.told()["/state/midi/waiting"] == ("/master", pytest.approx(0.2 - 80 / 127))
    assert rig.after([0xB0, 1, 10]) == [("/master", (10 / 127,))]
    assert rig.surface.told()["/state/midi/waiting"] == ("", 0.0)


def test_lights_follow_the_show_and_go_out_at_the_end(rig: Rig) -> None:
    rig.surface.publish({"/blackout": (1,), "/master": (1.0,), "/state/scene": ("lagoon",)})
    wait(lambda: rig.lit().get((0x90, 5)) == 127)
    assert rig.lit()[(0x90, 1)] == 127
    assert rig.lit()[(0xB0, 1)] == 127
    rig.surface.publish({"/blackout": (0,), "/master": (1.0,), "/state/scene": ("ember",)})
    wait(lambda: rig.lit()[(0x90, 5)] == 0 and rig.lit()[(0x90, 1)] == 0)
    rig.surface.publish({"/blackout": (1,)})
    wait(lambda: rig.lit()[(0x90, 1)] == 127)
    rig.surface.close()
    assert rig.lit()[(0x90, 1)] == 0
    assert rig.ports.closed
    assert not any(port.open for port in rig.ports.opened + rig.ports.lights)


def test_lights_whose_port_comes_later_than_the_device_light_up(rig: Rig) -> None:
    rig.ports.names.clear()
    wait(lambda: rig.surface.devices == [])
    lit = len(rig.ports.lights)
    rig.ports.deaf.add("Box 24:0")
    rig.ports.names.append("Box 24:0")
    wait(lambda: rig.surface.devices == ["Box"])
    rig.surface.publish({"/blackout": (1,)})
    assert len(rig.ports.lights) == lit
    rig.ports.deaf.clear()
    wait(lambda: rig.lit().get((0x90, 1)) == 127)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTENS_S", 0.05)


@pytest.mark.usefixtures("quick")
def test_what_moves_is_learnt_saved_and_played(rig: Rig) -> None:
    rig.surface.learn("/deck/b/zoom")
    wait(lambda: rig.surface.told()["/state/midi/learning"] == ("/deck/b/zoom",))
    rig.ports.play(*[[0xB0, 1, value] for value in range(30, 60)])
    wait(lambda: rig.surface.told()["/state/midi/question"] == ("/deck/b/zoom", "Box: cc 1 1", "/master", ""))
    assert rig.bus.drain() == [], "what is moved to be learnt plays nothing"
    assert "replace or keep?" in rig.surface.health().error
    rig.surface.answer("replace")
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/deck/b/zoom", "Box: cc 1 1"))
    assert rig.surface.told()["/state/midi/question"] == ("", "", "", "")
    assert rig.surface.health().error == ""
    assert rig.surface.told()["/state/midi/learning"] == ("",)
    assert rig.after([0xB0, 1, 127])[0][0] == "/deck/b/zoom"
    wait(learnt_path("Box", 1).is_file)
    rig.surface.forget("/deck/b/zoom")
    wait(lambda: "/deck/b/zoom" not in learnt_path("Box", 1).read_text("utf-8"))
    rig.ports.play([0xB0, 1, 10])
    assert all(change.path != "/deck/b/zoom" for change in rig.settle())


def asked(rig: Rig, address: str, *messages: list[int]) -> tuple[str, str, str]:
    """Learn, and return what is asked: the control, what it plays, what else plays the address."""
    rig.surface.learn(address)
    wait(lambda: rig.surface.told()["/state/midi/learning"] == (address,))
    rig.ports.play(*messages)
    wait(lambda: rig.surface.told()["/state/midi/question"][0] == address)
    _, control, plays, others = map(str, rig.surface.told()["/state/midi/question"])
    return control, plays, others


def played(rig: Rig, *messages: list[int]) -> list[str]:
    rig.ports.play(*messages)
    return [change.path for change in rig.settle()]


TURNED = [[0xB0, 9, value] for value in range(30, 60)]


@pytest.mark.usefixtures("quick")
def test_an_address_that_has_a_control_is_taken_from_it_or_shared_or_left(rig: Rig) -> None:
    assert asked(rig, "/master", *TURNED) == ("Box: cc 1 9", "", "Box: cc 1 1, Box: note 1 3")
    rig.surface.answer("keep")
    wait(lambda: rig.surface.told()["/state/midi/question"][0] == "")
    assert rig.surface.told()["/state/midi/learnt"] == ("", "")
    assert played(rig, [0xB0, 9, 50]) == []
    assert played(rig, [0xB0, 1, 50]) == ["/master"]

    asked(rig, "/master", *TURNED)
    rig.surface.answer("add")
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/master", "Box: cc 1 9"))
    assert played(rig, [0xB0, 9, 50]) == played(rig, [0xB0, 1, 50]) == ["/master"]

    assert asked(rig, "/master", [0xB0, 10, 1], *[[0xB0, 10, v] for v in range(30, 60)])[2] == (
        "Box: cc 1 1, Box: note 1 3, Box: cc 1 9"
    )
    rig.surface.answer("replace")
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/master", "Box: cc 1 10"))
    assert played(rig, [0xB0, 1, 10], [0xB0, 9, 10], [ON, 3, 100]) == []
    assert played(rig, [0xB0, 10, 50]) == ["/master"]
    wait(lambda: 'forgotten = [\n    "cc 1 1"' in learnt_path("Box", 1).read_text("utf-8"))


@pytest.mark.usefixtures("quick")
def test_of_an_address_with_a_text_only_that_text_is_taken(rig: Rig) -> None:
    rig.surface.learn("/scene ember")
    rig.ports.play([ON, 40, 100])
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/scene ember", "Box: note 1 40"))
    assert asked(rig, "/scene lagoon", [ON, 41, 100]) == ("Box: note 1 41", "", "Box: note 1 5")
    rig.surface.answer("replace")
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/scene lagoon", "Box: note 1 41"))
    assert rig.after([ON, 40, 100]) == [("/scene", ("ember",))]
    assert rig.after([ON, 41, 100]) == [("/scene", ("lagoon",))]
    assert played(rig, [ON, 5, 100]) == []


@pytest.mark.usefixtures("quick")
def test_another_controller_that_plays_the_address_is_asked_about_too(rig: Rig, folder: Path) -> None:
    (folder / "other.toml").write_text(
        'version = 1\ndevice = "Pads"\n[[control]]\ninput = "cc 1 77"\naddress = "/deck/a/zoom"\n', encoding="utf-8"
    )
    rig.ports.names.append("Pads")
    wait(lambda: rig.surface.devices == ["Box", "Pads"])
    rig.surface.learn("/deck/a/zoom")
    wait(lambda: rig.surface.told()["/state/midi/learning"] == ("/deck/a/zoom",))
    rig.ports.play(*TURNED, name="Box")
    wait(lambda: rig.surface.told()["/state/midi/question"][3] == "Box: cc 1 2, Pads: cc 1 77")
    rig.surface.answer("replace")
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/deck/a/zoom", "Box: cc 1 9"))
    rig.ports.play([0xB0, 77, 90], name="Pads")
    assert rig.settle() == []


@pytest.mark.usefixtures("quick")
def test_what_a_control_plays_already_is_not_asked_about(rig: Rig) -> None:
    rig.surface.learn("/blackout")
    rig.ports.play([ON, 1, 100], [ON, 1, 0])
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/blackout", "Box: note 1 1"))


@pytest.mark.usefixtures("quick")
def test_a_question_that_nobody_answers_changes_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWERS_S", 0.3)
    asked(rig, "/master", *TURNED)
    wait(lambda: rig.surface.told()["/state/midi/question"][0] == "")
    assert "nobody said" in rig.surface.health().error
    assert played(rig, [0xB0, 9, 50]) == []
    rig.surface.answer("replace")
    wait(lambda: "asks nothing now" in rig.surface.health().error)
    asked(rig, "/master", *TURNED)
    rig.surface.learn("")
    wait(lambda: rig.surface.told()["/state/midi/question"][0] == "")
    assert played(rig, [0xB0, 9, 50]) == []


@pytest.mark.usefixtures("quick")
def test_a_controller_that_is_pulled_out_while_it_is_asked_about_it(rig: Rig) -> None:
    asked(rig, "/master", *TURNED)
    rig.ports.names.clear()
    wait(lambda: rig.surface.devices == [])
    rig.surface.answer("replace")
    wait(lambda: rig.surface.told()["/state/midi/question"][0] == "")
    rig.ports.names.append("Box 24:0")
    wait(lambda: rig.surface.devices == ["Box"])
    assert rig.after([ON, 4, 100]) == [("/tempo/tap", ())]


@pytest.mark.usefixtures("quick")
def test_what_a_controller_that_is_gone_was_asked_about_keeps_its_other_control(rig: Rig, folder: Path) -> None:
    (folder / "other.toml").write_text(
        'version = 1\ndevice = "Pads"\n[[control]]\ninput = "cc 1 77"\naddress = "/deck/b/zoom"\n', encoding="utf-8"
    )
    rig.ports.names.append("Pads")
    wait(lambda: rig.surface.devices == ["Box", "Pads"])
    rig.surface.learn("/deck/b/zoom")
    wait(lambda: rig.surface.told()["/state/midi/learning"] == ("/deck/b/zoom",))
    rig.ports.play(*TURNED, name="Box")
    wait(lambda: rig.surface.told()["/state/midi/question"][3] == "Pads: cc 1 77")
    rig.ports.names.remove("Box 20:0")
    wait(lambda: rig.surface.told()["/state/midi/question"][0] == "")
    assert "/deck/b/zoom was not learnt: Box is gone" in rig.surface.health().error
    rig.surface.answer("replace")
    wait(lambda: "asks nothing now" in rig.surface.health().error)
    assert rig.surface.told()["/state/midi/learnt"] == ("", "")
    assert [each.device.found.forgotten for each in rig.surface._plugs] == [()]


@pytest.mark.usefixtures("quick")
def test_a_button_that_was_just_learnt_lights_up(rig: Rig, folder: Path) -> None:
    (folder / "box.toml").unlink()
    rig.ports.names[:] = ["Blank"]
    wait(lambda: rig.surface.devices == ["Blank"])
    rig.surface.publish({"/blackout": (1,)})
    rig.surface.learn("/blackout")
    rig.ports.play([ON, 9, 127], [ON, 9, 0])
    wait(lambda: rig.lit().get((0x90, 9)) == 127)


@pytest.mark.usefixtures("quick")
def test_learning_ends_by_the_same_again_by_nothing_and_not_by_a_knob_on_a_trigger(rig: Rig) -> None:
    def learning(text: str) -> Callable[[], bool]:
        return lambda: rig.surface.told()["/state/midi/learning"] == (text,)

    for ending in ("/master", ""):
        rig.surface.learn("/master")
        wait(learning("/master"))
        rig.surface.learn(ending)
        wait(learning(""))
    rig.surface.learn("/tempo/tap")
    wait(learning("/tempo/tap"))
    rig.ports.play(*[[0xB0, 9, value] for value in range(30, 60)])
    wait(lambda: "that is a knob" in rig.surface.health().error)
    rig.ports.play([0x99, 40, 100], [0x99, 40, 0])
    wait(lambda: rig.surface.told()["/state/midi/question"][3] == "Box: note 1 4")
    rig.surface.answer("add")
    wait(lambda: rig.surface.told()["/state/midi/learnt"] == ("/tempo/tap", "Box: note 10 40"))
    rig.surface.learn("/nope")
    wait(lambda: "unknown address" in rig.surface.health().error)


def test_unplugged_in_mid_gesture_and_plugged_again(rig: Rig) -> None:
    rig.surface.publish({"/freeze": (0,)})
    assert rig.after([ON, 2, 100], [0xB0, 3, 5]) == [("/freeze", (1,))], "held, and half a value is on its way"
    wait(lambda: not rig.bus.drain())
    rig.ports.names.clear()
    wait(lambda: rig.surface.devices == [])
    assert ("/freeze", (0,)) in [(c.path, c.args) for c in rig.bus.drain()], "nobody can let go of it any more"
    assert not rig.surface.wants_state
    old = rig.ports.opened[0]
    assert not old.open
    old.came.append(([ON, 4, 100], 0.0))
    rig.ports.names.append("Box 24:0")
    wait(lambda: rig.surface.devices == ["Box"])
    assert rig.after([ON, 4, 100]) == [("/tempo/tap", ())]
    assert len(rig.ports.opened) == 2, "a new one, not the old one again"


def test_two_equal_devices_are_two_and_keep_their_numbers(rig: Rig) -> None:
    rig.ports.names.append("Box 24:0")
    wait(lambda: rig.surface.devices == ["Box", "Box 2"])
    rig.ports.play([ON, 4, 100], name="Box 24:0")
    assert rig.settle() == [], "the second one has no mapping yet"
    rig.ports.names.remove("Box 20:0")
    wait(lambda: rig.surface.devices == ["Box 2"])
    rig.ports.names.append("Box 28:0")
    wait(lambda: rig.surface.devices == ["Box 2", "Box"])
    rig.ports.play([ON, 4, 100], name="Box 28:0")
    assert [change.source for change in rig.changes(1)] == ["midi Box"]


def test_names_that_are_equal_to_the_letter(rig: Rig) -> None:
    rig.ports.names.append("Box 20:0")
    wait(lambda: len(rig.surface.devices) == 2)
    assert rig.surface.health().where == "Box, Box 2"


def test_a_device_that_another_program_has_is_said_and_the_others_play(rig: Rig) -> None:
    rig.ports.busy.add("Taken")
    rig.ports.names.append("Taken")
    wait(lambda: "cannot be opened" in rig.surface.health().error)
    assert rig.after([ON, 4, 100]) == [("/tempo/tap", ())]


def test_a_broken_mapping_file_is_said_for_as_long_as_it_is_broken(rig: Rig, folder: Path) -> None:
    path = folder / "box.toml"
    path.write_text(MAPPING.replace("/tempo/tap", "/tempo/tip"), encoding="utf-8")
    wait(lambda: "did you mean '/tempo/tap'?" in rig.surface.health().error)
    path.write_text(MAPPING.replace("note 1 4", "note 1 44"), encoding="utf-8")
    wait(lambda: rig.surface.health().error == "")
    assert rig.after([ON, 44, 100]) == [("/tempo/tap", ())], "and what is saved is played at once"


def test_all_controllers_at_once_cost_one_change_an_address(rig: Rig) -> None:
    rig.surface.publish({"/master": (0.5,)})
    rig.ports.play(*[[0xB0 | channel, n, value] for value in (0, 127) for channel in range(16) for n in range(128)])
    wait(lambda: rig.surface.health().received + rig.surface.health().dropped >= 4096)
    assert {c.path for c in rig.settle()} <= {"/master", "/deck/a/zoom", "/crossfade"}
    assert rig.surface.health().rejected == 0


def test_floods_and_rubbish_leave_it_playing(rig: Rig) -> None:
    chance = random.Random(1)
    for _ in range(200):
        rig.ports.play([chance.randrange(256) for _ in range(chance.randrange(60))])
    rig.ports.play([0xF0, *[1] * 100_000, 0xF7], [0xF0, *[1] * 100_000], [], [0xF7])
    for _ in range(20_000):
        rig.ports.play([0xB0, 1, 5])
    assert len(rig.surface._queue) <= 4096
    wait(lambda: not rig.surface._queue)
    assert rig.surface.health().dropped > 0
    rig.bus.drain()
    rig.ports.play([ON, 4, 0])
    wait(lambda: "/tempo/tap" in [c.path for c in (rig.ports.play([ON, 4, 9]), rig.bus.drain())[1]])


def test_a_clock_is_heard_and_away_when_it_stops(rig: Rig) -> None:
    assert rig.surface.clock_line() is None
    period, began = 60 / 128 / 24, clock.now()
    rig.ports.play([START])
    for n in range(72):
        clock.sleep(began + n * period - clock.now())
        rig.ports.play([CLOCK], delta=period if n else 0.0)
    wait(lambda: rig.surface.clock_line() is not None)
    line = rig.surface.clock_line()
    assert line is not None
    assert line.bpm == pytest.approx(128.0, abs=4.0)
    assert line.beat_at(began + 71 * period) == pytest.approx(71 / 24, abs=0.25)
    wait(lambda: rig.surface.clock_line() is None)
    assert rig.surface.health().received == 0, "a clock is no hand"


def test_a_driver_that_fails_is_survived(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> list[str]:
        raise SystemError("the server is gone")

    monkeypatch.setattr(rig.ports, "inputs", failing)
    clock.sleep(0.6)
    assert rig.after([ON, 4, 100]) == [("/tempo/tap", ())]

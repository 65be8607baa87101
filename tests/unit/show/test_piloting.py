"""The autopilot's settings in the show document: moved by their addresses, kept in snapshots, in range."""

from __future__ import annotations

import pytest

from phosphene.engine.show.document import Document, restore, snapshot
from phosphene.engine.show.piloting import PILOTING, Piloting
from tests.unit.show.test_document import CATALOGUE, SETLIST, Stage


def test_its_addresses_set_it() -> None:
    stage = Stage()
    assert stage.state.autopilot == PILOTING == Piloting()
    stage.send("/autopilot")
    for path, value in (("beats", 128.0), ("chance", 0.25), ("order", "tags"), ("return", 3), ("order", "nonsense")):
        stage.send(f"/autopilot/{path}", value)
    assert stage.state.autopilot == Piloting(True, 128.0, 0.25, "tags", 3)
    stage.send("/autopilot", 0)
    assert not stage.state.autopilot.on


def test_a_snapshot_holds_it_and_an_older_one_is_read() -> None:
    stage = Stage()
    stage.send("/autopilot", 1)
    stage.send("/autopilot/order", "shuffle")
    data = snapshot(stage.state)
    assert restore(data) == stage.state
    del data["autopilot"]
    assert restore(data).autopilot == PILOTING


TOO_MUCH = {"beats": 1e9, "chance": 9.0, "order": "up", "comes_back": 10**6}
TOO_LITTLE = {"beats": -1.0, "chance": -3.0, "comes_back": -4}


@pytest.mark.parametrize("written", [TOO_MUCH, TOO_LITTLE])
def test_what_a_file_says_is_brought_into_range(written: dict[str, object]) -> None:
    data = snapshot(Stage().state)
    data["autopilot"] |= written
    found = Document(CATALOGUE, SETLIST).fitted(restore(data)).autopilot
    assert 32.0 <= found.beats <= 1024.0
    assert 0.0 <= found.chance <= 1.0
    assert 0 <= found.comes_back <= 64
    assert found.order == "list"


def test_a_cue_is_called_by_its_number() -> None:
    stage = Stage()
    stage.send("/cue/number", 2)
    stage.seconds(1.0)
    assert (stage.state.scene, stage.state.cue) == ("s3", 1)
    stage.send("/cue/number", 3)
    assert stage.state.message == "there is no cue 3: the last one is 2"
    stage.send("/cue/go")
    assert stage.state.message == "the setlist is over"

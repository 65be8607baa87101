"""What every control surface keeps, whoever is at the other side: nobody, somebody who floods, somebody who vanishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.control.server import OscServer
from phosphene.engine.control.surface import Surface
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.desk.server import DeskServer
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.setlist import EMPTY
from tests.fake_midi import FakePorts

Make = Callable[[Table, ControlBus], Surface]

SURFACES: dict[str, Make] = {
    "osc": lambda table, bus: OscServer(table, bus, port=0, port_out=9),
    "desk": lambda table, bus: DeskServer(table, bus, DeskLibrary(Catalogue((), {}, ()), EMPTY), Namespace(table), port=0),
    "midi": lambda table, bus: MidiSurface(table, bus, ports=FakePorts()),
}


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> Iterator[Surface]:
    made = SURFACES[request.param](build_table({}, ()), ControlBus())
    yield made
    made.close()


def test_it_says_who_it_is_and_counts_from_zero(surface: Surface) -> None:
    told = surface.health()
    assert told.name == surface.name
    assert told.where
    assert (told.received, told.rejected, told.dropped, told.error) == (0, 0, 0, "")


def test_nobody_wants_state_before_somebody_is_there(surface: Surface) -> None:
    assert not surface.wants_state


def test_state_is_taken_without_waiting_whether_somebody_is_there_or_not(surface: Surface) -> None:
    values = {f"/deck/a/{i}": (float(i),) for i in range(200)}
    took = []
    for _ in range(50):
        began = clock.now()
        surface.publish(values)
        took.append(clock.now() - began)
    assert sorted(took)[len(took) // 2] < 1e-3  # the median: another program may have had the processor


def test_it_ends_at_once_and_twice(surface: Surface) -> None:
    began = clock.now()
    surface.close()
    surface.close()
    assert clock.now() - began < 2.0

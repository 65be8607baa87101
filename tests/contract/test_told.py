"""What can be set is told: a page that is opened in mid-show sees every value as it is, not as it was at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from phosphene.engine.app.offline import offline_stage
from phosphene.engine.app.pipeline import render_frame
from phosphene.engine.app.recording import Recording
from phosphene.engine.app.screen import Screen
from phosphene.engine.app.surfaces import Surfaces
from phosphene.engine.app.take_state import StageSnapshots
from phosphene.engine.app.telemetry import state_values
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.audio.supervisor import Supervisor
from phosphene.engine.compositor.export_pass import Export
from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.control.oscquery import Namespace
from phosphene.engine.control.surface import Args
from phosphene.engine.control.table import LISTEN, TOKEN, build_table
from phosphene.engine.core.frame import Size
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.output.base import Display
from phosphene.engine.show.act_edits import EDITS
from tests.fake_midi import FakePorts

# What acts and keeps no value of its own, and so nothing is told of it.
ACTS = {
    "/crossfade/to": "moves /crossfade, which is told",
    "/scene/number": "calls a scene, which is told by its name",
    "/tempo/nudge": "a push",
    "/tempo/multiply": "changes the tempo, which is told",
    "/midi/answer": "answers /state/midi/question, which is told",
    "/midi/forget": "takes a mapping of a controller away",
    **{f"/deck/{deck}/{verb}": "of one act of several: pages have the document `acts`" for deck in "ab" for verb in EDITS},
    "/deck/a/map": "one of a list: pages have the document `mappings`",
    "/deck/b/map": "one of a list: pages have the document `mappings`",
    "/deck/a/map_acts": "one of a list: pages have the document `mappings`",
    "/deck/b/map_acts": "one of a list: pages have the document `mappings`",
    "/deck/a/unmap": "one of a list: pages have the document `mappings`",
    "/deck/b/unmap": "one of a list: pages have the document `mappings`",
    "/scene/save": "writes a file: /state/saved tells what came of it",
    LISTEN: "asks for the state itself",
}


@pytest.fixture(scope="module")
def table() -> Table:
    catalogue = show_catalogue()
    return build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions)


@pytest.fixture(scope="module")
def told(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Args]:
    """What clients are told after the first frame of a show with a controller."""
    source, size, fps = FileAnalysis(demo_track().pcm[:SAMPLE_RATE]), Size(64, 36), Fraction(24)
    folder: Path = tmp_path_factory.mktemp("takes")
    with offline_stage(source, None, size, fps, Export()) as stage:
        recording = Recording(source, size, fps, folder, {}, stage.say, StageSnapshots(stage))
        render_frame(stage)
        assert stage.signals is not None
        values = state_values(stage, stage.signals, recording, "")
        of_the_display: list[Callable[[], Mapping[str, Args]]] = []
        listening = cast(Surfaces, SimpleNamespace(also_tell=of_the_display.append))
        Screen(cast(Display, SimpleNamespace(name="headless")), stage, recording, listening)
        values |= of_the_display[0]()
        recording.close()
    midi = MidiSurface(table, ControlBus(), ports=FakePorts())
    try:
        return values | midi.told()
    finally:
        midi.close()


@pytest.mark.gl
def test_every_address_that_can_be_set_tells_its_value(table: Table, told: Mapping[str, Args]) -> None:
    settable = {path: address for path, address in table.inputs.items() if address.arguments and path not in ACTS}
    silent = [path for path, address in settable.items() if (address.told_as or path) not in told]
    assert silent == []


@pytest.mark.gl
def test_every_address_that_is_sent_is_told_and_nothing_else_is(table: Table, told: Mapping[str, Args]) -> None:
    sent = {path for path, address in table.addresses.items() if address.output} - {TOKEN}  # that one is a client's own
    assert sent - set(told) == set()
    assert set(told) - set(table.addresses) == set()
    for path, args in told.items():
        least = sum(not argument.optional for argument in table.addresses[path].arguments)
        assert least <= len(args) <= len(table.addresses[path].arguments), path


def test_what_only_acts_is_in_the_table(table: Table) -> None:
    assert set(ACTS) - set(table.inputs) == set()


@pytest.mark.gl
def test_an_oscquery_client_reads_the_value_of_all_that_can_be_set(table: Table, told: Mapping[str, Args]) -> None:
    tree = Namespace(table)
    tree.publish(told)
    buttons = {"/midi/learn"}  # to such a client, for its argument may be left out
    asked = [path for path, address in table.inputs.items() if address.arguments and path not in ACTS]
    assert {path for path in asked if tree.value(path) is None} == buttons


def test_the_gain_is_what_was_set_before_and_after_there_is_sound() -> None:
    source = Supervisor("demo", gain=2.5)
    try:
        assert source.health().gain == 2.5
        source.set_gain(0.5)
        assert source.health().gain == 0.5
    finally:
        source.close()

"""What lights show, what is sent for it, and when nothing is."""

from __future__ import annotations

import pytest

from phosphene.engine.control.midi.lights import MOST_AT_ONCE, Lights
from phosphene.engine.control.midi.mapping import Control, ControlEntry, checked
from phosphene.engine.control.midi.messages import Key
from phosphene.engine.control.table import build_table
from phosphene.engine.core.params import Param

TABLE = build_table({}, (Param("zoom", "Zoom", 0.25, 4.0, 1.0),))


def control(text: str, address: str, **keys: object) -> Control:
    return checked(ControlEntry.model_validate({"input": text, "address": address, **keys}), TABLE, "test")


@pytest.mark.parametrize(
    ("made", "values", "sent"),
    [
        (control("cc 1 16", "/master"), {"/master": (1.0,)}, [(0xB0, 16, 127)]),
        (control("cc 1 16", "/deck/a/zoom"), {"/deck/a/zoom": (0.25,)}, [(0xB0, 16, 0)]),
        (control("cc 1 16", "/master", invert=True), {"/master": (1.0,)}, [(0xB0, 16, 0)]),
        (control("cc 1 16", "/master", on=10, off=2), {"/master": (0.5,)}, [(0xB0, 16, 6)]),
        (control("cc 1 16", "/master", light="none"), {"/master": (1.0,)}, []),
        (control("cc 1 16", "/master", light="note 2 5"), {"/master": (1.0,)}, [(0x91, 5, 127)]),
        (control("cc14 1 2", "/master"), {"/master": (1.0,)}, [(0xB0, 2, 127), (0xB0, 34, 127)]),
        (control("bend 3", "/master"), {"/master": (0.0,)}, [(0xE2, 0, 0)]),
        (control("cc 1 16", "/audio/gain"), {"/master": (1.0,)}, []),
        (control("note 1 5", "/blackout"), {"/blackout": (1,)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/blackout"), {"/blackout": (0,)}, [(0x90, 5, 0)]),
        (control("note 1 5", "/record"), {"/state/recorder/on": (1,)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/tempo/tap"), {}, [(0x90, 5, 0)]),
        (control("note 1 5", "/scene", arguments=["b"]), {"/state/scene": ("b",)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/scene", arguments=["b"]), {"/state/scene": ("a",)}, [(0x90, 5, 0)]),
        (control("note 1 5", "/scene/number", arguments=[2]), {"/state/scene": ("b",)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/scene/number", arguments=[9]), {"/state/scene": ("b",)}, [(0x90, 5, 0)]),
        (control("note 1 5", "/deck/b/style", arguments=["x"]), {"/state/deck/b/style": ("x",)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/master", arguments=[0.5]), {"/master": (0.5,)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/master", button="toggle"), {"/master": (1.0,)}, [(0x90, 5, 127)]),
        (control("note 1 5", "/crossfade/kind", arguments=["cut"]), {"/crossfade/kind": ("cut",)}, [(0x90, 5, 127)]),
    ],
)
def test_a_light_shows_what_its_control_plays(made: Control, values: dict, sent: list) -> None:
    lights = Lights([made], ("a", "b"))
    assert lights.due(values, 0.0) == sent
    assert lights.due(values, 1.0) == [], "only what changed is sent"


def test_a_scene_that_is_coming_blinks_slower_than_three_flashes_a_second() -> None:
    lights = Lights([control("note 1 5", "/scene", arguments=["b"])])
    values = {"/state/scene": ("a",), "/state/pending": ("b",)}
    sent = [message for i in range(300) for message in lights.due(values, i / 100)]
    assert len([m for m in sent if m[2] == 127]) == 6, "in three seconds"


def test_a_control_in_the_hand_is_left_alone_and_then_told() -> None:
    lights = Lights([control("cc 1 16", "/master")])
    values = {"/master": (0.5,)}
    assert lights.due(values, 0.0)
    lights.moved(Key("cc", 1, 16), 1.0)
    assert lights.due({"/master": (0.9,)}, 1.2) == []
    assert lights.due({"/master": (0.9,)}, 1.26) == [(0xB0, 16, 114)]


def test_a_burst_is_bounded_and_the_rest_follows() -> None:
    controls = [control(f"cc {channel} {n}", "/master") for channel in range(1, 4) for n in range(100)]
    lights = Lights(controls)
    first = lights.due({"/master": (0.5,)}, 0.0)
    assert len(first) == MOST_AT_ONCE
    assert len(set(first + lights.due({"/master": (0.5,)}, 0.1))) == 300


def test_all_that_was_lit_goes_out_and_motors_stay() -> None:
    lights = Lights([control("cc 1 16", "/master"), control("note 1 5", "/blackout"), control("note 1 6", "/freeze", off=1)])
    lights.due({"/master": (1.0,), "/blackout": (1,), "/freeze": (1,)}, 0.0)
    assert lights.off() == [(0x90, 5, 0), (0x90, 6, 1)]

"""What a device name means. The list itself is real hardware's: tests/live."""

from __future__ import annotations

import pytest

from phosphene.engine.audio.devices import PULSE, InputDevice, find_input
from phosphene.engine.core.errors import UserError

INPUTS = [
    InputDevice("HDA Intel PCH: ALC892 Analog (hw:0,0)", 0, 2, 48_000.0, "ALSA", False),
    InputDevice("Scarlett 2i2 USB: Audio (hw:1,0)", 2, 2, 48_000.0, "ALSA", False),
    InputDevice("pulse", 4, 32, 44_100.0, "ALSA", False),
    InputDevice("default", 5, 32, 44_100.0, "ALSA", True),
    InputDevice("stage.monitor", 4, 2, 48_000.0, PULSE, False),
]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("default", "default"),
        ("", "default"),
        ("2", "Scarlett 2i2 USB: Audio (hw:1,0)"),
        ("4", "pulse"),
        ("scarlett", "Scarlett 2i2 USB: Audio (hw:1,0)"),
        ("PULSE", "pulse"),
        ("stage.monitor", "stage.monitor"),
        (" stage ", "stage.monitor"),
    ],
)
def test_index_name_and_part_of_a_name(spec: str, name: str) -> None:
    assert find_input(spec, INPUTS).name == name


def test_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(UserError) as caught:
        find_input("hw:", INPUTS)
    assert "0 HDA Intel" in str(caught.value)
    assert "2 Scarlett" in str(caught.value)
    assert "pulse" not in str(caught.value)


@pytest.mark.parametrize("spec", ["nothing like it", "17"])
def test_missing_name_lists_what_there_is(spec: str) -> None:
    with pytest.raises(UserError) as caught:
        find_input(spec, INPUTS)
    assert spec in str(caught.value)
    assert "stage.monitor" in str(caught.value)


def test_no_inputs_at_all_has_a_remedy() -> None:
    with pytest.raises(UserError, match="demo"):
        find_input("default", [])


def test_same_hardware_behind_several_host_apis_is_one_device() -> None:
    twice = [
        InputDevice("Line In", 1, 2, 44_100.0, "MME", True),
        InputDevice("Line In", 9, 2, 48_000.0, "Windows WASAPI", False),
    ]
    assert find_input("line", twice).kind == "Windows WASAPI"

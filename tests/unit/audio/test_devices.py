"""What a device name means. The list itself is real hardware's: tests/live."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from phosphene.engine.audio import capture as capture_module
from phosphene.engine.audio import devices as devices_module
from phosphene.engine.audio.devices import PULSE, InputDevice, find_input, list_inputs, one_each
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


# What PortAudio lists on Windows for two cards: every one four times, with MME first, names cut and put together otherwise.
HOSTS = ["MME", "Windows DirectSound", "Windows WASAPI", "Windows WDM-KS"]
FOCUSRITE, MICROPHONE = "Analogue 1 + 2 (Focusrite USB Audio)", "Microphone Array (Intel Smart Sound)"
ON_WINDOWS = [
    ("Microsoft Sound Mapper - Input", 0),
    (FOCUSRITE[:31], 0),
    (MICROPHONE[:31], 0),
    ("Primary Sound Capture Driver", 1),
    (FOCUSRITE, 1),
    (MICROPHONE, 1),
    (FOCUSRITE, 2),
    (MICROPHONE, 2),
    ("Analogue 1 + 2 (Focusrite USB Audio Wave)", 3),
    ("Microphone Array 1 ()", 3),
]


@pytest.fixture
def windows(monkeypatch):
    """PortAudio as it answers on Windows."""

    class Stream:
        def __init__(self, **given):
            self.given = given

    devices = [
        {"name": name, "index": i, "hostapi": host, "max_input_channels": 2, "default_samplerate": 44_100.0}
        for i, (name, host) in enumerate(ON_WINDOWS)
    ]
    hosts = [
        {"name": name, "default_input_device": next(d["index"] for d in devices if d["hostapi"] == i)}
        for i, name in enumerate(HOSTS)
    ]
    fake = SimpleNamespace(
        query_hostapis=lambda index=None: hosts if index is None else hosts[index],
        query_devices=lambda index=None: devices if index is None else devices[index],
        InputStream=Stream,
        WasapiSettings=lambda auto_convert: f"auto_convert={auto_convert}",
        PortAudioError=OSError,
    )
    for module in (devices_module, capture_module):
        monkeypatch.setattr(module, "import_sounddevice", lambda: fake)


@pytest.mark.parametrize("spec", ["Focusrite", "analogue 1", FOCUSRITE])
def test_part_of_a_name_means_one_card_on_windows(windows, spec):
    found = find_input(spec)
    assert (found.name, found.kind) == (FOCUSRITE, "Windows WASAPI")


def test_the_default_on_windows_is_the_fast_host_api(windows):
    assert find_input("default").kind == "Windows WASAPI"
    assert find_input("0").kind == "MME"  # by number whoever wants it can have it


def test_windows_lists_every_card_once(windows):
    assert [d.name for d in one_each(list_inputs())] == [FOCUSRITE, MICROPHONE]


def test_a_card_at_another_rate_is_converted_by_windows(windows):
    wasapi = capture_module.Capture(FOCUSRITE, 6, None)._stream.given
    assert wasapi["samplerate"] == 48_000
    assert wasapi["extra_settings"] == "auto_convert=True"
    assert "extra_settings" not in capture_module.Capture(FOCUSRITE, 4, None)._stream.given


def refusing(monkeypatch, own: float, *accepted: int) -> None:
    """PortAudio with one device whose own rate is `own`, and which opens at `accepted` rates alone."""

    def open_stream(**given):
        if given["samplerate"] not in accepted:
            raise OSError("Invalid sample rate")
        return SimpleNamespace(given=given)

    fake = SimpleNamespace(
        query_hostapis=lambda index=None: {"name": "ALSA"},
        query_devices=lambda index=None: {"max_input_channels": 2, "default_samplerate": own, "hostapi": 0},
        InputStream=open_stream,
        PortAudioError=OSError,
    )
    monkeypatch.setattr(capture_module, "import_sounddevice", lambda: fake)


@pytest.mark.parametrize(("own", "block"), [(44_100.0, 235), (96_000.0, 512), (8_000.0, 42)])
def test_a_device_that_refuses_48_khz_is_captured_at_its_own_rate_and_that_is_said(monkeypatch, own, block):
    refusing(monkeypatch, own, round(own))
    said: list[str] = []
    given = capture_module.Capture("card", 0, None, said.append)._stream.given
    assert (given["samplerate"], given["blocksize"]) == (own, block)
    assert said == [f"this input runs at {own / 1000:g} kHz: brought to 48 kHz"]


def test_a_device_that_takes_48_khz_is_asked_for_nothing_else(monkeypatch):
    refusing(monkeypatch, 44_100.0, 44_100, 48_000)
    said: list[str] = []
    given = capture_module.Capture("card", 0, None, said.append)._stream.given
    assert (given["samplerate"], given["blocksize"]) == (48_000, 256)
    assert said == []


@pytest.mark.parametrize(
    ("own", "tried"), [(44_100.0, "at 48 kHz or 44.1 kHz"), (48_000.0, "at 48 kHz"), (0.0, "at 48 kHz")]
)
def test_a_device_that_does_not_open_at_all_is_told_with_the_rates(monkeypatch, own, tried):
    refusing(monkeypatch, own)
    with pytest.raises(UserError, match=tried):
        capture_module.Capture("card", 0, None)

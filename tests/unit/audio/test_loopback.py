"""What Windows plays, as an input: listed, found by name, captured. `soundcard` is a stand-in: no Windows was there."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from phosphene.engine.audio import devices, loopback, process
from phosphene.engine.audio.devices import InputDevice, find_input, list_inputs
from phosphene.engine.audio.loopback import Loopback, advice, loudspeakers
from phosphene.engine.cli import inputs_command
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE


class Recorder:
    """Gives blocks of odd sizes: frame n holds n on the left, -n on the right. fails_after: blocks until it is unplugged."""

    def __init__(self, channels: int, fails_after: int = 10**9) -> None:
        self.channels, self.left, self.at, self.open = channels, fails_after, 0, False

    def __enter__(self) -> Recorder:
        self.open = True
        return self

    def __exit__(self, *given: object) -> None:
        if self.left <= 0:
            raise RuntimeError("Error 0x88890004")
        self.open = False

    def record(self, numframes: int | None = None) -> np.ndarray:
        assert numframes is None, "a number of frames would be waited for"
        assert self.open
        self.left -= 1
        if self.left <= 0:
            raise RuntimeError("Error 0x88890004")
        n = (0, 480, 333)[self.left % 3]
        index = np.arange(self.at, self.at + n, dtype=np.float32)
        self.at += n
        return np.stack([index, -index, *[np.zeros(n, np.float32)] * (self.channels - 2)], 1)[:, : self.channels]


class Microphone:
    def __init__(self, name: str, id: str, channels: int = 2, isloopback: bool = True) -> None:
        self.name, self.id, self.channels, self.isloopback = name, id, channels, isloopback
        self.asked: dict[str, object] = {}
        self.stream = Recorder(channels)

    def recorder(self, samplerate: int, channels: int, blocksize: int) -> Recorder:
        self.asked = {"samplerate": samplerate, "channels": channels, "blocksize": blocksize}
        self.stream.channels = channels
        return self.stream


@pytest.fixture(name="windows")
def _windows(monkeypatch: pytest.MonkeyPatch) -> list[Microphone]:
    """A machine with two loudspeakers, the second of which is the default, and a microphone."""
    found = [Microphone("HDMI", "{1}", 8), Microphone("Speakers (Realtek)", "{2}"), Microphone("Mic", "{3}", 1, False)]
    library = SimpleNamespace(
        all_microphones=lambda include_loopback: list(found) if include_loopback else found[2:],
        default_speaker=lambda: SimpleNamespace(id="{2}"),
    )
    monkeypatch.setitem(sys.modules, "soundcard", library)
    monkeypatch.setattr(loopback, "sys", SimpleNamespace(platform="win32"))
    sound = SimpleNamespace(
        query_hostapis=lambda: [{"name": "Windows WASAPI", "default_input_device": 0}],
        query_devices=lambda: [
            {"name": "Mic", "index": 0, "hostapi": 0, "max_input_channels": 1, "default_samplerate": 44_100.0}
        ],
    )
    monkeypatch.setattr(devices, "import_sounddevice", lambda: sound)
    return found


def test_loudspeakers_are_inputs_the_default_first(windows) -> None:
    assert [(d.name, d.kind, d.channels) for d in list_inputs()] == [
        ("Mic", "Windows WASAPI", 1),
        ("loopback: Speakers (Realtek)", "loopback", 2),
        ("loopback: HDMI", "loopback", 8),
    ]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("default", "Mic"),
        ("loopback", "loopback: Speakers (Realtek)"),
        ("Loopback: HDMI", "loopback: HDMI"),
        ("speakers", "loopback: Speakers (Realtek)"),
        ("0", "Mic"),
    ],
)
def test_they_are_found_by_name_and_never_by_chance(windows, spec: str, name: str) -> None:
    assert find_input(spec).name == name


def test_several_that_match_are_listed_without_a_number(windows) -> None:
    with pytest.raises(UserError, match="loopback: Speakers") as caught:
        find_input("loopback:")
    assert "-1" not in str(caught.value)


def test_the_command_lists_them(windows, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(loopback.importlib.util, "find_spec", lambda name: object())
    inputs_command.devices_command(as_json=True)
    assert '"loopback: Speakers (Realtek)"' in capsys.readouterr().out


class Worker:
    """Keeps hops; stops after so many."""

    def __init__(self, most: int) -> None:
        self.hops: list[np.ndarray] = []
        self.times: list[float] = []
        self.failed = threading.Event()
        self._most = most

    def take(self, hop: np.ndarray, t_adc: float, skipped: int = 0) -> None:
        self.hops.append(hop.copy())
        self.times.append(t_adc)
        if len(self.hops) == self._most:
            self.failed.set()


def test_the_audio_process_cuts_it_into_hops(windows) -> None:
    order = {"input": "loopback", "device": {"name": "loopback: HDMI", "kind": "loopback", "index": -1}, "channels": None}
    source = process._open(order, lambda **line: None)
    assert isinstance(source, Loopback)
    assert windows[0].asked == {"samplerate": SAMPLE_RATE, "channels": 2, "blocksize": HOP}
    worker, stop = Worker(20), threading.Event()
    with source:
        source.wait_for_sound(stop)
        source.run(worker, stop, 0.0)
        assert windows[0].stream.open
    assert not windows[0].stream.open
    heard = np.concatenate(worker.hops)
    assert heard.shape == (20 * HOP, 2)
    np.testing.assert_array_equal(np.diff(heard[:, 0]), 1.0)
    np.testing.assert_array_equal(heard[:, 1], -heard[:, 0])
    assert worker.times == sorted(worker.times)


def test_channels_are_counted_from_one_and_checked(windows) -> None:
    assert Loopback("loopback: HDMI", (7, 8))._hops.channels == 8
    with pytest.raises(UserError, match="no such channels"):
        Loopback("loopback: Speakers (Realtek)", (3, 4))


def test_one_that_is_unplugged_ends_with_a_reason(windows) -> None:
    windows[1].stream = Recorder(2, fails_after=4)
    with pytest.raises(UserError, match="the loudspeaker stopped"), Loopback("loopback: Speakers (Realtek)", None) as source:
        source.run(Worker(10**6), threading.Event(), 0.0)


def test_one_that_went_away_or_does_not_open_is_told(windows, monkeypatch) -> None:
    with pytest.raises(UserError, match="this loudspeaker is gone"):
        Loopback("loopback: Headphones", None)
    monkeypatch.setattr(windows[1], "recorder", lambda *given, **more: (_ for _ in ()).throw(AssertionError("mix format")))
    with pytest.raises(UserError, match="cannot listen to this loudspeaker"):
        Loopback("loopback: Speakers (Realtek)", None)


def test_a_library_that_fails_hides_no_other_input(windows, monkeypatch) -> None:
    monkeypatch.setattr(
        sys.modules["soundcard"], "default_speaker", lambda: (_ for _ in ()).throw(RuntimeError("no device"))
    )
    assert [d.name for d in list_inputs()] == ["Mic"]
    monkeypatch.setitem(sys.modules, "soundcard", None)  # not installed
    assert [d.name for d in list_inputs()] == ["Mic"]


def test_who_asks_for_it_without_the_library_is_told_what_to_install(windows, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "soundcard", None)
    with pytest.raises(UserError, match=r"what Windows plays: .*install .*soundcard"):
        find_input("loopback")


@pytest.mark.parametrize(("names", "told"), [(["Built-in Microphone"], True), (["BlackHole 2ch"], False), ([], True)])
def test_a_mac_is_told_of_blackhole_unless_it_is_there(monkeypatch, names: list[str], told: bool) -> None:
    monkeypatch.setattr(loopback, "sys", SimpleNamespace(platform="darwin"))
    assert ("install BlackHole" in advice(names)) == told
    assert loudspeakers() == []
    with pytest.raises(UserError, match="install BlackHole"):
        find_input("loopback", [InputDevice("Built-in Microphone", 0, 1, 44_100.0, "Core Audio", True)])


def test_linux_has_its_monitor_sources_and_no_advice(monkeypatch) -> None:
    monkeypatch.setattr(loopback, "sys", SimpleNamespace(platform="linux"))
    assert advice() == ""
    assert loudspeakers() == []

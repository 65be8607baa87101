"""A private PulseAudio for the live tests: a daemon of our own with a null sink `stage`, reached through PortAudio.

Works as root in a container without a sound card: nothing of the machine's own sound server, home or ALSA set-up is used,
and nothing is left behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phosphene.tools.lab.sound_stage import PulseAudio
from tests.live.machine import TRIES, TooSlow

_HERE = Path(__file__).parent
_WAIT_S = 5  # before the next try: long enough for what disturbed the last one to end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that was too slow is run again; any other failure is one at once, unless the test itself says otherwise."""
    again = pytest.mark.flaky(reruns=TRIES - 1, reruns_delay=_WAIT_S, only_rerun=[TooSlow.__name__])
    for item in items:
        if item.path.is_relative_to(_HERE) and item.get_closest_marker("flaky") is None:
            item.add_marker(again)


@pytest.fixture(scope="session")
def pulse_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseAudio]:
    """The daemon, once for all live tests."""
    missing = [name for name in ("pulseaudio", "pactl", "paplay") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed (apt-get install pulseaudio pulseaudio-utils)")
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"no PortAudio: {error} (apt-get install libportaudio2)")
    # Sockets have short names: a deep temporary folder would not fit in the 108 bytes of one.
    daemon = PulseAudio(tmp_path_factory.mktemp("pa"))
    yield daemon
    daemon.stop()


@pytest.fixture
def pulseaudio(pulse_daemon: PulseAudio, monkeypatch: pytest.MonkeyPatch) -> PulseAudio:
    """A daemon with its sink, as this test's sound server: PortAudio's default input is `stage.monitor`."""
    for name, value in pulse_daemon.environment.items():
        monkeypatch.setenv(name, value)
    pulse_daemon.load_sink()
    return pulse_daemon

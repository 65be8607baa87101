"""Which inputs are there, and which one does a name mean? For `vj devices`, the supervisor and the audio process.

May take 100 ms (PortAudio opens every device to ask it) and PortAudio reads the device list once per process: whoever
wants to see a change asks in a new process, which is what `python -P -m phosphene.engine.audio.devices SPEC` is for.
PortAudio shows PulseAudio or PipeWire as one device; their sources are listed beside it, each usable by name. So is what
Windows plays, as `loopback: Speakers`; `loopback` alone is the default loudspeaker's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import ModuleType

from phosphene.engine.audio import loopback
from phosphene.engine.core.child import find_program
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install_packages
from phosphene.engine.core.signals import SAMPLE_RATE

DEFAULT = "default"
PULSE = "PulseAudio"
_PULSE_DEVICES = ("pulse", "pipewire", "default")  # ALSA devices that lead to the sound server, in order of preference
# The same hardware shows up once per host API on Windows, under names that are cut at 31 letters (MME) or put together
# otherwise (WDM-KS); the first of these that has it is meant. MME, which PortAudio calls the default, adds 100 ms and more.
_HOSTS = ("Windows WASAPI", "Core Audio", "ALSA", "JACK Audio Connection Kit", PULSE)
WASAPI = _HOSTS[0]
ALL = "--all"  # of `main`
_OTHER_WINDOWS_HOSTS = ("MME", "Windows DirectSound", "Windows WDM-KS")


@dataclass(frozen=True)
class InputDevice:
    """One input. kind: the host API.

    index: PortAudio's; for a PulseAudio source that of the device that leads to it; -1 for a loudspeaker's loopback.
    """

    name: str
    index: int
    channels: int
    default_rate: float
    kind: str
    is_default: bool


def list_inputs() -> list[InputDevice]:
    """Return every input, PortAudio's, then the sound server's sources or loopbacks. Raises UserError without PortAudio."""
    sounddevice = import_sounddevice()
    hosts = sounddevice.query_hostapis()
    defaults = [h for h in hosts if h["default_input_device"] >= 0]
    default = min(defaults, key=lambda h: _rank(h["name"]))["default_input_device"] if defaults else -1
    found = [
        InputDevice(
            name=device["name"],
            index=device["index"],
            channels=device["max_input_channels"],
            default_rate=device["default_samplerate"],
            kind=hosts[device["hostapi"]]["name"],
            is_default=device["index"] == default,
        )
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]
    gate = next((d for name in _PULSE_DEVICES for d in found if d.kind == "ALSA" and d.name == name), None)
    if gate is not None:
        found += [InputDevice(name, gate.index, n, rate, PULSE, False) for name, n, rate in _pulse_sources()]
    return found + [
        InputDevice(name, -1, n, float(SAMPLE_RATE), loopback.KIND, False) for name, n in loopback.loudspeakers()
    ]


def find_input(spec: str, inputs: Sequence[InputDevice] | None = None) -> InputDevice:
    """Return the input that `spec` means: `default`, an index, a name, or a part of one. Raises UserError."""
    inputs = list_inputs() if inputs is None else inputs
    if not inputs:
        raise UserError("no audio input", remedy="plug one in, or use --input demo")
    wanted = spec.strip().lower()
    if wanted in ("", DEFAULT):
        matches = [d for d in inputs if d.is_default] or list(inputs[:1])
    elif wanted.isdigit():
        matches = [d for d in inputs if d.index == int(wanted) and d.kind != PULSE]
    elif wanted == loopback.KIND:
        matches = [d for d in inputs if d.kind == loopback.KIND][:1]  # the default loudspeaker's
    else:
        matches = [d for d in inputs if d.name.lower() == wanted] or [d for d in inputs if wanted in d.name.lower()]
    if not wanted.isdigit():
        matches = one_each(matches)
    names = {d.name for d in matches}
    if len(names) == 1:
        return min(matches, key=lambda d: _rank(d.kind))
    by_name = (PULSE, loopback.KIND)
    listing = ", ".join(d.name if d.kind in by_name else f"{d.index} {d.name}" for d in (matches or inputs))
    if names:
        raise UserError("more than one audio input matches", allowed=listing, got=spec, remedy="give more of the name")
    remedy = (wanted.startswith(loopback.KIND) and loopback.advice()) or "see vj devices"
    raise UserError("no such audio input", allowed=listing, got=spec, remedy=remedy)


def one_each(inputs: Sequence[InputDevice]) -> list[InputDevice]:
    """Return the inputs without those of Windows' older host APIs, where WASAPI has any: it is the same hardware."""
    newest = any(d.kind == WASAPI for d in inputs)
    return [d for d in inputs if not (newest and d.kind in _OTHER_WINDOWS_HOSTS)]


def _rank(host: str) -> int:
    return _HOSTS.index(host) if host in _HOSTS else len(_HOSTS)


def silent_line() -> str:
    """Return what is to be said of a device that gives nothing but zeros, which no open line does."""
    muted = "nothing but zeros for 5 s: a channel that is muted, or not the right one (--channels, vj devices)"
    if sys.platform == "darwin":
        return f"{muted}; or the terminal may not use the microphone: System Settings, Privacy & Security, Microphone"
    return muted


def import_sounddevice() -> ModuleType:
    """Return the module `sounddevice`. Raises UserError with the remedy where PortAudio is missing or does not start."""
    try:
        import sounddevice
    except OSError as error:
        remedy = "apt-get install libportaudio2" if sys.platform.startswith("linux") else "reinstall the sounddevice package"
        raise UserError("PortAudio does not load", got=error, remedy=remedy) from error
    except ImportError as error:
        raise UserError("sounddevice is not installed", got=error, remedy=install_packages(["sounddevice"])) from error
    return sounddevice


def _pulse_sources() -> list[tuple[str, int, float]]:
    """Return (name, channels, rate) of the sound server's sources; empty where there is no server or no `pactl`."""
    pactl = find_program("pactl")
    if pactl is None:
        return []
    try:
        run = subprocess.run([pactl, "list", "short", "sources"], capture_output=True, text=True, timeout=2.0, check=True)
    except (subprocess.SubprocessError, OSError, UnicodeDecodeError):
        return []
    sources = []
    for line in run.stdout.splitlines():  # index, name, driver, "s16le 2ch 48000Hz", state
        fields = line.split("\t")
        if len(fields) >= 4:
            sample_spec = fields[3].split()
            sources.append((fields[1], int(sample_spec[1].removesuffix("ch")), float(sample_spec[2].removesuffix("Hz"))))
    return sources


def main(arguments: Sequence[str]) -> int:
    """Look for the input `arguments[0]` with fresh eyes and write one line of JSON: {"device": ...} or {"error": ...}.

    With `arguments[1] == "or-default"` an input that is not there is replaced by the default: both keys are given.
    With `ALL` in its place, the names of all that are there: {"names": [...]}.
    """
    answer: dict[str, object] = {}
    try:
        inputs = list_inputs()
        if arguments[0] == ALL:
            sys.stdout.write(json.dumps({"names": [device.name for device in one_each(inputs)]}) + "\n")
            return 0
        try:
            answer["device"] = asdict(find_input(arguments[0], inputs))
        except UserError as error:
            answer["error"] = str(error)
            if "or-default" in arguments[1:] and inputs:
                answer["device"] = asdict(find_input(DEFAULT, inputs))
    except UserError as error:
        answer["error"] = str(error)
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""MIDI ports of this system, through python-rtmidi: the only place that knows it. Called on the surface's thread.

A port that was unplugged stays deaf when it comes back, also when it is closed and opened again: so nothing is opened twice,
each opening makes a new object. What comes in waits in RtMidi's own queue, with the driver's times, until it is asked for.
Not a callback: that runs Python on RtMidi's thread, and takes the interpreter from the picture, once for each message.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.engine.core.extras import install

_log = RateLimitedLog(logging.getLogger(__name__))

CLIENT = "phosphene"  # what our own ports are called, for other programs; ours are never listened to
_SEQUENCER = Path("/dev/snd/seq")
_APIS = {"alsa": "API_LINUX_ALSA", "jack": "API_UNIX_JACK", "coremidi": "API_MACOSX_CORE", "windows": "API_WINDOWS_MM"}
_QUEUE = 16_384  # messages that RtMidi holds: of more it complains on the terminal, and 1024 are a flood's 10 ms
Heard = tuple[Sequence[int], float]  # the bytes of a message, and the seconds since the last one, by the driver


class Input(Protocol):
    """An open input."""

    def messages(self) -> Iterator[Heard]:
        """What has come since the last call, oldest first; it never waits."""
        ...

    def close(self) -> None: ...


class Output(Protocol):
    """An open output."""

    def send(self, message: Sequence[int]) -> None: ...

    def close(self) -> None: ...


class Ports(Protocol):
    """What can be plugged in. Names as the system has them, equal ones as often as they are there."""

    def inputs(self) -> list[str]: ...

    def outputs(self) -> list[str]: ...

    def open_input(self, name: str, index: int) -> Input:
        """Open the `index`-th input of that name. Raises UserError."""
        ...

    def open_output(self, name: str, index: int) -> Output:
        """Open the `index`-th output of that name. Raises UserError."""
        ...

    def close(self) -> None: ...


def refusal() -> str:
    """Return why there is no MIDI here, "" where there is. Opens nothing."""
    if importlib.util.find_spec("rtmidi") is None:
        return f"not installed (optional: {install('midi')})"
    if chosen_api() is None and sys.platform == "linux" and not _SEQUENCER.exists():
        return f"this system has no MIDI: {_SEQUENCER} is missing (as root: modprobe snd-seq)"
    return ""


def chosen_api() -> str | None:
    """Return the interface that $PHOSPHENE_MIDI_API names (`jack`), None for the system's own."""
    return _APIS.get(os.environ.get("PHOSPHENE_MIDI_API", "").lower())


class RtMidiPorts:
    """The real ones. Raises UserError where there is no MIDI: nothing of ALSA's is touched then, which would print."""

    def __init__(self) -> None:
        if reason := refusal():
            raise UserError("no MIDI", got=reason)
        import rtmidi  # 13 ms

        self._rtmidi: Any = rtmidi
        self._api = getattr(rtmidi, chosen_api() or "API_UNSPECIFIED")
        try:
            self._in, self._out = self._made("MidiIn"), self._made("MidiOut")
        except Exception as error:  # boundary: RtMidi raises SystemError and kinds of its own
            raise UserError("no MIDI", got=error, remedy="vj doctor says more") from error

    def inputs(self) -> list[str]:
        """Return the names of what can be heard."""
        return [str(name) for name in self._in.get_ports()]

    def outputs(self) -> list[str]:
        """Return the names of what can be sent to."""
        return [str(name) for name in self._out.get_ports()]

    def open_input(self, name: str, index: int) -> Input:
        """Open an input."""
        port = self._made("MidiIn", queue_size_limit=_QUEUE)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        return self._opened(port, name, index, "in")

    def open_output(self, name: str, index: int) -> Output:
        """Open an output."""
        return self._opened(self._made("MidiOut"), name, index, "out")

    def close(self) -> None:
        """Let go of what lists the ports."""
        self._in.delete()
        self._out.delete()

    def _made(self, kind: str, **more: int) -> Any:
        port = getattr(self._rtmidi, kind)(self._api, name=CLIENT, **more)
        port.set_error_callback(lambda code, text, _: _log.warning("rtmidi", f"MIDI: {text}"))
        return port

    def _opened(self, port: Any, name: str, index: int, own: str) -> _RtMidiPort:
        places = [i for i, each in enumerate(port.get_ports()) if each == name]
        try:
            if index >= len(places):
                raise UserError("the MIDI device is gone", where=name)
            port.open_port(places[index], own)
            if not port.is_port_open():
                raise UserError("the MIDI device cannot be opened", where=name, remedy=_BUSY)
        except UserError:
            port.delete()
            raise
        except Exception as error:  # boundary: of any kind that RtMidi raises
            port.delete()
            raise UserError("the MIDI device cannot be opened", where=name, got=error, remedy=_BUSY) from error
        return _RtMidiPort(port)


_BUSY = "another program may have it: on Windows only one can"


class _RtMidiPort:
    """An input or an output: RtMidi's own refuses what it is not."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def send(self, message: Sequence[int]) -> None:
        self._port.send_message(message)

    def messages(self) -> Iterator[Heard]:
        for _ in range(_QUEUE):  # one that sends for ever must not hold us
            event = self._port.get_message()
            if event is None:
                return
            yield event

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close_port()
            port.delete()


def plain_name(name: str) -> str:
    """Return the name of a port without what changes when it is plugged in again, and without its client's where both say
    the same: `nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0` is `nanoKONTROL2 MIDI 1`.
    """
    name = re.sub(r" \d+:\d+$| \[\d+\]", "", name)
    if sys.platform == "win32":
        name = re.sub(r" \d+$", "", name)
    client, _, port = name.partition(":")
    return port.strip() if client and port.strip().startswith(client) else name.strip()


def is_a_device(name: str) -> bool:
    """Whether this port is somebody else's: not our own, and not the system's loop back to itself."""
    return not name.startswith((CLIENT, "Midi Through"))


def output_for(name: str, unit: int, outputs: Sequence[str]) -> tuple[str, int] | None:
    """Return the output of the device that has this input: its name, and which of that name.

    The very same name, or else the `unit`-th that is the same but for numbers, or else the only one of the same client.
    """
    if outputs.count(name) == 1:
        return name, 0
    wanted = plain_name(name)
    same = [i for i, each in enumerate(outputs) if plain_name(each) in (wanted, wanted.replace("capture", "playback"))]
    if len(same) >= unit:
        found = same[unit - 1]
        return outputs[found], outputs[:found].count(outputs[found])
    client = name.partition(":")[0]
    siblings = [each for each in outputs if ":" in name and each.partition(":")[0] == client]
    return (siblings[0], 0) if len(siblings) == 1 else None

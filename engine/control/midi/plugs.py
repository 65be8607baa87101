"""What is plugged in: looks for ports, opens what came, closes what went, sends to lights. Owned by the surface's thread."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from phosphene.engine.control.address import Table
from phosphene.engine.control.midi import files
from phosphene.engine.control.midi.device import Device
from phosphene.engine.control.midi.files import find_mapping
from phosphene.engine.control.midi.lights import Sent
from phosphene.engine.control.midi.ports import Input, Output, Ports, is_a_device, output_for, plain_name
from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError, one_line

_log = logging.getLogger(__name__)
_quiet = RateLimitedLog(_log)

_LOOKS_S = 0.5  # between two looks at the ports: 0.1 ms each
_AGAIN_S = 5.0  # until a port that could not be opened is tried again
_FILES_S = 2.0  # between two looks at the mapping files
_LONGEST = 200  # characters of a name; a device may say anything
_PACK = 16  # messages to lights between two rests of 1 ms: hands are heard in between


@dataclass(eq=False)
class Plug:
    """A device and its ports. outgoing: to its lights, still to be sent; refused_t: when the way there was not opened."""

    device: Device
    input: Input | None = None
    output: Output | None = None
    outgoing: deque[Sent] = field(default_factory=deque)
    refused_t: float = -1e9
    gone: bool = False


class Plugs:
    """say: takes what a person should know."""

    def __init__(self, ports: Ports, table: Table, scenes: Sequence[str], say: Callable[[str], None]) -> None:
        self._ports, self._table, self._scenes, self._say = ports, table, scenes, say
        self._all: dict[tuple[str, int], Plug] = {}
        self._failed: dict[tuple[str, int], float] = {}
        self._looked_t = self._files_t = -1e9
        self._files: object = None

    def __iter__(self) -> Iterator[Plug]:
        """Those that are there; also for other threads."""
        return iter(list(self._all.values()))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._all)

    def look(self, t: float) -> list[Device]:
        """Open what came and close what went, if it is time to look; return the devices that are gone."""
        if t - self._looked_t < _LOOKS_S:
            return []
        self._looked_t = t
        names = [name for name in self._ports.inputs() if is_a_device(name)]
        there = [(name, names[:i].count(name)) for i, name in enumerate(names)]
        gone = [self._all.pop(key) for key in list(self._all) if key not in there]
        for plug in gone:
            _log.info("MIDI: %s is gone", plug.device.title)
            _shut(plug)
        for key in there:
            if key not in self._all and t - self._failed.get(key, -1e9) >= _AGAIN_S:
                self._plug(*key, t)
        for plug in self._all.values():
            self.relight(plug)  # the way to its lights may come later than the device: two ports are two
        self._reread(t)
        return [plug.device for plug in gone]

    def heard(self) -> Iterator[tuple[Plug, Sequence[int], float]]:
        """What has come since the last call: from whom, the bytes, the seconds since its last one by the driver."""
        for plug in self._all.values():
            if plug.input is None:
                continue
            try:
                for data, delta in plug.input.messages():
                    yield plug, data, delta
            except Exception as error:  # noqa: BLE001 boundary: RtMidi raises kinds of its own for a device that is going
                _quiet.warning("heard", f"{plug.device.title} cannot be heard: {error}")

    def send(self) -> None:
        """Send the next few messages that lights wait for."""
        for plug in self._all.values():
            for _ in range(min(_PACK, len(plug.outgoing))):
                _send(plug, plug.outgoing.popleft())

    def relight(self, plug: Plug) -> None:
        """Open the way to the lights of a device, where its mapping has any."""
        if plug.output is not None or not plug.device.lights or clock.now() - plug.refused_t < _AGAIN_S:
            return
        name = next((name for (name, _), each in self._all.items() if each is plug), "")
        place = output_for(name, plug.device.unit, self._ports.outputs())
        if place is not None:
            try:
                plug.output = self._ports.open_output(*place)
            except UserError as error:
                plug.refused_t = clock.now()
                self._say(error.line())

    def close(self) -> None:
        """Put out all lights and close all ports."""
        for plug in self._all.values():
            plug.outgoing.clear()
            for i, message in enumerate(plug.device.lights.off(), 1):
                _send(plug, message)
                if i % _PACK == 0:
                    clock.sleep(0.001)
            _shut(plug)
        self._ports.close()

    def _plug(self, name: str, index: int, t: float) -> None:
        plain = one_line(plain_name(name))[:_LONGEST] or "MIDI device"
        taken = {each.device.unit for each in self._all.values() if each.device.name == plain}
        unit = next(n for n in range(1, len(taken) + 2) if n not in taken)
        device = Device(plain, unit, find_mapping(plain, unit, self._table), self._scenes)
        plug = Plug(device)
        try:
            plug.input = self._ports.open_input(name, index)
        except UserError as error:
            self._failed[(name, index)] = t
            self._say(error.line())
            return
        self._all[(name, index)] = plug
        controls = device.found.controls
        _log.info(
            "MIDI: %s, %s", device.title, f"{len(controls)} controls" if controls else "no mapping yet (vj midi learn)"
        )
        self.relight(plug)

    def _reread(self, t: float) -> None:
        """Take mapping files that were written meanwhile."""
        if t - self._files_t < _FILES_S:
            return
        self._files_t = t
        state, before = files.state_of_files(), self._files
        self._files = state
        if before is not None and state != before:
            for plug in self._all.values():
                plug.device.use(find_mapping(plug.device.name, plug.device.unit, self._table))
                self.relight(plug)


def _send(plug: Plug, message: Sent) -> None:
    if plug.output is None:
        return
    try:
        plug.output.send(message)
    except Exception as error:  # noqa: BLE001 boundary: RtMidi raises kinds of its own for a device that is going
        plug.outgoing.clear()
        _quiet.warning("lights", f"no lights on {plug.device.title}: {error}")


def _shut(plug: Plug) -> None:
    plug.gone = True
    for port in (plug.input, plug.output):
        try:
            if port is not None:
                port.close()
        except Exception as error:  # noqa: BLE001 boundary: what is unplugged may fail in any way
            _quiet.warning("close", f"closing {plug.device.title}: {error}")

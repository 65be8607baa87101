"""MIDI ports without a driver: plugged in, played, unplugged, and what was sent to their lights, kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from phosphene.engine.control.midi.ports import Heard
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError


class FakePort:
    def __init__(self, ports: FakePorts, name: str) -> None:
        self.name, self.open = name, True
        self.came: deque[Heard] = deque()
        self.sent: list[tuple[int, ...]] = []
        self._ports = ports

    def send(self, message: Sequence[int]) -> None:
        if not self.open:
            raise RuntimeError("closed")
        self.sent.append(tuple(message))

    def messages(self) -> Iterator[Heard]:
        while self.came:
            yield self.came.popleft()

    def close(self) -> None:
        self.open = False


class FakePorts:
    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.busy: set[str] = set()
        self.deaf: set[str] = set()  # that have no output
        self.opened: list[FakePort] = []
        self.lights: list[FakePort] = []
        self.closed = False

    def inputs(self) -> list[str]:
        return list(self.names)

    def outputs(self) -> list[str]:
        return [name for name in self.names if name not in self.deaf]

    def open_input(self, name: str, index: int) -> FakePort:
        if name in self.busy:
            raise UserError("the MIDI device cannot be opened", where=name)
        self.opened.append(FakePort(self, name))
        return self.opened[-1]

    def open_output(self, name: str, index: int) -> FakePort:
        self.lights.append(FakePort(self, name))
        return self.lights[-1]

    def close(self) -> None:
        self.closed = True

    def play(self, *messages: Sequence[int], name: str = "", delta: float = 0.0) -> None:
        """Send messages from the newest device that is open, or the newest of that name."""
        port = next(p for p in reversed(self.opened) if p.open and name in p.name)
        port.came.extend((list(message), delta) for message in messages)


def wait(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = clock.now() + seconds
    while not condition():
        assert clock.now() < end, "it did not come"
        clock.sleep(0.002)

"""A camera for tests that can be pulled out: libav's virtual one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import av

from phosphene.engine.core import clock
from phosphene.engine.core.media import open_device


class Plug:
    """A camera that can be pulled out: libav's test picture, 50 times a second while it is in."""

    def __init__(self) -> None:
        self.inside, self.opened, self.threads = True, 0, set[str]()

    def __call__(self) -> Plug:
        if not self.inside:
            raise FileNotFoundError(2, "No such file or directory")
        self.opened += 1
        return self

    def __enter__(self) -> Plug:
        return self

    def __exit__(self, *error: object) -> None: ...

    def decode(self, video: int) -> Iterator[av.VideoFrame]:
        with open_device("testsrc=size=128x72:rate=50", "lavfi", {}, (1.0, 1.0)) as container:
            for frame in container.decode(video=0):
                if not self.inside:
                    raise av.error.OSError(19, "No such device")
                self.threads.add(threading.current_thread().name)
                yield frame
                clock.sleep(0.02)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    ends = clock.now() + seconds
    while not true() and clock.now() < ends:
        clock.sleep(0.01)
    return true()

"""Frozen values that describe one frame. Made by a clock, read by everything that renders."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the show.

    index: slot number since the start; gaps are missed frames. time: show time in s, index / fps.
    t_present: when its photons leave, in s on the `clock.now()` line. dt: s since the previous frame.
    between: in a rerender, a picture between two frames of the show: what keeps buffers shows it and does not keep it.
    """

    index: int
    time: float
    t_present: float
    dt: float
    fps: float
    between: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A picture size in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def aspect(self) -> float:
        return self.width / self.height

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read `1280x720`. Raises ValueError with the text that was read."""
        parts = text.lower().split("x")
        if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 10 and int(p) > 0 for p in parts):
            raise ValueError(f"a size is WIDTHxHEIGHT in pixels, such as 1280x720; got {text[:40]!r}")
        return cls(int(parts[0]), int(parts[1]))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

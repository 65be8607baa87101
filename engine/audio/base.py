"""The seam between sound and show: what every audio source answers, live or from a file.

Called by the render loop and the recorder (main process); implemented by `supervisor.Supervisor` (live, over the audio
process) and `offline.FileAnalysis` (file time). One contract suite holds both. Nothing here touches a device.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from phosphene.engine.core.signals import HOP

if TYPE_CHECKING:
    from phosphene.engine.tempo.timeline import Timeline

# Raw input before gain, for the recorder: one record per hop, always two channels, full scale 1.
PCM = np.dtype(
    [
        ("t_adc", np.float64),  # s on the clock.now() line of the LAST sample (offline: file time)
        ("sample", np.int64),  # samples up to and including this hop; a jump over HOP is a gap in the capture
        ("pcm", np.float32, (HOP, 2)),
    ],
    align=True,
)


@dataclass(frozen=True)
class AudioHealth:
    """How the input is doing. state: "starting", "running" or "lost".

    source: the device or file that is really open (empty while there is none). hops, overflows (times that PortAudio
    lost input), clipped (samples at full scale) count since the show began, over all restarts. peak: raw input of the
    last hop, 0..1, before gain. gain: the factor on what is analysed, 0..16. callback_us: {"p50", "p99", "max"} of the
    work per hop. error: one line, empty if well. notes: lines about a sound that is odd, and heard all the same.
    """

    source: str = ""
    state: str = "starting"
    hops: int = 0
    overflows: int = 0
    restarts: int = 0
    clipped: int = 0
    peak: float = 0.0
    gain: float = 1.0
    callback_us: dict[str, float] = field(default_factory=lambda: {"p50": 0.0, "p99": 0.0, "max": 0.0})
    error: str = ""
    notes: tuple[str, ...] = ()


class AudioSource(Protocol):
    """What the show asks of sound. Every method returns at once; cursors start at 0 and are the caller's to keep."""

    def records(self, t: float) -> list[np.void]:
        """Return the newest FEATURES records up to about time `t`, oldest first (about 16; fewer at the start)."""
        ...

    def onsets_since(self, cursor: int) -> tuple[list[float], int]:
        """Return (musical times of the onsets flagged since `cursor`, on the t_adc line, and the next cursor)."""
        ...

    def timeline(self) -> Timeline | None:
        """Return the tracker's newest line; None until it has one."""
        ...

    def pcm_since(self, cursor: int) -> tuple[list[np.void], int, int]:
        """Return (PCM records from `cursor` on, the next cursor, how many were lost because they were read too late)."""
        ...

    def health(self) -> AudioHealth:
        """Return the state of the input."""
        ...

    def set_gain(self, gain: float) -> None:
        """Set the factor on what is analysed (not on what is recorded). Offline: UserError."""
        ...

    def set_input(self, name: str) -> None:
        """Ask for another input while the show runs: the old one goes on until that has sound. Offline: UserError."""
        ...

    def close(self) -> None:
        """Stop for good."""
        ...

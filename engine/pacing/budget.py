"""The frame budget: how long frames took, how far apart they were presented, how many slots were missed.

Written by the render thread once a frame; read by the HUD and the report. Never reads the clock: it is given times.
"""

from __future__ import annotations

from phosphene.engine.core.metrics import Distribution


class FrameBudget:
    """`fps`: the target. Times in s in, ms out."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.frames = 0
        self.missed = 0
        self.frame_ms = Distribution()
        self.gap_ms = Distribution()
        self.gpu_ms = Distribution()
        self._presented: float | None = None

    def close(self, render_s: float, t_presented: float, missed: int = 0, gpu_ms: float = 0.0) -> None:
        """Account for one frame: the time its rendering took, when it was presented, slots skipped before it.

        gpu_ms: what its networks took on the GPU by CUDA's own clock; 0 where nobody tells.
        """
        self.frames += 1
        self.missed += missed
        self.frame_ms.add(render_s * 1e3)
        if gpu_ms > 0.0:
            self.gpu_ms.add(gpu_ms)
        if self._presented is not None:
            self.gap_ms.add((t_presented - self._presented) * 1e3)
        self._presented = t_presented

    @property
    def budget_ms(self) -> float:
        """What a frame may take."""
        return 1e3 / self.fps

    @property
    def missed_share(self) -> float:
        """Missed slots over all slots, 0..1."""
        slots = self.frames + self.missed
        return self.missed / slots if slots else 0.0

    def recent_fps(self, n: int = 60) -> float:
        """Return the frame rate presented over the newest `n` frames; 0.0 before the second."""
        gaps = self.gap_ms.recent(n)
        return 1e3 / float(gaps.mean()) if len(gaps) and gaps.mean() > 0 else 0.0

    def report(self) -> dict[str, float | dict[str, float]]:
        """Return the entries of report.json that this object answers for."""
        return {
            "fps_target": self.fps,
            "frames": self.frames,
            "missed": self.missed,
            "frame_ms": self.frame_ms.summary(50, 95, 99),
            "gpu_ms": self.gpu_ms.summary(50, 99),
            "presented_gap_max_ms": round(self.gap_ms.maximum, 3),
        }

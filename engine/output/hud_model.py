"""What the HUD shows, as frozen values. Filled by the app a few times a second, drawn by hud_panel."""

from __future__ import annotations

from dataclasses import dataclass

from phosphene.engine.core.frame import Size


@dataclass(frozen=True, slots=True)
class HudModel:
    """Everything the program says about itself. Empty texts and zero counts are shown as such, never hidden."""

    scene: str = ""
    # frames
    fps_target: float = 0.0
    frame_p50_ms: float = 0.0
    frame_p99_ms: float = 0.0
    missed: int = 0
    internal_size: Size | None = None
    output_size: Size | None = None
    # network
    backend: str = ""
    refused: tuple[tuple[str, str], ...] = ()  # (backend, reason)
    # sound
    audio_source: str = ""
    audio_state: str = ""  # running, starting, lost
    clipped: int = 0
    overflows: int = 0
    restarts: int = 0
    # tempo
    bpm: float = 0.0
    confidence: float = 0.0  # 0..1
    per_bar: int = 4  # beats
    # show
    deck_a: str = ""
    deck_b: str = ""
    crossfade: float = 0.0  # 0 = A, 1 = B
    transition: str = ""  # such as "dissolve, 4 beats"
    master: float = 1.0
    blackout: bool = False
    freeze: bool = False
    guard: str = "on"  # the flash guard: on, holding back, off
    # recording
    recorder: str = ""  # recording, finishing, done, "failed: REASON"; empty: not recording
    recorded_s: float = 0.0
    recorded_frames: int = 0
    recorder_dropped: int = 0
    disk_free_gb: float | None = None
    # control
    received: int = 0
    rejected: int = 0
    dropped: int = 0
    # newest last; one short line each
    messages: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def recording(self) -> bool:
        return self.recorder in ("recording", "finishing")

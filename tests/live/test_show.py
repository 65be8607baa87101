"""The whole instrument, as a person uses it: a file into a recording, a window played over OSC with captured sound."""

from __future__ import annotations

import shutil
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ImageGrab

from phosphene.engine.core import clock, paths
from phosphene.engine.core.signals import SAMPLE_RATE
from tests.live.machine import went_on, without_gaps
from tests.live.show_process import PATIENCE_S, ShowProcess, start_show
from tests.live.xvfb import x_display

__all__ = ["start_show", "x_display"]

pytestmark = pytest.mark.live

Start = Callable[..., ShowProcess]

# Black unless the sound changes: flux lifts the master from 0.
FLASH = """
version = 1
name = "Flash"
[deck]
style = "neon-tide"
[[map]]
signal = "flux"
to = "master"
release = 0.05
range = [-1.0, 0.0]
"""


def click_track(path: Path, seconds: float, every_s: float = 0.7371) -> np.ndarray:
    """Write a WAV of sharp noise bursts in silence; return their times in s.

    The interval is no multiple of a frame: once a second at 24 fps, every click would meet the frames at one phase.
    """
    pcm = np.zeros(round(seconds * SAMPLE_RATE))
    times = np.arange(0.75, seconds - 0.2, every_s)
    burst = np.random.default_rng(3).uniform(-0.8, 0.8, 1200) * np.linspace(1.0, 0.0, 1200)
    for t in times:
        at = round(t * SAMPLE_RATE)
        pcm[at : at + len(burst)] += burst
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((pcm * 32767).astype("<i2").tobytes())
    return times


def luma(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (time in s, mean luma 0..255) of every frame of a video."""
    with av.open(str(path)) as file:
        frames = [(float(f.pts * f.time_base), f.to_ndarray(format="gray").mean()) for f in file.decode(video=0)]
    return np.array([t for t, _ in frames]), np.array([v for _, v in frames])


def sound(path: Path) -> np.ndarray:
    """Return the sound of a file as float32 mono, with silence up to its first sample."""
    with av.open(str(path)) as file:
        parts = [(f.pts * f.time_base, f.to_ndarray().mean(0), f.sample_rate) for f in file.decode(audio=0)]
    assert {rate for _, _, rate in parts} == {SAMPLE_RATE}
    track = np.concatenate([part for _, part, _ in parts])
    return np.concatenate([np.zeros(max(0, round(parts[0][0] * SAMPLE_RATE)), np.float32), track])


def test_click_and_flash_meet_in_the_recording(start_show: Start, tmp_path: Path) -> None:
    """Both streams as long as the show within a frame; every flash within a frame of its click."""
    fps, seconds = 24, 12
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    (scenes / "flash.toml").write_text(FLASH)
    click_track(tmp_path / "clicks.wav", 60.0)
    options = ("--input", f"file:{tmp_path / 'clicks.wav'}", "--size", "640x360", "--internal", "160x90")
    out = tmp_path / "flashes.mp4"
    show = start_show(
        *options, "--seconds", f"{seconds}", "--record", str(out), environment={"PHOSPHENE_SCENES": str(scenes)}
    )
    report = show.finished()
    without_gaps(report["missed"] == 0, f"{report['missed']} frames were missed, and a frame that is missed shows no flash")
    times, bright = luma(out)
    assert abs(len(times) - seconds * fps) <= 1
    assert abs(times[-1] * fps + 1 - seconds * fps) <= 1 + 1e-6  # the times are rounded
    heard = sound(out)
    assert abs(len(heard) / SAMPLE_RATE - seconds) <= 1 / fps
    envelope = np.abs(heard) > 0.2
    starts = np.flatnonzero(envelope & ~np.roll(envelope, 1)) / SAMPLE_RATE
    clicks = starts[np.insert(np.diff(starts) > 0.5, 0, True)]
    assert len(clicks) >= seconds - 3
    lit = bright > 0.5 * bright.max()
    flashes = times[lit & ~np.roll(lit, 1)]
    offsets = np.array([flashes[np.abs(flashes - click).argmin()] - click for click in clicks if click < seconds - 0.3])
    assert np.abs(offsets).max() <= 1 / fps, offsets
    assert np.abs(offsets.mean()) <= 0.5 / fps, offsets
    assert report["recorder"]["dropped"] == 0
    assert report["recorder"]["frames"] == len(times)
    assert report["audio"]["overflows"] == 0
    assert not {path for path in REPORTED if missing(report, path)}


# What report.json has to say, whatever else it says.
REPORTED = (
    *("fps_target", "frames", "missed", "presented_gap_max_ms", "internal_size", "output_size", "peak_rss_mb"),
    *("frame_ms.p50", "frame_ms.p95", "frame_ms.p99", "frame_ms.max", "backend.name", "backend.refused"),
    *("audio.source", "audio.hops", "audio.overflows", "audio.restarts", "audio.callback_us.p50"),
    *("audio.callback_us.p99", "audio.callback_us.max", "tempo.bpm", "tempo.confidence"),
    *("latency_ms.onset_to_present.p50", "latency_ms.onset_to_present.p99"),
    *("control.received", "control.rejected", "control.dropped"),
    *("recorder.frames", "recorder.dropped", "recorder.path", "versions.phosphene"),
)


def missing(report: dict, path: str) -> bool:
    """Return whether `report` lacks `path`."""
    value: object = report
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return True
        value = value[key]
    return value is None


def test_style_and_scene_changes_do_not_hitch(start_show: Start) -> None:
    """Every scene of the library, called one after the other, with styles changed in between."""
    slugs = [p.stem for p in sorted((paths.PACKAGE / "scenes").glob("*.toml")) if p.name != "setlist.toml"]
    show = start_show("--size", "640x360", "--seconds", f"{2 + 2 * len(slugs)}")
    show.wait_for_picture()
    for slug in slugs:
        show.osc.send_message("/scene", slug)
        clock.sleep(1.0)
        show.osc.send_message("/deck/a/style", "third-eye")
        clock.sleep(1.0)
    report = show.finished()
    assert report["messages"] == []
    went_on(report)


def test_window_played_over_osc_with_captured_sound(pulseaudio, x_display: str, start_show: Start, tmp_path: Path) -> None:
    """A window, PortAudio on a null sink's monitor, and `oscsend` from another process."""
    oscsend = shutil.which("oscsend")
    if oscsend is None:
        pytest.skip("oscsend is not installed (apt install liblo-tools)")
    noise = np.random.default_rng(11).normal(0.0, 0.15, 30 * SAMPLE_RATE).astype(np.float32)
    out = tmp_path / "window.mp4"
    options = ("--input", "stage.monitor", "--output", "window", "--windowed", "--record", str(out))
    player = pulseaudio.play(noise)
    try:
        show = start_show(*options, environment=pulseaudio.environment | {"DISPLAY": x_display})

        def send(*message: str) -> None:
            subprocess.run([oscsend, "127.0.0.1", str(show.port), *message], check=True, timeout=300)

        def screen() -> float:
            return float(np.asarray(ImageGrab.grab(xdisplay=x_display).convert("L"), np.float32).mean())

        def becomes(condition: Callable[[float], bool]) -> bool:
            give_up = clock.now() + PATIENCE_S
            while not condition(screen()) and clock.now() < give_up:
                clock.sleep(0.1)
            return clock.now() < give_up

        show.wait_for_picture()
        assert becomes(lambda light: light > 5.0)
        assert show.state("/state/audio/state", "running") == "running"
        assert show.state("/state/audio/peak") > 0.1

        send("/deck/b/style", "s", "third-eye")
        assert show.state("/state/deck/b/style", "third-eye") == "third-eye"
        send("/crossfade/to", "sf", "b", "1")
        assert show.state("/crossfade", 1.0) == 1.0

        for _ in range(5):
            send("/tempo/tap")
            clock.sleep(0.5)
        assert show.state("/state/tempo/bpm") == pytest.approx(120.0, abs=8.0)

        send("/blackout", "i", "1")
        assert becomes(lambda light: light < 2.0)
        send("/blackout", "i", "0")
        assert becomes(lambda light: light > 5.0)
        assert show.state("/state/audio/state", "running") == "running"
        report = show.end()
    finally:
        player.kill()
        player.wait()
    assert "stage.monitor" in report["audio"]["source"]
    without_gaps(report["audio"]["overflows"] == 0, f"{report['audio']['overflows']} overflows")
    assert report["control"]["received"] >= 8
    went_on(report)
    assert np.abs(sound(out)).max() > 0.1
    events = next((tmp_path / "takes").glob("*/events.jsonl")).read_text()
    for address in ("/deck/b/style", "/crossfade/to", "/tempo/tap", "/blackout"):
        assert address in events

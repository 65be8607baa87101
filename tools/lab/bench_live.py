"""Benchmarks of the running show: soak, start-up, sound to picture, message to picture, capture under load.

Each function returns a dict of numbers beside their baselines; `tools/bench.py` calls them. They start real shows
(`vj live`), real sound servers and real sockets on this machine, so nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pythonosc.udp_client import SimpleUDPClient

from phosphene.engine.app.live import run_live
from phosphene.engine.app.options import LiveOptions, parse_fps, parse_size
from phosphene.engine.app.stage import Stage
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import HOP, SAMPLE_RATE
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.style import list_styles, load_meta, style_folder
from phosphene.tools.lab.sound_stage import PulseAudio

PORT = 9750
_SETTLING_S = 10.0  # what moves the internal size after this is the music, the style, or another program
_FLASH = """version = 1
name = "Flash"
[deck]
style = "{style}"
[[map]]
signal = "{signal}"
to = "master"
range = [-1.0, 0.0]
"""


def start_live(*options: str, environment: dict[str, str] | None = None) -> subprocess.Popen:
    command = python_child("phosphene.engine.cli.main", "live", "--osc-port", str(PORT), "--output", "headless", *options)
    return subprocess.Popen(command, env=child_environment(environment), stderr=subprocess.PIPE, text=True)


def soak(seconds: float = 300.0) -> dict[str, Any]:
    """The default scene at 640x360, 24 fps, recording; its baseline is the same show with the governor off."""
    with tempfile.TemporaryDirectory() as folder:
        governed = _soaked(Path(folder), seconds)
        fixed = _soaked(Path(folder), min(seconds, 20.0), "--internal", "640x360", "--scene", "shatter")
        free = _soaked(Path(folder), min(seconds, 20.0), "--scene", "shatter")
    return {
        "show": governed,
        "governor on, 128 wide": {k: free[k] for k in ("missed_percent", "frame_ms", "internal_size", "settled_s")},
        "baseline: governor off, 128 wide": {k: fixed[k] for k in ("missed_percent", "frame_ms", "internal_size")},
        "wanted": {"missed_percent": 1.0, "overflows": 0, "recorder_dropped": 0, "memory_growth_mb": 5.0, "settled_s": 3.0},
    }


def _soaked(folder: Path, seconds: float, *options: str) -> dict[str, Any]:
    report_path, out = folder / "r.json", folder / "x.mp4"
    show = start_live(
        *("--input", "demo", "--size", "640x360", "--fps", "24", "--seconds", f"{seconds}", "--record", str(out)),
        *("--takes", str(folder / "takes"), "--report", str(report_path), *options),
    )
    began, samples = clock.now(), []
    process = psutil.Process(show.pid)
    while show.poll() is None:
        try:
            processes = [process, *process.children(recursive=True)]
            samples.append((clock.now() - began, sum(p.memory_info().rss for p in processes) / 2**20))
        except psutil.NoSuchProcess:
            break
        clock.sleep(1.0)
    show.communicate()
    report = json.loads(report_path.read_text())
    t, memory = np.array(samples).T
    # From the end of the first minute (or third, in a short run) to the last ten seconds before the file is finished.
    begin = min(60.0, seconds / 3)
    after = memory[(t > begin) & (t < begin + 10.0)]
    last = memory[(t > seconds - 12.0) & (t < seconds - 2.0)]
    sizes = report["sizes"]
    return {
        "seconds": seconds,
        "frames": report["frames"],
        "missed": report["missed"],
        "missed_percent": round(100.0 * report["missed"] / (report["frames"] + report["missed"]), 3),
        "frame_ms": report["frame_ms"],
        "presented_gap_max_ms": report["presented_gap_max_ms"],
        "overflows": report["audio"]["overflows"],
        "callback_us": report["audio"]["callback_us"],
        "recorder_dropped": report["recorder"]["dropped"],
        "memory_mb": round(float(np.median(after)), 1),
        "memory_growth_mb": round(float(np.median(last) - np.median(after)), 2),
        "internal_size": report["internal_size"],
        "settled_s": max(t for t, _ in sizes if t < _SETTLING_S),
        "size_changes_later": sum(t >= _SETTLING_S for t, _ in sizes),
        "sizes": sizes,
    }


def startup(runs: int = 5) -> dict[str, Any]:
    """Seconds from the command to the first picture; the baseline is an interpreter that only imports what is needed."""
    shows, imports = [], []
    code = "import numpy, av, OpenGL.GL, pydantic, typer, rich, PIL.Image, pythonosc, safetensors"
    for _ in range(runs):
        began = clock.now()
        show = start_live(
            "--input", "demo", "--size", "640x360", "--fps", "24", "--seconds", "0.5", "--takes", tempfile.gettempdir()
        )
        assert show.stderr is not None
        for line in show.stderr:
            if "first picture" in line:
                shows.append(clock.now() - began)
                break
        show.communicate()
        began = clock.now()
        subprocess.run([sys.executable, "-P", "-c", code], check=True, env=child_environment())
        imports.append(clock.now() - began)
    return {
        "first_picture_s": {"median": round(float(np.median(shows)), 2), "max": round(max(shows), 2)},
        "baseline: imports alone s": round(float(np.median(imports)), 2),
        "wanted": 4.0,
    }


class Probe:
    """A sink that notes when each picture was handed over and how bright it was, and hears the raw sound meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self._source = stage.source
        self._pixels = np.empty((stage.output.size.height, stage.output.size.width, 4), np.uint8)
        self._cursor = 0
        self.pictures: list[tuple[float, float]] = []
        self.clicks: list[float] = []
        self.health = stage.source.health()

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Stamp, then read the picture: the display, called before, has waited until it was complete."""
        t = clock.now()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, picture.framebuffer)
        GL.glReadPixels(0, 0, picture.size.width, picture.size.height, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, self._pixels)
        self.pictures.append((t, float(self._pixels[::4, ::4, :3].mean())))
        self.health = self._source.health()
        blocks, self._cursor, _ = self._source.pcm_since(self._cursor)
        for block in blocks:
            loud = np.flatnonzero(np.abs(block["pcm"][:, 0]) > 0.2)
            if len(loud):
                at = float(block["t_adc"]) - (HOP - 1 - int(loud[0])) / SAMPLE_RATE
                if not self.clicks or at - self.clicks[-1] > 0.5:
                    self.clicks.append(at)

    def close(self) -> None:
        """Hold nothing."""


def click_to_picture(fps: int = 60, seconds: float = 30.0, signal: str = "flux") -> dict[str, Any]:
    """ADC time of a click in captured sound -> first brighter picture handed over, ms. 320x180, a 16-wide style."""
    burst = np.random.default_rng(3).uniform(-0.8, 0.8, 1200) * np.linspace(1.0, 0.0, 1200)
    pcm = np.zeros(round((seconds + 5.0) * SAMPLE_RATE), np.float32)
    # Not a multiple of any frame: every phase of click against frame is met.
    for t in np.arange(1.0, seconds + 4.0, 0.7371):
        pcm[round(t * SAMPLE_RATE) :][: len(burst)] += burst
    with _flash_scene(signal) as scenes, _pulse() as pulse:
        player = pulse.play(pcm)
        probes: list[Probe] = []
        options = LiveOptions(
            scene="flash",
            input="stage.monitor",
            output="headless",
            size=Size(320, 180),
            fps=parse_fps(str(fps)),
            seconds=seconds,
            osc_port=PORT,
            takes=scenes,
        )

        def guest(stage: Stage) -> Probe:
            probes.append(Probe(stage))
            return probes[0]

        run_live(options, guest)
        player.kill()
        player.wait()
    t, light = np.array(probes[0].pictures).T
    dark = np.median(light)
    delays = []
    for click in probes[0].clicks:
        seen = np.flatnonzero((t > click) & (t < click + 0.4) & (light > dark + 2.0))
        before = light[(t < click) & (t > click - 0.1)]
        if len(seen) and len(before) and before.max() <= dark + 2.0:
            delays.append((t[seen[0]] - click) * 1e3)
    clicks = len([c for c in probes[0].clicks if t[0] + 0.5 < c < t[-1] - 0.5])
    return {
        "fps": fps,
        "signal": signal,
        "clicks": clicks,
        "seen": len(delays),
        "median_ms": round(float(np.median(delays)), 1) if delays else None,
        "p99_ms": round(float(np.percentile(delays, 99)), 1) if delays else None,
        "callback_us": probes[0].health.callback_us,
        "overflows": probes[0].health.overflows,
    }


def click_latency() -> dict[str, Any]:
    """Click to picture at 60 and 24 fps by flux; the baseline is the same by the detector's onset."""
    return {
        "flux, 60 fps": click_to_picture(60),
        "flux, 24 fps": click_to_picture(24),
        "baseline: onset detector, 60 fps": click_to_picture(60, signal="onset"),
        "wanted": {"median_ms": 35.0, "p99_ms": 60.0, "callback p99 us, 20 % of a hop": 1067},
    }


def osc_latency(messages: int = 40) -> dict[str, Any]:
    """Frames from sending an OSC message to the first changed picture, by a client in another thread. Null: no message."""

    def play(sent: list[float]) -> None:
        client = SimpleUDPClient("127.0.0.1", PORT)
        rng = np.random.default_rng(5)
        for k in range(messages):
            clock.sleep(0.3 + float(rng.uniform(0.0, 0.05)))
            sent.append(clock.now())
            client.send_message("/master", float(k % 2))

    return frames_to_change(play, messages) | {"wanted": 2}


def frames_to_change(
    play: Callable[[list[float]], None], messages: int, desk: tuple[str, int] | None = None
) -> dict[str, Any]:
    """Run a show at 60 frames a second; `play` sets its master to 0, 1, 0, ... on a thread and notes when it sent each.

    Returns the frames until each is seen, beside how often the picture changed before the first one.
    """
    probes: list[Probe] = []
    sent: list[float] = []

    def after_a_while() -> None:
        clock.sleep(4.0)
        play(sent)

    def guest(stage: Stage) -> Probe:
        probes.append(Probe(stage))
        return probes[0]

    thread = threading.Thread(target=after_a_while, daemon=True)
    thread.start()
    run_live(
        LiveOptions(
            input="demo",
            output="headless",
            size=parse_size("320x180"),
            fps=parse_fps("60"),
            seconds=6.0 + 0.33 * messages,
            osc_port=PORT,
            desk=desk,
            takes=Path(tempfile.gettempdir()),
        ),
        guest,
    )
    thread.join()
    t, light = np.array(probes[0].pictures).T
    frames = []
    for k, at in enumerate(sent):
        first = int(np.searchsorted(t, at))  # the first picture handed over after the message was sent
        changed = np.flatnonzero((light[first:] > 1.0) == bool(k % 2))
        frames.append(int(changed[0]) + 1)
    lit = light > 1.0
    quiet = slice(0, int(np.searchsorted(t, sent[0])))
    return {
        "frames": {"median": float(np.median(frames)), "max": max(frames)},
        "messages": len(sent),
        "null: changes before the first message": int((np.diff(lit[quiet].astype(int)) != 0).sum()),
    }


@contextmanager
def _pulse() -> Iterator[PulseAudio]:
    with tempfile.TemporaryDirectory() as folder:
        pulse = PulseAudio(Path(folder))
        before = {name: os.environ.get(name) for name in pulse.environment}
        os.environ.update(pulse.environment)
        pulse.load_sink()
        try:
            yield pulse
        finally:
            pulse.stop()
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextmanager
def _flash_scene(signal: str) -> Iterator[Path]:
    """A scene that is black but for `signal`, on the narrowest style of the library."""
    metas = {slug: load_meta(style_folder(slug)) for slug in list_styles()}
    style = min((slug for slug, meta in metas.items() if meta.kind == "cppn"), key=lambda slug: metas[slug].network.width)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "flash.toml").write_text(_FLASH.format(style=style, signal=signal))
        before = os.environ.get("PHOSPHENE_SCENES")
        os.environ["PHOSPHENE_SCENES"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["PHOSPHENE_SCENES"]
            else:
                os.environ["PHOSPHENE_SCENES"] = before

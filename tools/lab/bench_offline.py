"""Benchmarks of offline renders, each beside its baseline in the same run. `vj bench offline` calls them.

    film      a 128-wide style at 1280x720, encode included, against the way of the first networks: all 12 inputs for every
              pixel, torch eager float32, one frame at a time, encoded after the last one
    thin      a 16-wide style at 1280x720 and 30 fps against real time, and what its arithmetic alone allows
    memory    the peak of a long track against that of a short one
    sync      clicks at the beginning of frames and the flashes they make, in finished films at five frame rates
    workers   two tracks of an album on two workers against one, each with as many threads

Renders are real ones, in processes of their own; nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.app.options import parse_fps
from phosphene.engine.audio.demo import synthetic_track
from phosphene.engine.audio.synth import kick
from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.workers import shared_workers
from phosphene.engine.core import clock, paths
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.frame import Size
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.models.encoding import STRAIGHT_VIEW, coordinates
from phosphene.engine.models.style import Style, list_styles, load_meta, load_style, style_folder
from phosphene.engine.output.movie import open_movie
from phosphene.engine.output.movie_spec import MovieSpec
from phosphene.tools.lab.av_sync import offsets
from phosphene.tools.lab.bench_cppn import torch_eager

HD = Size(1280, 720)
RATES = ("24", "25", "29.97", "30", "60")
# The light goes on with the attack and off within a few frames: nothing else makes a picture of it.
FLASH = """version = 1
name = "Flash"
[deck]
style = "idle"
[[map]]
signal = "flux"
to = "master"
curve = "step"
release = 0.05
range = [-1.0, 0.0]
"""
_ROUNDS = 3


def bench(minutes: float = 60.0) -> dict[str, Any]:
    """Return all of them. minutes: the length of the long track."""
    return {"film": film(), "thin": thin(), "memory": memory(minutes), "sync": sync(), "workers": workers()}


def film(seconds: float = 1.0, fps: int = 30) -> dict[str, Any]:
    """Return frames a second of `vj render` and of the plain way, medians of alternating rounds."""
    slug = _style_of_width(128)
    with tempfile.TemporaryDirectory() as folder:
        music = write_wav(
            Path(folder) / "music.wav", synthetic_track(128.0, 1, seconds=8).pcm[: round(seconds * SAMPLE_RATE)]
        )
        ours, plain = [], []
        for _ in range(_ROUNDS):
            ours.append(_rendered(music, Path(folder) / "ours.mp4", slug, "--fps", str(fps))["frames_a_second"])
            plain.append(_plain_way(load_style(slug), Path(folder) / "plain.mp4", round(seconds * fps), fps))
    fastest, usual = statistics.median(ours), statistics.median(plain)
    return {
        "style": slug,
        "size": str(HD),
        "fps": round(fastest, 2),
        "plain_fps": round(usual, 2),
        "times_plain": round(fastest / usual, 2),
        "rounds": {"ours": ours, "plain": [round(x, 2) for x in plain]},
    }


def thin(seconds: float = 3.0, fps: int = 30) -> dict[str, Any]:
    """Return the speed of a 16-wide style against real time, and what the network's evaluation alone would allow."""
    slug = _style_of_width(16)
    style = load_style(slug)
    program, uniforms = CpuProgram(style), np.zeros(len(style.spec.uniform))
    network_ms = _median_ms(lambda: program.evaluate(uniforms, HD))
    waves = np.linspace(-3.0, 3.0, HD.pixels * style.spec.width * style.spec.layers // 16, dtype=np.float32)
    sine_ms = 16 * _median_ms(lambda: np.sin(waves)) / shared_workers().threads
    with tempfile.TemporaryDirectory() as folder:
        music = write_wav(
            Path(folder) / "music.wav", synthetic_track(128.0, 1, seconds=8).pcm[: round(seconds * SAMPLE_RATE)]
        )
        speeds = [_rendered(music, Path(folder) / "thin.mp4", slug, "--fps", str(fps))["speed"] for _ in range(_ROUNDS)]
    return {
        "style": slug,
        "size": str(HD),
        "threads": shared_workers().threads,
        "times_real_time": statistics.median(speeds),
        "network_ms": round(network_ms, 1),
        "times_real_time_of_the_network_alone": round(1e3 / fps / network_ms, 2),
        "its_sines_alone_ms": round(sine_ms, 1),
    }


def memory(minutes: float = 60.0, short: float = 5.0) -> dict[str, Any]:
    """Return peak memory in MiB of a render of `short` and of `minutes` minutes of music, small and slow on purpose."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for length in (short, minutes):
            music = write_long_wav(Path(folder) / f"{length:g}.wav", length * 60.0)
            done = _rendered(music, Path(folder) / "long.mp4", _style_of_width(16), "--fps", "2", size="128x72")
            found[f"{length:g} min"] = {"peak_mb": done["peak_rss_mb"], "listen_s": done["listen_s"], "speed": done["speed"]}
    peaks = [each["peak_mb"] for each in found.values()]
    return found | {"difference_mb": round(peaks[1] - peaks[0], 1)}


def sync(minutes: float = 10.0, rates: tuple[str, ...] = RATES) -> dict[str, Any]:
    """Return, for each rate, the largest distance in ms of a flash from its click, at the track's two ends and anywhere.

    Clicks lie where frames begin: elsewhere no picture could flash, and the distance would be the frame's, not the film's.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "flash.toml"
        scene.write_text(FLASH)
        for rate in rates:
            fps = parse_fps(rate)
            music = write_clicks(Path(folder) / "clicks.wav", minutes * 60.0, fps)
            film = Path(folder) / "clicks.mp4"
            _rendered(music, film, None, "--fps", rate, "--scene", str(scene), "--preset", "ultrafast", size="64x36")
            seen = offsets(film)
            third = max(1, len(seen) // 3)
            parts = {"first": seen[:third], "last": seen[-third:], "any": seen}
            found[rate] = {"flashes": len(seen)} | {
                name: round(max(abs(each.ms) for each in part), 3) for name, part in parts.items()
            }
    return found | {"half a frame at 24 fps, the null": round(500.0 / 24.0, 1)}


def write_clicks(path: Path, seconds: float, fps: Fraction) -> Path:
    """Write a click of 5 ms at the beginning of a frame about every 1.7 s."""
    pcm = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, SAMPLE_RATE // 200).astype(np.float32)
    for k in range(round(fps), round((seconds - 1.0) * fps), round(1.7 * fps)):
        at = round(k * SAMPLE_RATE / fps)
        pcm[at : at + len(noise)] = noise
    return write_wav(path, pcm)


def workers(seconds: float = 16.0) -> dict[str, Any]:
    """Return s for two tracks with one worker and with two, one thread each; and with one worker that has all threads."""
    cores = str(os.cpu_count() or 1)
    ways = {"one worker": ("1", "1"), "two workers": ("2", "1"), "one worker, all threads": ("1", cores)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_wav(root / "1.wav", synthetic_track(128.0, 1, seconds=seconds + 2).pcm[: round(seconds * SAMPLE_RATE)])
        (root / "album.toml").write_text(_ALBUM)
        for n in range(_ROUNDS):
            for name, (count, threads) in ways.items():
                options = (
                    "--workers",
                    count,
                    "--threads",
                    threads,
                    "--no-previews",
                    "--output-root",
                    str(root / f"{n}{name}"),
                )
                began = clock.now()
                album = str(paths.PACKAGE / "tools" / "render_album.py")
                _run([sys.executable, "-P", album, str(root / "album.toml"), *options])
                times[name].append(round(clock.now() - began, 2))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "seconds": medians,
        "times_one_worker": round(medians["one worker"] / medians["two workers"], 2),
        "times_one_worker_all_threads": round(medians["one worker, all threads"] / medians["two workers"], 2),
        "rounds": times,
    }


# The same song and scene twice: of two songs that cost different times, the longer one would be what is measured.
_ALBUM = """version = 1
[album]
size = "640x360"
[[track]]
id = "one"
source = "1.wav"
scene = "tide"
[[track]]
id = "two"
source = "1.wav"
scene = "tide"
"""


def write_wav(path: Path, pcm: np.ndarray) -> Path:
    """Write float32 [n, 2] or [n] at 48 kHz as 16-bit WAV."""
    data = (np.clip(pcm, -1.0, 1.0) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if data.ndim == 1 else data.shape[1])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(data.tobytes())
    return path


def write_long_wav(path: Path, seconds: float) -> Path:
    """Write a kick on every beat of 120 bpm, mono, in pieces: an hour of it never lies in memory."""
    beat = np.zeros(SAMPLE_RATE // 2, np.float32)
    sound = kick()[: len(beat)]
    beat[: len(sound)] = 0.7 * sound
    data = (np.clip(beat, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for _ in range(round(seconds * 2)):
            file.writeframes(data)
    return path


def _rendered(music: Path, out: Path, style: str | None, *options: str, size: str = str(HD)) -> dict[str, float]:
    """Run `vj render` without a cache; return its speed. Listening is timed apart: the plain way does none."""
    command = python_child("phosphene.engine.cli.main", "render", str(music), str(out), "--size", size, "--json")
    command += ["--style", style] if style else []
    with tempfile.TemporaryDirectory() as cache:
        done = json.loads(_run([*command, *options], PHOSPHENE_CACHE=cache))
    volatile, frames = done["volatile"], done["result"]["frames"]
    timings = volatile["timings"]
    return {
        "frames_a_second": round(frames / timings["render"], 2),
        "speed": volatile["speed"],
        "listen_s": timings["listen"],
        "peak_rss_mb": volatile["peak_rss_mb"],
    }


def _plain_way(style: Style, out: Path, frames: int, fps: int) -> float:
    """Return frames a second of the way in which the first networks' films were made."""
    inputs = np.empty((HD.pixels, len(style.spec.inputs)), np.float32)
    began = clock.now()
    pictures = []
    for k in range(frames):
        inputs[:, style.spec.columns(style.spec.spatial)] = coordinates(HD, STRAIGHT_VIEW, style.spec.spatial)
        inputs[:, style.spec.columns(style.spec.uniform)] = 0.01 * k
        run = torch_eager(style, inputs)
        if run is None:
            raise RuntimeError("the baseline needs torch")
        rgb = (run() * 255.0 + 0.5).astype(np.uint8).reshape(HD.height, HD.width, 3)
        pictures.append(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]))
    with open_movie(out, MovieSpec(HD, Fraction(fps), audio=False)) as movie:
        for picture in pictures:
            movie.video(picture)
    return frames / (clock.now() - began)


def _style_of_width(width: int) -> str:
    return next(slug for slug in list_styles() if getattr(load_meta(style_folder(slug)).network, "width", 0) == width)


def _median_ms(run: Callable[[], object], rounds: int = 9) -> float:
    run()
    times = []
    for _ in range(rounds):
        start = clock.now()
        run()
        times.append((clock.now() - start) * 1e3)
    return statistics.median(times)


def _run(command: list[str], **environment: str) -> str:
    done = subprocess.run(command, env=child_environment(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return done.stdout

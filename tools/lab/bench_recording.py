"""Measures what x264's presets cost and give, the table of docs/decisions/recording.md.

python tools/lab/bench_recording.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import open_media
from phosphene.engine.output.encoder import x264
from phosphene.engine.output.muxer import AUDIO_RATE, Muxer

PRESETS = ("ultrafast", "superfast", "veryfast", "faster")


def moving_picture(size: Size, count: int) -> list[np.ndarray]:
    """Smooth waves that drift, with the grain that an output pass adds: such as networks paint."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32) * (360 / size.height)
    frames = []
    for k in range(count):
        t = k / 24
        waves = [
            np.sin(x / 40 + 3 * t + np.sin(y / 30 + t)),
            np.sin(y / 25 - 2 * t + np.sin(x / 50)),
            np.sin((x + y) / 33 + t),
        ]
        rgb = 127 + 110 * np.stack(waves, -1) + rng.integers(-2, 3, (size.height, size.width, 3))
        alpha = np.full((size.height, size.width, 1), 255)
        frames.append(np.concatenate([rgb.clip(0, 255), alpha], -1).astype(np.uint8))
    return frames


def psnr(path: Path, frames: list[np.ndarray]) -> float:
    with open_media(path) as file:
        errors = [
            np.mean((decoded.to_ndarray(format="rgb24").astype(np.float32) - frame[..., :3]) ** 2)
            for decoded, frame in zip(file.decode(video=0), frames, strict=True)
        ]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--frames", type=int, default=96)
    arguments.add_argument("--fps", type=int, default=24)
    options = arguments.parse_args()
    print(
        "| size | preset | ms a frame | ms of CPU | a repeat, ms of CPU | Mbit/s | PSNR dB |\n|---|---|---|---|---|---|---|"
    )
    for size in (Size(640, 360), Size(1280, 720)):
        frames = moving_picture(size, options.frames)
        for preset in PRESETS:
            with tempfile.TemporaryDirectory() as folder:
                muxer = Muxer(Path(folder) / "a.mkv", size, options.fps, codec=x264(preset, 19))
                t, cpu = clock.now(), time.process_time()
                for frame in frames:
                    muxer.video(frame)
                wall, busy = clock.now() - t, time.process_time() - cpu
                muxer.audio(np.zeros((len(frames) * AUDIO_RATE // options.fps, 2), np.float32))
                path = muxer.close()
                rate = path.stat().st_size * 8 / (len(frames) / options.fps) / 1e6
                quality = psnr(path, frames)
                still = Muxer(Path(folder) / "b.mkv", size, options.fps, codec=x264(preset, 19))
                still.video(frames[0])
                cpu = time.process_time()
                for _ in range(24):
                    still.repeat()
                repeat = time.process_time() - cpu
                still.close()
            n = len(frames)
            print(
                f"| {size} | {preset} | {1e3 * wall / n:.1f} | {1e3 * busy / n:.1f} | {1e3 * repeat / 24:.1f} "
                f"| {rate:.2f} | {quality:.1f} |"
            )


if __name__ == "__main__":
    ignore_current_folder()
    main()

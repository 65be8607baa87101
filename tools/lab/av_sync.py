"""Measures how far sound and picture of a finished file are apart: python tools/lab/av_sync.py FILE [--limit-ms 5]

The file shows a flash and plays a click at the same moments, such as a sync test makes. A click's time is its first loud
sample, a flash's the time stamp of its first bright frame. Positive offsets: the picture comes after the sound.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.media import open_media
from phosphene.engine.core.terminal import print_anything, run
from phosphene.tools.lab.numbers_given import decimal

LOUD = 0.5  # of the loudest sample; AAC lets up to 0.35 of a click be heard 1.4 ms before it
APART_S = 0.1  # a click's and a flash's own length is below it, the distance of two is above
REACH_S = 1.0  # a click further away belongs to no flash


class Offset(NamedTuple):
    """One flash. flash, click: s; click is None when there is none near."""

    flash: float
    click: float | None

    @property
    def ms(self) -> float:
        """Picture minus sound; infinite without a click."""
        return float("inf") if self.click is None else 1000 * (self.flash - self.click)


def offsets(path: Path | str) -> list[Offset]:
    """Return an offset for each flash, and one for each click that no flash goes with (flash infinitely late)."""
    flashes, clicks = flash_times(path), click_times(path)
    found = []
    for flash in flashes:
        near = min(clicks, key=lambda click: abs(click - flash), default=float("inf"))
        if abs(near - flash) <= REACH_S:
            clicks.remove(near)
            found.append(Offset(flash, near))
        else:
            found.append(Offset(flash, None))
    return found + [Offset(float("inf"), click) for click in clicks]


def flash_times(path: Path | str) -> list[float]:
    """Return the time of the first frame of each flash: brighter than half-way between the darkest and the brightest."""
    times, light = [], []
    with open_media(path) as file:
        for frame in file.decode(video=0):
            luma = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)[:, : frame.width]
            times.append(float(frame.pts * frame.time_base))
            light.append(float(luma.mean()))
    if not light or max(light) - min(light) < 16:
        return []
    return _first(np.array(times)[np.array(light) > (min(light) + max(light)) / 2])


def click_times(path: Path | str) -> list[float]:
    """Return the time of the first loud sample of each click."""
    loudest = max((float(np.abs(pcm).max()) for _, pcm in _sound(path)), default=0.0)
    if loudest < 1e-3:
        return []
    loud = [start + np.flatnonzero(np.abs(pcm) > LOUD * loudest) / rate for (start, rate), pcm in _sound(path)]
    return _first(np.concatenate(loud))


def _first(times: np.ndarray) -> list[float]:
    """Return the first of each run of times."""
    return [float(t) for t in times[np.diff(times, prepend=-np.inf) > APART_S]]


def _sound(path: Path | str) -> Iterator[tuple[tuple[float, int], np.ndarray]]:
    """Yield ((time of the first sample, rate), float[n] of the loudest channel) of each block that is in the file."""
    with open_media(path) as file:
        if not file.streams.audio:
            return
        to_float = av.AudioResampler(format="fltp")  # the samples' type alone
        for decoded in file.decode(audio=0):
            for frame in to_float.resample(decoded):
                start = float(frame.pts * frame.time_base)
                yield (start, frame.sample_rate), np.abs(frame.to_ndarray()).max(axis=0)


def main() -> None:
    """Print the offsets; exit code 1 where one is beyond the limit, or there is nothing to measure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--limit-ms", type=decimal(0.0, 1e6), default=5.0)
    options = arguments.parse_args()
    try:
        found = offsets(options.file)
    except (av.FFmpegError, IndexError, TypeError, ValueError) as error:  # no film; no picture in it; none with a time
        raise UserError("the file cannot be read as a film", where=str(options.file), got=error) from error
    if not found:
        sys.exit(one_line(f"{options.file}: no flashes and no clicks"))
    for offset in found:
        click = "none" if offset.click is None else f"{offset.click:.4f} s"
        print(f"flash {offset.flash:.4f} s  click {click}  offset {offset.ms:+.2f} ms")
    third = max(1, len(found) // 3)
    at_ends = [max((o.ms for o in part), key=abs) for part in (found[:third], found[-third:])]
    worst = max(abs(o.ms) for o in found)
    print(f"largest at the start {at_ends[0]:+.2f} ms, at the end {at_ends[1]:+.2f} ms, anywhere {worst:.2f} ms")
    sys.exit(worst > options.limit_ms)


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("av_sync", main)

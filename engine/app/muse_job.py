"""Makes one piece of two: hears, matches, warps, masks, levels, writes, reports. What `vj muse` runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from phosphene.engine.audio.prepared import Prepared, prepare
from phosphene.engine.core.errors import UserError, listed
from phosphene.engine.core.media import create_media
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim, discarding
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.muse.match import MOST_SHIFT, find_match, piece_of
from phosphene.engine.muse.measures import Row, nulls, onsets_together, shares
from phosphene.engine.muse.mix import MODES, Masks, fader_of, heard, masks_of, mixed
from phosphene.engine.muse.warp import warp
from phosphene.engine.output.loudness import gain_to, measure_loudness
from phosphene.engine.output.movie_file import sound_frame

BARS = (4, 64)  # fewer hold no phrase; of more the spectra would take over 2 GB
_LEAST_S = 4.0
_MEASURED_S = 30.0
_RAW_GAIN = 100.0  # times: B is not made louder than that


@dataclass(frozen=True)
class MuseOptions:
    """What `vj muse` was asked for. start: bar of A from 0; key: semitones for B; fader: points (bar, B's share)."""

    mode: str = "drums"
    bars: int = 16
    start: int | None = None
    key: int | None = None
    fader: Sequence[tuple[float, float]] = ((0.0, 0.5),)
    seed: int = 0

    def check(self) -> None:
        """Raise UserError for what makes no sense."""
        if self.mode not in MODES:
            raise UserError("no such mode", allowed=listed(MODES), got=self.mode, remedy="change --mode")
        if not BARS[0] <= self.bars <= BARS[1]:
            raise UserError(
                "cannot make so many bars", allowed=f"{BARS[0]} to {BARS[1]}", got=self.bars, remedy="change --bars"
            )
        if self.key is not None and abs(self.key) > 2 * MOST_SHIFT:
            raise UserError("cannot shift the key so far", allowed="-6 to 6 semitones", got=self.key, remedy="change --key")


def make_muse(a: Path, b: Path, out: Path, options: MuseOptions, tell: Callable[[str], None]) -> dict[str, Any]:
    """Write `out`, 24-bit FLAC at 48 kHz, and return the report. Raises UserError; then nothing is left beside `out`."""
    options.check()
    if out.suffix.lower() != ".flac":
        raise UserError("cannot write this kind of file", where=str(out), allowed=".flac", remedy="name it OUT.flac")
    pieces = []
    for path in (a, b):
        tell(f"hearing {path}")
        pieces.append(_heard_whole(path))
    (sound_a, piece_a), (sound_b, piece_b) = pieces
    match = find_match(piece_a, piece_b, options.bars, options.start, options.key)
    first_a, cut_a, at_a = _excerpt(sound_a, match.times_a)
    first_b, cut_b, at_b = _excerpt(sound_b, match.times_b)
    tell(f"bar {match.bar_a} of A, bar {match.bar_b} of B, {match.shift:+d} semitones, B {match.stretch:.3f} times as long")
    samples = len(cut_a)
    laid = warp(cut_b, at_b, at_a, samples, match.shift)
    laid *= np.float32(_level_gain(cut_a, laid))
    one, two = heard(cut_a), heard(laid)
    masks = masks_of(one, two, options.mode, fader_of(options.fader, options.bars), at_a)
    mix = mixed(one, two, masks.a, masks.b, samples)
    loudness = measure_loudness([mix])
    gain = gain_to(loudness)
    written = write_piece(out, mix * np.float32(10 ** (gain.db / 20)))
    tell("measuring")
    rows = _measured(one, two, masks, mix, (cut_a, laid), at_a, options.seed)
    return {
        "out": str(written),
        "mode": options.mode,
        "seconds": samples / SAMPLE_RATE,
        "a": {"file": str(a), "bar": match.bar_a, "start_s": first_a / SAMPLE_RATE, "bpm": piece_a.bpm},
        "b": {"file": str(b), "bar": match.bar_b, "start_s": first_b / SAMPLE_RATE, "bpm": piece_b.bpm},
        "match": {"shift": match.shift, "stretch": match.stretch, "fit": match.fit, "fit_null": match.fit_null},
        "onsets_together": onsets_together(cut_a, laid),
        "onsets_together_unaligned": onsets_together(cut_a, cut_b),
        "fader": {"wanted": masks.wanted, "share": masks.share},
        "loudness": {"lufs": loudness.integrated + gain.db, "true_peak": loudness.true_peak + gain.db},
        "measures": rows,
    }


def _heard_whole(path: Path) -> tuple[Prepared, Any]:
    sound = prepare(path)
    if sound.seconds < _LEAST_S:
        got = f"{sound.seconds:.1f} s"
        raise UserError("the piece is too short", where=str(path), allowed=f"{_LEAST_S:g} s and more", got=got)
    return sound, piece_of(sound, str(path))


def _excerpt(sound: Prepared, times: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Return (first sample, float32 [n, 2], the beats in samples from there): decoded in blocks."""
    first, end = max(0, round(float(times[0]) * SAMPLE_RATE)), round(float(times[-1]) * SAMPLE_RATE)
    kept, at = np.zeros((end - first, 2), np.float32), 0
    for block in sound.pcm_blocks():
        low, high = max(first, at), min(end, at + len(block))
        if low < high:
            kept[low - first : high - first] = block[low - at : high - at]
        at += len(block)
        if at >= end:
            break
    return first, kept, times * SAMPLE_RATE - first


def _level_gain(a: np.ndarray, b: np.ndarray) -> float:
    power_a, power_b = (float(np.square(x, dtype=np.float64).mean()) for x in (a, b))
    return min(_RAW_GAIN, float(np.sqrt(power_a / power_b))) if power_b > 0 else 1.0


def write_piece(out: Path, pcm: np.ndarray) -> Path:
    """Write float32 [n, 2] as FLAC and return where it lies. Raises UserError; then nothing of it is left."""
    try:
        with discarding(claim(out, ".part")) as working:
            assert working.file is not None
            file = io.BufferedRandom(working.file)  # a plain file may write less than it was given
            container = create_media(file, "flac")
            stream: Any = container.add_stream("flac", rate=SAMPLE_RATE, layout="stereo", format="s32")
            for at in range(0, len(pcm), SAMPLE_RATE):
                frame = sound_frame(pcm[at : at + SAMPLE_RATE], "s32")
                frame.pts = at
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            container.close()
            file.flush()
            file.detach()
            return working.hand_over()
    except (OSError, av.FFmpegError) as error:
        told = error if isinstance(error, OSError) else OSError(str(error))
        raise refused("cannot write the piece", out, told) from error


def _measured(
    one: Any, two: Any, masks: Masks, mix: np.ndarray, pair: tuple[np.ndarray, np.ndarray], beats: np.ndarray, seed: int
) -> dict[str, Row]:
    """Return the shares of the first 30 s of the piece and of its nulls."""
    end = round(_MEASURED_S * SAMPLE_RATE)
    a, b = (x[:end] for x in pair)
    rows = {"this piece": shares(mix[:end], a, b)}
    for name, other in nulls(one, two, masks, beats, len(mix), seed):
        rows[name] = shares(other[:end], a, b)
    return rows

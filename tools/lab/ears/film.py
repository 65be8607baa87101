"""A film of what a tracker makes of a piece: the beat that an audience would see, beside the truth, with the sound.

    python tools/lab/ears/film.py CASE OUT.mp4

CASE: the name of a case of `vj bench ears`, the beginning of one, or "demo". Two columns, repetition alone and the live
tracker: a square flashes on the beat as the conductor plays it, white on the "one", dim where the tracker is not sure. Under
it the last eight seconds: the truth's beats from above, longer where a bar begins, those that were seen from below, green
where they are right within 70 ms, red where not. At the bottom, from the left: kick, snare, hat, build, break, drop.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.listener import plain_listener
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE, BeatPosition, signals_at
from phosphene.engine.tempo.conductor import CONFIDENCE_FLOOR
from phosphene.tools.lab.ears.cases import CASES
from phosphene.tools.lab.ears.piece import Piece
from phosphene.tools.lab.ears.scoring import WINDOW_S
from phosphene.tools.lab.ears.trackers import HOP_S, TRACKERS, Shown, shown

FPS, WIDTH, HEIGHT = 30, 640, 360
_COLUMNS = ("repetition", "live")
_METERS = ("kick", "snare", "hat", "build", "break", "drop")
_SPAN_S, _FLASH_S = 8.0, 0.12
_GREEN, _RED, _TRUTH, _BAR, _DARK = (70, 220, 110), (240, 60, 60), (90, 110, 140), (255, 255, 255), (26, 28, 34)


def piece_of(name: str) -> Piece:
    """Return the piece of the first case whose name begins so."""
    if name == "demo":
        track = demo_track()
        return Piece(track.pcm, track.beats, np.arange(len(track.beats)) % 4 + 1)
    return next(case for case in CASES if case.name.startswith(name)).piece()


def features(pcm: np.ndarray) -> np.ndarray:
    """Return the FEATURES [hops] of float32 [n, 2]."""
    listener, ring = plain_listener()
    records = np.zeros(len(pcm) // HOP, FEATURES)
    for k in range(len(records)):
        listener.hear(pcm[k * HOP : (k + 1) * HOP], (k + 1) * HOP_S)
        records[k] = ring.latest()
    return records


def column(canvas: np.ndarray, seen: Shown, piece: Piece, t: float) -> None:
    """Draw what an audience sees at `t` into uint8 [h, w, 3]."""
    width = canvas.shape[1]
    sure = float(seen.confidence[min(len(seen.confidence) - 1, int(t / HOP_S))])
    past = seen.beats[seen.beats <= t]
    if len(past) and t - past[-1] < _FLASH_S:
        one = bool(len(seen.bars)) and float(np.abs(seen.bars - past[-1]).min()) < 0.02
        colour = np.array(_BAR if one else (250, 170, 60)) * (1.0 if sure >= CONFIDENCE_FLOOR else 0.25)
        canvas[20:150, width // 2 - 65 : width // 2 + 65] = colour
    canvas[158:164, 10 : 10 + round((width - 20) * sure)] = (90, 150, 250)
    strip = canvas[175:275]
    strip[:] = _DARK
    for k, beat in enumerate(piece.beats.tolist()):
        if t - _SPAN_S <= beat <= t:
            x = int((beat - t + _SPAN_S) / _SPAN_S * (width - 3))
            strip[: 48 if piece.numbers[k] == 1 else 30, x : x + 2] = _TRUTH
    for beat in past[past >= t - _SPAN_S].tolist():
        right = bool(len(piece.beats)) and float(np.abs(piece.beats - beat).min()) <= WINDOW_S
        one = bool(len(seen.bars)) and float(np.abs(seen.bars - beat).min()) < 0.02
        x = int((beat - t + _SPAN_S) / _SPAN_S * (width - 3))
        strip[-(48 if one else 30) :, x : x + 2] = _GREEN if right else _RED


def frames(piece: Piece) -> Iterator[np.ndarray]:
    """Yield uint8 [HEIGHT, WIDTH, 3], `FPS` a second."""
    seen = [shown(TRACKERS[name](piece.pcm)) for name in _COLUMNS]
    records = features(piece.pcm)
    half = WIDTH // len(_COLUMNS)
    for k in range(int(piece.seconds * FPS)):
        t = k / FPS
        canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for place, each in enumerate(seen):
            assert each is not None
            column(canvas[:, place * half + 4 : (place + 1) * half - 4], each, piece, t)
        n = max(1, int(t / HOP_S))
        signals = signals_at(t, list(records[max(0, n - 8) : n]), BeatPosition())
        for place, name in enumerate(_METERS):
            x = 20 + place * 102
            canvas[290:350, x : x + 90] = _DARK
            height = round(60 * signals[name])
            canvas[350 - height : 350, x : x + 90] = (250, 170, 60) if place < 3 else (220, 80, 200)
        yield canvas


def main() -> None:
    """Make the film."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    piece = piece_of(options.case)
    with av.open(str(options.out), "w") as film:
        picture = film.add_stream("libx264", FPS)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = film.add_stream("aac", SAMPLE_RATE)
        for k, canvas in enumerate(frames(piece)):
            frame = av.VideoFrame.from_ndarray(canvas, "rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            film.mux(picture.encode(frame))
        for at in range(0, len(piece.pcm), SAMPLE_RATE):
            block = np.ascontiguousarray(piece.pcm[at : at + SAMPLE_RATE].T, np.float32)
            samples = av.AudioFrame.from_ndarray(block, "fltp", "stereo")
            samples.sample_rate, samples.pts, samples.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
            film.mux(sound.encode(samples))
        film.mux(picture.encode(None))
        film.mux(sound.encode(None))


if __name__ == "__main__":
    main()

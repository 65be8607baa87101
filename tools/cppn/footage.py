"""Music as the network will meet it: a track's signals at 24 fps, smoothed as on stage, and random moments of it.

Called by the trainer and by the scorer, before and during training. The analysis of a track is kept in the cache folder,
keyed by its samples; a cache that cannot be used costs the analysis again (8 s for two minutes) and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from phosphene.engine.audio.decode import stream_audio
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core import paths
from phosphene.engine.core.arrays import read_array
from phosphene.engine.core.cache import MOST_SIGNALS, keep_within
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE, SIGNALS, signals_at
from phosphene.engine.models.encoding import AUDIO_INPUTS, PLACE, Motion, input_values, uniform_vector
from phosphene.engine.models.style import write_atomic
from phosphene.engine.tempo.conductor import Conductor

FPS = 24
MAX_SECONDS = 240.0  # of a track: enough to hear all of its parts
_MOST_BYTES = 1 << 30  # of an analysis: 30 hours
_ANALYSIS_VERSION = 2  # raise it when the analyser or the tracker changes what it says

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Music:
    """A track at `FPS`. signals: the show's, by name. levels: audio inputs 0..1 after the show's attack and release."""

    name: str
    signals: tuple[Mapping[str, float], ...]
    levels: tuple[Mapping[str, float], ...]

    @classmethod
    def of(cls, name: str, signals: Sequence[Mapping[str, float]]) -> Music:
        """Return the music whose signals these are, `FPS` a second."""
        motion = Motion()
        levels = []
        for each in signals:
            values = motion.step(each, 1.0 / FPS)
            levels.append({name: values[name] for name in AUDIO_INPUTS})
        return cls(name, tuple(signals), tuple(levels))

    @cached_property
    def onsets(self) -> np.ndarray:
        """The onset envelope, float64 [frames], 0..1."""
        return np.array([s["onset"] for s in self.signals])

    def uniforms(
        self, names: Sequence[str], scales: Mapping[str, float], frame: int, time: float, place: float = 0.0
    ) -> np.ndarray:
        """Return the uniform inputs, float64 [len(names)], at `frame` of the track and `time` s of integrated time.

        place: turns round the style's variations.
        """
        values = input_values(time, self.levels[frame], self.signals[frame]) | {PLACE: place}
        return uniform_vector(names, values, scales)

    def draw(self, rng: np.random.Generator) -> int:
        """Return a random frame; every third draw is one of the loudest onsets, which are short and matter most."""
        if rng.random() < 1 / 3:
            loud = np.flatnonzero(self.onsets >= np.quantile(self.onsets, 0.9))
            return int(rng.choice(loud))
        return int(rng.integers(len(self.signals)))

    def entrance(self, seconds: float, lead_s: float = 2.0) -> tuple[Mapping[str, float], ...]:
        """Return `seconds` of the signals around the place where the music comes in strongest: `lead_s` of quiet before it.

        For moving previews, which are to show what silence, a kick and a full mix do.
        """
        count, lead = round(seconds * FPS), round(lead_s * FPS)
        if count > len(self.signals) or lead >= count:
            return self.signals[:count]
        level = np.concatenate([[0.0], np.cumsum([s["rms"] + s["onset"] for s in self.signals])])
        starts = np.arange(len(self.signals) - count + 1)
        before = (level[starts + lead] - level[starts]) / lead
        after = (level[starts + count] - level[starts + lead]) / (count - lead)
        first = int((after - before).argmax())
        return self.signals[first : first + count]

    def spread(self) -> dict[str, float]:
        """Return the range, 5th to 95th percentile, of each audio input over the track: robust against single peaks."""
        table = {name: np.array([level[name] for level in self.levels]) for name in AUDIO_INPUTS}
        return {name: float(np.quantile(v, 0.95) - np.quantile(v, 0.05)) for name, v in table.items()}


def load_music(audio: str | Path = "demo") -> Music:
    """Return the analysed track: a file, or "demo". Raises UserError for a file that cannot be read or is too short."""
    demo = str(audio) == "demo"
    name = "demo" if demo else Path(audio).name
    pcm = demo_track().pcm if demo else _beginning(Path(audio))
    if len(pcm) < SAMPLE_RATE:
        raise UserError(
            "the track is too short", where=str(audio), allowed="1 s or more", got=f"{len(pcm) / SAMPLE_RATE:.2f} s"
        )
    key = hashlib.sha256(np.ascontiguousarray(pcm).tobytes() + f"{_ANALYSIS_VERSION} {FPS} {SIGNALS}".encode())
    path = paths.cache_dir() / "signals" / f"{key.hexdigest()[:24]}.npy"
    table = _read(path)
    if table is None:
        table = _analyse(pcm)
        _keep(path, table)
        keep_within(path.parent, MOST_SIGNALS)
    return Music.of(name, [dict(zip(SIGNALS, map(float, row), strict=True)) for row in table])


def _beginning(path: Path) -> np.ndarray:
    """Return the first `MAX_SECONDS` of a file: a DJ set of three hours would not fit into memory."""
    blocks, wanted, faults = [np.zeros((0, 2), np.float32)], int(MAX_SECONDS * SAMPLE_RATE), SoundFaults()
    for block in stream_audio(path, faults=faults):
        blocks.append(block[:wanted])
        wanted -= len(block)
        if wanted <= 0:
            break
    for line in faults.lines():
        _log.warning("%s: %s", path, line)
    return np.concatenate(blocks)


def _analyse(pcm: np.ndarray) -> np.ndarray:
    """Return the signals float64 [frames, len(SIGNALS)] that a show would have had, the beat tracker's line included."""
    analysis, conductor = FileAnalysis(pcm), Conductor(t=0.0)
    rows, since = [], 0.0
    for k in range(int(len(pcm) / SAMPLE_RATE * FPS)):
        t = (k + 1) / FPS
        records = analysis.records(t)
        conductor.update(analysis.timeline_at(t), t)
        signals = signals_at(t, records, conductor.position(t), since=since)
        since = signals.t_audio
        rows.append([signals[name] for name in SIGNALS])
    return np.array(rows)


def _read(path: Path) -> np.ndarray | None:
    try:
        table = read_array(path, _MOST_BYTES)
    except UserError:
        return None
    return table if table.ndim == 2 and table.shape[1] == len(SIGNALS) and np.isfinite(table).all() else None


def _keep(path: Path, table: np.ndarray) -> None:
    data = io.BytesIO()
    np.save(data, table)
    try:
        write_atomic(path, data.getvalue())
    except OSError as error:
        _log.warning("the analysis is not kept (%s): %s", path, error)

"""Frames to train the drum network on: mel spectra of thousands of mixes, and which of their hops is to be told a hit."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from phosphene.engine.audio.drum_bands import GROUPS
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE
from phosphene.tools.lab.ears import wide_drums
from phosphene.tools.lab.ears.drum_mixes import Mix, Sounds, mix, steady
from phosphene.tools.lab.ears.drums import CLASSES
from phosphene.tools.lab.ears.mels import COMPRESSION, mel_powers

TINY = 1e-12  # added to powers before their logarithm: -120 dB
_YES = {1: 0.3, 2: 1.0, 3: 1.0}  # hops after the one that holds the attack: how much it counts that "yes" is said there
_EITHER = (0, 4, 5)  # and where it does not matter what is said
_HEARD_NATS = 0.25  # of rise in the class's bands; a hit that raises them less is drowned, and is not asked for

Example = tuple[np.ndarray, dict[str, np.ndarray]]


def examples(
    seeds: Iterable[int], sounds_seed: int, count: int, folder: Path | None, held_out: bool, workers: int = 1
) -> list[Example]:
    """Return for every seed (log power float16 [hops, 40], hits: class -> s). count: voices of a name that are made.

    folder: of one-shots, or None. held_out: their held out ones. Raises UserError.
    """
    seeds = list(seeds)
    parts = [seeds[k::workers] for k in range(workers)]
    work = partial(_some, sounds_seed=sounds_seed, count=count, folder=folder, held_out=held_out)
    if workers == 1:
        return work(seeds)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        made = list(pool.map(work, parts))
    return [made[k % workers][k // workers] for k in range(len(seeds))]


def _some(seeds: list[int], sounds_seed: int, count: int, folder: Path | None, held_out: bool) -> list[Example]:
    sounds = Sounds.of(sounds_seed, count, None if folder is None else wide_drums.one_shots(folder, held_out))
    return [example(seed, sounds) for seed in seeds]


def example(seed: int, sounds: Sounds) -> Example:
    """Return one mix as (log power float16 [hops, 40], hits)."""
    return _seen(mix(seed, sounds))


def steady_examples(seeds: Iterable[int]) -> list[Example]:
    """Return sounds without any hit: see `drum_mixes.steady`."""
    return [_seen(steady(seed)) for seed in seeds]


def _seen(made: Mix) -> Example:
    return np.log(mel_powers(made.pcm) + np.float32(TINY)).astype(np.float16), made.hits


def log_mel(log_power: np.ndarray, gain_db: float = 0.0) -> np.ndarray:
    """Return float32 [hops, 40] as the Analyzer would give it for a sound so much louder."""
    return np.log1p(np.exp(log_power.astype(np.float32)) * np.float32(COMPRESSION * 10.0 ** (gain_db / 10.0)))


def targets(log_power: np.ndarray, hits: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return (wanted, weight), float32 [hops, 3]: what the network should say after each hop, and how much it counts."""
    hops = len(log_power)
    wanted, weight = np.zeros((hops, len(CLASSES)), np.float32), np.ones((hops, len(CLASSES)), np.float32)
    mel = log_mel(log_power)
    for k, (name, (first, last)) in enumerate(zip(CLASSES, GROUPS, strict=True)):
        level = mel[:, first:last]
        starts = (hits[name] * SAMPLE_RATE / HOP).astype(np.int64)
        starts = starts[starts < hops]
        for start in starts:
            for late in _EITHER:
                if start + late < hops:
                    weight[start + late, k] = 0.0
        for start in starts:
            after, before = level[start : start + 3], level[max(0, start - 2) : start]
            rise = after.max(axis=0) - before.min(axis=0) if len(before) else after.max(axis=0)
            audible = float(rise.mean()) >= _HEARD_NATS
            for late, counts in _YES.items():
                if start + late < hops:
                    wanted[start + late, k] = 1.0
                    weight[start + late, k] = counts if audible else 0.0
    return wanted, weight


def stacked(found: list[Example]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (log power float16 [n, hops, 40], wanted, weight uint8 and float16 [n, hops, 3]) of mixes that are as long."""
    power = np.stack([log_power for log_power, _ in found])
    assert power.shape[2] == MEL_BANDS
    both = [targets(*one) for one in found]
    return power, np.stack([w for w, _ in both]).astype(np.uint8), np.stack([w for _, w in both]).astype(np.float16)

"""Do the signals of the music tagger tell apart what they claim? And the words of `vj styles suggest`?

Run by hand (`python tools/lab/bench_tags.py [--labelled FILE] [--json]`), five minutes. What is heard: 24 pieces drawn at
random (`tools/lab/ears`, seeds apart from the cases of the benchmark), pads, crowds, applause and speech, the parts of the
demo track; and recordings, `--labelled`: lines of a path, a tab, and what is true of it: `+drums -vocals classical`, signals
with a sign, and the genre of `suggest.FAMILIES` where it is one of them.

AUC: how often a sound of which a signal is true has the higher mean than one of which it is not. What is not known counts
for neither. The null: the same with the truths dealt out anew, 500 times, its mean and the 95th percentile. Genres: the
likeliest by the hand-set rules, and by what `vj styles suggest` says with tags, right how often; the null deals the answers
out anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.tag_network import TagNetwork, open_network
from phosphene.engine.audio.tagger import NAMES, signals_of, tags_of
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.library.suggest import FAMILIES, sounds_like
from phosphene.engine.library.track import Track, analyse, excerpts
from phosphene.tools.lab.ears.piece import make
from phosphene.tools.lab.ears.random_piece import random_recipe
from phosphene.tools.lab.ears.spoiling import BEATLESS, beatless

_SEED = 730_000
_PIECES, _EACH, _SECONDS = 24, 4, 24.0
_DEALS = 500
_FAST_BPM = 110.0
_BY_PATTERN = dict.fromkeys(("house", "techno", "dubstep", "dnb", "trap", "garage"), "electronic")


@dataclass
class Sound:
    """truth: signal -> whether it is true. genre: of FAMILIES, or empty. values: signal -> mean; track: as heard."""

    name: str
    pcm: np.ndarray
    truth: dict[str, bool]
    genre: str = ""
    values: dict[str, float] = field(default_factory=dict)
    track: Track | None = None


def made() -> Iterator[Sound]:
    """Yield what the project makes itself."""
    for k in range(_PIECES):
        recipe = random_recipe(_SEED + k, _SECONDS)
        played = recipe.kit == "acoustic"
        truth = {"drums": True, "vocals": False, "calm": False}
        if not played:
            truth["electronic"] = True
        if isinstance(recipe.bpm, float) and recipe.bpm >= _FAST_BPM:
            truth["energy"] = True
        name = f"{recipe.pattern}, {recipe.kit} {k}"
        yield Sound(name, make(replace(recipe, intro=0)).pcm, truth, "" if played else _BY_PATTERN.get(recipe.pattern, ""))
    told: dict[str, dict[str, bool]] = {
        "pads": {"calm": True, "energy": False, "drums": False, "vocals": False},
        "crowd": {"calm": False, "drums": False},
        "applause": {"calm": False, "drums": False, "vocals": False},
        "speech": {"vocals": True, "drums": False, "energy": False},
    }
    for kind in BEATLESS:
        for k in range(_EACH):
            pcm = beatless(kind, _SECONDS, np.random.default_rng([_SEED, k])).pcm
            yield Sound(f"{kind} {k}", pcm, told[kind], "ambient" if kind == "pads" else "")
    demo = demo_track()
    for name, start, end in demo.sections:
        quiet = name in ("intro", "break")
        truth = {"vocals": False, "calm": quiet, "energy": not quiet} | ({} if name == "intro" else {"drums": not quiet})
        pcm = demo.pcm[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        yield Sound(f"demo, {name}", pcm, truth if quiet else truth | {"electronic": True}, "" if quiet else "electronic")


def labels(file: Path) -> list[tuple[Path, dict[str, bool], str]]:
    """Return (path, truth, genre) of each line of a list. Raises UserError for words that there are not."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        path, _, words = line.partition("\t")
        if not words.strip():
            continue
        signed = {word[1:]: word[0] == "+" for word in words.split() if word[0] in "+-"}
        genres = [word for word in words.split() if word[0] not in "+-"]
        if unknown := sorted((set(signed) - set(NAMES)) | (set(genres) - set(FAMILIES))):
            raise UserError("unknown words", where=f"{file}, {path}", allowed=", ".join([*NAMES, *FAMILIES]), got=unknown)
        found.append((file.parent / path, signed, "".join(genres[:1])))
    return found


def recorded(listed: Sequence[tuple[Path, dict[str, bool], str]]) -> Iterator[Sound]:
    """Yield recordings."""
    for path, truth, genre in listed:
        pcm = np.concatenate(list(excerpts(path)))
        # A loop is heard as a loop: the network wants three seconds, the mean some more.
        yield Sound(path.name, np.tile(pcm, (max(1, -(-9 * SAMPLE_RATE // len(pcm))), 1)), truth, genre)


def hear(network: TagNetwork, sound: Sound) -> Sound:
    """Fill in the values, not smoothed, and the track; let go of the samples."""
    rows = tags_of(network, [sound.pcm]).rows
    sound.values = dict(zip(NAMES, np.mean([signals_of(row["tags"]) for row in rows], axis=0).tolist(), strict=True))
    sound.track = analyse(sound.pcm) if sound.genre else None
    sound.pcm = np.zeros((0, 2), np.float32)
    return sound


def auc(true: Sequence[float], false: Sequence[float]) -> float:
    """Return how often one of `true` is above one of `false`, ties half."""
    higher = np.asarray(true)[:, None] - np.asarray(false)[None]
    return float(np.mean(higher > 0) + 0.5 * np.mean(higher == 0))


def told_apart(sounds: Sequence[Sound], name: str) -> dict[str, Any]:
    """Return how well one signal does."""
    judged = [sound for sound in sounds if name in sound.truth]
    values, truth = np.array([s.values[name] for s in judged]), np.array([s.truth[name] for s in judged])
    if truth.all() or not truth.any():
        return {"true": int(truth.sum()), "false": int((~truth).sum())}
    rng = np.random.default_rng(0)
    dealt = [rng.permutation(truth) for _ in range(_DEALS)]
    null = [auc(values[deal], values[~deal]) for deal in dealt]
    return {
        "true": int(truth.sum()),
        "false": int((~truth).sum()),
        "auc": round(auc(values[truth], values[~truth]), 3),
        "null_mean": round(float(np.mean(null)), 3),
        "null_p95": round(float(np.percentile(null, 95)), 3),
        "median_true": round(float(np.median(values[truth])), 2),
        "median_false": round(float(np.median(values[~truth])), 2),
        "lowest_true": round(float(values[truth].min()), 2),
        "highest_false": round(float(values[~truth].max()), 2),
    }


def words(sounds: Sequence[Sound]) -> dict[str, Any]:
    """Return how often the likeliest genre of each way is right, and how often rules and tags agree."""
    judged = [sound for sound in sounds if sound.genre and sound.track is not None]
    truth = np.array([sound.genre for sound in judged])
    ways = {}
    for way, tracks in (
        ("rules", [replace(sound.track, tags={}) for sound in judged]),
        ("tags", [sound.track for sound in judged]),
    ):
        ways[way] = np.array([next(iter(sounds_like(track)), "") for track in tracks])
    rng = np.random.default_rng(0)

    def share(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
        null = [float(np.mean(rng.permutation(one) == other)) for _ in range(_DEALS)]
        return {
            "share": round(float(np.mean(one == other)), 3),
            "null_mean": round(float(np.mean(null)), 3),
            "null_p95": round(float(np.percentile(null, 95)), 3),
        }

    found: dict[str, Any] = {"pieces": len(judged)} | {f"{way} right": share(ways[way], truth) for way in ways}
    found["rules agree with tags"] = share(ways["rules"], ways["tags"])
    found["each"] = {s.name: [s.genre, str(r), str(t)] for s, r, t in zip(judged, ways["rules"], ways["tags"], strict=True)}
    return found


def bench(labelled: Path | None = None) -> dict[str, Any]:
    """Hear everything; return {"made": {signal: ...}, "recorded": ..., "all": ..., "genres": ...}."""
    network = open_network()
    listed = [] if labelled is None else labels(labelled)
    groups = {"made": [hear(network, sound) for sound in made()]}
    if listed:
        groups["recorded"] = [hear(network, sound) for sound in recorded(listed)]
        groups["all"] = groups["made"] + groups["recorded"]
    found: dict[str, Any] = {name: {s: told_apart(group, s) for s in NAMES} for name, group in groups.items()}
    found["genres"] = {name: words(group) for name, group in groups.items()}
    every = groups.get("all", groups["made"])
    found["values"] = {s.name: {name: round(value, 2) for name, value in s.values.items()} for s in every}
    return found


def main(arguments: Sequence[str]) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelled", type=Path, help="a list of recordings and what is true of them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = bench(options.labelled)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    for group, signals in found.items():
        if group in ("genres", "values"):
            continue
        print(group)
        for name, row in signals.items():
            print(f"  {name:11s}", "  ".join(f"{key} {value}" for key, value in row.items()))
    for group, row in found["genres"].items():
        print(f"genres, {group}:", json.dumps({key: value for key, value in row.items() if key != "each"}))
        for name, (truth, rules, tags) in row["each"].items():
            print(f"    {name:34s} {truth:11s} rules {rules:11s} tags {tags}")
    for name, values in found["values"].items():
        print(f"  {name:34s}", "  ".join(f"{key} {value:.2f}" for key, value in values.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a score must beat: networks that nobody trained, and the best of as many random ones as there were steps.

Called once a run, after training. There are two ways to be untrained, and a null is always the better of the two:

    xavier   `cppn.random_weights`, as the first seed draws them: uniform with gain 5, normalisation left at 1
    grown    `growth.grow`: scaled layers, a chosen palette, measured sensitivities; where our training begins
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from phosphene.engine.core.frame import Size
from phosphene.engine.library.growing import TYPICAL_SIGNALS
from phosphene.engine.models.cppn import CppnSpec, Weights, random_weights
from phosphene.engine.models.growth import FIRST_SCALES, draw_recipe, grow, shape
from phosphene.engine.models.style import Motion, Network, Preview, Style, StyleMeta
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.scores import as_music, draw_moments, guide_scores, rendered, view_scores
from phosphene.tools.guides.base import Guide
from phosphene.tools.guides.choose import Pull

KINDS = ("xavier", "grown")
DRAWS = 4  # networks of each kind that the untrained score is the mean of
_GLANCE = Size(64, 36)
_FINALISTS, _SECOND_LOOK = 12, 3  # best at a glance are looked at again, at so many whole frames each
_GLANCES = 64  # networks scored together


def untrained(spec: CppnSpec, seed: int) -> dict[str, Style]:
    """Return {"xavier", "grown"}: the same architecture at random weights, both ways."""
    weights, scales = grow(spec, draw_recipe(seed), seed)
    return {
        "xavier": unsaved_style("xavier", spec, random_weights(spec, seed), {}),
        "grown": unsaved_style("grown", spec, weights, scales),
    }


def unsaved_style(name: str, spec: CppnSpec, weights: Weights, scales: Mapping[str, float], variations: int = 1) -> Style:
    """Return a style that is in no folder, with the motion and preview that trained ones have."""
    network = Network(inputs=spec.inputs, width=spec.width, layers=spec.layers, activations=spec.activations)
    meta = StyleMeta(
        version=1, name=name, kind="cppn", seed=0, licence="CC0-1.0", network=network, normalisation=dict(scales),
        preview=Preview(time=20.0, signals=TYPICAL_SIGNALS), motion=Motion(variations=variations),
    )  # fmt: skip
    return Style(name, name, "cppn", spec, weights, meta)


def score_untrained(
    spec: CppnSpec,
    pulls: Sequence[Pull],
    judge: Guide,
    signals: Music | Sequence[Mapping[str, float]],
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, float]:
    """Return judge_untrained and guide_untrained, each the better kind's mean over `draws` networks, and
    {judge,guide}_untrained_{xavier,grown}."""
    music = as_music(signals)
    moments = draw_moments(music, seed)
    table: dict[str, list[float]] = {f"{what}_untrained_{kind}": [] for what in ("judge", "guide") for kind in KINDS}
    for k in range(draws):
        for kind, style in untrained(spec, seed * 100_003 + 50_000 + k).items():  # far from the seeds of the starts
            pictures = rendered(style, music, moments)
            table[f"judge_untrained_{kind}"].append(float(view_scores(judge, pictures).mean()))
            table[f"guide_untrained_{kind}"].append(float(guide_scores(pulls, pictures).mean()))
    found = {name: round(float(np.mean(values)), 5) for name, values in table.items()}
    best = {f"{what}_untrained": max(found[f"{what}_untrained_{kind}"] for kind in KINDS) for what in ("judge", "guide")}
    return best | found


def random_search(
    spec: CppnSpec,
    count: int,
    pulls: Sequence[Pull],
    judge: Guide,
    signals: Music | Sequence[Mapping[str, float]],
    seed: int = 0,
) -> dict[str, float]:
    """Return judge_random and guide_random: the scores, on whole frames, of the network that the guides like best among
    `count`, half of each kind.

    All are seen at a glance (one small frame, its centre square); the best 12 are looked at again on 3 whole frames of the
    moments that count, because the best of many glances is mostly luck, and a lucky null would be a weak one.
    """
    music = as_music(signals)
    moments = draw_moments(music, seed)
    glance = draw_moments(music, seed + 1, 1)
    scores: list[np.ndarray] = []
    for first in range(0, count, _GLANCES):
        batch = range(first, min(count, first + _GLANCES))
        pictures = [rendered(_candidate(spec, seed, k), music, glance, _GLANCE)[0] for k in batch]
        scores.append(guide_scores(pulls, torch.stack(pictures), squares=1))
    order = np.argsort(-np.concatenate(scores), kind="stable")[:_FINALISTS]
    finalists = [_candidate(spec, seed, int(k)) for k in order]
    looks = [guide_scores(pulls, rendered(style, music, moments[:_SECOND_LOOK])).mean() for style in finalists]
    pictures = rendered(finalists[int(np.argmax(looks))], music, moments)
    return {
        "judge_random": round(float(view_scores(judge, pictures).mean()), 5),
        "guide_random": round(float(guide_scores(pulls, pictures).mean()), 5),
    }


def _candidate(spec: CppnSpec, seed: int, k: int) -> Style:
    """Return random network `k`: even ones are grown, odd ones Xavier. Without `calibrate`, four times as fast to make: it
    sets how far sound moves the picture, and a glance is one moment."""
    number = seed * 100_003 + 20_000 + k
    if k % 2:
        return unsaved_style("xavier", spec, random_weights(spec, number), {})
    return unsaved_style("grown", spec, shape(spec, draw_recipe(number), number), FIRST_SCALES)

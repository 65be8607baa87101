"""Scores a style on what the show will paint: whole frames at random moments, never the cut-outs that it was trained on.

Called once for each style, after training, and for its nulls (`nulls`). The judge has never pulled. No gradients, no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from phosphene.engine.core.frame import Size
from phosphene.engine.generators.still import still
from phosphene.engine.models.encoding import PLACE
from phosphene.engine.models.style import Style
from phosphene.tools.cppn import liveliness
from phosphene.tools.cppn.footage import Music
from phosphene.tools.guides.base import Guide, TextJudge
from phosphene.tools.guides.choose import Pull
from phosphene.tools.guides.patches import PatchesJudge

RENDERED = Size(256, 144)
MOMENTS = 12
TIMES = (0.0, 600.0)  # s of integrated time: a long track's worth
_BATCH = 32  # pictures at once: a CLIP tower holds 40 MB for each
_PHASES = ("beat_phase", "bar_phase", "phrase_phase")

Moment = tuple[float, int]  # integrated time in s, frame of the track


def as_music(signals: Music | Sequence[Mapping[str, float]]) -> Music:
    """Return `signals` as music; a plain sequence is taken to be 24 a second."""
    return signals if isinstance(signals, Music) else Music.of("signals", signals)


def draw_moments(music: Music, seed: int, count: int = MOMENTS) -> list[Moment]:
    """Return `count` moments: times and frames spread evenly with a jitter, in an order of their own. Same seed, same
    moments, for every style: a difference of scores is then one of styles."""
    rng = np.random.default_rng([seed, 22])
    times = (np.arange(count) + rng.random(count)) / count * (TIMES[1] - TIMES[0]) + TIMES[0]
    frames = (np.arange(count) + rng.random(count)) / count * len(music.signals)
    return [(float(t), int(k)) for t, k in zip(times, frames[rng.permutation(count)], strict=True)]


def rendered(
    style: Style, music: Music | Sequence[Mapping[str, float]], moments: Sequence[Moment], size: Size = RENDERED
) -> torch.Tensor:
    """Return the show's frames at `moments`, float32 [n, 3, h, w], sRGB 0..1, row 0 at the top; one variation after the
    other, where the style has several."""
    music, variations = as_music(music), style.meta.motion.variations
    frames: list[np.ndarray] = []
    for time, k in moments:
        phases = {name: music.signals[k].get(name, 0.0) for name in _PHASES}
        place = len(frames) % variations / variations
        frames.append(still(style, size, time, {**music.levels[k], **phases, PLACE: place}).copy())
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()


def view(guide: Guide, pictures: torch.Tensor, squares: int = 3) -> torch.Tensor:
    """Return `pictures` as `guide` is to see them: [n * views, 3, side, w], the views of one picture together.

    squares: full-height squares for a guide that wants cut-outs, from the left to the right edge; 1 is the centre alone.
    A whole-picture guide sees one view. Nothing is random and nothing is magnified: this is what the audience sees.
    """
    height, width = pictures.shape[2:]
    if not guide.cutouts:
        return _resized(pictures, guide.side, max(1, round(guide.side * width / height)))
    side = min(height, width)
    where = [0.5] if squares == 1 else np.linspace(0.0, 1.0, squares)
    views = []
    for part in where:
        x, y = round(part * (width - side)), round(part * (height - side))
        views.append(_resized(pictures[:, :, y : y + side, x : x + side], guide.side, guide.side))
    return torch.stack(views, 1).flatten(0, 1)


def view_scores(guide: Guide, pictures: torch.Tensor, squares: int = 3) -> np.ndarray:
    """Return what `guide` gives each of `pictures` [n, 3, h, w], float64 [n]: the mean over its views."""
    with torch.no_grad():
        seen = view(guide, pictures, squares)
        found = torch.cat([guide.score(part) for part in seen.split(_BATCH)])
    return found.double().reshape(len(pictures), -1).mean(1).cpu().numpy()


def guide_scores(pulls: Sequence[Pull], pictures: torch.Tensor, squares: int = 3) -> np.ndarray:
    """Return the weighted sum of what the guides give each picture, float64 [n]."""
    return np.sum([pull.weight * view_scores(pull.guide, pictures, squares) for pull in pulls], axis=0)


def retrieval(judge: TextJudge, pictures: torch.Tensor, prompts: Sequence[str], own: int) -> int:
    """Return the place, from 1, of `prompts[own]` among all prompts in the judge's eyes; by chance it is 1 in 1 of N.

    pictures: one style's frames [n, 3, h, w]. A tie counts against the style.
    """
    with torch.no_grad():
        seen = view(judge, pictures)
        table = torch.cat([judge.similarities(part, list(prompts)) for part in seen.split(_BATCH)])
    means = table.double().mean(0).cpu().numpy()
    others = np.delete(means, own)
    return 1 + int((others >= means[own]).sum())


def score_style(
    style: Style,
    pulls: Sequence[Pull],
    judge: Guide,
    signals: Music | Sequence[Mapping[str, float]],
    seed: int = 0,
    loop_s: float = 0.0,
) -> dict[str, float]:
    """Return the style's scores: flat, finite, rounded to 1e-5.

    judge, guide (the weighted sum of the pulls): mean over the rendered moments. reactivity beside reactivity_null, with
    reactivity_lag in s. flicker while the sound is held, flicker_music while it plays. loop beside loop_step where
    `loop_s` > 0. patches: distance to the held-out pictures of a board, beside patches_itself, where these judge, and beside
    patches_other where they were painted. lightness, range, dark, colour: see `liveliness.statistics`.
    """
    music = as_music(signals)
    pictures = rendered(style, music, draw_moments(music, seed))
    part = liveliness.excerpt(music.signals)
    steady = liveliness.held(part)
    reaction = liveliness.reactivity(style, music.signals, seed)
    found = {
        "judge": float(view_scores(judge, pictures).mean()),
        "guide": float(guide_scores(pulls, pictures).mean()),
        "reactivity": reaction.correlation,
        "reactivity_null": reaction.null,
        "reactivity_lag": reaction.lag,
        "flicker": liveliness.flicker(liveliness.frames_of(style, steady)),
        "flicker_music": liveliness.flicker(liveliness.frames_of(style, part[: 2 * len(steady)])),
    }
    if isinstance(judge, PatchesJudge):
        found |= {"patches": float(judge.distance(view(judge, pictures))), "patches_itself": judge.itself}
        found |= {"patches_other": judge.other} if judge.other is not None else {}
    if loop_s > 0:
        found["loop"], found["loop_step"] = liveliness.loop_error(style, loop_s, steady[0])
    found |= liveliness.statistics(pictures.permute(0, 2, 3, 1).numpy())
    return {name: round(value, 5) for name, value in found.items()}


def _resized(pictures: torch.Tensor, height: int, width: int) -> torch.Tensor:
    if pictures.shape[2:] == (height, width):
        return pictures
    return functional.interpolate(pictures, (height, width), mode="bilinear", antialias=True, align_corners=False)

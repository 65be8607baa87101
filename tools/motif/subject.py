"""What can be in a picture, in words: families of patterns, colours, and how they are treated; and moods made of these.

Data and random draws only: painters (`pictures`) and writers (`captions`) both read it, so that a picture and its caption
agree. Any thread; no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

# name -> OKLab-ish anchor in sRGB hex: the middle of what people call by that name.
COLOURS: dict[str, str] = {
    "red": "#e0202c", "orange": "#ff7a1a", "yellow": "#ffd92e", "gold": "#d9a520", "green": "#2fb344", "lime": "#9be022",
    "teal": "#0f9a96", "cyan": "#25dcf0", "blue": "#2457e6", "navy": "#14226e", "purple": "#8430d6", "lavender": "#bda6f0",
    "magenta": "#e822c4", "pink": "#ff6fb5", "brown": "#7d4a24", "white": "#f6f6f6", "gray": "#8a8a90", "black": "#050507",
}  # fmt: skip
CHROMATIC = tuple(name for name in COLOURS if name not in ("white", "gray", "black"))

# What the shipped weights of `motif` have learnt; a training learns all of `FAMILIES`.
LEARNT = (
    "stripes", "waves", "checker", "grid", "hexagons", "triangles", "dots", "bubbles", "cells", "shards", "rings", "rays",
    "spiral", "petals", "tunnel", "clouds", "smoke", "nebula", "stars", "flames", "lightning", "caustics", "ripples",
    "marble", "silk", "wood", "branches", "leaves", "contours", "glitch", "scanlines", "blobs", "feathers", "maze",
)  # fmt: skip
# Every family is a painter of that name in `pictures`.
FAMILIES = (*LEARNT, "scales", "lace", "circuits", "veins", "glass", "bricks", "weave", "tiles")

GROUNDS = ("black", "dark", "light", "white")
TREATMENTS = ("plain", "vivid", "neon", "pastel", "muted")
CONTRASTS = ("low", "medium", "high")
DENSITIES = ("sparse", "medium", "dense")
SYMMETRIES = ("none", "mirror", "radial")
SHARPNESSES = ("soft", "medium", "sharp")


@dataclass(frozen=True)
class Subject:
    """One picture in words. colours: one to three names of `COLOURS`, the most prominent first; mood: "" or of `MOODS`."""

    family: str
    colours: tuple[str, ...]
    ground: str = "dark"
    treatment: str = "plain"
    contrast: str = "medium"
    density: str = "medium"
    symmetry: str = "none"
    sharpness: str = "medium"
    mood: str = ""


@dataclass(frozen=True)
class Mood:
    """What a mood word stands for: any of `families`, any of `schemes` (colour triples), and fixed treatments."""

    families: tuple[str, ...]
    schemes: tuple[tuple[str, ...], ...]
    fixed: dict[str, str] = field(default_factory=dict)


MOODS: dict[str, Mood] = {
    "cyberpunk": Mood(("grid", "tunnel", "glitch", "scanlines", "hexagons", "triangles", "stripes"),
                      (("pink", "blue"), ("magenta", "cyan"), ("pink", "cyan", "purple")),
                      {"ground": "black", "treatment": "neon", "contrast": "high", "sharpness": "sharp"}),
    "cosmic": Mood(("nebula", "stars", "spiral", "clouds"),
                   (("purple", "blue"), ("magenta", "blue", "purple"), ("purple", "pink", "navy")),
                   {"ground": "black", "treatment": "vivid", "contrast": "high"}),
    "fire": Mood(("flames", "smoke", "lightning", "waves"),
                 (("orange", "red", "yellow"), ("red", "orange"), ("orange", "yellow")),
                 {"ground": "black", "treatment": "vivid", "contrast": "high"}),
    "ocean": Mood(("caustics", "ripples", "waves", "silk", "bubbles"),
                  (("blue", "teal"), ("teal", "cyan", "blue"), ("navy", "teal")), {"ground": "dark"}),
    "nature": Mood(("leaves", "branches", "feathers", "wood", "contours", "veins"),
                   (("green", "brown"), ("green", "lime", "brown"), ("brown", "green", "gold")), {"ground": "dark"}),
    "glitch": Mood(("glitch", "scanlines", "stripes"),
                   (("red", "white", "black"), ("red", "black"), ("white", "black", "red")),
                   {"ground": "black", "contrast": "high", "sharpness": "sharp"}),
    "pastel": Mood(("clouds", "silk", "smoke", "blobs"),
                   (("pink", "lavender"), ("lavender", "pink", "white"), ("pink", "white")),
                   {"ground": "light", "treatment": "pastel", "contrast": "low", "sharpness": "soft"}),
    "dream": Mood(("clouds", "silk", "bubbles", "smoke", "blobs", "feathers"),
                  (("lavender", "cyan"), ("pink", "blue", "lavender"), ("purple", "pink")),
                  {"treatment": "pastel", "sharpness": "soft"}),
    "ice": Mood(("shards", "cells", "triangles", "feathers"),
                (("cyan", "white", "blue"), ("white", "blue"), ("cyan", "navy")),
                {"contrast": "high", "sharpness": "sharp"}),
    "desert": Mood(("waves", "contours", "wood", "marble"), (("orange", "brown"), ("gold", "brown", "orange")),
                   {"treatment": "muted"}),
    "royal": Mood(("petals", "marble", "silk", "rays", "lace", "tiles"),
                  (("gold", "navy"), ("gold", "purple"), ("gold", "red")),
                  {"ground": "dark", "contrast": "high"}),
    "psychedelic": Mood(("spiral", "waves", "petals", "blobs", "marble", "rings"),
                        (("magenta", "lime", "orange"), ("purple", "yellow", "cyan"), ("pink", "green", "orange")),
                        {"treatment": "vivid", "contrast": "high"}),
    "mono": Mood(FAMILIES, (("white", "black"), ("gray", "white", "black")), {}),
    "aurora": Mood(("silk", "waves", "smoke", "feathers"),
                   (("green", "teal", "purple"), ("lime", "teal"), ("green", "cyan")),
                   {"ground": "black", "sharpness": "soft"}),
    "lava": Mood(("blobs", "cells", "flames", "marble"), (("red", "orange", "black"), ("orange", "red")),
                 {"ground": "black", "contrast": "high"}),
    "forest": Mood(("branches", "leaves", "feathers"), (("green", "brown"), ("green", "teal"), ("lime", "green")),
                   {"ground": "dark", "density": "dense"}),
    "sunset": Mood(("waves", "clouds", "rays", "silk"), (("orange", "pink", "purple"), ("red", "orange", "purple")), {}),
    "storm": Mood(("lightning", "clouds", "smoke"), (("blue", "white", "gray"), ("purple", "white")),
                  {"ground": "black", "contrast": "high"}),
    "candy": Mood(("stripes", "dots", "bubbles", "spiral"), (("pink", "cyan", "yellow"), ("pink", "white", "red")),
                  {"ground": "light", "treatment": "vivid"}),
    "circuit": Mood(("circuits", "maze", "grid", "hexagons"), (("green", "lime"), ("cyan", "teal"), ("gold", "green")),
                    {"ground": "black", "sharpness": "sharp", "contrast": "high"}),
}  # fmt: skip


def draw_subject(rng: np.random.Generator, mood_share: float = 0.35, families: tuple[str, ...] = LEARNT) -> Subject:
    """Return a random subject; every attribute is drawn freely, or within a mood's for `mood_share` of the draws.

    families: that may be drawn.
    """
    subject = Subject(
        family=str(rng.choice(families)),
        colours=draw_colours(rng),
        ground=str(rng.choice(GROUNDS, p=(0.4, 0.3, 0.18, 0.12))),
        treatment=str(rng.choice(TREATMENTS, p=(0.3, 0.25, 0.15, 0.15, 0.15))),
        contrast=str(rng.choice(CONTRASTS, p=(0.2, 0.4, 0.4))),
        density=str(rng.choice(DENSITIES)),
        symmetry=str(rng.choice(SYMMETRIES, p=(0.7, 0.15, 0.15))),
        sharpness=str(rng.choice(SHARPNESSES)),
    )
    if rng.random() < mood_share:
        name = str(rng.choice(sorted(MOODS)))
        mood = MOODS[name]
        scheme = mood.schemes[rng.integers(len(mood.schemes))]
        subject = replace(
            subject,
            family=str(rng.choice([family for family in mood.families if family in families])),
            colours=scheme,
            mood=name,
            **mood.fixed,
        )
    return subject


def draw_colours(rng: np.random.Generator) -> tuple[str, ...]:
    """Return one to three different colour names, at least one of them chromatic."""
    first = str(rng.choice(CHROMATIC))
    count = int(rng.choice((1, 2, 3), p=(0.3, 0.45, 0.25)))
    others = [name for name in COLOURS if name != first]
    return (first, *(str(c) for c in rng.choice(others, count - 1, replace=False)))

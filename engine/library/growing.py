"""Writes the folder of an untrained style, grown from a seed. Called by `vj styles new` and by tools; paints no preview."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.growth import Recipe, grow
from phosphene.engine.models.style import Network, Preview, made_meta, write_atomic, write_style

# What an untrained style is looked at with: middling music between two beats.
TYPICAL_SIGNALS = {
    "bass": 0.5, "mid": 0.4, "treble": 0.3, "rms": 0.5, "centroid": 0.4, "rolloff": 0.4, "onset": 0.2, "beat": 0.2,
    "beat_phase": 0.5, "bar_phase": 0.3, "phrase_phase": 0.4,
}  # fmt: skip


def write_grown(folder: Path, spec: CppnSpec, recipe: Recipe, seed: int, name: str, **more: object) -> None:
    """Grow an untrained style and write its folder, previews excepted. more: further fields of style.toml."""
    weights, normalisation = grow(spec, recipe, seed)
    network = Network(inputs=spec.inputs, width=spec.width, layers=spec.layers, activations=spec.activations)
    fields = {"preview": Preview(time=20.0, signals=TYPICAL_SIGNALS), "tags": ("untrained", recipe.palette)} | more
    meta = made_meta(
        name=name,
        kind="cppn",
        seed=seed,
        licence="CC0-1.0",
        network=network,
        normalisation=normalisation,
        **fields,
    )
    write_style(folder, meta, weights)
    history = {"how": "grown from a seed, untrained", "seed": seed, "recipe": dataclasses.asdict(recipe)}
    write_atomic(folder / "history.json", (json.dumps(history, indent=2) + "\n").encode())

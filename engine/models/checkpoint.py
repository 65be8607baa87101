"""Reads a checkpoint (.pth) of the first CLIP-guided CPPNs and turns it into a network of ours.

Called by `vj styles import`; never on stage. Such a file is a pickle: torch reads it with weights_only, which refuses
everything but numbers and text, so nothing of it ever runs.

What those networks are: hidden layers `layers.I`, activations sin, cos, gauss, tanh by index modulo 4, `output_layer` with
a sigmoid; twelve inputs. Their first coordinate grows downwards and their second to the right, both over -pi..pi, so that
column 0 becomes `y` with its sign changed, and the picture stands as its maker saw it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.cppn import ACTIVATIONS, MAX_LAYERS, MAX_WIDTH, MIN_WIDTH, OUTPUTS, CppnSpec, Weights
from phosphene.engine.models.style import MAX_WEIGHTS_BYTES
from phosphene.engine.models.torch_file import read_torch

# Their order, by our names: another than ours.
INPUTS = ("y", "x", "time", "bass", "mid", "treble", "centroid", "rolloff", "onset", "time_ramp", "beat", "rms")
TRAINED_TIME = 0.5  # what the time input was during the whole training
_MOST_TEXT, _MOST_NUMBER = 1000, 1 << 53  # of what a file says of its making
_REMEDY = "export it again with the program that made it"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as a network of ours. width: its own, which may be below our smallest; similarity: its best cosine to
    the prompt under its own CLIP model, on the one picture it was trained on, None if not stored.
    """

    spec: CppnSpec
    weights: Weights = field(repr=False)
    width: int
    prompt: str = ""
    similarity: float | None = None
    clip_model: str = ""
    audio: str = ""
    iterations: int | None = None
    resolutions: tuple[int, ...] = ()

    @property
    def parameters(self) -> int:
        """How many numbers the file holds for the network."""
        hidden = self.width * (self.width + 1) * (self.spec.layers - 1)
        return self.width * (len(INPUTS) + 1) + hidden + OUTPUTS * (self.width + 1)


def read_checkpoint(path: Path, zoom: float = 1.0) -> Checkpoint:
    """Read and check a file. Raises UserError for one that is missing, damaged, unsafe or another network's.

    zoom: how much larger its picture is drawn, 0.1 to 100; 2 pi shows the part that those networks' videos did, whose
    coordinates went from -0.5 to 0.5.
    """
    if not 0.1 <= zoom <= 100.0:
        raise UserError("zoom out of range", where="--zoom", allowed="0.1 to 100", got=zoom)
    content = read_torch(path, MAX_WEIGHTS_BYTES, remedy=_REMEDY)
    if not isinstance(content, Mapping):
        raise UserError("not a checkpoint", where=str(path), allowed="a table with state_dict", got=type(content).__name__)
    state = content.get("state_dict", content)  # the oldest files are the bare state_dict
    if not isinstance(state, Mapping):
        raise UserError("state_dict is no table", where=str(path), got=type(state).__name__, remedy=_REMEDY)
    width, layers = _architecture(path, content.get("cppn_config"), state)
    shapes = [(width, len(INPUTS)), *[(width, width)] * (layers - 1), (OUTPUTS, width)]
    names = [*(f"layers.{i}" for i in range(layers)), "output_layer"]
    expected = {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    if missing := sorted(expected - set(state)):
        raise UserError(
            "the network lacks a tensor", where=f"{path}, {missing[0]}", got=f"{len(missing)} missing", remedy=_REMEDY
        )
    if extra := sorted(str(key) for key in set(state) - expected):
        raise UserError("a tensor that the network has no place for", where=str(path), got=", ".join(extra))
    weights = [
        (_tensor(path, state, f"{name}.weight", shape), _tensor(path, state, f"{name}.bias", shape[:1]))
        for name, shape in zip(names, shapes, strict=True)
    ]
    weights[0][0][:, INPUTS.index("y")] *= -1.0 / zoom
    weights[0][0][:, INPUTS.index("x")] *= 1.0 / zoom
    spec = CppnSpec(INPUTS, max(width, MIN_WIDTH), layers, ACTIVATIONS)
    return Checkpoint(spec, _widened(weights, spec), width, **_facts(path, content))


def _architecture(path: Path, config: object, state: Mapping) -> tuple[int, int]:
    """Return (width, hidden layers), from the file's own description, or from the tensors where it has none."""
    where = f"{path}, cppn_config"
    if config is None:
        first = state.get("layers.0.weight")
        if getattr(first, "ndim", 0) != 2:
            raise UserError(
                "not a CPPN of the first kind", where=f"{path}, layers.0.weight", got=", ".join(map(str, list(state)[:4]))
            )
        found = [re.fullmatch(r"layers\.(\d{1,4})\.weight", str(key)) for key in state]
        config = {
            "input_dim": first.shape[1],
            "hidden_dim": first.shape[0],
            "num_layers": 1 + max(int(match[1]) for match in found if match),
        }
    if not isinstance(config, Mapping):
        raise UserError("no table", where=where, got=type(config).__name__)
    for key, low, high in (
        ("input_dim", len(INPUTS), len(INPUTS)),
        ("hidden_dim", 1, MAX_WIDTH),
        ("num_layers", 1, MAX_LAYERS),
        ("output_dim", OUTPUTS, OUTPUTS),
    ):
        value = config.get(key, OUTPUTS if key == "output_dim" else None)
        if type(value) is not int or not low <= value <= high:
            allowed = str(low) if low == high else f"{low} to {high}"
            raise UserError("a network that cannot be played", where=f"{where}.{key}", allowed=allowed, got=value)
    layers = config["num_layers"]
    activations = config.get("activations")
    own = [ACTIVATIONS[i % len(ACTIVATIONS)] for i in range(layers)]
    if activations is not None and activations != own and activations != list(ACTIVATIONS):
        raise UserError("other activations", where=f"{where}.activations", allowed=", ".join(own), got=activations)
    return config["hidden_dim"], layers


def _tensor(path: Path, state: Mapping, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor as float32, checked."""
    import torch

    where, tensor = f"{path}, {name}", state[name]
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or not tensor.dtype.is_floating_point:
        raise UserError("no tensor of numbers", where=where, got=getattr(tensor, "dtype", type(tensor).__name__))
    if tuple(tensor.shape) != shape:
        raise UserError("wrong shape", where=where, allowed=str(shape), got=tuple(tensor.shape), remedy=_REMEDY)
    array = tensor.detach().to(torch.float32).contiguous().numpy().copy()
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise UserError("weights are not finite", where=where, allowed="finite numbers", got=f"{bad} NaN or Inf")
    return array


def _widened(weights: Weights, spec: CppnSpec) -> Weights:
    """Return the network with neurons that nobody listens to, up to the least width that backends take; same picture."""
    wide: Weights = []
    for (w, b), shape in zip(weights, spec.shapes, strict=True):
        w_wide, b_wide = np.zeros(shape, np.float32), np.zeros(shape[0], np.float32)
        w_wide[: w.shape[0], : w.shape[1]], b_wide[: len(b)] = w, b
        wide.append((w_wide, b_wide))
    return wide


def _facts(path: Path, content: Mapping) -> dict[str, Any]:
    """Return what the file says of its making; nothing of it is needed to play."""
    similarity = content.get("best_similarity")
    number = isinstance(similarity, (int, float)) and not isinstance(similarity, bool)
    if similarity is not None and not (number and abs(similarity) < _MOST_NUMBER):
        raise UserError("no number", where=f"{path}, best_similarity", allowed="-1 to 1", got=similarity)
    resolutions = content.get("resolution_pyramid")
    iterations = content.get("iterations")
    texts = {key: content.get(key) for key in ("prompt", "clip_model", "audio_file")}
    prompt, clip_model, audio = (
        " ".join(text[:_MOST_TEXT].split()) if isinstance(text, str) else "" for text in texts.values()
    )
    return {
        "prompt": prompt,
        "similarity": None if similarity is None else float(similarity),
        "clip_model": clip_model,
        "audio": re.split(r"[/\\]", audio)[-1],  # the rest is somebody's folders
        "iterations": iterations if _counts(iterations) else None,
        "resolutions": tuple(filter(_counts, resolutions[:64])) if isinstance(resolutions, (list, tuple)) else (),
    }


def _counts(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST_NUMBER

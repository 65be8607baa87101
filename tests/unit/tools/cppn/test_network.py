"""What is trained is what is played: the torch network against the reference, the show's path, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from phosphene.engine.core.frame import Size
from phosphene.engine.generators.still import still
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.encoding import BASE_INPUTS, coordinates
from phosphene.engine.models.growth import draw_recipe, grow
from phosphene.engine.models.style import Network, Style, StyleMeta
from phosphene.kernels.cppn.reference import forward
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.network import TorchCppn

SIZE = Size(48, 27)
SPECS = [
    CppnSpec(width=16, layers=3),
    CppnSpec(width=40, layers=4, activations=("cos", "gauss", "tanh")),
    CppnSpec(
        inputs=("radius", "fold5_x", "fold5_y", "latent0", "bass", "beat_sin"),
        width=24,
        layers=2,
        activations=("tanh", "sin"),
    ),
]


def reference(spec: CppnSpec, weights, uniforms: np.ndarray, size: Size) -> np.ndarray:
    """Return [h, w, 3] with every input materialised, in float64: no folding."""
    inputs = np.empty((size.pixels, len(spec.inputs)))
    inputs[:, spec.columns(spec.spatial)] = coordinates(size, names=spec.spatial)
    inputs[:, spec.columns(spec.uniform)] = uniforms
    return forward(inputs, weights, spec.layer_activations).reshape(size.height, size.width, 3)


@pytest.mark.parametrize("spec", SPECS, ids=["base", "cosine-first", "folds"])
def test_it_paints_what_the_reference_paints(spec):
    weights = random_weights(spec, 3, gain=1.5)
    uniforms = np.random.default_rng(1).uniform(0, 1, (2, len(spec.uniform)))
    with torch.no_grad():
        pictures = TorchCppn(spec, weights).paint(uniforms, SIZE)
    assert pictures.shape == (2, 3, 27, 48)
    for picture, values in zip(pictures, uniforms, strict=True):
        expected = reference(spec, weights, values, SIZE)
        assert np.abs(picture.permute(1, 2, 0).numpy() - expected).max() < 1e-4


def test_hours_into_the_show_it_still_does():
    spec = CppnSpec(width=32)
    weights = random_weights(spec, 0, gain=1.5)
    uniforms = np.zeros((1, len(spec.uniform)))
    uniforms[0, spec.uniform.index("time")] = 18_000.0
    with torch.no_grad():
        picture = TorchCppn(spec, weights).paint(uniforms, SIZE)[0]
    assert np.abs(picture.permute(1, 2, 0).numpy() - reference(spec, weights, uniforms[0], SIZE)).max() < 1e-3


def test_the_training_picture_is_the_frame_of_the_show():
    """Same time, same sound: within 1/255 of what `engine.generators.still`, the path of preview and stage, paints."""
    spec = CppnSpec(BASE_INPUTS, 32, 3)
    weights, scales = grow(spec, draw_recipe(5), 5)
    network = Network(inputs=spec.inputs, width=32, layers=3, activations=spec.activations)
    meta = StyleMeta(version=1, name="s", kind="cppn", seed=5, licence="CC0-1.0", network=network, normalisation=scales)
    style = Style("s", "s", "cppn", spec, weights, meta)
    rng = np.random.default_rng(2)
    names = (
        "bass",
        "mid",
        "treble",
        "centroid",
        "rolloff",
        "onset",
        "beat",
        "rms",
        "beat_phase",
        "bar_phase",
        "phrase_phase",
    )
    signals = [dict(zip(names, rng.uniform(0, 1, len(names)), strict=True)) for _ in range(5)]
    music = Music.of("test", signals)
    for frame, time in ((0, 3.0), (4, 250.0)):
        with torch.no_grad():
            trained = TorchCppn(spec, weights).paint(music.uniforms(spec.uniform, scales, frame, time)[None], SIZE)[0]
        shown = still(style, SIZE, time, {**signals[frame], **music.levels[frame]})
        assert np.abs(trained.permute(1, 2, 0).numpy() - shown).max() < 1 / 255


def test_gradients_reach_every_weight_and_are_the_same_when_layers_are_computed_again(monkeypatch):
    spec = CppnSpec(width=16)
    uniforms = np.random.default_rng(0).uniform(0, 1, (1, len(spec.uniform)))
    found = []
    for keep in (10**9, 0):
        monkeypatch.setattr("phosphene.tools.cppn.network._KEEP_PIXELS", keep)
        network = TorchCppn(spec, random_weights(spec, 1, gain=1.5))
        network.paint(uniforms, SIZE).square().mean().backward()
        found.append([p.grad.clone() for p in network.parameters()])
    assert all(g.abs().max() > 0 for g in found[0])
    for kept, again in zip(*found, strict=True):
        assert torch.allclose(kept, again, atol=1e-7)


def test_weights_come_back_as_they_went_in():
    spec = CppnSpec(width=16)
    weights = random_weights(spec, 1)
    for (w, b), (w2, b2) in zip(weights, TorchCppn(spec, weights).weights(), strict=True):
        assert np.array_equal(w, w2)
        assert np.array_equal(b, b2)


def test_a_picture_without_gradients_leaves_those_of_the_next_alone():
    spec, size = SPECS[0], Size(31, 17)
    network = TorchCppn(spec, random_weights(spec, 3))
    uniforms = np.zeros((1, len(spec.uniform)))
    with torch.inference_mode():
        network.paint(uniforms, size)
    network.paint(uniforms, size).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())

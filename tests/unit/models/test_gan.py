"""GAN styles as data: shapes, latents of any aspect, what is refused when one is read."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.style import StyleMeta, load_style, write_style


@pytest.fixture
def folder(tmp_path, tiny_gan):
    weights = {name: value.astype(np.float16) for name, value in tiny_gan.weights.items()}
    write_style(tmp_path / "tiny", tiny_gan.meta, weights)
    return tmp_path / "tiny"


def test_round_trip_in_half_precision(folder, tiny_gan):
    style = load_style(folder)
    assert (style.kind, style.spec) == ("gan", tiny_gan.spec)
    assert style.sha256
    for name, value in tiny_gan.weights.items():
        assert style.weights[name].dtype == np.float32
        assert np.allclose(style.weights[name], value, rtol=1e-3, atol=1e-4)
        assert not style.weights[name].flags.writeable


def test_parameters_are_what_the_file_holds(folder, tiny_gan):
    assert tiny_gan.spec.parameters == sum(t.size for t in load_file(folder / "weights.safetensors").values())


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: t.pop("levels.1.grow.bias"), "weights lack a tensor"),
        (lambda t: t.update({"levels.1.grow.bias": np.zeros(9, np.float16)}), "wrong shape"),
        (lambda t: t.update({"extra": np.zeros(1, np.float16)}), "weights hold a tensor the network lacks"),
        (lambda t: t["out.weight"].fill(np.nan), "weights are not finite"),
    ],
)
def test_wrong_weights_are_refused(folder, change, what):
    tensors = load_file(folder / "weights.safetensors")
    change(tensors)
    save_file(tensors, folder / "weights.safetensors")
    with pytest.raises(UserError) as error:
        load_style(folder)
    assert error.value.what == what


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("latent = 8", "latent = 0", "network.latent"),
        ("latent = 8", "depth = 8", "network.depth"),
        ('kind = "gan"', 'kind = "cppn"', "network.inputs"),
        ("[network]", '[network]\nkind = "gan"', "key"),
    ],
)
def test_a_wrong_key_is_named(folder, old, new, key):
    path = folder / "style.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError) as error:
        load_style(folder)
    assert str(path) in error.value.where
    assert key in error.value.where


def test_a_network_of_another_kind_is_no_style(tiny_gan):
    with pytest.raises(ValueError, match="another kind"):
        StyleMeta(version=1, name="x", kind="cppn", seed=1, licence="CC0-1.0", network=tiny_gan.spec)


@pytest.mark.parametrize("aspect", [16 / 9, 1.0, 9 / 16, 21 / 9, 4 / 3, 32 / 9])
def test_latents_of_any_aspect_keep_their_area(aspect):
    net = GanNetwork()
    rows, columns = net.grid_for(aspect)
    assert abs(np.log(columns / rows / aspect)) < 0.12
    assert 0.8 < rows * columns / (9 * 16) < 1.25


def test_the_trained_shape_is_kept_for_its_own_aspect():
    assert GanNetwork().grid_for(1280 / 720) == (9, 16)


def test_trial_inputs_are_what_the_graph_asks_for():
    net = GanNetwork()
    inputs = net.trial(np.random.default_rng(0))
    assert inputs.keys() == net.graph.inputs.keys()
    assert inputs["z"].shape == (8, 9, 16)
    assert np.isclose(np.mean(inputs["z"] ** 2), 1.0)
    assert inputs["bend"].shape == (sum(net.widths),)

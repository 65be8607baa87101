"""The network's shape: parameter counts of the first networks, checks, determinism of random weights."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.encoding import BASE_INPUTS
from phosphene.kernels.cppn.reference import forward


def test_parameter_counts_of_the_first_networks():
    assert CppnSpec().parameters == 51_587
    assert CppnSpec(width=256).parameters == 201_475
    for width in (128, 256):
        weights = random_weights(CppnSpec(width=width), 0)
        assert sum(w.size + b.size for w, b in weights) == CppnSpec(width=width).parameters


def test_activations_cycle():
    assert CppnSpec(layers=5).layer_activations == ("sin", "cos", "gauss", "tanh", "sin")


def test_spatial_and_uniform_inputs_share_the_networks_order():
    spec = CppnSpec(("time", "y", "bass", "x"))
    assert spec.spatial == ("y", "x")
    assert spec.uniform == ("time", "bass")
    assert spec.columns(spec.spatial) == [1, 3]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"inputs": ("x", "y", "smell")}, "network.inputs"),
        ({"inputs": ("x", "x")}, "network.inputs"),
        ({"inputs": ("time", "bass")}, "network.inputs"),
        ({"width": 8}, "network.width"),
        ({"width": 257}, "network.width"),
        ({"layers": 0}, "network.layers"),
        ({"layers": 13}, "network.layers"),
        ({"activations": ("relu",)}, "network.activations"),
        ({"activations": ()}, "network.activations"),
        ({"activations": ("tanh", "sin")}, "network.activations"),  # time would drive a tanh into saturation
    ],
)
def test_a_wrong_shape_names_its_key(change, where):
    with pytest.raises(UserError) as error:
        CppnSpec(**change)
    assert error.value.where == where


def test_a_layer_that_saturates_may_come_first_without_time():
    inputs = tuple(name for name in BASE_INPUTS if name != "time")
    assert not CppnSpec(inputs, activations=("tanh",)).periodic


def test_random_weights_follow_the_seed_and_stay_in_the_xavier_bounds():
    spec = CppnSpec(width=64)
    a, b, c = random_weights(spec, 1), random_weights(spec, 1), random_weights(spec, 2)
    assert all(np.array_equal(x[0], y[0]) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0][0], c[0][0])
    for (w, bias), (out, inp) in zip(a, spec.shapes, strict=True):
        gain = 1.0 if out == 3 else 5.0
        assert w.shape == (out, inp)
        assert w.dtype == np.float32
        assert np.abs(w).max() <= gain * np.sqrt(6 / (inp + out)) * 1.000001
        assert not bias.any()


def test_reference_by_hand():
    weights = [(np.array([[2.0, -1.0]]), np.array([0.5])), (np.array([[1.0], [0.0], [-3.0]]), np.array([0.0, 0.1, 0.2]))]
    inputs = np.array([[0.3, 0.7], [1.0, 2.0]])
    out = forward(inputs, weights, ["gauss"])
    for row, (x, y) in enumerate(inputs):
        h = np.exp(-((2 * x - y + 0.5) ** 2))
        np.testing.assert_allclose(out[row], 1 / (1 + np.exp(-np.array([h, 0.1, -3 * h + 0.2]))), rtol=1e-12)

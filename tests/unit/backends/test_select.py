"""Which backend is chosen, and what is said about the others."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.backends.select import installed_backends, open_style
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.style import Network, Style, StyleMeta

SIZE = Size(64, 36)
ON_CUDA = ("cuda", "tensorrt", "torch")


def style(width: int = 16, **weights_options: float) -> Style:
    spec = CppnSpec(width=width)
    network = Network(inputs=spec.inputs, width=width, layers=spec.layers, activations=spec.activations)
    meta = StyleMeta(version=1, name="T", kind="cppn", seed=0, licence="CC0-1.0", network=network)
    return Style("t", "T", "cppn", spec, random_weights(spec, 0, **weights_options), meta)


def chosen(renderer: str, width: int = 16, **options) -> tuple[str, dict[str, str]]:
    program, selection = open_style(style(width), SIZE, installed_backends(renderer), **options)
    assert program.name == selection.name
    program.close()
    # What CUDA's backends say depends on the machine, and is looked at in tests/contract/test_cuda_seam.py.
    return selection.name, {r["name"]: r["reason"] for r in selection.refused if r["name"] not in ON_CUDA}


def test_a_real_gpu_runs_small_networks_in_glsl():
    assert chosen("NVIDIA GeForce RTX 3050/PCIe/SSE2") == ("glsl", {})


def test_a_real_gpu_refuses_wide_networks():
    assert chosen("NVIDIA GeForce RTX 3050/PCIe/SSE2", 48) == ("cpu", {"glsl": "width 48 is above 32"})


@pytest.mark.parametrize("renderer", ["llvmpipe (LLVM 15.0.6, 256 bits)", "softpipe"])
def test_software_renderers_are_refused_by_name(renderer):
    assert chosen(renderer) == ("cpu", {"glsl": f"software renderer ({renderer})"})


def test_without_a_context():
    assert chosen("") == ("cpu", {"glsl": "no OpenGL context"})


def test_a_preference_goes_first_and_an_excluded_one_is_named():
    assert chosen("Apple M2", prefer="cpu") == ("cpu", {})
    assert chosen("Apple M2", excluded=frozenset({"glsl"})) == ("cpu", {"glsl": "failed during this show"})


def test_an_unknown_preference():
    with pytest.raises(UserError, match="no such backend"):
        chosen("", prefer="abacus")


def test_nothing_left_says_every_reason():
    with pytest.raises(UserError) as error:
        chosen("llvmpipe", excluded=frozenset({"cpu"}))
    assert "software renderer" in error.value.got
    assert "cpu: failed during this show" in error.value.got


def test_a_backend_that_breaks_while_opening_is_passed_over():
    class Broken:
        name = "cuda"
        kinds = frozenset({"cppn"})

        def refusal(self, style=None):
            return None

        def open(self, style, max_size):
            raise OSError("driver says no")

    _, selection = open_style(style(), SIZE, {**installed_backends(""), "cuda": Broken()})
    assert selection.name == "cpu"
    assert selection.refused[0] == {"name": "cuda", "reason": "OSError: driver says no"}


def test_a_network_that_ends_in_nan_is_refused_before_it_is_seen():
    wild = style()
    wild.weights[-1][0][:] = np.inf
    with pytest.raises(UserError, match="not finite") as error:
        open_style(wild, SIZE, installed_backends(""))
    assert "not finite" in error.value.got

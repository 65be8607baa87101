"""The TensorRT decoder without a GPU: end to end on a driver of host memory; `tests/gpu` has the real library."""

from __future__ import annotations

import pytest

from phosphene.engine.gpu.cuda import package_found
from tests.contract.host_driver import ask
from tests.contract.host_driver import build as build_driver

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, str]:
    """What the decoder's process says on the driver of host memory."""
    if not package_found("cuda.bindings"):
        pytest.skip("cuda-bindings is not installed")
    folder = tmp_path_factory.mktemp("driver")
    if reason := build_driver(folder):
        pytest.skip(reason)
    return ask("decoder", folder)


@pytest.mark.parametrize("question", ["gan", "gan in half", "vqvae", "aspects", "screens", "faults", "choice"])
def test_end_to_end_with_the_library_stood_in_for(answers, question):
    assert answers[question] == ""

"""Pictures on their way from an output texture to NVENC, on a driver of host memory; `tests/gpu` has the encoder."""

from __future__ import annotations

import pytest

from phosphene.engine.gpu.cuda import package_found
from tests.contract.host_driver import ask, build


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, str]:
    """What the capture's process says on the driver of host memory."""
    if not package_found("cuda.bindings"):
        pytest.skip("cuda-bindings is not installed")
    folder = tmp_path_factory.mktemp("driver")
    if reason := build(folder):
        pytest.skip(reason)
    return ask("capture", folder)


@pytest.mark.parametrize("question", ["pictures", "buffers", "refusals"])
def test_from_texture_to_encoder(answers, question):
    assert answers[question] == ""

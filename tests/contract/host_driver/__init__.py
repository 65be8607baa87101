"""A CUDA driver without a GPU (`driver.cpp`), and who asks it: the seam (`seam.py`, `calls.py`), the backend (`backend.py`).

The real bindings load it in place of libcuda.so.1, in a process of its own: `ask` starts one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def build(folder: Path) -> str | None:
    """Compile the driver into `folder`; return why that is not possible here, or nothing."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None or not sys.platform.startswith("linux"):
        return "needs Linux and a C++ compiler"
    source = Path(__file__).parent / "driver.cpp"
    options = ["-w", "-O1", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(folder / "libcuda.so.1")]
    subprocess.run([compiler, *options, str(source), "-ldl"], check=True)
    return None


def ask(module: str, folder: Path) -> dict[str, str]:
    """Run `<module>` of this package on the driver in `folder`; return {question: what went wrong, or nothing}."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.contract.host_driver.{module}"], cwd=ROOT, capture_output=True, text=True,
        timeout=300, env={**os.environ, "LD_LIBRARY_PATH": str(folder), "PHOSPHENE_CUDA": "cuda-python"}, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)

"""How child processes of Python are started: they import what is installed, and nothing out of the current folder.

`python -m` puts the folder that it is started in first on its path: a stranger's folder of styles with a `json.py` in it
would run as soon as a show is started there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from engine.core import paths


def python_child(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` in a Python of its own. Start it with `child_environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment with this program importable wherever it was started from, and `more` on top.

    Of PYTHONPATH absolute entries are kept: an empty or relative one stands for the current folder.
    """
    environment = dict(os.environ)
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join([str(paths.ROOT), *(p for p in given if os.path.isabs(p))])
    environment["PYTHONSAFEPATH"] = "1"  # for the children of children
    return environment | dict(more or {})

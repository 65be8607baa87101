"""The door to `tools/lab/`, which an installed wheel does not have. Called by `vj bench` and the trainers, main thread."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

from phosphene.engine.core.errors import UserError

_LAB = "phosphene.tools.lab"


def check_laboratory(wanted: str) -> None:
    """Raise UserError where the laboratory is not installed. wanted: what is asked of it, such as "benchmarks"."""
    if find_spec(_LAB) is None:
        remedy = "in the folder of a checkout: pip install -e . and the same command again"
        raise UserError(f"{wanted} come with the source code, not with the installed program", remedy=remedy)


def laboratory(name: str, wanted: str) -> ModuleType:
    """Return the module `name` of the laboratory. Raises UserError where it is not installed."""
    check_laboratory(wanted)
    return importlib.import_module(f"{_LAB}.{name}")

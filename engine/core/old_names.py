"""The names that modules had before there was one package: `engine.app.cli` from a checkout on the path is `phosphene`'s.

Called by the `__init__` of `engine` and `tools` where they are imported by their old names, so that scripts written for a
checkout go on. A module has one identity: what is imported by its old name is the very module of the new one.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_TOPS = ("engine", "kernels", "tools")
_TO_LIBRARY = ("library", "ratings", "gallery", "suggest", "style_lint", "growing", "previews", "track", "similarity",
               "free_folder", "catalogue")  # fmt: skip
_TO_CLI = ("render_command", "rerender_command", "flash_command", "engines_commands", "styles_commands", "import_command",
           "doctor")  # fmt: skip
_MOVED = {
    "engine.app.cli": "engine.cli.main",
    **{f"engine.app.{name}": f"engine.library.{name}" for name in _TO_LIBRARY},
    **{f"engine.app.{name}": f"engine.cli.{name}" for name in _TO_CLI},
}


class _OldNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `engine.x` as `phosphene.engine.x`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in _TOPS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"phosphene.{_MOVED.get(spec.name, spec.name)}")
        self._own = (module.__spec__, module.__loader__)  # the import system writes the old name's into it
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__, module.__loader__ = self._own


def take(name: str) -> None:
    """Let `name`, which is being imported by its old name, and everything below it be the modules of `phosphene`."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OldNames())
    sys.modules[name] = importlib.import_module(f"phosphene.{name}")

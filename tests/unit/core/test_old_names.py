"""Scripts that import `engine` from a checkout on the path get the modules of `phosphene`, each of them once."""

from __future__ import annotations

import os
import subprocess
import sys

from phosphene.engine.core.old_names import _MOVED
from phosphene.engine.core.paths import PACKAGE


def script(code: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True).stdout


def test_a_module_is_the_same_by_both_names():
    code = (
        "from engine.core.errors import UserError\nimport phosphene.engine.core.errors as new, engine.core.errors as old\n"
        "import kernels.guard.reference, phosphene.kernels.guard.reference\n"
        "assert old is new and new.UserError is UserError\n"
        "assert kernels.guard.reference is phosphene.kernels.guard.reference\n"
        "print(old.__name__, old.__spec__.name)"
    )
    assert script(code) == "phosphene.engine.core.errors phosphene.engine.core.errors\n"


def test_what_was_moved_is_found_by_its_old_place():
    names = ", ".join(_MOVED)
    assert script(f"import {names}\nprint(engine.app.cli.main.__module__)") == "phosphene.engine.cli.main\n"


def test_tools_alone_too():
    assert script("import tools.album.job as job\nprint(job.__name__)") == "phosphene.tools.album.job\n"


def test_whoever_uses_the_new_names_has_nothing_of_it():
    code = "import sys, phosphene.engine.core.errors\nprint([f for f in sys.meta_path if type(f).__name__ == '_OldNames'])"
    assert script(code) == "[]\n"

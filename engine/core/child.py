"""How child processes are started: they import, run and load what is installed, and nothing out of the current folder.

`python -m` puts the folder that it is started in first on its path, and an empty entry in a list of folders stands for the
current one: a stranger's folder of styles with a `json.py` in it would run as soon as a show is started there.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Mapping

_LOADED_BY = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
_SEARCHED = ("PATH", "PYTHONPATH", *_LOADED_BY)


def python_child(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` in a Python of its own. Start it with `child_environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment as it may be handed on, and `more` on top.

    Of the lists of folders in it absolute entries are kept: an empty or relative one stands for the current folder.
    """
    environment = dict(os.environ)
    for name in _SEARCHED:
        if name in environment:
            environment[name] = os.pathsep.join(_absolute(environment[name]))
    environment["PYTHONSAFEPATH"] = "1"  # for the children of children
    return environment | dict(more or {})


def ignore_current_folder() -> None:
    """Let nothing that this process starts, or a library in it, take anything from the current folder. For programs' `main`.

    Libraries start children too: GLFW's binding asks a Python of its own about each library, ctypes asks a compiler. And
    they load libraries by name: where those may come from, the loader has read when we began, so we begin again.
    """
    environment = child_environment()
    again = any(environment.get(name) != os.environ.get(name) for name in _LOADED_BY)
    for name in (*_SEARCHED, "PYTHONSAFEPATH"):
        if name in environment:
            os.environ[name] = environment[name]
    if again:
        os.execv(sys.executable, sys.orig_argv)
    here = os.path.realpath(os.curdir)  # what `python -m` has put first, and what empty entries stand for
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) != here]


def end_with_parent(code: int) -> None:
    """End this process, with this exit code, once the one that started it is gone. For programs' `main`, first of all.

    The other one keeps our standard input open and writes nothing into it: it is at its end when that process is, on every
    system, whatever holds this one up. (The number of a parent that has died stays the same on Windows.)
    """

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(code)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def find_program(name: str) -> str | None:
    """Return where the program `name` is, an absolute path, or None: by the absolute folders of PATH alone."""
    found = shutil.which(name, path=os.pathsep.join(_absolute(os.environ.get("PATH", os.defpath))))
    return found if found is not None and os.path.isabs(found) else None  # Windows looks into the current folder too


def _absolute(folders: str) -> list[str]:
    return [folder for folder in folders.split(os.pathsep) if os.path.isabs(folder)]

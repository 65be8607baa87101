"""What to type so that an optional package is there. The line is true where it is printed: in a checkout, in a virtual
environment of pip, pipx or uv, and on a machine that knows no index with our name in it.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from importlib import metadata

from phosphene.engine.core.files import read_toml
from phosphene.engine.core.paths import PACKAGE, in_checkout


def install(*extras: str) -> str:
    """Return the command that installs the packages of our extras, such as `nets`, into the Python that runs this."""
    return install_packages(dict.fromkeys(each for extra in extras for each in requirements(extra)))


def install_packages(names: Iterable[str]) -> str:
    """Return the command that installs packages into the Python that runs this."""
    # Double quotes: sh, cmd and PowerShell all take them, and `>` would be a file.
    wanted = " ".join(f'"{name}"' if re.search(r"[^\w.-]", name) else name for name in names)
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    if importlib.util.find_spec("pip") is None:  # as uv makes environments
        return f"uv pip install --python {python} {wanted}"
    return f"{python} -m pip install {wanted}"


def requirements(extra: str) -> list[str]:
    """Return what an extra of ours asks for. Raises LookupError for one that there is not."""
    try:
        lines = metadata.requires("phosphene") or ()
    except metadata.PackageNotFoundError:  # run from its source, which is found by a link
        lines = ()
    found = []
    for line in lines:
        wanted, _, marker = line.partition(";")
        if re.search(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""", marker):
            found.append(wanted.strip())
    if not found and in_checkout():  # a checkout that was brought up to date since it was installed
        table = read_toml(PACKAGE / "pyproject.toml", what="pyproject.toml")
        return [line.partition(";")[0] for line in table["project"]["optional-dependencies"][extra]]
    if not found:
        raise LookupError(extra)
    return found

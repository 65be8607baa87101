"""Reads the source as Linux, Windows and macOS would have it:  python setup/other_systems.py

For developers and `setup/test.sh`; needs basedpyright, and a link to the checkout as `setup/test.sh` makes it. What one
system has and another lacks (os.geteuid, fcntl, mmap's tagname) must stand behind `if sys.platform == ...`, which type
checkers understand. A finding that all systems share is left to mypy. Exit code 1 where there is any.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SYSTEMS = ("Linux", "Windows", "Darwin")
Place = tuple[str, int, int, str]  # file, line, column (both from 1), rule


def differing(found: dict[str, dict[Place, str]]) -> list[str]:
    """Return a line for each finding that not all systems share. found: by system, the text by place."""
    shared = set.intersection(*(set(places) for places in found.values()))
    lines: dict[Place, tuple[str, list[str]]] = {}
    for system, places in found.items():
        for place in places.keys() - shared:
            lines.setdefault(place, (places[place], []))[1].append(system)
    return [
        f"{place[0]}:{place[1]}:{place[2]} on {', '.join(systems)}: {text} ({place[3]})"
        for place, (text, systems) in sorted(lines.items())
    ]


def findings(system: str) -> dict[Place, str]:
    """Return what basedpyright finds on `system`, by place. Raises RuntimeError where it does not run."""
    command = ("basedpyright", "--outputjson", "--level", "error", "--pythonplatform", system)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout)
        if not told["summary"]["filesAnalyzed"]:
            raise ValueError("no file was read")
    except (ValueError, KeyError) as error:
        raise RuntimeError(f"basedpyright ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}") from error
    return {_place(each): each["message"].splitlines()[0] for each in told["generalDiagnostics"]}


def _place(finding: dict[str, Any]) -> Place:
    start = finding["range"]["start"]
    path = Path(finding["file"])
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
    return name, start["line"] + 1, start["character"] + 1, finding.get("rule", "syntax")


def main() -> int:
    """Print what differs; return the exit code."""
    try:
        with ThreadPoolExecutor(os.cpu_count()) as several:  # of processes: the threads only wait for them
            lines = differing(dict(zip(SYSTEMS, several.map(findings, SYSTEMS), strict=True)))
    except (OSError, RuntimeError) as error:
        lines = [str(error)]
    print("\n".join(lines) if lines else f"nothing that one of {', '.join(SYSTEMS)} lacks")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

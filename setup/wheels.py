"""Ask the package index which systems have wheels for what the program needs, and write the table of docs/playing.md.

    python3 setup/wheels.py              print the table
    python3 setup/wheels.py --write      put it into docs/playing.md

For whoever changes a dependency or a pin. It needs a Python with pip 23.1 or newer and the network, takes minutes, and
installs nothing. Standard library only.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/playing.md"
BEGIN, END = "<!-- wheels -->\n", "<!-- /wheels -->"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OLDEST_GLIBC, OLDEST_MACOS, NEWEST_MACOS = 28, 11, 15
_OTHERS = "what these ask for"


def _manylinux(machine: str) -> list[str]:
    """Return the tags of a Linux with glibc 2.28: pip adds the older ones by itself only to the names of old."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(OLDEST_GLIBC, 16, -1)), f"manylinux2014_{machine}"]


def _macosx(machine: str) -> list[str]:
    """Return the tags of macOS, those of an old one first: a wheel for it is taken before one for newer ones alone."""
    return [f"macosx_{major}_0_{machine}" for major in (OLDEST_MACOS, NEWEST_MACOS)]


# column -> the platform tags that pip is given
SYSTEMS = {
    "Windows, x86-64": ["win_amd64"],
    "macOS, Apple silicon": _macosx("arm64"),
    "macOS, Intel": _macosx("x86_64"),
    "Linux, x86-64": _manylinux("x86_64"),
    "Linux, ARM": _manylinux("aarch64"),
}


def canonical(name: str) -> str:
    """Return the name of a distribution as indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def dependencies() -> list[str]:
    """Return the names of what the program needs, in the order of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [re.split(r"[<>=!~ ;\[]", line, maxsplit=1)[0] for line in project["dependencies"]]


def ask(names: list[str], platforms: list[str], python: str, *, alone: bool) -> dict[str, str] | None:
    """Return {distribution: its wheel} as pip would install them there; None where one has no wheel.

    alone: without what they ask for themselves. Raises SystemExit where pip could not ask at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"]
        command += ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp"]
        command += ["--target", folder, "--report", str(report), "--constraint", str(ROOT / "setup/constraints.txt")]
        command += [f"--platform={each}" for each in platforms] + ["--no-deps"] * alone + names
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode == 0:
            found = json.loads(report.read_text("utf-8"))["install"]
            return {canonical(each["metadata"]["name"]): each["download_info"]["url"].split("/")[-1] for each in found}
        if "No matching distribution" in done.stderr or "ResolutionImpossible" in done.stderr:
            return None
        raise SystemExit(f"pip could not ask for {' '.join(names)}: {done.stderr.strip()[-500:]}")


def wheels(system: str, python: str) -> dict[str, str]:
    """Return {dependency: its wheel, "" where there is none} and the same for all that they ask for."""
    names = dependencies()
    whole = ask(names, SYSTEMS[system], python, alone=False)
    if whole is not None:
        direct = {name: whole[canonical(name)] for name in names}
        others = [wheel for name, wheel in whole.items() if name not in map(canonical, names)]
        return direct | {_OTHERS: " ".join(others)}
    found = {name: ask([name], SYSTEMS[system], python, alone=True) for name in names}
    there = [name for name, answer in found.items() if answer is not None]
    rest = ask(there, SYSTEMS[system], python, alone=False)
    direct = {name: (answer or {}).get(canonical(name), "") for name, answer in found.items()}
    return direct | {_OTHERS: " ".join((rest or {}).values())}


def cell(found: dict[str, str]) -> str:
    """Return what a table says of {Python: wheels}, such as `yes`, `3.11 to 3.13` or `yes, macOS 14 and newer`."""
    with_wheel = [python for python, wheel in found.items() if wheel]
    if not with_wheel:
        return "no"
    pythons = "yes" if len(with_wheel) == len(PYTHONS) else f"{with_wheel[0]} to {with_wheel[-1]}"
    oldest = max(oldest_macos(wheel) for wheels in found.values() for wheel in wheels.split())
    return f"{pythons}, macOS {oldest} and newer" if oldest > OLDEST_MACOS else pythons


def oldest_macos(wheel: str) -> int:
    """Return the oldest macOS that a wheel is for; 0 where it is not for macOS. 10.x, before Apple silicon, is 10."""
    found = [int(major) for major in re.findall(r"macosx_(\d+)_\d+_", wheel)]
    return min(found, default=0)


def table(found: dict[tuple[str, str], dict[str, str]]) -> str:
    """Return the table for {(system, Python): wheels}."""
    lines = [f"| package | {' | '.join(SYSTEMS)} |", "|---" * (len(SYSTEMS) + 1) + "|"]
    for name in [*dependencies(), _OTHERS]:
        cells = [cell({python: found[system, python][name] for python in PYTHONS}) for system in SYSTEMS]
        lines.append(f"| {name if name == _OTHERS else f'`{name}`'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Ask, and print or write the table; return the exit code."""
    if arguments not in ([], ["--write"]):
        print((__doc__ or "").strip())
        return 2
    pairs = [(system, python) for system in SYSTEMS for python in PYTHONS]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(pairs, pool.map(lambda pair: wheels(*pair), pairs), strict=True))
    day = datetime.date.today().isoformat()
    text = f"Python {PYTHONS[0]} to {PYTHONS[-1]}, Linux with glibc 2.{OLDEST_GLIBC}, {day}:\n\n{table(found)}"
    if not arguments:
        print(text)
        return 0
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + BEGIN + text + END + rest.split(END, 1)[1], "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""uv.lock: the versions of setup/constraints.txt, for what pyproject.toml asks for today, from the public index alone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RENEW = "renew it: see CONTRIBUTING.md"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> list[dict]:
    return tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]


def test_it_names_no_index_but_the_public_one():
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    kinds = {kind for package in packages() for kind in package["source"]}
    assert kinds == {"registry", "editable"}


def test_it_holds_the_versions_that_were_tested():
    locked: dict[str, set[str]] = {}
    for package in packages():
        locked.setdefault(canonical(package["name"]), set()).add(package.get("version", ""))
    lines = (ROOT / "setup/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins: dict[str, set[str]] = {}
    for line in lines:
        if pin := re.match(r"([\w.-]+)==([^;]+)", line):
            pins.setdefault(canonical(pin[1]), set()).add(pin[2])
    assert len(pins) > 50
    assert {name: locked.get(name) for name in pins} == pins, RENEW


def test_it_is_of_the_project_as_it_is():
    (project,) = (package for package in packages() if package["name"] == "phosphene")
    locked = set()
    for line in project["metadata"]["requires-dist"]:
        extra = re.search(r"extra == '(\w+)'", line.get("marker", ""))
        locked.add((extra[1] if extra else "", line["name"], line["specifier"]))
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"": asked["dependencies"], **asked["optional-dependencies"]}
    found = set()
    for extra, lines in wanted.items():
        for line in lines:
            name, specifier = re.fullmatch(r"([\w.-]+)([^;]+)(?:;.*)?", line).groups()
            found.add((extra, canonical(name), specifier.strip()))
    assert locked == found, RENEW
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert f'requires-python = "{asked["requires-python"]}"' in text

"""The shape of the source: imports only go down, time enters once, importing is free, files stay short and say why.

Reads the source as text and trees; starts two short processes (lint-imports, an import).
"""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("engine", "kernels", "tools")
LONGEST = 600
CLOCK = "engine/core/clock.py"
VAGUE = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
# Only where they are installed or exist: to be imported inside the function that needs them.
OPTIONAL = {
    *(
        "torch",
        "tensorrt",
        "onnx",
        "onnxruntime",
        "cuda",
        "pycuda",
        "mido",
        "rtmidi",
        "open_clip",
        "torchvision",
        "ray",
        "py2tosc",
    ),
}
ONE_SYSTEM_ONLY = {"fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "msvcrt", "winreg", "winsound"}
# What a process has used of the processor (`time.process_time`) is no time of day, and benchmarks may ask for it.
CLOCK_CALLS = {
    "time": {
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"),
        *("clock_gettime", "clock_gettime_ns", "localtime", "gmtime"),
    },
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def sources(*folders: str) -> list[str]:
    """Return the Python files below `folders`, as paths from the root."""
    return [path.relative_to(ROOT).as_posix() for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@functools.cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def clock_calls(path: str) -> list[str]:
    """Return the lines of `path` that reach for the operating system's clock, whatever they call it."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [f"{path}:{node.lineno} from time import {alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            # Under another name its calls would go unseen.
            found += [
                f"{path}:{node.lineno} import time as" for alias in node.names if alias.name == "time" and alias.asname
            ]
        elif isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in CLOCK_CALLS.get(owner, ()):
                found.append(f"{path}:{node.lineno} {owner}.{node.attr}")
    return found


def imported_at_the_top(path: str) -> set[str]:
    """Return the packages that importing `path` imports: those outside functions, `if` and `try`."""
    names = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_imports_only_go_down():
    done = run("from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])")
    assert done.returncode == 0, done.stdout + done.stderr


def imported_modules(path: str, modules: set[str]) -> set[str]:
    """Return those of `modules` that `path` imports when it is run, inside functions too."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} & modules
        waiting += ast.iter_child_nodes(node)
    return found


def test_modules_do_not_import_in_circles():
    files = {"phosphene." + path.removesuffix(".py").replace("/", "."): path for path in sources("engine", "kernels")}
    sorter = TopologicalSorter({name: imported_modules(path, set(files)) for name, path in files.items()})
    sorter.prepare()  # raises CycleError, which names the circle


def test_the_clock_is_read_in_one_place():
    assert clock_calls(CLOCK), "the check itself would be blind"
    assert [call for path in sources(*OURS) if path != CLOCK for call in clock_calls(path)] == []


def test_importing_the_package_imports_nothing_else():
    done = run(
        "import json, sys; before = set(sys.modules); import phosphene; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["phosphene"]


def test_importing_needs_neither_extras_nor_one_system():
    needy = {path: imported_at_the_top(path) & (OPTIONAL | ONE_SYSTEM_ONLY) for path in sources("engine", "kernels")}
    assert {path: names for path, names in needy.items() if names} == {}


def test_a_kernel_reference_imports_numpy_only():
    allowed = {"numpy", "phosphene", *sys.stdlib_module_names}
    needy = {path: imported_at_the_top(path) - allowed for path in sources("kernels")}
    assert {path: names for path, names in needy.items() if names} == {}


def test_setup_imports_the_standard_library_only():
    allowed = {*sys.stdlib_module_names, *(Path(path).stem for path in sources("setup"))}
    for path in sources("setup"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or path).split(".")[0]}
            else:
                continue
            assert names <= allowed, f"{path}:{node.lineno}"


def test_every_file_is_short():
    lengths = {
        path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in sources(*OURS, "setup", "tests")
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_file_says_what_it_is_for():
    silent = [path for path in sources(*OURS, "setup", "tests") if not ast.get_docstring(tree(path))]
    assert silent == []


def test_no_file_has_a_name_that_says_nothing():
    assert [path for path in sources(*OURS, "tests") if Path(path).stem in VAGUE] == []

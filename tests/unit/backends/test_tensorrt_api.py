"""Our use of TensorRT against the names and signatures of its Python bindings, without TensorRT.

Reads the source as trees. Every name that is reached on the module `trt`, and every attribute, method, keyword and number of
arguments on an object of its classes, must be in the list of version 11.4 (tests/data; read from the wheel's own binary).
Types are followed through assignments, annotations, returns and our own functions; an API name on something of unknown type
is a fault too, so that nothing slips through unseen. Behaviour is not tested here: that needs a GPU (tests/gpu).
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "tests/data/tensorrt-11.4-python-api.txt"
OURS = (
    "engine/backends/tensorrt.py",
    "engine/backends/tensorrt_decode.py",
    "engine/backends/tensorrt_plan.py",
    "engine/backends/plan_worker.py",
    "engine/backends/plan_build.py",
    "engine/backends/plans.py",
    "engine/cli/engines_commands.py",
    "tools/export_engine.py",
)
MODULE = "trt"  # what the module is called, wherever it is loaded
PACKAGE_NAMES = {"__version__"}  # of the Python package around the bindings, which the list does not cover


@dataclass(frozen=True)
class Signature:
    """names: of the parameters without self. required: how many have no default. returns: as the list says."""

    names: tuple[str, ...]
    required: int
    returns: str


@dataclass
class Api:
    """The list. members: methods with their overloads, attributes with none."""

    classes: dict[str, dict[str, list[Signature]]] = field(default_factory=dict)
    enums: dict[str, set[str]] = field(default_factory=dict)
    functions: dict[str, list[Signature]] = field(default_factory=dict)


def split_top(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "[(<") - (char in "])>")
        if char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def signature(arguments: str, returns: str) -> Signature:
    parameters = [part for part in split_top(arguments) if part.split(":")[0].strip() != "self"]
    required = sum("=" not in part for part in parameters)
    return Signature(tuple(part.split(":")[0].strip() for part in parameters), required, returns.strip())


@functools.cache
def api() -> Api:
    found, members = Api(), None
    for line in REFERENCE.read_text("utf-8").splitlines():
        if match := re.match(r"enum (\w+): (.*)", line):
            found.enums[match[1]] = set(match[2].split())
        elif match := re.match(r"class (\w+)", line):
            members = found.classes.setdefault(match[1], {})
        elif match := re.match(r"def (\w+)\((.*)\) -> (.*)", line):
            found.functions.setdefault(match[1], []).append(signature(match[2], match[3]))
        elif match := re.match(r"  \.(\w+)", line):
            members.setdefault(match[1], [])
        elif match := re.match(r"  (\w+)\((.*)\) -> (.*)", line):
            members.setdefault(match[1], []).append(signature(match[2], match[3]))
        elif match := re.match(r"  (\w+)\(\)$", line):
            members.setdefault(match[1], [])  # a constant or a nested enum
    return found


def class_of(name: str) -> str | None:
    """Return the class that a type in the list, or in our annotations, stands for."""
    last = name.split("::")[-1].split(".")[-1].strip()
    return next((n for n in (last, last.removeprefix("I")) if n in api().classes), None)


def annotated(node: ast.expr | None) -> str | None:
    """Return the class of an annotation such as `trt.ILogger` or `trt.ILogger | None`."""
    if isinstance(node, ast.BinOp):
        return annotated(node.left) or annotated(node.right)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == MODULE:
        return class_of(node.attr)
    return None


class Walk:
    """Checks one file. `faults`: lines for people; `used`: the API names that were found right."""

    def __init__(self, path: str, tree: ast.Module, returns: dict[str, str]) -> None:
        self.path, self.tree, self.returns = path, tree, returns
        self.attributes: dict[str, str] = {}  # of self, whichever class
        for _ in range(3):  # what an attribute is may be known only once another one is
            self.faults: list[str] = []
            self.used: set[str] = set()
            self._scope(tree.body, {})

    def _learn(self, node: ast.AST, known: dict[str, str]) -> None:
        """Take in the type of what `node` assigns, to a name or to an attribute of self."""
        targets: list[ast.expr] = []
        kind = None
        if isinstance(node, ast.Assign):
            targets, kind = node.targets, self.type_of(node.value, known)
        elif isinstance(node, ast.AnnAssign):
            targets, kind = [node.target], annotated(node.annotation)
        elif isinstance(node, ast.NamedExpr):
            targets, kind = [node.target], self.type_of(node.value, known)
        for target in targets:
            if kind and isinstance(target, ast.Attribute):
                self.attributes.setdefault(target.attr, kind)
            elif kind and isinstance(target, ast.Name):
                known[target.id] = kind

    def _scope(self, body: list[ast.stmt], known: dict[str, str]) -> None:
        for statement in body:
            if isinstance(statement, ast.FunctionDef):
                inner = dict(known)
                arguments = statement.args
                for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                    if kind := annotated(argument.annotation):
                        inner[argument.arg] = kind
                self._scope(statement.body, inner)
            elif isinstance(statement, ast.ClassDef):
                self._subclass(statement)
                self._scope(statement.body, dict(known))
            else:
                nested = [n for n in ast.walk(statement) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
                for node in ast.walk(statement):
                    self._learn(node, known)
                for node in ast.walk(statement):
                    self._check(node, known)
                for node in nested:
                    self._scope([node], known)

    def type_of(self, node: ast.expr | None, known: dict[str, str]) -> str | None:
        """Return the class of an expression: "ILogger", or "type:ILogger" for the class itself; None where unknown."""
        if isinstance(node, ast.Name):
            return known.get(node.id)
        if isinstance(node, ast.BoolOp):
            return next((kind for value in node.values if (kind := self.type_of(value, known))), None)
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == MODULE:
                return f"type:{node.attr}"
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                return self.attributes.get(node.attr)
            return None
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                return self.returns.get(function.id)
            kind = self.type_of(function, known)
            if kind and kind.startswith("type:"):
                return class_of(kind.removeprefix("type:"))
            if isinstance(function, ast.Attribute) and (owner := self.type_of(function.value, known)):
                overloads = api().classes.get(owner, {}).get(function.attr, [])
                return class_of(overloads[0].returns) if overloads else None
        return None

    def _check(self, node: ast.AST, known: dict[str, str]) -> None:
        if isinstance(node, ast.Attribute):
            self._check_attribute(node, known)
        elif isinstance(node, ast.Call):
            self._check_call(node, known)

    def _check_attribute(self, node: ast.Attribute, known: dict[str, str]) -> None:
        everything = api()
        if isinstance(node.value, ast.Name) and node.value.id == MODULE:
            there = {*everything.classes, *everything.enums, *everything.functions, *PACKAGE_NAMES}
            self._report(node, node.attr in there, f"{MODULE}.{node.attr}")
            return
        owner = self.type_of(node.value, known)
        if owner is None:
            distinct = {n for members in everything.classes.values() for n in members if "_" in n.strip("_")}
            if node.attr in distinct and not node.attr.startswith("__"):
                self.faults.append(f"{self.path}:{node.lineno} {node.attr} on something of unknown type")
            return
        name = owner.removeprefix("type:")
        members = everything.enums.get(name) or everything.classes.get(name, {})
        self._report(node, node.attr in members, f"{name}.{node.attr}")

    def _check_call(self, node: ast.Call, known: dict[str, str]) -> None:
        function = node.func
        if isinstance(function, ast.Name) and function.id == "getattr":
            self._check_getattr(node, known)
        if not isinstance(function, ast.Attribute):
            return
        kind = self.type_of(function, known)
        if kind and kind.startswith("type:"):  # trt.Builder(...), or a function of the module
            name = kind.removeprefix("type:")
            overloads = api().functions.get(name) or api().classes.get(name, {}).get("__init__", [])
            self._report_call(node, overloads, name, skip=0)
        elif owner := self.type_of(function.value, known):
            name = owner.removeprefix("type:")
            overloads = api().classes.get(name, {}).get(function.attr, [])
            # Through the class, self is given.
            self._report_call(node, overloads, f"{name}.{function.attr}", skip=int(owner.startswith("type:")))

    def _check_getattr(self, node: ast.Call, known: dict[str, str]) -> None:
        """`getattr(x, "NAME", default)` is a guard: whatever it names may be missing, but not `x`."""
        owner = self.type_of(node.args[0], known)
        if owner and len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
            name = owner.removeprefix("type:")
            members = api().enums.get(name) or api().classes.get(name, {})
            self._report(node, node.args[1].value in members, f"{name}.{node.args[1].value}")

    def _report_call(self, node: ast.Call, overloads: list[Signature], name: str, skip: int) -> None:
        if any(isinstance(argument, ast.Starred) for argument in node.args) or any(k.arg is None for k in node.keywords):
            self.faults.append(f"{self.path}:{node.lineno} {name}: arguments that cannot be counted")
            return
        keywords = {keyword.arg for keyword in node.keywords}
        given = len(node.args) - skip

        def fits(s: Signature) -> bool:
            rest = set(s.names[given:])
            return given <= len(s.names) and keywords <= rest and set(s.names[given : s.required]) <= keywords

        shown = f"{name}({given} arguments{''.join(f', {k}=' for k in sorted(keywords))})"
        self._report(node, any(fits(s) for s in overloads), shown)

    def _subclass(self, node: ast.ClassDef) -> None:
        """A class of ours that the library calls back: every method must be one that it calls, with those parameters."""
        for base in node.bases:
            kind = annotated(base)
            if kind is None:
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("__"):
                    names = tuple(argument.arg for argument in method.args.args[1:])
                    overloads = api().classes[kind].get(method.name, [])
                    self._report(method, any(s.names == names for s in overloads), f"{kind}.{method.name}{names}")

    def _report(self, node: ast.AST, right: bool, what: str) -> None:
        if right:
            self.used.add(what.split("(")[0])
        else:
            self.faults.append(f"{self.path}:{node.lineno} {what} is not in TensorRT 11.4")


def walk(sources: dict[str, str]) -> tuple[list[str], set[str]]:
    """Check sources by path; return the faults and the names in use."""
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    returns = {node.name: kind for node in functions if (kind := annotated(node.returns))}
    faults, used = [], set()
    for path, tree in trees.items():
        found = Walk(path, tree, returns)
        faults += found.faults
        used |= found.used
    return faults, used


def our_sources() -> dict[str, str]:
    return {path: (ROOT / path).read_text("utf-8") for path in OURS}


def test_the_list_is_whole():
    assert len(api().classes) > 130
    assert api().enums["MemoryPoolType"] >= {"WORKSPACE", "TACTIC_DRAM"}
    shape = api().classes["IOptimizationProfile"]["set_shape"][0]
    assert shape == Signature(("input", "min", "opt", "max"), 4, "None")
    assert api().classes["Builder"]["create_network"][0].required == 0
    assert len(api().classes["Weights"]["__init__"]) == 3


def test_every_file_that_speaks_to_tensorrt_is_checked():
    speaking = [
        path.relative_to(ROOT).as_posix()
        for folder in ("engine", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\btensorrt\b|\btrt\.", re.sub(r'""".*?"""|"[^"]*"|#.*', "", path.read_text("utf-8"), flags=re.S))
    ]
    importing = [path for path in speaking if re.search(r"\btrt\b", (ROOT / path).read_text("utf-8"))]
    assert set(importing) <= set(OURS)


def test_everything_we_use_is_there():
    faults, used = walk(our_sources())
    assert faults == []
    # What the program cannot do without: were one of them missing here, the check would be blind.
    assert used >= {
        *("Builder.create_network", "OnnxParser.parse", "Builder.build_serialized_network", "ParserError.desc"),
        *("IBuilderConfig.builder_optimization_level", "IBuilderConfig.max_aux_streams", "BuilderFlag.REFIT_INDIVIDUAL"),
        *("IOptimizationProfile.set_shape", "IBuilderConfig.set_timing_cache", "ITimingCache.serialize"),
        *("INetworkDefinition.mark_weights_refittable", "IProgressMonitor.step_complete", "ILogger.log"),
        *("Runtime.deserialize_cuda_engine", "ICudaEngine.create_execution_context", "ICudaEngine.num_io_tensors"),
        *("IExecutionContext.set_tensor_address", "IExecutionContext.set_input_shape", "IExecutionContext.execute_async_v3"),
        *("Refitter.set_named_weights", "Refitter.get_missing_weights", "Refitter.refit_cuda_engine_async", "trt.Weights"),
    }


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("trt.Bilder(logger)", "trt.Bilder"),
        ("trt.BuilderFlag.FP16", "BuilderFlag.FP16"),
        ("1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)", "EXPLICIT_BATCH"),
        ("getattr(trt.NetworkDefinitionCreationFlag, 'EXPLICIT_BATCH')", "EXPLICIT_BATCH"),
        ("config.max_workspace_size = 1 << 30", "IBuilderConfig.max_workspace_size"),
        ("config.set_flag(trt.BuilderFlag.STRICT_TYPES)", "BuilderFlag.STRICT_TYPES"),
        ("config.set_flag()", "IBuilderConfig.set_flag(0 arguments)"),
        ("config.set_flag(1, 2)", "IBuilderConfig.set_flag(2 arguments)"),
        ("config.set_timing_cache(cache, ignore=False)", "ignore="),
        ("config.set_timing_cache(cache)", "IBuilderConfig.set_timing_cache(1 arguments)"),
        ("builder = trt.Builder(logger); builder.max_batch_size = 1", "Builder.max_batch_size"),
        ("trt.Builder(logger).build_engine(1, 2)", "Builder.build_engine"),
        ("trt.Builder()", "Builder(0 arguments)"),
        ("p = trt.Builder(logger).create_optimization_profile(); p.set_shape('x', minimum=1, opt=2, max=3)", "minimum="),
        ("self._context.execute_async_v2([], 0)", "IExecutionContext.execute_async_v2"),
        ("self._context.execute_async_v3(stream=0)", "stream="),
        ("unknown.execute_async_v3(0)", "unknown type"),
        ("unknown.get_tensor_name(0)", "unknown type"),
        ("trt.OnnxParser(network, logger).parse(*everything)", "cannot be counted"),
        ("trt.Runtime(logger).deserialize_cuda_engine(data, 5)", "deserialize_cuda_engine(2 arguments)"),
    ],
)
def test_what_is_not_there_is_found(code, fault):
    source = (
        "class Plan:\n"
        "    def __init__(self, engine: trt.ICudaEngine) -> None:\n"
        "        self._context = engine.create_execution_context()\n"
        "    def work(self, config: trt.IBuilderConfig | None, logger: trt.ILogger) -> None:\n"
        f"        {code}\n"
    )
    faults, _ = walk({"x.py": source})
    assert any(fault in line for line in faults), faults


@pytest.mark.parametrize(
    ("method", "right"),
    [
        ("def step_complete(self, phase_name, step): ...", True),
        ("def step_complete(self, phase_name): ...", False),
        ("def step_completed(self, phase_name, step): ...", False),
    ],
)
def test_what_the_library_calls_back_is_checked(method, right):
    faults, used = walk({"x.py": f"class Monitor(trt.IProgressMonitor):\n    {method}\n"})
    assert (faults == []) is right
    assert ("IProgressMonitor.step_complete" in used) is right


def test_a_guard_may_name_what_is_missing():
    assert walk({"x.py": "flag = getattr(trt.BuilderFlag, 'FP16', None)\n"})[0] == []
    assert walk({"x.py": "flag = getattr(trt.BuilderFlags, 'FP16', None)\n"})[0] != []

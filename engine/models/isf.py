"""Reads ISF 2.0 (https://github.com/mrRay/ISF_Spec): a fragment shader `*.fs` with a JSON header in its first comment, and
perhaps a vertex shader `*.vs` beside it. Written by strangers: every size, depth and count has a limit, and nothing runs.

Called on any thread but the render thread. `isf_glsl.py` makes shader text of what this returns, and
`backends/isf_program.py` plays that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from phosphene.engine.core.errors import UserError, listed
from phosphene.engine.core.files import parse_json, read_bytes, read_text
from phosphene.engine.core.frame import Size
from phosphene.engine.core.pictures import read_image
from phosphene.engine.models.expression import evaluate
from phosphene.engine.models.isf_input import IsfInput, checked_name, read_inputs
from phosphene.engine.models.table import Table

MOST_FILE, MOST_HEADER = 1 << 20, 1 << 18  # bytes; the largest of the public collection has 60 KB
MOST_PASSES, MOST_SIDE, MOST_IMPORTED = 16, 4096, 16  # side: px of a buffer or a picture
MOST_PICTURE = 64 << 20  # bytes of an imported file
USUAL_SIZE = Size(1280, 720)  # that sizes are tried with when a file is read
SUFFIXES = (".fs", ".isf")
_VERTEX_SUFFIXES = (".vs", ".vert")
_FILTER, _TRANSITION = "inputImage", ("startImage", "endImage", "progress")


@dataclass(frozen=True)
class IsfPass:
    """One run of the shader. target: the buffer it draws into, "" for the picture. width, height: expressions, "" for all.

    persistent: the buffer keeps its content from frame to frame. floats: it has 32-bit floats, else 8 bits.
    """

    target: str = ""
    persistent: bool = False
    floats: bool = False
    width: str = ""
    height: str = ""

    def size(self, full: Size, values: Mapping[str, float], where: str = "") -> Size:
        """Return the buffer's size for a picture of `full` pixels: 1 to MOST_SIDE a side. values: of inputs, by name."""
        known = {**values, "WIDTH": float(full.width), "HEIGHT": float(full.height)}
        width = evaluate(self.width, known, where) if self.width else full.width
        height = evaluate(self.height, known, where) if self.height else full.height
        return Size(*(int(min(float(MOST_SIDE), max(1.0, side))) for side in (width, height)))


@dataclass(frozen=True)
class Isf:
    """A shader that was read and checked.

    kind: "generator", "effect" (it has an `inputImage`) or "transition". body: the fragment shader behind the header, which
    begins in line `line` of the file. vertex: the text of the `.vs`, "" without one. imported: name -> file. sha256: of all
    that is played.
    """

    path: Path
    name: str
    kind: str
    description: str
    credit: str
    categories: tuple[str, ...]
    inputs: tuple[IsfInput, ...]
    passes: tuple[IsfPass, ...]
    body: str = field(repr=False)
    line: int
    vertex: str = field(default="", repr=False)
    vertex_path: Path | None = None
    imported: Mapping[str, Path] = field(default_factory=dict)
    sha256: str = ""

    @property
    def parameters(self) -> int:
        """How many numbers it learnt: none. For lists of styles."""
        return 0

    @property
    def values(self) -> tuple[IsfInput, ...]:
        """The inputs that a hand moves: all but pictures and sound."""
        return tuple(each for each in self.inputs if not each.is_picture)


class ShaderNetwork(Table):
    """The [network] of a style that is a shader: it has none. No style.toml says this kind, for a shader is no folder."""

    kind: Literal["isf"] = "isf"

    def spec(self) -> Isf:
        """Raise UserError: its file is read by `read_isf`."""
        raise UserError("a shader is no style folder", where="kind", got="isf", remedy="put the .fs file into shaders/")


def read_isf(path: Path) -> Isf:
    """Read and check a shader file. Raises UserError naming file and line."""
    text = read_text(path, MOST_FILE, "shader")
    if "\0" in text:
        raise UserError("the shader is no text", where=str(path), remedy="an ISF file begins with /*{ and goes on in GLSL")
    start = text.find("/*")
    end = text.find("*/", start + 2)
    if start < 0 or end < 0 or not _is_before_code(text[:start]):
        raise _no_header(path)
    header_text, first = text[start + 2 : end], text.count("\n", 0, start) + 1
    header = _parsed(header_text, path, first)

    def place(key: str) -> str:
        """Return file and line of the first place where the header has `key` in quotes."""
        at = header_text.find(json.dumps(key))
        return f"{path}:{first + header_text.count(chr(10), 0, max(0, at))}"

    inputs = read_inputs(header.get("INPUTS", []), place)
    passes = _passes(header, {each.name for each in inputs}, place)
    imported = _imported(header.get("IMPORTED", {}), path, {each.name for each in inputs}, place)
    names = {each.name for each in inputs}
    kind = "effect" if _FILTER in names else "transition" if names.issuperset(_TRANSITION) else "generator"
    values = {each.name: each.default[0] for each in inputs if len(each.default) == 1}
    for n, each in enumerate(passes):
        where = f"{place(each.target or 'PASSES')}, pass {n}"
        for side in (each.width, each.height):
            known = {**values, "WIDTH": float(USUAL_SIZE.width), "HEIGHT": float(USUAL_SIZE.height)}
            if side and (got := evaluate(side, known, where)) > MOST_SIDE:
                raise UserError("a buffer is too large", where=where, allowed=f"{MOST_SIDE} pixels a side", got=f"{got:g}")
    vertex_path = next((p for s in _VERTEX_SUFFIXES if (p := path.with_suffix(s)).is_file()), None)
    vertex = read_text(vertex_path, MOST_FILE, "vertex shader") if vertex_path else ""
    digest = hashlib.sha256(f"{text}\0{vertex}".encode())
    for file in imported.values():
        digest.update(read_bytes(file, MOST_PICTURE, "imported picture"))
    return Isf(
        path=path,
        name=path.stem,
        kind=kind,
        description=_text(header.get("DESCRIPTION")),
        credit=_text(header.get("CREDIT")),
        categories=tuple(map(_text, _list(header.get("CATEGORIES", []))[:32])),
        inputs=inputs,
        passes=passes,
        body=text[end + 2 :],
        line=text.count("\n", 0, end) + 1,
        vertex=vertex,
        vertex_path=vertex_path,
        imported=imported,
        sha256=digest.hexdigest(),
    )


def imported_pictures(isf: Isf) -> dict[str, np.ndarray]:
    """Return the imported pictures, uint8 [h, w, 4], row 0 at the top, sRGB, straight alpha. Raises UserError."""
    found = {}
    for name, path in isf.imported.items():
        picture = read_image(path, what="imported picture")
        if max(picture.width, picture.height) > MOST_SIDE:
            got = f"{picture.width} x {picture.height}"
            raise UserError("the imported picture is too large", where=str(path), allowed=f"{MOST_SIDE} a side", got=got)
        found[name] = np.array(picture.convert("RGBA"), np.uint8)
    return found


def _is_before_code(text: str) -> bool:
    """Whether nothing but blank lines and `//` comments stand in `text`: then the comment after it is the first thing."""
    return all(not line.strip() or line.strip().startswith("//") for line in text.splitlines())


def _no_header(path: Path) -> UserError:
    remedy = 'begin it with /*{ "ISFVSN": "2", "INPUTS": [] }*/'
    return UserError("the shader has no ISF header", where=f"{path}:1", allowed="JSON in the first comment", remedy=remedy)


def _parsed(text: str, path: Path, first: int) -> dict[str, Any]:
    if len(text) > MOST_HEADER:
        raise UserError("the header is too large", where=f"{path}:{first}", allowed=f"up to {MOST_HEADER} characters")
    if not text.lstrip().startswith("{"):
        raise _no_header(path)
    try:
        found = parse_json(text, f"{path}:{first}")
    except UserError as error:
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError):
            raise
        where = f"{path}:{first + cause.lineno - 1}"
        raise UserError("the header is not valid JSON", where=where, got=cause.msg, remedy="mend that line") from error
    if not isinstance(found, dict):
        raise _no_header(path)
    return found


def _passes(header: Mapping[str, Any], taken: set[str], place: Any) -> tuple[IsfPass, ...]:
    given = _list(header.get("PASSES", []))
    if len(given) > MOST_PASSES:
        raise UserError("too many passes", where=place("PASSES"), allowed=f"{MOST_PASSES}", got=len(given))
    kept = header.get("PERSISTENT_BUFFERS", {})  # of ISF 1: names, or names with what a pass says today
    old = {name: {} for name in map(str, kept)} if isinstance(kept, list) else dict(kept) if isinstance(kept, dict) else {}
    passes = []
    for n, each in enumerate(given):
        if not isinstance(each, dict):
            raise UserError(
                "a pass is a table", where=f"{place('PASSES')}, pass {n}", allowed='{"TARGET": "name"}', got=each
            )
        target = each.get("TARGET", "")
        if target != "":
            target = checked_name(target, f"{place(str(target))}, pass {n}")
            if target in taken:
                raise UserError("two things have one name", where=f"{place(target)}, pass {n}", got=target)
        more = old.get(target, None)
        own = {**more, **each} if isinstance(more, dict) else each
        where = f"{place(target or 'PASSES')}, pass {n}"
        persistent = _flag(own.get("PERSISTENT", own.get("persistent", False))) or (more is not None and target != "")
        sides = (_side(own.get(key, ""), f"{where}, {key}") for key in ("WIDTH", "HEIGHT"))
        passes.append(IsfPass(target, persistent, _flag(own.get("FLOAT", False)), *sides))
    return tuple(passes) or (IsfPass(),)


def _imported(given: Any, path: Path, taken: set[str], place: Any) -> dict[str, Path]:
    if isinstance(given, list):  # ISF 1: a list of tables with a NAME
        given = {str(each.get("NAME", "")): each for each in given if isinstance(each, dict)}
    if not isinstance(given, dict):
        raise UserError("IMPORTED is a table", where=place("IMPORTED"), got=given)
    if len(given) > MOST_IMPORTED:
        raise UserError("too many imported pictures", where=place("IMPORTED"), allowed=f"{MOST_IMPORTED}", got=len(given))
    folder, found = path.resolve().parent, {}
    for name, each in given.items():
        where = f"{place(name)}, IMPORTED"
        checked_name(name, where)
        if name in taken:
            raise UserError("two things have one name", where=where, got=name)
        file = each.get("PATH") if isinstance(each, dict) else each
        if not isinstance(file, str) or not file:
            raise UserError("an imported picture has one PATH", where=where, allowed='{"PATH": "picture.png"}', got=file)
        parts = re.split(r"[/\\]", file)
        target = (folder / Path(*parts)).resolve() if "\0" not in file and not parts[0].endswith(":") else folder
        if ".." in parts or parts[0] == "" or not target.is_relative_to(folder) or target == folder:
            remedy = "put the picture into the shader's folder"
            raise UserError("the path leads out of the shader's folder", where=where, got=file, remedy=remedy)
        if not target.is_file():
            raise UserError("no such imported picture", where=where, got=file, remedy=f"put it into {folder}")
        found[name] = target
    return found


def _side(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UserError("not an expression", where=where, allowed='a number, or a text such as "$WIDTH/2"', got=value)
    return str(value).strip()


def _flag(value: Any) -> bool:
    return value.strip().lower() in ("true", "yes", "1") if isinstance(value, str) else bool(value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, dict):  # of ISF 1
        value = list(value.values())
    if not isinstance(value, list):
        raise UserError("not a list", got=value, allowed=listed(("INPUTS", "PASSES", "CATEGORIES")))
    return value


def _text(value: Any) -> str:
    return str(value)[:2000] if isinstance(value, (str, int, float)) else ""

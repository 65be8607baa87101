"""The inputs of an ISF shader: names, kinds, ranges, as its header has them. See `isf.py`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from phosphene.engine.core.errors import UserError, did_you_mean

KINDS = {  # kind -> its type in GLSL
    "event": "bool",
    "bool": "bool",
    "long": "int",
    "float": "float",
    "point2D": "vec2",
    "color": "vec4",
    "image": "sampler2D",
    "audio": "sampler2D",
    "audioFFT": "sampler2D",
}
PICTURES = ("image", "audio", "audioFFT")
MOST_INPUTS, MOST_CHOICES, MOST_SAMPLES = 64, 256, 4096
MOST_TEXTURES = 12  # that a shader's inputs take: 16 is what OpenGL 3.3 promises, and buffers need some
_NUMBERS = {"event": 1, "bool": 1, "long": 1, "float": 1, "point2D": 2, "color": 4}

# Words that mean something in GLSL 3.30, or are kept for later; and names that a shader of ours has already.
KEYWORDS = frozenset(
    """
    attribute const uniform varying layout centroid flat smooth noperspective break continue do for while switch case
    default if else in out inout float int void bool true false invariant discard return mat2 mat3 mat4 vec2 vec3 vec4
    ivec2 ivec3 ivec4 bvec2 bvec3 bvec4 uint uvec2 uvec3 uvec4 lowp mediump highp precision sampler1D sampler2D
    sampler3D samplerCube sampler2DRect struct common partition active asm class union enum typedef template this
    resource goto inline noinline public static extern external interface long short half fixed unsigned superp input
    output filter sizeof cast namespace using row_major sample
    """.split()  # noqa: SIM905 a list of so many words fills a page
)
OWN_NAMES = frozenset(
    """
    TIME TIMEDELTA RENDERSIZE PASSINDEX FRAMEINDEX DATE main texture2D texture2DLod texture2DRect texture2DProj
    IMG_PIXEL IMG_NORM_PIXEL IMG_THIS_PIXEL IMG_THIS_NORM_PIXEL IMG_SIZE texture textureSize vv_FragNormCoord
    vv_vertShaderInit
    """.split()  # noqa: SIM905 a list of so many words fills a page
)


@dataclass(frozen=True)
class IsfInput:
    """One input. kind: a key of `KINDS`.

    default, minimum, maximum: a number, two of a point2D, four of a colour (red, green, blue, alpha); none of a picture.
    values, labels: what a long may be. samples: columns of a sound, 0 for as many as there are.
    """

    name: str
    kind: str
    label: str = ""
    default: tuple[float, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()
    values: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    samples: int = 0

    @property
    def is_picture(self) -> bool:
        """Whether it is a texture and no number."""
        return self.kind in PICTURES

    def at(self, places: tuple[float, ...]) -> tuple[float, ...]:
        """Return the value at `places`, one a number: 0 the default, 1 the maximum, -1 the minimum, straight in between.

        A bool turns true above 0.5 and false below -0.5, a long goes through its values.
        """
        found = []
        for place, low, default, high in zip(places, self.minimum, self.default, self.maximum, strict=True):
            place = min(1.0, max(-1.0, place))
            if self.kind == "event":
                found.append(float(place > 0.5))
            elif self.kind == "bool":
                found.append(1.0 if place > 0.5 else 0.0 if place < -0.5 else default)
            elif self.kind == "long":
                here, last = self.values.index(int(default)), len(self.values) - 1
                at = here + place * ((last - here) if place > 0.0 else here)
                found.append(float(self.values[round(at)]))
            else:
                found.append(default + place * ((high - default) if place > 0.0 else (default - low)))
        return tuple(found)


def checked_name(name: object, where: str) -> str:
    """Return `name` if a uniform may be called so. Raises UserError."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise UserError("not a name", where=where, allowed="letters, digits and _, up to 64", got=name, remedy="rename it")
    if name in KEYWORDS:
        raise UserError("the name is a word of GLSL", where=where, got=name, remedy="rename it")
    if name in OWN_NAMES or name.startswith(("gl_", "isf_", "IMG_")) or "__" in name:
        raise UserError("the name is taken by ISF or OpenGL", where=where, got=name, remedy="rename it")
    return name


def read_inputs(given: Any, place: Callable[[str], str]) -> tuple[IsfInput, ...]:
    """Return the inputs of a header's INPUTS. place: file and line of a word in it. Raises UserError."""
    if isinstance(given, dict):  # of ISF 1
        given = [{"NAME": name, **each} for name, each in given.items() if isinstance(each, dict)]
    if not isinstance(given, list):
        raise UserError("INPUTS is a list", where=place("INPUTS"), got=given)
    if len(given) > MOST_INPUTS:
        raise UserError("too many inputs", where=place("INPUTS"), allowed=f"{MOST_INPUTS}", got=len(given))
    found: dict[str, IsfInput] = {}
    for each in given:
        if not isinstance(each, dict):
            raise UserError("an input is a table", where=place("INPUTS"), allowed='{"NAME": ..., "TYPE": ...}', got=each)
        name = checked_name(each.get("NAME"), f"{place(str(each.get('NAME')))}, INPUTS")
        where = f"{place(name)}, input {name}"
        if name in found:
            raise UserError("two inputs have one name", where=where, got=name, remedy="rename one")
        found[name] = _input(name, each, where)
    pictures = sum(each.is_picture for each in found.values())
    if pictures > MOST_TEXTURES:
        raise UserError("too many pictures", where=place("INPUTS"), allowed=f"{MOST_TEXTURES}", got=pictures)
    return tuple(found.values())


def _input(name: str, given: dict[str, Any], where: str) -> IsfInput:
    kind = given.get("TYPE")
    if kind not in KINDS:
        remedy = did_you_mean(str(kind), KINDS)
        raise UserError("unknown type of input", where=where, allowed=", ".join(KINDS), got=kind, remedy=remedy)
    label = str(given.get("LABEL", ""))[:80]
    if kind in PICTURES:
        samples = given.get("MAX", 0)
        samples = int(samples) if isinstance(samples, (int, float)) and 0 < samples <= MOST_SAMPLES else 0
        return IsfInput(name, kind, label, samples=samples)
    count = _NUMBERS[kind]
    if kind in ("event", "bool"):
        default = 0.0 if kind == "event" else float(_numbers(given.get("DEFAULT", 0), 1, where)[0] > 0.5)
        return IsfInput(name, kind, label, (default,), (0.0,), (1.0,))
    if kind == "long":
        return _choice(name, given, label, where)
    low = _numbers(given.get("MIN", 0.0), count, where)
    high = _numbers(given.get("MAX", 1.0), count, where)
    if "DEFAULT" in given:
        default = _numbers(given["DEFAULT"], count, where)
    else:
        default = (1.0,) * 4 if kind == "color" else tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    # A header that contradicts itself is taken at its widest: other hosts show such a file too.
    low, high = tuple(map(min, low, high, default)), tuple(map(max, low, high, default))
    return IsfInput(name, kind, label, default, low, high)


def _choice(name: str, given: dict[str, Any], label: str, where: str) -> IsfInput:
    if "VALUES" in given:
        raw = given["VALUES"] if isinstance(given["VALUES"], list) else [given["VALUES"]]
    else:
        low, high = (int(_numbers(given.get(key, other), 1, where)[0]) for key, other in (("MIN", 0), ("MAX", 1)))
        raw = list(range(low, min(high, low + MOST_CHOICES) + 1))
    if not 0 < len(raw) <= MOST_CHOICES + 1:
        raise UserError("a long has no values, or too many", where=where, allowed=f"1 to {MOST_CHOICES}", got=len(raw))
    values = tuple(int(_numbers(each, 1, where)[0]) for each in raw)
    default = int(_numbers(given.get("DEFAULT", values[0]), 1, where)[0])
    if default not in values:
        values = (default, *values)
    labels = given.get("LABELS", [])
    labels = tuple(str(each)[:80] for each in labels[:MOST_CHOICES]) if isinstance(labels, list) else ()
    ends = (float(min(values)),), (float(max(values)),)
    if not -(2**31) <= ends[0][0] <= ends[1][0] < 2**31:
        raise UserError("a value is too large", where=where, allowed="32 bits")
    return IsfInput(name, "long", label, (float(default),), *ends, values, labels)


def _numbers(value: Any, count: int, where: str) -> tuple[float, ...]:
    """Return so many numbers. A single one stands for all, and a colour without alpha is opaque."""
    given = value if isinstance(value, list) else [value] * count
    if count == 4 and len(given) == 3:
        given = [*given, 1.0]
    words = {"true": 1.0, "false": 0.0}
    try:
        plain = [words.get(each.strip().lower(), each) if isinstance(each, str) else each for each in given]
        found = tuple(float(each) for each in plain)
    except (TypeError, ValueError) as error:
        raise UserError("not a number", where=where, got=value) from error
    if len(found) != count or not all(math.isfinite(each) and abs(each) < 1e30 for each in found):
        raise UserError("not so many numbers", where=where, allowed=f"{count}", got=value)
    return found

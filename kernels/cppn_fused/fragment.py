"""Which lane holds what: the index arithmetic of `mma.sync.m16n8k16`, written once for the kernel and for Python.

Each formula is one integer expression that C and Python read alike. `defines` gives the kernel its macros, the functions
below give `pack.py` and `emulate.py` the same numbers for whole arrays, so the two cannot drift apart. Source: PTX ISA,
"Matrix Fragments for mma.m16n8k16 with floating point type". No files, no GPU.

A register holds two halves, at `..._COL` and the column after it (for B: the row, which is k, and the row after it).
"""

from __future__ import annotations

from typing import Any

import numpy as np

LANES = 32
_FORMULAS = {
    # PTX ISA
    "GROUP": ("lane", "(lane >> 2)"),
    "MEMBER": ("lane", "(lane & 3)"),
    "A_ROW": ("lane, reg", "(GROUP(lane) + 8 * (reg & 1))"),
    "A_COL": ("lane, reg", "(2 * MEMBER(lane) + 8 * (reg >> 1))"),
    "B_ROW": ("lane, reg", "(2 * MEMBER(lane) + 8 * reg)"),
    "B_COL": ("lane", "(GROUP(lane))"),
    "C_ROW": ("lane, reg", "(GROUP(lane) + 8 * reg)"),
    "C_COL": ("lane", "(2 * MEMBER(lane))"),
    # Ours. The accumulators of two n8 tiles are, register for register, the A operand of the next layer.
    "C_TO_A": ("n8, reg", "(2 * n8 + reg)"),
    # A lane holds rows 0..3 of a warp's 32 pixels (0 and 1 of 16): which pixel is a row?
    "PIXEL": ("lane, row", "(A_ROW(lane, (row & 1)) + 16 * (row >> 1))"),
    # In 128-bit loads: four registers of B for a 16 x 16 tile, and four features of a bias or of layer 0.
    "TILE_AT": ("n, k, tiles, lane", "((n * tiles + k) * 32 + lane)"),
    "QUAD_AT": ("tile, lane", "(tile * 4 + MEMBER(lane))"),
    "QUAD_COL": ("lane, i", "(A_COL(lane, (i & 2)) + (i & 1))"),
}


def defines() -> str:
    """Return the formulas as macros of C."""
    lines = []
    for name, (arguments, expression) in _FORMULAS.items():
        for argument in arguments.split(", "):
            expression = _bracketed(expression, argument)
        lines.append(f"#define {name}({arguments}) {expression}")
    return "\n".join(lines)


def index(name: str, *arguments: Any) -> Any:
    """Return the formula `name` of integers or integer arrays, which broadcast. Raises KeyError for an unknown name."""
    names, expression = _FORMULAS[name]
    values = dict(zip(names.split(", "), arguments, strict=True))
    functions = {other: _caller(other) for other in _FORMULAS if f"{other}(" in expression}
    return eval(expression, {"__builtins__": {}}, functions | values)


def quad_columns(width: int) -> np.ndarray:
    """Return the feature at each place of a bias in the kernel's order: int64 [width]."""
    tile, lane, i = np.ogrid[: width // 16, :4, :4]
    columns = np.empty(width, np.int64)
    columns[(4 * index("QUAD_AT", tile, lane) + i).reshape(-1)] = (16 * tile + index("QUAD_COL", lane, i)).reshape(-1)
    return columns


def tile_features(n_tiles: int, k_tiles: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, k) of each half of a packed weight matrix, in memory order: int64 [n_tiles * k_tiles * 256] each."""
    n, k, lane, load, half = np.ogrid[:n_tiles, :k_tiles, :LANES, :4, :2]
    place = (4 * index("TILE_AT", n, k, k_tiles, lane) + load) * 2 + half
    # A load's four registers: the two of the first n8 tile, then the two of the second.
    feature = 16 * n + 8 * (load >> 1) + index("B_COL", lane)
    source = 16 * k + index("B_ROW", lane, load & 1) + half
    features, sources = np.empty(place.size, np.int64), np.empty(place.size, np.int64)
    features[place.reshape(-1)] = np.broadcast_to(feature, place.shape).reshape(-1)
    sources[place.reshape(-1)] = np.broadcast_to(source, place.shape).reshape(-1)
    return features, sources


def _caller(name: str) -> Any:
    return lambda *arguments: index(name, *arguments)


def _bracketed(expression: str, argument: str) -> str:
    """Put brackets around `argument` where it stands as a word: a macro's argument may be a sum."""
    words, word = [], ""
    for letter in expression + " ":
        if letter.isalnum() or letter == "_":
            word += letter
            continue
        words.append(f"({word})" if word == argument else word)
        words.append(letter)
        word = ""
    return "".join(words).rstrip()

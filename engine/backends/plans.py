"""TensorRT plans on disk: what each was built of and for, and which one may run a style here.

A plan is device code for one GPU, one TensorRT and one driver, so it is never shipped, always rebuilt from the style, and
trusted only when its header names exactly this machine, its file name is the hash of that header, and its bytes have the
hash that the header says. One file each, header line first, written atomically: there is no moment at which header and plan
do not belong together. Called by the loader thread, `vj engines` and `tools/export_engine.py`; imports no TensorRT.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from phosphene.engine.backends import decoded_onnx, onnx_graph
from phosphene.engine.backends.decoders import KINDS as DECODED
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import cache_dir
from phosphene.engine.models.style import Style, write_atomic

MAX_HEADER_BYTES = 64 * 1024
LEAST, MOST = Size(64, 36), Size(1280, 720)  # of a plan where nothing else is said
PLAN_SUFFIX, TIMING_SUFFIX = ".plan", ".timing"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Record):
    """What a plan is tied to. capability: "8.9". driver: of the kernel module where the system tells, and CUDA's number."""

    tensorrt: str
    gpu: str
    capability: str
    driver: str
    system: str

    def line(self) -> str:
        """Return it in words for a person."""
        return f"TensorRT {self.tensorrt}, {self.gpu}, driver {self.driver}, {self.system}"

    def differences(self, other: Machine) -> str:
        """Return what `other` has instead, in words; "" for the same machine."""
        mine, others = self.model_dump(), other.model_dump()
        return ", ".join(f"{name} {others[name]} instead of {mine[name]}" for name in mine if mine[name] != others[name])


class Recipe(_Record):
    """What a plan is built of. pixels: (least, best, most) of a picture. weights, architecture: see `written`."""

    architecture: str
    weights: str
    full_layers: int
    layers: int
    pixels: tuple[int, int, int]
    level: int  # builder optimisation level, 0 to 5

    @property
    def numbers(self) -> str:
        """In which numbers the network is worked out, in words."""
        full = self.full_layers
        return "float32" if full == self.layers else f"half, {full} of {self.layers} layers float32"


class Header(_Record):
    """The first line of a plan's file. style: the slug it was built for. refit: whether other weights may be put in."""

    version: Literal[1] = 1
    style: str
    recipe: Recipe
    machine: Machine
    refit: bool
    nbytes: int
    sha256: str
    built: str
    seconds: float

    @property
    def key(self) -> str:
        return plan_key(self.recipe, self.machine)


def plan_key(recipe: Recipe, machine: Machine) -> str:
    """Return the sha256 under which a plan lies: weights, options, TensorRT, GPU, driver and system."""
    said = {"recipe": recipe.model_dump(mode="json"), "machine": machine.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def written(style: Style) -> ModuleType:
    """Return the module that writes styles of this kind as ONNX: `onnx_graph`, or `decoded_onnx` for decoded networks.

    Both have `all_layers`, `needed_full_layers`, `refittable`, `weights_digest`, `architecture_digest`, `graph`, `pixels`,
    `pixels_needed` and `free_shapes`; what is built, keyed and stored here is the same for every kind.
    """
    return decoded_onnx if style.kind in DECODED else onnx_graph


def recipe_of(style: Style, least: int, most: int, level: int) -> Recipe:
    """Return the recipe of `style`: for pictures of `least` to `most` pixels, or of a decoded network's own sizes.

    It gets as many leading float32 layers as the style needs. Raises UserError where that cannot be measured.
    """
    network = written(style)
    full_layers = network.needed_full_layers(style)
    return Recipe(
        architecture=network.architecture_digest(style, full_layers),
        weights=network.weights_digest(style, full_layers),
        full_layers=full_layers,
        layers=network.all_layers(style),
        pixels=network.pixels(style, least, most),
        level=level,
    )


def sizes_of(size: str | None, sizes: str | None) -> tuple[Size, Size]:
    """Return the smallest and the largest picture of a plan from `--size 1280x720` or `--sizes 64x36..1280x720`.

    A plan of one size also plays smaller ones, at the price of that size: a range lets the governor save something.
    """
    if size and sizes:
        raise UserError("one size or a range of them", where="--size, --sizes", got=f"{size} and {sizes}")
    parts = (sizes or size or f"{LEAST}..{MOST}").split("..")
    where = "--sizes" if sizes else "--size"
    try:
        found = [Size.parse(part) for part in parts]
    except ValueError as error:
        raise UserError(str(error), where=where) from error
    least, most = found[0], found[-1]
    if most.pixels < LEAST.pixels:  # every plan is tried at that size before it is shown
        raise UserError("a plan of so small a size cannot be checked", where=where, allowed=f"{LEAST} and more", got=most)
    if len(found) > 2 or (len(found) == 2) != (size is None) or least.pixels > most.pixels:
        raise UserError("no range of sizes", where=where, allowed=f"such as {LEAST}..{MOST}", got=sizes or size)
    return least, most


class PlanStore:
    """The plans below `folder`: by default the user's cache. Safe to use from several processes."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_dir() / "plans"

    def path(self, key: str) -> Path:
        """Return where the plan of a key lies."""
        return self.folder / f"{key}{PLAN_SUFFIX}"

    def timing_cache(self, machine: Machine) -> Path:
        """Return where the builder's measurements on `machine` are kept, so that the next plan takes less time."""
        digest = hashlib.sha256(machine.model_dump_json().encode()).hexdigest()
        return self.folder / f"{digest}{TIMING_SUFFIX}"

    def headers(self) -> list[Header]:
        """Return the header of every plan that is whole in name and header, by style; reads no plan."""
        found = [header for path in self._files(PLAN_SUFFIX) if (header := read_header(path))]
        return sorted(found, key=lambda header: (header.style, header.recipe.pixels, header.built))

    def find(self, style: Style, machine: Machine, size: Size) -> Header | None:
        """Return the plan to run `style` at up to `size` here: of its own weights, else one that can be refitted to them.

        The narrowest range wins, then the fewest float32 layers.
        """
        needed = written(style).pixels_needed(style, size.pixels)
        fitting = [h for h in self.headers() if h.machine == machine and h.recipe.pixels[2] >= needed]
        fitting.sort(key=lambda h: (h.recipe.pixels[2], h.recipe.full_layers))
        own = [h for h in fitting if is_for(h, style)]
        if own:
            return own[0]
        kin = [h for h in fitting if h.refit and is_kin(h, style)]
        full_layers = written(style).needed_full_layers(style) if kin else 0
        return next((h for h in kin if h.recipe.full_layers >= full_layers), None)

    def outgrown(self, style: Style) -> Header | None:
        """Return the latest plan that was built for a style of this name, whatever has changed since."""
        return max((h for h in self.headers() if h.style == style.slug), key=lambda h: h.built, default=None)

    def load(self, header: Header) -> bytes | None:
        """Return the plan, or None when the file has gone or its bytes are not what the header says."""
        try:
            data = self.path(header.key).read_bytes()
        except OSError:
            return None
        first, _, plan = data.partition(b"\n")
        # The header is read again with the plan: another process may have put a new file there.
        if _parsed(first) != header or len(plan) != header.nbytes or hashlib.sha256(plan).hexdigest() != header.sha256:
            return None
        return plan

    def save(
        self, style: str, recipe: Recipe, machine: Machine, plan: bytes, *, refit: bool, built: str, seconds: float
    ) -> Header:
        """Write a plan and return its header; one of the same key is replaced."""
        header = Header(
            style=style, recipe=recipe, machine=machine, refit=refit, nbytes=len(plan),
            sha256=hashlib.sha256(plan).hexdigest(), built=built, seconds=round(seconds, 1),
        )  # fmt: skip
        write_atomic(self.path(header.key), header.model_dump_json().encode() + b"\n" + plan)
        return header

    def discard(self, header: Header) -> None:
        """Delete a plan that turned out to be useless."""
        self.path(header.key).unlink(missing_ok=True)

    def prune(self, machine: Machine | None, everything: bool = False) -> list[Path]:
        """Delete what can never be used again and return it: damaged files, half-written ones, what other machines built.

        machine: this one; None where there is none to compare with, and nothing is then foreign. everything: all of it.
        """
        doomed = list(self.folder.glob(".*.plan.*")) + list(self.folder.glob(".*.timing.*"))  # of `write_atomic`, killed
        for path in self._files(PLAN_SUFFIX):
            header = read_header(path)
            whole = header is not None and self.load(header) is not None
            if everything or not whole or (machine and header.machine != machine):
                doomed.append(path)
        for path in self._files(TIMING_SUFFIX):
            if everything or (machine and path != self.timing_cache(machine)):
                doomed.append(path)
        for path in doomed:
            path.unlink(missing_ok=True)
        return doomed

    def _files(self, suffix: str) -> Iterator[Path]:
        yield from sorted(path for path in self.folder.glob(f"*{suffix}") if not path.name.startswith("."))


def is_for(header: Header, style: Style) -> bool:
    """Tell whether a plan holds the weights of `style`. A style that was trained again has other ones."""
    return is_kin(header, style) and header.recipe.weights == written(style).weights_digest(style, header.recipe.full_layers)


def is_kin(header: Header, style: Style) -> bool:
    """Tell whether a plan is of the architecture of `style`, so that its weights can be put in."""
    return header.recipe.architecture == written(style).architecture_digest(style, header.recipe.full_layers)


def read_header(path: Path) -> Header | None:
    """Return the header of a plan's file; None for one that is damaged or lies under another name than its key."""
    try:
        with path.open("rb") as file:
            line = file.readline(MAX_HEADER_BYTES)
    except OSError:
        return None
    header = _parsed(line.rstrip(b"\n"))
    return header if header is not None and header.key == path.stem else None


def _parsed(line: bytes) -> Header | None:
    try:
        return Header.model_validate_json(line)
    except ValidationError:
        return None

"""A style: `style.toml` beside `weights.safetensors`. Read, checked and written here, and nowhere else.

Called by the loader thread, tools and tests; never by the render thread, for it reads files. Whatever is wrong with a
style ends as a `UserError` that says what, where, allowed, got and remedy. Reading one never runs code from it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tomli_w
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from safetensors.numpy import save

from phosphene.engine.core.atomic import write_atomic
from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import read_toml
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import find, is_name, style_folders, styles_dir
from phosphene.engine.models.cppn import CppnSpec, Network, Weights
from phosphene.engine.models.encoding import UNIFORM_INPUTS
from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.graph import Tensors
from phosphene.engine.models.isf import Isf, ShaderNetwork
from phosphene.engine.models.media import Source, SourceNetwork, digest, is_source, named
from phosphene.engine.models.shaders import find_shader, is_shader, load_shader
from phosphene.engine.models.table import Table
from phosphene.engine.models.tensor_file import read_tensors
from phosphene.engine.models.vqvae import VqvaeNetwork

__all__ = [
    "Network", "Style", "StyleMeta", "book_of", "check_style", "load_meta", "load_style", "load_weights", "made_meta",
    "meta_of", "write_meta", "write_style",
]  # fmt: skip

SCHEMA_VERSION = 1
MAX_WEIGHTS_BYTES = 64 * 1024 * 1024  # a 256-wide, 12-layer CPPN takes 3 MB, a shipped GAN at most 12: more is a mistake
MAX_SEED = 2**63 - 1
MOST_PREVIEW = 2048  # px of a preview's side
Finite = Annotated[float, Field(ge=-1e9, le=1e9)]
Word = Annotated[str, Field(max_length=200)]
Words = Annotated[tuple[Word, ...], Field(max_length=256)]
Text = Annotated[str, Field(max_length=4000)]
Numbers = Annotated[dict[Word, Finite], Field(max_length=256)]


# A kind of style: its [network] table, which gives a spec. One line each, here and in `generators/registry.py`.
AnyNetwork = Annotated[Network | GanNetwork | VqvaeNetwork | ShaderNetwork | SourceNetwork, Field(discriminator="kind")]
Spec = CppnSpec | GanNetwork | VqvaeNetwork | Isf | Source
KINDS = ("cppn", "gan", "vqvae", "isf", "image", "clip", "camera")
OTHERS_DRIVE = 1.0  # of shaders and pictures: at full level their time runs twice as fast as in silence


class Preview(Table):
    """[preview]: the instant that preview.png shows: phase in s, signals by name, picture size."""

    time: Finite = 0.0
    size: str = "320x180"
    signals: Numbers = Field(default_factory=dict)

    @field_validator("size")
    @classmethod
    def _bounded(cls, text: str) -> str:
        try:
            size = Size.parse(text)
        except ValueError:
            size = Size(0, 0)
        if not 0 < min(size.width, size.height) <= max(size.width, size.height) <= MOST_PREVIEW:
            reason = f"not a size of a preview: WIDTHxHEIGHT, up to {MOST_PREVIEW} each, such as 320x180"
            raise PydanticCustomError("size", "{reason}", {"reason": reason})
        return text


class Motion(Table):
    """[motion]: drive, how much faster loud music runs time than silence. variations: pictures that differ, all round the
    input `place`."""

    drive: Annotated[float, Field(ge=0.0, le=20.0)] = 3.0
    variations: Annotated[int, Field(ge=1, le=16)] = 1


class StyleMeta(Table):
    """style.toml. `normalisation` scales uniform inputs (1.0 where unnamed)."""

    version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Literal["cppn", "gan", "vqvae", "isf", "image", "clip", "camera"]
    description: Text = ""
    seed: Annotated[int, Field(ge=-MAX_SEED, le=MAX_SEED)]
    licence: Word
    prompt: Text = ""
    images: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    tags: Words = ()
    genres: Words = ()  # music it was chosen for: "techno", "ambient", ...
    energy: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5  # 0 calm .. 1 frantic, of the music that it suits
    palette: Annotated[tuple[Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")], ...], Field(max_length=64)] = ()
    network: AnyNetwork
    normalisation: Numbers = Field(default_factory=dict)
    motion: Motion = Motion()
    preview: Preview = Preview()
    scores: Numbers = Field(default_factory=dict)
    guide: Text = ""  # what pulled the training, as given to --guide; "" for an untrained style
    judge: Text = ""  # what the scores are of; never the guide's own weights

    @property
    def trained(self) -> bool:
        """Whether its numbers were learnt: a CPPN without a guide was grown from a seed."""
        return bool(self.guide) or self.kind in ("gan", "vqvae")

    @model_validator(mode="before")
    @classmethod
    def _network_of_its_kind(cls, table: Any) -> Any:
        """Let `kind` say which [network] is meant."""
        if isinstance(table, dict) and isinstance(table.get("network"), dict):
            if "kind" in table["network"]:
                raise PydanticCustomError("kind", "kind stands above [network], not in it")
            return table | {"network": table["network"] | {"kind": table.get("kind")}}
        return table

    @model_validator(mode="after")
    def _one_kind(self) -> StyleMeta:
        if self.network.kind != self.kind:
            raise PydanticCustomError("kind", "network is of another kind")
        return self


@dataclass(frozen=True)
class Style:
    """A checked style, ready for `Backend.open`.

    spec, weights: of its kind. A CPPN's weights are (W float32 [out, in], b float32 [out]) per layer, all others' are
    float32 arrays by name.
    """

    slug: str
    name: str
    kind: str
    spec: Spec
    weights: Weights | Tensors = field(repr=False)
    meta: StyleMeta = field(repr=False)
    sha256: str = field(
        default="", repr=False
    )  # of what is played: network, scales, drive and weights; "" unless read from disk

    @property
    def scales(self) -> dict[str, float]:
        """The scale of each named uniform input."""
        return self.meta.normalisation

    @property
    def palette(self) -> tuple[str, ...]:
        return self.meta.palette

    @property
    def tags(self) -> tuple[str, ...]:
        return self.meta.tags


def style_folder(path_or_slug: str | Path) -> Path:
    """Return the folder of a style. A text without a slash is a slug, and of the library alone: a folder that happens to lie
    where a command is run never stands for it. Everything else is a path. Raises UserError when there is no such style.
    """
    slug = str(path_or_slug)
    of_library = isinstance(path_or_slug, str) and is_name(slug)
    folder = find(style_folders(), os.path.join(slug, "style.toml")).parent if of_library else Path(path_or_slug)
    if _is_style(folder):
        return folder
    known = list_styles()
    near = did_you_mean(slug, known)
    remedy = near or "vj styles list"
    if of_library and _is_style(Path(slug)):
        remedy = f"name a folder by its path: {os.path.join(os.curdir, slug)}"
    where = str(styles_dir()) if of_library else slug
    raise UserError("no such style", where=where, allowed="" if near else listed(known), got=slug, remedy=remedy)


def empty_library() -> UserError:
    """Return the line for a library without a style."""
    remedy = "vj styles new --seed 1 grows one; PHOSPHENE_STYLES names another library"
    return UserError("the library holds no style", where=str(styles_dir()), remedy=remedy)


def in_library(folder: Path) -> bool:
    """Whether a folder lies in the library, by whatever path it is named."""
    return folder.resolve().parent in [each.resolve() for each in style_folders()]


def _is_style(folder: Path) -> bool:
    try:
        return (folder / "style.toml").is_file()
    except (OSError, ValueError):  # a name that no disk takes
        return False


_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}  # on Windows


def check_slug(text: str, where: str = "--slug") -> str:
    """Return `text` if it may name a style's folder: never a path, the same on every system. Raises UserError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", text) or text in _DEVICES:
        raise UserError("bad slug", where=where, allowed="lower-case letters, digits, - and _, up to 60", got=text)
    return text


def list_styles(kind: str = "") -> list[str]:
    """Return the slugs of the library, sorted. kind: only these, for which every style.toml is read; else none is.

    One that has to be read and cannot is left out: a bad style takes no list down.
    """
    found = {p.parent.name for folder in style_folders() if folder.is_dir() for p in folder.glob("*/style.toml")}
    return [slug for slug in sorted(found) if not kind or _kind_of(slug) == kind]


def _kind_of(slug: str) -> str:
    try:
        return load_meta(style_folder(slug)).kind
    except UserError:
        return ""


def load_meta(folder: Path) -> StyleMeta:
    """Read and check style.toml. Raises UserError naming file and key."""
    path = folder / "style.toml"
    table = read_toml(path, what="style.toml")
    try:
        meta = StyleMeta.model_validate(table)
    except ValidationError as error:
        what, key, got = _first_fault(error)
        raise UserError(f"style.toml: {what.lower()}", where=f"{path}, key {key}", got=got) from error
    for name in meta.normalisation:
        if name not in UNIFORM_INPUTS:
            raise UserError("unknown input", where=f"{path}, key normalisation", allowed=", ".join(UNIFORM_INPUTS), got=name)
    return meta


def made_meta(**fields: Any) -> StyleMeta:
    """Return a new style's description, of what a person typed. Raises UserError naming the option."""
    try:
        return StyleMeta(version=SCHEMA_VERSION, **fields)
    except ValidationError as error:
        what, key, got = _first_fault(error)
        raise UserError(what[0].lower() + what[1:], where=f"--{key.replace('_', '-')}", got=got) from error


def _first_fault(error: ValidationError) -> tuple[str, str, object]:
    """Return what is wrong, at which key, and what stood there."""
    first = error.errors()[0]
    loc = first["loc"]
    if loc[:1] == ("network",) and loc[1:2] and loc[1] in KINDS:
        loc = (loc[0], *loc[2:])  # pydantic puts the kind in between
    got = None if loc == ("network",) else "nothing" if first["type"] == "missing" else first["input"]
    return first["msg"], ".".join(map(str, loc)), got


def check_style(path_or_slug: str) -> None:
    """Raise UserError where there is no style, shader or picture of this name."""
    if is_shader(path_or_slug):
        find_shader(path_or_slug)
    elif is_source(path_or_slug):
        named(path_or_slug)
    else:
        style_folder(path_or_slug)


def meta_of(path_or_slug: str) -> StyleMeta:
    """Return what a style, a shader or a picture says of itself; weights are not read. Raises UserError."""
    if is_source(path_or_slug):
        return _source_meta(path_or_slug, named(path_or_slug))
    return _shader_style(path_or_slug).meta if is_shader(path_or_slug) else load_meta(style_folder(path_or_slug))


def load_style(path_or_slug: str | Path) -> Style:
    """Read, check and return a style: of a folder, or a shader or a picture by its name. Raises UserError for anything that
    is wrong."""
    if isinstance(path_or_slug, str) and is_shader(path_or_slug):
        return _shader_style(path_or_slug)
    if isinstance(path_or_slug, str) and is_source(path_or_slug):
        return _source_style(path_or_slug)
    folder = style_folder(path_or_slug)
    meta = load_meta(folder)
    try:
        spec = meta.network.spec()
    except UserError as error:
        raise UserError(
            error.what, where=f"{folder / 'style.toml'}, key {error.where}", allowed=error.allowed, got=error.got,
            remedy=error.remedy,
        ) from error  # fmt: skip
    weights = load_weights(folder / "weights.safetensors", spec)
    return Style(folder.resolve().name, meta.name, meta.kind, spec, weights, meta, _fingerprint(meta, weights))


def _shader_style(name: str) -> Style:
    """Return a shader as a style. Raises UserError for one that is no generator: there is no picture to give to it."""
    isf = load_shader(name)
    if isf.kind != "generator":
        raise UserError("the shader changes pictures and makes none", where=str(isf.path), allowed="generator", got=isf.kind)
    meta = StyleMeta(
        version=SCHEMA_VERSION, name=isf.name[:60] or name, kind="isf", seed=0, licence=isf.credit[:200],
        description=isf.description, tags=tuple(each[:200] for each in isf.categories if each), network=ShaderNetwork(),
        motion=Motion(drive=OTHERS_DRIVE),
    )  # fmt: skip
    return Style(name, meta.name, meta.kind, isf, {}, meta, isf.sha256)


def _source_style(name: str) -> Style:
    """Return a picture, a clip or a camera as a style; its content is hashed, not yet read. Raises UserError."""
    source = named(name)
    meta = _source_meta(name, source)
    content = digest(source)
    book = book_of(source)
    if content and book is not None:
        content = hashlib.sha256(f"{content} {book.sha256}".encode()).hexdigest()
    return Style(name, meta.name, meta.kind, source, {}, meta, content)


def book_of(source: Source) -> Style | None:
    """Return the style whose codebook a picture is seen through; None where its name says none and the usual one is not to
    be had. Raises UserError for one that is no VQ-VAE."""
    try:
        book = load_style(style_folder(source.book))
    except UserError:
        if source.given:
            raise
        return None
    if book.kind != "vqvae":
        raise UserError("the style has no codebook", where=source.book, allowed=listed(list_styles("vqvae")), got=book.kind)
    return book


def _source_meta(name: str, source: Source) -> StyleMeta:
    title = source.file.stem if source.file else f"Camera {source.device}"
    return StyleMeta(
        version=SCHEMA_VERSION, name=title[:60] or "picture", kind=source.kind, seed=0, licence="",
        network=SourceNetwork(kind=source.kind), motion=Motion(drive=OTHERS_DRIVE),
    )  # fmt: skip


def _fingerprint(meta: StyleMeta, weights: Weights | Tensors) -> str:
    """Return what tells whether a style paints as it did: words, scores and tags may change meanwhile."""
    digest = hashlib.sha256(meta.model_dump_json(include={"network", "normalisation", "motion", "preview"}).encode())
    for part in weights.values() if isinstance(weights, Mapping) else (part for layer in weights for part in layer):
        digest.update(part)
    return digest.hexdigest()


def load_weights(path: Path, spec: Spec) -> Weights | Tensors:
    """Read the tensors that `spec` names and check names, shapes, dtype and finiteness against it."""
    remedy = "export the style again, or take it from a backup"
    tensors, _ = read_tensors(path, MAX_WEIGHTS_BYTES, "weights")
    found: dict[str, np.ndarray] = {}
    for key, shape in spec.tensors.items():
        where = f"{path}, {key}"
        if key not in tensors:
            raise UserError("weights lack a tensor", where=where, got=", ".join(sorted(tensors)), remedy=remedy)
        tensor = tensors.pop(key)
        if tensor.shape != shape:
            raise UserError("wrong shape", where=where, allowed=str(shape), got=tensor.shape, remedy=remedy)
        if tensor.dtype not in (np.uint8, np.float16, np.float32, np.float64):
            raise UserError("wrong number type", where=where, allowed="uint8, float16 to float64", got=tensor.dtype)
        with np.errstate(over="ignore"):
            # A copy also of what is float32 already: the file's bytes go when the last tensor of them does.
            tensor = np.array(tensor, np.float32, order="C")
        if not np.isfinite(tensor).all():
            bad = int((~np.isfinite(tensor)).sum())
            raise UserError("weights are not finite", where=where, allowed="finite numbers", got=f"{bad} NaN or Inf",
                            remedy=remedy)  # fmt: skip
        tensor.flags.writeable = False
        found[key] = tensor
    if tensors:
        raise UserError("weights hold a tensor the network lacks", where=str(path), got=", ".join(sorted(tensors)))
    return spec.arranged(found)


def write_style(folder: Path, meta: StyleMeta, weights: Weights | Tensors) -> None:
    """Write weights, then style.toml: a folder without style.toml is no style, so a half-written one is never seen.

    weights: a CPPN's pairs; or arrays by name, written in their own precision (float16 halves the file, and is widened when
    it is read).
    """
    if isinstance(weights, Mapping):
        tensors = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    else:
        tensors = {}
        for i, (w, b) in enumerate(weights):
            tensors[f"layers.{i}.weight"] = np.ascontiguousarray(w, np.float32)
            tensors[f"layers.{i}.bias"] = np.ascontiguousarray(b, np.float32)
    write_atomic(folder / "weights.safetensors", save(tensors))
    write_meta(folder, meta)


def write_meta(folder: Path, meta: StyleMeta) -> None:
    """Write style.toml alone."""
    write_atomic(folder / "style.toml", tomli_w.dumps(meta.model_dump(mode="json")).encode())

"""A data set on disk: what is in it, and which part of it a trainer may see.

    FOLDER/manifest.jsonl      one `Record` a line: a picture, or a loop
    FOLDER/dataset.json        what made it, with which options and versions
    FOLDER/images/...png       pictures, each with a sidecar .json
    FOLDER/loops/ID.npy        uint8 [frames, h, w, 3], and ID.gray.npy, uint8 [frames, h, w]; each with a sidecar .json

A split holds out whole groups: all views of one seed, all variants of one sketch, a whole film. `load_manifest` can divide
otherwise, for comparison. Called by trainers and makers on their main thread; never decodes a picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular
from phosphene.tools.datasets.part import Entry, Loop, Part

MANIFEST = "manifest.jsonl"
DATASET = "dataset.json"
HELD_OUT = 0.1
"""Share of the groups that is validation."""

_MOST_RECORDS, _MOST_FRAMES = 10_000_000, 100_000  # lines of a manifest; frames of a loop
_LONGEST_LINE = 1 << 16  # bytes
Text = Annotated[str, Field(max_length=4000)]
Split = Literal["whole", "variant", "arc", "leaky"]
_ARC_GAP = 0.05  # of a loop, left out on both sides of a held-out arc: 9 of 180 frames, beyond which motion has moved on


class Record(BaseModel):
    """One line of the manifest. frames: 0 for a picture. seconds: of a film's frame, in the film."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Text
    path: Text
    group: Text
    bucket: Text = ""
    caption: Text = ""
    split: Literal["train", "validation"] = "train"
    width: int = Field(ge=1, le=1 << 16)
    height: int = Field(ge=1, le=1 << 16)
    frames: int = Field(0, ge=0, le=_MOST_FRAMES)
    fps: float = Field(0.0, ge=0, le=1e6)
    variant: int = Field(0, ge=0, le=2**31)
    seconds: float | None = None

    @field_validator("path")
    @classmethod
    def _inside(cls, value: str) -> str:
        parts = PurePosixPath(value)
        if parts.is_absolute() or ".." in parts.parts or "\\" in value or not parts.parts:
            raise ValueError("a path inside the folder, such as images/flux/flux-3.png")
        return value


@dataclass(frozen=True)
class Manifest:
    """A data set, divided. entries: every picture and every frame that is in one of the two parts; loops: all sequences,
    each with its own `split` (by the division "whole", "variant"; in the others a loop is in both parts: "both").
    """

    folder: Path
    entries: tuple[Entry, ...]
    loops: tuple[Loop, ...]
    division: Split

    @cached_property
    def train(self) -> Part:
        """What is trained on."""
        return Part(self.folder, tuple(e for e in self.entries if e.split == "train"))

    @cached_property
    def validation(self) -> Part:
        """What is only measured. Empty where there was one group alone."""
        return Part(self.folder, tuple(e for e in self.entries if e.split == "validation"))

    @property
    def buckets(self) -> tuple[str, ...]:
        """Names of the buckets, sorted."""
        return tuple(sorted({e.bucket for e in self.entries}))


def load_manifest(
    folder: Path | str, split: Split = "whole", *, seed: int = 42, held_out: float = HELD_OUT, variants: int = 0
) -> Manifest:
    """Return the data set in `folder`.

    split: "whole" is the manifest's own column. "variant" holds out whole loops, so that a sketch is known and its
    parameters are not. "arc" holds out one stretch of each loop, with a gap on both sides. "leaky" draws single frames at
    random, as the comparison asks: each has near-twins in training. seed, held_out: of the last three.
    variants: only that many of each sketch, 0: all.

    Raises UserError where the folder, a line or a file is not what it should be.
    """
    folder = Path(folder)
    if split not in get_args(Split):
        raise UserError("no such split", allowed=", ".join(get_args(Split)), got=split)
    if not 0.0 < held_out < 1.0:
        raise UserError("the share that is held out", allowed="above 0 and below 1", got=held_out)
    records = [r for r in read_records(folder) if not variants or r.variant < variants]
    if not records:
        raise UserError("the data set is empty", where=str(folder), remedy="make it again: vj dataset --help")
    missing = [r.path for r in records if not _is_file(folder / r.path)]
    if missing:
        raise UserError(
            f"{len(missing)} files of the data set are missing",
            where=str(folder),
            got=missing[0],
            remedy="make it again: vj dataset --help",
        )
    rng = np.random.default_rng(seed)
    if split == "variant":
        sides = divide([r.id for r in records], [r.bucket for r in records], held_out, seed)
        records = [r.model_copy(update={"split": sides[r.id]}) for r in records]
    entries: list[Entry] = []
    loops: list[Loop] = []
    for record in records:
        side: str = record.split
        path = folder / record.path
        if not record.frames:
            entries.append(Entry(path, record.group, record.bucket, record.caption, side, None, None))
            continue
        if split in ("arc", "leaky"):
            side = "both"
        loops.append(
            Loop(
                record.id, path, record.group, record.bucket, record.caption, side,
                record.variant, record.frames, record.fps, record.height, record.width,
            )
        )  # fmt: skip
        sides_of_frames = _arc(record.frames, held_out, rng) if split == "arc" else [side] * record.frames
        for frame, frame_side in enumerate(sides_of_frames):
            if frame_side:
                entries.append(Entry(path, record.group, record.bucket, record.caption, frame_side, record.id, frame))
    if split == "leaky":
        entries = _leaky(entries, held_out, rng)
    return Manifest(folder, tuple(entries), tuple(loops), split)


def _arc(frames: int, held_out: float, rng: np.random.Generator) -> list[str]:
    """Return each frame's side; '' for the gaps."""
    length, gap = max(1, round(held_out * frames)), max(1, round(_ARC_GAP * frames))
    away = (np.arange(frames) - int(rng.integers(frames))) % frames  # a loop has no end: the arc may run over it
    sides = np.full(frames, "train", object)
    sides[away < length + 2 * gap] = ""
    sides[(away >= gap) & (away < gap + length)] = "validation"
    return [str(side) for side in sides]


def _leaky(entries: list[Entry], held_out: float, rng: np.random.Generator) -> list[Entry]:
    order = rng.permutation(len(entries))
    held = set(order[: round(held_out * len(entries))].tolist())
    return [e.on("validation" if i in held else "train") for i, e in enumerate(entries)]


def read_records(folder: Path) -> list[Record]:
    """Return the lines of the manifest. Raises UserError naming file and line."""
    path = folder / MANIFEST
    if not _is_file(path):
        remedy = "make one: vj dataset --help"
        raise UserError("no data set here", where=str(folder), allowed=f"a folder with {MANIFEST}", remedy=remedy)
    with open_regular(path, "manifest") as file:
        return _records(iter(lambda: file.readline(_LONGEST_LINE), b""), path)


def _records(lines: Iterable[bytes], path: Path) -> list[Record]:
    records, seen = [], set()
    for number, raw in enumerate(lines, 1):
        if len(raw) == _LONGEST_LINE or number > _MOST_RECORDS:
            allowed = f"{_MOST_RECORDS} lines of {_LONGEST_LINE} bytes"
            raise UserError("the manifest is too long", where=f"{path}:{number}", allowed=allowed)
        line = raw.decode("utf-8", "replace").removeprefix("\ufeff")
        try:
            record = Record.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "line"
            raise UserError(
                f"a line of the manifest is not valid: {key}: {first['msg']}",
                where=f"{path}:{number}",
                got=line[:80],
                remedy="make the data set again",
            ) from error
        if record.id in seen:
            raise UserError("two lines of the manifest have one id", where=f"{path}:{number}", got=record.id)
        seen.add(record.id)
        records.append(record)
    return records


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no disk takes
        return False


def divide(groups: Sequence[str], buckets: Sequence[str], held_out: float = HELD_OUT, seed: int = 0) -> dict[str, str]:
    """Return each group's side. Every bucket gives its share of groups; where that would be none of any bucket, one group
    of all is held out. A single group is all training; so is everything with `held_out` 0.

    groups, buckets: of each record, in step.
    """
    of_bucket: dict[str, list[str]] = {}
    sides: dict[str, str] = {}
    for group, bucket in zip(groups, buckets, strict=True):
        if group not in sides:
            sides[group] = "train"
            of_bucket.setdefault(bucket, []).append(group)
    rng = np.random.default_rng([seed, 5])
    for _, members in sorted(of_bucket.items()):
        count = min(round(held_out * len(members)), len(members) - 1)
        for i in rng.permutation(len(members))[:count]:
            sides[sorted(members)[i]] = "validation"
    if held_out > 0 and "validation" not in sides.values() and len(sides) > 1:
        count = min(max(1, round(held_out * len(sides))), len(sides) - 1)
        for i in rng.permutation(len(sides))[:count]:
            sides[sorted(sides)[i]] = "validation"
    return sides


def write_manifest(folder: Path, records: Iterable[Record], made: dict) -> None:
    """Write the manifest and `dataset.json` (`made`: command, options, versions), whole or not at all."""
    lines = "".join(record.model_dump_json(exclude_defaults=False) + "\n" for record in records)
    for name, text in ((DATASET, json.dumps(made, indent=2) + "\n"), (MANIFEST, lines)):
        part = folder / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(folder / name)

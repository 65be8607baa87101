"""What is wrong with shaders, and what they are: for `vj shaders`, and for people who write them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_trial import LIMIT_S, remember, try_shaders
from phosphene.engine.core.errors import UserError
from phosphene.engine.effects.isf import knobs_of
from phosphene.engine.generators.isf import slots_of
from phosphene.engine.models.isf import Isf, read_isf
from phosphene.engine.models.shaders import files_in, slug_of


@dataclass(frozen=True)
class Linted:
    """One file. isf: None where it cannot be read. renderer: what it was tried on, "" where it was not."""

    path: Path
    isf: Isf | None
    verdict: Verdict
    renderer: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        verdict = self.verdict
        found: dict[str, Any] = {"path": str(self.path), "slug": slug_of(self.path), "ok": verdict.ok}
        found |= {"kind": self.isf.kind if self.isf else "", "inputs": inputs_told(self.isf, verdict) if self.isf else []}
        if not verdict.ok:
            found |= {"reason": verdict.reason, "where": verdict.where, "remedy": verdict.remedy}
        return found | {"notes": verdict.notes, "not_numbers": round(verdict.bad, 4), "ms": round(verdict.ms, 2)}


def inputs_told(isf: Isf, verdict: Verdict | None = None) -> list[dict[str, Any]]:
    """Return the inputs as plain values: names, kinds, ranges, what moves them on a deck, whether they answered."""
    moved: dict[str, list[str]] = {}
    for slot in slots_of(isf) if isf.kind == "generator" else ():
        moved.setdefault(slot.input.name, []).append(slot.param)
    for knob in knobs_of(isf) if isf.kind == "effect" else ():
        moved.setdefault(knob.input.name, []).append(knob.param.name)
    found = []
    for each in isf.inputs:
        told: dict[str, Any] = {"name": each.name, "type": each.kind, "label": each.label}
        if not each.is_picture:
            told |= {"default": list(each.default), "min": list(each.minimum), "max": list(each.maximum)}
            told["params"] = moved.get(each.name, [])
        if each.values:
            told |= {"values": list(each.values), "labels": list(each.labels)}
        if verdict is not None and each.name in verdict.answers:
            told["answers"] = verdict.answers[each.name]
        found.append(told)
    return found


def shader_files_of(places: Sequence[Path]) -> list[Path]:
    """Return the shaders that files and folders are or hold. Raises UserError where there is none."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += files_in(place)
        elif place.exists():
            found.append(place)
        else:
            raise UserError("no such file or folder", where=str(place), remedy="check the path")
    if not found:
        raise UserError("no shaders there", where=", ".join(map(str, places)), allowed="*.fs files")
    return found


def lint_shaders(files: Sequence[Path], limit_s: float = 1.5 * LIMIT_S) -> Iterator[Linted]:
    """Yield what is to be said of each file, in order: those that can be read are tried, in a process beside us.

    What is found is remembered: a shader that was in quarantine and is sound by now leaves it.
    """
    read: list[tuple[Path, Isf | UserError]] = []
    for path in files:
        try:
            read.append((path, read_isf(path)))
        except UserError as error:
            read.append((path, error))
    trials = try_shaders([path for path, isf in read if isinstance(isf, Isf)], thorough=True, limit_s=limit_s)
    # Closed by name: an error that was caught holds this frame in a circle, and the process would end with the interpreter.
    with contextlib.closing(trials):
        for path, isf in read:
            if isinstance(isf, UserError):
                got = "" if isf.got is None else f": {isf.got}"
                yield Linted(path, None, Verdict(False, f"{isf.what}{got}"[:400], isf.where, isf.remedy or isf.allowed))
            else:
                _, verdict, renderer = next(trials)
                remember(isf, verdict, renderer)
                yield Linted(path, isf, verdict, renderer)

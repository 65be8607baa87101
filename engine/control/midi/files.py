"""Which mapping a device has: files of the person's folder, then ours, and over them what was learnt.

Called on the surface's thread and by `vj midi`; reads and writes the disk, so never on the render thread.

    midi/*.toml            written by people, only read
    midi/learnt/*.toml     written by the program, one a device
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from phosphene.engine.control.address import Table
from phosphene.engine.control.midi.mapping import Control, ControlEntry, MappingFile, check_mapping, checked, joined
from phosphene.engine.control.midi.messages import Key
from phosphene.engine.core import paths
from phosphene.engine.core.atomic import write_atomic
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import reason

_MOST_FILES = 200  # of a folder; a person has a handful of controllers


@dataclass(frozen=True)
class Found:
    """What a device plays. path: the file that was found for it, None where none was; faults: of files that could be its."""

    controls: Mapping[Key, Control] = field(default_factory=dict)
    path: Path | None = None
    learnt: tuple[ControlEntry, ...] = ()
    forgotten: tuple[str, ...] = ()
    faults: tuple[UserError, ...] = ()
    base: tuple[Control, ...] = ()


def find_mapping(device: str, unit: int, table: Table) -> Found:
    """Return what a device of that name plays. Never raises: a broken file is a fault, and the next one is taken."""
    path, base, faults = _base(device, unit, table)
    learnt, entries = learnt_path(device, unit), MappingFile(version=1, device=device or "?")
    controls: list[Control] = []
    if learnt.exists():
        file, controls, wrong = check_mapping(learnt, table)
        faults += wrong
        entries = file or entries
    found = joined(base, controls, entries.forgotten)
    return Found(found, path, entries.control, entries.forgotten, tuple(faults), tuple(base))


def _base(device: str, unit: int, table: Table) -> tuple[Path | None, list[Control], list[UserError]]:
    faults: list[UserError] = []
    for folder in paths.midi_folders():
        fitting: list[tuple[int, Path, list[Control]]] = []
        for path in mapping_files(folder):
            file, controls, wrong = check_mapping(path, table)
            if file is None:
                faults += wrong[:1]  # nobody can say which device it is for
            elif file.fits(device, unit):
                faults += wrong
                if not wrong:
                    fitting.append((len(file.device), path, controls))
        if fitting:
            _, path, controls = max(fitting, key=lambda each: each[0])  # the name that says most
            return path, controls, faults
    return None, [], faults


def mapping_files(folder: Path) -> list[Path]:
    """Return the mapping files of a folder, sorted; none where there is no such folder."""
    try:
        return sorted(each for each in folder.glob("*.toml"))[:_MOST_FILES]
    except OSError:
        return []


def state_of_files() -> tuple[tuple[str, int], ...]:
    """Return something that changes when a mapping file does."""
    found: list[tuple[str, int]] = []
    for folder in paths.midi_folders():
        for each in (folder, folder / "learnt"):
            try:
                with os.scandir(each) as entries:
                    found += [(e.path, e.stat().st_mtime_ns) for e in entries if e.name.endswith(".toml")]
            except OSError:
                continue
    return tuple(sorted(found))


def learnt_path(device: str, unit: int) -> Path:
    """Return the file of what was learnt for a device."""
    slug = re.sub(r"[^a-z0-9]+", "-", device.casefold()).strip("-")[:80] or "device"
    return paths.midi_folders()[0] / "learnt" / f"{slug}{f'-{unit}' if unit > 1 else ''}.toml"


def with_learnt(found: Found, entry: ControlEntry, table: Table, *, beside: bool = False) -> Found:
    """Return a mapping in which `entry` was learnt: it takes the place of what its input played, and of what was learnt for
    the same address before, unless it is to stand `beside` that. Raises UserError.
    """
    kept = [e for e in found.learnt if e.input != entry.input and (beside or not _same_target(e, entry))]
    return _changed(found, (*kept, entry), found.forgotten, table)


def without(found: Found, address: str, table: Table) -> Found:
    """Return a mapping in which nothing plays `address`."""
    learnt = tuple(e for e in found.learnt if e.address != address)
    there = any(control.address == address for control in found.base)
    forgotten = tuple(dict.fromkeys((*found.forgotten, address))) if there else found.forgotten
    return _changed(found, learnt, forgotten, table)


def without_input(found: Found, key: Key, table: Table) -> Found:
    """Return a mapping in which one control plays nothing."""
    learnt = tuple(e for e in found.learnt if e.input != str(key))
    there = any(control.key == key for control in found.base)
    forgotten = tuple(dict.fromkeys((*found.forgotten, str(key)))) if there else found.forgotten
    return _changed(found, learnt, forgotten, table)


def _same_target(one: ControlEntry, other: ControlEntry) -> bool:
    return (one.address, one.arguments) == (other.address, other.arguments)


def _changed(found: Found, learnt: tuple[ControlEntry, ...], forgotten: tuple[str, ...], table: Table) -> Found:
    controls = [checked(entry, table, f"learnt, control[{i}]") for i, entry in enumerate(learnt, 1)]
    return Found(joined(found.base, controls, forgotten), found.path, learnt, forgotten, found.faults, found.base)


def save_learnt(device: str, unit: int, found: Found) -> Path:
    """Write what was learnt for a device, whole or not at all. Raises UserError."""
    path = learnt_path(device, unit)
    file = MappingFile(version=1, device=device, unit=unit, control=found.learnt, forgotten=found.forgotten)
    data = file.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    text = "# Written by `vj midi learn` and /midi/learn.\n" + tomli_w.dumps({"version": 1, "device": device, **data})
    try:
        write_atomic(path, text.encode())
    except OSError as error:
        remedy = "the controller plays it until the show ends"
        raise UserError("what was learnt could not be saved", where=str(path), got=reason(error), remedy=remedy) from error
    return path

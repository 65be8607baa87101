"""The options of a run as a table: read back with each key and type checked, and held to when a run goes on.

Called by the options of every trainer and by their command lines. Opens nothing but options.json.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import read_json
from phosphene.engine.library.free_folder import check_free
from phosphene.tools.option_words import of_today
from phosphene.tools.runs.files import OPTIONS

_Record = TypeVar("_Record")


def options_table(path: Path) -> dict[str, Any]:
    """Return what a run's options.json holds. Raises UserError."""
    try:
        table = read_json(path, what="options of the run")
    except UserError as error:
        raise UserError(error.what, where=str(path), got=error.got, remedy="start it again") from error
    if not isinstance(table, dict):
        raise UserError("the run's options are no table", where=str(path), remedy="start it again")
    return table


def from_table(record: type[_Record], table: Mapping[str, Any], where: str) -> _Record:
    """Return the options, a dataclass, that a JSON or TOML table names. Raises UserError naming the key.

    Their types are those of the defaults: str where there is none; of tuples, what the annotation says.
    """
    fields = {field.name: field for field in dataclasses.fields(record)}  # type: ignore[arg-type]
    given = {}
    for key, value in of_today(table).items():
        if key not in fields:
            raise UserError("unknown key", where=f"{where}, key {key}", allowed=", ".join(fields))
        default = fields[key].default
        wanted = str if default is dataclasses.MISSING else type(default)
        if wanted is tuple:
            each = int if "int" in str(fields[key].type) else str
            fits = isinstance(value, list | tuple) and all(type(part) is each for part in value)
        else:
            fits = type(value) is wanted or (wanted is float and type(value) is int)
        if not fits:
            raise UserError("wrong type", where=f"{where}, key {key}", allowed=wanted.__name__, got=value)
        given[key] = tuple(value) if isinstance(value, list) else value
    return record(**given)


def given_options(record: type, arguments: object) -> dict[str, Any]:
    """Return the options that a command line names, by key. arguments: its namespace, None where nothing was given."""
    found = {}
    for field in dataclasses.fields(record):
        value = getattr(arguments, field.name, None)
        if value is not None:
            found[field.name] = tuple(value) if isinstance(value, list) else value
    return of_today(found)


def check_resumed(folder: Path) -> None:
    """Raise UserError where no run was begun."""
    if not (folder / OPTIONS).is_file():
        raise UserError("nothing to resume", where=str(folder), remedy="leave --resume out to begin")


def check_unchanged(folder: Path, options: object, given: Mapping[str, Any], may_differ: Collection[str] = ()) -> None:
    """Raise UserError where the command line wants something else than the run that goes on."""
    changed = [key for key, value in given.items() if key not in may_differ and getattr(options, key) != value]
    if changed:
        raise UserError("a run goes on as it began", where=str(folder), got=", ".join(changed), remedy="leave these out")


def check_new(folder: Path, other: str, begun: Collection[str] = (OPTIONS,)) -> None:
    """Raise UserError where a run, or something else, lies in the folder. other: what to choose instead, such as --name.

    begun: what a run writes before it counts as one.
    """
    if (folder / OPTIONS).is_file():
        raise UserError("the run exists", where=str(folder), remedy=f"--resume to go on, or another {other}")
    check_free(folder, f"choose another {other.rpartition(' ')[2]}, or delete the folder", begun=begun)

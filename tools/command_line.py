"""Command lines of the trainers and of `vj export`: records, each field of which is an option of a typer command.

Their options take lists (`--widths 16 32`), and None is what was not given: a run that goes on keeps its own.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer

from phosphene.engine.core.commands import invoke, one_of, spread
from phosphene.engine.core.errors import UserError
from phosphene.tools.option_words import RECIPES, recipe_of_today
from phosphene.tools.runs.boundary import exit_code

_Record = TypeVar("_Record")

JSON_HELP = "print what came of it, with its scores, as JSON on standard output"

# What trainers have in common.
AsJson = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N, mps")]
Recipe = Annotated[
    str | None,
    typer.Option(
        parser=one_of(RECIPES, recipe_of_today),
        metavar="|".join(RECIPES),
        help="full, or the plain one that it is compared with",
    ),
]


def read(
    record: type[_Record], arguments: Sequence[str] | None, prog: str, about: str | None, defaults: type | None = None
) -> _Record:
    """Return what was typed, as a record of this type: a dataclass, its fields annotated with typer's options.

    about: what help begins with, the docstring of a program. defaults: the dataclass that says what holds where an option
    is not given. Ends the program by SystemExit once help is printed, or what was typed wrongly is told on one line.
    """
    words = sys.argv[1:] if arguments is None else arguments
    found: list[_Record] = []

    def command(**values: Any) -> None:
        found.append(record(**values))

    command.__signature__ = inspect.Signature(list(_parameters(record, defaults)))  # type: ignore[attr-defined]
    # Of so many options a table with borders would leave little room for words. An example keeps its lines by the \b.
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=(about or "").replace("\n\n    ", "\n\n\b\n    "))(command)
    options = typer.main.get_command(app).params
    lists = {name for option in options if option.multiple for name in option.opts}
    code = exit_code(lambda: _invoked(app, options, spread(words, lists), prog), prog=prog)
    if not found:
        raise SystemExit(code)
    return found[0]


def _invoked(app: typer.Typer, options: Sequence[Any], words: Sequence[str], prog: str) -> int:
    flags = {name: getattr(option, "is_flag", False) for option in options for name in option.opts if name.startswith("-")}
    flags |= {"--help": True, "-h": True}
    for word, following in pairwise(words):
        if flags.get(word) is False and following in flags:  # which typer would take for its value
            raise UserError(f"option {word!r} requires an argument", got=following, remedy=f"{prog} --help")
    return invoke(app, words, prog)


def _parameters(record: type, defaults: type | None) -> Iterator[inspect.Parameter]:
    """Yield the record's fields as parameters of a function, the help of each with its default."""
    others = {field.name: field.default for field in dataclasses.fields(defaults)} if defaults else {}
    for name, hint in get_type_hints(record, include_extras=True).items():
        kind, option = get_args(hint)
        default = record.__dataclass_fields__[name].default
        option = copy.copy(option)
        option.show_default = False
        shown = others.get(name) if default is None else default
        if shown is not None and shown is not False and shown not in ("", (), dataclasses.MISSING):
            option.help += f" (default: {_shown(shown)})"
        empty = inspect.Parameter.empty
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option],
            default=empty if default is dataclasses.MISSING else default,
        )  # fmt: skip


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return " ".join(map(_shown, default))
    return f"{default:g}" if isinstance(default, float) else str(default)

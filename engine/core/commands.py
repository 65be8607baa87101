"""Running a typer command in the program's own voice: what was typed wrongly is one line with a remedy, like any fault.

Called by the main functions of programs. Typer itself would draw a box, which no log and no pipe reads well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import typer

from phosphene.engine.core.errors import UserError, did_you_mean

_Usage: Any = typer.BadParameter.__base__  # of the click that this typer brings along


def invoke(app: typer.Typer | Callable[..., Any], arguments: Sequence[str] | None, prog: str) -> int:
    """Run a typer app, a command made of one, or a function with typer's annotations; return its exit code.

    arguments: None takes those of the process. prog: what the person typed, such as "vj train gan". Raises UserError for
    what was typed wrongly, KeyboardInterrupt where a question was not answered, and what the command raises.
    """
    if not isinstance(app, typer.Typer) and not hasattr(app, "make_context"):
        made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        made.command()(app)
        app = made
    command: Any = typer.main.get_command(app) if isinstance(app, typer.Typer) else app
    words = None if arguments is None else list(arguments)
    try:
        code = command.main(words, prog, standalone_mode=False, help_option_names=["--help", "-h"])
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _Usage as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its message is the help
            typer.echo(error.format_message())
            return 2
        raise _plainly(error, prog) from error
    return code if isinstance(code, int) else 0


def _plainly(error: Any, prog: str) -> UserError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else prog
    where = path if path != prog else ""  # which begins the line anyway
    remedy = f"{path} --help"
    if type(error).__name__ == "NoSuchOption":
        typed = error.option_name
        known = [option for p in context.command.params for option in p.opts] if context is not None else []
        return UserError("no such option", where=where, got=typed, remedy=did_you_mean(typed, known) or remedy)
    if type(error) is typer.BadParameter and getattr(error, "param", None) is not None:
        return _wrong_value(error, remedy)
    return UserError(_sentence(error.format_message()), where=where, remedy=remedy)


def _wrong_value(error: Any, remedy: str) -> UserError:
    """Return what is wrong with the value of an option or argument: what it may be, and what it is."""
    param, message = error.param, str(error.message)
    where = param.opts[0] if param.opts[0].startswith("-") else param.metavar or param.opts[0]
    if choice := re.search(r"'(.*)' is not one of (.*?)\.?$", message, re.DOTALL):
        allowed = choice[2].replace("'", "")
        return UserError("no such choice", where=where, allowed=allowed, got=choice[1], remedy=remedy)
    cause = error.__cause__  # of pydantic, which reads numbers for typer
    found = cause.errors()[0] if hasattr(cause, "errors") else {}
    kind, got = str(found.get("type")), found.get("input")
    if kind in ("greater_than_equal", "less_than_equal"):
        return UserError("out of range", where=where, allowed=_range(param.min, param.max), got=got, remedy=remedy)
    if kind.startswith(("int_", "float_")):
        what = "not a whole number" if kind.startswith("int_") else "not a number"
        return UserError(what, where=where, got=got, remedy=remedy)
    return UserError(_sentence(message), where=where, remedy=remedy)


def _range(low: float | None, high: float | None) -> str:
    least, most = (f"{end:g}" if isinstance(end, float) else str(end) for end in (low, high))
    return f"{least} or more" if high is None else f"at most {most}" if low is None else f"{least} to {most}"


def _sentence(message: object) -> str:
    text = str(message).strip().rstrip(".")
    return text[:1].lower() + text[1:]


def one_of(words: Sequence[str], today: Callable[[str], str] = str) -> Callable[[str], str]:
    """Return what takes one of these words: for `parser=` of an option. today: what a word is called by now."""

    def word(text: str) -> str:
        if (found := today(text)) not in words:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, words))}")
        return found

    return word


def spread(arguments: Sequence[str], lists: Collection[str]) -> list[str]:
    """Return the arguments with `--widths 16 32` written as `--widths 16 --widths 32`, for the options in `lists`.

    Typer's options take one value each; ours have always taken several. A list that is given again counts anew.
    """
    groups: list[list[str]] = [[]]  # an option and what follows it
    for argument in arguments:
        if argument.startswith("-") and not _is_number(argument):
            name = argument.partition("=")[0]
            groups = [group for group in groups if name not in lists or not group or group[0].partition("=")[0] != name]
            groups.append([argument])
        else:
            groups[-1].append(argument)
    ready: list[str] = []
    for group in groups:
        first, *values = group or [""]
        ready += [word for value in values for word in (first, value)] if first in lists and values else group
    return ready


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""Running a typer command in the program's own voice: what was typed wrongly is one line with a remedy, like any fault.

Called by the main functions of programs. Typer itself would draw a box, which no log and no pipe reads well.
"""

from __future__ import annotations

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
    try:
        code = command.main(args=None if arguments is None else list(arguments), prog_name=prog, standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _Usage as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its message is the help
            typer.echo(error.format_message())
            return 2
        raise _plainly(error, prog) from error
    return code if isinstance(code, int) else 0


def _plainly(error: Any, prog: str) -> UserError:
    typed = error.option_name if type(error).__name__ == "NoSuchOption" else ""
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else prog
    remedy = f"{where} --help"
    if typed:
        known = [option for p in context.command.params for option in p.opts] if context is not None else []
        return UserError("no such option", where=where, got=typed, remedy=did_you_mean(typed, known) or remedy)
    what = str(error.format_message()).strip().rstrip(".")
    return UserError(what[:1].lower() + what[1:], where=where, remedy=remedy)


def spread(arguments: Sequence[str], lists: Collection[str]) -> list[str]:
    """Return the arguments with `--widths 16 32` written as `--widths 16 --widths 32`, for the options in `lists`.

    Typer's options take one value each; ours have always taken several.
    """
    ready: list[str] = []
    name, given = "", 0
    for argument in arguments:
        if argument.startswith("-") and not _is_number(argument):
            name, given = (argument if argument in lists else ""), 0
            ready.append(argument)
        else:
            ready += [name, argument] if name and given else [argument]
            given += 1
    return ready


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

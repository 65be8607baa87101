"""Typer commands in the program's own voice: one line, what is allowed, a remedy."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer

from phosphene.engine.core.commands import invoke, spread
from phosphene.engine.core.errors import UserError


def command(
    source: Annotated[str, typer.Argument()],
    widths: Annotated[list[int] | None, typer.Option("--widths")] = None,
    code: Annotated[int, typer.Option("--code", min=0)] = 0,
) -> None:
    """Do what is asked."""
    print(source, widths)
    if code:
        raise typer.Exit(code)


def group() -> typer.Typer:
    app = typer.Typer()
    app.command("list")(lambda: None)
    app.command("show")(lambda: None)
    return app


def test_a_command_runs_and_its_code_comes_back(capsys):
    assert invoke(command, ["a", "--widths", "16", "--widths", "32"], "vj do") == 0
    assert capsys.readouterr().out == "a [16, 32]\n"
    assert invoke(command, ["a", "--code", "3"], "vj do") == 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["a", "--width", "16"], "no such option (vj do): got: --width; did you mean '--widths'?"),
        (["a", "--made-up"], "no such option (vj do): got: --made-up; vj do --help"),
        ([], "missing argument 'source' (vj do); vj do --help"),
        (["a", "--code"], "option '--code' requires an argument (vj do); vj do --help"),
    ],
)
def test_what_was_typed_wrongly_is_one_line_with_a_remedy(arguments, line):
    with pytest.raises(UserError) as caught:
        invoke(command, arguments, "vj do")
    assert caught.value.line().casefold() == line.casefold()


@pytest.mark.parametrize("value", ["x", "-1"])
def test_a_wrong_value_names_the_option(value):
    with pytest.raises(UserError, match=r"invalid value for '--code'.*vj do --help"):
        invoke(command, ["a", "--code", value], "vj do")


def test_a_command_of_a_group_that_does_not_exist():
    with pytest.raises(UserError, match=r"no such command 'lis'.*'list'.*vj styles --help"):
        invoke(group(), ["lis"], "vj styles")


def test_a_question_that_is_not_answered_is_a_stop():
    def ask() -> None:
        raise typer.Abort

    with pytest.raises(KeyboardInterrupt):
        invoke(ask, [], "vj do")


def test_lists_may_be_written_in_one_go():
    lists = {"--widths", "--tags"}
    given = ["--widths", "16", "32", "--prompt", "a", "--tags", "soft", "--quiet", "b"]
    assert spread(given, lists) == ["--widths", "16", "--widths", "32", "--prompt", "a", "--tags", "soft", "--quiet", "b"]
    assert spread(["--widths", "-1", "2"], lists) == ["--widths", "-1", "--widths", "2"]
    assert spread(["--widths=16", "--widths"], lists) == ["--widths=16", "--widths"]

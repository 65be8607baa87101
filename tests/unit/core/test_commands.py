"""Typer commands in the program's own voice: one line, what is allowed, a remedy."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer

from phosphene.engine.core.commands import invoke, one_of, spread
from phosphene.engine.core.errors import UserError


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


def command(
    source: Annotated[str, typer.Argument()],
    widths: Annotated[list[int] | None, typer.Option("--widths")] = None,
    code: Annotated[int, typer.Option("--code", min=0)] = 0,
    share: Annotated[float, typer.Option(min=0.5, max=1.0)] = 1.0,
    most: Annotated[int, typer.Option(max=65535)] = 0,
    kind: Annotated[str, typer.Option(parser=one_of(("full", "plain")))] = "full",
    colour: Annotated[Colour, typer.Option()] = Colour.RED,
    folder: Annotated[Path | None, typer.Option(exists=True)] = None,
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
        (["a", "--width", "16"], "no such option: got: --width; did you mean '--widths'?"),
        (["a", "--made-up"], "no such option: got: --made-up; vj do --help"),
        ([], "missing argument 'source'; vj do --help"),
        (["a", "--code"], "option '--code' requires an argument; vj do --help"),
    ],
)
def test_what_was_typed_wrongly_is_one_line_with_a_remedy(arguments, line):
    with pytest.raises(UserError) as caught:
        invoke(command, arguments, "vj do")
    assert caught.value.line().casefold() == line.casefold()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--code", "x", "not a whole number (--code): got: x"),
        ("--code", "-1", "out of range (--code): allowed: 0 or more, got: -1"),
        ("--share", "x", "not a number (--share): got: x"),
        ("--share", "2", "out of range (--share): allowed: 0.5 to 1, got: 2"),
        ("--share", "nan", "out of range (--share): allowed: 0.5 to 1, got: nan"),
        ("--most", "70000", "out of range (--most): allowed: at most 65535, got: 70000"),
        ("--kind", "best", "no such choice (--kind): allowed: full, plain, got: best"),
        ("--colour", "blue", "no such choice (--colour): allowed: red, green, got: blue"),
        ("--folder", "/nowhere", "path '/nowhere' does not exist (--folder)"),
    ],
)
def test_a_wrong_value_names_the_option_and_what_it_may_be(option, value, said):
    with pytest.raises(UserError) as caught:
        invoke(command, ["a", option, value], "vj do")
    assert caught.value.line() == f"{said}; vj do --help"


def test_a_word_may_have_been_called_something_else():
    kind = one_of(("full", "plain"), lambda word: {"ours": "full"}.get(word, word))
    assert [kind("ours"), kind("plain")] == ["full", "plain"]


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
    assert spread(["a", "--tags=16", "--widths"], lists) == ["a", "--tags=16", "--widths"]


def test_a_list_that_is_given_again_counts_anew():
    lists = {"--widths", "--tags"}
    given = ["--widths", "16", "32", "--tags", "a", "--seed", "1", "--widths", "8", "--seed", "2"]
    assert spread(given, lists) == ["--tags", "a", "--seed", "1", "--widths", "8", "--seed", "2"]
    assert spread(["--widths=16", "--widths=8", "--tags", "a", "--tags=b"], lists) == ["--widths=8", "--tags=b"]

"""What is typed wrongly to a trainer is one line with a remedy, and exit code 2; what is not given stays so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from typer import Option

from phosphene.tools.command_line import AsJson, Recipe, read

ABOUT = """Train.

    vj train gan --out a
    vj train gan --out b

A run is a folder,
and has [brackets].
"""


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    out: Annotated[Path, Option(help="a folder")]
    beats: Annotated[int | None, Option(min=1, max=64, help="of a loop")] = None
    rate: Annotated[float, Option(min=0.0, max=1.0, help="how fast")] = 0.25
    recipe: Recipe = None
    widths: Annotated[list[int] | None, Option(help="of layers")] = None
    shift: Annotated[float | None, Option(help="of all")] = None
    as_json: AsJson = False


@dataclass
class Options:
    recipe: str = "full"
    widths: tuple[int, ...] = (64, 16)
    shift: float = 0.0


def command_line(*arguments: str) -> CommandLine:
    return read(CommandLine, arguments, "vj train gan", ABOUT, Options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "a", "--recip-e", "full"], "no such option: got: --recip-e; did you mean '--recipe'?"),
        (["--out", "a", "--made-up"], "no such option: got: --made-up; vj train gan --help"),
        (["--out", "a", "--beats", "0"], "out of range (--beats): allowed: 1 to 64, got: 0; vj train gan --help"),
        (["--out", "a", "--rate", "nan"], "out of range (--rate): allowed: 0 to 1, got: nan; vj train gan --help"),
        (["--out", "a", "--beats", "many"], "not a whole number (--beats): got: many; vj train gan --help"),
        (["--out", "a", "--widths", "8", "x"], "not a whole number (--widths): got: x; vj train gan --help"),
        (
            ["--out", "a", "--recipe", "theirs"],
            "no such choice (--recipe): allowed: full, plain, got: theirs; vj train gan --help",
        ),
        (["--out", "--json"], "option '--out' requires an argument: got: --json; vj train gan --help"),
        (["--out", "a", "--widths"], "option '--widths' requires an argument; vj train gan --help"),
        (["--out", "a", "b"], "(b); vj train gan --help"),
        ([], "missing option '--out'; vj train gan --help"),
    ],
)
def test_a_fault_is_one_line_with_its_remedy(capsys, arguments, said):
    with pytest.raises(SystemExit) as end:
        command_line(*arguments)
    line = capsys.readouterr().err
    assert end.value.code == 2
    assert line.startswith("vj train gan: ")
    assert line.endswith(f"{said}\n")
    assert line.count("\n") == 1


def test_what_is_given_is_told_from_what_is_not():
    assert command_line("--out", "a") == CommandLine(out=Path("a"))
    given = command_line("--widths", "16", "-1", "--json", "--out=a", "--shift", "-2", "--recipe", "seed")
    assert given == CommandLine(out=Path("a"), widths=[16, -1], as_json=True, shift=-2.0, recipe="plain")


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help_begins_with_what_it_is_about_and_has_every_default(capsys, asked):
    with pytest.raises(SystemExit) as end:
        command_line(asked)
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "Train.\n\n      vj train gan --out a\n      vj train gan --out b\n\n" in said
    assert "A run is a folder, and has [brackets].\n" in said
    for default in ("0.25", "full", "64 16", "0"):
        assert f"(default: {default})" in " ".join(said.split())
    assert said.count("default") == 4

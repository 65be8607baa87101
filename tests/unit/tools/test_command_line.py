"""What is typed wrongly to a trainer is one line with a remedy, and exit code 2."""

from __future__ import annotations

import pytest

from phosphene.tools.command_line import Parser
from phosphene.tools.numbers_given import whole


@pytest.fixture
def parser() -> Parser:
    made = Parser("vj train gan", "Train.")
    made.add_argument("--out", required=True)
    made.add_argument("--beats", type=whole(1, 64))
    made.add_argument("--recipe", choices=("full", "plain"))
    return made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "a", "--recip-e", "full"], "no such option: got: --recip-e; did you mean '--recipe'?"),
        (["--out", "a", "--made-up"], "no such option: got: --made-up; vj train gan --help"),
        (["--out", "a", "--beats", "0"], "out of range (--beats): allowed: 1 to 64, got: 0; vj train gan --help"),
        (["--out", "a", "--beats", "many"], "(--beats); vj train gan --help"),
        (
            ["--out", "a", "--recipe", "theirs"],
            "no such choice (--recipe): allowed: full, plain, got: theirs; vj train gan --help",
        ),
        ([], "required: --out; vj train gan --help"),
    ],
)
def test_a_fault_is_one_line_with_its_remedy(parser, capsys, arguments, said):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    line = capsys.readouterr().err
    assert end.value.code == 2
    assert line.startswith("vj train gan: ")
    assert line.endswith(f"{said}\n")
    assert line.count("\n") == 1


def test_help_begins_with_what_it_is_about(parser, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--help"])
    assert end.value.code == 0
    assert "Train." in capsys.readouterr().out

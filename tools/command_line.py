"""Command lines that take lists (`--widths 16 32`), of the trainers and `vj export`: argparse in the program's own voice.

What was typed wrongly is one line with a remedy, as typer's commands say it by `engine/core/commands.py`.
"""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from phosphene.engine.core.errors import UserError, did_you_mean
from phosphene.engine.core.terminal import FAULT_OF_A_PERSON

JSON_HELP = "print what came of it, with its scores, as JSON on standard output"


class Parser(argparse.ArgumentParser):
    """A parser whose help begins with the module's docstring, and whose faults are one line and exit code 2."""

    def __init__(self, prog: str, about: str | None) -> None:
        super().__init__(prog=prog, description=about, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end the program. Called by argparse, with its own words."""
        self.exit(FAULT_OF_A_PERSON, f"{self.prog}: {self._plainly(message).line()}\n")

    def _plainly(self, message: str) -> UserError:
        remedy = f"{self.prog} --help"
        if unknown := re.match(r"unrecognized arguments: (\S+)", message):
            near = did_you_mean(unknown[1], self._option_string_actions)
            return UserError("no such option", got=unknown[1], remedy=near or remedy)
        if wrong := re.match(r"argument (\S+): (.*)", message, re.DOTALL):
            where, what = wrong[1], wrong[2]
            if outside := re.fullmatch(r"(.*): allowed: (.*)", what, re.DOTALL):  # as `numbers_given` says it
                return UserError("out of range", where=where, allowed=outside[2], got=outside[1], remedy=remedy)
            if other := re.fullmatch(r"invalid choice: '(.*)' \(choose from (.*)\)", what, re.DOTALL):
                return UserError(
                    "no such choice", where=where, allowed=other[2].replace("'", ""), got=other[1], remedy=remedy
                )
            return UserError(what, where=where, remedy=remedy)
        return UserError(message, remedy=remedy)

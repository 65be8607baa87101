"""Command lines that take lists (`--widths 16 32`), of the trainers and `vj export`: argparse in the program's own voice.

What was typed wrongly is one line with a remedy, as typer's commands say it by `engine/core/commands.py`.
"""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from phosphene.engine.core.errors import UserError, did_you_mean
from phosphene.engine.core.terminal import FAULT_OF_A_PERSON


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
            return UserError(wrong[2], where=wrong[1], remedy=remedy)
        return UserError(message, remedy=remedy)

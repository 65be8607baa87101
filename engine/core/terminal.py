"""What is printed reaches every terminal. Called once, by the main function of a program."""

from __future__ import annotations

import sys


def print_anything() -> None:
    """Let characters that the terminal does not know, and bytes of names that are no text, be printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not what a test puts there
            stream.reconfigure(errors="backslashreplace")

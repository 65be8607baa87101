"""`vj`, and `python -m phosphene`: where every command begins. The version is told before anything is imported."""

from __future__ import annotations

import sys

from phosphene import __version__


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        print(f"phosphene {__version__}")
        return
    from phosphene.engine.cli.main import main as run_command

    run_command()


if __name__ == "__main__":
    main()

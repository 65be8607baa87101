"""Train a style from words or pictures, on what the show will play.

    vj train --prompt "neon geometric patterns with pink and blue" --output neon_test
    vj train --images moodboard/ --output from-pictures
    vj train --prompt "..." --output widths --compare 128 256 --seeds 3
    vj train --moodboard tools/moodboards/library.toml --output library
    vj train --output neon_test --resume

A run is a folder `runs/<output>/` ($PHOSPHENE_RUNS) with its report, `index.html`; what it makes is put into the library and
plays at once: `vj live --style neon_test`. Ctrl-C keeps the best so far as a playable style; --resume goes on.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.paths import runs_dir
from phosphene.engine.models.style import check_slug
from phosphene.tools.command_line import read
from phosphene.tools.cppn.command_line import CommandLine
from phosphene.tools.cppn.options import Options
from phosphene.tools.runs.boundary import exit_code
from phosphene.tools.runs.options import given_options

_WORDS, _SLUG = 5, 40  # of a prompt, for the name of a style that was given none


def command_line(argv: Sequence[str] | None = None, prog: str = "train_style.py") -> CommandLine:
    """Read the command line. Ends the program where there is nothing to do."""
    return read(CommandLine, argv, prog, __doc__, Options)


def slug_of(words: str) -> str:
    """Return a style's name made of the first words of a prompt, "" where there are no letters in it."""
    parts = re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKD", words.lower()))[:_WORDS]
    return "-".join(parts)[:_SLUG].strip("-")


def main(argv: Sequence[str] | None = None, prog: str = "train_style.py") -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line, 130 stopped by Ctrl-C with the best so far kept."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    args = command_line(argv, prog)
    extras = {"torch": "torch", "open_clip": "clip", "torchvision": "clip"}
    return exit_code(lambda: _run(args), prog=prog, extras=extras, place=args.output)


def _run(args: CommandLine) -> int:
    from phosphene.tools.cppn import commands

    if args.job:
        return commands.job(args.job)
    args = dataclasses.replace(args, output=args.output or slug_of(args.prompt or Path(args.images or "").stem))
    check_slug(args.output, "--output")
    folder = runs_dir() / args.output
    given = given_options(Options, args)
    if args.moodboard or args.compare or args.recipes or (args.seeds or 1) > 1:
        return commands.batch(folder, given, args)
    return commands.single(folder, given, args)


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

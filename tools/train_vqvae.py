"""Train a VQ-VAE on loops or pictures, and a prior that dreams new loops of its codes.

    vj train vqvae --data loops --out v --minutes 10
    vj train vqvae --data loops --mode gray --split leaky --variants 1 --name gray
    vj train vqvae --data loops --ablation --seeds 3 --name ablation
    vj train vqvae --name gray --resume
    vj train vqvae walk --run gray --data loops --from LOOP:0 --to LOOP:90 --out walk.mp4

A run is a folder `runs/<name>/` ($PHOSPHENE_RUNS) with its report, `index.html`. With --out the style plays at once:
`vj live --style v`. Ctrl-C keeps the best so far, in a style that plays; --resume goes on, with the same --out, and may be
given more --minutes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from phosphene.engine.core import clock
from phosphene.engine.core.child import ignore_current_folder
from phosphene.tools.command_line import read
from phosphene.tools.runs.boundary import exit_code
from phosphene.tools.vqvae.command_line import CommandLine
from phosphene.tools.vqvae.options import Options


def command_line(argv: Sequence[str] | None = None, prog: str = "train_vqvae.py") -> CommandLine:
    """Read the command line. Ends the program where there is nothing to do."""
    return read(CommandLine, argv, prog, __doc__, Options)


def main(argv: Sequence[str] | None = None, prog: str = "train_vqvae.py") -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line, 130 stopped by Ctrl-C with the best so far kept."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    argv = list(sys.argv[1:] if argv is None else argv)
    began = clock.now()
    return exit_code(lambda: _run(argv, began, prog), prog=prog)


def _run(argv: list[str], began: float, prog: str) -> int:
    if argv[:1] == ["walk"]:
        from phosphene.tools.vqvae import walk

        return walk.command(argv[1:], f"{prog} walk")
    args = command_line(argv, prog)
    from phosphene.tools.vqvae import commands

    return commands.ablation(args, argv) if args.ablation else commands.single(args, began)


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

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

import argparse
import dataclasses
import logging
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.paths import runs_dir
from phosphene.engine.models.style import check_slug
from phosphene.tools.command_line import JSON_HELP, Parser
from phosphene.tools.cppn.options import Options
from phosphene.tools.numbers_given import decimal, whole
from phosphene.tools.option_words import RECIPES, recipe_of_today
from phosphene.tools.runs.boundary import exit_code
from phosphene.tools.runs.options import given_options

_WORDS, _SLUG = 5, 40  # of a prompt, for the name of a style that was given none


def parser(prog: str = "train_style.py") -> Parser:
    """Return the command line. Every option of a style has the default of `Options`."""
    p = Parser(prog, __doc__)
    defaults = {field.name: field.default for field in dataclasses.fields(Options)}

    def option(flag: str, text: str, key: str = "", **more: Any) -> None:
        key = key or flag[2:].replace("-", "_")
        default = defaults[key]
        more.setdefault("type", str if default is dataclasses.MISSING else type(default))
        p.add_argument(
            flag, dest=key, default=None, help=f"{text} (default: {default})" if default not in ("", ()) else text, **more
        )

    p.add_argument("--output", default="", help="name of the run and of the style (default: from the prompt)")
    option("--prompt", "what it should look like")
    option("--negative-prompt", "what it should not look like")
    option("--images", "a folder of pictures, or one picture, that it should look like")
    option("--audio", "the music to train with: a file, or demo")
    option("--guide", "what pulls: auto, clip, motif, palette, images, or several: motif+palette:0.5")
    option("--judge", "what scores the result; never what pulled")
    option("--clip-model", "RN50, RN101, ViT-B-32, ViT-B-16, ViT-L-14")
    option("--clip-weights", "file of CLIP weights, or a folder with one for each model")
    option("--hidden-dim", "neurons a layer: 16 plays anywhere, 128 wants a fast machine")
    option("--layers", "hidden layers")
    option("--activation", "comma-separated, cycled: sin, cos, gauss, tanh")
    option("--inputs", "comma-separated inputs of the network")
    option("--iterations", "steps at each resolution")
    option("--resolutions", "widths of the 16:9 training picture, one stage each", nargs="+", type=int)
    option("--crops", "cut-outs that a guide sees each step")
    option("--lr", "learning rate of Adam at 128 neurons a layer; narrower networks get more")
    option("--starts", "untrained networks, of which the best begins")
    option("--seed", "same seed, same machine: same style")
    option("--device", "auto, cpu, cuda, cuda:N, mps")
    option("--recipe", "full, or the plain one that it is compared with", choices=RECIPES, type=recipe_of_today)
    option("--reactivity", "weight: the picture changes when the sound does")
    option("--smoothness", "weight: it moves without jerks")
    option("--palette", "weight: the colours of the words")
    option("--contrast", "weight: dark to bright")
    option("--loop", "weight of the seamless loop, with --loop-seconds")
    option("--loop-seconds", "repeat after so much integrated time", key="loop_s")
    option("--name", "what people read")
    option("--description", "one line about it")
    option("--tags", "words to find it by", nargs="+", type=str)
    option("--genres", "music that it suits", nargs="+", type=str)
    option("--energy", "of that music, 0 calm .. 1 frantic")
    option("--licence", "of the style")
    p.add_argument(
        "--compare", nargs="+", type=whole(1, 4096), metavar="WIDTH", help="train each of these widths at matched steps"
    )
    p.add_argument(
        "--recipes", nargs="+", choices=RECIPES, type=recipe_of_today, help="train with each of these at matched steps"
    )
    p.add_argument(
        "--seeds",
        type=whole(1, 1000),
        help="train so many seeds; the guide chooses, the scores are mean and sd (default: 1)",
    )
    p.add_argument("--moodboard", type=Path, help="a TOML file of many prompts")
    p.add_argument(
        "--workers", type=whole(1, 256), help="runs at a time in a batch (default: the cores, at most 4; 1 on a GPU)"
    )
    p.add_argument(
        "--minutes",
        type=decimal(0.1, 100_000.0),
        help="as many steps as this machine makes in this time, instead of --iterations; scoring comes on top",
    )
    p.add_argument("--replace", action="store_true", help="take the place of a style of that name in the library")
    p.add_argument("--no-install", action="store_true", help="leave the style in its run's folder")
    p.add_argument("--resume", action="store_true", help="go on where the run of that name stopped")
    p.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    p.add_argument("--window", action="store_true", help="show the training picture in a window, too")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.add_argument("--json", dest="as_json", action="store_true", help=f"{JSON_HELP}; of one run, not of a batch")
    p.add_argument("--job", type=Path, help=argparse.SUPPRESS)  # one run of a batch, in a process of its own
    return p


def slug_of(words: str) -> str:
    """Return a style's name made of the first words of a prompt, "" where there are no letters in it."""
    parts = re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKD", words.lower()))[:_WORDS]
    return "-".join(parts)[:_SLUG].strip("-")


def main(argv: Sequence[str] | None = None, prog: str = "train_style.py") -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line, 130 stopped by Ctrl-C with the best so far kept."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    args = parser(prog).parse_args(argv)
    extras = {"torch": "torch", "open_clip": "clip", "torchvision": "clip"}
    return exit_code(lambda: _run(args), prog=prog, extras=extras, place=args.output)


def _run(args: argparse.Namespace) -> int:
    from phosphene.tools.cppn import commands

    if args.job:
        return commands.job(args.job)
    args.output = args.output or slug_of(args.prompt or Path(args.images or "").stem)
    check_slug(args.output, "--output")
    folder = runs_dir() / args.output
    given = given_options(Options, args)
    if args.moodboard or args.compare or args.recipes or (args.seeds or 1) > 1:
        return commands.batch(folder, given, args)
    return commands.single(folder, given, args)


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

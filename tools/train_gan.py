"""Train a GAN on pictures and put it into the library as a style that plays at once.

    vj dataset procedural --out d --images 500 --size 128
    vj train gan --data d --out g --minutes 10
    vj train gan --data d --out g --resume
    vj train gan --data e --out h --start g --minutes 10
    torchrun --nproc-per-node 4 -- tools/train_gan.py --data d --out g --images 5e6
    vj train gan --data d --out runs/plain --recipe plain --images 20000

A run is a folder `runs/<name of --out>/` ($PHOSPHENE_RUNS) with its report, `index.html`. Ctrl-C keeps what it has learnt so
far as a style; --resume goes on, also after a power cut, from the last checkpoint. --minutes alone or --images alone is the
whole budget; without either it is 10 minutes. Mind the -- of torchrun, which takes --run and --start for its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import runs_dir
from phosphene.engine.library.free_folder import check_free
from phosphene.engine.models.style import StyleMeta, check_slug, in_library
from phosphene.tools.command_line import JSON_HELP, Parser
from phosphene.tools.gan.options import Options, options_from
from phosphene.tools.numbers_given import decimal
from phosphene.tools.option_words import RECIPES, recipe_of_today
from phosphene.tools.runs.boundary import ABORTED, exit_code
from phosphene.tools.runs.files import OPTIONS
from phosphene.tools.runs.options import check_new, check_resumed, check_unchanged, given_options, options_table
from phosphene.tools.runs.places import check_own, run_place, style_place

if TYPE_CHECKING:
    from phosphene.tools.gan.run import Run
    from phosphene.tools.gan.trainer import Trainer

_LINE_EVERY = 25  # steps
_BUDGET = ("minutes", "images", "device", "save_every", "sample_every")  # what a run that goes on may be given anew
_BEGUN = ("checkpoint.pt", "history.json")  # what a run writes before it counts as one
_FREE = "choose another --out, or delete the folder"
_SCORES = ("kid", "kid_real", "kid_untrained", "precision", "recall", "reactivity", "reactivity_null")  # of style.toml


def parser(prog: str = "train_gan.py") -> Parser:
    """Return the command line."""
    p = Parser(prog, __doc__)
    defaults = {f.name: f.default for f in dataclasses.fields(Options)}

    def option(flag: str, text: str, **more: Any) -> None:
        key = flag[2:].replace("-", "_")
        more.setdefault("type", type(defaults[key]))
        p.add_argument(flag, dest=key, default=None, help=f"{text} (default: {defaults[key]})", **more)

    p.add_argument("--data", type=Path, help="folder made by vj dataset")
    p.add_argument("--out", type=style_place, required=True, help="name of the style, or a folder for it")
    p.add_argument("--run", type=run_place, help="folder of the run (default: runs/<name of --out>)")
    option("--size", "of the training pictures, one number is a square; others are scaled to cover it, never squashed")
    option("--field", "pictures are so many times larger than --size; parts are trained on, on stage they are whole")
    option("--widths", "channels of each level, coarse to fine; each level doubles the picture", nargs="+", type=int)
    option("--judge", "channels of the discriminator's first level")
    option("--batch", "pictures a step and device")
    option("--minutes", "of training; 0: until --images")
    option("--images", "real pictures to see in all; 0: until --minutes")
    option("--lr", "learning rate at the start; 0: the recipe's")
    option("--gamma", "weight of the gradient penalties at the start")
    option("--ema", "pictures after which a weight counts half in the running mean")
    option("--augment", "chance of each change before a picture is judged")
    p.add_argument("--no-mirror", dest="mirror", action="store_false", default=None, help="do not mirror the pictures")
    option("--recipe", "full, or the plain one that it is compared with", choices=RECIPES, type=recipe_of_today)
    option("--seed", "same seed, same machine, same budget in --images: same weights")
    option("--precision", "auto, float32, bfloat16")
    option("--device", "auto, cpu, cuda, cuda:N, mps")
    option("--save-every", "s between two checkpoints")
    option("--sample-every", "steps between two sheets of samples")
    option("--buckets", "only these buckets of the data", nargs="+", type=str)
    p.add_argument("--name", default="", help="what people read")
    p.add_argument("--description", default="", help="one line about it")
    p.add_argument("--licence", default="unknown", help="of the style: what the pictures' makers allow")
    p.add_argument("--tags", nargs="*", default=(), help="words to find it by")
    p.add_argument("--genres", nargs="*", default=(), help="music that it suits")
    p.add_argument("--energy", type=decimal(0.0, 1.0), default=0.5, help="of that music, 0 calm .. 1 frantic")
    p.add_argument(
        "--start", type=run_place, help="another run of the same networks, by name or folder: begin with what it has learnt"
    )
    p.add_argument("--resume", action="store_true", help="go on where the run stopped")
    p.add_argument("--no-scores", action="store_true", help="do not measure")
    p.add_argument("--no-video", action="store_true", help="no preview.mp4 and no walk")
    p.add_argument("--json", dest="as_json", action="store_true", help=JSON_HELP)
    return p


def main(argv: Sequence[str] | None = None, prog: str = "train_gan.py") -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line, 130 stopped by Ctrl-C with what was learnt kept."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    args = parser(prog).parse_args(argv)
    # Torch's threads wait for each other by spinning: on cores that are shared, 2 are up to 30 times slower than 1.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The faults of other processes are the first one's.
    return exit_code(lambda: _run(args), prog=prog, place=args.out, tell=os.environ.get("RANK", "0") == "0")


def _run(args: argparse.Namespace) -> int:
    slug = check_slug(args.out.name, "--out")
    folder = args.run or runs_dir() / slug
    given = given_options(Options, args)
    options, data = _options(folder, given, args)
    import torch
    import torch.distributed as dist

    from phosphene.tools.gan.results import style_meta
    from phosphene.tools.gan.run import begin, open_run, train
    from phosphene.tools.gan.trainer import trainer_of
    from phosphene.tools.runs.outcome import print_outcome
    from phosphene.tools.runs.stopper import Stopper

    trainer_of(options)
    meta = style_meta(options, _facts(args, data))  # a fault in it is said before the first step, not after the last
    if "RANK" in os.environ:
        if torch.cuda.is_available() and options.device != "cpu":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    stop = None
    try:
        run = open_run(folder, options, data)
        stop = Stopper()  # from here on Ctrl-C keeps what was learnt; before, there was nothing
        trainer = begin(run, args.resume, args.start)
        print(f"{len(run.train)} pictures, {trainer.maker.graph.parameters} parameters, {trainer.device}", file=sys.stderr)

        def told(trainer: Trainer, done: float, said: dict[str, float]) -> None:
            if trainer.step % _LINE_EVERY == 0:
                losses = ", ".join(f"{name} {said[name]:.3f}" for name in ("judge", "maker", "spread"))
                rate = trainer.seen / max(1e-9, run.seconds)
                print(f"{done:4.0%} step {trainer.step}, {rate:.1f} pictures/s, {losses}", file=sys.stderr, flush=True)

        finished, fault = False, None
        try:
            finished = train(run, trainer, stop, told)
        except UserError as error:
            fault = error
        if trainer.rank:
            return 0
        for note in trainer.notes:
            print(note, file=sys.stderr)
        style = _finish(args, run, trainer, meta) if trainer.step else None
        if args.as_json:
            print_outcome(folder, style, finished=finished)
        if fault is not None:
            raise fault
        return 0 if finished else ABORTED
    finally:
        if stop is not None:
            stop.close()
        if dist.is_initialized():
            dist.destroy_process_group()


def _facts(args: argparse.Namespace, data: Path) -> dict[str, Any]:
    return {
        "name": args.name or args.out.name.replace("-", " ").capitalize(),
        "description": args.description,
        "licence": args.licence,
        "tags": tuple(args.tags),
        "genres": tuple(args.genres),
        "energy": args.energy,
        "images": (data.resolve().name,),
    }


def _finish(args: argparse.Namespace, run: Run, trainer: Trainer, meta: StyleMeta) -> Path | None:
    """Write style, scores and report; return the style's folder.

    The style comes first: who presses Ctrl-C again, or is killed, still has it.
    """
    from phosphene.tools.gan.report import write_report
    from phosphene.tools.gan.results import export, measured

    style, scores = None, {}
    if run.options.recipe == "full":
        style = export(run, trainer, args.out, meta, video=False)
    if not args.no_scores:
        scores = measured(run, trainer, style)
    if style is not None:
        meta = meta.model_copy(update={"scores": {k: scores[k] for k in _SCORES if k in scores}})
        style = export(run, trainer, args.out, meta, video=not args.no_video)
        named = style.name if in_library(style) else style
        print(f"{style}: vj live --style {named}", file=sys.stderr)
    if (report := write_report(run, trainer, scores, style)) is not None:
        print(f"report: {report}", file=sys.stderr)
    return style


def _options(folder: Path, given: dict[str, Any], args: argparse.Namespace) -> tuple[Options, Path]:
    if ("minutes" in given) != ("images" in given):
        given = {"minutes": 0.0, "images": 0.0} | given
    if args.resume:
        check_resumed(folder)
        kept = options_table(folder / OPTIONS)
        options = options_from(kept | {key: value for key, value in given.items() if key in _BUDGET})
        check_unchanged(folder, options, given, _BUDGET)
        if options.recipe == "full":
            check_own(args.out, options.as_json(), _BUDGET, _FREE)
        return options, Path(args.data or str(kept.get("data", "")))
    check_new(folder, "--out or --run", _BEGUN)
    if args.data is None:
        raise UserError("no data", where="--data", remedy="make some: vj dataset --help")
    options = Options(**given)
    if options.recipe == "full":  # the other makes no style
        check_free(args.out, _FREE)
    return options, args.data


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

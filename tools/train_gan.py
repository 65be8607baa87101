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
from phosphene.tools.command_line import read
from phosphene.tools.gan.command_line import CommandLine
from phosphene.tools.gan.options import Options, options_from
from phosphene.tools.runs.boundary import ABORTED, exit_code
from phosphene.tools.runs.files import OPTIONS
from phosphene.tools.runs.options import check_new, check_resumed, check_unchanged, given_options, options_table
from phosphene.tools.runs.places import check_own

if TYPE_CHECKING:
    from phosphene.tools.gan.run import Run
    from phosphene.tools.gan.trainer import Trainer

_LINE_EVERY = 25  # steps
_BUDGET = ("minutes", "images", "device", "save_every", "sample_every")  # what a run that goes on may be given anew
_BEGUN = ("checkpoint.pt", "history.json")  # what a run writes before it counts as one
_FREE = "choose another --out, or delete the folder"
_SCORES = ("kid", "kid_real", "kid_untrained", "precision", "recall", "reactivity", "reactivity_null")  # of style.toml


def command_line(argv: Sequence[str] | None = None, prog: str = "train_gan.py") -> CommandLine:
    """Read the command line. Ends the program where there is nothing to do."""
    return read(CommandLine, argv, prog, __doc__, Options)


def main(argv: Sequence[str] | None = None, prog: str = "train_gan.py") -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line, 130 stopped by Ctrl-C with what was learnt kept."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    args = command_line(argv, prog)
    # Torch's threads wait for each other by spinning: on cores that are shared, 2 are up to 30 times slower than 1.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The faults of other processes are the first one's.
    return exit_code(lambda: _run(args), prog=prog, place=args.out, tell=os.environ.get("RANK", "0") == "0")


def _run(args: CommandLine) -> int:
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


def _facts(args: CommandLine, data: Path) -> dict[str, Any]:
    return {
        "name": args.name or args.out.name.replace("-", " ").capitalize(),
        "description": args.description,
        "licence": args.licence,
        "tags": tuple(args.tags or ()),
        "genres": tuple(args.genres or ()),
        "energy": args.energy,
        "images": (data.resolve().name,),
    }


def _finish(args: CommandLine, run: Run, trainer: Trainer, meta: StyleMeta) -> Path | None:
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


def _options(folder: Path, given: dict[str, Any], args: CommandLine) -> tuple[Options, Path]:
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

"""What `tools/train_vqvae.py` does once its command line is read: one run, or an ablation.

Main thread. Ctrl-C asks the loop to stop after the step it is in, and what is there becomes a style; a second one stops at
once. `--minutes` is divided: network, then prior, then dreams, then previews; who is done early leaves the rest to the next.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import runs_dir
from phosphene.engine.library.free_folder import check_free
from phosphene.engine.models.style import check_slug, in_library, load_meta, load_style, write_meta
from phosphene.tools.cppn.footage import load_music
from phosphene.tools.cppn.liveliness import reactivity
from phosphene.tools.laboratory import laboratory
from phosphene.tools.runs.boundary import ABORTED
from phosphene.tools.runs.files import OPTIONS
from phosphene.tools.runs.options import check_new, check_resumed, check_unchanged, given_options
from phosphene.tools.runs.outcome import print_outcome
from phosphene.tools.runs.places import check_own
from phosphene.tools.runs.stopper import Stopper
from phosphene.tools.vqvae import report
from phosphene.tools.vqvae.command_line import CommandLine
from phosphene.tools.vqvae.dreaming import dream_loops
from phosphene.tools.vqvae.export import write_dreams, write_vq_style
from phosphene.tools.vqvae.maps import write_maps
from phosphene.tools.vqvae.network import VqVae
from phosphene.tools.vqvae.options import Options, flag
from phosphene.tools.vqvae.prior_run import chosen_kinds, encode_data, train_prior, varied
from phosphene.tools.vqvae.run import Run, begin, open_run, train
from phosphene.tools.vqvae.trainer import Trainer

# Shares of --minutes after which each part is over; films and previews have what is left. A step of the prior takes 0.6 s of
# a core at 128 x 72 and it needs hundreds: with 23 % of 10 minutes on a loaded core it dreamt no better than chance.
NETWORK_ENDS, PRIOR_ENDS, DREAMS_END = 0.45, 0.82, 0.88
_FREE = "choose another --out, or delete the folder"
_BPM = 120.0  # of films of dreams
_TOLD = ("objective", "psnr", "ssim", "perplexity", "used")

console = Console(stderr=True, highlight=False, soft_wrap=True)


def single(args: CommandLine, began: float | None = None) -> int:
    """Train one VQ-VAE, and where a style is wanted its prior; write both; return the exit code.

    began: when the command did, by `clock.now`: from then on its minutes count.
    """
    began = clock.now() if began is None else began
    folder = _folder(args)
    prior = bool(args.out) and not args.no_prior
    given = _given(args)
    if args.resume:
        check_resumed(folder)
        options = Options.read(folder / OPTIONS)
        check_unchanged(folder, options, given, ("minutes",))
        options = dataclasses.replace(options, minutes=given.get("minutes", options.minutes))
        if args.out:
            check_own(args.out, _as_told(options), ("minutes",), _FREE)
    else:
        check_new(folder, "--name")
        if not args.data:
            raise UserError("nothing to train on", where="--data", allowed="a folder of vj dataset")
        # What goes on stage is in colour, unless gray was asked for.
        mode = given.get("mode", "128" if args.out else "gray")
        share = NETWORK_ENDS if prior else DREAMS_END if args.out else 1.0
        options = Options(**(given | {"mode": mode, "share": share}))
        if args.out:
            check_free(args.out, _FREE)
    if args.out and options.quantiser == "vae":
        raise UserError("a plain VAE has no codes to play", where="--quantiser, --out", remedy="leave one of them out")
    with closing(Stopper()) as stop:
        run = open_run(folder, options, loops=bool(args.out))
        trainer = begin(run)
        trainer.spent += clock.now() - began  # data were decoded in its minutes
        for note in run.notes:
            console.print(note)
        console.print(
            f"{len(run.train)} pictures, {len(run.validation)} held out, {trainer.model.parameter_count} parameters"
        )
        if stop() and not trainer.step:
            console.print("stopped before the first step: nothing to keep")
            return ABORTED
        done = train(run, trainer, stop, (lambda t, r: None) if args.quiet else say)
        for note in trainer.notes[len(run.notes) :]:
            console.print(note)
        if trainer.best is None:
            raise UserError("nothing was learned", where=str(folder), got=trainer.notes[-1:], remedy="a smaller --lr")
        if options.quantiser != "vae":
            trainer.use_best()
            model = trainer.model.eval()
            write_maps(folder, model, trainer.counts)
            if args.out:
                finish(run, model, trainer, args, stop)
        report.write_run(folder)
        console.print(f"report: {folder / 'index.html'}")
        if args.as_json:
            print_outcome(folder, args.out if args.out and options.quantiser != "vae" else None, finished=done)
    return ABORTED if stop() else 0 if done else 1


def ablation(args: CommandLine, argv: Sequence[str]) -> int:
    """Train the variants; return the exit code. argv: what makes the report again."""
    lab = laboratory("ablate_vqvae", "ablations")
    given = _given(args)
    if not args.data:
        raise UserError("nothing to train on", where="--data", allowed="a folder of vj dataset")
    if args.seeds < 1:
        raise UserError("out of range", where="--seeds", allowed="1 or more", got=args.seeds)
    folder = _folder(args)
    command = " ".join(["python tools/train_vqvae.py", *map(shlex.quote, argv)])
    with closing(Stopper()) as stop:
        done = lab.run_ablation(folder, given, args.seeds, args.only, stop, console.print, command)
    console.print(f"report: {folder / 'index.html'}")
    return 0 if done else ABORTED


def finish(run: Run, model: VqVae, trainer: Trainer, args: CommandLine, stop: Stopper) -> None:
    """Train the prior, dream, and write the style."""
    began = clock.now() - trainer.spent
    end = 60 * run.options.minutes

    def left(share: float) -> float:
        """Return s until that share of the minutes is over, never 0, which would be endless."""
        return max(1.0, began + share * end - clock.now())

    coded = encode_data(model, run.manifest, args.frames)
    kinds = chosen_kinds(coded, args.sketches)
    dreams: list[np.ndarray] = []
    if not args.no_prior and not stop():
        minutes = left(PRIOR_ENDS) / 60 if end else 0.0
        until = clock.now() + left(PRIOR_ENDS)
        prior = train_prior(
            run.folder, coded, model.spec, run.options.seed, args.prior_steps, minutes,
            lambda: stop() or bool(end and clock.now() > until), console.print,
        )  # fmt: skip
        if not stop():
            console.print(f"dreaming {args.dreams} loops")
            enough = clock.now() + left(DREAMS_END)
            found = dream_loops(
                model, prior, coded.training, coded.held_out, coded.names, args.dreams, run.options.seed,
                lambda: stop() or bool(end and clock.now() > enough), kinds=kinds, temperature=args.temperature,
            )  # fmt: skip
            fps = args.frames * _BPM / 60 / args.beats
            write_dreams(run.folder, model, found, fps)
            for each in found.beside:
                console.print(each.line())
            bound = f"farther from training than {found.bound:.4f}, as 95 % of the held-out loops are"
            bound = bound if coded.held_out else "no loop is held out, so how far is no copy is not known"
            console.print(
                f"{len(found.kept)} of {found.drawn} dreams kept: seam within their own steps, steps below "
                f"{found.most:.4f}, half-way from real loops to codes at random; {bound}"
            )
            if not found.kept:
                console.print(f"none is in the style; the best of them is {run.folder / 'dreams' / '00.mp4'}")
            dreams = [each.codes for each in found.kept]
    loops = [*dreams, *varied(coded, max(1, args.loops - len(dreams)), kinds)]
    scores = {k: round(v, 4) for k, v in (trainer.best.scores if trainer.best else {}).items() if k in _TOLD}
    names = ", ".join(coded.names[k] for k in kinds)
    style = write_vq_style(
        args.out, model, loops, name=args.title or args.out.name.replace("-", " ").replace("_", " ").capitalize(),
        description=f"{len(dreams)} dreamt and {len(loops) - len(dreams)} encoded loops of {names}", seed=run.options.seed,
        licence=args.licence, tags=("loops", "vqvae"), beats=args.beats, scores=scores,
        how={"how": "trained", "steps": trainer.step, "dreams": len(dreams), "notes": trainer.notes,
             "options": _as_told(run.options)},
    )  # fmt: skip
    reaction = reactivity(load_style(style), load_music().signals)
    reacts = {"reactivity": round(reaction.correlation, 5), "reactivity_null": round(reaction.null, 5)}
    write_meta(style, load_meta(style).model_copy(update={"scores": scores | reacts}))
    console.print(f"reactivity {reaction.correlation:.3f} (shuffled {reaction.null:.3f})")
    named = args.out.name if in_library(args.out) else args.out
    console.print(f"{args.out}: vj live --style {named}")


def say(trainer: Trainer, record: dict[str, Any]) -> None:
    """Print an epoch on one line."""
    found = record["validation"]
    codes = f", {found['used']:.0f} codes, perplexity {found['perplexity']:.1f}" if "used" in found else ""
    console.print(
        f"epoch {record['epoch']}, {100 * trainer.progress:.0f} %, {trainer.spent / 60:.1f} min: objective "
        f"{found['objective']:.4f} (bce {found['bce']:.4f}, of which {found['floor']:.4f} cannot be less), "
        f"PSNR {found['psnr']:.2f} dB{codes}"
    )


def _as_told(options: Options) -> dict[str, Any]:
    """Return the options as a style tells them: of the data the name alone, for no path of this machine."""
    return dataclasses.asdict(options) | {"data": Path(options.data).name}


def _folder(args: CommandLine) -> Path:
    name = args.name or (args.out.name if args.out else "")
    return runs_dir() / check_slug(name, "--name, --out")


def _given(args: CommandLine) -> dict[str, Any]:
    found = given_options(Options, args)
    if "data" in found and not Path(found["data"]).is_dir():
        raise UserError("no such folder", where=flag("data"), got=found["data"], remedy="make it: vj dataset")
    return found

"""Trains `motif`, the small text-image model that guides and judges styles where there is no CLIP.

`python tools/train_motif.py --output guide` and again with `--output judge`: two trainings that share nothing, neither
seed nor pictures nor shape. Paints its pictures first (once per seed, cached). Ctrl-C keeps what was learned; `--resume`
goes on. Ends with an evaluation, written beside the weights.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer import Option

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.commands import one_of
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import cache_dir
from phosphene.tools.command_line import read
from phosphene.tools.handing_over import check_place, hand_over
from phosphene.tools.motif.dataset import MOST_PICTURES, Settings, open_pictures
from phosphene.tools.motif.evaluate import evaluate
from phosphene.tools.motif.model import SHAPES, WEIGHTS, save_motif, untrained
from phosphene.tools.motif.training import Options, Training
from phosphene.tools.runs import files
from phosphene.tools.runs.boundary import exit_code
from phosphene.tools.runs.loop import take_steps

SEEDS = {"guide": 11, "judge": 47}
_SAVE_EVERY_S = 120.0


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the command line says."""

    output: Annotated[str, Option(parser=one_of(sorted(SHAPES)), metavar="guide|judge", help="which of the two to train")]
    seed: Annotated[
        int | None,
        Option(min=0, max=2**31 - 1, help="of pictures, weights and captions (default: its own for each output)"),
    ] = None
    pictures: Annotated[int, Option(min=32, max=MOST_PICTURES, help="how many to paint")] = 50000
    steps: Annotated[int, Option(min=1, max=100_000_000, help="at most")] = 1500
    batch: Annotated[int, Option(min=2, max=65_536, help="pictures a step")] = 256
    rate: Annotated[float, Option(min=1e-9, max=1.0, help="highest learning rate")] = 1.5e-3
    minutes: Annotated[float, Option(min=0.0, max=1e6, help="end by then, 0: when the steps are done")] = 0.0
    device: Annotated[str, Option(help="cpu, cuda, cuda:N, mps")] = "cpu"
    threads: Annotated[int, Option(min=0, max=1024, help="0: as many as torch likes")] = 0
    resume: Annotated[bool, Option("--resume", help="go on from the checkpoint")] = False
    weights: Annotated[Path | None, Option(help="where to write them (default: tools/motif/weights)")] = None
    evaluate: Annotated[int, Option(min=0, max=1_000_000, metavar="N", help="pictures to evaluate with, 0: none")] = 1024


def read_checkpoint(path: Path) -> dict:
    """Return a saved state. Raises UserError where there is none, or it cannot be read."""
    if not path.is_file():
        raise UserError("nothing to resume", where=str(path), remedy="leave --resume out")
    return files.read_checkpoint(path, remedy="leave --resume out")


def train(
    options: Options, weights: Path, checkpoint: Path, resume: bool = False, report: Callable[[dict], None] | None = None
) -> Training:
    """Train and return the training. The checkpoint is saved every two minutes and at Ctrl-C, the weights at the end."""
    state = read_checkpoint(checkpoint) if resume else None
    if state:
        now = {k: v for k, v in asdict(options).items() if k in ("steps", "minutes", "device", "rate")}
        options = replace(Options(**state["options"]), **now)
    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=report is not None) as bar:
        settings = Settings(options.seed, options.pictures)
        task = bar.add_task("painting", total=options.pictures)
        pictures = open_pictures(settings, lambda done: bar.update(task, completed=done), state["key"] if state else None)
        bar.update(task, completed=options.pictures)
        training = Training(options, pictures)
        if state:
            training.load(state)
        task = bar.add_task("training", total=options.steps, completed=training.taken)

        def told(entry: dict[str, float]) -> None:
            recent = training.history[-20:]
            loss, hits = (float(np.mean([e[name] for e in recent])) for name in ("loss", "retrieval"))
            # Two of the unknowns: what pure guessing would score.
            chance = f"loss {loss:.3f} (guessing {math.log(options.batch):.2f}), 1 of 32: {hits:.2f} (guessing 0.03)"
            total = round(training.taken / training.progress())
            bar.update(task, completed=training.taken, total=total, description=chance)
            if report:
                report(entry)
            if entry["step"] % 25 == 0 and not console.is_terminal and not report:
                console.print(f"step {entry['step']} of about {total}, {training.spent / 60:.1f} min: {chance}")

        try:
            take_steps(
                training.step, lambda: training.progress() >= 1.0, told, lambda: training.save(checkpoint), _SAVE_EVERY_S
            )
        except KeyboardInterrupt:
            console.print("stopped: what was learned is saved, --resume goes on")
    training.save(checkpoint)
    # Only a whole training takes the place of weights that are in use; half of one is in the checkpoint.
    if training.progress() >= 1.0 or not weights.exists():
        training.weights = save_motif(training.model, weights)
    return training


def parse(arguments: Sequence[str] | None = None) -> CommandLine:
    """Read the command line. Ends the program where there is nothing to do; raises UserError."""
    given = read(CommandLine, arguments, "train_motif.py", __doc__)
    if given.evaluate % 32:
        raise UserError("evaluation is in groups of 32", where="--evaluate", allowed="multiples of 32", got=given.evaluate)
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, evaluate, write; return the exit code: 0 done, 2 a fault that is named on one line."""
    return exit_code(lambda: _run(parse(arguments)), prog="train_motif.py")


def _run(given: CommandLine) -> int:
    if given.threads:
        torch.set_num_threads(given.threads)
    seed = SEEDS[given.output] if given.seed is None else given.seed
    options = Options(
        given.output, seed, given.pictures, given.steps, given.batch, given.rate, given.minutes, given.device,
    )  # fmt: skip
    weights = given.weights or WEIGHTS / f"{given.output}.safetensors"
    if weights.suffix != ".safetensors":
        raise UserError("not a name for weights", where="--weights", allowed="NAME.safetensors", got=weights)
    check_place(weights)
    checkpoint = cache_dir() / "motif" / f"{weights.stem}-{seed}.pt"
    training = train(options, weights, checkpoint, given.resume)
    if not given.evaluate:
        return 0
    model = training.model.to("cpu").eval()
    found = {
        "trained": asdict(training.options) | {"shape": asdict(model.shape)},
        "steps": training.taken,
        "presentations": training.taken * min(options.batch, options.pictures),
        "minutes": round(training.spent / 60, 1),
        "loss": round(float(np.mean([entry["loss"] for entry in training.history[-50:]])), 4),
        **evaluate(model, untrained(given.output), given.evaluate),
    }
    if training.weights is not None:  # those that are there otherwise were measured when they were made
        hand_over(training.weights.with_suffix(".json"), (json.dumps(found, indent=2) + "\n").encode())
    print(json.dumps({key: found[key] for key in ("chance", "retrieval", "attributes", "seven")}, indent=2))
    return 0


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

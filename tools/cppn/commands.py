"""What `tools/train_style.py` does once its command line is read: one run, one run of a batch, or a batch.

Main thread. Ctrl-C asks the loop to stop after the step it is in; a second one stops at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from phosphene.engine.core import clock, terminal
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import json_there
from phosphene.engine.library.previews import VIDEO_SECONDS, write_video
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.style import load_style, write_atomic, write_meta
from phosphene.tools.cppn import batch as batches
from phosphene.tools.cppn import library, nulls, report, scores
from phosphene.tools.cppn.budget import fitted, seconds_per_pixel
from phosphene.tools.cppn.command_line import CommandLine
from phosphene.tools.cppn.footage import load_music
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.run import Run, begin, live_picture, open_run, request_of, train, write_run_style
from phosphene.tools.cppn.texture_options import with_texture
from phosphene.tools.cppn.trainer import Trainer, trainer_of
from phosphene.tools.runs.boundary import ABORTED
from phosphene.tools.runs.files import OPTIONS
from phosphene.tools.runs.options import check_new, check_resumed, check_unchanged
from phosphene.tools.runs.outcome import print_outcome
from phosphene.tools.runs.stopper import Stopper

_WINDOW_EVERY_S = 2.0
_NULLS_VERSION = 1  # raise it when `nulls` measures something else
_LINE_EVERY = 100  # steps, where there is no terminal for a progress bar

console = terminal.console(stderr=True)


def single(folder: Path, given: dict[str, Any], args: CommandLine) -> int:
    """Train one style, score it, report it, put it into the library; return the exit code."""
    said: list[str] = []
    if args.resume:
        check_resumed(folder)
        options = Options.read(folder / OPTIONS)
        check_unchanged(folder, options, given)
    else:
        check_new(folder, "--output")
        given, said = with_texture(given)
        options = Options(**given)
    trainer_of(options)  # a recipe that is not there is said before anything is opened
    installs = not args.no_install
    if installs:
        library.check_free(options.output, args.replace, options if args.resume else None)
    if args.minutes and not args.resume:
        per_pixel = seconds_per_pixel(open_run(folder, options))
        options = fitted(options, args.minutes, per_pixel, shrinks="resolutions" not in given)
    if args.dry_run:
        for note in said:
            console.print(note)
        return _dry_run(folder, options)
    run = open_run(folder, options)
    for note in (*said, *run.notes):  # not before: where something is refused, that is all that is said
        console.print(note)
    told = len(run.notes)
    stop = Stopper()
    try:
        trainer = begin(run)
        done = _train(run, trainer, stop, args.quiet, args.window)
        style = write_run_style(run, trainer)
        for note in run.notes[told:]:
            console.print(note)
        if not done:
            console.print(f"stopped at step {trainer.step} of {options.steps}; the best so far is {style}")
    finally:
        stop.close()
    found = _score(run, trainer, nulls_too=not stop())
    if installs:
        style = library.install(style, options.output, found)
        console.print(f"{style}: vj live --style {options.output}")
    _say_scores(found)
    report.write_run_report(folder)
    console.print(f"report: {folder / 'index.html'}")
    if args.as_json:
        print_outcome(folder, style, finished=done)
    return 0 if done else ABORTED if stop() else 1


def job(folder: Path) -> int:
    """Train one run of a batch from its options.json; scores.json says that it is finished."""
    run = open_run(folder, Options.read(folder / "options.json"))
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit():
        torch.set_num_threads(int(threads))
    stop = Stopper()
    trainer = begin(run)
    done = train(run, trainer, stop, lambda trainer, record: None)
    # One seed's video shows how a prompt moves; those of all would cost a batch a tenth of its time.
    write_run_style(run, trainer, video=run.options.seed == 0)
    if not done and stop():
        return ABORTED
    _score(run, trainer, nulls_too=True)
    report.write_run_report(folder)
    return 0


def batch(folder: Path, given: dict[str, Any], args: CommandLine) -> int:
    """Train many runs, compare them, and put the best seed of each style into the library where the plan says so."""
    if args.resume:
        raise UserError("a batch goes on by its own command", where="--resume", remedy="the same command without it")
    for flag, value in (("--workers", args.workers), ("--seeds", args.seeds)):
        if value is not None and value < 1:
            raise UserError("out of range", where=flag, allowed="1 or more", got=value)
    plan = _plan(folder, given, args)
    jobs = plan.jobs(folder)
    if plan.install:
        for style in plan.styles:
            library.check_free(style.output, args.replace)
    workers = args.workers or (1 if torch.cuda.is_available() else min(4, os.cpu_count() or 1))
    steps = sum(options.steps for _, options in jobs)
    console.print(f"{len(jobs)} runs, {steps} steps in all, {workers} at a time, in {folder}")
    if args.dry_run:
        for name, options in jobs:
            console.print(f"  {name}: {options.steps} steps, {options.prompt or options.images}")
        return 0
    for _, options in jobs:
        # An empty folder of pictures, or a recipe that is not there, is said before an hour of training, not after.
        request_of(options)
        trainer_of(options)
    folder.mkdir(parents=True, exist_ok=True)
    with _progress(args.quiet) as progress:
        bar = progress.add_task("training", total=steps, said="")

        def seen(done: dict[str, int]) -> None:
            finished = sum((folder / name / "scores.json").is_file() for name, _ in jobs)
            progress.update(bar, completed=sum(done.values()), said=f"{finished} of {len(jobs)} runs")

        failed = batches.run_jobs(folder, jobs, workers, seen)
    for name, reason in failed.items():
        console.print(f"{name} failed: {reason}")
    if plan.install:
        _install_best(folder, plan, {name for name, _ in jobs} - failed.keys())
    report.write_batch_report(folder)
    console.print(f"report: {folder / 'index.html'}")
    return 1 if failed else 0


def _plan(folder: Path, given: dict[str, Any], args: CommandLine) -> batches.Plan:
    if args.moodboard:
        extra = sorted(set(given) - {"output"})
        if extra:
            raise UserError("a moodboard says what to train", where="--" + extra[0], remedy="write it under [defaults]")
        plan = batches.read_moodboard(args.moodboard, args.output)
    else:
        # The plain recipe knows no texture, and is compared on equal terms.
        given, said = with_texture(given) if "plain" not in (args.recipes or ()) else (given, [])
        plan = batches.Plan(args.output, (Options(**given),), install=not (args.compare or args.recipes))
        for line in said:
            console.print(line)
    return batches.Plan(
        plan.output,
        plan.styles,
        args.seeds or plan.seeds,
        tuple(args.compare or plan.widths),
        tuple(args.recipes or plan.recipes),
        plan.install and not args.no_install,
    )


def _install_best(folder: Path, plan: batches.Plan, done: set[str]) -> None:
    """Put the seed that the guides like best of each style into the library, its scores those of all seeds."""
    for style in plan.styles:
        # A batch that compares recipes or widths puts what the style itself asked for into the library.
        names = [
            name
            for name, options in plan.jobs(folder)
            if name in done and dataclasses.replace(options, seed=style.seed) == style
        ]
        if not names:
            continue
        best, merged = batches.merge_seeds(folder, names)
        if not (folder / best / "style" / "preview.mp4").is_file():
            write_video(folder / best / "style", load_music(style.audio).entrance(VIDEO_SECONDS))
        place = library.install(folder / best / "style", style.output, merged)
        console.print(f"{place}: from {best}")


def _dry_run(folder: Path, options: Options) -> int:
    run = open_run(folder, options)
    per_pixel = seconds_per_pixel(run)
    parameters = CppnSpec(options.input_names, options.hidden_dim, options.layers, options.activation_names).parameters
    sizes = [trainer_of(options).size(resolution) for resolution in options.resolutions]
    seconds = options.iterations * sum(size.pixels for size in sizes) * per_pixel
    for line in (
        *run.notes,
        f"run: {folder}",
        f"guides: {', '.join(f'{p.guide.name} x {p.weight:g}' for p in run.pulls)}; judge: {run.judge.name}",
        f"network: {options.layers} x {options.hidden_dim}, {parameters} parameters, on {run.device}",
        f"steps: {options.steps}, at {', '.join(map(str, sizes))}",
        f"time: about {seconds / 60:.1f} min",
    ):
        console.print(line)
    return 0


def _train(run: Run, trainer: Trainer, stop: Callable[[], bool], quiet: bool, window: bool) -> bool:
    screen = _open_window() if window else None
    shown = clock.now()
    with _progress(quiet) as progress:
        bar = progress.add_task("training", total=run.options.steps, completed=trainer.step, said="")

        def seen(trainer: Trainer, record: dict[str, Any]) -> None:
            nonlocal shown
            said = f"{record['resolution']} px  guide {record['guide']:.3f}, untrained {trainer.null:.3f}"
            progress.update(bar, completed=trainer.step, said=said)
            if progress.disable and not quiet and trainer.step % _LINE_EVERY == 0:
                console.print(f"step {trainer.step} of {run.options.steps}: {said}")
            if screen is not None and clock.now() - shown > _WINDOW_EVERY_S:
                screen.show(live_picture(trainer))
                shown = clock.now()

        try:
            return train(run, trainer, stop, seen)
        finally:
            if screen is not None:
                screen.close()


def _open_window() -> Any:
    from phosphene.tools.cppn.window import TrainingWindow

    try:
        return TrainingWindow()
    except UserError as error:
        console.print(f"no window: {error.line()}")
        return None


def _score(run: Run, trainer: Trainer, nulls_too: bool) -> dict[str, float]:
    """Score the run's style beside its nulls, into scores.json and style.toml. An interrupted run is spared the nulls."""
    style = load_style(run.style_folder)
    found = scores.score_style(style, run.pulls, run.judge, run.music, seed=0, loop_s=run.options.loop_s)
    if nulls_too:
        found |= _nulls(run, style.spec)
    write_meta(run.style_folder, style.meta.model_copy(update={"scores": found}))
    write_atomic(run.folder / "scores.json", (json.dumps(found, indent=2) + "\n").encode())
    return found


def _nulls(run: Run, spec: CppnSpec) -> dict[str, float]:
    """Return the nulls' scores. Runs side by side in a batch that ask for the same by the same network share them: they
    know nothing of what was trained, and cost as much as half a minute of training."""
    pulls = [(pull.guide.name, pull.weight) for pull in run.pulls]
    # What guides and judge say of one fixed picture stands for their weights and for what they were asked.
    probe = torch.rand((1, 3, 72, 128), generator=torch.Generator().manual_seed(0))
    said = [round(float(scores.view_scores(each, probe)[0]), 6) for each in (*(p.guide for p in run.pulls), run.judge)]
    heard = hashlib.sha256(repr(run.music.levels).encode()).hexdigest()
    key = repr((spec, run.options.steps, pulls, run.judge.name, said, heard, _NULLS_VERSION))
    path = run.folder.parent / f".nulls-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    kept = json_there(path)
    if isinstance(kept, dict) and all(isinstance(score, float) for score in kept.values()):
        return kept
    found = nulls.score_untrained(spec, run.pulls, run.judge, run.music)
    found |= nulls.random_search(spec, run.options.steps, run.pulls, run.judge, run.music)
    with contextlib.suppress(OSError):  # a cache: the next run measures again
        write_atomic(path, json.dumps(found).encode())
    return found


def _say_scores(found: dict[str, float]) -> None:
    for key in ("guide", "judge"):
        beside = ", ".join(
            f"{word} {found[f'{key}_{null}']:.3f}"
            for null, word in (("untrained", "untrained"), ("random", "best of as many random networks"))
            if f"{key}_{null}" in found
        )
        console.print(f"{key} {found[key]:.3f}" + (f" ({beside})" if beside else ""))
    if "patches" in found:
        other = f"; another structure: {found['patches_other']:.4f}" if "patches_other" in found else ""
        itself = f"the board itself: {found['patches_itself']:.4f}"
        console.print(f"patches {found['patches']:.4f} from held-out pictures ({itself}{other})")
    console.print(f"reactivity {found['reactivity']:.2f} (shuffled sound: {found['reactivity_null']:.2f})")


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not sys.stderr.isatty(),
    )

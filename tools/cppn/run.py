"""A run is a folder: options, checkpoint, history, samples, and the style it makes. Written here, resumed from here.

    runs/<output>/  options.json  history.json  checkpoint.pt  live.png  samples/  board/  style/

Called by `tools/train_style.py`, once for a single run and in a process of its own for each run of a batch. Nothing that
was trained is lost: the best weights so far are in the checkpoint every few seconds, and become a style whatever ends the
run (the last step, Ctrl-C, a loss that will not be finite); a full disk ends the writing, not the training.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.library.previews import VIDEO_SECONDS, to_bytes, write_still, write_video
from phosphene.engine.models.style import Motion, Network, Preview, made_meta, write_atomic, write_style
from phosphene.tools.cppn.footage import Music, load_music
from phosphene.tools.cppn.options import MAX_PROMPT, Options
from phosphene.tools.cppn.texture_options import guided_by_texture
from phosphene.tools.cppn.trainer import Good, Trainer, trainer_of
from phosphene.tools.guides.base import Guide, Request
from phosphene.tools.guides.choose import Pull, open_guides, open_judge
from phosphene.tools.guides.images import find_boards
from phosphene.tools.guides.painted import Painting, painted
from phosphene.tools.guides.texture import TextureGuide
from phosphene.tools.runs.device import device_of
from phosphene.tools.runs.files import (
    CHECKPOINT,
    HISTORY,
    packed,
    png,
    read_checkpoint,
    reason,
    records_of,
    table_in,
    write_options,
    write_or_warn,
)
from phosphene.tools.runs.loop import take_steps

SAVE_EVERY_S = 8.0
SAMPLE_EVERY = 100  # steps
_LIVE = Size(320, 180)


@dataclass
class Run:
    """A folder and what it is made with. Make one by `open_run`."""

    folder: Path
    options: Options
    music: Music
    pulls: list[Pull]
    judge: Guide
    palette: Guide | None
    device: str
    notes: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def request(self) -> Request:
        return request_of(self.options)[0]

    @property
    def style_folder(self) -> Path:
        return self.folder / "style"


def request_of(options: Options) -> tuple[Request, list[str]]:
    """Return what the options ask for, and what a person should be told about it. Raises UserError."""
    notes: list[str] = []
    boards: tuple[tuple[Path, ...], ...] = ()
    if options.images:
        boards, found = find_boards(Path(options.images))
        notes += found
    prompt = " ".join(options.prompt.split())
    if len(prompt) > MAX_PROMPT:
        notes.append(f"the prompt has {len(prompt)} characters; the first {MAX_PROMPT} are used")
        prompt = prompt[:MAX_PROMPT].rsplit(" ", 1)[0]
    images = tuple(path for board in boards for path in board)
    negative = " ".join(options.negative_prompt.split())[:MAX_PROMPT]
    return Request(prompt, negative, images, boards, options.seed), notes


def open_run(folder: Path, options: Options) -> Run:
    """Return a run that is ready to train: audio analysed, guides and judge open. Writes nothing. Raises UserError."""
    request, notes = request_of(options)
    if guided_by_texture(options.guide):  # what has no texture counts for nothing then, as that guide says
        notes = [note for note in notes if "counts for its colour" not in note]
    weights = Path(options.clip_weights) if options.clip_weights else None
    pulls, said = open_guides(options.guide, request, options.clip_model or None, weights)
    judge, said_too = open_judge(options.judge, request, pulls, options.clip_model or None, weights)
    palette = None
    if judge.name == "palette" and options.palette:
        notes.append("palette judges, so it is no term of the loss")
    elif trainer_of(options).has_terms and options.palette and not {"palette", "images"} & {p.guide.name for p in pulls}:
        palette = _palette(request, notes)
    device = device_of(options.device)
    return Run(
        folder,
        options,
        load_music(options.audio),
        pulls,
        judge,
        palette,
        device,
        list(dict.fromkeys([*notes, *said, *said_too])),
    )


def begin(run: Run) -> Trainer:
    """Return the run's trainer: from its checkpoint, where there is one."""
    trainer = trainer_of(run.options).begin(run.options, run.music, run.pulls, run.device, run.palette)
    path = run.folder / CHECKPOINT
    if path.is_file():
        remedy = "delete it to begin again; the style of the run stays"
        try:
            state = read_checkpoint(path, remedy=remedy)
            trainer.restore(state["trainer"])
            run.seconds = state["seconds"]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise UserError("the checkpoint is damaged", where=str(path), got=reason(error), remedy=remedy) from error
        run.steps = records_of(table_in(run.folder / HISTORY).get("steps"))[: trainer.step]
    return trainer


def train(run: Run, trainer: Trainer, stop: Callable[[], bool], seen: Callable[[Trainer, dict[str, Any]], None]) -> bool:
    """Step to the end, or until `stop` says so; return whether the end was reached. Saves on the way.

    seen: called after each step with its record.
    """
    write_options(run.folder, run.options.to_json())
    _show_board(run)
    began, before = clock.now(), run.seconds

    def told(record: dict[str, Any]) -> None:
        run.steps.append(record)
        run.notes += [note for note in trainer.notes if note not in run.notes]
        seen(trainer, record)
        run.seconds = before + clock.now() - began
        if trainer.step % SAMPLE_EVERY == 0 or trainer.done:
            write_or_warn(run.folder / "samples" / f"step-{trainer.step:05d}.png", png(live_picture(trainer)))

    try:
        fault = take_steps(trainer.advance, lambda: trainer.done or stop(), told, lambda: save(run, trainer), SAVE_EVERY_S)
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        run.notes.append("out of memory; the best so far is kept; lower --resolutions or --crops")
    else:
        run.notes += [f"{fault}; the best so far is kept"] if fault else []
    save(run, trainer)
    return trainer.done


def _show_board(run: Run) -> None:
    """Write the pictures that were painted for the words, where they were, for the report: `board/`."""
    for pull in run.pulls:
        for each in pull.guide.board if isinstance(pull.guide, TextureGuide) else ():
            path = run.folder / "board" / each.name
            if isinstance(each, Painting) and not path.is_file():
                write_or_warn(path, png(np.asarray(painted(each))))


def save(run: Run, trainer: Trainer) -> None:
    """Write live picture, checkpoint and history. A disk that is full is said, and training goes on."""
    write_or_warn(run.folder / CHECKPOINT, packed({"trainer": trainer.state(), "seconds": run.seconds}))
    write_or_warn(run.folder / "live.png", png(live_picture(trainer)))
    history = {"steps": run.steps, "null": {"guide": trainer.null}, "notes": run.notes, "seconds": round(run.seconds, 1)}
    write_or_warn(run.folder / HISTORY, (json.dumps(history) + "\n").encode())


def live_picture(trainer: Trainer) -> np.ndarray:
    """Return four moments, two of quiet and two of loud music, at different times: uint8 [360, 640, 3]."""
    onsets, names = trainer.music.onsets, trainer.spec.uniform
    order = np.argsort(onsets, kind="stable")
    frames = [int(order[len(order) // 4]), int(order[-1]), int(order[len(order) // 2]), int(order[-len(order) // 20])]
    uniforms = [
        trainer.music.uniforms(names, trainer.scales, k, 20.0 + 40.0 * i, i / trainer.variations)
        for i, k in enumerate(frames)
    ]
    with torch.no_grad():
        a, b, c, d = trainer.network.paint(np.stack(uniforms), _LIVE).permute(0, 2, 3, 1).cpu().numpy()
    return to_bytes(np.vstack([np.hstack([a, b]), np.hstack([c, d])]))


def write_run_style(run: Run, trainer: Trainer, video: bool = True) -> Path:
    """Write the best weights so far as a playable style, previews included; return its folder. Raises UserError."""
    options = run.options
    good = trainer.best or Good(0.0, trainer.network.weights(), trainer.scales, trainer.step)
    weights = good.weights
    if options.loop_s:
        from phosphene.tools.cppn.terms import close_loop

        close_loop(weights, trainer.spec, good.scales.get("time", 1.0), options.loop_s)
    spec = trainer.spec
    meta = made_meta(
        name=options.name or options.output.replace("_", " ").replace("-", " ").capitalize(),
        kind="cppn",
        description=options.description or run.request.text,
        seed=options.seed,
        licence=options.licence,
        prompt=run.request.prompt,
        images=tuple(path.name for path in run.request.images),
        tags=options.tags,
        genres=options.genres,
        energy=options.energy,
        network=Network(inputs=spec.inputs, width=spec.width, layers=spec.layers, activations=spec.activations),
        normalisation=good.scales,
        motion=Motion(variations=trainer.variations),
        preview=_preview(run.music),
        guide="+".join(pull.guide.name for pull in run.pulls),
        judge=run.judge.name,
    )
    how = {"how": "trained", "best_step": good.step, "notes": run.notes, "options": json.loads(options.to_json())}
    try:
        write_style(run.style_folder, meta, weights)
        write_atomic(run.style_folder / "history.json", (json.dumps(how, indent=2) + "\n").encode())
        write_still(run.style_folder)
        if video:
            write_video(run.style_folder, run.music.entrance(VIDEO_SECONDS))
    except OSError as error:
        raise UserError(
            "the style cannot be written", where=str(run.style_folder), got=error.strerror or error,
            remedy="make room, then the same command with --resume",
        ) from error  # fmt: skip
    return run.style_folder


def _preview(music: Music) -> Preview:
    """Return the instant to show: typical music, a moment after a kick, so that the still is what the audience gets."""
    table = np.array([[level[name] for name in sorted(level)] for level in music.levels])
    typical = np.quantile(table, 0.7, axis=0)
    frame = int(np.abs(table - typical).sum(1).argmin())
    signals = {name: round(value, 3) for name, value in music.levels[frame].items()}
    phases = {name: round(music.signals[frame][name], 3) for name in ("beat_phase", "bar_phase", "phrase_phase")}
    return Preview(time=20.0, signals=signals | phases)


def _palette(request: Request, notes: list[str]) -> Guide | None:
    from phosphene.tools.guides.palette import PaletteGuide

    try:
        return PaletteGuide(request)
    except UserError as error:
        notes.append(f"no palette term: {error.line()}")
        return None

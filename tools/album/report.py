"""What a person reads of an album while it is planned and rendered: the plan, the presets, bars with the time left.

Called by `tools/render_album.py` on its main thread. Results go to standard output, progress and faults to standard error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from phosphene.engine.core.progress import ProgressLines
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.tools.album.checks import Checked
from phosphene.tools.album.job import Planned
from phosphene.tools.album.presets import LEVELS, load_preset, preset_names
from phosphene.tools.album.previews import clock_text

console = Console(stderr=True)


def plan_text(checked: Checked, planned: Sequence[Planned], rate: float | None, workers: int) -> str:
    """Return the plan of an album. rate: frames a second of one worker; None: not measured."""
    settings = checked.album.album
    frames = sum(item.job.frames for item in planned)
    lines = [f"{settings.title}: {checked.size}, {checked.fps} fps, {settings.codec}, into {checked.root}"]
    for item in planned:
        song, job = item.song, item.job
        told = f"{job.seconds:.1f} s, {job.frames} frames, preset {song.mood}, seed {song.seed}"
        lines.append(f"\n{song.id}: {told}{', silent: it stays dark' if item.silent else ''}")
        for piece in item.plan.pieces:
            look = f"{piece.scene}:{piece.style}" if piece.style else piece.scene
            comes = f"{piece.kind} {piece.beats:g} beats" if piece.kind and piece.beats else piece.kind or "-"
            lines.append(
                f"  {clock_text(piece.start):>6}  bar {piece.beat // 4 + 1:<4} energy {piece.energy:.2f} {piece.level:<7}"
                f"{look:<28} {comes}"
            )
        lines.append(f"  {len(job.render.script)} changes, styles {', '.join(job.styles)}")
    lines.append(f"\n{len(planned)} tracks, {frames} frames, {clock_text(sum(item.job.seconds for item in planned))}")
    if rate:
        seconds = frames / rate / max(1, min(workers, len(planned)))
        lines.append(f"about {clock_text(seconds)} min with {workers} at a time ({rate:.1f} frames/s each, measured)")
    return "\n".join(lines)


def presets_text() -> str:
    """Return the presets with what they choose from."""
    catalogue = show_catalogue()
    lines = []
    for name in preset_names():
        preset = load_preset(name, catalogue)
        lines.append(f"{name:<10} {preset.description}")
        lines += [f"           {level:<7} {', '.join(preset.looks(level))}" for level in LEVELS]
        lines.append(
            f"           {preset.move.kind} {preset.move.beats:g} beats, at a drop {preset.drop.kind}; "
            f"a new look after {preset.bars} bars"
        )
    return "\n".join(lines)


class Bars:
    """A bar for every track that is being worked on."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, str], Any] = {}

    def __call__(self, track: str, message: dict[str, Any]) -> None:
        """Take what a worker says."""
        if "what" not in message:
            return
        key = (track, message["what"])
        if key not in self._tasks:
            for (other, _), task in self._tasks.items():
                if other == track:
                    self._progress.update(task, visible=False)
            self._tasks[key] = self._progress.add_task(f"{track}: {message['what']}", total=message["total"])
        self._progress.update(self._tasks[key], completed=message["done"], total=message["total"])

    def ended(self, track: str) -> None:
        """Take the bars of a track away."""
        for (other, _), task in self._tasks.items():
            if other == track:
                self._progress.update(task, visible=False)


class Lines:
    """The same where there is no terminal: a line now and then."""

    def __init__(self) -> None:
        self._progress = ProgressLines()

    def __call__(self, track: str, message: dict[str, Any]) -> None:
        """Take what a worker says."""
        if "what" in message:
            self._progress(f"{track}: {message['what']}", message["done"], message["total"])

    def ended(self, track: str) -> None:
        """Nothing is drawn, so nothing is taken away."""


@contextmanager
def bars() -> Iterator[Bars | Lines]:
    """Yield what shows how far each track is."""
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        yield Bars(progress)

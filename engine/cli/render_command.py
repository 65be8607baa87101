"""`vj render`: a song into a film, frame-exact. Mounted by the main command line; prints what it does, decides nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from phosphene.engine.core import terminal
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.progress import ProgressLines

if TYPE_CHECKING:
    from phosphene.engine.app.offline import Progress as Told
    from phosphene.engine.app.offline import RenderResult
    from phosphene.engine.app.render_job import RenderJob

console = terminal.console(stderr=True)


def render_command(
    audio: Annotated[Path, typer.Argument(help="the song: any audio file, or demo")],
    out: Annotated[
        Path, typer.Argument(help="film: .mp4, .mkv or .mov; for single frames a folder, or frame_%06d.png or .exr")
    ],
    style: Annotated[str | None, typer.Option(help="style (default: the one that suits the music best)")] = None,
    scene: Annotated[str | None, typer.Option(help="scene; with --style, that style plays on its deck a")] = None,
    resolution: Annotated[
        str, typer.Option("--resolution", "-r", "--size", help="size: 360p to 4k, or WIDTHxHEIGHT")
    ] = "720p",
    fps: Annotated[str, typer.Option("--fps", "-f", help="frames a second, such as 24, 29.97 or 30000/1001")] = "30",
    audio_scale: Annotated[
        float, typer.Option("--audio-scale", "-a", help="how strongly sound moves the picture, 0 to 0.2")
    ] = 0.10,
    pulse: Annotated[float, typer.Option(help="how strongly kicks push a style without a scene, 0 to 1")] = 0.5,
    seed: Annotated[int, typer.Option(help="number from which all chance follows")] = 0,
    start: Annotated[float, typer.Option(help="begin this many seconds into the song", min=0.0)] = 0.0,
    duration: Annotated[
        float | None, typer.Option("--duration", "-d", help="length in seconds (default: to the end)")
    ] = None,
    codec: Annotated[str, typer.Option(help="h264, hevc, prores, png or exr; auto: by the name of the film")] = "auto",
    crf: Annotated[int, typer.Option(help="quality of h264 and hevc, 0 to 51, lower is better", min=0, max=51)] = 18,
    preset: Annotated[str, typer.Option(help="effort of h264 and hevc, ultrafast to veryslow")] = "medium",
    alpha: Annotated[str, typer.Option(help="none; picture: as it is mixed; luma: black is transparent")] = "none",
    ssaa: Annotated[int, typer.Option(help="paint at this many times the width and height, then average")] = 1,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="leave the sound out")] = False,
    export_frames: Annotated[Path | None, typer.Option(help="also write every frame as PNG into this folder")] = None,
    backend: Annotated[str, typer.Option(help="what runs the networks: auto, or one to try first (see vj doctor)")] = "auto",
    guard: Annotated[
        str, typer.Option(help="limit flashes to three a second: two-way, causal (as in a show), off")
    ] = "two-way",
    verify_again: Annotated[bool, typer.Option("--verify", help="paint all frames a second time and compare")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Render a song to a film: the same pictures each time."""
    from phosphene.engine.app.build import given_scene
    from phosphene.engine.app.offline import render, verify
    from phosphene.engine.app.options import parse_fps
    from phosphene.engine.app.render_job import RenderJob, codec_for, parse_resolution
    from phosphene.engine.app.take import write_json
    from phosphene.engine.core.naming import beside
    from phosphene.engine.models.media import given_source

    job = RenderJob(
        audio=audio,
        out=out,
        style=given_source(style) if style else style,
        scene=given_scene(scene) if scene is not None else None,
        size=parse_resolution(resolution),
        fps=parse_fps(fps),
        codec=codec_for(out) if codec == "auto" else codec,
        crf=crf,
        preset=preset,
        alpha=alpha,
        ssaa=ssaa,
        sound=not no_audio,
        audio_scale=audio_scale,
        start=start,
        duration=duration,
        seed=seed,
        backend=backend,
        frames_dir=export_frames,
        pulse=pulse,
        guard=guard,
    )
    job.check_outputs()
    if job.style is None and job.scene is None:
        job = dataclasses.replace(job, style=_suited(audio))
    with bar(float(job.fps)) as told:
        result = render(job, told)
        differs = verify(job, told, result.hashes) if verify_again else None
    document = evidence(job, result) | ({"verified": differs is None} if verify_again else {})
    for note in result.notes:
        console.print(f"{one_line(str(audio))}: {note}")
    write_json(beside(result.out, ".json"), document)
    if as_json:
        typer.echo(json.dumps(document, indent=2, default=str))
    else:
        typer.echo(summary(result))
    if differs is not None:
        raise UserError("a second render gave another picture", where=str(out), got=f"frame {differs}")


def evidence(job: RenderJob, result: RenderResult) -> dict[str, Any]:
    """Return the document that lies beside a film: what it was made of and what came of it, volatile values apart."""
    from phosphene.engine.app.recording import versions
    from phosphene.engine.app.render_job import job_to_json

    found = dataclasses.asdict(result)
    volatile = {name: found.pop(name) for name in ("timings", "peak_rss_mb")}
    volatile["speed"] = round(result.speed, 3)
    return {"job": job_to_json(job), "result": found, "versions": versions(), "volatile": volatile}


def summary(result: RenderResult) -> str:
    """Return the line that ends a render."""
    return one_line(
        f"{result.out}: {result.frames} frames, {result.seconds:.2f} s, "
        f"{result.speed:.2f} times real time, frames {result.digest}"
    )


class _Speed(ProgressColumn):
    """How many times faster than it plays."""

    def render(self, task: Task) -> Text:
        fps = task.fields["fps"]
        return Text(f"{task.speed / fps:.2f}x" if fps and task.speed else "", style="cyan")


@contextmanager
def bar(fps: float) -> Iterator[Told]:
    """Yield what shows progress: a bar with the time left and the speed against real time, or lines where no terminal is."""
    if not console.is_terminal:
        yield ProgressLines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), _Speed())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        tasks: dict[str, int] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total, fps=fps if what == "rendering" else 0.0)
            progress.update(tasks[what], completed=done, total=total)

        yield told


def _suited(audio: Path) -> str:
    """Return the style that suits the music best, and say so."""
    from phosphene.engine.audio.demo import demo_track
    from phosphene.engine.library.library import read_library
    from phosphene.engine.library.suggest import suggest
    from phosphene.engine.library.track import analyse
    from phosphene.engine.models.style import empty_library

    entries, _ = read_library()
    if not any(entry.style for entry in entries):
        raise empty_library()
    best = suggest(analyse(demo_track().pcm if str(audio) == "demo" else audio), entries)[0]
    console.print(f"style {best.slug}: {best.reason}")
    return best.slug

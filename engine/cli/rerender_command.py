"""`vj rerender`: a live take into a film. Mounted by the main command line; prints what it does, decides nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phosphene.engine.cli.render_command import bar, console
from phosphene.engine.core.errors import UserError, one_line

if TYPE_CHECKING:
    from phosphene.engine.app.rerender import RerenderJob, RerenderResult
    from phosphene.engine.library.similarity import Similarity

_INTERNAL, _SIGNALS = ("auto", "follow", "full"), ("auto", "log", "audio")


def rerender_command(
    take: Annotated[Path, typer.Argument(help="the folder of a take")],
    out: Annotated[
        Path, typer.Argument(help="film: .mp4, .mkv or .mov; for single frames a folder, or frame_%06d.png or .exr")
    ],
    size: Annotated[
        str | None,
        typer.Option("--size", "-r", "--resolution", help="360p to 4k, or WIDTHxHEIGHT (default: that of the take)"),
    ] = None,
    fps: Annotated[
        str | None, typer.Option("--fps", "-f", help="frames a second, such as 60 or 29.97 (default: those of the take)")
    ] = None,
    codec: Annotated[str, typer.Option(help="h264, hevc, prores, png or exr; auto: by the name of the film")] = "auto",
    crf: Annotated[int, typer.Option(help="quality of h264 and hevc, 0 to 51, lower is better", min=0, max=51)] = 18,
    preset: Annotated[str, typer.Option(help="effort of h264 and hevc, ultrafast to veryslow")] = "medium",
    ssaa: Annotated[int, typer.Option(help="paint at this many times the width and height, then average", min=1, max=4)] = 1,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="leave the sound out")] = False,
    internal: Annotated[
        str,
        typer.Option(
            help="size at which networks paint: follow (as in the show), full; auto: follow if the size is the take's"
        ),
    ] = "auto",
    signals: Annotated[
        str,
        typer.Option(
            help="what moves the picture: log (what the show heard), audio (analysed again); auto: log, if there is one"
        ),
    ] = "auto",
    backend: Annotated[
        str, typer.Option(help="what runs the networks: auto (as in the show), or one to try first (see vj doctor)")
    ] = "auto",
    compare: Annotated[
        bool | None,
        typer.Option(
            "--compare/--no-compare", help="compare with the recording, second by second (default: if it is there)"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Render a take (a recorded show) again, at any size: the same show, frame by frame."""
    from phosphene.engine.app.options import parse_fps
    from phosphene.engine.app.render_job import codec_for, parse_resolution
    from phosphene.engine.app.rerender import RerenderJob, rerender
    from phosphene.engine.app.take import write_json
    from phosphene.engine.core.naming import beside

    job = RerenderJob(
        take=take,
        out=out,
        size=parse_resolution(size) if size else None,
        fps=parse_fps(fps) if fps else None,
        codec=codec_for(out) if codec == "auto" else codec,
        crf=crf,
        preset=preset,
        ssaa=ssaa,
        sound=not no_audio,
        internal=_one_of("--internal", internal, _INTERNAL),
        signals=_one_of("--signals", signals, _SIGNALS),
        backend=backend,
        compare=compare,
    )
    with bar(0.0 if job.fps is None else float(job.fps)) as told:
        result = rerender(job, told)
    document = evidence(job, result)
    write_json(beside(result.out, ".json"), document)
    for line in (*result.notes, *result.messages):
        console.print(line)
    if as_json:
        typer.echo(json.dumps(document, indent=2, default=str))
        return
    if result.similarity is not None:
        typer.echo(table(result.similarity))
    typer.echo(
        one_line(
            f"{result.out}: {result.size}, {result.frames} frames, {result.seconds:.2f} s, "
            f"{result.speed:.2f} times real time, frames {result.digest}"
        )
    )


def evidence(job: RerenderJob, result: RerenderResult) -> dict[str, Any]:
    """Return the document that lies beside the film, volatile values apart."""
    from pydantic import TypeAdapter

    from phosphene.engine.app.recording import versions

    found = dataclasses.asdict(result)
    volatile = {name: found.pop(name) for name in ("timings", "peak_rss_mb")}
    volatile["speed"] = round(result.speed, 3)
    alike = result.similarity
    if alike is not None:
        found["similarity"] |= {"mean": alike.mean, "minimum": alike.minimum, "null_mean": alike.null_mean}
    given = TypeAdapter(type(job)).dump_python(job, mode="json")
    return {"job": given, "result": found, "versions": versions(), "volatile": volatile}


def table(alike: Similarity) -> str:
    """Return the similarity second by second, then in short, beside its null."""
    from phosphene.engine.library.similarity import NULL_S

    lines = [f"{t:6.0f} s  {value:.4f}" for t, value in alike.seconds]
    null = f"{alike.null_mean:.4f}, at most {max(alike.null):.4f}" if alike.null else "too short to say"
    repeated = f"; {alike.repeated} of these frames are repeats in the recording" if alike.repeated else ""
    lines.append(f"similarity to the recording (SSIM): mean {alike.mean:.4f}, minimum {alike.minimum:.4f}{repeated}")
    lines.append(f"the recording against itself {NULL_S} s earlier: mean {null}")
    return "\n".join(lines)


def _one_of(option: str, got: str, allowed: tuple[str, ...]) -> Any:
    if got not in allowed:
        raise UserError("no such choice", where=option, allowed=", ".join(allowed), got=got)
    return got

"""Makes data sets for the trainers: painted pictures, a folder's pictures, films, p5.js loops, a diffusion model's pictures.

    vj dataset procedural --out d --images 500 --size 128
    vj dataset images ~/pictures --out d
    vj dataset video a.mp4 b.mp4 --out d
    vj dataset p5 sketches --out loops
    vj dataset diffusers tools/datasets/prompts.yaml --out d

What it makes is read by `tools.datasets.manifest.load_manifest`. Ctrl-C keeps what was made as a whole, smaller data set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.commands import invoke
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.frame import Size
from phosphene.engine.core.naming import refuse_inputs
from phosphene.engine.core.progress import ProgressLines
from phosphene.engine.core.terminal import print_anything, run
from phosphene.tools.datasets.manifest import HELD_OUT
from phosphene.tools.datasets.near import NEAR
from phosphene.tools.datasets.writer import Writer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=(__doc__ or "").partition("\n")[0])
_console = Console(stderr=True)

Out = Annotated[Path, typer.Option(help="folder of the data set")]
Force = Annotated[bool, typer.Option("--force", help="replace a data set that is there")]
Seed = Annotated[int, typer.Option(min=0, help="another gives other pictures, and another split")]
HeldOut = Annotated[float, typer.Option("--held-out", min=0.0, max=0.9, help="share of whole groups for validation")]
Near = Annotated[float, typer.Option(min=0.0, max=1.0, help="leave out what is closer to another; 0: keep all")]


def parse_size(text: str) -> Size:
    """Return a size of `128` or `256x144`. Raises UserError."""
    try:
        size = Size.parse(text if "x" in text.lower() else f"{text}x{text}")
    except ValueError as error:
        raise UserError("not a size", where="--size", allowed="128 or 256x144, in pixels", got=text) from error
    if max(size.width, size.height) > 4096:
        raise UserError("too large", where="--size", allowed="up to 4096 px a side", got=text)
    return size


@contextmanager
def _making(
    out: Path, command: str, options: dict[str, Any], force: bool, seed: int, held_out: float, inputs: Iterable[Path] = ()
) -> Iterator[tuple[Writer, Callable[[object], None], dict[str, Any]]]:
    """Yield a writer, what is to be told of progress, and a dict that may be given `sides`; then write the manifest.

    inputs: what it is made of; a data set that holds one of them does not give way to it.
    """
    refuse_inputs([out], inputs)
    writer = Writer(out, command, {**options, "seed": seed, "held_out": held_out}, force)
    found: dict[str, Any] = {}
    with _spinner(command) as say:
        try:
            yield writer, lambda done: say(f"{command}: {done}"), found
        except KeyboardInterrupt:
            writer.notes.append("stopped before the end")
            _console.print("stopped: what was made is kept")
    writer.finish(seed, held_out, **found)
    for note in writer.notes:
        typer.echo(f"note: {one_line(note)}", err=True)
    pictures = sum(max(1, record.frames) for record in writer.records)
    typer.echo(f"{one_line(str(out))}: {pictures} pictures in {len({r.group for r in writer.records})} groups")


@contextmanager
def _spinner(command: str) -> Iterator[Callable[[str], None]]:
    """Yield what says what is being done: beside a spinner on a terminal, as a line now and then elsewhere."""
    if not _console.is_terminal:
        yield ProgressLines().say
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=_console) as bar:
        task = bar.add_task(command)
        yield lambda text: bar.update(task, description=text)


@app.command()
def procedural(
    out: Out,
    images: Annotated[int, typer.Option(help="how many, over all buckets")] = 500,
    size: Annotated[str, typer.Option(help="128, or 256x144")] = "128",
    seed: Seed = 0,
    buckets: Annotated[str, typer.Option(help="names, commas between; none: all")] = "",
    views: Annotated[int, typer.Option(help="pictures of one recipe")] = 2,
    held_out: HeldOut = HELD_OUT,
    force: Force = False,
) -> None:
    """Paint abstract pictures: flux, glitch-waves, colour-fields, organic-nebula, spectral-cells, light-tunnels, silk."""
    from phosphene.tools.datasets.procedural import make_pictures

    chosen = [name.strip() for name in buckets.split(",") if name.strip()]
    options = {"images": images, "size": size, "buckets": chosen, "views": views}
    shape = parse_size(size)
    with _making(out, "procedural", options, force, seed, held_out) as (writer, progress, _):
        make_pictures(writer, images, shape, seed=seed, views=views, buckets=chosen, progress=progress)


@app.command()
def images(
    folder: Path,
    out: Out,
    size: Annotated[str, typer.Option(help="crop to 128 or 256x144; none: as they are, 512 px at most")] = "",
    near: Near = NEAR,
    seed: Seed = 0,
    held_out: HeldOut = HELD_OUT,
    force: Force = False,
) -> None:
    """Copy the pictures of a folder, upright, without near-duplicates."""
    from phosphene.tools.datasets.folder import collect_pictures

    shape = parse_size(size) if size else None
    options = {"folder": folder.name, "size": size, "near": near}
    with _making(out, "images", options, force, seed, held_out, [folder]) as (writer, progress, _):
        collect_pictures(writer, folder, shape, near=near, progress=progress)


@app.command()
def video(
    films: list[Path],
    out: Out,
    size: Annotated[str, typer.Option(help="crop to 128 or 256x144; none: as they are, 512 px at most")] = "",
    every: Annotated[float, typer.Option(min=0.0, help="s between frames, at least")] = 0.25,
    near: Near = NEAR,
    seed: Seed = 0,
    held_out: HeldOut = HELD_OUT,
    force: Force = False,
) -> None:
    """Copy frames of films, without near-duplicates. Several films are held out whole, one film by its end."""
    from phosphene.tools.datasets.films import collect_frames

    shape = parse_size(size) if size else None
    options = {"films": [film.name for film in films], "size": size, "every": every, "near": near}
    with _making(out, "video", options, force, seed, held_out, films) as (writer, progress, found):
        found["sides"] = collect_frames(
            writer, films, shape, every_s=every, near=near, held_out=held_out, progress=progress
        )  # fmt: skip


@app.command()
def p5(
    folder: Path,
    out: Out,
    size: Annotated[str, typer.Option(help="of a frame")] = "64",
    frames: Annotated[int, typer.Option(help="of a loop")] = 180,
    fps: Annotated[float, typer.Option(help="that the page's clock runs at")] = 30.0,
    variants: Annotated[int, typer.Option(help="loops of each sketch, a seed each")] = 4,
    seed: Seed = 0,
    only: Annotated[str, typer.Option(help="names of sketches, commas between; none: all")] = "",
    palette: Annotated[str, typer.Option(help="#rrggbb, dark to light, commas between; none: as drawn")] = "",
    limit: Annotated[float, typer.Option(min=1.0, help="s that one loop may take")] = 120.0,
    held_out: HeldOut = HELD_OUT,
    force: Force = False,
) -> None:
    """Capture loops of p5.js sketches in headless Chromium."""
    from phosphene.tools.datasets.sketches import capture_sketches

    shape = parse_size(size)
    chosen = [name.strip() for name in only.split(",") if name.strip()]
    colours = [colour.strip() for colour in palette.split(",") if colour.strip()]
    options = {"folder": folder.name, "size": size, "frames": frames, "fps": fps, "variants": variants}
    options |= {"only": chosen, "palette": colours}
    with _making(out, "p5", options, force, seed, held_out, [folder]) as (writer, progress, _):
        capture_sketches(
            writer, folder, shape,
            frames=frames, fps=fps, variants=variants, seed=seed, only=chosen, palette=colours,
            limit_s=limit, progress=progress,
        )  # fmt: skip


@app.command()
def diffusers(
    prompts: Path,
    out: Out,
    model: Annotated[
        str, typer.Option(help="folder of the weights, or a name in the hub's cache; none: the prompt file's")
    ] = "",
    device: Annotated[str, typer.Option(help="cpu, cuda, mps")] = "cpu",
    limit: Annotated[int, typer.Option(min=0, help="pictures of each bucket at most; 0: as the prompt file says")] = 0,
    held_out: HeldOut = HELD_OUT,
    force: Force = False,
) -> None:
    """Paint with a Stable Diffusion model whose weights are at hand. Needs the extra `diffusion`."""
    from phosphene.tools.datasets.diffusion import paint_prompts, read_prompts

    wanted = read_prompts(prompts)
    options = {"prompts": prompts.name, "model": Path(model).name or wanted.model, "device": device, "limit": limit}
    inputs = [prompts, *([Path(model)] if os.path.isdir(model) else [])]
    with _making(out, "diffusers", options, force, wanted.seed, held_out, inputs) as (writer, progress, _):
        paint_prompts(writer, wanted, model=model, device=device, limit=limit, progress=progress)


def main() -> None:
    """Make a data set; a fault that a person can mend ends it with one line and exit code 2."""
    print_anything()
    run("make_dataset", lambda: sys.exit(invoke(app, None, "make_dataset.py")))


if __name__ == "__main__":
    ignore_current_folder()
    main()

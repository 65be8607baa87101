"""`vj styles import`: a checkpoint of the first CLIP-guided CPPNs becomes a style of the library.

Mounted by `styles_commands`. Reads the file through `engine.models.checkpoint`, which never runs anything of it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from phosphene.engine.core import terminal
from phosphene.engine.core.paths import styles_dir
from phosphene.engine.library.free_folder import check_free
from phosphene.engine.library.growing import TYPICAL_SIGNALS
from phosphene.engine.library.previews import write_still, write_video
from phosphene.engine.library.style_lint import faults_of
from phosphene.engine.models.checkpoint import TRAINED_TIME, Checkpoint, read_checkpoint
from phosphene.engine.models.growth import calibrate
from phosphene.engine.models.style import Network, Preview, check_slug, load_style, made_meta, write_atomic, write_style

console = terminal.console()

_DEAF = 64.0
# Smaller than other previews: these pictures have fine grain, and 320x180 of it makes a 128-wide style too large to ship.
_PREVIEW = "256x144"


def import_command(
    file: Annotated[Path, typer.Argument(help="the checkpoint, a .pth file")],
    slug: Annotated[str | None, typer.Option(help="name in commands (default: from the file name)")] = None,
    name: Annotated[str | None, typer.Option(help="name for people (default: from the file name)")] = None,
    licence: Annotated[str, typer.Option(help="licence of the style, as its maker gives it")] = "unknown",
    zoom: Annotated[float, typer.Option(help="enlarge it; 6.28 shows the part that its own videos showed")] = 1.0,
    video: Annotated[bool, typer.Option(help="also make preview.mp4, which takes about 10 s")] = True,
    directory: Annotated[Path | None, typer.Option(help="folder to put it into (default: the library)")] = None,
) -> None:
    """Make a style of a CPPN (.pth) that another program trained with CLIP."""
    slug = check_slug(slug if slug is not None else slug_of(file), "--slug")
    folder = (directory or styles_dir()) / slug
    check_free(folder, "choose another --slug, or delete the folder")
    checkpoint = read_checkpoint(file, zoom)
    write_imported(folder, checkpoint, file.name, name or slug.replace("-", " ").capitalize(), licence)
    style = write_still(folder)
    if video:
        write_video(folder)
    size = f"{checkpoint.spec.layers} x {checkpoint.width}, {checkpoint.parameters} parameters"
    console.print(f"{folder}: {size}, {' '.join(style.palette)}")
    for fault in faults_of(load_style(folder), folder):
        if video or "preview.mp4" not in fault:
            console.print(f"note: {fault}")


def write_imported(folder: Path, checkpoint: Checkpoint, source: str, name: str, licence: str) -> None:
    """Write a style's folder from a checkpoint, previews excepted. source: the file's name, for history.json."""
    spec = checkpoint.spec
    normalisation = _sensitivities(checkpoint)
    # The preview shows the time that it was trained at, where the style's time gets there within an hour.
    scale = normalisation["time"]
    time = TRAINED_TIME / scale if scale * 3600.0 > TRAINED_TIME else 20.0
    said = [f"Imported from a CLIP-guided CPPN, {spec.layers} x {checkpoint.width}."]
    if checkpoint.similarity is not None:
        judge = f"CLIP {checkpoint.clip_model}" if checkpoint.clip_model else "CLIP"
        said.append(f"Its score is {judge}'s of the one picture that it was trained on.")
    meta = made_meta(
        name=name[:60],
        kind="cppn",
        description=" ".join(said),
        seed=0,
        licence=licence,
        prompt=checkpoint.prompt,
        tags=("imported",),
        network=Network(inputs=spec.inputs, width=spec.width, layers=spec.layers, activations=spec.activations),
        normalisation=normalisation,
        preview=Preview(time=round(time, 3), size=_PREVIEW, signals=TYPICAL_SIGNALS),
        scores={} if checkpoint.similarity is None else {"clip_seed": checkpoint.similarity},
    )
    write_style(folder, meta, checkpoint.weights)
    history = {
        "how": "imported from a checkpoint",
        "seed": 0,
        "source": source,
        "parameters": checkpoint.parameters,
        "prompt": checkpoint.prompt,
        "best_similarity": checkpoint.similarity,
        "clip_model": checkpoint.clip_model,
        "audio": checkpoint.audio,
        "iterations": checkpoint.iterations,
        "resolutions": list(checkpoint.resolutions),
    }
    write_atomic(folder / "history.json", (json.dumps(history, indent=2) + "\n").encode())


def _sensitivities(checkpoint: Checkpoint) -> dict[str, float]:
    """Return the scale of every uniform input, measured as for a style that was grown here.

    The checkpoint's own scales are lost: it was trained on one frame of raw features, the centroid in Hz among them.
    """
    spec, weights = checkpoint.spec, checkpoint.weights
    found = calibrate(spec, weights, seed=0)
    # These networks start from five times the usual gain, so that inputs of a few hundredths are enough. `calibrate` looks
    # up to 3.0 in steps of 0.0015, which is coarse there: the small ones it measures on a network that hears less.
    w = weights[0][0].copy()
    w[:, spec.columns(spec.uniform)] /= _DEAF
    fine = calibrate(spec, [(w, weights[0][1]), *weights[1:]], seed=0)
    found = {name: scale if scale > 2.9 / _DEAF else round(fine[name] / _DEAF, 6) for name, scale in found.items()}
    # A phrase's ramp may move it as far as 4 s of time do: at 1.0 it would outrun everything else.
    return found | {"time_ramp": min(1.0, round(4.0 * found["time"], 6))}


def slug_of(file: Path) -> str:
    """Return a folder's name made of a file's: "Cosmic Nebula_128.pth" -> "cosmic-nebula-128"."""
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:60].strip("-") or "imported"

"""`vj styles`: list, show, lint, preview, new. Mounted by the main command line; prints tables, or JSON with --json."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from engine.app.previews import to_bytes, write_still, write_video
from engine.core.errors import UserError
from engine.core.paths import styles_dir
from engine.generators.still import preview_still, still
from engine.models.cppn import ACTIVATIONS, CppnSpec
from engine.models.encoding import BASE_INPUTS, INPUTS
from engine.models.growth import PALETTES, draw_recipe, grow
from engine.models.style import (
    Network,
    Preview,
    Style,
    StyleMeta,
    list_styles,
    load_style,
    style_folder,
    write_atomic,
    write_style,
)

app = typer.Typer(name="styles", help="The style library: what can be played.", no_args_is_help=True)
console = Console()

# What an untrained style is looked at with: middling music between two beats.
TYPICAL_SIGNALS = {
    "bass": 0.5, "mid": 0.4, "treble": 0.3, "rms": 0.5, "centroid": 0.4, "rolloff": 0.4, "onset": 0.2, "beat": 0.2,
    "beat_phase": 0.5, "bar_phase": 0.3, "phrase_phase": 0.4,
}  # fmt: skip


@app.command("list")
def list_command(as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False) -> None:
    """List the library."""
    rows, faults = [], []
    for slug in list_styles():
        try:
            rows.append(describe(load_style(slug)))
        except UserError as error:
            faults.append((slug, error.line()))
    if as_json:
        typer.echo(json.dumps({"styles": rows, "faults": dict(faults)}, indent=2))
        return
    table = Table("slug", "name", "network", "palette", "tags", box=None, header_style="bold")
    for row in rows:
        swatch = "".join(f"[on {c}]  [/]" for c in row["palette"])
        table.add_row(row["slug"], row["name"], f"{row['layers']} x {row['width']}", swatch, ", ".join(row["tags"]))
    console.print(table)
    for slug, reason in faults:
        console.print(f"[red]{slug}[/]: {reason}")


@app.command()
def show(style: str, as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False) -> None:
    """Say everything about one style (slug or folder)."""
    loaded = load_style(style)
    facts = describe(loaded) | {
        "description": loaded.meta.description,
        "seed": loaded.meta.seed,
        "licence": loaded.meta.licence,
        "inputs": list(loaded.spec.inputs),
        "activations": list(loaded.spec.layer_activations),
        "parameters": loaded.spec.parameters,
        "normalisation": loaded.scales,
        "folder": str(style_folder(style)),
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table(box=None, show_header=False)
    for key, value in facts.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(f"[bold]{key}[/]", text)
    console.print(table)


@app.command()
def lint(
    styles: Annotated[list[str] | None, typer.Argument(help="slugs or folders; all of the library if none")] = None,
) -> None:
    """Check styles: files, weights, preview, liveliness. Exit code 1 if anything is wrong."""
    wrong = 0
    for name in styles or list_styles():
        try:
            found = faults_of(load_style(name), style_folder(name))
        except UserError as error:
            found = [error.line()]
        wrong += bool(found)
        console.print(f"{name}: {'; '.join(found) if found else 'ok'}", highlight=False)
    raise typer.Exit(1 if wrong else 0)


@app.command()
def preview(
    styles: Annotated[list[str] | None, typer.Argument(help="slugs or folders; all of the library if none")] = None,
    video: Annotated[bool, typer.Option(help="also preview.mp4")] = True,
) -> None:
    """Render preview.png and preview.mp4 again, and measure the palette."""
    for name in styles or list_styles():
        folder = style_folder(name)
        style = write_still(folder)
        size = f", {write_video(folder) // 1000} KB of video" if video else ""
        console.print(f"{style.slug}: {' '.join(style.palette)}{size}", highlight=False)


@app.command()
def new(
    seed: Annotated[int, typer.Option(help="the same seed grows the same style")],
    width: Annotated[int, typer.Option(help="neurons a layer: 16 plays anywhere, 128 wants a fast machine")] = 32,
    layers: Annotated[int, typer.Option(min=2, help="hidden layers")] = 3,
    inputs: Annotated[str, typer.Option(help="comma-separated names; see `vj styles show`")] = ",".join(BASE_INPUTS),
    activations: Annotated[str, typer.Option(help="comma-separated, cycled")] = ",".join(ACTIVATIONS),
    palette: Annotated[str | None, typer.Option(help=f"one of {', '.join(PALETTES)}; default: the seed's")] = None,
    slug: Annotated[str | None, typer.Option(help="folder name; default seed-N-wW")] = None,
    name: Annotated[str | None, typer.Option(help="what people read")] = None,
    video: Annotated[bool, typer.Option(help="also preview.mp4 (about 10 s)")] = False,
    directory: Annotated[Path | None, typer.Option(help="where to put it; default: the library")] = None,
) -> None:
    """Grow an untrained style from a seed."""
    recipe = draw_recipe(seed)
    if palette is not None:
        if palette not in PALETTES:
            raise UserError("no such palette", where="--palette", allowed=", ".join(PALETTES), got=palette)
        recipe = dataclasses.replace(recipe, palette=palette)
    slug = slug or f"seed-{seed}-w{width}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug):
        raise UserError("bad slug", where="--slug", allowed="lower-case letters, digits and dashes", got=slug)
    folder = (directory or styles_dir()) / slug
    if (folder / "style.toml").exists():
        raise UserError("the style exists", where=str(folder), remedy="choose another --slug, or delete the folder")
    spec = CppnSpec(_names(inputs), width, layers, _names(activations))
    write_grown(folder, spec, recipe, seed, name or slug.replace("-", " ").capitalize())
    style = write_still(folder)
    if video:
        write_video(folder)
    console.print(f"{folder}: {spec.layers} x {spec.width}, {spec.parameters} parameters, {' '.join(style.palette)}")


def write_grown(folder: Path, spec: CppnSpec, recipe, seed: int, name: str, **more: object) -> None:
    """Grow an untrained style and write its folder, previews excepted. more: further fields of style.toml."""
    weights, normalisation = grow(spec, recipe, seed)
    network = Network(inputs=spec.inputs, width=spec.width, layers=spec.layers, activations=spec.activations)
    fields = {"preview": Preview(time=20.0, signals=TYPICAL_SIGNALS), "tags": ("untrained", recipe.palette)} | more
    meta = StyleMeta(
        version=1,
        name=name,
        kind="cppn",
        seed=seed,
        licence="CC0-1.0",
        network=network,
        normalisation=normalisation,
        **fields,
    )
    write_style(folder, meta, weights)
    history = {"how": "grown from a seed, untrained", "seed": seed, "recipe": dataclasses.asdict(recipe)}
    write_atomic(folder / "history.json", (json.dumps(history, indent=2) + "\n").encode())


def describe(style: Style) -> dict:
    """Return what a list of styles shows of one."""
    return {
        "slug": style.slug,
        "name": style.name,
        "kind": style.kind,
        "width": style.spec.width,
        "layers": style.spec.layers,
        "palette": list(style.palette),
        "tags": list(style.tags),
    }


def faults_of(style: Style, folder: Path) -> list[str]:
    """Return what is wrong with a style that loads: missing or stale preview, dead or deaf network, missing palette."""
    found = []
    picture = preview_still(style)
    path = folder / "preview.png"
    if not path.is_file():
        found.append("no preview.png: run vj styles preview")
    else:
        from PIL import Image

        with Image.open(path) as image:
            shown = np.asarray(image.convert("RGB"), np.int16)
        fresh = to_bytes(picture).astype(np.int16)
        if shown.shape != fresh.shape or np.abs(shown - fresh).max() > 1:
            found.append("preview.png is not what the network paints: run vj styles preview")
    if not style.palette:
        found.append("no palette: run vj styles preview")
    if picture.std() < 0.02:
        found.append("the preview is a flat colour")
    time, signals = style.meta.preview.time, dict(style.meta.preview.signals)
    from engine.core.frame import Size

    small = Size(64, 36)
    base = still(style, small, time, signals).copy()
    if np.abs(still(style, small, time + 4.0, signals) - base).mean() < 0.004:
        found.append("nothing moves in 4 s")
    kick = signals | {"bass": 1.0, "onset": 1.0, "beat": 1.0, "rms": 1.0}
    if np.abs(still(style, small, time, kick) - base).mean() < 0.004:
        found.append("a kick changes nothing")
    return found


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise UserError("no names given", allowed=", ".join(sorted(INPUTS)), got=text)
    return names

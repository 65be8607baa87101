"""`vj styles`: list, show, lint, rate, preview, new, import, gallery, suggest. Mounted by the main command line.

Prints tables, or JSON with --json; what it prints comes from `library`, `style_lint`, `ratings`, `gallery` and `suggest`.
"""

from __future__ import annotations

import dataclasses
import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from phosphene.engine.cli.import_command import import_command
from phosphene.engine.core import terminal
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.params import within
from phosphene.engine.core.paths import came_with_us, in_checkout, styles_dir
from phosphene.engine.library.free_folder import check_free
from phosphene.engine.library.growing import write_grown
from phosphene.engine.library.library import SORTS, Entry, chosen, facts, ordered, read_library, scores_of
from phosphene.engine.library.previews import write_still, write_video
from phosphene.engine.library.ratings import Rating, library_slug, load_ratings, rate
from phosphene.engine.library.style_lint import faults_of, warnings_of
from phosphene.engine.models.cppn import ACTIVATIONS, CppnSpec
from phosphene.engine.models.encoding import BASE_INPUTS, INPUTS
from phosphene.engine.models.growth import PALETTES, draw_recipe
from phosphene.engine.models.style import MAX_SEED, check_slug, in_library, list_styles, load_style, style_folder

app = typer.Typer(name="styles", help="List, rate, check and make styles.", no_args_is_help=True)
console = terminal.console()
app.command("import")(import_command)
_WIDE = 140  # columns of a terminal where tags stand beside the rest, instead of one word below the other
Json = Annotated[bool, typer.Option("--json", help="for scripts")]


@app.command("list")
def list_command(
    sort: Annotated[str, typer.Option(help=f"order: one of {', '.join(SORTS)}")] = "name",
    tag: Annotated[str | None, typer.Option(help="only styles with this tag")] = None,
    genre: Annotated[str | None, typer.Option(help="only styles for this genre")] = None,
    as_json: Json = False,
) -> None:
    """List the styles of the library."""
    entries, ratings_fault = read_library()
    rows = [facts(entry) for entry in ordered(chosen(entries, tag, genre), sort)]
    faults = {entry.slug: entry.fault for entry in entries if entry.style is None}
    if as_json:
        typer.echo(json.dumps({"styles": rows, "faults": faults, "ratings_fault": ratings_fault}, indent=2))
        return
    if not rows:
        console.print(
            f"no style in {styles_dir()}" + (" is of that kind" if entries else "; vj styles new --seed 1 grows one")
        )
    elif console.is_terminal:
        console.print(_table(rows), soft_wrap=False)
    else:
        for cells in _plain(rows):
            console.print("\t".join(cells))
    for slug, reason in faults.items():
        console.print(f"{slug}: {reason}", style="red")
    if ratings_fault:
        console.print(f"no ratings: {ratings_fault}", style="red")


@app.command()
def show(style: str, as_json: Json = False) -> None:
    """Say everything about one style, given by its name or its folder."""
    folder = style_folder(style)
    loaded = load_style(folder)
    rating = load_ratings().get(loaded.slug, Rating()) if in_library(folder) else Rating()
    meta = loaded.meta
    found = facts(Entry(loaded.slug, folder, loaded, rating=rating)) | {
        "description": meta.description,
        "prompt": meta.prompt,
        "images": list(meta.images),
        "guide": meta.guide,
        "judge": meta.judge,
        "scores": dict(meta.scores),
        "seed": meta.seed,
        "licence": meta.licence,
        **loaded.meta.network.model_dump(mode="json"),
        "normalisation": loaded.scales,
        "folder": str(folder),
    }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    told = {key: value for key, value in found.items() if key not in ("judge_gain", "scores", "stars", "note")}
    if meta.kind == "cppn":
        told["guide"] = meta.guide or "none: untrained"
        told["judge"] = meta.judge or "none: never scored"
    told |= {f"score: {score.name}": score.text() for score in scores_of(meta)}
    if "rank" in meta.scores:
        told["score: rank"] = f"{meta.scores['rank']:g} among the library's prompts (1 is best)"
    told["rating"] = ("★" * rating.stars or "none") + (f" {rating.note}" if rating.note else "")
    table = Table(box=None, show_header=False)
    for key, value in told.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
        table.add_row(Text(key, "bold"), Text(text))
    console.print(table, soft_wrap=False)


@app.command()
def lint(
    styles: Annotated[list[str] | None, typer.Argument(help="names or folders (default: the whole library)")] = None,
) -> None:
    """Check styles: files, weights, previews, liveliness, scores. Exit code 1 if there is a fault; warnings do not count."""
    wrong = 0
    for name in styles or list_styles():
        warnings: list[str] = []
        try:
            style, folder = load_style(name), style_folder(name)
            found, warnings = faults_of(style, folder), warnings_of(style)
        except UserError as error:
            found = [error.line()]
        except Exception as error:  # noqa: BLE001 boundary: a network of a stranger may fail in any way; the others are still checked
            found = [f"it cannot be painted: {type(error).__name__}: {error}"]
        wrong += bool(found)
        console.print(f"{name}: {'; '.join(found) if found else 'ok'}")
        for warning in warnings:
            console.print(f"{name}: warning: {warning}")
    raise typer.Exit(1 if wrong else 0)


@app.command("rate")
def rate_command(
    style: str,
    stars: Annotated[int, typer.Argument(help="1 to 5; 0 removes the rating")],
    note: Annotated[str | None, typer.Option(help="why (default: the old note stays)")] = None,
) -> None:
    """Rate a style. Ratings are kept in ratings.toml, in your folder of styles."""
    rating = rate(style, stars, note)
    said = "★" * rating.stars or "no rating"
    console.print(f"{library_slug(style)}: {said}{f' {rating.note}' if rating.note else ''}")


@app.command()
def gallery(
    out: Annotated[Path | None, typer.Option(help="the HTML file (default: index.html in your folder of styles)")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="open the page in the browser")] = False,
) -> None:
    """Write a page with all styles: pictures, videos, scores, ratings, filters."""
    from phosphene.engine.library.gallery import write_gallery

    path, shown, broken = write_gallery(out)
    console.print(f"{path}: {shown} styles" + (f", {broken} broken" if broken else ""))
    if open_it and not webbrowser.open(path.as_uri()):
        raise UserError("no browser could be opened", where=str(path), remedy="open the file by hand")


@app.command()
def suggest(
    audio: Annotated[Path, typer.Argument(help="a track: any file with sound")],
    count: Annotated[int, typer.Option(min=1, max=1000, help="how many styles to name")] = 5,
    as_json: Json = False,
) -> None:
    """Listen to a track and say which styles suit it, and why."""
    from phosphene.engine.library import suggest as suggesting
    from phosphene.engine.library.track import analyse

    track = analyse(audio)
    entries, ratings_fault = read_library()
    found = suggesting.suggest(track, entries, count)
    if as_json:
        told = {"track": dataclasses.asdict(track), "sounds_like": suggesting.sounds_like(track)}
        told |= {"summary": suggesting.describe(track), "ratings_fault": ratings_fault}
        typer.echo(json.dumps(told | {"styles": [dataclasses.asdict(s) for s in found]}, indent=2))
        return
    heard = f"heard {track.seconds:.0f} s of it in {track.cost_s:.1f} s"
    name = one_line(audio.name)
    console.print(f"{name}: {suggesting.describe(track)} ({heard})")
    for note in track.notes:
        console.print(f"{name}: {note}")
    for n, each in enumerate(found, 1):
        console.print(f"{n}. {each.slug}  {each.score:.2f}  {each.reason}")
    if ratings_fault:
        console.print(f"no ratings: {ratings_fault}", style="red")


@app.command()
def preview(
    styles: Annotated[list[str] | None, typer.Argument(help="names or folders (default: all of your own)")] = None,
    video: Annotated[bool, typer.Option(help="also make preview.mp4")] = True,
) -> None:
    """Render preview.png and preview.mp4 again, and measure the palette."""
    wrong = 0
    for name in styles or [slug for slug in list_styles() if not came_with_us(style_folder(slug))]:
        try:
            folder = style_folder(name)
            if came_with_us(folder) and not in_checkout():
                remedy = "copy its folder to your own styles first: vj doctor names them"
                raise UserError("the style came with the program and is only read", where=str(folder), remedy=remedy)
            style = write_still(folder)
            size = f", {write_video(folder) // 1000} KB of video" if video else ""
            console.print(f"{style.slug}: {' '.join(style.palette)}{size}")
        except UserError as error:
            wrong += 1
            console.print(f"{name}: {error.line()}")
    raise typer.Exit(2 if wrong else 0)


@app.command()
def new(
    seed: Annotated[int, typer.Option(help="a whole number; the same one makes the same style")],
    width: Annotated[int, typer.Option(help="neurons a layer: 16 plays anywhere, 128 wants a fast machine")] = 32,
    layers: Annotated[int, typer.Option(min=2, help="hidden layers")] = 3,
    inputs: Annotated[str, typer.Option(help="names, commas between; see `vj styles show`")] = ",".join(BASE_INPUTS),
    activations: Annotated[str, typer.Option(help="names, commas between; layers take them in turn")] = ",".join(
        ACTIVATIONS
    ),
    palette: Annotated[str | None, typer.Option(help=f"one of {', '.join(PALETTES)} (default: as the seed has it)")] = None,
    slug: Annotated[str | None, typer.Option(help="name in commands (default: seed-N-wW)")] = None,
    name: Annotated[str | None, typer.Option(help="name for people")] = None,
    video: Annotated[bool, typer.Option(help="also make preview.mp4, which takes about 10 s")] = False,
    directory: Annotated[Path | None, typer.Option(help="folder to put it into (default: the library)")] = None,
) -> None:
    """Make an untrained style from a random seed."""
    within("--seed", seed, 0, MAX_SEED)
    recipe = draw_recipe(seed)
    if palette is not None:
        if palette not in PALETTES:
            raise UserError("no such palette", where="--palette", allowed=", ".join(PALETTES), got=palette)
        recipe = dataclasses.replace(recipe, palette=palette)
    slug = check_slug(slug or f"seed-{seed}-w{width}")
    folder = (directory or styles_dir()) / slug
    check_free(folder, "choose another --slug, or delete the folder")
    spec = CppnSpec(_names(inputs), width, layers, _names(activations))
    write_grown(folder, spec, recipe, seed, name or slug.replace("-", " ").capitalize())
    style = write_still(folder)
    if video:
        write_video(folder)
    console.print(f"{folder}: {spec.layers} x {spec.width}, {spec.parameters} parameters, {' '.join(style.palette)}")


def _columns(rows: list[dict]) -> dict[str, list[str]]:
    """Return the columns of a list that anybody fills, by their head."""
    columns = {
        "slug": [row["slug"] for row in rows],
        "network": [row["network"] for row in rows],
        "energy": ["" if row["energy"] is None else f"{row['energy']:.2f}" for row in rows],
        "judge gain": ["" if row["judge_gain"] is None else f"{row['judge_gain']:+.3f}" for row in rows],
        "rating": ["★" * row["stars"] for row in rows],
        "genres, tags": [", ".join([*row["genres"], *row["tags"]]) for row in rows],
    }
    return {head: cells for head, cells in columns.items() if any(cells)}


def _plain(rows: list[dict]) -> list[tuple[str, ...]]:
    """Return head and rows of a list, for a pipe."""
    columns = _columns(rows)
    return [tuple(columns), *zip(*columns.values(), strict=True)]


def _table(rows: list[dict]) -> Table:
    """Return a list for a terminal: with colours, and with the tags where there is room."""
    columns: dict[str, list] = dict(_columns(rows))
    tags = columns.pop("genres, tags", None)
    columns["palette"] = [Text.assemble(*(("  ", f"on {c}") for c in row["palette"])) for row in rows]
    table = Table(box=None, header_style="bold")
    for head in columns:
        table.add_column(head, no_wrap=True)
    if tags and console.width >= _WIDE:
        columns["genres, tags"] = tags
        table.add_column("genres, tags")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return table


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise UserError("no names given", allowed=", ".join(sorted(INPUTS)), got=text)
    return names

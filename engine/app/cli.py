"""The command line: `vj`. Every command imports what it needs when it runs, so that `vj devices` loads no OpenGL."""

from __future__ import annotations

import json
import logging
import runpy
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import __version__
from engine.app.engines_commands import app as engines_app
from engine.app.flash_command import flash_command
from engine.app.render_command import render_command
from engine.app.rerender_command import rerender_command
from engine.app.styles_commands import app as styles_app
from engine.core import paths
from engine.core.child import ignore_current_folder
from engine.core.errors import UserError
from engine.core.terminal import console, log_to_terminal, print_anything, run

app = typer.Typer(
    name="vj", help="Phosphene: neural networks paint the music, live.", no_args_is_help=True, pretty_exceptions_enable=False
)
scenes_app = typer.Typer(name="scenes", help="The scenes: looks that can be called by name.", no_args_is_help=True)
app.add_typer(engines_app)
app.add_typer(styles_app)
app.command("flash")(flash_command)
app.command("render")(render_command)
app.command("rerender")(rerender_command)
app.add_typer(scenes_app)

Json = Annotated[bool, typer.Option("--json", help="for scripts")]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="say which one this is")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="say more")] = False,
) -> None:
    log_to_terminal(logging.DEBUG if verbose else logging.INFO)
    if version:
        typer.echo(f"phosphene {__version__}")
        raise typer.Exit


@app.command()
def live(
    scene: Annotated[str | None, typer.Option(help="scene to open with (default: the first of the setlist)")] = None,
    style: Annotated[str | None, typer.Option(help="play this style bare, or on the --scene's deck a")] = None,
    input: Annotated[str, typer.Option(help="auto, default, a device by name or part of it, file:PATH, demo")] = "auto",
    output: Annotated[str, typer.Option(help="auto, window or headless")] = "auto",
    monitor: Annotated[str | None, typer.Option(help="monitor by name, part of it, or number")] = None,
    windowed: Annotated[bool, typer.Option("--windowed", help="a window instead of the full screen")] = False,
    size: Annotated[str | None, typer.Option(help="output size (default 1280x720; 640x360 on software OpenGL)")] = None,
    fps: Annotated[str | None, typer.Option(help="frame rate (default 60; 30 on software OpenGL)")] = None,
    internal: Annotated[
        str | None, typer.Option(help="fix the internal size instead of letting the governor choose")
    ] = None,
    backend: Annotated[str, typer.Option(help="auto, or one that goes first: see vj doctor")] = "auto",
    record: Annotated[Path | None, typer.Option(help="record the whole show to this MP4")] = None,
    seconds: Annotated[float | None, typer.Option(help="end after so many seconds; default: never")] = None,
    report: Annotated[Path | None, typer.Option(help="write report.json here when the show ends")] = None,
    osc_host: Annotated[str, typer.Option(help="address to listen on; 0.0.0.0 lets the whole network in")] = "127.0.0.1",
    osc_port: Annotated[int, typer.Option(help="UDP port for control", min=0, max=65535)] = 9000,
    osc_out: Annotated[int, typer.Option(help="UDP port that state is sent to", min=1, max=65535)] = 9001,
    show: Annotated[bool, typer.Option("--show", help="show mode: saved files do not change the picture")] = False,
    gain: Annotated[float, typer.Option(help="input gain, a factor, 0 to 100")] = 1.0,
    channels: Annotated[str | None, typer.Option(help="input channels, one or two, from 1, such as 3,4")] = None,
    listen: Annotated[bool, typer.Option("--listen", help="play a file or the demo on the default output too")] = False,
    takes: Annotated[Path | None, typer.Option(help="folder for takes (default: takes/ here)")] = None,
    no_guard: Annotated[bool, typer.Option("--no-guard", help="do not hold back flashes beyond three a second")] = False,
) -> None:
    """Perform: listen, paint, show, record."""
    from engine.app.live import run_live
    from engine.app.options import LONGEST_S, LiveOptions, parse_channels, parse_fps, parse_record, parse_size
    from engine.core.params import within

    code = run_live(
        LiveOptions(
            scene=scene,
            style=style,
            input=input,
            output=output,
            monitor=monitor,
            windowed=windowed,
            size=parse_size(size) if size else None,
            fps=parse_fps(fps) if fps else None,
            internal=parse_size(internal, "--internal") if internal else None,
            backend=backend,
            record=parse_record(record) if record else None,
            seconds=None if seconds is None else within("--seconds", seconds, 0.05, LONGEST_S),
            report=report,
            osc_host=osc_host,
            osc_port=osc_port,
            osc_out=osc_out,
            show=show,
            gain=within("--gain", gain, 0.0, 100.0),
            channels=parse_channels(channels) if channels else (),
            listen=listen,
            takes=takes,
            guard=not no_guard,
        )
    )
    raise typer.Exit(code)


@app.command()
def devices(as_json: Json = False) -> None:
    """List the audio inputs."""
    from engine.audio.devices import list_inputs

    inputs = list_inputs()
    if as_json:
        typer.echo(json.dumps([vars(d) for d in inputs], indent=2))
        return
    if not inputs:
        typer.echo("no audio input; vj live plays the demo music instead")
    _print_table(
        ("", "name", "channels", "rate", "by"),
        [("*" if d.is_default else "", d.name, str(d.channels), f"{d.default_rate:g}", d.kind) for d in inputs],
    )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine has, what will be used, and why the rest will not."""
    from engine.app.doctor import examine

    found = examine()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    _print_table(("what", "found"), [(key, _told(value)) for key, value in found.items()])


@app.command()
def osc(
    markdown: Annotated[bool, typer.Option("--markdown", help="the reference page, as in docs/osc.md")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the OSCQuery tree")] = False,
) -> None:
    """List every OSC address."""
    from engine.app.catalogue import show_catalogue
    from engine.control import reference
    from engine.control.table import build_table

    catalogue = show_catalogue()
    table = build_table(catalogue.effects, catalogue.deck_params)
    if as_json:
        typer.echo(json.dumps(reference.oscquery_tree(table), indent=2))
    elif markdown:
        typer.echo(reference.markdown(table), nl=False)
    else:
        rows = [(a.path, ", ".join(arg.name for arg in a.arguments), a.description) for a in table.addresses.values()]
        _print_table(("address", "arguments", "does"), rows)


@scenes_app.command("list")
def scenes_list(as_json: Json = False) -> None:
    """List the scenes."""
    from engine.app.catalogue import show_catalogue
    from engine.show.scene import load_scene

    catalogue = show_catalogue()
    rows: list[tuple[str, str, str, str]] = []
    for n, slug in enumerate(catalogue.scenes, 1):
        try:
            scene = load_scene(paths.scenes_dir() / f"{slug}.toml", catalogue)
            rows.append((str(n), slug, scene.deck.style, scene.description))
        except UserError as error:
            rows.append((str(n), slug, "refused", error.line()))
    if as_json:
        typer.echo(
            json.dumps([dict(zip(("number", "slug", "style", "description"), row, strict=True)) for row in rows], indent=2)
        )
    else:
        _print_table(("key", "scene", "style", "what is seen"), rows)


@scenes_app.command("lint")
def scenes_lint(
    files: Annotated[list[Path] | None, typer.Argument(help="default: every scene and the setlist")] = None,
) -> None:
    """Check scenes; every fault is one line. Exit code 1 when there is one."""
    from engine.app.catalogue import show_catalogue
    from engine.show.scene import lint_scene
    from engine.show.setlist import lint_setlist

    catalogue = show_catalogue()
    folder = paths.scenes_dir()
    found = files or [folder / f"{slug}.toml" for slug in catalogue.scenes] + sorted(folder.glob("setlist.toml"))
    faults = [
        fault for path in found for fault in (lint_setlist if path.name == "setlist.toml" else lint_scene)(path, catalogue)
    ]
    for fault in faults:
        typer.echo(fault.line(), err=True)
    typer.echo(f"{len(found)} files, {len(faults)} faults")
    raise typer.Exit(1 if faults else 0)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Measure this machine; each number beside its baseline. `vj bench --help` says what there is."""
    script = paths.ROOT / "tools" / "bench.py"
    if not script.is_file():
        raise UserError("the benchmarks are not installed", where=str(script), remedy="run it from a checkout")
    sys.argv = ["vj bench", *context.args]
    sys.path.insert(0, str(paths.ROOT))
    runpy.run_path(str(script), run_name="__main__")


def _print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table, soft_wrap=False)


def _told(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_told(v) for v in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_told(v)}" if v else k for k, v in value.items())
    return str(value)


def main() -> None:
    """Run `vj`; a fault that a person can mend ends it with one line and exit code 2."""
    ignore_current_folder()
    print_anything()
    run("vj", app)


if __name__ == "__main__":
    main()

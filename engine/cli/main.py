"""The command line: `vj`. A command is imported when it is run: help and version load neither OpenGL nor torch nor numpy."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from phosphene import __version__
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.commands import invoke
from phosphene.engine.core.terminal import log_to_terminal, print_anything, run


@dataclass(frozen=True)
class _Place:
    """Where a command is: a function, a typer app, or a program that parses its arguments itself and returns its code."""

    module: str
    name: str
    help: str
    parses: bool = False


_COMMANDS = {
    "live": _Place("engine.cli.live_command", "live_command", "Play a show: listen, paint, show, record."),
    "render": _Place("engine.cli.render_command", "render_command", "Render a song to a film: the same pictures each time."),
    "rerender": _Place(
        "engine.cli.rerender_command", "rerender_command", "Render a take (a recorded show) again, at any size."
    ),
    "album": _Place("tools.render_album", "app", "Render a whole album: a film for each song."),
    "muse": _Place("engine.cli.muse_command", "muse_command", "Make one piece of music of two: A's rhythm, B's harmony."),
    "styles": _Place("engine.cli.styles_commands", "app", "List, rate, check and make styles."),
    "scenes": _Place("engine.cli.scenes_commands", "app", "List and check scenes."),
    "shaders": _Place("engine.cli.shaders_commands", "app", "List and check ISF shaders."),
    "train": _Place("tools.train", "main", "Train a style from words or pictures; or a GAN, or a VQ-VAE.", parses=True),
    "dataset": _Place("tools.make_dataset", "app", "Make a data set to train on: pictures or loops."),
    "export": _Place("tools.export_engine", "main", "Write a style as ONNX files, and build its plan.", parses=True),
    "engines": _Place("engine.cli.engines_commands", "app", "Build TensorRT plans: networks for this NVIDIA card."),
    "flash": _Place("engine.cli.flash_command", "flash_command", "Check a film for more than three flashes a second."),
    "devices": _Place("engine.cli.inputs_command", "devices_command", "List the audio inputs."),
    "midi": _Place("engine.cli.midi_commands", "app", "List MIDI controllers, show what they send, let them learn."),
    "osc": _Place("engine.cli.osc_command", "osc_command", "List every OSC address."),
    "doctor": _Place("engine.cli.doctor_command", "doctor_command", "Say what this machine has, and what will be used."),
    "cache": _Place("engine.cli.cache_command", "cache_command", "Show what the caches hold, or empty them."),
    "bench": _Place("tools.bench", "program", "Measure this machine, and simpler ways for comparison.", parses=True),
}


class _Commands(TyperGroup):
    """Knows its commands by name and a line of help until one is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({name: TyperCommand(name, help=place.help) for name, place in _COMMANDS.items()})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _loaded(name, _COMMANDS[name]), rest


def _loaded(name: str, place: _Place) -> Any:
    found = getattr(importlib.import_module(f"phosphene.{place.module}"), place.name)
    if isinstance(found, typer.Typer):
        command = typer.main.get_command(found)
    elif place.parses:
        command = _command_of(_handing_on(name, found), context_settings={**_EVERYTHING, "help_option_names": []})
    else:
        command = _command_of(found)
    command.name = name
    return command


_EVERYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


def _command_of(function: Callable[..., Any], **more: Any) -> Any:
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    made.command(**more)(function)
    return typer.main.get_command(made)


def _handing_on(name: str, program: Callable[..., int]) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        raise typer.Exit(program(context.args, prog=f"vj {name}"))

    return command


app = typer.Typer(
    name="vj",
    cls=_Commands,
    help="Phosphene: neural networks paint the music, live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="print more, such as where a fault happened")] = False,
) -> None:
    if version:
        typer.echo(f"phosphene {__version__}")
        raise typer.Exit
    log_to_terminal(logging.DEBUG if verbose else logging.INFO)


def main() -> None:
    """Run `vj`; a fault that a person can mend ends it with one line and exit code 2."""
    ignore_current_folder()
    print_anything()
    run("vj", lambda: sys.exit(invoke(app, None, "vj")))


if __name__ == "__main__":
    main()

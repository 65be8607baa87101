"""`vj midi`: lists controllers, shows what they send, lets them learn. Loads no OpenGL; python-rtmidi when it is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from phosphene.engine.cli.table import print_table
from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.midi.clock_in import HEARD_S
from phosphene.engine.control.midi.device import Device
from phosphene.engine.control.midi.files import Found, mapping_files
from phosphene.engine.control.midi.learn import parse_target
from phosphene.engine.control.midi.mapping import check_mapping
from phosphene.engine.control.midi.plugs import Plugs
from phosphene.engine.control.midi.ports import RtMidiPorts
from phosphene.engine.control.midi.question import ANSWERS, NO_QUESTION
from phosphene.engine.control.midi.surface import MidiSurface
from phosphene.engine.control.surface import Args
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock, paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import within
from phosphene.engine.library.catalogue import show_catalogue

app = typer.Typer(no_args_is_help=False, pretty_exceptions_enable=False, help="MIDI controllers: list, monitor, learn.")

_LONGEST_S = 1e7
_WAITS_S = 30.0
_ASKS_S = 0.01  # between two looks for messages
_SAVES_S = 5.0  # by then what was answered is done


def _table() -> Table:
    catalogue = show_catalogue()
    return build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions)


@app.callback(invoke_without_command=True)
def list_command(context: typer.Context) -> None:
    """List the controllers that are plugged in, the mapping of each, and the faults of mapping files."""
    if context.invoked_subcommand is not None:
        return
    table = _table()
    faults = [
        fault.line()
        for folder in paths.midi_folders()
        for path in mapping_files(folder)
        for fault in check_mapping(path, table)[2]
    ]
    for line in faults:
        typer.echo(line)
    with _plugged(table) as plugs:
        devices = [plug.device for plug in plugs]
        if not devices:
            typer.echo("no MIDI controller is plugged in")
            return
        print_table(
            ("controller", "controls", "mapping"),
            [(d.title, str(len(d.found.controls)), _origin(d.found)) for d in devices],
        )


def _origin(found: Found) -> str:
    parts = [str(found.path)] if found.path else []
    parts += [f"{len(found.learnt)} learnt"] if found.learnt else []
    return ", ".join(parts) or "none: vj midi learn ADDRESS"


@app.command("monitor")
def monitor_command(
    seconds: Annotated[float | None, typer.Option(help="end after this many seconds (default: with Ctrl-C)")] = None,
) -> None:
    """Show what controllers send, and what that would play."""
    table = _table()
    ends = None if seconds is None else clock.now() + within("--seconds", seconds, 0.05, _LONGEST_S)
    told = 0.0
    with _plugged(table) as plugs:
        names: set[str] = set()
        while ends is None or clock.now() < ends:
            plugs.look(clock.now())
            there = {plug.device.title for plug in plugs}
            for name in sorted(there ^ names):
                typer.echo(f"{name}: {'is there' if name in there else 'is gone'}")
            names = there
            for plug, data, delta in plugs.heard():
                seen = clock.now()
                for line in _lines(plug.device, data, delta, seen):
                    if not line.endswith(" bpm") or seen - told > HEARD_S:
                        told = seen if line.endswith(" bpm") else told
                        typer.echo(f"{plug.device.title}: {line}")
            clock.sleep(_ASKS_S)


def _lines(device: Device, data: Sequence[int], delta: float, seen: float) -> Iterator[str]:
    t = device.delta.time(delta, seen)
    for message in device.splitter.feed(data):
        if message.kind == "clock":
            device.clock.hear(message, t)
            if device.clock.line is not None:
                yield f"clock, {device.clock.line.bpm:.1f} bpm"
            continue
        plays = [f"{path} {' '.join(map(str, args))}".strip() for path, args in device.take(message, seen, {})]
        number = "" if message.kind in ("bend", "program", "pressure") else f" {message.number}"
        yield f"{message.kind} {message.channel}{number} = {message.value}" + "".join(f" -> {play}" for play in plays)


@app.command("learn")
def learn_command(
    address: Annotated[str, typer.Argument(help="what to play, such as /deck/a/zoom or '/scene pond' (see vj osc)")],
    seconds: Annotated[float, typer.Option(help="wait so long for a control to be moved")] = _WAITS_S,
    answer: Annotated[
        str | None, typer.Option(help="replace, add or keep, where something is in the way (default: asks)")
    ] = None,
) -> None:
    """Let the next control that you move play an address; that is saved, and a running show takes it within 2 s."""
    table = _table()
    if answer is not None and answer not in ANSWERS:
        raise UserError("no such answer", where="--answer", allowed=", ".join(ANSWERS), got=answer)
    target = parse_target(address, table)
    ends = clock.now() + within("--seconds", seconds, 0.05, _WAITS_S)
    surface = MidiSurface(table, ControlBus())
    try:
        surface.learn(address)
        typer.echo(f"move the control that is to play {target.text}")
        said = ""
        while clock.now() < ends:
            path, control = map(str, surface.told()["/state/midi/learnt"])
            if path:
                surface.close()  # and by then it is saved
                error = surface.health().error
                typer.echo(f"{control} plays {path}" + (f"; {error}" if error else ""))
                return
            if (asked := surface.told()["/state/midi/question"]) != NO_QUESTION:
                chosen = answer or _asked(asked)
                surface.answer(chosen)
                if chosen == "keep":
                    typer.echo("all stays as it is")
                    return
                ends, answer = clock.now() + _SAVES_S, chosen
                while surface.told()["/state/midi/question"] != NO_QUESTION and clock.now() < ends:
                    clock.sleep(0.02)
                continue
            error = surface.health().error
            if error and error != said:
                said = error
                typer.echo(error)
            clock.sleep(0.05)
    finally:
        surface.close()
    raise UserError("no control was moved", remedy="vj midi shows what is plugged in, vj midi monitor what it sends")


def _asked(told: Args) -> str:
    """Ask whoever is at the terminal what becomes of what is in the way."""
    address, control, plays, others = map(str, told)
    if plays:
        typer.echo(f"{control} plays {plays} now: it would play {address} instead")
    if others:
        typer.echo(f"{address} is played by {others}")
    may = ANSWERS if others else ("replace", "keep")
    try:
        said: str = typer.prompt(f"{', '.join(may[:-1])} or {may[-1]}", default="keep").strip().lower()
        while said not in may:
            said = typer.prompt(f"one of {', '.join(may)}", default="keep").strip().lower()
    except typer.Abort:  # nobody is there who could answer
        typer.echo()
        return "keep"
    return said


@contextmanager
def _plugged(table: Table) -> Iterator[Plugs]:
    plugs = Plugs(RtMidiPorts(), table, (), typer.echo)
    try:
        plugs.look(clock.now())
        yield plugs
    finally:
        plugs.close()

"""`vj live`: the show. Checks what was typed; everything else is `engine.app.live`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

_TRIED_S = 3.0


def live_command(
    scene: Annotated[
        str | None, typer.Option(help="first scene: a name or a .toml file (default: that of the setlist)")
    ] = None,
    style: Annotated[str | None, typer.Option(help="style to play without a scene, or on deck a of --scene")] = None,
    input: Annotated[
        str, typer.Option(help="device (number, name or part of it), default, file:PATH, demo; auto: default, else demo")
    ] = "auto",
    output: Annotated[str, typer.Option(help="auto, window or headless")] = "auto",
    monitor: Annotated[
        str | None, typer.Option(help="screen: number, name or part of it (default: the second one, if there is one)")
    ] = None,
    windowed: Annotated[bool, typer.Option("--windowed", help="play in a window instead of full screen")] = False,
    operator: Annotated[
        bool | None,
        typer.Option("--operator/--no-operator", help="a second window for whoever plays (default: with two screens)"),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="size of the picture (default 1280x720; 640x360 on software OpenGL)")
    ] = None,
    fps: Annotated[str | None, typer.Option(help="frames a second (default 60; 30 on software OpenGL)")] = None,
    internal: Annotated[
        str | None, typer.Option(help="size at which networks paint, such as 320x180 (default: as the machine can)")
    ] = None,
    backend: Annotated[str, typer.Option(help="what runs the networks: auto, or one to try first (see vj doctor)")] = "auto",
    record: Annotated[Path | None, typer.Option(help="record the whole show to this .mp4 or .mkv")] = None,
    seconds: Annotated[float | None, typer.Option(help="end after this many seconds (default: never)")] = None,
    report: Annotated[Path | None, typer.Option(help="write a report (JSON) to this file when the show ends")] = None,
    osc_host: Annotated[str, typer.Option(help="address to hear OSC on; 0.0.0.0: the whole network")] = "127.0.0.1",
    osc_port: Annotated[int, typer.Option(help="UDP port to receive OSC on", min=0, max=65535)] = 9000,
    osc_out: Annotated[int, typer.Option(help="UDP port to send the state to", min=1, max=65535)] = 9001,
    desk: Annotated[
        str, typer.Option(help="HOST:PORT of the page to play from; 0.0.0.0:8800: for phones, with a key")
    ] = "127.0.0.1:8800",
    no_desk: Annotated[bool, typer.Option("--no-desk", help="serve no page")] = False,
    link: Annotated[bool, typer.Option("--link", help="take part in an Ableton Link session on this network")] = False,
    no_midi: Annotated[bool, typer.Option("--no-midi", help="leave MIDI controllers to other programs")] = False,
    autopilot: Annotated[bool, typer.Option("--autopilot", help="let the autopilot change scenes from the start")] = False,
    lookahead: Annotated[float, typer.Option(help="show beats this many ms earlier, for a screen that is late")] = 0.0,
    show: Annotated[bool, typer.Option("--show", help="saving a scene file does not change the picture")] = False,
    gain: Annotated[float, typer.Option(help="multiply the input level by this, 0 to 100")] = 1.0,
    channels: Annotated[str | None, typer.Option(help="the one or two input channels, from 1, such as 3,4")] = None,
    listen: Annotated[bool, typer.Option("--listen", help="also play the file or the demo on the loudspeakers")] = False,
    takes: Annotated[Path | None, typer.Option(help="folder for takes (default: see vj doctor)")] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="test: play the demo for 3 s without a window; exit code 1 if no picture comes")
    ] = False,
    no_guard: Annotated[bool, typer.Option("--no-guard", help="allow more than three flashes a second")] = False,
) -> None:
    """Play a show: listen, paint, show, record."""
    from phosphene.engine.app.live import run_live
    from phosphene.engine.app.options import (
        LONGEST_S,
        LiveOptions,
        parse_channels,
        parse_fps,
        parse_place,
        parse_record,
        parse_size,
    )
    from phosphene.engine.core.params import within
    from phosphene.engine.models.media import given_source

    if smoke:
        raise typer.Exit(_try_out(style, scene, backend))
    code = run_live(
        LiveOptions(
            scene=scene,
            style=given_source(style) if style else style,
            input=input,
            output=output,
            monitor=monitor,
            windowed=windowed,
            operator=operator,
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
            desk=None if no_desk else parse_place(desk),
            link=link,
            midi=not no_midi,
            autopilot=autopilot,
            lookahead=within("--lookahead", lookahead, 0.0, 500.0),
            show=show,
            gain=within("--gain", gain, 0.0, 100.0),
            channels=parse_channels(channels) if channels else (),
            listen=listen,
            takes=takes,
            guard=not no_guard,
        )
    )
    raise typer.Exit(code)


def _try_out(style: str | None, scene: str | None, backend: str) -> int:
    """Play the demo for a moment, keep nothing, say how it went; return the exit code."""
    from phosphene.engine.app.live import run_live
    from phosphene.engine.app.options import LiveOptions
    from phosphene.engine.core.files import json_there

    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        code = run_live(
            LiveOptions(
                scene=scene, style=style, backend=backend, input="demo", output="headless", seconds=_TRIED_S, osc_port=0,
                desk=None, midi=False, report=report, takes=Path(folder) / "takes",
            )
        )  # fmt: skip
        found = json_there(report)
    frames = int(found.get("frames", 0)) if isinstance(found, dict) else 0
    typer.echo(f"{frames} pictures in {_TRIED_S:g} s: {'it works' if frames else 'it does not work'}", err=True)
    return code or int(not frames)

"""Render a still of every shipped shader that makes pictures, as the desk's library shows it.

    python tools/lab/shader_stills.py [--shader NAME ...] [--sheet CANDIDATES.png]

As `scene_stills.py` does it for scenes: on kicks of the demo track's drop, by the frame function of the show, the picture
with most to see, or the one that eyes chose in `CHOSEN`. Written to shaders/stills/NAME.webp, in the place of what is there.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.backends.isf_still import FOLDER
from phosphene.engine.core.atomic import write_atomic
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.models.isf import read_isf
from phosphene.engine.models.shaders import files_in, slug_of
from phosphene.engine.pacing.governor import Governor
from phosphene.tools.handing_over import check_picture, hand_over_picture
from phosphene.tools.lab.scene_stills import FPS, PAINTED, liveliness, moments, pictures, sheet, small, webp

CHOSEN: dict[str, int] = {}  # name -> which candidate, counted from 0, where eyes know better than `liveliness`


def shipped() -> list[str]:
    """Return the names of our shaders that make pictures."""
    return [path.stem for path in files_in(PACKAGE / "shaders") if read_isf(path).kind == "generator"]


def main(
    shader: Annotated[list[str] | None, typer.Option(help="only these of the shipped shaders")] = None,
    candidates: Annotated[Path | None, typer.Option("--sheet", help="show all candidates here, and write no still")] = None,
) -> None:
    """Write the stills."""
    for name in shader or ():
        if name not in shipped():
            raise UserError("not a shipped shader", where="--shader", allowed=", ".join(shipped()), got=name)
    if candidates is not None:
        check_picture(candidates)
    rows, folder = {}, PACKAGE / "shaders" / FOLDER
    context = HeadlessContext()
    governor, ticks, renderer = Governor(PAINTED, FPS, fixed=PAINTED), OfflineClock(FPS), info()["renderer"]
    stage, _ = build_stage(ticks, FileAnalysis("demo"), PAINTED, governor, NoActions(), renderer=renderer, inline=True)
    with tempfile.TemporaryDirectory() as scenes:
        for name in shader or shipped():
            scene = Path(scenes) / f"{name}.toml"
            style = slug_of(PACKAGE / "shaders" / f"{name}.fs")
            scene.write_text(f'version = 1\nname = "{name}"\n[deck]\nstyle = "{style}"\n', "utf-8")
            rows[name] = stills = [small(each) for each in pictures(stage, str(scene), moments())]
            best = CHOSEN.get(name, max(range(len(stills)), key=lambda i: liveliness(stills[i])))
            if candidates is None:
                folder.mkdir(exist_ok=True)
                write_atomic(folder / f"{name}.webp", webp(stills[best]))
            typer.echo(f"{name}: {best} of {len(stills)}")
    for line in stage.messages:
        typer.echo(line, err=True)
    close_stage(stage)
    context.close()
    if candidates is not None:
        hand_over_picture(candidates, sheet(rows))


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("shader_stills", lambda: typer.run(main))

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

from phosphene.engine.backends.isf_still import FOLDER
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.models.isf import read_isf
from phosphene.engine.models.shaders import files_in, slug_of
from phosphene.tools.lab.scene_stills import write_stills

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
    with tempfile.TemporaryDirectory() as folder:
        scenes = {}
        for name in shader or shipped():
            scene = Path(folder) / f"{name}.toml"
            style = slug_of(PACKAGE / "shaders" / f"{name}.fs")
            scene.write_text(f'version = 1\nname = "{name}"\n[deck]\nstyle = "{style}"\n', "utf-8")
            scenes[name] = str(scene)
        write_stills(scenes, PACKAGE / "shaders" / FOLDER, CHOSEN, candidates)


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("shader_stills", lambda: typer.run(main))

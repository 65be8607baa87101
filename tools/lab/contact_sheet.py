"""Render every scene at a quiet, a loud and a break moment of the demo track onto one sheet, for the docs and for eyes.

    python tools/lab/contact_sheet.py docs/pictures/scenes.jpg [--scene SLUG ...] [--size 480x270]

It steps the same frame function as the show, offline, for a few seconds up to each moment, so that envelopes and trails are
what they would be on stage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage, given_scene, scene_path
from phosphene.engine.app.options import parse_size
from phosphene.engine.app.pipeline import close_stage, open_scene, render_frame
from phosphene.engine.app.stage import Stage
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.scene import load_scene
from phosphene.engine.tempo.conductor import Conductor
from phosphene.tools.handing_over import check_picture, hand_over_picture

FPS = 24
LEAD_S = 4.0
_MARGIN, _LINE = 8, 18
_GROUND, _INK = (12, 13, 16), (190, 196, 204)


def moments() -> dict[str, float]:
    """Return {"quiet", "loud", "break": time in s} on the demo track: the loud one right on a kick of the drop."""
    track = demo_track()
    spans = {name: (start, end) for name, start, end in track.sections}
    drop = spans["drop"]
    loud = float(track.beats[np.searchsorted(track.beats, 0.5 * sum(drop))])
    return {
        "quiet": spans["outro"][1] - 1.0,
        "loud": loud + 0.06,
        "break": 0.25 * spans["break"][0] + 0.75 * spans["break"][1],
    }


def picture_at(stage: Stage, scene: str, t: float, lead_s: float = LEAD_S) -> np.ndarray:
    """Return the output picture, float32 [h, w, 3] sRGB, of `scene` at `t` s after running it for `lead_s`."""
    first = max(0, round((t - lead_s) * FPS))
    stage.clock = OfflineClock(FPS, first)
    stage.conductor = Conductor(t=first / FPS)
    for deck in stage.mixer.decks.values():
        deck.chain.reset()
    open_scene(stage, scene)
    while render_frame(stage)[0].index < round(t * FPS):
        pass
    return stage.output.read()[..., :3]


def sheet(stage: Stage, scenes: list[str]) -> Image.Image:
    """Return one row a scene, one column a moment."""
    size, times = stage.output.size, moments()
    width = _MARGIN + len(times) * (size.width + _MARGIN)
    height = _LINE + _MARGIN + len(scenes) * (size.height + _LINE + _MARGIN)
    image = Image.new("RGB", (width, height), _GROUND)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for row, scene in enumerate(scenes):
        y = _LINE + row * (size.height + _LINE + _MARGIN)
        for column, (name, t) in enumerate(times.items()):
            x = _MARGIN + column * (size.width + _MARGIN)
            pixels = (picture_at(stage, scene, t) * 255.0 + 0.5).astype(np.uint8)
            image.paste(Image.fromarray(pixels), (x, y + _LINE))
            draw.text((x, y), f"{scene}, {name}", _INK, font)
    return image


def main(
    out: Path,
    scene: Annotated[list[str] | None, typer.Option(help="only these scenes")] = None,
    size: Annotated[str, typer.Option(help="of one picture")] = "480x270",
    internal: Annotated[str, typer.Option(help="internal size")] = "320x180",
) -> None:
    """Write the sheet. A file of that name is kept under a number."""
    shown, painted = parse_size(size), parse_size(internal, "--internal")
    check_picture(out)
    catalogue = show_catalogue()
    scenes = [given_scene(name) for name in scene or catalogue.scenes]
    for name in scene or ():
        load_scene(scene_path(given_scene(name)), catalogue)
    context = HeadlessContext()
    governor = Governor(shown, FPS, fixed=painted)
    stage, _ = build_stage(
        OfflineClock(FPS),
        FileAnalysis("demo"),
        shown,
        governor,
        NoActions(),
        renderer=info()["renderer"],
        inline=True,
    )
    hand_over_picture(out, sheet(stage, scenes), optimize=True)
    for line in stage.messages:
        typer.echo(line, err=True)
    close_stage(stage)
    context.close()


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("contact_sheet", lambda: typer.run(main))

"""Render a still of every shipped scene, as the desk shows it: small, on a kick of the demo track's drop.

    python tools/lab/scene_stills.py [--scene SLUG ...] [--sheet CANDIDATES.png]

It steps the same frame function as the show, offline, through the loudest part of the demo track, so that envelopes and
trails are what they would be on stage. Of the pictures on the kicks it keeps the one with most light, shade and colour, or
the one that eyes chose in `CHOSEN`. Written to scenes/stills/SLUG.webp, in the place of what is there. `--sheet` shows all
that could have been chosen, numbered, and writes no still.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage, open_scene, render_frame
from phosphene.engine.app.stage import Stage
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core.atomic import write_atomic
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.scene import scene_names
from phosphene.engine.tempo.conductor import Conductor
from phosphene.tools.handing_over import check_picture, hand_over_picture

FOLDER = PACKAGE / "scenes" / "stills"
SIZE, PAINTED = Size(320, 180), Size(640, 360)  # of a still; of what it is made of, so that its edges are smooth
FPS = 24
_LEAD_S = 3.0  # before the first candidate: envelopes and trails have come to what they would be
_KICKS, _AFTER_S = 8, (0.04, 0.17)  # so many kicks, so long after each: a candidate
_QUALITY = 84
# slug -> which candidate, counted from 0, where eyes know better than `liveliness`: each is to look like no other one.
CHOSEN: dict[str, int] = {
    "arcade": 5, "arrival": 8, "cathedral": 11, "corridor": 12, "downpour": 14, "duet": 11, "floe": 1, "furnace": 6,
    "glass": 7, "mandala": 10, "oracle": 0, "plain": 0, "planet": 10, "pond": 1, "prism": 1, "pulse": 5, "shatter": 13,
    "static": 2, "tide": 4, "toybox": 1, "tunnel": 4, "veins": 1, "vortex": 10, "web": 10,
}  # fmt: skip


def moments() -> list[float]:
    """Return the times of the candidates, s of the demo track, ascending: just after kicks in the middle of the drop."""
    track = demo_track()
    (start, end) = next((a, b) for name, a, b in track.sections if name == "drop")
    beats = track.beats[(track.beats > start + 0.4 * (end - start)) & (track.beats < end)][:_KICKS]
    return [float(beat) + after for beat in beats for after in _AFTER_S]


def pictures(stage: Stage, scene: str, times: list[float], fps: int = FPS) -> Iterator[np.ndarray]:
    """Yield the output picture, uint8 [h, w, 3] sRGB, of `scene` (a slug or a path) at each of the `times`, s, ascending."""
    first = max(0, round((times[0] - _LEAD_S) * fps))
    stage.clock, stage.conductor = OfflineClock(fps, first), Conductor(t=first / fps)
    for deck in stage.mixer.decks.values():
        deck.chain.reset()
    open_scene(stage, scene)
    for t in times:
        while render_frame(stage)[0].index < round(t * fps):
            pass
        yield (stage.output.read()[..., :3] * 255.0 + 0.5).astype(np.uint8)


def small(picture: np.ndarray) -> Image.Image:
    """Return a picture at the size of a still."""
    return Image.fromarray(picture).resize((SIZE.width, SIZE.height), Image.Resampling.LANCZOS)


def liveliness(still: Image.Image) -> float:
    """Return how much there is to see, 0 for a grey picture: contrast and colour, less what is white or black all over."""
    rgb = np.asarray(still, np.float32) / 255.0
    light = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    colour = rgb.max(axis=2) - rgb.min(axis=2)
    lost = float(np.mean(light > 0.97)) + 0.5 * float(np.mean(light < 0.015))
    return (float(light.std()) + 0.6 * float(colour.mean())) * max(0.0, 1.0 - lost)


def webp(still: Image.Image) -> bytes:
    """Return a still as a file: 4 to 20 kB."""
    out = io.BytesIO()
    still.save(out, "WEBP", quality=_QUALITY, method=6)
    return out.getvalue()


def sheet(rows: dict[str, list[Image.Image]]) -> Image.Image:
    """Return one row a scene, its candidates with their numbers."""
    columns = max(map(len, rows.values()))
    image = Image.new("RGB", (columns * SIZE.width, len(rows) * SIZE.height))
    draw = ImageDraw.Draw(image)
    for row, (slug, stills) in enumerate(rows.items()):
        for column, still in enumerate(stills):
            at = (column * SIZE.width, row * SIZE.height)
            image.paste(still, at)
            draw.text(
                (at[0] + 6, at[1] + 4),
                f"{slug} {column}: {liveliness(still):.3f}",
                "white",
                stroke_fill="black",
                stroke_width=2,
            )
    return image


def main(
    scene: Annotated[list[str] | None, typer.Option(help="only these of the shipped scenes")] = None,
    candidates: Annotated[Path | None, typer.Option("--sheet", help="show all candidates here, and write no still")] = None,
) -> None:
    """Write the stills."""
    shipped = scene_names((PACKAGE / "scenes",))
    for name in scene or ():
        if name not in shipped:
            raise UserError("not a shipped scene", where="--scene", allowed=", ".join(shipped), got=name)
    scenes = {slug: str(PACKAGE / "scenes" / f"{slug}.toml") for slug in scene or shipped}
    write_stills(scenes, FOLDER, CHOSEN, candidates)


def write_stills(scenes: Mapping[str, str], folder: Path, chosen: Mapping[str, int], candidates: Path | None) -> None:
    """Write a still of each scene, name -> path, into `folder`; where `candidates` is given, a sheet of all instead."""
    if candidates is not None:
        check_picture(candidates)
    rows: dict[str, list[Image.Image]] = {}
    context = HeadlessContext()
    governor, ticks, renderer = Governor(PAINTED, FPS, fixed=PAINTED), OfflineClock(FPS), info()["renderer"]
    stage, _ = build_stage(ticks, FileAnalysis("demo"), PAINTED, governor, NoActions(), renderer=renderer, inline=True)
    for name, path in scenes.items():
        rows[name] = stills = [small(each) for each in pictures(stage, path, moments())]
        best = chosen.get(name, max(range(len(stills)), key=lambda i: liveliness(stills[i])))
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
    run("scene_stills", lambda: typer.run(main))

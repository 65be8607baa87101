"""What the command line of `vj train gan` says: one frozen record. None is what was not given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from phosphene.tools.command_line import AsJson, Device, Recipe
from phosphene.tools.runs.places import run_place, style_place


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """Its options, in the order of the help. Those of a run have the defaults of `Options`."""

    data: Annotated[Path | None, Option(help="folder made by vj dataset")] = None
    out: Annotated[Path, Option(parser=style_place, metavar="STYLE", help="name of the style, or a folder for it")]
    run: Annotated[
        Path | None, Option(parser=run_place, metavar="RUN", help="folder of the run (default: runs/<name of --out>)")
    ] = None
    size: Annotated[
        str | None,
        Option(help="of the training pictures, one number is a square; others are scaled to cover it, never squashed"),
    ] = None
    field: Annotated[
        int | None,
        Option(help="pictures are so many times larger than --size; parts are trained on, on stage they are whole"),
    ] = None
    widths: Annotated[
        list[int] | None, Option(help="channels of each level, coarse to fine; each level doubles the picture")
    ] = None
    judge: Annotated[int | None, Option(help="channels of the discriminator's first level")] = None
    batch: Annotated[int | None, Option(help="pictures a step and device")] = None
    minutes: Annotated[float | None, Option(help="of training; 0: until --images")] = None
    images: Annotated[float | None, Option(help="real pictures to see in all; 0: until --minutes")] = None
    lr: Annotated[float | None, Option(help="learning rate at the start; 0: the recipe's")] = None
    gamma: Annotated[float | None, Option(help="weight of the gradient penalties at the start")] = None
    ema: Annotated[float | None, Option(help="pictures after which a weight counts half in the running mean")] = None
    augment: Annotated[float | None, Option(help="chance of each change before a picture is judged")] = None
    no_mirror: Annotated[bool, Option("--no-mirror", help="do not mirror the pictures")] = False
    recipe: Recipe = None
    seed: Annotated[int | None, Option(help="same seed, same machine, same budget in --images: same weights")] = None
    precision: Annotated[str | None, Option(help="auto, float32, bfloat16")] = None
    device: Device = None
    save_every: Annotated[float | None, Option(help="s between two checkpoints")] = None
    sample_every: Annotated[int | None, Option(help="steps between two sheets of samples")] = None
    buckets: Annotated[list[str] | None, Option(help="only these buckets of the data")] = None
    name: Annotated[str, Option(help="what people read")] = ""
    description: Annotated[str, Option(help="one line about it")] = ""
    licence: Annotated[str, Option(help="of the style: what the pictures' makers allow")] = "unknown"
    tags: Annotated[list[str] | None, Option(help="words to find it by")] = None
    genres: Annotated[list[str] | None, Option(help="music that it suits")] = None
    energy: Annotated[float, Option(min=0.0, max=1.0, help="of that music, 0 calm .. 1 frantic")] = 0.5
    start: Annotated[
        Path | None,
        Option(
            parser=run_place,
            metavar="RUN",
            help="another run of the same networks, by name or folder: begin with what it has learnt",
        ),
    ] = None
    resume: Annotated[bool, Option("--resume", help="go on where the run stopped")] = False
    no_scores: Annotated[bool, Option("--no-scores", help="do not measure")] = False
    no_video: Annotated[bool, Option("--no-video", help="no preview.mp4 and no walk")] = False
    as_json: AsJson = False

    @property
    def mirror(self) -> bool | None:
        """Return the option of that name: there is but one way to give it."""
        return False if self.no_mirror else None

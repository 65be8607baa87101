"""What the command line of `vj train` says: one frozen record. None is what was not given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from phosphene.engine.core.commands import one_of
from phosphene.tools.command_line import JSON_HELP, Device, Recipe
from phosphene.tools.option_words import RECIPES, recipe_of_today


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """Its options, in the order of the help. Those of a run have the defaults of `Options`."""

    output: Annotated[str, Option(help="name of the run and of the style (default: from the prompt)")] = ""
    prompt: Annotated[str | None, Option(help="what it should look like")] = None
    negative_prompt: Annotated[str | None, Option(help="what it should not look like")] = None
    images: Annotated[str | None, Option(help="a folder of pictures, or one picture, whose texture it should have")] = None
    audio: Annotated[str | None, Option(help="the music to train with: a file, or demo")] = None
    guide: Annotated[
        str | None, Option(help="what pulls: auto, clip, motif, palette, images, texture, or several: motif+palette:0.5")
    ] = None
    judge: Annotated[str | None, Option(help="what scores the result; never what pulled")] = None
    clip_model: Annotated[str | None, Option(help="RN50, RN101, ViT-B-32, ViT-B-16, ViT-L-14")] = None
    clip_weights: Annotated[str | None, Option(help="file of CLIP weights, or a folder with one for each model")] = None
    hidden_dim: Annotated[int | None, Option(help="neurons a layer: 16 plays anywhere, 128 wants a fast machine")] = None
    layers: Annotated[int | None, Option(help="hidden layers")] = None
    activation: Annotated[str | None, Option(help="comma-separated, cycled: sin, cos, gauss, tanh")] = None
    inputs: Annotated[str | None, Option(help="comma-separated inputs of the network")] = None
    iterations: Annotated[int | None, Option(help="steps at each resolution")] = None
    resolutions: Annotated[list[int] | None, Option(help="widths of the 16:9 training picture, one stage each")] = None
    crops: Annotated[int | None, Option(help="cut-outs that a guide sees each step")] = None
    lr: Annotated[float | None, Option(help="learning rate of Adam at 128 neurons a layer; narrower networks get more")] = (
        None
    )
    starts: Annotated[int | None, Option(help="untrained networks, of which the best begins")] = None
    seed: Annotated[int | None, Option(help="same seed, same machine: same style")] = None
    device: Device = None
    recipe: Recipe = None
    reactivity: Annotated[float | None, Option(help="weight: the picture changes when the sound does")] = None
    smoothness: Annotated[float | None, Option(help="weight: it moves without jerks")] = None
    palette: Annotated[float | None, Option(help="weight: the colours of the words")] = None
    contrast: Annotated[float | None, Option(help="weight: dark to bright")] = None
    loop: Annotated[float | None, Option(help="weight of the seamless loop, with --loop-seconds")] = None
    loop_s: Annotated[float | None, Option("--loop-seconds", help="repeat after so much integrated time")] = None
    name: Annotated[str | None, Option(help="what people read")] = None
    description: Annotated[str | None, Option(help="one line about it")] = None
    tags: Annotated[list[str] | None, Option(help="words to find it by")] = None
    genres: Annotated[list[str] | None, Option(help="music that it suits")] = None
    energy: Annotated[float | None, Option(help="of that music, 0 calm .. 1 frantic")] = None
    licence: Annotated[str | None, Option(help="of the style")] = None
    compare: Annotated[
        list[int] | None, Option(min=1, max=4096, metavar="WIDTH", help="train each of these widths at matched steps")
    ] = None
    recipes: Annotated[
        list[str] | None,
        Option(
            parser=one_of(RECIPES, recipe_of_today),
            metavar="|".join(RECIPES),
            help="train with each of these at matched steps",
        ),
    ] = None
    seeds: Annotated[
        int | None,
        Option(min=1, max=1000, help="train so many seeds; the guide chooses, the scores are mean and sd (default: 1)"),
    ] = None
    moodboard: Annotated[Path | None, Option(help="a TOML file of many prompts")] = None
    workers: Annotated[
        int | None,
        Option(min=1, max=256, help="runs at a time in a batch (default: the cores, at most 4; 1 on a GPU)"),
    ] = None
    minutes: Annotated[
        float | None,
        Option(
            min=0.1,
            max=100_000.0,
            help="as many steps as this machine makes in this time, instead of --iterations; scoring comes on top",
        ),
    ] = None
    replace: Annotated[bool, Option("--replace", help="take the place of a style of that name in the library")] = False
    no_install: Annotated[bool, Option("--no-install", help="leave the style in its run's folder")] = False
    resume: Annotated[bool, Option("--resume", help="go on where the run of that name stopped")] = False
    dry_run: Annotated[bool, Option("--dry-run", help="say what would be done, and do nothing")] = False
    window: Annotated[bool, Option("--window", help="show the training picture in a window, too")] = False
    quiet: Annotated[bool, Option("--quiet", help="no progress bar")] = False
    as_json: Annotated[bool, Option("--json", help=f"{JSON_HELP}; of one run, not of a batch")] = False
    # One run of a batch, in a process of its own.
    job: Annotated[Path | None, Option(hidden=True, help="")] = None

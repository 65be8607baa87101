"""What the command line of `vj train vqvae` says: one frozen record. None is what was not given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from phosphene.tools.command_line import AsJson
from phosphene.tools.runs.places import style_place


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """Its options, in the order of the help. Those of a run have the defaults of `Options`."""

    data: Annotated[str | None, Option(help="folder of the data set, made by vj dataset")] = None
    mode: Annotated[str | None, Option(help="gray (64x64, 128 codes), 128 or 256 (colour); 128 with --out")] = None
    split: Annotated[str | None, Option(help="whole, variant, arc, leaky: what is held out")] = None
    size: Annotated[str | None, Option(help="WxH instead of the mode's own")] = None
    variants: Annotated[int | None, Option(help="only so many loops of each sketch, 0: all")] = None
    quantiser: Annotated[str | None, Option(help="ema, gradient, cosine, fsq, vae")] = None
    codes: Annotated[int | None, Option(help="entries of the codebook, at most 256; 0: the mode's own")] = None
    inner: Annotated[int | None, Option(help="dimensions of cosine codes")] = None
    gradient: Annotated[str | None, Option(help="straight or rotation (the rotation trick)")] = None
    decay: Annotated[float | None, Option(help="of the codebook's averages")] = None
    start: Annotated[
        str | None, Option(help="of the codebook: none, before (k-means, untrained), data (k-means, after --warm)")
    ] = None
    warm: Annotated[int | None, Option(help="epochs without a quantiser before k-means")] = None
    restart: Annotated[float | None, Option(help="codes used by fewer vectors a batch begin anew, 0: never")] = None
    even: Annotated[float | None, Option(help="weight of the term that spreads vectors over all codes")] = None
    rescue: Annotated[str | None, Option(help="full, or plain: as the recipe that it is compared with revives codes")] = None
    widths: Annotated[list[int] | None, Option(help="channels of the decoder from the grid outwards")] = None
    blocks: Annotated[int | None, Option(help="residual blocks on the grid, -1: the mode's own")] = None
    dim: Annotated[int | None, Option(help="numbers of an embedding")] = None
    batch: Annotated[int | None, Option(help="pictures a step")] = None
    lr: Annotated[float | None, Option(help="learning rate of Adam")] = None
    schedule: Annotated[str | None, Option(help="cosine, or plateau as in the plain recipe")] = None
    epochs: Annotated[int | None, Option(help="at most")] = None
    patience: Annotated[int | None, Option(help="epochs without a better objective before it stops, 0: never")] = None
    minutes: Annotated[float | None, Option(help="end by then, prior included; 0: when the epochs are done")] = None
    seed: Annotated[int | None, Option(help="of weights, order and codes")] = None
    data_seed: Annotated[int | None, Option(help="of the division of the data")] = None
    precision: Annotated[str | None, Option(help="auto, float, mixed")] = None
    threads: Annotated[int | None, Option(help="of torch, 0: as many as it likes")] = None
    out: Annotated[
        Path | None, Option(parser=style_place, metavar="STYLE", help="name of the style to make, or a folder for it")
    ] = None
    name: Annotated[str, Option(help="of the run (default: that of --out)")] = ""
    resume: Annotated[bool, Option("--resume", help="go on where the run of that name stopped")] = False
    ablation: Annotated[bool, Option("--ablation", help="train every variant of the recipe and compare them")] = False
    seeds: Annotated[int, Option(min=1, max=1000, help="of an ablation")] = 3
    only: Annotated[list[str] | None, Option(help="variants of an ablation (default: all)")] = None
    no_prior: Annotated[bool, Option("--no-prior", help="train no prior: the style plays encoded loops alone")] = False
    dreams: Annotated[int, Option(min=0, max=1000, help="loops to dream")] = 8
    frames: Annotated[int, Option(min=2, max=1024, help="of a loop of the prior and the style")] = 24
    loops: Annotated[int, Option(min=1, max=256, help="in the style, dreams included")] = 24
    sketches: Annotated[list[str] | None, Option(help="whose loops the style plays and dreams follow (default: all)")] = None
    beats: Annotated[int, Option(min=1, max=64, help="that one turn of a loop takes")] = 8
    prior_steps: Annotated[int, Option(min=1, max=10_000_000, help="of the prior, at most")] = 1500
    temperature: Annotated[float, Option(min=0.01, max=100.0, help="of dreams: higher is wilder")] = 0.6
    title: Annotated[str, Option(help="of the style, as people read it")] = ""
    licence: Annotated[str, Option(help="of the style")] = "CC0-1.0"
    quiet: Annotated[bool, Option("--quiet", help="say less")] = False
    as_json: AsJson = False

"""A walk between two frames, through the codes: `python tools/train_vqvae.py walk`. Offline, on the main thread.

Three ways, each measured by its jumps (RMS from picture to picture; the largest over the mean says how evenly it goes):
"snap" blends what the encoder gives and takes the nearest code at each step; "embeddings" blends the embeddings of the two
frames' codes along their sphere; "codes" changes place after place, nearest pairs first. The second is the default, and
the nearest to what the show does between two frames of a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from typer import Option

from phosphene.engine.core.commands import one_of
from phosphene.engine.core.errors import UserError, one_line
from phosphene.tools.command_line import read
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.handing_over import check_place
from phosphene.tools.runs.places import run_place
from phosphene.tools.vqvae.dreaming import steps_of
from phosphene.tools.vqvae.export import write_loop_video
from phosphene.tools.vqvae.network import VqVae, to_tensor
from phosphene.tools.vqvae.quantisers import flat
from phosphene.tools.vqvae.run import load_model

HOW = ("embeddings", "snap", "codes")


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the command line of a walk says."""

    run: Annotated[Path, Option(parser=run_place, metavar="RUN", help="a run, by name or folder")]
    data: Annotated[Path, Option(help="data set that the frames are of")]
    start: Annotated[str, Option("--from", metavar="LOOP:FRAME", help="where it begins")]
    end: Annotated[str, Option("--to", metavar="LOOP:FRAME", help="where it ends")]
    out: Annotated[Path, Option(help="film, .mp4")]
    how: Annotated[str, Option(parser=one_of(HOW), metavar="|".join(HOW), help="the way")] = "embeddings"
    steps: Annotated[int, Option(min=2, max=1_000_000, help="pictures")] = 150
    fps: Annotated[int, Option(min=1, max=240, help="pictures a second")] = 30


def command(arguments: Sequence[str], prog: str) -> int:
    """Write a walk as a film; print its jumps. Returns the exit code."""
    args = read(CommandLine, arguments, prog, __doc__)
    check_place(args.out, [args.run, args.data])
    model = load_model(args.run)
    frames = [_frame(args.data, place, model) for place in (args.start, args.end)]
    pictures = walk(model, torch.cat(frames), args.steps, args.how)
    film = write_loop_video(args.out, pictures, args.fps)
    jumps = steps_of(pictures)[:-1]
    print(
        f"{one_line(str(film))}: {args.steps} pictures; jumps of RMS {jumps.mean():.4f}, the largest "
        f"{jumps.max() / max(1e-9, jumps.mean()):.1f} times that"
    )
    return 0


@torch.no_grad()
def walk(model: VqVae, ends: Tensor, steps: int, how: str) -> np.ndarray:
    """Return float32 [steps, channels, h, w] from the first of `ends` [2, channels, h, w] to the second."""
    model.eval()
    z = model.encoder(ends)
    codes = model.codes_of(ends)
    a, b = model.quantiser.embed(codes)
    made = []
    order = torch.argsort((a - b).square().sum(0).reshape(-1), stable=True)
    for k in range(steps):
        t = k / (steps - 1)
        if how == "snap":
            now = model.quantiser((z[0] + t * (z[1] - z[0]))[None]).z
        elif how == "codes":
            mixed = codes[0].reshape(-1).clone()
            taken = order[: round(t * len(order))]
            mixed[taken] = codes[1].reshape(-1)[taken]
            now = model.quantiser.embed(mixed.reshape(1, *codes.shape[1:]))
        else:
            now = slerp(a, b, t)[None]
        made.append(model.decoder(now).sigmoid().numpy()[0])
    return np.stack(made)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Return embeddings [dim, h, w] between `a` and `b`, each place along its arc, lengths blended in a line."""
    x, y = flat(a[None]), flat(b[None])
    long_x, long_y = x.norm(dim=1, keepdim=True).clamp_min(1e-6), y.norm(dim=1, keepdim=True).clamp_min(1e-6)
    angle = torch.acos(((x / long_x) * (y / long_y)).sum(1, keepdim=True).clamp(-1 + 1e-6, 1 - 1e-6))
    # Opposite vectors have no arc, equal ones need none: the sine under both is held away from zero.
    sine = torch.sin(angle).clamp_min(1e-3)
    arc = torch.sin((1 - t) * angle) / sine * x / long_x + torch.sin(t * angle) / sine * y / long_y
    straight = (1 - t) * x / long_x + t * y / long_y
    way = torch.where(torch.sin(angle) > 1e-2, arc, straight)
    return (way * ((1 - t) * long_x + t * long_y)).T.reshape(a.shape)


def _frame(data: Path, place: str, model: VqVae) -> Tensor:
    name, _, number = place.rpartition(":")
    loops = {loop.id: loop for loop in load_manifest(data).loops}
    if name not in loops:
        allowed = ", ".join(list(loops)[:8]) + ", ..."
        raise UserError("no such loop", where=str(data), allowed=allowed, got=place)
    loop = loops[name]
    if not number.isdigit() or int(number) >= loop.frames:
        raise UserError("no such frame", where=place, allowed=f"0 to {loop.frames - 1}", got=number)
    pictures = loop.array(model.spec.size, gray=model.spec.channels == 1)
    return to_tensor(pictures[int(number)][None])

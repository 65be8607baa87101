"""Train a VQ-VAE on loops or pictures, and a prior that dreams new loops of its codes.

    vj train vqvae --data loops --out v --minutes 10
    vj train vqvae --data loops --mode gray --split leaky --variants 1 --name gray
    vj train vqvae --data loops --ablation --seeds 3 --name ablation
    vj train vqvae --name gray --resume
    vj train vqvae walk --run gray --data loops --from LOOP:0 --to LOOP:90 --out walk.mp4

A run is a folder `runs/<name>/` ($PHOSPHENE_RUNS) with its report, `index.html`. With --out the style plays at once:
`vj live --style v`. Ctrl-C keeps the best so far, in a style that plays; --resume goes on, with the same --out, and may be
given more --minutes.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Sequence

from phosphene.engine.core import clock
from phosphene.engine.core.child import ignore_current_folder
from phosphene.tools.command_line import JSON_HELP, Parser
from phosphene.tools.numbers_given import decimal, whole
from phosphene.tools.runs.boundary import exit_code

_HELP = {
    "data": "folder of the data set, made by vj dataset",
    "mode": "gray (64x64, 128 codes), 128 or 256 (colour); 128 with --out",
    "split": "whole, variant, arc, leaky: what is held out",
    "size": "WxH instead of the mode's own",
    "variants": "only so many loops of each sketch, 0: all",
    "quantiser": "ema, gradient, cosine, fsq, vae",
    "codes": "entries of the codebook, at most 256; 0: the mode's own",
    "inner": "dimensions of cosine codes",
    "gradient": "straight or rotation (the rotation trick)",
    "decay": "of the codebook's averages",
    "start": "of the codebook: none, before (k-means, untrained), data (k-means, after --warm)",
    "warm": "epochs without a quantiser before k-means",
    "restart": "codes used by fewer vectors a batch begin anew, 0: never",
    "even": "weight of the term that spreads vectors over all codes",
    "rescue": "full, or plain: as the recipe that it is compared with revives codes",
    "widths": "channels of the decoder from the grid outwards",
    "blocks": "residual blocks on the grid, -1: the mode's own",
    "dim": "numbers of an embedding",
    "batch": "pictures a step",
    "lr": "learning rate of Adam",
    "schedule": "cosine, or plateau as in the plain recipe",
    "epochs": "at most",
    "patience": "epochs without a better objective before it stops, 0: never",
    "minutes": "end by then, prior included; 0: when the epochs are done",
    "seed": "of weights, order and codes",
    "data_seed": "of the division of the data",
    "precision": "auto, float, mixed",
    "threads": "of torch, 0: as many as it likes",
}


def parser(prog: str = "train_vqvae.py") -> Parser:
    """Return the command line. Every option of a run has the default of its record."""
    from phosphene.tools.runs.places import style_place
    from phosphene.tools.vqvae.options import Options

    p = Parser(prog, __doc__)
    for field in dataclasses.fields(Options):
        if field.name not in _HELP:
            continue
        more = {"nargs": "+", "type": int} if field.name == "widths" else {"type": type(field.default)}
        shown = f" (default: {field.default})" if field.default not in ("", ()) else ""
        p.add_argument("--" + field.name.replace("_", "-"), default=None, help=_HELP[field.name] + shown, **more)
    p.add_argument("--out", type=style_place, help="name of the style to make, or a folder for it")
    p.add_argument("--name", default="", help="of the run (default: that of --out)")
    p.add_argument("--resume", action="store_true", help="go on where the run of that name stopped")
    p.add_argument("--ablation", action="store_true", help="train every variant of the recipe and compare them")
    p.add_argument("--seeds", type=whole(1, 1000), default=3, help="of an ablation (default: 3)")
    p.add_argument("--only", nargs="+", default=None, help="variants of an ablation (default: all)")
    p.add_argument("--no-prior", action="store_true", help="train no prior: the style plays encoded loops alone")
    p.add_argument("--dreams", type=whole(0, 1000), default=8, help="loops to dream (default: 8)")
    p.add_argument("--frames", type=whole(2, 1024), default=24, help="of a loop of the prior and the style (default: 24)")
    p.add_argument("--loops", type=whole(1, 256), default=24, help="in the style, dreams included (default: 24)")
    p.add_argument("--sketches", nargs="+", help="whose loops the style plays and dreams follow (default: all)")
    p.add_argument("--beats", type=whole(1, 64), default=8, help="that one turn of a loop takes (default: 8)")
    p.add_argument("--prior-steps", type=whole(1, 10_000_000), default=1500, help="of the prior, at most (default: 1500)")
    p.add_argument(
        "--temperature", type=decimal(0.01, 100.0), default=0.6, help="of dreams: higher is wilder (default: 0.6)"
    )
    p.add_argument("--title", default="", help="of the style, as people read it")
    p.add_argument("--licence", default="CC0-1.0", help="of the style")
    p.add_argument("--quiet", action="store_true", help="say less")
    p.add_argument("--json", dest="as_json", action="store_true", help=JSON_HELP)
    return p


def main(argv: Sequence[str] | None = None, prog: str = "train_vqvae.py") -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line, 130 stopped by Ctrl-C with the best so far kept."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    argv = list(sys.argv[1:] if argv is None else argv)
    began = clock.now()
    return exit_code(lambda: _run(argv, began, prog), prog=prog)


def _run(argv: list[str], began: float, prog: str) -> int:
    if argv[:1] == ["walk"]:
        from phosphene.tools.vqvae import walk

        return walk.command(argv[1:])
    args = parser(prog).parse_args(argv)
    from phosphene.tools.vqvae import commands

    return commands.ablation(args, argv) if args.ablation else commands.single(args, began)


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

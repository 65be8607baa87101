"""`vj train`: one door to the trainers of the three kinds of styles.

    vj train --prompt "neon waves in pink"          a CPPN, from words or pictures; also: vj train style ...
    vj train gan --data DATA --out STYLE            a GAN, from a data set
    vj train vqvae --data DATA --out STYLE          a VQ-VAE, from a data set

Each kind has its own options: `vj train style --help`, `vj train gan --help`, `vj train vqvae --help`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from phosphene.engine.core.child import ignore_current_folder

_KINDS = {"style": "train_style", "gan": "train_gan", "vqvae": "train_vqvae"}


def main(argv: Sequence[str] | None = None, prog: str = "train.py") -> int:
    """Run the trainer that is named, by default that of styles from words and pictures; return its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv in ([], ["--help"], ["-h"]):
        print((__doc__ or "").strip())
        return 0
    kind = argv[0] if argv[0] in _KINDS else "style"
    if argv[0] == kind:
        argv = argv[1:]
    return importlib.import_module(f"phosphene.tools.{_KINDS[kind]}").main(argv, prog=f"{prog} {kind}")


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

"""Write the weights of BeatNet as the program ships them: engine/tempo/weights/beatnet.npz, float16.

    pip download --no-deps BeatNet==1.1.3 -d wheels
    python tools/convert_beatnet.py wheels/BeatNet-1.1.3-py3-none-any.whl [--out FILE]

BeatNet (Heydari, Cwitkowitz, Duan, ISMIR 2021) is licensed under CC BY 4.0: THIRD_PARTY.md. Needs torch, to read the wheel's
weights. Rounding to float16 halves the file and moves the activation by less than 0.01.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from phosphene.engine.core.commands import invoke
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.terminal import run
from phosphene.engine.tempo.activation import TRAININGS, WEIGHTS, load_weights

_MEMBER = "BeatNet/models/model_{}_weights.pt"


def main(
    wheel: Annotated[Path, typer.Argument(help="the wheel of BeatNet")],
    out: Annotated[Path, typer.Option(help="where to write")] = WEIGHTS,
) -> None:
    """Convert the weights of BeatNet."""
    import torch

    arrays = {}
    try:
        with zipfile.ZipFile(wheel) as file:
            for k in range(TRAININGS):
                data = io.BytesIO(file.read(_MEMBER.format(k + 1)))
                for name, tensor in torch.load(data, map_location="cpu", weights_only=True).items():
                    arrays[f"{k}/{name}"] = tensor.numpy().astype(np.float16)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError("no wheel of BeatNet", where=str(wheel), got=error, remedy="pip download BeatNet") from error
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    weights = sum(w.size for training in load_weights(out) for w in training.values())
    print(f"{out}: {TRAININGS} trainings, {weights} weights, {out.stat().st_size} bytes")


if __name__ == "__main__":
    run("convert_beatnet.py", lambda: invoke(main, None, "convert_beatnet.py"))

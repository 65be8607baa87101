"""Textures beside their boards: the picture of docs/pictures/textures.jpg, and the table of docs/decisions/texture-guide.md.

    python tools/lab/texture_sheet.py boards/ --sheet textures.jpg --table textures.json

Trains each board of `texture_boards.py` by `texture`, and by `images` (colours) for 100 steps, into runs beside the boards;
what is there already is not trained again. Each number stands beside its nulls: `images`, an untrained network,
held-out pictures of another board, and the board's own pictures to train on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from typer import Argument, Option

from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.library.previews import to_bytes
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.style import Style, load_style
from phosphene.tools.command_line import read
from phosphene.tools.cppn import liveliness
from phosphene.tools.cppn.footage import Music, load_music
from phosphene.tools.cppn.nulls import untrained
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.run import begin, open_run, train, write_run_style
from phosphene.tools.cppn.scores import draw_moments, rendered, view
from phosphene.tools.cppn.texture_options import with_texture
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.board import divided
from phosphene.tools.guides.patches import PatchesJudge
from phosphene.tools.guides.texture import TextureGuide
from phosphene.tools.handing_over import check_picture, hand_over, hand_over_picture
from phosphene.tools.lab.texture_boards import NAMES
from phosphene.tools.runs.boundary import exit_code

_CELL = Size(288, 162)
_MOMENTS = 12
_EARLY_S, _LATE_S = 60.0, 3600.0  # of integrated time
_COLOURS = {"guide": "images", "hidden_dim": 64, "iterations": 100, "resolutions": (256,), "starts": 12}
_GAP, _LINE = 4, 18


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the command line says."""

    boards: Annotated[Path, Argument(help="folder of boards, as texture_boards.py makes them")]
    sheet: Annotated[Path, Option(help="picture to write")] = PACKAGE / "docs" / "pictures" / "textures.jpg"
    table: Annotated[Path | None, Option(help="JSON of all numbers to write")] = None


def trained(folder: Path, images: Path, more: dict[str, Any]) -> tuple[Style, float]:
    """Return the style of a run, trained where it is not there yet, and the CPU time that it took, s."""
    took = folder / "seconds.json"
    if not took.is_file():
        given, _ = with_texture({"output": folder.name, "images": str(images), **more})
        began = time.process_time()
        run = open_run(folder, Options(**given))
        trainer = begin(run)
        train(run, trainer, lambda: False, lambda trainer, record: None)
        seconds = time.process_time() - began
        write_run_style(run, trainer, video=False)
        took.write_text(json.dumps(seconds))
    return load_style(folder / "style"), float(json.loads(took.read_text()))


def measured(name: str, other: str, boards: Path, music: Music) -> tuple[dict[str, float], list[np.ndarray]]:
    """Return the numbers of a board, and its row of the sheet: pictures uint8 [h, w, 3]."""
    files, held = pictures_of(boards / name), pictures_of(boards / f"{name}-held")
    judge = PatchesJudge.of(divided(files)[0], held)
    style, seconds = trained(boards / "runs" / f"{name}-texture", boards / name, {})
    colours, colours_s = trained(boards / "runs" / f"{name}-images", boards / name, _COLOURS)
    moments = draw_moments(music, 0, _MOMENTS)

    def patches(each: Style) -> float:
        return float(judge.distance(view(judge, rendered(each, music, moments))))

    raw = torch.stack([_tensor(path, judge.side) for path in pictures_of(boards / f"{other}-held")])
    guide = TextureGuide(Request(images=files))
    frames = [frame for _, frame in moments]
    with torch.no_grad():
        drift = {
            word: float(
                guide.error(view(guide, rendered(style, music, [(t + 10.0 * i, k) for i, k in enumerate(frames)]))).mean()
            )
            for word, t in (("gram at 60 s", _EARLY_S), ("gram at 3600 s", _LATE_S))
        }
        own = torch.stack([_tensor(path, guide.side) for path in held])
        drift["gram of the board itself"] = float(guide.error(own).mean())
    reaction = liveliness.reactivity(style, music.signals)
    assert isinstance(style.spec, CppnSpec), "trained just now"
    none = np.mean([patches(each) for each in untrained(style.spec, 1).values()])
    numbers = {
        "texture": patches(style), "images": patches(colours), "untrained": float(none),
        "another board": float(judge.distance(raw)), "itself": judge.itself, **drift,
        "reactivity": reaction.correlation, "reactivity null": reaction.null,
        "CPU s": seconds, "CPU s, images": colours_s,
    }  # fmt: skip
    cells = [np.asarray(Image.open(files[k]).convert("RGB").resize((_CELL.width, _CELL.height))) for k in (0, 1)]
    cells += _frames(colours, music, [moments[0]])
    cells += _frames(style, music, [moments[0], moments[3], (_LATE_S, moments[2][1])])
    return {key: round(value, 4) for key, value in numbers.items()}, cells


def pictures_of(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.png")))


def _tensor(path: Path, height: int) -> torch.Tensor:
    picture = Image.open(path).convert("RGB").resize((round(height * 16 / 9), height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)


def _frames(style: Style, music: Music, moments: list[tuple[float, int]]) -> list[np.ndarray]:
    return [to_bytes(each) for each in rendered(style, music, moments, _CELL).permute(0, 2, 3, 1).numpy()]


def sheet(rows: dict[str, list[np.ndarray]]) -> Image.Image:
    """Return the rows below each other under the names of their columns."""
    columns = ("board", "another of its pictures", "images (colours)", "texture", "texture, later", "after an hour")
    wide, high = _CELL.width + _GAP, _CELL.height + _GAP
    picture = Image.new("RGB", (len(columns) * wide, _LINE + len(rows) * high), (8, 8, 11))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for column, word in enumerate(columns):
        draw.text((column * wide + 4, 2), word, (214, 211, 222), font)
    for row, cells in enumerate(rows.values()):
        for column, cell in enumerate(cells):
            picture.paste(Image.fromarray(cell), (column * wide, _LINE + row * high))
    return picture


def _run(args: CommandLine) -> int:
    check_picture(args.sheet)
    names = [name for name in NAMES if (args.boards / name).is_dir()]
    music = load_music("demo")
    table, rows = {}, {}
    for k, name in enumerate(names):
        table[name], rows[name] = measured(name, names[(k + 1) % len(names)], args.boards, music)
        print(name, json.dumps(table[name]), flush=True)
    hand_over_picture(args.sheet, sheet(rows), quality=80, optimize=True)
    if args.table:
        hand_over(args.table, (json.dumps(table, indent=2) + "\n").encode())
    return 0


def main(argv: Sequence[str] | None = None, prog: str = "texture_sheet.py") -> int:
    """Return the exit code."""
    args = read(CommandLine, argv, prog, __doc__)
    return exit_code(lambda: _run(args), prog=prog, extras={"torch": "torch"})


if __name__ == "__main__":
    sys.exit(main())

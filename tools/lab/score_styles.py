"""Ask the judge of every trained style of the library which of all their prompts it was trained on, and keep the answer.

    python tools/lab/score_styles.py [--dry-run]

A style's rank depends on what else is in the library, so it is measured here and not by its own training run. Prints the
share of styles whose own prompt comes first, beside chance and beside untrained networks of the same shapes.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

import torch

from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import Style, list_styles, load_style, style_folder, write_meta
from phosphene.tools.cppn.footage import Music, load_music
from phosphene.tools.cppn.nulls import untrained
from phosphene.tools.cppn.scores import draw_moments, rendered, retrieval
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.motif import MotifGuide
from phosphene.tools.runs.boundary import exit_code


def trained_styles() -> list[Style]:
    """Return the library's styles that have a guide and a prompt; those that do not load are left out."""
    found = []
    for slug in list_styles():
        try:
            style = load_style(slug)
        except UserError as error:
            logging.warning("%s: %s", slug, error.line())
            continue
        if style.meta.guide and style.meta.prompt:
            found.append(style)
    return found


def ranks(styles: Sequence[Style], prompts: Sequence[str], judge: MotifGuide, music: Music) -> list[int]:
    """Return the place, from 1, of each style's prompt among all of them in the judge's eyes."""
    moments = draw_moments(music, 0)
    return [retrieval(judge, rendered(style, music, moments), prompts, i) for i, style in enumerate(styles)]


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 done, 2 a fault that is named on one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="print, and write nothing")
    args = parser.parse_args(argv)
    return exit_code(lambda: _score(args.dry_run))


def _score(dry_run: bool) -> int:
    torch.set_grad_enabled(False)
    styles = trained_styles()
    if not styles:
        raise UserError("the library has no trained style", remedy="vj train --prompt ...")
    prompts = [style.meta.prompt for style in styles]
    judge = MotifGuide(Request(prompts[0]), "judge")
    music = load_music()
    found = ranks(styles, prompts, judge, music)
    null = ranks([untrained(style.spec, i)["grown"] for i, style in enumerate(styles)], prompts, judge, music)
    for style, rank, other in zip(styles, found, null, strict=True):
        print(f"{style.slug:24} rank {rank:3} of {len(styles)}   untrained {other:3}")
        if not dry_run:
            scores = {**style.meta.scores, "rank": float(rank), "prompts": float(len(styles))}
            write_meta(style_folder(style.slug), style.meta.model_copy(update={"scores": scores}))
    first, first_null = (sum(rank == 1 for rank in values) / len(styles) for values in (found, null))
    print(f"own prompt first: {first:.2f}; untrained {first_null:.2f}; by chance {1 / len(styles):.2f}")
    return 0


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())

"""Puts a trained style into the library, whole or not at all. Called by `tools/train_style.py` at the end of a run."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there
from phosphene.engine.core.paths import styles_dir
from phosphene.engine.core.placing import set_aside
from phosphene.engine.library import free_folder
from phosphene.engine.models.style import load_style, write_meta
from phosphene.tools.cppn.options import Options
from phosphene.tools.option_words import of_today

_OF_A_STYLE = {"style.toml", "weights.safetensors", "history.json", "preview.png", "preview.mp4"}


def check_free(slug: str, replace: bool, run: Options | None = None) -> None:
    """Raise UserError when the library has a style of that name and it may not be replaced: before training, not after.

    A folder that is no style is never replaced.
    run: options of a run that goes on: what it put there itself may be replaced.
    """
    place = styles_dir() / slug
    if not (place / "style.toml").is_file():
        free_folder.check_free(place, "choose another --output, or move the folder away")
    elif not replace and not (run and _made_by(place, run)):
        raise UserError(
            "the library has a style of that name",
            where=str(styles_dir() / slug),
            remedy="choose another --output, or --replace",
        )


def _made_by(place: Path, run: Options) -> bool:
    found = json_there(place / "history.json", MOST_RECORD)
    kept = found.get("options") if isinstance(found, dict) else None
    return isinstance(kept, dict) and of_today(kept) == json.loads(run.to_json())


def install(style: Path, slug: str, scores: dict[str, float]) -> Path:
    """Copy the style folder into the library as `slug`, with `scores` in its style.toml; return where it is.

    The copy is complete before it takes the place of an older one, which is kept, as `NAME-1`, where it holds anything
    that no style does. Raises UserError.
    """
    target = styles_dir() / slug
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{slug}.") as scratch:
            fresh = Path(scratch) / slug
            shutil.copytree(style, fresh)
            meta = load_style(fresh).meta
            write_meta(fresh, meta.model_copy(update={"scores": {k: round(float(v), 5) for k, v in scores.items()}}))
            old = Path(scratch) / "old"
            if os.path.lexists(target):
                if target.is_symlink() or not {path.name for path in target.iterdir()} <= _OF_A_STYLE:
                    set_aside(target)
                else:
                    target.rename(old)
            try:
                fresh.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
    except OSError as error:
        raise UserError(
            "the style cannot be put into the library", where=str(target), got=error.strerror or error,
            remedy=f"it is whole in {style}: copy it when there is room",
        ) from error  # fmt: skip
    return target

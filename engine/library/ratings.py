"""What a person thinks of each style: 1 to 5 stars and a note, in `ratings.toml` of the library folder.

Called by `vj styles rate`, `list`, `show`, `gallery` and `suggest`. A file that cannot be understood is an error and is
never written over: the stars in it took somebody evenings to give.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_TEXT, read_toml
from phosphene.engine.core.paths import styles_dir
from phosphene.engine.models.style import in_library, style_folder, write_atomic

MAX_STARS = 5
MAX_NOTE = 500  # characters
_MOST = 4 * MOST_TEXT  # bytes: a line for each of 50,000 styles
_REMEDY = "mend the file, or move it away to begin again"


class Rating(BaseModel):
    """stars: 0 (none given) to 5; note: free text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stars: Annotated[int, Field(ge=0, le=MAX_STARS, strict=True)] = 0
    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    styles: dict[str, Rating] = {}


def ratings_path() -> Path:
    """Return where the ratings of the library are kept."""
    return styles_dir() / "ratings.toml"


def load_ratings() -> dict[str, Rating]:
    """Return slug -> Rating; empty when nothing was rated yet. Raises UserError when the file is damaged."""
    path = ratings_path()
    if not os.path.lexists(path):
        return {}
    try:
        return _File.model_validate(read_toml(path, _MOST, "ratings file")).styles
    except UserError as error:
        raise UserError(
            f"the ratings cannot be used: {error.what}", where=error.where, got=error.got, remedy=_REMEDY
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"the ratings are damaged: {first['msg'].lower()}",
            where=f"{path}, key {key}",
            got=first["input"],
            remedy=_REMEDY,
        ) from error


def library_slug(style: str | Path) -> str:
    """Return the slug of a style of the library given by slug or folder. Raises UserError for any other style."""
    folder = style_folder(style).resolve()
    if not in_library(folder):
        raise UserError("only styles of the library are rated", where=str(styles_dir()), got=folder, remedy="vj styles list")
    return folder.name


def rate(style: str | Path, stars: int, note: str | None = None) -> Rating:
    """Give a style of the library 1..5 stars; 0 takes stars and note away. note: None keeps the one there is.

    Returns the rating as it is now. Raises UserError for an unknown style, wrong stars, a damaged file or a full disk.
    """
    slug = library_slug(style)
    if not 0 <= stars <= MAX_STARS:
        raise UserError("no such number of stars", where="STARS", allowed="1 to 5; 0 clears", got=stars)
    if note is not None and len(note) > MAX_NOTE:
        raise UserError("the note is too long", where="--note", allowed=f"{MAX_NOTE} characters", got=len(note))
    ratings = load_ratings()
    before = ratings.pop(slug, Rating())
    now = Rating(stars=stars, note=before.note if note is None else note.strip()) if stars else Rating()
    if stars:
        ratings[slug] = now
    data = _File(styles=dict(sorted(ratings.items()))).model_dump(mode="json")
    try:
        write_atomic(ratings_path(), tomli_w.dumps(data).encode())
    except OSError as error:
        raise UserError("the rating could not be saved", where=str(ratings_path()), got=error) from error
    return now

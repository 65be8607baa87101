"""`album.toml`: what an album is made of. Schema, reading, and the changes that `--set` makes.

Called by `tools/render_album.py` before anything else. Reads one file and opens nothing that it names: `checks` does that.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.files import parse_toml, read_toml
from phosphene.engine.show.scene import Number, Text, Values, schema_faults

VERSION = 1
_SET = "--set"

# strict: `crf = "18"` or `workers = true` is a slip of the pen
Anchor = Annotated[tuple[Number, ...], Field(max_length=64)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trim(_Table):
    """Which part of the source: s of the file. end None: to its end."""

    start: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    end: Annotated[float, Field(gt=0.0, le=1e6)] | None = None


class Stitched(_Table):
    """[album.film]: all tracks as one film. gap_s: black and silence between two. loudness: `keep` leaves the sounds as
    they are, `match` brings each to loudness_lufs, as far as its peaks stay below true_peak (dBTP).
    """

    gap_s: Annotated[float, Field(ge=0.0, le=60.0)] = 2.0
    loudness: Literal["match", "keep"] = "match"
    loudness_lufs: Annotated[float, Field(ge=-40.0, le=-5.0)] = -14.0
    true_peak: Annotated[float, Field(ge=-20.0, le=0.0)] = -1.0


class Settings(_Table):
    """[album]: what holds for all tracks.

    out: the folder of the album, default `renders/<name of the file>`; like every path, relative to the file. preset: the
    mood of tracks that name none. encoder_preset: of x264 and x265. workers: tracks at a time. film: also one film of all
    tracks.
    """

    title: Annotated[str, Field(min_length=1, max_length=120)] = "Album"
    out: Text = ""
    size: Text = "720p"
    fps: Text = "30"
    codec: Literal["h264", "hevc", "prores"] = "h264"
    crf: Annotated[int, Field(ge=0, le=51, strict=True)] = 18
    encoder_preset: Text = "medium"
    ssaa: Annotated[int, Field(ge=1, le=4, strict=True)] = 1
    preset: Text = "default"
    seed: Seed = 0
    workers: Annotated[int, Field(ge=1, le=256, strict=True)] = 1
    film: Stitched | None = None

    @field_validator("fps", mode="before")
    @classmethod
    def _written(cls, fps: Any) -> Any:
        """30, 29.97 and "30000/1001" are all frame rates."""
        return str(fps) if isinstance(fps, (int, float)) and not isinstance(fps, bool) else fps


class Track(_Table):
    """[[track]]: a song and how it looks.

    id: names its folder. source: the audio file. scene: one for the whole song, or scenes: in order, one for each new part;
    default: the preset chooses. `scene:style` plays a scene with another style; style does that for all. seed: default: of
    the album and the id. bars: a part that is longer changes its look after so many; default: the preset's. anchors: latents
    that it goes through, over and over. overrides: values of deck parameters, in every scene.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
    source: Annotated[str, Field(min_length=1, max_length=1000)]
    title: Annotated[str, Field(max_length=120)] = ""
    scene: Text = ""
    scenes: Annotated[tuple[Text, ...], Field(max_length=1000)] = ()
    style: Text = ""
    preset: Text = ""
    seed: Seed | None = None
    trim: Trim = Trim()
    bars: Annotated[int, Field(ge=1, le=256, strict=True)] | None = None
    anchors: Annotated[tuple[Anchor, ...], Field(max_length=1000)] = ()
    overrides: Values = {}


class Album(_Table):
    """An album file."""

    version: Literal[1]
    album: Settings = Settings()
    track: Annotated[tuple[Track, ...], Field(max_length=1000)] = ()


class Faults(Exception):
    """Everything that is wrong with an album, each fault a UserError."""

    def __init__(self, faults: Sequence[UserError]) -> None:
        self.faults = tuple({fault.line(): fault for fault in faults}.values())  # each once
        super().__init__("\n".join(fault.line() for fault in faults))


def read_album(path: Path, changes: Sequence[str] = ()) -> Album:
    """Return the album of `path` with the changes `key=value` of --set. Raises Faults."""
    try:
        data = read_toml(path, what="album")
    except UserError as error:
        raise Faults([error]) from error
    if (version := data.get("version")) != VERSION:
        remedy = f"start the file with `version = {VERSION}`"
        fault = UserError(
            "unknown album version", where=f"{path}, version", allowed=f"{VERSION}", got=version, remedy=remedy
        )
        raise Faults([fault])
    album = _validated(data, path)
    if not changes:
        return album
    changed = copy.deepcopy(data)
    for change in changes:
        _set(changed, change)
    return _validated(changed, Path(_SET))


def _validated(data: dict[str, Any], path: Path) -> Album:
    settings = data.get("album")
    if isinstance(settings, dict) and "allow_outside" in settings:
        # An album may come from a stranger: what may be read and written is for the person who renders it to say.
        remedy = "leave it out; whoever trusts the album renders it with --allow-outside"
        raise Faults([UserError("an album cannot allow itself that", where=f"{path}, album.allow_outside", remedy=remedy)])
    try:
        album = Album.model_validate(data)
    except ValidationError as error:
        raise Faults([_plainer(fault) for fault in schema_faults(error, Album, path)]) from error
    if not album.track:
        remedy = "add a [[track]] with an id and a source"
        raise Faults([UserError("the album has no tracks", where=f"{path}, track", remedy=remedy)])
    return album


def _plainer(fault: UserError) -> UserError:
    """Say in words what a pattern means."""
    if "pattern" not in fault.what:
        return fault
    allowed = "lower-case letters, digits, - and _, up to 60"
    return UserError("not a name for a folder", where=fault.where, allowed=allowed, got=fault.got, remedy="change the value")


def _set(data: dict[str, Any], change: str) -> None:
    """Put `album.crf=20` or `track.ID.seed=7` into the file's data. Raises Faults for what is no change."""
    key, equals, text = change.partition("=")
    path = [part.strip() for part in key.split(".")]
    where = f"{_SET} {change}"
    if not equals or len(path) < 2 or not all(path):
        raise Faults([UserError("not a change", where=where, allowed="album.KEY=VALUE or track.ID.KEY=VALUE", got=change)])
    node: dict[str, Any] = data
    if path[0] == "track":
        ids = [str(track["id"]) for track in data["track"]]
        if path[1] not in ids or len(path) < 3:
            remedy = did_you_mean(path[1], ids) or "name a track of the album"
            raise Faults([UserError("no such track", where=where, allowed=listed(ids), got=path[1], remedy=remedy)])
        node, path = data["track"][ids.index(path[1])], path[2:]
        if path[0] == "overrides":  # the names of deck parameters hold no dots, but slashes
            path = ["overrides", ".".join(path[1:])]
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise Faults([UserError("has no keys", where=where, got=part)])
    node[path[-1]] = _value(text)


def _value(text: str) -> Any:
    """Read a value as TOML would; what is none is a text, so that nobody has to quote quotes for a shell."""
    try:
        return parse_toml(f"value = {text.strip()}", _SET)["value"]
    except (UserError, KeyError):
        return text.strip()

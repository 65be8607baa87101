"""The first line of a take's log, as data that is checked: where the show stood at the first frame.

Used by `take_log.py` alone. A take may have been damaged, or written by a stranger: what is read here has its kinds and
ranges, or the take is refused in one line.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from phosphene.engine.app.take_state import MOST_BUFFERS
from phosphene.engine.core.errors import UserError
from phosphene.engine.show.setlist import Setlist
from phosphene.engine.show.state import restore

Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Unit = Annotated[float, Field(ge=-1e-6, le=1.0 + 1e-6)]

_MOST_BESIDE = 16  # styles of acts on a deck: MOST_STYLES of `show/layers.py`, and those that are on their way out
_MOST_NAME = 4096  # a style may have been started by its path


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MOST_NAME:
        raise ValueError(f"a name of {_MOST_NAME} characters at most")
    return value


Name = Annotated[Any, AfterValidator(_name)]  # no `str`: of that pydantic refuses what stands for bytes that are no UTF-8
Side = Annotated[int, Field(ge=1, le=8192)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Ready(_Table):
    style: Name = ""
    backend: Name = ""
    sha256: Name = ""


class _Kept(_Table):
    """A buffer of a shader. of: the effect that has it, "" for the generator."""

    of: Name
    name: Name
    format: Literal["rgba8", "rgba16f", "rgba32f"]
    height: Annotated[int, Field(ge=1, le=4096)]
    width: Annotated[int, Field(ge=1, le=4096)]


class _Played(_Ready):
    """What played, and where its generator stood (`Played`)."""

    phase: Number | None = None
    travel: Number = 0.0
    variations: tuple[Number, Number, Number] | None = None
    levels: Annotated[dict[Name, Number], Field(max_length=64)] = {}
    shift: Number | None = None
    beat: Number = 0.0
    strike: tuple[Annotated[Number, Field(ge=0)], Number, Number, Number] | None = None
    began: Number | None = None
    frames: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    pressed: Annotated[list[Name], Field(max_length=64)] = []


class _Deck(_Played):
    """What was on a deck. effects: of those that are on, what they remember. beside: styles of acts."""

    effects: Annotated[dict[Name, Annotated[list[Number], Field(max_length=16)]], Field(max_length=64)] = {}
    trails: tuple[Side, Side] | None = None
    beside: Annotated[list[_Played], Field(max_length=_MOST_BESIDE)] = []
    kept: Annotated[list[_Kept], Field(max_length=MOST_BUFFERS)] = []
    ready: _Ready | None = None


class _Start(_Table):
    """show: the document, checked by `restore`. scenes, setlist: as they were. envelopes: of its mappings.

    shaders: fingerprints of those that are effects or transitions.
    """

    show: dict[str, Any]
    decks: dict[Literal["a", "b"], _Deck] | None = None
    envelopes: Annotated[list[Unit], Field(max_length=1000)] = []
    scenes: Annotated[tuple[Name, ...], Field(max_length=10_000)] = ()
    setlist: Setlist | None = None
    recording: Name = ""
    shaders: Annotated[dict[Name, Name], Field(max_length=1000)] = {}


def checked_start(line: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the first line's values, plain and checked; keys that are not known are left out. Raises UserError."""
    try:
        start = _Start.model_validate(line).model_dump(exclude_none=True)
        restore(start["show"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        got = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UserError("the take's first line is damaged", where=where, got=got) from error
    except UserError as error:  # of a mapping within the document
        raise UserError("the take's first line is damaged", where=where, got=error.line()) from error
    return start

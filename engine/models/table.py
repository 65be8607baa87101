"""What every table of style.toml is: keys that are not known are refused, values do not change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from phosphene.engine.core.errors import UserError


class Table(BaseModel):
    """One table of style.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@contextmanager
def refusal() -> Iterator[None]:
    """Turn a UserError within a validator into one of pydantic's findings, with the same words."""
    try:
        yield
    except UserError as error:
        said = f"{error.what}: {error.got}, allowed {error.allowed}"
        raise PydanticCustomError("refused", "{said}", {"said": said}) from error

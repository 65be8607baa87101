"""What every table of style.toml is: keys that are not known are refused, values do not change."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """One table of style.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

"""Words that the options of several trainers have in common, and what earlier versions called them.

`full` is the recipe that makes styles; `plain` is the method that it is compared with, and is in tools/lab. Whatever is read
(options of a run, moodboards, command lines) may say the earlier words; what is written says those of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECIPES = ("full", "plain")
PLAIN_RECIPES = "plain recipes"  # what a person asks of the laboratory

_RECIPES_BEFORE = {"ours": "full", "seed": "plain", "seed004": "plain"}
_BEFORE = {"recipe": _RECIPES_BEFORE, "rescue": _RECIPES_BEFORE, "mode": {"parity": "gray"}}


def of_today(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of options in the words of today. Others are left as they are."""
    return {
        key: _BEFORE[key].get(value, value) if key in _BEFORE and isinstance(value, str) else value
        for key, value in table.items()
    }


def recipe_of_today(word: Any) -> Any:
    """Return the name that a recipe has today: for `type=` of an option."""
    return of_today({"recipe": word})["recipe"]


def begun(parent: Path, name: str, recipe: str) -> Path:
    """Return the folder of a run below `parent`: the one that an earlier version began, where it is there.

    name: with `{}` for the recipe.
    """
    earlier = [name.format(word) for word, today in _RECIPES_BEFORE.items() if today == recipe]
    there = (parent / each for each in earlier if (parent / each / "options.json").is_file())
    return next(there, parent / name.format(recipe))

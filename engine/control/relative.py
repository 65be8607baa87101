"""Resolume's way to move a value from where it is: `/master "+" 0.1`, with `-` and `*` too; `"a"` sets it as without.

A step is counted in what its address takes: an alias that spans 0 to 1 is moved in parts of that. What would lie outside the
range ends at its bound, as a knob that is turned further does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence

from phosphene.engine.control.address import Address, Alias
from phosphene.engine.control.datagram import Message
from phosphene.engine.core.errors import UserError

Step = tuple[str, float]  # the sign, and by how much

_SIGNS: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_ABSOLUTE = "a"


def may_step(message: Message, address: Address, alias: Alias | None) -> bool:
    """Whether a message of these types may be one: text before a number, where the address itself takes a number."""
    takes_a_number = bool(address.arguments) and address.arguments[0].type != "s" and (alias is None or alias.fixed is None)
    return takes_a_number and len(message.tags) == 2 and message.tags[0] == "s" and message.tags[1] in "ifhd"


def read(path: str, args: Sequence[object]) -> Step | Sequence[object]:
    """Return the step that the arguments of such a message are; where they are none, those that set a value.

    Raises UserError.
    """
    sign, by = args
    if sign == _ABSOLUTE:
        return [by]
    if sign not in _SIGNS or not isinstance(by, (int, float)) or not math.isfinite(by):
        raise UserError("neither a value nor a step", where=path, allowed='a number; "a", "+", "-" or "*" and one', got=args)
    return str(sign), float(by)


def moved(address: Address, alias: Alias | None, value: float, steps: Iterable[Step]) -> float:
    """Return where the steps lead from `value`, in what the alias takes."""
    argument = address.arguments[0]
    low, high = (alias and alias.scale) or (0.0, 1.0)
    least, most = ((bound - low) / (high - low) for bound in (argument.minimum, argument.maximum))
    at = (value - low) / (high - low)
    for sign, by in steps:
        at = min(most, max(least, _SIGNS[sign](at, by)))
    return round(at) if argument.type == "i" and (alias is None or alias.scale is None) else at

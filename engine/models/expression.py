"""Sums in a stranger's file, such as `floor($WIDTH / 2.0)`: parsed and worked out here, never handed to Python.

Numbers, `$NAME`, + - * / % ^, signs, brackets, and the functions below. Any thread; pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from phosphene.engine.core.errors import UserError, did_you_mean, listed

MOST_CHARACTERS = 256
MOST_DEPTH = 24  # brackets within brackets
_TOKENS = re.compile(r"\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)[fF]?|(\$?[A-Za-z_]\w*)|(\*\*|[-+*/%^(),]))")
_FUNCTIONS: dict[str, tuple[range, Callable[..., float]]] = {
    "floor": (range(1, 2), math.floor),
    "ceil": (range(1, 2), math.ceil),
    "round": (range(1, 2), lambda x: math.floor(x + 0.5)),
    "abs": (range(1, 2), abs),
    "sqrt": (range(1, 2), math.sqrt),
    "log2": (range(1, 2), math.log2),
    "pow": (range(2, 3), math.pow),
    "mod": (range(2, 3), math.fmod),
    "min": (range(1, 9), lambda *x: min(x)),
    "max": (range(1, 9), lambda *x: max(x)),
}


def evaluate(text: str, variables: Mapping[str, float], where: str = "") -> float:
    """Return the value of `text`. variables: by name, without the `$`.

    Raises UserError: no sum, a name that nothing has, too long, too deep, not a finite number.
    """
    if len(text) > MOST_CHARACTERS:
        raise UserError("the expression is too long", where=where, allowed=f"{MOST_CHARACTERS} characters", got=text)
    reader = _Reader(_tokens(text, where), variables, text, where)
    try:
        value = float(reader.sum(0))
    except (ArithmeticError, ValueError) as error:  # 1/0, sqrt(-1), 10^999
        raise UserError("the expression has no value", where=where, got=text) from error
    if reader.at < len(reader.tokens):
        raise reader.fault("the expression goes on after its end")
    if not math.isfinite(value):
        raise UserError("the expression has no value", where=where, got=text)
    return value


def _tokens(text: str, where: str) -> list[str]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at, end)
        if match is None:
            remedy = "numbers, $NAME, + - * / %, brackets"
            raise UserError("not an expression", where=where, got=text, remedy=remedy)
        found.append(match[1] or match[2] or match[3])
        at = match.end()
    return found


class _Reader:
    """Goes through the tokens once: a sum of products of powers of what stands alone."""

    def __init__(self, tokens: list[str], variables: Mapping[str, float], text: str, where: str) -> None:
        self.tokens, self.variables, self.text, self.where = tokens, variables, text, where
        self.at = 0

    def fault(self, what: str) -> UserError:
        return UserError(what, where=self.where, got=self.text)

    def sum(self, depth: int) -> float:
        value = self._product(depth)
        while (sign := self._taken("+", "-")) is not None:
            other = self._product(depth)
            value = value + other if sign == "+" else value - other
        return value

    def _product(self, depth: int) -> float:
        value = self._power(depth)
        while (sign := self._taken("*", "/", "%")) is not None:
            other = self._power(depth)
            value = value * other if sign == "*" else value / other if sign == "/" else math.fmod(value, other)
        return value

    def _power(self, depth: int) -> float:
        if depth > MOST_DEPTH:
            raise self.fault("the expression is nested too deeply")
        if (sign := self._taken("+", "-")) is not None:
            value = self._power(depth + 1)
            return -value if sign == "-" else value
        value = self._single(depth)
        return math.pow(value, self._power(depth + 1)) if self._taken("^", "**") is not None else value

    def _single(self, depth: int) -> float:
        token = self._next()
        if token == "(":
            value = self.sum(depth + 1)
            self._expect(")")
            return value
        if token[0].isdigit() or token[0] == ".":
            return float(token)
        name = token.removeprefix("$")
        if self._taken("(") is not None:
            return self._called(name, depth)
        if token[0] == "$" and name in self.variables:
            return self.variables[name]
        known = [f"${each}" for each in self.variables]
        remedy = did_you_mean(token, known)
        raise UserError("unknown name in the expression", where=self.where, allowed=listed(known), got=token, remedy=remedy)

    def _called(self, name: str, depth: int) -> float:
        if name not in _FUNCTIONS:
            raise UserError("unknown function", where=self.where, allowed=listed(_FUNCTIONS), got=name)
        values = [self.sum(depth + 1)]
        while self._taken(",") is not None:
            values.append(self.sum(depth + 1))
        self._expect(")")
        counts, function = _FUNCTIONS[name]
        if len(values) not in counts:
            raise self.fault(f"{name} takes {counts[0]} to {counts[-1]} numbers")
        return float(function(*values))

    def _next(self) -> str:
        if self.at >= len(self.tokens):
            raise self.fault("the expression ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def _taken(self, *tokens: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at] in tokens:
            return self._next()
        return None

    def _expect(self, token: str) -> None:
        if self._taken(token) is None:
            raise self.fault(f"the expression lacks a {token!r}")

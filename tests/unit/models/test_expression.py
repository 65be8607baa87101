"""Sums in strangers' files: what they come to, and what is none."""

from __future__ import annotations

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.expression import evaluate

KNOWN = {"WIDTH": 1280.0, "HEIGHT": 720.0, "blur": 0.25}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("$WIDTH/2", 640.0),
        ("floor($HEIGHT / 7.0)", 102.0),
        ("max(floor($WIDTH*0.02),1.0)", 25.0),
        ("min($WIDTH, $HEIGHT) * $blur", 180.0),
        ("-2 ^ 2 + 3 * (1 + 1)", 2.0),
        ("2 ** 3 ** 2", 512.0),
        ("7 % 4 - 1", 2.0),
        ("1e2 + .5", 100.5),
        ("2.0f * 3", 6.0),
        ("10 - 4 - 3", 3.0),
        ("pow(2, 10) + round(2.5) + ceil(0.1) + abs(-1) + sqrt(9)", 1032.0),
    ],
)
def test_sums_come_to_what_they_say(text: str, value: float) -> None:
    assert evaluate(text, KNOWN) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("1 +", "ends too early"),
        ("$WIDHT", "did you mean '$WIDTH'"),
        ("WIDTH", "unknown name"),
        ("__import__('os')", "not an expression"),
        ("open(1)", "unknown function"),
        ("1; 2", "not an expression"),
        ("1 2", "goes on"),
        ("1 / 0", "no value"),
        ("sqrt(0 - 1)", "no value"),
        ("9 ^ 9 ^ 9 ^ 9", "no value"),
        ("(" * 200 + "1" + ")" * 20, "nested too deeply"),
        ("-" * 200 + "1", "nested too deeply"),
        ("1+" * 200 + "1", "too long"),
        ("pow(2)", "takes 2"),
        ("max()", "unknown name"),
    ],
)
def test_what_is_no_sum_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        evaluate(text, KNOWN, "here")
    assert said in refused.value.line()
    assert "here" in refused.value.line()

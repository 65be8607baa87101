"""Whatever keeps a memory answers one protocol, and its memory goes through JSON, as a take has it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from phosphene.engine.core.resumable import Resumable
from phosphene.engine.models.encoding import Motion
from phosphene.engine.show.mapping import Mapping, Mappings

LOUD = dict.fromkeys(("rms", "onset", "bass", "mid", "treble", "flux", "centroid"), 0.7)


def motion(steps: int) -> Motion:
    made = Motion(drive=1.0)
    for _ in range(steps):
        made.step(LOUD, 0.02)
    return made


def mappings(steps: int) -> Mappings:
    made = Mappings()
    made.use((Mapping("bass", "deck/a/zoom", attack=0.3, release=0.3), Mapping("mid", "deck/a/speed", attack=0.1)))
    for _ in range(steps):
        made.evaluate(LOUD, 0.02)
    return made


@pytest.mark.parametrize("make", [motion, mappings])
def test_a_fresh_one_goes_on_where_another_one_stood(make: Callable[[int], Resumable]) -> None:
    played, fresh = make(5), make(0)
    assert isinstance(played, Resumable)
    assert fresh.memory() != played.memory()
    fresh.resume(json.loads(json.dumps(played.memory())))
    assert fresh.memory() == played.memory()


@pytest.mark.parametrize("make", [motion, mappings])
def test_a_memory_is_a_value_of_its_own(make: Callable[[int], Resumable]) -> None:
    played = make(5)
    kept = played.memory()
    before = json.dumps(kept)
    if isinstance(played, Motion):
        played.step(LOUD, 0.02)
    else:
        played.evaluate(LOUD, 0.02)
    assert json.dumps(kept) == before

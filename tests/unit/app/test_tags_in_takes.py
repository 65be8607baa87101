"""What kind of music plays is a signal of the show, and comes back from a take."""

from __future__ import annotations

import numpy as np

from phosphene.engine.app.take_state import HEARD
from phosphene.engine.audio.tagger import NAMES
from phosphene.engine.core.signals import SIGNALS, TAG_SIGNALS, BeatPosition, signals_at


def test_the_tags_signals_are_those_of_the_tagger() -> None:
    assert tuple(TAG_SIGNALS) == NAMES
    assert set(NAMES) <= set(SIGNALS)
    assert set(NAMES) <= set(HEARD)


def test_tags_are_signals_and_nothing_is_0() -> None:
    told = dict(zip(NAMES, np.linspace(0.1, 0.9, len(NAMES)).tolist(), strict=True))
    signals = signals_at(1.0, [], BeatPosition(), tags=told)
    assert {name: signals[name] for name in NAMES} == told
    assert all(signals_at(1.0, [], BeatPosition())[name] == 0.0 for name in NAMES)

"""The silence gate and the running references by themselves."""

from __future__ import annotations

import pytest

from phosphene.engine.audio.normaliser import LEVELS, SHAPES, Normaliser
from phosphene.engine.core.signals import HOP, NORMALISED, SAMPLE_RATE

HOP_S = HOP / SAMPLE_RATE
LOUD = dict.fromkeys(LEVELS, 0.0) | {"rms": 0.3, "onset_strength": 50.0}
SOUND = {"centroid": 1000.0, "rolloff": 3000.0, "flatness": 0.01}


def run(normaliser: Normaliser, seconds: float, db: float, levels: dict[str, float], shapes: dict[str, float]) -> dict:
    out: list[float] = []
    for _ in range(round(seconds / HOP_S)):
        normaliser.gate(db)
        out = normaliser.step([levels[n] for n in LEVELS], [shapes[n] for n in SHAPES])
    return dict(zip(NORMALISED, out, strict=True))


def test_levels_and_shapes_are_all_that_is_normalised() -> None:
    assert sorted((*LEVELS, *SHAPES)) == sorted(NORMALISED)


def test_gate_opens_at_once_and_shuts_within_a_second() -> None:
    normaliser = Normaliser(HOP_S)
    assert normaliser.gate(-40.0) == 1.0
    assert normaliser.gate(-80.0) == pytest.approx(0.965, abs=0.01)
    for _ in range(round(1.1 / HOP_S)):
        normaliser.gate(-80.0)
    assert normaliser.gate(-80.0) == 0.0


def test_gate_has_hysteresis() -> None:
    normaliser = Normaliser(HOP_S)
    assert normaliser.gate(-58.0) == 0.0
    normaliser.gate(-50.0)
    assert normaliser.gate(-58.0) == 1.0


def test_steady_level_goes_to_one_and_silence_teaches_nothing() -> None:
    normaliser = Normaliser(HOP_S)
    assert run(normaliser, 3.0, -10.0, LOUD, SOUND)["rms"] > 0.95
    run(normaliser, 120.0, -90.0, dict.fromkeys(LEVELS, 0.0), dict.fromkeys(SHAPES, 0.0))
    half = LOUD | {"rms": 0.15}
    assert run(normaliser, HOP_S, -16.0, half, SOUND)["rms"] == pytest.approx(0.5, abs=0.05)


def test_one_click_does_not_set_the_scale() -> None:
    normaliser = Normaliser(HOP_S)
    before = run(normaliser, 5.0, -20.0, LOUD | {"rms": 0.1}, SOUND)["rms"]
    run(normaliser, HOP_S, 0.0, LOUD | {"rms": 1.0}, SOUND)
    assert run(normaliser, HOP_S, -20.0, LOUD | {"rms": 0.1}, SOUND)["rms"] > 0.8 * before


def test_brighter_sound_is_higher() -> None:
    normaliser = Normaliser(HOP_S)
    dark = run(normaliser, 5.0, -20.0, LOUD, SOUND | {"centroid": 400.0})["centroid"]
    bright = run(normaliser, 0.05, -20.0, LOUD, SOUND | {"centroid": 4000.0})["centroid"]
    assert dark < 0.5 < bright

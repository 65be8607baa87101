"""Going round a style's variations: on lines of the phrase, without a jump, and to the same place again from its memory."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.models.variations import GLIDE, Variations

FPS = 24.0
PHRASE_S = 32.0


def played(going: Variations, seconds: float, explore: float, start: float = 0.0) -> list[float]:
    """Return the place at each frame."""
    times = start + np.arange(1, round(seconds * FPS) + 1) / FPS
    return [going.step({"phrase_phase": t / PHRASE_S % 1.0}, explore) for t in times]


def test_it_stays_where_it_is_unless_told_to_explore() -> None:
    assert set(played(Variations(4), 3 * PHRASE_S, 0.0)) == {0.0}


def test_a_phrase_later_it_shows_the_next_variation_and_rests_there() -> None:
    places = played(Variations(4), 3 * PHRASE_S, 1.0)
    for phrase in range(3):
        rest = places[round((phrase + GLIDE + 0.01) * PHRASE_S * FPS) : round((phrase + 0.99) * PHRASE_S * FPS)]
        assert rest == pytest.approx([phrase / 4] * len(rest))


@pytest.mark.parametrize("explore", [2.0, 4.0])
def test_more_of_it_goes_on_several_times_in_a_phrase(explore: float) -> None:
    going = Variations(4)
    played(going, PHRASE_S / 2, 0.0)
    before = played(going, PHRASE_S / 2, explore, PHRASE_S / 2)[-1]
    after = played(going, 2 * PHRASE_S, explore, PHRASE_S)[-1]
    assert after - before == pytest.approx(2 * explore / 4, abs=0.01)


def test_the_picture_never_jumps_whatever_is_done_to_explore_and_to_the_beat() -> None:
    rng = np.random.default_rng(3)
    going, phase, explore, places = Variations(4), 0.0, 0.0, [0.0]
    for k in range(6000):
        phase += 1.0 / (PHRASE_S * FPS) + (rng.normal(0, 0.02) if k % 50 == 0 else 0.0)
        explore = float(rng.choice((0.0, 0.5, 1.0, 2.0))) if k % 7 == 0 else explore
        places.append(going.step({"phrase_phase": phase % 1.0}, explore))
    # A corrected beat may go on by 0.08 of a phrase in one frame, at most; a step from one variation to the next is 0.25.
    assert np.abs(np.diff(places)).max() < 0.25


def test_after_the_beat_was_set_back_steps_find_the_lines_again() -> None:
    going = Variations(4)
    played(going, 0.6 * PHRASE_S, 1.0)
    played(going, 0.5 * PHRASE_S, 1.0, 0.2 * PHRASE_S)  # a resync: 0.6 of the phrase is 0.2 of it now
    rest = played(going, 0.25 * PHRASE_S, 1.0, 0.7 * PHRASE_S)
    assert len({round(place, 9) for place in rest}) == 1
    moving = played(going, 0.2 * PHRASE_S, 1.0, 0.99 * PHRASE_S)
    assert moving[-1] - rest[-1] == pytest.approx(0.25)


def test_another_one_goes_on_from_its_memory_to_the_bit() -> None:
    first, second = Variations(5), Variations(5)
    played(first, 50.0, 1.5)
    second.resume(first.memory())
    assert played(second, 70.0, 1.5, 50.0) == played(first, 70.0, 1.5, 50.0)


def test_a_style_of_one_variation_comes_back_to_itself() -> None:
    assert played(Variations(1), 2.5 * PHRASE_S, 1.0)[-1] == pytest.approx(2.0)  # whole turns: the same picture

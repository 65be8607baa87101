"""Decoding at its own rate: the render thread never waits, pictures fade, faults come out where the picture is wanted."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest

from phosphene.engine.core import clock
from phosphene.engine.generators.decoding import EveryFrame, OwnRate

BLACK, GRAY, WHITE = (np.full((4, 6, 3), level, np.float32) for level in (0.0, 0.5, 1.0))


class Gated:
    """A decoder that gives a picture when the test hands it one, so that it is as slow as the test likes."""

    name = "gated"
    trial = BLACK

    def __init__(self) -> None:
        self.asked: queue.Queue = queue.Queue()
        self.given: queue.Queue = queue.Queue()
        self.closed = threading.Event()

    def decode(self, inputs):
        self.asked.put(inputs)
        given = self.given.get(timeout=300)
        if isinstance(given, Exception):
            raise given
        return given

    def close(self) -> None:
        self.closed.set()


def until(decoding: OwnRate, done) -> None:
    give_up = clock.now() + 180.0
    while not done(decoding):
        assert clock.now() < give_up
        clock.sleep(0.001)


def idle(decoding: OwnRate) -> bool:
    return not decoding._busy


def test_a_slow_decoder_never_holds_a_frame_and_pictures_fade():
    decoder = Gated()
    decoding = OwnRate(decoder, decoder.trial)
    asked_ahead = []

    def inputs_at(ahead: float):
        asked_ahead.append(ahead)
        return {"ahead": np.array(ahead)}

    for k in range(4):  # 0.3 s of frames while nothing is decoded
        assert np.array_equal(decoding.picture(k * 0.1, inputs_at), BLACK)
    assert len(asked_ahead) == 1, "one picture is asked for at a time"
    decoder.given.put(WHITE)
    until(decoding, idle)
    first = decoding.picture(0.4, inputs_at)
    assert np.allclose(first, 0.25), "a fade begins with the frame before: 0.1 s of 0.4 s"
    assert asked_ahead[1] == pytest.approx(0.4), "the next is asked for the time at which it will be seen"
    middle = decoding.picture(0.5, inputs_at)
    assert np.allclose(middle, GRAY)
    assert np.array_equal(decoding.picture(0.8, inputs_at), WHITE)
    assert decoding.rate == pytest.approx(2.5)
    decoder.given.put(GRAY)
    decoding.close()
    assert decoder.closed.wait(5.0)


def test_a_picture_that_comes_during_a_fade_makes_no_jump():
    decoder = Gated()
    decoding = OwnRate(decoder, decoder.trial)
    inputs_at = lambda ahead: {}  # noqa: E731
    decoding.picture(0.0, inputs_at)
    decoder.given.put(WHITE)
    until(decoding, idle)
    decoding.picture(1.0, inputs_at)
    before = decoding.picture(1.2, inputs_at)
    decoder.given.put(BLACK)
    until(decoding, idle)
    after = decoding.picture(1.21, inputs_at)
    assert np.abs(after - before).max() < 0.05
    decoder.given.put(BLACK)
    decoding.close()


def test_what_the_decoder_raises_is_raised_on_the_render_thread():
    decoder = Gated()
    decoding = OwnRate(decoder, decoder.trial)
    decoding.picture(0.0, lambda ahead: {})
    decoder.given.put(RuntimeError("lost the device"))
    until(decoding, idle)
    with pytest.raises(RuntimeError, match="lost the device"):
        decoding.picture(0.1, lambda ahead: {})
    decoder.given.put(WHITE)
    decoding.close()


def test_offline_every_frame_is_its_own_picture():
    class Counting:
        name, trial = "counting", BLACK

        def decode(self, inputs):
            return np.full((2, 2, 3), inputs["k"], np.float32)

        def close(self):
            pass

    decoding = EveryFrame(Counting())
    pictures = [decoding.picture(k / 24, lambda ahead, k=k: {"k": k + 10 * ahead}) for k in range(5)]
    assert [p[0, 0, 0] for p in pictures] == [0, 1, 2, 3, 4]

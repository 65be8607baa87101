"""Frames and sizes: frozen values and the reading of `1280x720`."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phosphene.engine.core.frame import Frame, Size


def test_a_frame_is_frozen():
    frame = Frame(index=1, time=0.5, t_present=10.5, dt=0.5, fps=2.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.index = 2


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_size_survives_its_text(width, height):
    size = Size(width, height)
    assert Size.parse(str(size)) == size
    assert size.pixels == width * height
    assert size.aspect == width / height


def test_a_size_may_be_written_in_capitals():
    assert Size.parse("640X360") == Size(640, 360)


@pytest.mark.parametrize("text", ["", "640", "640x", "x360", "0x360", "640x-1", "640x360x2", "6.4x3", "a x b", "720p"])
def test_a_bad_size_is_refused_and_quoted(text):
    with pytest.raises(ValueError) as caught:
        Size.parse(text)
    assert repr(text) in str(caught.value)

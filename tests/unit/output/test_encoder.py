"""The choice of the encoder: what was wished for, what the machine can do, and why others were refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output.encoder import nvenc_refusal, pick_h264


def test_auto_takes_nvenc_where_it_opens_and_says_why_not_where_not():
    chosen = pick_h264("auto", Size(640, 360), Fraction(24))
    if refusal := nvenc_refusal():
        assert chosen.name == "libx264"
        assert chosen.refused == (("nvenc", refusal),)
        with pytest.raises(UserError, match="NVENC does not open"):
            pick_h264("nvenc", Size(640, 360), Fraction(24))
    else:
        assert chosen.name == "h264_nvenc"


def test_no_choice_lets_the_encoder_hold_frames_back():
    for size in (Size(320, 180), Size(7680, 4320)):
        assert ("tune", "zerolatency") in pick_h264("x264", size, Fraction(60)).options


def test_a_picture_too_large_for_the_cores_gets_the_cheaper_preset():
    assert ("preset", "superfast") in pick_h264("x264", Size(320, 180), Fraction(24)).options
    assert ("preset", "ultrafast") in pick_h264("x264", Size(7680, 4320), Fraction(240)).options


def test_an_unknown_wish_lists_the_known_ones():
    with pytest.raises(UserError, match="auto, nvenc, x264"):
        pick_h264("av1", Size(320, 180), Fraction(24))

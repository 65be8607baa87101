"""Previews as JPEG: the colours, and the time that goes with them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.desk.pictures import jpeg, presented


def test_a_picture_keeps_its_colours_its_top_and_its_time():
    picture = np.zeros((64, 48, 4), np.uint8)
    picture[:32] = 200, 60, 40, 7  # the fourth channel means nothing
    picture[32:] = 40, 60, 200, 255
    data = jpeg(picture, 1234.567891)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (48, 64))
        back = np.asarray(image).astype(int)
    assert np.abs(back[:24] - (200, 60, 40)).max() <= 6
    assert np.abs(back[40:] - (40, 60, 200)).max() <= 6
    assert presented(data) == pytest.approx(1234.567891, abs=1e-6)

"""The contact sheet of styles: every style at every moment."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.models.style import load_style
from phosphene.tools.cppn.nulls import untrained
from phosphene.tools.cppn.scores import as_music
from phosphene.tools.lab.style_sheet import contact_sheet, sheet_moments


def test_a_contact_sheet_shows_every_style_at_every_moment(tmp_path: Path) -> None:
    names = ("bass", "mid", "treble", "centroid", "rolloff", "onset", "beat", "rms")
    signals = [dict.fromkeys(names, 0.5 + 0.5 * math.sin(k / 5)) | {"beat_phase": k / 12 % 1} for k in range(72)]
    styles = [load_style(PACKAGE / "styles" / "manta"), untrained(load_style(PACKAGE / "styles" / "manta").spec, 1)["grown"]]
    path = contact_sheet(styles, signals, tmp_path / "sheets" / "all.png", Size(32, 18))
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    columns = len(sheet_moments(as_music(signals)))
    assert pixels.shape[1] == 150 + columns * 38
    for row in range(2):
        top = 24 + row * 24
        cells = [pixels[top : top + 18, 150 + k * 38 : 182 + k * 38] for k in range(columns)]
        assert all(cell.std() > 1.0 for cell in cells)
        assert not np.array_equal(cells[0], cells[2])  # a kick is not silence

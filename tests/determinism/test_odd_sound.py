"""An album of a song with broken samples and an inverted channel: whole films, and what is odd is said and recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio.decode import load_audio
from phosphene.engine.audio.demo import synthetic_track
from phosphene.engine.core import paths
from phosphene.engine.core.signals import SAMPLE_RATE
from tests.unit.audio.test_decode import wav

pytestmark = pytest.mark.gl

ALBUM = """
version = 1
[album]
size = "64x36"
fps = 10
encoder_preset = "ultrafast"
[[track]]
id = "odd"
source = "odd.wav"
scenes = ["tunnel"]
"""


def test_an_album_of_odd_sound(tmp_path: Path) -> None:
    pcm = synthetic_track(128.0, 3, seconds=4).pcm.copy()
    pcm[:, 1] = -pcm[:, 0]
    pcm[SAMPLE_RATE : SAMPLE_RATE + 50] = np.nan
    pcm[2 * SAMPLE_RATE, 0] = np.inf
    (tmp_path / "odd.wav").write_bytes(wav(pcm))
    (tmp_path / "album.toml").write_text(ALBUM)
    done = subprocess.run(
        [sys.executable, str(paths.PACKAGE / "tools/render_album.py"), str(tmp_path / "album.toml"), "--no-previews"],
        env=os.environ | {"PHOSPHENE_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "renders/album/tracks/odd/track.json").read_text("utf-8"))
    for what in ("101 samples are no sound", "left minus right"):
        assert what in done.stderr
        assert any(what in note for note in record["notes"])
    assert record["frames"] == 40
    heard = load_audio(tmp_path / "renders/album/tracks/odd/film.mp4")
    assert len(heard) == pytest.approx(4 * SAMPLE_RATE, abs=2048)
    assert np.abs(heard).max() > 0.1

"""`vj muse` from files to a file: the same bytes again, the same piece back, and nothing left behind by a failure."""

from __future__ import annotations

import errno
import wave
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app import muse_job
from phosphene.engine.app.muse_job import MuseOptions, make_muse
from phosphene.engine.audio.decode import load_audio
from phosphene.engine.audio.demo import demo_track
from phosphene.engine.core.errors import UserError
from phosphene.engine.muse.measures import si_sdr

RATE = 48_000


def wav(path: Path, pcm: np.ndarray, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    return wav(tmp_path_factory.mktemp("muse") / "a.wav", demo_track().pcm[30 * RATE : 48 * RATE])


def quiet(line: str) -> None:
    """Say nothing."""


def test_the_same_file_twice_gives_it_back_with_the_same_bytes(piece, tmp_path):
    first = make_muse(piece, piece, tmp_path / "1.flac", MuseOptions(bars=4), quiet)
    make_muse(piece, piece, tmp_path / "2.flac", MuseOptions(bars=4), quiet)
    assert (tmp_path / "1.flac").read_bytes() == (tmp_path / "2.flac").read_bytes()
    out, begun = load_audio(tmp_path / "1.flac"), round(first["a"]["start_s"] * RATE)
    assert si_sdr(out, load_audio(piece)[begun : begun + len(out)]) > 60
    assert first["onsets_together"] == 1.0
    assert first["loudness"]["true_peak"] <= -0.99


def test_another_rate_and_one_channel_are_taken(piece, tmp_path):
    mono = wav(tmp_path / "mono.wav", load_audio(piece)[::2].mean(axis=1, keepdims=True), RATE // 2)
    report = make_muse(piece, mono, tmp_path / "o.flac", MuseOptions("interlock", 4, fader=((0.0, 0.3),)), quiet)
    assert report["fader"]["share"] == pytest.approx(0.3, abs=0.01)
    assert report["match"]["shift"] == 0


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(muse_job, "create_media", full)
    with pytest.raises(UserError, match=r"cannot write the piece.*make room"):
        muse_job.write_piece(tmp_path / "o.flac", np.zeros((RATE, 2), np.float32))
    assert not list(tmp_path.iterdir())


def test_silence_is_refused(piece, tmp_path):
    silent = wav(tmp_path / "silent.wav", np.zeros((10 * RATE, 2)))
    with pytest.raises(UserError, match="silent"):
        make_muse(silent, piece, tmp_path / "o.flac", MuseOptions(), quiet)
    assert not (tmp_path / "o.flac").exists()


@pytest.mark.parametrize("options", [MuseOptions("other"), MuseOptions(bars=2), MuseOptions(key=9)])
def test_options_that_make_no_sense_are_refused(options, tmp_path):
    with pytest.raises(UserError, match="allowed"):
        make_muse(tmp_path / "a", tmp_path / "b", tmp_path / "o.flac", options, quiet)

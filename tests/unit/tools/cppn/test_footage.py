"""Music for training: the show's own signals, kept between runs, and random moments that favour what is loud."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.models.encoding import AUDIO_INPUTS, Motion
from phosphene.tools.cppn import footage
from phosphene.tools.cppn.footage import FPS, Music, load_music
from tests.unit.audio.test_decode import wav as float_wav


@pytest.fixture
def wav(tmp_path, monkeypatch):
    """Return a function that writes samples to a file; the cache is the test's own."""
    import wave

    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))

    def write(samples: np.ndarray, name: str = "a.wav"):
        path = tmp_path / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((samples * 32_000).astype("<i2").tobytes())
        return path

    return write


def clicks(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return 0.8 * np.exp(-40.0 * (t % 0.5)) * np.sin(2 * np.pi * 90 * t)


def test_levels_are_what_the_show_would_smooth(music):
    motion, at = Motion(), 100
    for signals in music.signals[: at + 1]:
        values = motion.step(signals, 1 / FPS)
    assert music.levels[at] == {name: values[name] for name in AUDIO_INPUTS}


def test_a_track_is_analysed_once(wav, monkeypatch):
    path = wav(clicks(4.0))
    first = load_music(path)
    assert len(first.signals) == 4 * FPS
    assert first.onsets.max() > 0.5
    monkeypatch.setattr(footage, "_analyse", lambda pcm: pytest.fail("analysed again"))
    assert load_music(path).signals == first.signals


def test_a_damaged_cache_is_analysed_again(wav, tmp_path):
    path = wav(clicks(2.0))
    first = load_music(path)
    (kept,) = (tmp_path / "cache" / "signals").iterdir()
    kept.write_bytes(b"not numpy")
    assert load_music(path).signals == first.signals


def test_other_samples_are_another_track(wav):
    assert load_music(wav(clicks(2.0), "a.wav")).signals != load_music(wav(0.1 * clicks(2.0), "b.wav")).signals


def test_a_track_of_less_than_a_second_is_refused(wav):
    with pytest.raises(UserError, match="too short"):
        load_music(wav(clicks(0.5)))


def test_draws_favour_attacks(music):
    rng = np.random.default_rng(0)
    drawn = np.array([music.draw(rng) for _ in range(600)])
    loud = music.onsets >= np.quantile(music.onsets, 0.9)
    assert 0.33 < loud[drawn].mean() < 0.52
    assert len(set(drawn.tolist())) > 100


def test_the_entrance_is_where_music_sets_in():
    quiet = dict.fromkeys(("rms", "onset"), 0.0)
    loud = dict.fromkeys(("rms", "onset"), 0.8)
    music = Music.of("x", [quiet] * (10 * FPS) + [loud] * (10 * FPS))
    part = music.entrance(7.0)
    assert len(part) == 7 * FPS
    assert [s["rms"] > 0 for s in part].index(True) == 2 * FPS
    assert len(Music.of("short", [quiet] * 30).entrance(7.0)) == 30


def test_spread_is_robust_against_one_peak():
    flat = [dict.fromkeys(AUDIO_INPUTS, 0.2)] * 400
    peak = [*flat[:200], dict.fromkeys(AUDIO_INPUTS, 1.0), *flat[201:]]
    assert Music.of("x", peak).spread()["onset"] == pytest.approx(0.0, abs=1e-9)


def test_the_beat_is_the_trackers(wav):
    music = load_music(wav(clicks(12.0)))
    late = np.array([s["beat_phase"] for s in music.signals[-3 * FPS :]])
    assert late.max() - late.min() > 0.8


def test_odd_sound_moves_a_training_as_it_moves_a_show(tmp_path, wav, caplog):
    plain = load_music(wav(clicks(6.0)))
    mono = (clicks(6.0) * 32_000).astype("<i2").astype(np.float32) / 32_768
    odd = np.stack([mono, -mono], axis=1) + 0.05
    odd[SAMPLE_RATE : SAMPLE_RATE + 4] = np.nan
    (tmp_path / "odd.wav").write_bytes(float_wav(odd))
    found = load_music(tmp_path / "odd.wav")
    assert "8 samples are no sound" in caplog.text
    for name in ("bass", "rms"):
        ours, theirs = (np.array([level[name] for level in music.levels[2 * FPS :]]) for music in (found, plain))
        assert np.isfinite(ours).all()
        assert ours.std() == pytest.approx(theirs.std(), rel=0.1)

"""The music the project makes itself: length, level, seam, determinism, and a score that is true of the samples."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio import demo, synth
from phosphene.engine.core.signals import SAMPLE_RATE


@pytest.fixture(scope="module")
def track(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOSPHENE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield demo.demo_track()


def level_db(pcm: np.ndarray) -> float:
    return 10 * np.log10(np.mean(pcm.astype(np.float64) ** 2) + 1e-12)


def part(track, name: str) -> np.ndarray:
    a, b = next((a, b) for n, a, b in track.sections if n == name)
    return track.pcm[int(a * SAMPLE_RATE) : int(b * SAMPLE_RATE)]


def test_two_minutes_at_a_listenable_level(track):
    assert track.pcm.shape == (120 * SAMPLE_RATE, 2)
    assert track.pcm.dtype == np.float32
    assert np.isfinite(track.pcm).all()
    assert np.abs(track.pcm).max() < 0.95
    assert -14 <= level_db(track.pcm) <= -10


def test_sections_cover_the_track_in_order(track):
    assert [name for name, _, _ in track.sections] == ["intro", "build", "main", "break", "drop", "outro"]
    assert track.sections[0][1] == 0.0
    assert track.sections[-1][2] == 120.0
    for (_, _, end), (_, start, _) in zip(track.sections, track.sections[1:], strict=False):
        assert end == start


def test_beats_are_a_grid_and_onsets_lie_outside_the_break(track):
    assert len(track.beats) == 256
    np.testing.assert_allclose(np.diff(track.beats), 60 / track.bpm)
    assert (np.diff(track.onsets) > 0).all()
    _, start, end = next(s for s in track.sections if s[0] == "break")
    assert not ((track.onsets > start + 0.01) & (track.onsets < end - 0.01)).any()


def test_break_is_quieter_and_smoother_than_drop(track):
    quiet, loud = part(track, "break"), part(track, "drop")
    assert level_db(quiet) < level_db(loud) - 3
    attack = [np.abs(np.diff(x[:, 0])).max() for x in (quiet[SAMPLE_RATE * 3 :], loud)]
    assert attack[0] < attack[1] / 4


def test_samples_rise_where_the_score_has_a_kick(track):
    """The first milliseconds after a beat of the drop hold far more movement than those before it."""
    start = next(a for n, a, _ in track.sections if n == "drop")
    for beat in track.beats[(track.beats >= start) & (track.beats < start + 20)]:
        i = round(beat * SAMPLE_RATE)
        after, before = np.abs(np.diff(track.pcm[i - 1 : i + 48, 0])), np.abs(np.diff(track.pcm[i - 49 : i - 1, 0]))
        assert after.max() > 2 * before.max()


def test_the_loop_has_no_seam():
    """Render a score whose voices ring over the end: turning the loop by half its length gives the same samples."""
    grid = synth.Grid(120.0)
    pad = ("pad", (60, 64, 67), 2.4, 500.0, 500.0)
    late = synth.render([synth.Event(7.0, pad)], grid, 4.0, loop=True)
    early = synth.render([synth.Event(3.0, pad)], grid, 4.0, loop=True)
    np.testing.assert_allclose(np.roll(late, len(late) // 2, axis=0), early, atol=1e-4)


def test_cache_returns_the_same_samples_and_survives_damage(tmp_path, monkeypatch, track):
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "new"))
    first = demo.demo_track()
    np.testing.assert_array_equal(first.pcm, track.pcm)
    (cached,) = (tmp_path / "new").iterdir()
    cached.write_bytes(cached.read_bytes()[:1000])
    np.testing.assert_array_equal(demo.demo_track().pcm, track.pcm)


def test_a_cache_that_cannot_be_written_is_not_fatal(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "file"))
    assert len(demo.demo_track().pcm) == 120 * SAMPLE_RATE


@pytest.mark.parametrize("style", ["four_on_floor", "breakbeat", "half_time"])
def test_synthetic_tracks_are_deterministic_and_finite(style):
    a, b = (demo.synthetic_track(97, 3, 0.2, True, 12, style) for _ in range(2))
    np.testing.assert_array_equal(a.pcm, b.pcm)
    assert a.pcm.shape == (12 * SAMPLE_RATE, 2)
    assert np.abs(a.pcm).max() < 0.95
    assert len(a.beats) == 20  # 19.4 beats of 0.6186 s
    assert (demo.synthetic_track(97, 4, 0.2, True, 12, style).pcm != a.pcm).any()


def test_swing_delays_the_off_step_and_keeps_the_beat():
    grid = synth.Grid(60.0, swing=1 / 3)
    assert grid.seconds(1.0) == 1.0
    assert grid.seconds(0.5) == pytest.approx(2 / 3)
    times = [grid.seconds(b) for b in np.linspace(0, 4, 500)]
    assert (np.diff(times) > 0).all()

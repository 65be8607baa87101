"""The networks that mark beats: the same numbers as torch gives, bad weights, bad sound, and that they know a beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio.demo import synthetic_track
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE
from phosphene.engine.tempo import activation
from phosphene.engine.tempo.activation import FRAME, LAG_S, WEIGHTS, WINDOW, BeatActivation, band_filters, load_weights


def heard(sound: np.ndarray, trainings: int = activation.TRAININGS, hop: int = HOP) -> tuple[np.ndarray, np.ndarray]:
    """Return (times s, [beat, downbeat]) of every frame."""
    networks, times, found = BeatActivation(load_weights()[:trainings]), [], []
    for k in range(len(sound) // hop):
        if networks.step(sound[k * hop : (k + 1) * hop]):
            times.append((k + 1) * hop / SAMPLE_RATE - networks.age_s)
            found.append((networks.beat, networks.downbeat))
    return np.array(times), np.array(found)


@pytest.fixture(scope="module")
def music() -> tuple[np.ndarray, np.ndarray]:
    track = synthetic_track(124, 11, seconds=10.0)
    return np.ascontiguousarray(track.pcm.mean(axis=1), np.float32), track.beats


def test_a_frame_is_worked_out_every_20_ms_and_says_of_when_it_speaks(music: tuple[np.ndarray, np.ndarray]) -> None:
    times, found = heard(music[0])
    assert len(found) == len(music[0]) // FRAME - 1  # of the last one the networks are still to be asked
    np.testing.assert_allclose(times, (np.arange(len(times)) + 1) * FRAME / SAMPLE_RATE - LAG_S, atol=1e-9)
    assert found.min() >= 0.0
    assert found.sum(axis=1).max() <= 1.0 + 1e-6


def test_it_does_not_depend_on_the_size_of_the_hops(music: tuple[np.ndarray, np.ndarray]) -> None:
    sound = music[0][: 4 * SAMPLE_RATE]
    (_, by_hop), (_, larger) = heard(sound), heard(sound, hop=FRAME // 3)
    np.testing.assert_allclose(by_hop, larger[: len(by_hop)], atol=0.02)  # only loudness is taken hop by hop


def test_beats_are_marked_where_they_are(music: tuple[np.ndarray, np.ndarray]) -> None:
    """The null are the middles between them."""
    times, found = heard(music[0])
    marked = found.sum(axis=1)
    beats = music[1][(music[1] > 4.0) & (music[1] < 9.5)]

    def near(at: np.ndarray) -> float:
        return float(np.mean([marked[np.abs(times - t) < 0.04].max() for t in at]))

    assert near(beats) > 0.5
    assert near(beats) > near((beats[1:] + beats[:-1]) / 2) + 0.4


def test_how_loud_it_is_does_not_matter(music: tuple[np.ndarray, np.ndarray]) -> None:
    (_, loud), (_, quiet) = heard(music[0]), heard(music[0] * np.float32(0.02))
    np.testing.assert_allclose(loud, quiet, atol=1e-3)


def test_the_numbers_are_those_of_torch(music: tuple[np.ndarray, np.ndarray]) -> None:
    """The network as it was trained, of torch's layers, on features that are worked out at once."""
    torch = pytest.importorskip("torch")
    sound, weights = music[0][: 6 * SAMPLE_RATE], load_weights()[1]
    padded = np.concatenate([np.zeros(WINDOW, np.float32), sound])
    window = np.hanning(WINDOW)
    window *= np.hanning(1411).sum() / window.sum()
    frames = np.stack([padded[k : k + WINDOW] for k in range(FRAME, len(padded) - WINDOW + 1, FRAME)])
    power, loudness = 0.0, []
    for k in range(len(sound) // HOP):
        memory = min(4.0, 0.1 + len(loudness) * FRAME / SAMPLE_RATE)
        power += (float(np.square(sound[k * HOP : (k + 1) * HOP]).mean()) - power) * HOP / (SAMPLE_RATE * memory)
        if (k + 1) * HOP // FRAME > k * HOP // FRAME:
            loudness.append(max(1e-3, power**0.5))
    frames = frames[: len(loudness)] * window * (0.1 / np.array(loudness))[:, None]
    bands = np.log10(1.0 + np.abs(np.fft.rfft(frames))[:, :705] @ band_filters())
    rise = np.maximum(np.diff(bands, axis=0, prepend=bands[:1]), 0.0)
    x = torch.from_numpy(np.hstack([bands, rise]).astype(np.float32))
    w = {name: torch.from_numpy(value) for name, value in weights.items()}
    x = torch.conv1d(x[:, None], w["conv1.weight"], w["conv1.bias"]).relu()
    x = torch.max_pool1d(x, 2).flatten(1) @ w["linear0.weight"].T + w["linear0.bias"]
    lstm = torch.nn.LSTM(150, 150, 2, batch_first=True)
    lstm.load_state_dict({name.removeprefix("lstm."): value for name, value in w.items() if name.startswith("lstm.")})
    with torch.no_grad():
        x = lstm(x[None])[0][0] @ w["linear.weight"].T + w["linear.bias"]
    networks = BeatActivation([weights])
    found = [
        (networks.beat, networks.downbeat) for k in range(len(sound) // HOP) if networks.step(sound[k * HOP : (k + 1) * HOP])
    ]
    assert len(found) == len(x) - 1  # of the last one the networks are still to be asked
    np.testing.assert_allclose(found, torch.softmax(x, 1)[: len(found), :2].numpy(), atol=1e-3)


def test_broken_sound_is_forgotten(music: tuple[np.ndarray, np.ndarray]) -> None:
    sound = music[0].copy()
    sound[5 * HOP + 3], sound[6 * HOP : 7 * HOP] = np.nan, np.inf
    _, found = heard(sound)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[-50:], heard(music[0])[1][-50:], atol=0.05)


@pytest.mark.parametrize("how", ["missing", "truncated", "empty", "shape", "nan", "other"])
def test_weights_that_are_none_are_one_line(how: str, tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    if how == "truncated":
        path.write_bytes(WEIGHTS.read_bytes()[:100_000])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "other":
        np.savez(path, a=np.zeros(3))
    elif how != "missing":
        arrays = {f"{k}/{name}": value for k, each in enumerate(load_weights()) for name, value in each.items()}
        arrays["1/linear.bias"] = np.zeros(4, np.float32) if how == "shape" else np.full(3, np.nan, np.float32)
        np.savez(path, **arrays)
    with pytest.raises(UserError) as told:
        load_weights(path)
    assert str(path) in told.value.line()


def test_without_weights_the_beat_is_followed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, music: tuple[np.ndarray, np.ndarray]
) -> None:
    from phosphene.engine.tempo.tracker import BeatTracker
    from phosphene.tools.lab.bench_tempo import HOP_S, analyse, f_measure

    monkeypatch.setattr(activation, "load_weights", lambda: load_weights(tmp_path / "none"))
    activation.shipped.cache_clear()
    try:
        assert activation.beat_activation() is None
        assert activation.beat_activation() is None
    finally:
        activation.shipped.cache_clear()
    assert len([record for record in caplog.records if "attacks and repetition alone" in record.message]) == 1
    sound, beats = music
    mel, active = analyse(sound)
    tracker, line, found = BeatTracker(HOP_S, None), None, []
    for k in range(len(mel)):
        t = (k + 1) * HOP_S
        if line is not None and (beat := np.floor(line.beat_at(t))) > np.floor(line.beat_at(t - HOP_S)):
            found.append(line.time_of(beat))
        line = tracker.step(mel[k], t, float(active[k]), sound[k * HOP : (k + 1) * HOP]) or line
    assert f_measure(np.array(found), beats) > 0.9

"""The music tagger: its front end and its graph against plain ones, its signals on made music, and what it survives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio import tag_network
from phosphene.engine.audio.tag_features import WINDOW, log_mel
from phosphene.engine.audio.tag_network import BANDS, FRAMES, SHAPES, TAGS, TagNetwork, load_weights, open_network
from phosphene.engine.audio.tagger import (
    DELAY_S,
    NAMES,
    ROW,
    STALE_S,
    TAG_SIGNALS,
    TagStream,
    TagTable,
    mean_tags,
    signals_of,
    tags,
    tags_of,
    values_at,
)
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.tools.lab.ears.piece import Recipe, make
from phosphene.tools.lab.ears.spoiling import beatless

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def network() -> TagNetwork:
    return open_network()


@pytest.fixture(scope="module")
def techno() -> np.ndarray:
    return make(Recipe("house", "909", 128.0, 9.0, seed=880_001, intro=0)).pcm


@pytest.fixture(scope="module")
def pads() -> np.ndarray:
    return beatless("pads", 9.0, np.random.default_rng(880_002)).pcm


def table(network: TagNetwork, pcm: np.ndarray, blocks: int = 1) -> TagTable:
    return tags_of(network, np.array_split(pcm, blocks))


def last(heard: TagTable) -> dict[str, float]:
    return dict(zip(NAMES, heard.rows["values"][-1].tolist(), strict=True))


# The front end.


def plain_log_mel(low: np.ndarray) -> np.ndarray:
    """What librosa's melspectrogram does with its defaults, spelt out: float64 [frames, 96] of sound at 16 kHz."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(512) / 512)
    mels = np.linspace(0.0, 15.0 + 27.0 * np.log(8.0) / np.log(6.4), 98)  # 15 mel are 1 kHz, then 27 a factor of 6.4
    hz = [mel * 200.0 / 3.0 if mel < 15.0 else 1000.0 * 6.4 ** ((mel - 15.0) / 27.0) for mel in mels]
    bank = np.zeros((257, 96))
    for k, (a, b, c) in enumerate(zip(hz[:-2], hz[1:-1], hz[2:], strict=True)):
        for j in range(257):
            bank[j, k] = max(0.0, min((31.25 * j - a) / (b - a), (c - 31.25 * j) / (c - b))) * 2.0 / (c - a)
    frames = [low[start : start + 512] * window for start in range(0, len(low) - 511, 256)]
    return np.log10(10_000.0 * np.array([np.abs(np.fft.rfft(frame)) ** 2 @ bank for frame in frames]) + 1.0)


def test_the_front_end_gives_what_librosa_does() -> None:
    t = np.arange(WINDOW) / SAMPLE_RATE
    rng = np.random.default_rng(1)
    tones = [(float(rng.uniform(60.0, 6500.0)), float(rng.uniform(0.01, 0.2)), float(rng.uniform(0, 6))) for _ in range(30)]
    mono = sum(level * np.sin(2 * np.pi * hz * t + phase) for hz, level, phase in tones)
    # The same sound sampled at 16 kHz: the first of its samples lies in the middle of the filter's 127.
    at = (63 + 3 * np.arange((FRAMES - 1) * 256 + 512)) / SAMPLE_RATE
    low = sum(level * np.sin(2 * np.pi * hz * at + phase) for hz, level, phase in tones)
    found = log_mel(mono.astype(np.float32))
    assert found.shape == (FRAMES, BANDS)
    assert found.dtype == np.float32
    assert np.abs(found - plain_log_mel(low)).max() < 0.01  # of some 5


def test_what_lies_above_8_khz_does_not_fold_down() -> None:
    t = np.arange(WINDOW) / SAMPLE_RATE
    loud = [float(np.max(log_mel(np.sin(2 * np.pi * hz * t).astype(np.float32)))) for hz in (5000.0, 9500.0, 15_000.0)]
    assert loud[0] > 6.0
    assert max(loud[1:]) < 1.0  # of 60 dB less


# The network.


def plain_network(weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """musicnn in numpy, as its authors' code reads: float64 [50] of [187, 96]."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    x = x * w["input.scale"] + w["input.shift"]

    def over(x: np.ndarray, name: str) -> np.ndarray:
        """Convolve [time, bands] as long as before, over all places of the kernel along the bands: [time, places, out]."""
        kernel = w[f"{name}.weight"][:, 0]
        length, wide = kernel.shape[1:]
        padded = np.pad(x, (((length - 1) // 2, length // 2), (0, 0)))
        slides = np.lib.stride_tricks.sliding_window_view(padded, (length, wide))
        heard = np.tensordot(slides, kernel, axes=([2, 3], [1, 2])) + w[f"{name}.bias"]
        return np.maximum(heard, 0.0) * w[f"{name}.scale"] + w[f"{name}.shift"]

    first = [over(x, name).max(axis=1) for name in ("timbral_0", "timbral_1", "temporal_0", "temporal_1", "temporal_2")]
    front = np.concatenate(first, axis=1)
    one = over(front, "middle_0")[:, 0]
    two = over(one, "middle_1")[:, 0] + one
    three = over(two, "middle_2")[:, 0] + two
    seen = np.concatenate([front, one, two, three], axis=1)
    pooled = np.stack([seen.max(axis=0), seen.mean(axis=0)], axis=1).ravel()
    hidden = np.maximum(pooled @ w["hidden.weight"] + w["hidden.bias"], 0.0)
    return 1.0 / (1.0 + np.exp(-(hidden @ w["output.weight"] + w["output.bias"])))


def test_the_graph_is_the_network_of_the_paper(network: TagNetwork, techno: np.ndarray) -> None:
    x = log_mel(techno[:WINDOW].mean(axis=1))
    found = network.tag(x)
    assert found.shape == (len(TAGS),)
    assert np.abs(found - plain_network(load_weights(), x)).max() < 1e-4
    assert (network.tag(x) == found).all()


def test_the_shipped_file_is_small_and_whole() -> None:
    weights = load_weights()
    assert set(weights) == set(SHAPES)
    assert tag_network.WEIGHTS.stat().st_size < 1_700_000
    assert len(set(TAGS)) == len(TAGS) == 50


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "shape", "nan"])
def test_a_damaged_file_is_one_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "musicnn.npz"
    good = tag_network.WEIGHTS.read_bytes()
    arrays = {name: array.astype(np.float16) for name, array in load_weights().items()}
    if damage == "cut":
        path.write_bytes(good[: len(good) // 2])
    elif damage == "other":
        path.write_bytes(b"PK\x03\x04 no weights")
    elif damage == "shape":
        np.savez(path, **(arrays | {"output.bias": np.zeros(49, np.float16)}))
    elif damage == "nan":
        np.savez(path, **(arrays | {"hidden.bias": np.full(200, np.nan, np.float16)}))
    with pytest.raises(UserError) as raised:
        load_weights(path)
    assert str(path) in raised.value.line()


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tag_network.refusal() == ""
    monkeypatch.setattr(tag_network.importlib.util, "find_spec", lambda name: None)
    assert "onnxruntime" in tag_network.refusal()
    with pytest.raises(UserError, match="tagged"):
        open_network()
    monkeypatch.undo()
    monkeypatch.setattr(tag_network, "WEIGHTS", tmp_path / "none.npz")
    assert "none.npz" in tag_network.refusal()


# The signals.


def test_tags_of_made_music(network: TagNetwork, techno: np.ndarray, pads: np.ndarray) -> None:
    beat = tags(network, techno[-WINDOW:].mean(axis=1))
    still = tags(network, pads[-WINDOW:].mean(axis=1))
    assert set(beat) == set(TAGS)
    assert all(0.0 <= value <= 1.0 for value in beat.values())
    assert beat["techno"] > 0.3 > 5 * beat["strings"]
    assert still["ambient"] > 2 * beat["ambient"]


def test_signals_tell_a_beat_from_pads_and_from_speech(network: TagNetwork, techno: np.ndarray, pads: np.ndarray) -> None:
    beat, still = last(table(network, techno)), last(table(network, pads))
    spoken = last(table(network, beatless("speech", 9.0, np.random.default_rng(880_003)).pcm))
    assert set(beat) == set(TAG_SIGNALS)
    assert beat["electronic"] > 0.7
    assert beat["energy"] > still["energy"] + 0.4
    assert beat["drums"] > still["drums"] + 0.3
    assert still["calm"] > beat["calm"] + 0.4
    assert spoken["vocals"] > max(beat["vocals"], still["vocals"]) + 0.3


def test_signals_are_of_the_range() -> None:
    assert (signals_of(np.zeros(50, np.float32)) == 0.0).all()
    assert ((values := signals_of(np.ones(50, np.float32))) >= 0.0).all()
    assert (values <= 1.0).all()


def test_blocks_do_not_matter(network: TagNetwork, techno: np.ndarray) -> None:
    whole, parts = table(network, techno), table(network, techno, 97)
    assert len(whole.rows) == 6  # at 3.01 s, and then once a second
    assert np.allclose(np.diff(whole.rows["t"]), 1.0)
    assert (whole.rows["values"] == parts.rows["values"]).all()
    assert np.allclose(whole.rows["t"], parts.rows["t"])


def test_level_and_wiring_do_not_matter(network: TagNetwork, techno: np.ndarray) -> None:
    one = table(network, techno).rows["values"]
    assert np.abs(table(network, techno * np.float32(0.02)).rows["values"] - one).max() < 0.02
    mono = np.repeat(techno.mean(axis=1, keepdims=True), 2, axis=1)
    inverted = table(network, mono * np.float32([[1.0, -1.0]])).rows["values"]
    assert np.abs(inverted - table(network, mono).rows["values"]).max() < 0.02


def test_silence_and_broken_sound_give_nothing_and_raise_nothing(network: TagNetwork, techno: np.ndarray) -> None:
    silence = np.zeros((5 * SAMPLE_RATE, 2), np.float32)
    heard = table(network, silence)
    assert len(heard.rows) == 2
    assert not heard.rows["values"].any()
    assert mean_tags([heard]) == {}
    for bad in (np.nan, np.inf, -np.inf, 1e30):
        broken = silence.copy()
        broken[:] = bad
        assert not table(network, broken).rows["values"].any()
        pieces = techno[: 5 * SAMPLE_RATE].copy()
        pieces[::1000] = bad
        assert np.isfinite(table(network, pieces).rows["values"]).all()
    after = table(network, np.concatenate([techno, np.zeros((20 * SAMPLE_RATE, 2), np.float32)]))
    assert max(last(after).values()) < 0.02


def test_the_stream_takes_nothing_and_much(network: TagNetwork) -> None:
    stream = TagStream(network)
    assert list(stream.take(np.zeros((0, 2), np.float32), 0.0)) == []
    assert len(list(stream.take(np.zeros((10 * SAMPLE_RATE, 2), np.float32), 10.0))) == 7
    assert tags_of(network, []).at(5.0) == dict.fromkeys(NAMES, 0.0)


def row(t: float, value: float) -> np.void:
    made = np.zeros((), ROW)
    made["t"], made["values"] = t, value
    return made[()]


def test_values_go_straight_from_row_to_row_and_fade() -> None:
    rows = [row(3.0, 0.4), row(4.0, 0.8), row(5.0, 0.0)]

    def at(t: float, of: list[np.void] = rows) -> float:
        return values_at(of, t)["calm"]

    assert at(3.0 + DELAY_S - 0.01) == 0.0
    assert at(3.5 + DELAY_S) == pytest.approx(0.2)
    assert at(4.5 + DELAY_S) == pytest.approx(0.6)
    assert at(5.0 + DELAY_S) == pytest.approx(0.8)
    assert at(6.0 + DELAY_S) == pytest.approx(0.0)
    # A later row changes nothing of what was before it counts: live and offline agree.
    assert at(4.5 + DELAY_S, rows[:2]) == at(4.5 + DELAY_S)
    steps = np.array([at(t) for t in np.arange(2.0, 9.0, 1 / 60)])
    assert np.abs(np.diff(steps)).max() < 0.02
    gone = rows[:2]
    assert at(5.0 + DELAY_S + STALE_S - 1.1, gone) == pytest.approx(0.8)
    assert at(20.0, gone) < 1e-4
    made = TagTable(np.array(rows, ROW))
    assert made.at(4.7) == values_at(rows, 4.7)

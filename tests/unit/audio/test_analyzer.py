"""The Analyzer against signals whose features are known: pitch, bands, silence, a quiet room, attacks, clipping, repeats."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.analyzer import Analyzer
from phosphene.engine.core.signals import FEATURES, HOP, NORMALISED, SAMPLE_RATE


def analyse(mono: np.ndarray, analyzer: Analyzer | None = None) -> np.ndarray:
    """Return FEATURES[hops] of float[n], n cut to whole hops, at t_adc = samples / 48000."""
    analyzer = analyzer or Analyzer()
    hops = mono[: len(mono) // HOP * HOP].astype(np.float32).reshape(-1, HOP)
    out = np.zeros(len(hops), FEATURES)
    for k, hop in enumerate(hops):
        out[k] = analyzer.process(hop, (k + 1) * HOP / SAMPLE_RATE)
    return out


def normalised(records: np.ndarray) -> np.ndarray:
    """Return float32[hops, 9], in the order of NORMALISED."""
    return np.stack([records["norm"][name] for name in NORMALISED], axis=1)


def sine(hz: float, seconds: float = 0.5, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def noise(seconds: float, db: float, seed: int = 0) -> np.ndarray:
    return 10 ** (db / 20) * np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE))


def kicks(seconds: float, every_s: float = 0.5, seed: int = 0) -> np.ndarray:
    """Kicks over a quiet chord; the first one at `every_s`."""
    mono = sum(sine(f, seconds, 0.03) for f in (220.0, 277.18, 329.63))
    t = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    kick = 0.6 * np.sin(2 * np.pi * 55 * t) * np.exp(-t / 0.06)
    kick += 0.2 * np.random.default_rng(seed).standard_normal(len(t)) * np.exp(-t / 0.005)
    for start in np.arange(every_s, seconds - 0.25, every_s):
        at = round(start * SAMPLE_RATE)
        mono[at : at + len(kick)] += kick
    return mono


@pytest.mark.parametrize("hz", [120.0, 440.0, 1000.0, 5000.0, 12_000.0])
def test_sine_has_its_centroid_rolloff_and_band(hz: float) -> None:
    last = analyse(sine(hz))[-1]
    assert last["centroid"] == pytest.approx(hz, rel=0.02, abs=20.0)
    assert last["rolloff"] == pytest.approx(hz, abs=2 * SAMPLE_RATE / 1024)
    assert last["rms"] == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert last["flatness"] < 0.01
    expected = "bass" if hz < 250 else "mid" if hz < 4000 else "treble"
    assert max(("bass", "mid", "treble"), key=lambda band: last[band]) == expected


def test_full_scale_sine_is_minus_three_decibels_and_its_peak_is_one() -> None:
    last = analyse(sine(997.0, amplitude=1.0))[-1]
    assert last["loudness_db"] == pytest.approx(-3.01, abs=0.1)
    assert last["peak"] == pytest.approx(1.0, abs=1e-3)


def test_white_noise_is_flat_and_a_sine_is_not() -> None:
    records = analyse(noise(1.0, -20.0))
    assert records["flatness"][10:].mean() > 0.5
    assert records["centroid"][10:].mean() == pytest.approx(12_000, rel=0.05)


@pytest.mark.parametrize(("hz", "pitch_class"), [(261.63, 0), (440.0, 9), (659.26, 4), (987.77, 11)])
def test_chroma_names_the_note(hz: float, pitch_class: int) -> None:
    chroma = analyse(sine(hz))[-1]["chroma"]
    assert int(np.argmax(chroma)) == pitch_class
    assert chroma[pitch_class] == pytest.approx(1.0)
    assert np.sort(chroma)[-2] < 0.6


def test_digital_silence_is_nothing_at_all() -> None:
    records = analyse(np.zeros(SAMPLE_RATE))
    for name in ("rms", "peak", "bass", "mid", "treble", "centroid", "rolloff", "flatness", "flux", "onset", "active"):
        assert np.all(records[name] == 0), name
    assert np.all(records["loudness_db"] == -120)
    assert np.all(normalised(records) == 0)
    assert np.all(records["mel"] == 0)
    assert np.all(records["onset_time"] == -np.inf)


def test_quiet_room_stays_still() -> None:
    """Noise at -70 dB, also after music has been playing: no signal moves, no onset is flagged."""
    analyzer = Analyzer()
    analyse(kicks(3.0), analyzer)
    room = analyse(noise(4.0, -70.0), analyzer)[3 * SAMPLE_RATE // (2 * HOP) :]  # the gate shuts within 1.5 s
    assert np.all(room["active"] == 0)
    assert np.all(normalised(room) == 0)
    assert room["onset"].sum() == 0


def test_gain_has_a_ceiling() -> None:
    """Hiss loud enough to open the gate is not blown up to full level, however long it lasts."""
    records = analyse(noise(12.0, -50.0))[-SAMPLE_RATE // HOP :]
    assert np.all(records["active"] == 1)
    for name in ("rms", "bass", "mid", "treble", "flux"):
        assert records["norm"][name].mean() < 0.5, name


def test_normalised_features_use_their_range_at_any_level() -> None:
    """The same kicks 20 dB apart look alike after a few bars, and every value is in 0..1."""
    spans = []
    for gain in (1.0, 0.1):
        records = analyse(gain * kicks(10.0))[-4 * SAMPLE_RATE // HOP :]
        values = normalised(records)
        assert values.min() >= 0.0
        assert values.max() <= 1.0
        for name in ("rms", "bass", "flux", "onset_strength"):
            assert records["norm"][name].max() > 0.8, (name, gain)
            assert np.median(records["norm"][name]) < 0.4, (name, gain)
        spans.append(np.median(records["norm"]["rms"]))
    assert spans[0] == pytest.approx(spans[1], abs=0.1)


def test_break_looks_quiet_after_the_drop() -> None:
    """Eight seconds at a quarter of the level stay visibly lower: the reference remembers the drop."""
    loud, quiet = kicks(10.0), 0.25 * kicks(8.0)
    records = analyse(np.concatenate([loud, quiet]))
    last_second = records[-SAMPLE_RATE // HOP :]
    assert last_second["norm"]["rms"].max() < 0.6


@pytest.mark.parametrize("offset", [0, 64, 128, 192])
def test_flux_rises_within_one_hop_of_an_attack(offset: int) -> None:
    """Wherever in a hop the kick begins, that hop's normalised flux stands out, and the next one's is at the top."""
    mono = np.concatenate([kicks(4.0), np.zeros(HOP * 2)])
    mono = mono[(HOP - offset) % HOP :]  # shifts every attack inside its hop
    records = analyse(mono)
    flux = records["norm"]["flux"]
    start = round(3.5 * SAMPLE_RATE) - (HOP - offset) % HOP
    hop = start // HOP
    assert flux[hop - 6 : hop].max() < 0.2
    assert flux[hop] > 0.25  # even when only the last 64 samples of the hop have the attack
    assert flux[hop : hop + 2].max() > 0.9


def test_onsets_are_back_dated_to_the_attack() -> None:
    records = analyse(kicks(8.0))
    flagged = records[records["onset"] > 0]
    true = np.arange(0.5, 7.75, 0.5)
    nearest = np.array([np.min(np.abs(flagged["onset_time"] - t)) for t in true])
    assert np.sum(nearest < 0.02) >= len(true) - 1
    assert len(flagged) <= len(true) + 3
    delays = flagged["t_adc"] - flagged["onset_time"]
    assert np.all(delays > 0)
    assert np.median(delays) < 0.035


def test_same_hops_give_the_same_bits() -> None:
    mono = kicks(3.0) + noise(3.0, -40.0)
    assert analyse(mono).tobytes() == analyse(mono).tobytes()


def test_record_is_reused_and_counts_samples() -> None:
    analyzer = Analyzer()
    first = analyzer.process(np.zeros(HOP, np.float32), 0.1)
    kept = first.copy()
    second = analyzer.process(np.full(HOP, 0.5, np.float32), 0.2, peak=0.9)
    assert second is first
    assert int(kept["sample"]) == HOP
    assert int(second["sample"]) == 2 * HOP
    assert float(second["t_adc"]) == 0.2
    assert second["peak"] == pytest.approx(0.9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_broken_input_counts_as_silence_and_does_no_lasting_harm(bad: float) -> None:
    analyzer = Analyzer()
    analyse(sine(440.0), analyzer)
    hop = sine(440.0)[:HOP].astype(np.float32)
    hop[17] = bad
    record = analyzer.process(hop, 1.0)
    assert record["rms"] < 0.36
    assert record["peak"] == 0
    last = analyse(sine(440.0), analyzer)[-1]
    for name in FEATURES.names:
        if name not in ("norm", "onset_time"):
            assert np.all(np.isfinite(last[name])), name
    assert last["centroid"] == pytest.approx(440.0, rel=0.05)
    assert all(0.0 <= last["norm"][name] <= 1.0 for name in NORMALISED)

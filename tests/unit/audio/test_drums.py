"""Kick, snare and hat: found where they are and only there, at any level, and whatever comes in nothing breaks."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.audio import drum_network
from phosphene.engine.audio.drum_bands import LAG_S
from phosphene.engine.audio.drum_network import HIDDEN, TAPS, WEIGHTS, DrumNetwork, load_weights
from phosphene.engine.audio.drums import BY_NETWORK, CLASSES, Drums, live_drums
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE
from phosphene.tools.lab.ears import filters
from phosphene.tools.lab.ears.drum_scoring import Hops, Tally, analysed, heard
from phosphene.tools.lab.ears.mels import COMPRESSION, mel_powers
from phosphene.tools.lab.ears.piece import Piece, Recipe, make

HOP_S = HOP / SAMPLE_RATE


@pytest.fixture(scope="module")
def pieces() -> list[tuple[Piece, Hops]]:
    """Two that nothing was trained or tuned on, with a bass and a pad under the drums."""
    recipes = (Recipe("house", "909", 124.0, 10.0, 31, intro=0), Recipe("rock", "acoustic", 104.0, 10.0, 32, intro=0))
    return [(piece, analysed(piece.pcm)) for piece in map(make, recipes)]


def tallies(drums: list[Drums], pieces: list[tuple[Piece, Hops]]) -> dict[str, Tally]:
    out = {name: Tally() for name in CLASSES}
    for one, (piece, hops) in zip(drums, pieces, strict=True):
        what = heard(one, hops.mel, hops.active)
        for name, tally in out.items():
            tally.add(name, what, piece.hits[name], piece.seconds, piece.strengths[name])
    return out


def flagged(drums: Drums, mel: np.ndarray, active: float = 1.0) -> np.ndarray:
    """Return float32 [hops, 3]."""
    out = np.zeros((len(mel), len(CLASSES)), np.float32)
    for k, row in enumerate(mel):
        drums.step(row, active, (k + 1) * HOP_S)
        out[k] = drums.flags
    return out


def test_the_drums_of_a_piece_are_found(pieces) -> None:
    """The null of each are the same hits, turned round in time."""
    for name, tally in tallies([live_drums(), live_drums()], pieces).items():
        assert tally.f > {"kick": 0.8, "snare": 0.7, "hat": 0.7}[name], name
        assert tally.f > tally.null + 0.3, name


def test_bands_alone_find_them_too(pieces) -> None:
    for name, tally in tallies([Drums(), Drums()], pieces).items():
        assert tally.f > {"kick": 0.55, "snare": 0.5, "hat": 0.6}[name], name
        assert tally.f > tally.null + 0.15, name


def test_a_hit_is_told_within_25_ms_and_at_its_time(pieces) -> None:
    for name, tally in tallies([live_drums(), live_drums()], pieces).items():
        assert np.median(tally.late) < 0.025, name
        assert abs(np.median(tally.off)) < 0.008, name


def test_hard_hits_are_stronger_than_soft_ones() -> None:
    recipe = Recipe("hip-hop", "909", 90.0, 10.0, 33, lines=(0, 1, 1, 0), bass=0.0, pad=0.0, intro=0, fills=False)
    piece = make(recipe)
    hops = analysed(piece.pcm)
    found = tallies([live_drums()], [(piece, hops)])
    for name in ("snare", "hat"):
        said, true = np.array(found[name].strong).T
        assert min((true > 0.7).sum(), (true < 0.6).sum()) > 2
        assert said[true > 0.7].mean() > said[true < 0.6].mean() + 0.1, name
        assert ((said > 0.0) & (said <= 1.0)).all()


@pytest.mark.parametrize("db", [-24.0, -36.0])
def test_quiet_music_has_the_same_drums(pieces, db: float) -> None:
    """At -39 and -51 dBFS in all; the first seconds are the lift's, which has to find out."""
    piece = pieces[0][0]
    quiet = analysed(piece.pcm * filters.from_db(db))
    what = heard(live_drums(), quiet.mel, quiet.active)
    for name in ("kick", "hat"):
        tally = Tally()
        times = {n: t[t > 5.0] for n, t in what.times.items()}
        kept = type(what)(times, {n: what.flagged[n][what.times[n] > 5.0] for n in CLASSES}, what.strengths)
        tally.add(name, kept, piece.hits[name][piece.hits[name] > 5.0], piece.seconds)
        assert tally.f > 0.6, name
        assert tally.f > tally.null + 0.15, name


def test_silence_and_steady_sounds_have_no_drums() -> None:
    rng = np.random.default_rng(0)
    n = 4 * SAMPLE_RATE
    t = np.arange(n) / SAMPLE_RATE
    sounds = {
        "silence": np.zeros(n, np.float32),
        "noise": 0.03 * rng.standard_normal(n).astype(np.float32),
        "hum": (0.1 * np.sin(2 * np.pi * 50.0 * t) + 0.05 * np.sin(2 * np.pi * 150.0 * t)).astype(np.float32),
    }
    for name, mono in sounds.items():
        hops = analysed(np.repeat(mono[:, None], 2, axis=1))
        found = flagged(live_drums(), hops.mel)
        assert (found[round(0.5 / HOP_S) :] > 0.0).sum() <= 2, name  # in 3.5 s; that it begins may be taken for a hit
        assert name != "silence" or not found.any()


def test_nothing_is_flagged_while_the_gate_is_shut(pieces) -> None:
    drums = live_drums()
    assert not flagged(drums, pieces[0][1].mel, active=0.0).any()
    assert (drums.times == -np.inf).all()
    assert not drums.strengths.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -5.0])
def test_what_is_no_sound_is_heard_as_something_finite(pieces, bad: float) -> None:
    mel = pieces[0][1].mel
    spoilt = mel.copy()
    spoilt[300:304, 7] = bad
    found, plain = flagged(live_drums(), spoilt), flagged(live_drums(), mel)
    assert np.isfinite(found).all()
    assert ((found >= 0.0) & (found <= 1.0)).all()
    after = 304 + round(2.0 / HOP_S)
    assert np.array_equal(found[after:] > 0.0, plain[after:] > 0.0)
    assert (plain > 0.0).any()
    drums = live_drums()
    drums.step(mel[0], float("nan"), float("nan"))
    assert not drums.flags.any()


def test_the_same_music_has_the_same_drums(pieces) -> None:
    mel = pieces[1][1].mel
    assert np.array_equal(flagged(live_drums(), mel), flagged(live_drums(), mel))


def test_the_newest_hit_is_kept_with_its_time_and_strength(pieces) -> None:
    weights, drums, newest = load_weights(), live_drums(), np.full(len(CLASSES), -np.inf)
    lags = np.where(BY_NETWORK, weights["lag_s"], LAG_S)
    for k, row in enumerate(pieces[0][1].mel):
        t = (k + 1) * HOP_S
        drums.step(row, 1.0, t)
        for c in np.flatnonzero(drums.flags):
            newest[c] = t - lags[c]
            assert drums.strengths[c] == drums.flags[c]
        assert np.allclose(drums.times, newest, atol=1e-9)
    assert np.isfinite(newest).all()


def test_the_network_is_three_layers_on_nine_hops() -> None:
    """The same numbers as when it is written down as plain matrices."""
    weights = load_weights()
    network, mel = DrumNetwork(weights), np.random.default_rng(1).uniform(0.0, 9.0, (40, MEL_BANDS)).astype(np.float32)
    for row in mel:
        network.step(row)
    x = mel[[len(mel) - 1 - tap for tap in TAPS]].ravel().astype(np.float64)
    for k in range(len(HIDDEN) + 1):
        x = x @ weights[f"weight{k}"].astype(np.float64) + weights[f"bias{k}"]
        x = np.maximum(x, 0.0) if k < len(HIDDEN) else x
    np.testing.assert_allclose(network.logits, x, rtol=1e-4, atol=1e-4)


def spoilt_file(folder: Path, how: str) -> Path:
    path = folder / "drums.npz"
    whole = WEIGHTS.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "no file of numpy":
        path.write_bytes(b"drums")
    elif how != "missing":
        arrays = dict(np.load(WEIGHTS))
        if how == "another shape":
            arrays["weight1"] = arrays["weight1"][:-1]
        elif how == "not a number":
            arrays["bias0"] = np.full_like(arrays["bias0"], np.nan)
        elif how == "no chance":
            arrays["threshold"] = np.array([0.5, 1.5, 0.5], np.float32)
        else:
            del arrays["threshold"]
        np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "how", ["missing", "truncated", "no file of numpy", "another shape", "not a number", "no chance", "one is not there"]
)
def test_without_the_weights_the_bands_are_left(tmp_path: Path, monkeypatch, caplog, pieces, how: str) -> None:
    path = spoilt_file(tmp_path, how)
    with pytest.raises(UserError, match="drum network"):
        load_weights(path)

    def spoilt() -> dict[str, np.ndarray]:
        return load_weights(path)

    monkeypatch.setattr(drum_network, "load_weights", spoilt)
    drum_network.shipped.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            first, second = live_drums(), live_drums()
        assert len([r for r in caplog.records if "drum network" in r.getMessage()]) == 1
    finally:
        drum_network.shipped.cache_clear()
    mel = pieces[0][1].mel[:600]
    assert np.array_equal(flagged(first, mel), flagged(Drums(), mel))
    assert flagged(second, mel).any()


def test_the_spectrum_that_it_learns_from_is_the_analyser_s(pieces) -> None:
    """But for the lowest bands, out of which the analyser takes what is constant."""
    piece, hops = pieces[0]
    learnt = np.log1p(mel_powers(piece.pcm.mean(axis=1)) * np.float32(COMPRESSION))
    np.testing.assert_allclose(learnt[40:, 4:], hops.mel[40:, 4:], atol=0.05)

"""What drums are learnt from and scored with: the same seed is the same mix, truth is where the sound is, F counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE
from phosphene.tools.lab import bench_drums
from phosphene.tools.lab.ears import backing, wide_drums
from phosphene.tools.lab.ears.drum_examples import example, log_mel, targets
from phosphene.tools.lab.ears.drum_mixes import Sounds, mix
from phosphene.tools.lab.ears.drum_scoring import HeardDrums, Tally, pairs
from phosphene.tools.lab.ears.drums import CLASSES
from phosphene.tools.lab.ears.mels import mel_powers
from phosphene.tools.lab.ears.piece import Recipe, make


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    return Sounds.of(5, 3)


def test_the_same_seed_is_the_same_mix(sounds: Sounds) -> None:
    one, again, other = mix(3, sounds, 3.0), mix(3, sounds, 3.0), mix(4, sounds, 3.0)
    assert np.array_equal(one.pcm, again.pcm)
    assert not np.array_equal(one.pcm, other.pcm)
    for name in CLASSES:
        assert np.array_equal(one.hits[name], again.hits[name])


def test_mixes_are_finite_and_within_bounds_and_most_have_every_drum(sounds: Sounds) -> None:
    found = [mix(seed, sounds, 3.0) for seed in range(24)]
    for made in found:
        assert made.pcm.dtype == np.float32
        assert np.isfinite(made.pcm).all()
        assert 0.0 < np.abs(made.pcm).max() < 12.0
        for times in made.hits.values():
            assert (np.diff(times) >= 0.0).all()
            assert ((times >= 0.0) & (times < 3.1)).all()
    for name in CLASSES:
        assert 12 <= sum(len(made.hits[name]) > 0 for made in found) < 24


@pytest.mark.parametrize("draw", [*wide_drums.DRUMS.values(), *backing.NOTES.values()])
def test_voices_begin_with_their_attack(draw) -> None:
    for seed in range(8):
        voice = draw(np.random.default_rng(seed))
        assert voice.dtype == np.float32
        assert np.isfinite(voice).all()
        assert np.abs(voice).max() == pytest.approx(1.0, abs=1e-3)
        if draw in wide_drums.DRUMS.values():
            assert np.argmax(np.abs(voice) > 0.1) < 0.012 * SAMPLE_RATE


def test_targets_say_yes_after_the_attack_and_not_for_what_is_drowned(sounds: Sounds) -> None:
    """Of noise with one burst in it, the hits that are claimed elsewhere are not asked for."""
    rng = np.random.default_rng(0)
    pcm = 0.01 * rng.standard_normal(SAMPLE_RATE).astype(np.float32)
    pcm[24_000:26_000] += 0.5 * rng.standard_normal(2000).astype(np.float32)
    power = np.log(mel_powers(pcm) + 1e-12).astype(np.float16)
    start = 24_000 // HOP
    wanted, weight = targets(power, {"kick": np.array([0.2]), "snare": np.array([0.5]), "hat": np.array([0.5, 0.75])})
    assert np.flatnonzero(wanted[:, 1]).tolist() == [start + 1, start + 2, start + 3]
    assert weight[start + 2, 1] == 1.0
    assert weight[start, 1] == 0.0
    drowned = int(0.75 * SAMPLE_RATE) // HOP
    assert not weight[drowned : drowned + 4, 2].any()
    assert weight[: start - 60, 1].all()


def test_an_example_is_a_spectrum_with_its_hits(sounds: Sounds) -> None:
    power, hits = example(2, sounds)
    assert power.shape == (6 * SAMPLE_RATE // HOP, 40)
    assert set(hits) == set(CLASSES)
    assert np.isfinite(log_mel(power)).all()
    assert (log_mel(power, 6.0) >= log_mel(power)).all()


def test_one_shots_are_told_by_their_names_and_a_third_is_held_out(tmp_path: Path) -> None:
    import av

    for k in range(24):
        samples = np.zeros((1, 4800), np.int16)
        samples[0, 600:] = (20_000 * np.sin(np.arange(4200) * 0.05 * (k + 1))).astype(np.int16)
        with av.open(str(tmp_path / f"bd_{chr(97 + k)}.flac"), "w") as file:
            stream = file.add_stream("flac", rate=SAMPLE_RATE)
            stream.layout = "mono"
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.rate = SAMPLE_RATE
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    (tmp_path / "readme.txt").write_text("kicks")
    learnt, held_out = wide_drums.one_shots(tmp_path, False), wide_drums.one_shots(tmp_path, True)
    assert len(learnt["kick"]) + len(held_out["kick"]) == 24
    assert 3 <= len(held_out["kick"]) <= 13
    assert not learnt["snare"]
    assert all(np.argmax(np.abs(voice) > 0.1) < 0.002 * SAMPLE_RATE for voice in learnt["kick"])
    with pytest.raises(UserError, match="one-shots"):
        wide_drums.one_shots(tmp_path / "nowhere", False)


def test_hits_are_matched_one_to_one() -> None:
    assert pairs(np.array([0.0, 0.04, 1.0]), np.array([0.03, 1.2])) == [(0, 0)]
    assert pairs(np.array([]), np.array([1.0])) == []


def test_the_tally_counts_and_its_null_is_what_chance_gives() -> None:
    true = np.arange(1.0, 19.0, 0.5)
    exact = HeardDrums({"kick": true}, {"kick": true + 0.02}, {"kick": np.linspace(0.1, 1.0, len(true))})
    tally = Tally()
    tally.add("kick", exact, true, 20.0, np.linspace(0.2, 0.9, len(true)))
    assert tally.f == 1.0
    assert tally.figures()["late_ms"] == pytest.approx(20.0)
    assert tally.figures()["strength_rank"] == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    chance = Tally()
    times = np.sort(rng.uniform(0.0, 20.0, len(true)))
    chance.add("kick", HeardDrums({"kick": times}, {"kick": times}, {"kick": np.ones(len(true))}), true, 20.0)
    assert chance.f == pytest.approx(chance.null, abs=0.15)
    assert chance.f < 0.5


def test_a_sound_goes_through_every_detector_and_into_the_table() -> None:
    piece = make(Recipe("house", "909", 124.0, 6.0, 2, lines=(0, 0, 0, None), intro=0))
    row = bench_drums.score(bench_drums.Sound("easy", lambda: piece))
    assert set(row["heard"]) == {*bench_drums.DETECTORS, "onset"}
    tallies = {name: bench_drums._tally([row], name) for name in row["heard"]}
    assert tallies["live"]["kick"].f > tallies["onset"]["kick"].f > 0.2
    found = {name: {drum: tally.figures() for drum, tally in drums.items()} for name, drums in tallies.items()}
    text = bench_drums.table({"scores": {"easy": found}, "cost": {"live": {"us_p50": 30.0}}})
    assert "\neasy\n" in text
    assert "| onset |" in text

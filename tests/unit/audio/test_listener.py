"""The Listener fills three rings per hop, whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.base import PCM
from phosphene.engine.audio.downmix import DEAD, Downmix
from phosphene.engine.audio.listener import Listener
from phosphene.engine.core.ring import Ring
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE
from phosphene.engine.tempo.timeline import TIMELINE


@pytest.fixture
def rings() -> tuple[Ring, Ring, Ring]:
    made = [Ring.create(bytearray(Ring.nbytes(r, 4096)), r, 4096) for r in (FEATURES, PCM, TIMELINE)]
    return made[0], made[1], made[2]


def constant(left: float, right: float) -> np.ndarray:
    return np.tile(np.array([left, right], np.float32), (HOP, 1))


def test_a_hop_is_one_record_each_with_one_time(rings) -> None:
    listener = Listener(*rings)
    listener.hear(constant(0.25, -0.5), 2.0)
    features, pcm = rings[0].latest(), rings[1].latest()
    assert rings[0].written == rings[1].written == 1
    assert features["t_adc"] == pcm["t_adc"] == 2.0
    assert features["sample"] == pcm["sample"] == HOP
    assert np.array_equal(pcm["pcm"], constant(0.25, -0.5))
    assert features["peak"] == pytest.approx(0.5)


def tone(hops: int, amplitude: float = 0.1, hz: float = 300.0) -> np.ndarray:
    """Return float32 [hops, HOP, 2], the same on both channels."""
    t = np.arange(hops * HOP) / SAMPLE_RATE
    mono = (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)
    return np.repeat(mono.reshape(hops, HOP, 1), 2, axis=2)


def hear(listener: Listener, hops: np.ndarray, features: Ring, gain: float = 1.0) -> np.ndarray:
    """Return the FEATURES of hops float32 [n, HOP, 2]."""
    kept = np.zeros(len(hops), FEATURES)
    for k, hop in enumerate(hops):
        listener.hear(hop, (k + 1) * HOP / SAMPLE_RATE, gain)
        kept[k] = features.latest()
    return kept


def test_gain_moves_the_analysis_and_not_the_recording(rings) -> None:
    hop = tone(1)
    louder = float(hear(Listener(*rings), hop, rings[0], gain=2.0)["rms"][0])
    plain = float(hear(Listener(*rings), hop, rings[0])["rms"][0])
    assert plain > 0.01
    assert louder == pytest.approx(2.0 * plain, rel=1e-5)
    assert np.array_equal(rings[1].latest()["pcm"], hop[0])


def test_clipped_samples_are_counted_on_both_channels(rings) -> None:
    listener = Listener(*rings)
    hop = constant(0.2, 0.2)
    hop[:5, 0] = 1.0
    hop[:3, 1] = -1.0
    listener.hear(hop, 0.0)
    assert listener.clipped == 8
    assert listener.peak == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e20])
def test_broken_samples_are_silence_and_the_others_sound(rings, bad: float) -> None:
    listener = Listener(*rings)
    hops, expected = tone(12), tone(12)
    hops[8, 9, 1] = bad
    expected[8, 9, 1] = 0.0
    found = hear(listener, hops, rings[0])
    heard = np.stack([block["pcm"] for block in rings[1].since(0)[0]])
    assert np.array_equal(heard, expected)
    assert listener.broken == 1
    assert "1 samples are no sound" in listener.notes()[0]
    assert found["peak"][8] == pytest.approx(0.1, rel=0.01)
    assert found["rms"][8] == pytest.approx(0.1 / np.sqrt(2), rel=0.1)
    assert all(np.isfinite(found[name]).all() for name in ("rms", "loudness_db", "flux", "mel", "bass"))


def test_broken_samples_without_an_end_are_silence(rings) -> None:
    listener = Listener(*rings)
    found = hear(listener, np.full((40, HOP, 2), np.nan, np.float32), rings[0])
    assert np.all(found["active"] == 0)
    assert listener.broken == 40 * HOP * 2


def kicks(seconds: float) -> np.ndarray:
    """Return float32 [hops, HOP]: a kick every half second over a quiet tone."""
    t = np.arange(int(seconds * SAMPLE_RATE) // HOP * HOP) / SAMPLE_RATE
    u = t % 0.5
    mono = 0.05 * np.sin(2 * np.pi * 220 * t) + 0.7 * np.exp(-25 * u) * np.sin(2 * np.pi * 60 * u)
    return mono.astype(np.float32).reshape(-1, HOP)


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=2).astype(np.float32)


@pytest.mark.parametrize("right", [-1.0, -0.7, -1.4])
def test_an_inverted_channel_is_heard_as_well_as_a_right_one(rings, right: float) -> None:
    music = kicks(4.0)
    level = 0.5 * (1.0 + abs(right))
    plain = hear(Listener(*rings), stereo(level * music, level * music), rings[0])
    listener = Listener(*rings)
    found = hear(listener, stereo(music, right * music), rings[0])
    assert listener.inverted
    assert "left minus right" in listener.notes()[0]
    early = round(0.2 * SAMPLE_RATE / HOP)
    assert found["rms"][early:] == pytest.approx(plain["rms"][early:], rel=0.02, abs=1e-4)
    later = len(music) // 2
    for name in ("rms", "bass"):
        assert found["norm"][name][later:].std() == pytest.approx(plain["norm"][name][later:].std(), rel=0.15)
    assert found["onset"].sum() == pytest.approx(plain["onset"].sum(), abs=1)


def test_a_change_of_the_wiring_glides_and_is_followed_both_ways(rings) -> None:
    music = kicks(9.0)
    sign = np.ones(len(music))
    sign[len(music) // 3 : 2 * len(music) // 3] = -1.0
    listener = Listener(*rings)
    right = music * sign[:, None]
    inverted, mono = [], []
    for k, hop in enumerate(stereo(music, right)):
        listener.hear(hop, k * HOP / SAMPLE_RATE)
        inverted.append(listener.inverted)
        mono.append(listener._mono.copy())
    third = len(music) // 3
    within = round(1.5 * SAMPLE_RATE / HOP)
    assert not any(inverted[:third])
    assert all(inverted[third + within : 2 * third])
    assert not any(inverted[2 * third + within :])
    # However it is wired, no sample is further from the last one than the music's own are: nothing clicks.
    own = np.abs(np.diff(music.ravel())).max()
    heard = np.concatenate(mono)
    switched = (third * HOP, 2 * third * HOP)  # where the wiring itself changes, the sound does
    steps = np.abs(np.diff(heard))
    for at in switched:
        steps[at - 1 : at + 1] = 0.0
    assert steps.max() <= 1.1 * own


def test_wide_music_one_channel_and_silence_are_not_inverted(rings) -> None:
    rng = np.random.default_rng(0)
    music = kicks(3.0)
    apart = (0.05 * rng.standard_normal(music.shape)).astype(np.float32)
    hiss = (1e-4 * rng.standard_normal(music.shape)).astype(np.float32)
    for left, right in (
        (music + apart, music - apart),
        (apart, 0.05 * rng.standard_normal(music.shape)),
        (music, np.zeros_like(music)),
        (hiss, -hiss),
        (np.zeros_like(music), np.zeros_like(music)),
        (np.full_like(music, 0.3), np.full_like(music, -0.3)),
    ):
        listener = Listener(*rings)
        found = hear(listener, stereo(left, right), rings[0])
        assert not listener.inverted
        assert listener.notes() == []
    assert np.all(found["active"] == 0), "an offset, even one of each sign, is silence"


def test_one_dead_channel_moves_the_picture_as_two_do(rings) -> None:
    music = kicks(6.0)
    plain = hear(Listener(*rings), stereo(music, music), rings[0])
    found = hear(Listener(*rings), stereo(music, np.zeros_like(music)), rings[0])
    later = len(music) // 2
    for name in ("rms", "bass"):
        assert found["norm"][name][later:].std() == pytest.approx(plain["norm"][name][later:].std(), rel=0.25)


def fed(downmix: Downmix, left: np.ndarray, right: np.ndarray) -> None:
    """Mix hops [n, HOP]."""
    out = np.zeros(HOP, np.float32)
    for hop in stereo(left, right):
        downmix.mix(hop, 1.0, out)


@pytest.mark.parametrize(("alive", "dead"), [(0, 1), (1, 0)])
def test_a_dead_channel_is_said_after_ten_seconds_and_no_more_once_it_lives(alive: int, dead: int) -> None:
    music, rng = kicks(4.0), np.random.default_rng(2)
    hum = (1e-4 * rng.standard_normal(music.shape)).astype(np.float32)
    pair = [music, music]
    pair[dead] = hum
    downmix = Downmix(HOP, SAMPLE_RATE)
    for _ in range(2):
        fed(downmix, *pair)
        assert downmix.dead is None
    fed(downmix, *pair)
    assert downmix.dead == dead
    fed(downmix, hum, hum[::-1])  # a break: nothing is known
    fed(downmix, 0 * hum, 0 * hum)
    assert downmix.dead == dead
    pair[dead] = 0.05 * music
    fed(downmix, *pair)
    assert downmix.dead is None


def test_a_file_is_called_one_sided_only_if_most_of_it_is(rings) -> None:
    music = kicks(18.0)  # what has just played on the other side is forgotten after 6 s, and then 10 s are waited
    for seconds, said in ((0.0, True), (18.0, False)):
        listener = Listener(*rings)
        both = music[: round(seconds * SAMPLE_RATE / HOP)]
        for part in (stereo(both, both), stereo(music, 0 * music)):
            for k, hop in enumerate(part):
                listener.hear(hop, k * HOP / SAMPLE_RATE)
        assert listener.dead == 1
        assert (DEAD[1] in listener.notes()) == said


def test_music_on_one_side_and_a_quiet_other_side_is_no_dead_channel() -> None:
    music = kicks(12.0)
    for left, right in ((music, 0.01 * music), (0 * music, 0 * music), (1e-5 * music, 0 * music)):
        downmix = Downmix(HOP, SAMPLE_RATE)
        fed(downmix, left, right)
        assert downmix.dead is None


def test_a_quiet_mirror_image_is_found_too() -> None:
    """A peak of -56 dBFS."""
    downmix, music = Downmix(HOP, SAMPLE_RATE), 0.002 * kicks(3.0)
    fed(downmix, music, -music)
    assert downmix.inverted


def test_channels_that_change_sides_are_heard_without_a_click(rings) -> None:
    """Left and right swapped in mid-show: their mean is the same to the bit."""
    rng = np.random.default_rng(3)
    left, right = kicks(2.0), (0.1 * rng.standard_normal(kicks(2.0).shape)).astype(np.float32)
    half = len(left) // 2
    swapped = stereo(left, right)
    swapped[half:] = swapped[half:, :, ::-1]
    plain = hear(Listener(*rings), stereo(left, right), rings[0])
    found = hear(Listener(*rings), swapped, rings[0])
    assert np.array_equal(found, plain)


@pytest.mark.parametrize("offset", [0.03, -0.3])
def test_an_offset_is_recorded_and_not_analysed(rings, offset: float) -> None:
    rng = np.random.default_rng(1)
    hiss = (1e-4 * rng.standard_normal((400, HOP))).astype(np.float32)
    quiet = hear(Listener(*rings), stereo(hiss + offset, hiss + offset), rings[0])
    assert np.all(quiet["active"] == 0)
    assert quiet["peak"][-1] == pytest.approx(abs(offset), abs=1e-3)
    assert rings[1].latest()["pcm"].mean() == pytest.approx(offset, rel=0.01)
    music = 0.1 * kicks(6.0)
    plain = hear(Listener(*rings), stereo(music, music), rings[0])
    found = hear(Listener(*rings), stereo(music + offset, music + offset), rings[0])
    for name in ("rms", "bass", "mid", "treble", "flux"):
        assert found[name] == pytest.approx(plain[name], rel=0.02, abs=2e-4), name


def test_skipped_samples_are_a_jump_in_the_count(rings) -> None:
    listener = Listener(*rings)
    listener.hear(constant(0, 0), 0.0)
    listener.skip(1000)
    listener.hear(constant(0, 0), 0.1)
    assert rings[0].latest()["sample"] == rings[1].latest()["sample"] == 2 * HOP + 1000


def test_clicks_on_the_beat_become_a_line(rings) -> None:
    """Ten seconds of noise bursts at 120 bpm: the newest record of the timeline ring is that tempo."""
    listener = Listener(*rings)
    rng = np.random.default_rng(0)
    mono = np.zeros(10 * SAMPLE_RATE, np.float32)
    for k in range(20):
        mono[k * 24_000 : k * 24_000 + 2400] = 0.5 * rng.standard_normal(2400) * np.exp(-np.arange(2400) / 500)
    for k in range(len(mono) // HOP):
        listener.hear(np.repeat(mono[k * HOP : (k + 1) * HOP, None], 2, axis=1), (k + 1) * HOP / SAMPLE_RATE)
    assert rings[2].latest()["bpm"] == pytest.approx(120.0, rel=0.02)

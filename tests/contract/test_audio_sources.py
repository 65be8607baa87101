"""One suite for every AudioSource: the supervised audio process playing a file, the analysis of the same file, and the same
file prepared for a render.

Live is played in real time, so the whole suite shares one run of a few seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.audio.base import PCM, AudioHealth, AudioSource
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.audio.prepared import prepare
from phosphene.engine.audio.supervisor import Supervisor
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE, BeatPosition, signals_at
from phosphene.engine.tempo.timeline import Timeline

SECONDS = 4.0
BEAT_S = 0.5


@dataclass
class Heard:
    """A source that has heard the whole file, and everything it said about it."""

    source: AudioSource
    records: list[np.void]  # of each look
    onsets: list[float]
    blocks: list[np.void]
    lost: int
    origin: float  # t_adc line at the file's beginning


def beats(path: Path) -> Path:
    """Write 3 s of kicks and noise at 120 bpm, then silence; the first kick at 0.5 s."""
    t = np.arange(int(0.15 * SAMPLE_RATE)) / SAMPLE_RATE
    rng = np.random.default_rng(0)
    mono = 0.001 * rng.standard_normal(int(3 * SAMPLE_RATE) + 100)
    for k in range(1, 6):
        hit = 0.5 * np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.05) + 0.2 * rng.standard_normal(len(t)) * np.exp(-t / 0.01)
        at = round(k * BEAT_S * SAMPLE_RATE)
        mono[at : at + len(t)] += hit
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="stereo")
        data = np.repeat((mono.clip(-0.99, 0.99) * 32767).astype(np.int16), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def listen(source: AudioSource, times: Iterator[float], origin: Callable[[], float]) -> Heard:
    """Look at the source once per time, as a render loop does, and collect."""
    heard = Heard(source, [], [], [], 0, 0.0)
    onset_cursor = pcm_cursor = 0
    for t in times:
        heard.records.append(source.records(t))
        onsets, onset_cursor = source.onsets_since(onset_cursor)
        blocks, pcm_cursor, lost = source.pcm_since(pcm_cursor)
        heard.onsets += onsets
        heard.blocks += blocks
        heard.lost += lost
    heard.origin = origin()
    return heard


def live_times(supervisor: Supervisor) -> Iterator[float]:
    begun = clock.now()
    while supervisor.health().hops * HOP / SAMPLE_RATE < SECONDS:
        assert clock.now() - begun < 180.0, supervisor.health()
        yield clock.now()
        clock.sleep(1 / 60)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return beats(tmp_path_factory.mktemp("audio") / "beats.flac")


@pytest.fixture(scope="module", params=["live", "offline", "prepared"])
def heard(request: pytest.FixtureRequest, path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    if request.param == "live":
        source: AudioSource = Supervisor(f"file:{path}")
        times = live_times(source)
    else:
        cache = tmp_path_factory.mktemp("cache")
        source = FileAnalysis(path) if request.param == "offline" else prepare(path, cache=cache).source()
        times = (k / 60 for k in range(round(SECONDS * 60) + 1))
    result = listen(source, times, lambda: 0.0)
    result.origin = float(result.blocks[0]["t_adc"]) - HOP / SAMPLE_RATE
    yield result
    source.close()


def test_records_are_features_in_order_and_few(heard: Heard) -> None:
    assert all(len(look) <= 64 for look in heard.records)
    assert all(r.dtype == FEATURES for r in heard.records[-1])
    assert len(heard.records[-1]) == 16
    for look in heard.records:
        times = [float(r["t_adc"]) for r in look]
        assert times == sorted(times)
        samples = np.diff([int(r["sample"]) for r in look])
        assert np.all(samples == HOP)


def test_records_keep_up_with_time(heard: Heard) -> None:
    newest = [float(look[-1]["t_adc"]) for look in heard.records if look]
    assert newest == sorted(newest)
    assert newest[-1] - heard.origin >= SECONDS - 0.05


def test_samples_are_the_file_then_silence_with_nothing_lost(heard: Heard, path: Path) -> None:
    from phosphene.engine.audio.decode import load_audio

    assert heard.lost == 0
    assert all(b.dtype == PCM for b in heard.blocks[:3])
    pcm = np.concatenate([b["pcm"] for b in heard.blocks])
    file = load_audio(path)
    assert np.array_equal(pcm[: len(file)], file)
    assert np.all(pcm[len(file) :] == 0)
    assert [int(b["sample"]) for b in heard.blocks] == [(k + 1) * HOP for k in range(len(heard.blocks))]


def test_time_is_the_sample_grid(heard: Heard) -> None:
    times = np.array([float(b["t_adc"]) for b in heard.blocks]) - heard.origin
    assert times == pytest.approx((np.arange(len(times)) + 1) * HOP / SAMPLE_RATE, abs=1e-6)


def test_onsets_come_once_with_their_musical_time(heard: Heard) -> None:
    found = np.array(heard.onsets) - heard.origin
    for k in range(1, 6):
        assert np.sum(np.abs(found - k * BEAT_S) < 0.02) == 1


def test_signals_move_with_the_music_and_rest_after_it(heard: Heard) -> None:
    last = heard.records[-1]
    signals = signals_at(float(last[-1]["t_adc"]), last, BeatPosition())
    assert signals["rms"] == signals["active"] == 0.0
    loudest = max(float(r["norm"]["bass"]) for look in heard.records for r in look)
    assert loudest > 0.8


def test_timeline_is_a_line_or_nothing(heard: Heard) -> None:
    line = heard.source.timeline()
    assert line is None or (isinstance(line, Timeline) and math.isfinite(line.beat0) and line.bpm > 0)


def test_health_tells_source_and_counts(heard: Heard, path: Path) -> None:
    health = heard.source.health()
    assert isinstance(health, AudioHealth)
    assert health.source == f"file:{path}"
    assert health.state == "running"
    assert health.hops >= SECONDS * SAMPLE_RATE / HOP - 1
    assert health.error == ""
    assert health.overflows == health.restarts == health.clipped == 0
    assert set(health.callback_us) == {"p50", "p99", "max"}


def test_both_hear_the_same_to_the_bit(path: Path) -> None:
    """Features, onsets and beat line of a file do not depend on who listens."""
    supervisor = Supervisor(f"file:{path}")
    live: list[np.void] = []
    cursor = 0
    begun = clock.now()
    while len(live) < 2 * SAMPLE_RATE // HOP:
        assert clock.now() - begun < 180.0, supervisor.health()
        new, cursor, lost = supervisor._state.features.since(cursor)
        assert lost == 0
        live += new
        clock.sleep(0.05)
    supervisor.close()
    analysis = FileAnalysis(path)
    analysis.records(10.0)
    for k, record in enumerate(live):
        other = analysis._features[k]
        for name in FEATURES.names:
            if name not in ("t_adc", "onset_time", "drum_time", "part_time"):
                assert record[name].tobytes() == other[name].tobytes(), (k, name)
        for name in ("drum_time", "part_time"):  # s on a line each: the live one is that of a clock
            ago, other_ago = record["t_adc"] - record[name], other["t_adc"] - other[name]
            assert ago == pytest.approx(other_ago, abs=5e-3), (k, name)


def test_missing_file_is_refused_at_once_by_both(tmp_path: Path) -> None:
    for make in (lambda p: Supervisor(f"file:{p}"), FileAnalysis, prepare):
        with pytest.raises(UserError, match=r"nothing\.wav"):
            make(tmp_path / "nothing.wav")


def test_offline_never_looks_ahead_and_answers_any_time(path: Path) -> None:
    analysis = FileAnalysis(path)
    late = analysis.records(2.0)
    early = analysis.records(1.0)
    assert float(late[-1]["t_adc"]) <= 2.0
    assert 1.0 - HOP / SAMPLE_RATE < float(early[-1]["t_adc"]) <= 1.0
    line = analysis.timeline_at(1.0)
    assert line is None or line.t0 <= 1.0
    again = FileAnalysis(path).records(1.0)
    assert [r.tobytes() for r in again] == [r.tobytes() for r in early]


def test_offline_has_no_gain_and_no_other_input(path: Path, tmp_path: Path) -> None:
    for source in (FileAnalysis(path), prepare(path, cache=tmp_path).source()):
        with pytest.raises(UserError):
            source.set_gain(2.0)
        with pytest.raises(UserError):
            source.set_input("default")
        source.close()


def test_live_gain_and_input_change_while_it_runs(path: Path) -> None:
    supervisor = Supervisor(f"file:{path}", gain=0.0)
    try:
        begun = clock.now()
        while supervisor.health().state != "running" or supervisor.health().hops < 300:
            assert clock.now() - begun < 180.0, supervisor.health()
            clock.sleep(0.02)
        heard = supervisor._state.features.since(0)[0]
        assert max(float(r["rms"]) for r in heard) == 0.0
        assert max(float(r["peak"]) for r in heard) > 0.3  # the meter shows what comes in
        supervisor.set_gain(1.0)
        supervisor.set_input("demo")
        while supervisor.health().source != "demo" or supervisor.records(clock.now())[-1]["rms"] == 0.0:
            assert clock.now() - begun < 180.0, supervisor.health()
            clock.sleep(0.02)
        assert supervisor.health().restarts == 0  # asked for, not a fault
    finally:
        supervisor.close()

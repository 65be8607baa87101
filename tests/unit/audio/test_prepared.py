"""What is prepared is what would have been heard; a cache is used when it is right and never when it is not."""

from __future__ import annotations

import json
import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.audio import hearing, prepared
from phosphene.engine.audio.decode import load_audio
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.audio.prepared import Prepared, prepare
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import FEATURES, HOP, SAMPLE_RATE, BeatPosition, signals_at

SECONDS = 5.0


def write(path: Path, pcm: np.ndarray, rate: int = SAMPLE_RATE, layout: str = "stereo", codec: str = "flac") -> Path:
    """Write float [n, channels], full scale 1, as 16 bit."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        data = (pcm.clip(-0.99, 0.99) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def drums(seconds: float, rate: int = SAMPLE_RATE, bpm: float = 120.0) -> np.ndarray:
    """Make float [n]: a kick on every beat from 0.25 s on, a snare on every other."""
    rng = np.random.default_rng(0)
    out = 0.001 * rng.standard_normal(round(seconds * rate))
    t = np.arange(round(0.15 * rate)) / rate
    kick = 0.6 * np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.05)
    snare = 0.3 * rng.standard_normal(len(t)) * np.exp(-t / 0.03)
    for k in range(int((seconds - 0.25) * bpm / 60)):
        at = round((0.25 + k * 60 / bpm) * rate)
        hit = kick + (k % 2) * snare
        out[at : at + len(t)] += hit[: len(out) - at]
    return out


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mono = drums(SECONDS)
    return write(tmp_path_factory.mktemp("song") / "song.flac", np.stack([mono, 0.8 * mono], axis=1))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def whole(song: Path, cache: Path) -> Prepared:
    return prepare(song, cache=cache)


def no_hearing(*_: object) -> int:
    raise AssertionError("it was heard again")


def test_features_are_those_of_a_listener_to_the_bit(song: Path, whole: Prepared) -> None:
    analysis, source = FileAnalysis(song), whole.source()
    for t in np.arange(0.0, SECONDS + 1.5, 1 / 12):
        there, here = analysis.records(float(t)), source.records(float(t))
        assert len(there) == len(here)
        for a, b in zip(there, here, strict=True):
            for name in FEATURES.names:
                if name != "onset_time":
                    assert a[name].tobytes() == b[name].tobytes(), (t, name)
    assert source.timeline() == analysis.timeline()
    source.close()


def test_onsets_are_told_when_they_happen(song: Path, whole: Prepared) -> None:
    analysis, source = FileAnalysis(song), whole.source()
    analysis.records(SECONDS)
    onsets, _ = analysis.onsets_since(0)
    assert len(onsets) >= 8
    late = 0
    for onset in onsets:
        hop = np.ceil(onset * SAMPLE_RATE / HOP - 1e-6) * HOP / SAMPLE_RATE  # the first record that ends after it
        assert float(source.records(hop)[-1]["onset_time"]) == onset
        before = float(source.records(hop - HOP / SAMPLE_RATE)[-1]["onset_time"])
        assert before < onset
        late += float(analysis.records(hop)[-1]["onset_time"]) < onset
    assert late == len(onsets)  # what a listener in the room cannot know yet
    source.close()


def test_onsets_since_gives_each_once(song: Path, whole: Prepared) -> None:
    analysis, source = FileAnalysis(song), whole.source()
    analysis.records(SECONDS)
    found: list[float] = []
    cursor = 0
    for k in range(round(SECONDS * 30)):
        source.records(k / 30)
        new, cursor = source.onsets_since(cursor)
        assert all(t <= k / 30 for t in new)
        found += new
    assert found == analysis.onsets_since(0)[0]
    source.close()


def test_any_order_of_times_gives_the_same_records(whole: Prepared) -> None:
    one, other = whole.source(), whole.source()
    times = np.random.default_rng(1).uniform(0.0, SECONDS + 60.0, 50).tolist()
    forwards = {t: [r.tobytes() for r in one.records(t)] for t in sorted(times)}
    assert all([r.tobytes() for r in other.records(t)] == forwards[t] for t in times)
    one.close()
    other.close()


def test_after_the_end_time_runs_on_in_silence(whole: Prepared) -> None:
    source = whole.source()
    records = source.records(100.0)
    assert float(records[-1]["t_adc"]) == pytest.approx(100.0, abs=HOP / SAMPLE_RATE)
    signals = signals_at(100.0, records, BeatPosition())
    assert signals["rms"] == signals["active"] == signals["flux"] == 0.0
    assert [int(r["sample"]) for r in records] == [round(float(r["t_adc"]) * SAMPLE_RATE) for r in records]
    source.close()


def test_length_is_exact_and_sound_as_long(song: Path, whole: Prepared) -> None:
    pcm = load_audio(song)
    assert whole.samples == len(pcm)
    assert whole.seconds == len(pcm) / SAMPLE_RATE
    assert np.array_equal(np.concatenate(list(whole.pcm_blocks())), pcm)


def test_trim_is_to_the_sample(song: Path, cache: Path) -> None:
    part = prepare(song, start=1.2345, duration=2.5, cache=cache)
    first, pcm = round(1.2345 * SAMPLE_RATE), load_audio(song)
    assert part.samples == round(2.5 * SAMPLE_RATE)
    assert np.array_equal(np.concatenate(list(part.pcm_blocks())), pcm[first : first + part.samples])
    analysis, source = FileAnalysis(pcm[first : first + part.samples]), part.source()
    assert float(source.records(1.0)[-1]["rms"]) == float(analysis.records(1.0)[-1]["rms"]) > 0.0
    source.close()


def test_a_duration_beyond_the_end_ends_with_the_file(song: Path, cache: Path) -> None:
    assert prepare(song, start=4.0, duration=100.0, cache=cache).seconds == SECONDS - 4.0


def test_beats_and_sections_cover_the_piece(whole: Prepared) -> None:
    true = 0.25 + 0.5 * np.arange(9)
    assert np.abs(whole.grid.times[: len(true)] - true).max() < 0.03
    assert whole.sections[0].start == 0.0
    assert whole.sections[-1].end == whole.seconds
    assert 0.0 <= whole.energy_at(3.0) <= 1.0


def test_a_shorter_file_is_filled_up_with_silence(song: Path, tmp_path: Path) -> None:
    copy = shutil.copy(song, tmp_path / "copy.flac")
    made = prepare(Path(copy), cache=tmp_path / "cache")
    write(Path(copy), np.full((1000, 2), 0.1))
    pcm = np.concatenate(list(made.pcm_blocks()))
    assert len(pcm) == made.samples
    assert pcm[500].max() > 0.05
    assert not pcm[2000:].any()


def test_second_time_comes_from_the_cache_and_is_the_same(
    song: Path, cache: Path, whole: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "hear", no_hearing)
    told: list[float] = []
    again = prepare(song, cache=cache, progress=told.append)
    assert again.cached
    assert told == [1.0]
    assert (again.key, again.features_sha256, again.samples) == (whole.key, whole.features_sha256, whole.samples)
    assert np.array_equal(again.grid.times, whole.grid.times)
    assert again.sections == whole.sections


@pytest.mark.parametrize("change", ["start", "duration", "version", "method", "audio"])
def test_whatever_changes_makes_another_key(
    change: str, song: Path, whole: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = whole.audio_sha256
    part = prepared.Part.of(song)
    assert prepared._key(part, audio) == whole.key
    if change == "start":
        part = prepared.Part.of(song, start=1 / SAMPLE_RATE)
    elif change == "duration":
        part = prepared.Part.of(song, duration=SECONDS)
    elif change == "version":
        monkeypatch.setattr(prepared, "ANALYSIS_VERSION", prepared.ANALYSIS_VERSION + 1)
    elif change == "method":
        monkeypatch.setattr("phosphene.engine.audio.analyzer.ONSET_METHOD", "hfc")
    else:
        audio = "0" * 64
    assert prepared._key(part, audio) != whole.key


def test_the_name_of_the_file_does_not_matter(song: Path, cache: Path, whole: Prepared, tmp_path: Path) -> None:
    again = prepare(Path(shutil.copy(song, tmp_path / "another.name.flac")), cache=cache)
    assert again.cached
    assert again.key == whole.key


@pytest.mark.parametrize("damage", ["features.bin", "tables.npz", "sections.json", "meta.json", "missing"])
def test_a_damaged_cache_is_made_again(damage: str, song: Path, tmp_path: Path, whole: Prepared) -> None:
    folder = tmp_path / "analysis" / whole.key
    shutil.copytree(whole.folder, folder)
    if damage == "missing":
        (folder / "tables.npz").unlink()
    else:
        data = bytearray((folder / damage).read_bytes())
        data[len(data) // 2] ^= 0xFF
        (folder / damage).write_bytes(data)
    made = prepare(song, cache=tmp_path)
    assert not made.cached
    assert made.features_sha256 == whole.features_sha256
    assert prepare(song, cache=tmp_path).cached
    assert sorted(p.name for p in (tmp_path / "analysis").iterdir()) == [whole.key]


def test_a_damaged_entry_that_another_program_holds_open_is_left_alone(
    song: Path, tmp_path: Path, whole: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where an open file keeps its folder in place. What is made instead is gone with what was made of it."""
    folder = tmp_path / "analysis" / whole.key
    shutil.copytree(whole.folder, folder)
    (folder / "tables.npz").unlink()
    replace = os.replace

    def held(old: Path, new: Path) -> None:
        if Path(old) == folder:
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        replace(old, new)

    monkeypatch.setattr(os, "replace", held)
    made = prepare(song, cache=tmp_path)
    assert made.features_sha256 == whole.features_sha256
    temporary = made.folder
    assert temporary.parent != folder.parent
    source = made.source()
    del made
    assert source.records(1.0)
    assert temporary.is_dir(), "what is still read stays"
    source.close()
    del source
    assert not temporary.exists()
    assert sorted(p.name for p in (tmp_path / "analysis").iterdir()) == [whole.key]


def test_a_death_half_way_leaves_nothing_that_is_believed(
    song: Path, tmp_path: Path, whole: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(part: object, folder: Path, progress: object) -> int:
        (folder / "features.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepared, "hear", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(song, cache=tmp_path)
    old = tmp_path / "analysis" / ".part-of-a-dead-process"
    old.mkdir()
    os.utime(old, (0, 0))
    made = prepare(song, cache=tmp_path)
    assert not made.cached
    assert made.features_sha256 == whole.features_sha256
    assert [p.name for p in (tmp_path / "analysis").iterdir()] == [whole.key]


def test_without_a_place_to_write_it_goes_on(
    song: Path, tmp_path: Path, whole: Prepared, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with caplog.at_level(logging.WARNING):
        made = prepare(song, cache=blocked)
    assert "temporary" in caplog.text
    assert made.features_sha256 == whole.features_sha256
    folder = made.folder
    assert folder.is_dir()
    del made
    assert not folder.exists()


def test_a_disk_that_fills_up_is_no_end(
    song: Path, tmp_path: Path, whole: Prepared, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(part: object, folder: Path, progress: object) -> int:
        if tmp_path in folder.parents:
            raise OSError(28, "No space left on device")
        return hearing.hear(part, folder, progress)

    monkeypatch.setattr(prepared, "hear", full)
    made = prepare(song, cache=tmp_path)
    assert made.features_sha256 == whole.features_sha256
    assert "No space left" in caplog.text
    assert list((tmp_path / "analysis").iterdir()) == []


def test_no_room_anywhere_is_said(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepared, "hear", full)
    with pytest.raises(UserError, match="No space left"):
        prepare(song, cache=tmp_path)


def test_two_at_once_agree(song: Path, tmp_path: Path, whole: Prepared) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: prepare(song, cache=tmp_path), range(2)))
    assert {m.features_sha256 for m in made} == {whole.features_sha256}
    assert [p.name for p in (tmp_path / "analysis").iterdir()] == [whole.key]


def test_progress_rises_to_one(song: Path, tmp_path: Path) -> None:
    told: list[float] = []
    prepare(song, cache=tmp_path, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert 0.0 < told[0] < 1.0


def test_meta_says_what_it_is(whole: Prepared) -> None:
    meta = json.loads((whole.folder / "meta.json").read_text())
    assert meta["key"] == whole.folder.name == whole.key
    assert (whole.folder / "features.bin").stat().st_size == FEATURES.itemsize * (
        -(-whole.samples // HOP) + hearing.TAIL_HOPS
    )


@pytest.mark.parametrize(
    ("rate", "layout", "codec", "name"),
    [(8_000, "mono", "pcm_s16le", "a.wav"), (192_000, "5.1", "pcm_s16le", "b.wav"), (44_100, "stereo", "flac", "c.flac")],
)
def test_any_rate_and_layout(rate: int, layout: str, codec: str, name: str, tmp_path: Path) -> None:
    mono = drums(3.0, rate)
    path = write(tmp_path / name, np.repeat(mono[:, None], av.AudioLayout(layout).nb_channels, axis=1), rate, layout, codec)
    made = prepare(path, cache=tmp_path)
    assert made.seconds == pytest.approx(3.0, abs=0.002)
    assert np.abs(made.grid.times[:5] - (0.25 + 0.5 * np.arange(5))).max() < 0.04


def test_silence_has_a_steady_tempo_and_one_section(tmp_path: Path) -> None:
    made = prepare(write(tmp_path / "s.flac", np.zeros((SAMPLE_RATE * 12, 2))), cache=tmp_path)
    assert made.grid.position(7.0) == BeatPosition(14.0, 120.0, 0.0, trust=0.0)
    assert [(s.start, s.end, s.energy) for s in made.sections] == [(0.0, 12.0, 0.0)]


def test_a_file_that_breaks_off_is_heard_up_to_there(song: Path, tmp_path: Path) -> None:
    data = song.read_bytes()
    path = tmp_path / "cut.flac"
    path.write_bytes(data[: len(data) // 2])
    made = prepare(path, cache=tmp_path)
    assert 1.0 < made.seconds < SECONDS - 1.0
    assert sum(len(b) for b in made.pcm_blocks()) == made.samples


@pytest.mark.parametrize(
    "case", ["missing", "empty", "text", "folder", "start beyond", "start < 0", "start nan", "duration"]
)
def test_what_cannot_be_heard_is_refused_before_anything_is_written(case: str, song: Path, tmp_path: Path) -> None:
    path, options = tmp_path / "x.wav", {}
    if case == "empty":
        path.write_bytes(b"")
    elif case == "text":
        path.write_text("not music " * 1000)
    elif case == "folder":
        path.mkdir()
    elif case != "missing":
        path = song
        options = {
            "start beyond": {"start": 7.0},
            "start < 0": {"start": -1.0},
            "start nan": {"start": float("nan")},
            "duration": {"duration": 0.0},
        }[case]
    with pytest.raises(UserError) as refused:
        prepare(path, cache=tmp_path / "cache", **options)
    assert path.name in refused.value.line()
    assert refused.value.remedy
    assert not (tmp_path / "cache").exists()


def test_the_demo_track_is_a_piece_too(cache: Path) -> None:
    made = prepare("demo", start=118.0, duration=4.0, cache=cache)
    assert made.seconds == 4.0
    pcm = np.concatenate(list(made.pcm_blocks()))
    assert pcm.shape == (4 * SAMPLE_RATE, 2)
    assert np.abs(pcm[3 * SAMPLE_RATE :]).max() > 0.01  # it loops

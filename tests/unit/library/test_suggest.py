"""`vj styles suggest`: what a track is like, and which styles rise for it. All music is synthesised here."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from phosphene.engine.audio import synth
from phosphene.engine.audio.demo import demo_track, synthetic_track
from phosphene.engine.audio.synth import Event, Grid
from phosphene.engine.audio.tag_network import TAGS
from phosphene.engine.cli.styles_commands import app
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.library import track as track_module
from phosphene.engine.library.growing import write_grown
from phosphene.engine.library.library import Entry, read_library
from phosphene.engine.library.ratings import Rating
from phosphene.engine.library.suggest import FAMILIES, MOST_SURE, describe, lightness, sounds_like, suggest
from phosphene.engine.library.track import BUDGET_S, EXCERPTS, Track, _spans, analyse, excerpts
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.encoding import BASE_INPUTS
from phosphene.engine.models.growth import draw_recipe
from phosphene.engine.models.style import load_style, write_meta
from tests.unit.audio.test_decode import wav

CHORDS = ((53, 60, 63, 67, 68), (53, 56, 60, 61, 63))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def write_wav(path: Path, pcm: np.ndarray, rate: int = SAMPLE_RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def pads() -> np.ndarray:
    events = [Event(i * 8, ("pad", CHORDS[i % 2], 8.4, 350, 700), 0.3, 0.0, False) for i in range(2)]
    return synth.render(events, Grid(60.0), 8.0, loop=False, rms_db=-26.0)


def swelling_plucks() -> np.ndarray:
    """A lone plucked line in free time that grows out of nothing, twice: wide dynamics, no drums, no bass."""
    rng = np.random.default_rng(3)
    events, beat = [], 0.0
    while beat < 13.0:
        level = 0.03 + 0.97 * np.sin(np.pi * beat / 6.5) ** 4
        events.append(Event(beat, ("pluck", int(rng.choice((60, 64, 67, 71, 72))), 2000.0), 0.3 * level))
        beat += float(rng.uniform(0.3, 1.1))
    return synth.render(events, Grid(66.0), 12.0, loop=False, rms_db=-24.0)


@pytest.fixture(scope="module")
def calm() -> Track:
    return analyse(pads())


@pytest.fixture(scope="module")
def wild() -> Track:
    return analyse(synthetic_track(140.0, 1, seconds=10.0).pcm)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grown")
    dark, light = ("#02040a", "#0a1030", "#101c50"), ("#f0e8ff", "#9fb0ff", "#202040")
    styles = {
        "drift": {"genres": ("ambient",), "energy": 0.1, "tags": ("calm",), "palette": dark},
        "grid": {"genres": ("Techno",), "energy": 0.9, "tags": ("sharp",), "palette": light},
        "plain": {"tags": ("blue",)},
    }
    for seed, (slug, fields) in enumerate(styles.items(), 1):
        write_grown(folder / slug, CppnSpec(BASE_INPUTS, 16, 2, ("sin",)), draw_recipe(seed), seed, slug, **fields)
    return folder


@pytest.fixture
def library(grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    shutil.copytree(grown, tmp_path / "styles")
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path / "styles"))
    return {entry.slug: entry for entry in read_library()[0]}


def test_the_features_tell_a_pad_from_a_dance_track(calm, wild):
    assert calm.bpm is None
    assert calm.onsets < 0.5
    assert calm.energy < 0.2
    assert wild.bpm == pytest.approx(140.0, rel=0.02)
    assert wild.onsets > 4
    assert wild.energy > 0.7
    assert wild.brightness > calm.brightness + 0.3
    assert wild.pulse > 0.8
    assert (calm.seconds, calm.sounding) == (pytest.approx(8.0), pytest.approx(1.0, abs=0.15))
    assert calm.cost_s > 0


def test_loudness_does_not_change_what_a_track_is_like(wild):
    quiet = analyse(synthetic_track(140.0, 1, seconds=8.0).pcm * 0.1)
    assert quiet.loudness_db == pytest.approx(wild.loudness_db - 20.0, abs=0.5)
    assert quiet.energy == pytest.approx(wild.energy, abs=0.08)
    assert next(iter(sounds_like(quiet))) == next(iter(sounds_like(wild))) == "electronic"


def test_genres_are_guesses_with_a_confidence(calm, wild):
    assert next(iter(sounds_like(calm))) == "ambient"
    assert next(iter(sounds_like(wild))) == "electronic"
    assert next(iter(sounds_like(analyse(swelling_plucks())))) == "classical"
    for track in (calm, wild):
        assert sum(sounds_like(track).values()) <= MOST_SURE + 1e-9
    hiss = analyse(np.random.default_rng(0).normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32))
    assert max(sounds_like(hiss).values()) < 0.3
    assert "no genre" in describe(hiss)


def test_tags_decide_where_there_are_any_and_the_rules_where_not(wild, monkeypatch):
    silent = dict.fromkeys(TAGS, 0.0)
    ruled = sounds_like(dataclasses.replace(wild, tags={}))
    assert next(iter(ruled)) == "electronic"
    assert set(ruled) == set(sounds_like(wild)) == set(FAMILIES)
    for genre, tags in (("classical", ("violin", "strings")), ("rock", ("rock", "metal")), ("ambient", ("ambient",))):
        tagged = dataclasses.replace(wild, tags=silent | dict.fromkeys(tags, 0.5))
        assert next(iter(sounds_like(tagged))) == genre
    both = silent | {"techno": 0.4, "ambient": 0.45}
    assert next(iter(sounds_like(dataclasses.replace(wild, tags=both)))) == "electronic"  # the rules tip it
    assert all(set(family.heard) <= set(TAGS) for family in FAMILIES.values())

    def missing() -> None:
        raise UserError("music cannot be tagged")

    monkeypatch.setattr(track_module, "open_network", missing)
    assert analyse(pads()).tags == {}


def test_the_ranking_flips_with_the_music_and_says_why(library, calm, wild):
    entries = list(library.values())
    quiet, loud = suggest(calm, entries), suggest(wild, entries)
    assert [s.slug for s in quiet] == ["drift", "plain", "grid"]
    assert [s.slug for s in loud] == ["grid", "plain", "drift"]
    assert "low energy, 0.10" in quiet[0].reason
    assert "made for ambient" in quiet[0].reason
    assert "palette dark, like the sound" in quiet[0].reason
    assert "made for techno, which is electronic" in loud[0].reason
    assert "palette dark, unlike the sound" in loud[2].reason
    assert "energy not given" in loud[1].reason
    assert "fast and bright: 140 bpm, many onsets" in describe(wild)
    assert "sounds like electronic" in describe(wild)
    for each in (*quiet, *loud):
        assert each.score == pytest.approx(sum(each.parts.values()))
        assert -0.1 <= each.score <= 1.0
    assert [s.slug for s in suggest(wild, entries, count=1)] == ["grid"]


def test_a_rating_moves_a_style_by_its_share_and_no_more(library, wild):
    def scored(stars: int) -> float:
        entry = library["plain"]
        return suggest(wild, [Entry(entry.slug, entry.folder, entry.style, rating=Rating(stars=stars))])[0].score

    assert scored(0) == pytest.approx(scored(3))
    assert scored(5) - scored(0) == pytest.approx(0.1)
    assert scored(1) - scored(0) == pytest.approx(-0.1)


def test_looks_count_less_than_genres_and_a_prompt_less_than_a_tag(library, calm):
    def genre_part(**fields: object) -> float:
        entry = library["plain"]
        write_meta(entry.folder, load_style(entry.folder).meta.model_copy(update={"genres": (), "tags": (), **fields}))
        return suggest(calm, [e for e in read_library()[0] if e.slug == "plain"])[0].parts["genre"]

    by_genre = genre_part(genres=("Drone",))
    by_tag, by_prompt, by_none = (
        genre_part(tags=("cosmic",)),
        genre_part(prompt="Soft clouds"),
        genre_part(prompt="a red grid"),
    )
    assert by_genre > by_tag > by_prompt > by_none


def test_broken_styles_are_not_suggested(library, calm):
    (library["drift"].folder / "weights.safetensors").write_bytes(b"")
    assert [s.slug for s in suggest(calm, read_library()[0])] == ["plain", "grid"]


def test_lightness_follows_the_palette():
    assert lightness(("#000000", "#05060a")) == 0.0
    assert lightness(("#ffffff", "#ffd0e0")) == 1.0
    assert lightness(()) == 0.5


@pytest.mark.parametrize("samples", [1, 300, SAMPLE_RATE // 3])
@pytest.mark.parametrize("sides", [1, 2])
def test_short_and_silent_files_work(tmp_path, library, samples, sides):
    pcm = np.zeros((samples, sides))
    path = write_wav(tmp_path / "short.wav", pcm)
    track = analyse(path)
    assert (track.sounding, track.energy, track.bpm) == (0.0, 0.0, None)
    assert describe(track).startswith("silence")
    assert len(suggest(track, list(library.values()))) == 3
    click = write_wav(tmp_path / "click.wav", np.where(np.arange(samples)[:, None] % 100 < 50, 0.5, -0.5) * np.ones(sides))
    assert np.isfinite(analyse(click).energy)
    said = run("suggest", str(path), "--count", "2")
    assert "short.wav: silence" in said
    assert " s of it in " in said
    assert "2. " in said
    assert "3. " not in said


def test_a_mono_file_at_another_rate_is_heard(tmp_path, library):
    pcm = synthetic_track(140.0, 1, seconds=8.0).pcm.mean(axis=1)[::2]
    path = write_wav(tmp_path / "mono.wav", pcm, SAMPLE_RATE // 2)
    told = json.loads(run("suggest", str(path), "--count", "1", "--json"))
    assert told["track"]["seconds"] == pytest.approx(8.0, abs=0.1)
    assert told["track"]["bpm"] == pytest.approx(140.0, rel=0.02)
    assert [s["slug"] for s in told["styles"]] == ["grid"]
    assert told["sounds_like"]["electronic"] > 0.3


def test_a_long_track_is_heard_in_excerpts(tmp_path, monkeypatch):
    assert _spans(BUDGET_S) == _spans(None) == [(0, round(BUDGET_S * SAMPLE_RATE))]
    spans = _spans(600.0)
    assert len(spans) == EXCERPTS
    assert sum(b - a for a, b in spans) == round(BUDGET_S * SAMPLE_RATE)
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))
    assert 0 <= spans[0][0] < spans[-1][1] <= 600 * SAMPLE_RATE
    assert _spans(36_000.0)[-1][1] <= 3600 * SAMPLE_RATE, "no ten hours of decoding"
    monkeypatch.setattr("phosphene.engine.library.track.BUDGET_S", 2.0)
    steps = np.repeat(np.arange(8) / 10.0, SAMPLE_RATE)[:, None] * np.ones(2)
    parts = list(excerpts(write_wav(tmp_path / "steps.wav", steps)))
    assert [round(float(p[:, 0].mean()), 2) for p in parts] == [pytest.approx(v, abs=0.06) for v in (0.05, 0.25, 0.45, 0.65)]
    assert [len(p) for p in parts] == [SAMPLE_RATE // 2] * 4


@pytest.mark.parametrize("content", [None, b"", b"this is a letter, not a song" * 40])
def test_a_bad_file_is_refused_in_one_line(tmp_path, library, content):
    path = tmp_path / "bad.mp3"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as refusal:
        run("suggest", str(path))
    assert "bad.mp3" in refusal.value.line()
    assert "\n" not in refusal.value.line()


def test_a_file_without_samples_or_without_sound_is_refused(tmp_path, library):
    with pytest.raises(UserError):
        analyse(write_wav(tmp_path / "empty.wav", np.zeros((0, 2))))
    from PIL import Image

    Image.new("RGB", (16, 16)).save(tmp_path / "picture.png")
    with pytest.raises(UserError, match="no sound"):
        analyse(tmp_path / "picture.png")


def test_a_truncated_file_is_heard_as_far_as_it_goes(tmp_path):
    path = write_wav(tmp_path / "cut.wav", np.tile(np.sin(np.arange(SAMPLE_RATE) * 0.05)[:, None] * 0.3, (2, 2)))
    path.write_bytes(path.read_bytes()[: SAMPLE_RATE * 6])
    assert analyse(path).seconds == pytest.approx(1.5, abs=0.05)


def lying(path, seconds: float):
    """Make a FLAC file say that it is so long."""
    data = bytearray(path.read_bytes())
    samples = round(seconds * SAMPLE_RATE)
    data[21] = data[21] & 0xF0 | samples >> 32
    data[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("told", [7200.0, 3.0])
def test_a_length_that_is_a_lie_changes_nothing_much(tmp_path, told):
    """An hour told, twenty seconds there: no excerpt may lie where nothing is."""
    pcm = demo_track().pcm[: 20 * SAMPLE_RATE]
    path = tmp_path / "a.flac"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("flac", rate=SAMPLE_RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray((pcm * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    honest = analyse(path)
    lied = analyse(lying(path, told))
    assert lied.seconds == pytest.approx(20.0, abs=0.3)
    assert dataclasses.replace(lied, cost_s=0.0) == dataclasses.replace(honest, cost_s=0.0)


def test_odd_sound_is_heard_as_a_show_hears_it(tmp_path):
    pcm = demo_track().pcm[10 * SAMPLE_RATE : 25 * SAMPLE_RATE]
    mono = pcm.mean(axis=1)
    plain = analyse(np.stack([mono, mono], axis=1))
    assert plain.notes == ()
    odd = np.stack([mono, -mono], axis=1)
    odd[SAMPLE_RATE : SAMPLE_RATE + 9, 0] = np.nan
    odd += 0.02
    for source in (odd, tmp_path / "odd.wav"):
        (tmp_path / "odd.wav").write_bytes(wav(odd))
        found = analyse(source)
        assert found.onsets == pytest.approx(plain.onsets, rel=0.1)
        assert found.bass_over_mid == pytest.approx(plain.bass_over_mid, abs=1.0)
        assert found.loudness_db == pytest.approx(plain.loudness_db, abs=0.5)
        assert found.energy == pytest.approx(plain.energy, abs=0.05)
        assert any("left minus right" in note for note in found.notes)
        assert any("9 samples are no sound" in note for note in found.notes)


@pytest.mark.parametrize("name", ["Artist: Title.wav", "no\udcfftext.wav", "a\nb.wav", "[red].wav"])
def test_a_track_may_have_any_name(tmp_path, library, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(wav(demo_track().pcm[: 6 * SAMPLE_RATE]))
    said = run("suggest", name, "--count", "1")
    assert said.encode()
    assert "1. " in said

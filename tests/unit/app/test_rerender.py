"""A take rendered again gives the pictures that were recorded: with styles that came late, fades, slots missed, trails."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.app.replay import Moments, ReplayClock, places
from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.take_log import read_take
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.signals import SCENE_SIGNALS, SIGNALS, signals_at
from phosphene.engine.library.similarity import ssim
from phosphene.engine.output.framehash import read_hashes
from tests.unit.app.taken import FPS, FRAMES, MISSED, RECORDED_FROM, SIZE, Seen, make_take

pytestmark = pytest.mark.gl

Taken = tuple[Path, dict[int, Seen]]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return make_take(tmp_path_factory.mktemp("takes"))


@pytest.fixture
def take(taken: Taken, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(taken[0], tmp_path / "take"))


def frames_in(folder: Path) -> list[np.ndarray]:
    found = []
    for path in sorted(folder.glob("*.png")):
        with av.open(str(path)) as file:
            found += [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    return found


def rows_without(take: Path, keep) -> None:
    lines = (take / "events.jsonl").read_text().splitlines()
    (take / "events.jsonl").write_text("".join(f"{line}\n" for line in lines if keep(json.loads(line))))


def test_the_replay_hears_in_frame_k_what_was_recorded_in_frame_k(taken: Taken) -> None:
    """Of all that the show measured: the same to float32, the same beat, the same step; never a frame early or late."""
    folder, seen = taken
    moments = Moments(read_take(folder), FPS)
    assert len(seen) > 90
    before = None
    for k, each in seen.items():
        moment = moments.at(k)
        assert moment.frame.time == pytest.approx(each.signals.t - 0.5 / 24, abs=1e-9)
        heard = signals_at(moment.frame.t_present, [moment.record], moment.position, tags=moment.tags)
        faders = {f"fader{i}" for i in range(1, 9)}
        for name in SIGNALS.keys() - faders - SCENE_SIGNALS.keys():  # those are of the document
            assert heard[name] == pytest.approx(each.signals[name], abs=1e-6), (k, name)
        assert np.allclose(moment.phases, each.phases, rtol=0, atol=1e-12, equal_nan=True)
        if before is not None:
            assert moment.frame.dt == pytest.approx(moment.frame.time - before, abs=1e-9) or k - 1 not in seen
        before = moment.frame.time


def test_every_picture_is_the_recorded_one(taken: Taken, tmp_path: Path) -> None:
    folder, seen = taken
    done = rerender(RerenderJob(folder, tmp_path / "frames", codec="png", signals="log"))
    found = frames_in(tmp_path / "frames")
    assert done.frames == len(found) == FRAMES + len(MISSED) - RECORDED_FROM
    for k, each in seen.items():
        recorded = each.picture[..., :3].astype(int)
        off = np.abs(found[k].astype(int) - recorded)
        assert off.mean() < 0.5, (k, off.mean(), off.max())
        assert ssim(found[k].mean(axis=2) / 255, recorded.mean(axis=2) / 255) > 0.99, k
    assert done.correction < 0.01, "after a missed slot a step is made in parts"
    assert not done.faults
    assert done.backends["b"] == "cpu"
    assert any("no-such-style" in line for line in done.messages)
    assert done.similarity is not None
    assert done.similarity.minimum > 0.9, "against the encoded recording"
    assert done.similarity.mean > done.similarity.null_mean + 0.1


def test_the_same_again_to_the_last_bit(taken: Taken, tmp_path: Path) -> None:
    job = RerenderJob(taken[0], tmp_path / "one.mp4", compare=False)
    first, second = rerender(job), rerender(dataclasses.replace(job, out=tmp_path / "two.mp4"))
    assert read_hashes(first.hashes) == read_hashes(second.hashes)
    assert first.video_sha256 == second.video_sha256
    assert first.digest == second.digest


def test_twice_the_size_and_rate_is_the_same_show(taken: Taken, tmp_path: Path) -> None:
    folder, seen = taken
    job = RerenderJob(folder, tmp_path / "frames", size=Size(128, 72), fps=Fraction(72), codec="png", compare=False)
    done = rerender(job)
    found = frames_in(tmp_path / "frames")
    assert (done.internal, done.frames) == ("full", 3 * (FRAMES + len(MISSED) - RECORDED_FROM))
    alike = []
    for k in (3, 20, 50, 60, 94):
        small = found[3 * k + 1].reshape(36, 2, 64, 2, 3).mean(axis=(1, 3)).mean(axis=2) / 255
        alike.append(ssim(small, seen[k].picture[..., :3].mean(axis=2) / 255))
    assert min(alike) > 0.8, alike
    shifted = ssim(found[3 * 20].mean(axis=2) / 255, found[3 * 80].mean(axis=2) / 255)
    assert min(alike) > shifted + 0.2


def test_a_slower_film_hears_every_impulse(taken: Taken) -> None:
    moments = Moments(read_take(taken[0]), Fraction(8))
    full = np.array(read_take(taken[0]).frames["norm"][:, 7])
    heard = [float(moments.at(k).record["norm"]["flux"]) for k in range(1, 30)]
    assert max(heard) == pytest.approx(full[2:92].max(), abs=1e-6)
    assert np.mean(heard) > np.mean(full)


def test_steps_add_up_at_any_rate(taken: Taken) -> None:
    for fps in (FPS, Fraction(60), Fraction(30000, 1001), Fraction(12)):
        ticks = ReplayClock(Moments(read_take(taken[0]), fps))
        frames = [ticks.next_frame() for _ in range(round(4 * fps))]
        steps = np.array([frame.dt for frame in frames[1:]])
        assert steps.sum() == pytest.approx(frames[-1].time - frames[0].time, abs=1e-6)
        assert np.allclose(steps, float(1 / fps), atol=1e-6)


def test_places_rise_and_hold_the_slots_that_were_missed(taken: Taken) -> None:
    take = read_take(taken[0])
    at = places(take)
    assert (np.diff(at) > 0).all()
    slots = take.frames["index"] - take.frames["index"][0]
    assert np.allclose(at - at[0], slots, atol=1e-6)


def test_a_take_without_frames_is_rendered_from_its_sound(take: Path, tmp_path: Path) -> None:
    (take / "frames.bin").unlink()
    done = rerender(RerenderJob(take, tmp_path / "out.mp4"))
    assert done.signals == "audio"
    assert any("frames.bin is missing" in note for note in done.notes)
    assert done.similarity is not None
    assert done.similarity.mean > done.similarity.null_mean
    with pytest.raises(UserError, match="does not say what its frames heard"):
        rerender(RerenderJob(take, tmp_path / "out.mp4", signals="log"))


def test_an_older_take_is_rendered(take: Path, tmp_path: Path) -> None:
    """What the first log wrote: show document, changes; no answers, no frames, no places."""
    for name in ("frames.bin", "pictures.bin", "trails-a.f16"):
        (take / name).unlink()
    rows_without(take, lambda line: line["kind"] in ("start", "recording", "change"))
    lines = (take / "events.jsonl").read_text().splitlines()
    start = json.loads(lines[0])
    for key in ("log", "decks", "envelopes", "scenes", "setlist"):
        del start[key]
    (take / "events.jsonl").write_text("\n".join([json.dumps(start), *lines[1:]]) + "\n")
    done = rerender(RerenderJob(take, tmp_path / "out.mp4"))
    assert done.signals == "audio"
    assert any("an older log" in note for note in done.notes)
    assert any("no-such-style" in note for note in done.notes)
    assert done.backends == {"a": "cpu", "b": "cpu"}


def test_a_changed_style_is_said_and_a_missing_one_refused(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = take / "events.jsonl"
    text = events.read_text()
    fingerprint = read_take(take).styles["third-eye"]
    events.write_text(text.replace(fingerprint, "0" * 64))
    done = rerender(RerenderJob(take, tmp_path / "out.mp4", compare=False))
    assert any("third-eye has changed" in note for note in done.notes)
    events.write_text(text.replace('"style": "third-eye", "backend"', '"style": "gone", "backend"'))
    with pytest.raises(UserError, match=r"a style of the take is not to be had.*gone.*put the style back"):
        rerender(RerenderJob(take, tmp_path / "not.mp4"))
    assert not (tmp_path / "not.mp4").exists()


def test_what_makes_no_sense_is_refused_before_anything_is_painted(taken: Taken, tmp_path: Path) -> None:
    folder = taken[0]
    recording = read_take(folder).recording
    assert recording is not None
    (tmp_path / "link.mp4").symlink_to(recording)
    os.link(folder / "audio.flac", tmp_path / "hard.mov")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for out in (recording, folder / "x" / ".." / recording.name, tmp_path / "link.mp4", tmp_path / "hard.mov"):
        with pytest.raises(UserError, match="made of"):
            rerender(RerenderJob(folder, out))
    for out in (folder, folder.parent):
        with pytest.raises(UserError, match="made of"):
            rerender(RerenderJob(folder, out, codec="png"))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(UserError, match="cannot follow the show's sizes"):
        rerender(RerenderJob(folder, tmp_path / "x.mov", codec="prores", internal="follow"))
    with pytest.raises(UserError, match="nothing to compare with"):
        rerender(RerenderJob(folder, tmp_path / "x.mp4", size=Size(64, 64), compare=True))
    with pytest.raises(UserError, match="does not go into this file"):
        rerender(RerenderJob(folder, tmp_path / "x.txt"))
    assert read_take(folder).size == SIZE

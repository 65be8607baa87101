"""The trainer's command line, run for real on small networks: a style comes out whatever happens; faults are one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from phosphene.engine.core import clock
from phosphene.engine.core.frame import Size
from phosphene.engine.generators.still import preview_still
from phosphene.engine.library.growing import write_grown
from phosphene.engine.library.style_lint import faults_of
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.growth import draw_recipe
from phosphene.engine.models.style import list_styles, load_style
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.images import ImagesGuide, find_images
from phosphene.tools.train_style import main

SMALL = ["--guide", "palette", "--hidden-dim", "16", "--layers", "3", "--iterations", "6", "--resolutions", "48", "64",
         "--starts", "2", "--quiet"]  # fmt: skip
WORDS = ["--prompt", "pink and blue neon"]


@pytest.fixture(scope="session")
def track(tmp_path_factory) -> Path:
    """Ten seconds of clicks over a tone that comes in after four."""
    t = np.arange(10 * 48_000) / 48_000
    clicks = np.exp(-40.0 * (t % 0.5)) * np.sin(2 * np.pi * 80 * t)
    tone = 0.3 * (t > 4.0) * np.sin(2 * np.pi * 440 * t)
    path = tmp_path_factory.mktemp("audio") / "clicks.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(((0.6 * clicks + tone) * 20_000).astype("<i2").tobytes())
    return path


@pytest.fixture
def room(tmp_path, tmp_path_factory, monkeypatch):
    """Return a function that runs the trainer in folders of its own."""
    for name in ("STYLES", "RUNS"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(f"PHOSPHENE_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)


def interrupt_when(path: Path, steps: int) -> threading.Thread:
    """Press Ctrl-C once the history in `path` has more than `steps` steps; never later than after a minute."""

    def wait() -> None:
        give_up = clock.now() + 180.0
        while clock.now() < give_up:
            try:
                if len(json.loads(path.read_text())["steps"]) > steps:
                    break
            except (OSError, ValueError):
                clock.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_words_become_a_style_that_plays_with_its_report(room, track, capsys):
    assert main([*WORDS, "--output", "neon_test", "--audio", str(track), "--json", *SMALL]) == 0
    style, run = load_style("neon_test"), room / "runs" / "neon_test"
    outcome = {"finished": True, "run": str(run), "style": "neon_test", "scores": style.meta.scores}
    assert json.loads(capsys.readouterr().out) == outcome
    assert style.meta.prompt == WORDS[1]
    assert style.meta.guide == "palette"
    assert style.meta.judge != style.meta.guide
    scores = json.loads((run / "scores.json").read_text())
    for key in ("guide", "judge"):
        assert {key, f"{key}_untrained", f"{key}_random"} <= scores.keys()
    assert style.meta.scores["judge"] == pytest.approx(scores["judge"], abs=1e-4)
    folder = room / "styles" / "neon_test"
    assert not [fault for fault in faults_of(style, folder) if "preview" in fault]
    with Image.open(folder / "preview.png") as image:
        shown = np.asarray(image.convert("RGB"), float) / 255
    assert np.abs(shown - preview_still(style)).max() <= 1 / 255
    with av.open(str(folder / "preview.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) > 100
    history = json.loads((run / "history.json").read_text())
    assert len(history["steps"]) == 12
    assert "guide" in history["null"]
    for name in ("options.json", "checkpoint.pt", "live.png", "COMPARISON.md", "index.html"):
        assert (run / name).is_file(), name
    # Bundle without video: what a 128-wide one may take is checked on the shipped library.
    assert sum(p.stat().st_size for p in folder.iterdir() if p.suffix != ".mp4") < 300_000


def test_ctrl_c_keeps_the_best_so_far_and_resume_goes_on(room, track):
    args = ["--output", "long", "--audio", str(track)]
    history = room / "runs" / "long" / "history.json"
    endless = [*SMALL, "--iterations", "100000", "--no-install"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phosphene.tools.cppn.run.SAVE_EVERY_S", 0.2)
        presser = interrupt_when(history, 0)
        assert main([*WORDS, *args, *endless]) == 130
        presser.join()
        style = load_style(room / "runs" / "long" / "style")
        assert style.meta.scores["guide"] > -1.0
        first = len(json.loads(history.read_text())["steps"])
        assert main(["--output", "long", *WORDS]) == 2, "without --resume nothing is overwritten"
        presser = interrupt_when(history, first)
        assert main(["--output", "long", "--resume", "--no-install", "--quiet"]) == 130
        presser.join()
    assert len(json.loads(history.read_text())["steps"]) > first
    assert list_styles() == []


def test_a_full_disk_ends_the_writing_and_resume_finishes(room, track, capfd):
    place = room / "small"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", place]).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        os.environ["PHOSPHENE_RUNS"] = str(place)
        args = ["--output", "full", "--audio", str(track)]
        assert main([*WORDS, *args, *SMALL]) == 2
        said = capfd.readouterr().err
        assert "No space left" in said
        assert "Traceback" not in said
        subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)
        assert (place / "full" / "options.json").is_file()
        assert main(["--output", "full", "--resume", "--quiet"]) == 0
        assert load_style("full").meta.prompt == WORDS[1]
    finally:
        subprocess.run(["umount", place], check=True)


def test_pictures_become_a_style_with_their_colours(room, track):
    folder = room / "mood"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        ramp = np.linspace(0, 1, 64)[None, :, None] * np.array([1.0, 0.45, 0.05]) * np.ones((64, 1, 1))
        noise = rng.uniform(0, 0.15, (64, 64, 3))
        Image.fromarray(((ramp + noise).clip(0, 1) * 255).astype(np.uint8)).save(folder / f"{i}.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (1, 1), "#ff7000").save(folder / "dot.png")
    small = [*SMALL, "--guide", "images", "--iterations", "50", "--lr", "0.0015", "--starts", "1"]
    assert main(["--images", str(folder), "--output", "amber", "--audio", str(track), *small]) == 0
    guide = ImagesGuide(Request(images=find_images(folder)[0]))

    def distance(style) -> float:
        picture = torch.from_numpy(preview_still(style, Size(128, 72)).copy()).permute(2, 0, 1)[None]
        return guide.palette_distance(picture).item()

    untrained = []
    for seed in range(3):
        write_grown(room / f"u{seed}", CppnSpec(width=16, layers=3), draw_recipe(seed), seed, "untrained")
        untrained.append(distance(load_style(room / f"u{seed}")))
    assert distance(load_style("amber")) < 0.5 * np.mean(untrained)


def test_a_moodboard_trains_compares_and_installs_ours(room, track):
    board = room / "board.toml"
    board.write_text(
        'version = 1\nseeds = 2\nrecipes = ["full", "plain"]\ninstall = true\n[defaults]\nguide = "palette"\n'
        f'hidden_dim = 16\nlayers = 3\niterations = 3\nresolutions = [48]\nstarts = 1\naudio = "{track}"\n'
        '[[style]]\noutput = "warm"\nprompt = "red and orange"\n'
    )
    assert main(["--moodboard", str(board), "--output", "board", "--workers", "2", "--quiet"]) == 0
    runs = room / "runs" / "board"
    assert sorted(p.name for p in runs.iterdir() if p.is_dir()) == [
        "warm-full-w16-s0", "warm-full-w16-s1", "warm-plain-w16-s0", "warm-plain-w16-s1",
    ]  # fmt: skip
    style = load_style("warm")
    assert style.meta.scores["seeds"] == 2
    full = [json.loads((runs / f"warm-full-w16-s{k}" / "scores.json").read_text())["judge"] for k in (0, 1)]
    assert style.meta.scores["judge"] == pytest.approx(np.mean(full), abs=1e-4)
    assert style.meta.scores["judge_sd"] == pytest.approx(np.std(full, ddof=1), abs=1e-4)
    assert (runs / "COMPARISON.md").is_file()
    assert (runs / "index.html").is_file()
    before = {p: p.stat().st_mtime_ns for p in runs.glob("*/scores.json")}
    assert main(["--moodboard", str(board), "--output", "board", "--replace", "--quiet"]) == 0
    assert {p: p.stat().st_mtime_ns for p in runs.glob("*/scores.json")} == before, "finished runs are not trained again"


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--output", "a"], "--prompt"),
        (["--output", "a", "--prompt", "   "], "--prompt"),
        (["--output", "../a", *WORDS], "--output"),
        (["--output", "a", "--images", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--output", "a", *WORDS, "--audio", "missing.wav"], "missing.wav"),
        (["--output", "a", *WORDS, "--guide", "clip", "--clip-weights", "missing.pt"], "missing.pt"),
        (["--output", "a", *WORDS, "--guide", "oracle"], "oracle"),
        (["--output", "a", *WORDS, "--hidden-dim", "4096"], "--hidden-dim"),
        (["--output", "a", *WORDS, "--activation", "relu"], "relu"),
        (["--output", "a", *WORDS, "--device", "cuda:99"], "--device"),
        (["--output", "a", "--resume"], "resume"),
        (["--output", "a", "--moodboard", "missing.toml"], "missing.toml"),
        (["--output", "a", "--guide", "palette", "--prompt", "qwertz"], "qwertz"),
    ],
)
def test_a_fault_is_one_line_before_anything_is_written(room, capfd, args, named):
    assert main([*args, "--quiet"]) == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1, said
    assert named in said[0]
    assert not list((room / "runs").iterdir())
    assert not list((room / "styles").iterdir())


def test_a_dry_run_says_and_writes_nothing(room, track, capfd):
    assert main([*WORDS, "--output", "a", "--audio", str(track), *SMALL, "--dry-run"]) == 0
    said = capfd.readouterr().err
    assert "12, at 48x28, 64x36" in said
    assert "judge" in said
    assert not list((room / "runs").iterdir())


def test_a_very_long_prompt_is_cut_with_a_warning(room, track, capfd):
    long = "pink and blue neon " + "shimmering " * 2000
    assert main(["--prompt", long, "--output", "a", "--audio", str(track), *SMALL, "--dry-run"]) == 0
    assert "characters" in capfd.readouterr().err


def test_a_name_that_the_library_has_is_said_before_training(room, track, capfd):
    write_grown(room / "styles" / "taken", CppnSpec(width=16, layers=3), draw_recipe(0), 0, "Taken")
    assert main([*WORDS, "--output", "taken", "--audio", str(track), *SMALL]) == 2
    assert "--replace" in capfd.readouterr().err
    assert not (room / "runs" / "taken").exists()

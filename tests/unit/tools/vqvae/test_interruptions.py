"""Ctrl-C, kill -9 and the clock: what a run keeps when it is ended from outside, with real signals to real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from phosphene.engine.core import clock
from phosphene.engine.generators.still import preview_still
from phosphene.engine.models.style import load_style
from phosphene.tools.train_vqvae import main
from phosphene.tools.vqvae import commands, prior_run, run
from tests.unit.tools.vqvae.test_commands import QUICK, TINY

ROOT = Path(__file__).resolve().parents[4]
ENDLESS = ["--epochs", "100000", "--lr", "0.004", "--patience", "0", "--dim", "8", "--batch", "32"]


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_RUNS", str(tmp_path / "runs"))


def started(arguments: list[str], before: str = "") -> subprocess.Popen:
    """The trainer in a process of its own. before: Python that runs there first."""
    text = f"import sys\nfrom tools import train_vqvae\n{before}\nsys.exit(train_vqvae.main({arguments!r}))"
    return subprocess.Popen(
        [sys.executable, "-c", text], cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def wait_for(process: subprocess.Popen, said: str) -> list[str]:
    """Read what it says until a line holds `said`; return the lines."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if said in line:
            return lines
    raise AssertionError("".join(lines))


def test_ctrl_c_in_a_process_of_its_own_is_130(loops: Path, tmp_path: Path) -> None:
    process = started(["--data", str(loops), "--name", "stopped", *TINY, *ENDLESS])
    wait_for(process, "epoch 2")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert "report:" in rest
    assert (tmp_path / "runs" / "stopped" / "best.safetensors").is_file()


@pytest.mark.parametrize("when", ["in the first epoch", "later", "in the prior", "while it dreams"])
def test_ctrl_c_leaves_a_style_that_plays(loops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    advance, prior_advance = run.Trainer.advance, prior_run.PriorTrainer.advance
    steps = {"in the first epoch": 2, "later": 20}.get(when, 10**9)

    def counted(trainer: run.Trainer) -> dict | None:
        if trainer.step + 1 == steps:
            interrupt()
        return advance(trainer)

    def counted_prior(trainer: prior_run.PriorTrainer) -> dict | None:
        if when == "in the prior" and trainer.step == 2:
            interrupt()
        return prior_advance(trainer)

    dream = commands.dream_loops

    def dreamt(*given: object, **more: object) -> object:
        if when == "while it dreams":
            interrupt()
        return dream(*given, **more)

    monkeypatch.setattr(run.Trainer, "advance", counted)
    monkeypatch.setattr(prior_run.PriorTrainer, "advance", counted_prior)
    monkeypatch.setattr(commands, "dream_loops", dreamt)
    out = tmp_path / "style"
    epochs = ENDLESS if steps < 10**9 else QUICK
    more = ["--frames", "6", "--loops", "3", "--dreams", "1", "--prior-steps", "6", "--quiet"]
    assert main(["--data", str(loops), "--out", str(out), *TINY, *epochs, *more]) == 130
    style = load_style(out)
    assert preview_still(style).std() > 0.005
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "Ctrl-C is given back"


def test_ctrl_c_before_the_first_step_keeps_nothing(
    loops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = commands.begin

    def begun(opened: run.Run) -> run.Trainer:
        os.kill(os.getpid(), signal.SIGINT)
        return begin(opened)

    monkeypatch.setattr(commands, "begin", begun)
    assert main(["--data", str(loops), "--out", str(tmp_path / "style"), *TINY, *QUICK]) == 130
    assert "nothing to keep" in capsys.readouterr().err
    assert not (tmp_path / "style").exists()


def killed_after(arguments: list[str], said: str, before: str) -> None:
    process = started(arguments, before)
    wait_for(process, said)
    process.kill()
    process.wait(60)
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL


def test_kill_9_loses_a_checkpoint_interval_at_most_and_resumes_to_the_same_bits(loops: Path, tmp_path: Path) -> None:
    given = ["--data", str(loops), *TINY, "--epochs", "40", *QUICK[:4], *QUICK[6:]]
    assert main([*given, "--name", "whole", "--quiet"]) == 0
    # Every step is saved, and says so: what is lost is what was not said.
    before = (
        "from phosphene.tools.vqvae import run\n"
        "run.SAVE_EVERY_S = 0.0\n"
        "save = run.save_run\n"
        "def told(r, t):\n    save(r, t)\n    print('saved', t.step, file=sys.stderr, flush=True)\n"
        "run.save_run = told"
    )
    killed_after([*given, "--name", "killed"], "saved 9", before)
    folder = tmp_path / "runs" / "killed"
    assert run.read_checkpoint(folder / "checkpoint.pt")["trainer"]["step"] >= 9
    assert main(["--name", "killed", "--resume", "--quiet"]) == 0
    whole, again = (
        run.read_checkpoint(tmp_path / "runs" / name / "checkpoint.pt")["trainer"] for name in ("whole", "killed")
    )
    assert again["step"] == whole["step"]
    for name, tensor in whole["model"].items():
        assert torch.equal(tensor, again["model"][name]), name
    assert [r["validation"] for r in again["history"]] == [r["validation"] for r in whole["history"]]


def test_kill_9_in_the_prior_goes_on_with_the_prior(loops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "style"
    more = ["--frames", "6", "--loops", "3", "--dreams", "1", "--out", str(out)]
    before = "from phosphene.tools.vqvae import prior_run\nprior_run.SAVE_EVERY_S = 0.0"
    killed_after(["--data", str(loops), *TINY, *QUICK, *more, "--prior-steps", "100000"], "prior, step 50", before)
    assert not out.exists()
    kept = prior_run.read_checkpoint(tmp_path / "runs" / "style" / "prior.pt")["step"]
    assert kept >= 49
    assert main(["--resume", *more, "--prior-steps", str(kept + 2), "--quiet"]) == 0
    assert "epoch" not in capsys.readouterr().err, "the network is not trained again"
    assert json.loads((tmp_path / "runs" / "style" / "prior.json").read_text())["steps"][-1]["step"] == kept + 2
    assert load_style(out).kind == "vqvae"


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that goes on by 50 ms each time it is read; returns its time, which takes none."""
    passed = [0.0]

    def now() -> float:
        passed[0] += 0.05
        return passed[0]

    monkeypatch.setattr(clock, "now", now)
    return lambda: passed[0]


def test_minutes_are_divided_and_kept(
    loops: Path, tmp_path: Path, ticking: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, dreamt_at = commands.write_vq_style, []

    def written(*given: object, **more: object) -> Path:
        dreamt_at.append(ticking())
        return write(*given, **more)

    monkeypatch.setattr(commands, "write_vq_style", written)
    out = tmp_path / "style"
    more = ["--frames", "6", "--loops", "3", "--dreams", "1", "--prior-steps", "100000", "--quiet", "--minutes", "0.25"]
    assert main(["--data", str(loops), "--out", str(out), *TINY, *ENDLESS, *more]) == 0
    home = tmp_path / "runs" / "style"
    history, prior = (json.loads((home / name).read_text()) for name in ("history.json", "prior.json"))
    assert 0.4 * 15 < history["seconds"] < 0.55 * 15
    assert history["epochs"][-1]["rate"] < 0.1 * 0.004, "the rate fell to its end in the time that was there"
    assert 0.05 * 15 < prior["seconds"] < 0.4 * 15  # of its own steps: reading this clock takes time too
    assert dreamt_at[0] < 0.95 * 15, "films and previews have time left"
    assert list((home / "dreams").glob("*.mp4")), "a dream is a film, kept or not"
    assert load_style(out).spec.loops == 3


def test_an_epoch_that_is_longer_than_the_time_still_makes_a_codebook(
    loops: Path, tmp_path: Path, ticking: Callable[[], float]
) -> None:
    given = ["--data", str(loops), "--name", "short", *TINY, *ENDLESS[:-1], "1", "--minutes", "0.02", "--quiet"]
    assert main(given) == 0
    history = json.loads((tmp_path / "runs" / "short" / "history.json").read_text())
    assert len(history["epochs"]) == 1
    assert history["epochs"][0]["step"] < 90, "fewer steps than pictures: the first epoch was cut short"
    assert not history["epochs"][0]["warm"]
    assert history["best"]["used"] >= 2


def test_a_run_that_is_done_goes_on_with_more_minutes(loops: Path, tmp_path: Path, ticking: Callable[[], float]) -> None:
    given = ["--name", "more", "--quiet", "--minutes"]
    assert main(["--data", str(loops), *TINY, *ENDLESS, *given, "0.05"]) == 0
    history = tmp_path / "runs" / "more" / "history.json"
    steps = json.loads(history.read_text())["epochs"][-1]["step"]
    assert main(["--resume", *given, "0.1"]) == 0
    assert json.loads(history.read_text())["epochs"][-1]["step"] > 1.5 * steps


def test_a_disk_that_fills_while_pictures_are_packed_is_said(
    loops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource

    data = tmp_path / "loops"
    shutil.copytree(loops, data, ignore=shutil.ignore_patterns("packed"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # files of 200 KB at most: what a full disk does
    try:
        code = main(["--data", str(data), "--name", "full", *TINY, *QUICK])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "make room" in error
    assert not list((data / "packed").glob("*.part"))
    assert main(["--data", str(data), "--name", "full", *TINY, *QUICK, "--quiet"]) == 0, "and then it works"
    assert np.load(next((data / "packed").glob("*.npy")), mmap_mode="r").dtype == np.uint8

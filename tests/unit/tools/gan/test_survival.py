"""The command as people run it: killed, stopped, on two processes, on a full disk. Real processes, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

import torch.distributed as dist  # noqa: E402

from phosphene.engine.core import clock  # noqa: E402
from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.models.style import load_style  # noqa: E402
from phosphene.tools.gan.options import Options  # noqa: E402
from phosphene.tools.gan.run import begin, open_run, read_checkpoint, train  # noqa: E402
from phosphene.tools.train_gan import main  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]
ALONE = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")} | {"OMP_NUM_THREADS": "1"}
PATIENCE_S = 120.0  # of a machine that is busy with other tests


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tools" / "train_gan.py"), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ALONE, cwd=ROOT)


def until_step(process: subprocess.Popen[str], least: int) -> int:
    """Read what the process says until it has taken so many steps; return how many."""
    for line in process.stderr:
        words = line.replace(",", "").split()
        if "step" in words and (step := int(words[words.index("step") + 1])) >= least:
            return step
    raise AssertionError(f"it ended with {process.wait()} before step {least}")


def test_a_killed_run_goes_on_and_a_stopped_one_is_a_style(data, tmp_path, small):
    given = ["--out", tmp_path / "out", "--run", tmp_path / "run", "--no-video", "--no-scores"]
    killed = started(*given, "--data", data, *small, "--images", "1e6", "--save-every", "1")
    until_step(killed, 25)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    kept = read_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"]
    assert kept >= 1

    stopped = started(*given, "--resume")
    step = until_step(stopped, kept + 1)
    assert step <= kept + 25, "it went on from its checkpoint"
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=PATIENCE_S)
    assert stopped.returncode == 130, err
    assert "Traceback" not in err
    style = load_style(tmp_path / "out")
    assert all(np.isfinite(value).all() for value in style.weights.values())
    assert (tmp_path / "out" / "preview.png").is_file()
    assert (tmp_path / "run" / "index.html").is_file()
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] >= step


def test_a_checkpoint_is_never_older_than_its_interval(data, tmp_path, monkeypatch):
    options = Options(size="32x16", widths=(8, 8), judge=4, batch=4, images=80, save_every=2.0)
    run = open_run(tmp_path / "run", options, data)
    trainer = begin(run, resume=False)
    monkeypatch.setattr(clock, "now", lambda: 0.5 * trainer.step)  # each step takes half a second
    lost = []

    def told(trainer, done, said):
        path = tmp_path / "run" / "checkpoint.pt"
        lost.append(trainer.step - read_checkpoint(path)["step"] if path.is_file() else trainer.step)

    assert train(run, trainer, lambda: False, told)
    assert len(lost) == 20
    # Told of before it is saved: at 2.5 s at the latest the fifth step since is on the disk.
    assert max(lost) == 5
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] == 20


@pytest.mark.parametrize("kept", [True, False])
def test_a_run_that_was_killed_in_its_first_step_begins_again(data, tmp_path, small, kept):
    options = Options(size="64x36", widths=(8, 8, 8), judge=4, batch=4, images=8, minutes=0)
    trainer = begin(open_run(tmp_path / "run", options, data), resume=False)
    path = tmp_path / "run" / "checkpoint.pt"
    assert read_checkpoint(path)["step"] == trainer.step == 0
    if not kept:
        path.unlink()
    given = ["--out", str(tmp_path / "out"), "--run", str(tmp_path / "run"), "--no-video", "--no-scores"]
    assert main([*given, "--resume"]) == 0
    assert read_checkpoint(path)["step"] == 2


_RANKS = """
import os, sys
import torch
from phosphene.tools import train_gan
from phosphene.tools.gan import run

whole = run.train

def train(each, trainer, stop, told):
    done = whole(each, trainer, stop, told)
    torch.save(trainer.state(), os.path.join(sys.argv[1], f"rank{trainer.rank}.pt"))
    return done

run.train = train
sys.exit(train_gan.main(sys.argv[2:]))
"""


def torchrun(tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "ranks.py").write_text(_RANKS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--"]
    command += [
        tmp_path / "ranks.py",
        tmp_path,
        "--out",
        tmp_path / "out",
        "--run",
        tmp_path / "run",
        "--device",
        "cpu",
        *arguments,
    ]
    env = ALONE | {"CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(list(map(str, command)), text=True, env=env, cwd=ROOT, capture_output=True, timeout=PATIENCE_S)


def test_two_processes_make_one_style_and_hold_the_same_weights(make_data, tmp_path, small):
    rng = np.random.default_rng(1)
    data = make_data(tmp_path / "d", [rng.integers(0, 255, (36, 64, 3), np.uint8) for _ in range(16)])  # not packed yet
    found = torchrun(tmp_path, "--data", data, *small, "--images", "40", "--no-video", "--no-scores")
    assert found.returncode == 0, found.stderr
    assert load_style(tmp_path / "out").kind == "gan"
    assert found.stderr.count("report: ") == 1
    one, two = (torch.load(tmp_path / f"rank{k}.pt", weights_only=True) for k in range(2))
    assert one["seen"] == two["seen"] == 40, "five steps of four pictures in each of two processes"
    for network in ("maker", "judge", "shown"):
        for name, value in one[network].items():
            assert torch.equal(value, two[network][name]), f"{network}.{name}"
    options = json.loads((tmp_path / "run" / "options.json").read_text())
    alone = begin(open_run(tmp_path / "other", Options(**options_of(options)), data), resume=False)
    for _ in range(5):
        alone.train_step(0.0)
    other = alone.shown.state_dict()
    assert not all(torch.equal(value, other[name]) for name, value in one["shown"].items()), "both added something"


def options_of(table: dict) -> dict:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k != "data"}


def test_a_fault_of_the_data_is_told_to_all_processes(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        with pytest.raises(UserError, match="no data set here"):
            open_run(tmp_path / "run", Options(images=8), tmp_path / "nowhere")
    finally:
        dist.destroy_process_group()


def fill(disk: Path, leave: int) -> None:
    """Fill the disk up to `leave` bytes."""
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize - leave))


def test_a_disk_that_fills_up_costs_the_checkpoints_and_not_the_style(data, small_disk, tmp_path, small, caplog):
    fill(small_disk, 24_000)
    given = ["--data", str(data), "--out", str(tmp_path / "out"), "--run", str(small_disk / "run"), *small]
    assert main([*given, "--images", "12", "--no-video", "--no-scores"]) == 0
    assert "No space left" in caplog.text
    assert not (small_disk / "run" / "checkpoint.pt").exists()
    assert load_style(tmp_path / "out").kind == "gan"


@pytest.mark.parametrize(("full", "said"), [("run", "the run cannot be written"), ("out", "the style cannot be written")])
def test_a_full_disk_is_one_line(data, small_disk, tmp_path, small, capsys, full, said):
    fill(small_disk, 0)
    places = {"out": tmp_path / "out", "run": tmp_path / "run"} | {full: small_disk / "x"}
    given = ["--data", str(data), "--out", str(places["out"]), "--run", str(places["run"]), *small]
    assert main([*given, "--images", "8", "--no-video", "--no-scores"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_pictures_that_no_disk_can_hold_are_one_line(make_data, small_disk, tmp_path, small, capsys):
    data = make_data(small_disk / "d", [np.zeros((36, 64, 3), np.uint8)] * 20)
    fill(small_disk, 60_000)
    given = ["--data", str(data), "--out", str(tmp_path / "out"), "--run", str(tmp_path / "run"), *small]
    assert main([*given, "--images", "8"]) == 2
    assert "cannot be packed" in capsys.readouterr().err
    assert not list((data / "packed").iterdir())

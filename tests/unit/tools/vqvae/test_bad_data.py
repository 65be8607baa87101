"""Data that is not what a trainer hopes for: empty, mixed, damaged, tiny, or far more than fits in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.manifest import Record, write_manifest
from phosphene.tools.train_vqvae import main
from phosphene.tools.vqvae import run as runs
from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.trainer import Trainer
from tests.unit.tools.vqvae.conftest import moving_discs, write_loops
from tests.unit.tools.vqvae.test_commands import QUICK, TINY


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_RUNS", str(tmp_path / "runs"))


def one_line(data: Path, said: str, capsys: pytest.CaptureFixture[str], *more: str) -> None:
    assert main(["--data", str(data), "--name", "x", *TINY, *QUICK, "--quiet", *more]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_an_empty_folder_and_an_empty_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_line(tmp_path, "no data set here", capsys)
    (tmp_path / "manifest.jsonl").write_text("")
    one_line(tmp_path, "the data set is empty", capsys)


def test_one_picture_is_too_few_and_two_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def pictures(count: int) -> None:
        (tmp_path / "images").mkdir(exist_ok=True)
        records = []
        for k, picture in enumerate(moving_discs(0, count, Size(48, 32))):
            Image.fromarray(picture).save(tmp_path / f"images/{k}.png")
            records.append(Record(id=f"p{k}", path=f"images/{k}.png", group=f"p{k}", width=48, height=32))
        write_manifest(tmp_path, records, {})

    pictures(1)
    one_line(tmp_path, "too few pictures", capsys, "--split", "whole")
    pictures(2)  # 48 vectors for 256 codes
    given = ["--data", str(tmp_path), "--name", "two", *TINY[:-2], *QUICK, "--split", "whole", "--codes", "256", "--quiet"]
    assert main(given) == 0
    assert "nothing is held out" in (tmp_path / "runs" / "two" / "COMPARISON.md").read_text()


def test_pictures_are_no_style_before_any_of_them_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.png").write_bytes(b"no picture")
    write_manifest(tmp_path, [Record(id="p", path="p.png", group="p", width=4, height=4)], {})
    one_line(tmp_path, "plays loops", capsys, "--out", str(tmp_path / "style"))
    one_line(tmp_path, str(tmp_path / "p.png"), capsys)


def test_mixed_sizes_cover_one_size(tmp_path: Path) -> None:
    data = write_loops(tmp_path / "mixed", count=4, frames=6)
    lines = (data / "manifest.jsonl").read_text().splitlines()
    records = [Record.model_validate_json(line) for line in lines]
    for k, size in enumerate((Size(96, 54), Size(30, 80))):
        np.save(data / records[k].path, moving_discs(k, 6, size))
        records[k] = records[k].model_copy(update={"width": size.width, "height": size.height})
    write_manifest(data, records, {})
    run = runs.open_run(tmp_path / "run", Options(data=str(data), mode="128", size="48x32", widths=(8, 8, 8)))
    assert run.train.shape[1:] == (32, 48, 3)
    given = ["--data", str(data), "--out", str(tmp_path / "style"), *TINY, *QUICK, "--quiet"]
    more = ["--frames", "6", "--dreams", "1", "--loops", "2", "--prior-steps", "3"]
    assert main([*given, *more]) == 0


@pytest.mark.parametrize("damage", ["truncated", "text", "fewer frames", "floats", "gray"])
def test_a_loop_that_is_damaged_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    data = write_loops(tmp_path / "loops", count=4)
    path = data / "loops" / "l0.npy"
    loop = np.load(path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-5000])
    elif damage == "text":
        path.write_text("no loop")
    else:
        np.save(path, {"fewer frames": loop[:5], "floats": loop / 255.0, "gray": loop[..., 0]}[damage])
    one_line(data, str(path), capsys)


def test_a_hostile_loop_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_loops(tmp_path / "loops", count=4)
    np.save(data / "loops" / "l0.npy", np.array([_Hostile(str(tmp_path / "ran"))]), allow_pickle=True)
    one_line(data, "of another kind", capsys)
    assert not (tmp_path / "ran").exists()


class _Hostile:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_data_set_without_a_loop_to_train_on_makes_no_style(tmp_path: Path) -> None:
    from phosphene.tools.datasets.manifest import load_manifest
    from phosphene.tools.vqvae.network import VqVae
    from phosphene.tools.vqvae.prior_run import encode_data

    data = write_loops(tmp_path / "loops", count=2)
    options = Options(data=str(data), mode="128", size="48x32", widths=(8, 8, 8))
    lines = [Record.model_validate_json(line) for line in (data / "manifest.jsonl").read_text().splitlines()]
    write_manifest(data, [line.model_copy(update={"split": "validation"}) for line in lines], {})
    with pytest.raises(UserError, match="no loop is left"):
        encode_data(VqVae.begin(options), load_manifest(data), 6)


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="VmRSS is Linux's")
def test_fifty_thousand_pictures_stream(tmp_path: Path, tiny: Options) -> None:
    Image.fromarray(moving_discs(0, 1, Size(48, 32))[0]).save(tmp_path / "p.png")
    records = [Record(id=f"p{k}", path="p.png", group=f"g{k // 100}", width=48, height=32) for k in range(50_000)]
    write_manifest(tmp_path, records, {})
    options = dataclasses.replace(tiny, data=str(tmp_path), mode="128", size="48x32", split="whole", batch=256, start="none")
    runs.load_manifest(tmp_path)
    before = resident_mb()
    run = runs.open_run(tmp_path / "run", options)
    assert run.train.nbytes > 200e6
    grown = [resident_mb() - before]
    trainer = Trainer.begin(options, run.train, run.validation)
    trainer._draw()
    before = resident_mb()
    for step in range(trainer.epoch_steps):
        trainer.step = step
        trainer._draw()
        if step % 20 == 0:
            grown.append(resident_mb() - before)
    assert max(grown) < 60, "the pictures are 230 MB"

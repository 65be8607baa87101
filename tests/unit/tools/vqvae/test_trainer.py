"""A run of the trainer: it learns, repeats to the bit, goes on where it stopped, mends itself, refuses what is foreign."""

from __future__ import annotations

import dataclasses
import io
import logging
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.tools.lab.plain_vqvae import plain_recipe
from phosphene.tools.vqvae import run as runs
from phosphene.tools.vqvae.network import VqVae
from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.trainer import Trainer


def begun(tiny: Options, folder: Path) -> tuple[runs.Run, Trainer]:
    run = runs.open_run(folder, tiny)
    return run, runs.begin(run)


def finished(tiny: Options, folder: Path) -> Trainer:
    run, trainer = begun(tiny, folder)
    assert runs.train(run, trainer, lambda: False, lambda t, r: None)
    return trainer


def test_gray_has_the_architecture_of_the_plain_recipe_to_the_parameter() -> None:
    model = VqVae.begin(Options())
    counts = [sum(p.numel() for p in part.parameters()) for part in (model.encoder, model.decoder)]
    assert counts == [238_624, 238_305]
    assert model.parameter_count == 485_121
    assert (model.spec.rows, model.spec.columns, model.spec.codes) == (8, 8, 128)
    assert 64 * math.log2(128) == 448  # bits a frame
    assert [Options().beta(epoch) for epoch in (0, 15, 30, 90)] == pytest.approx([0.05, 0.15, 0.25, 0.25])
    bare = plain_recipe(data="x")
    assert (bare.lr, bare.schedule, bare.start, bare.batch, bare.epochs, bare.patience) == (
        2e-4,
        "plateau",
        "before",
        32,
        200,
        15,
    )


def test_it_learns_and_uses_its_codes(tiny: Options, tmp_path: Path) -> None:
    trainer = finished(dataclasses.replace(tiny, epochs=12, lr=4e-3), tmp_path)
    first, last = trainer.history[1]["validation"], trainer.best.scores
    assert last["objective"] < first["objective"] - 0.02
    assert last["used"] >= 8
    assert trainer.counts.sum() == len(trainer.validation) * 64


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tiny: Options, tmp_path: Path) -> None:
    a, b = finished(tiny, tmp_path / "a"), finished(tiny, tmp_path / "b")
    assert all(torch.equal(x, y) for x, y in zip(a.best.model.values(), b.best.model.values(), strict=True))
    other = finished(dataclasses.replace(tiny, seed=4), tmp_path / "c")
    assert not torch.equal(a.best.model["quantiser.vectors"], other.best.model["quantiser.vectors"])


@pytest.mark.parametrize("after", [3, 9])  # in the warm-up, and in the middle of an epoch after it
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tiny: Options, tmp_path: Path, after: int) -> None:
    whole = finished(tiny, tmp_path / "whole")
    run, trainer = begun(tiny, tmp_path / "halves")
    assert not runs.train(run, trainer, lambda: trainer.step >= after, lambda t, r: None)
    run, again = begun(tiny, tmp_path / "halves")
    assert again.step == after
    assert runs.train(run, again, lambda: False, lambda t, r: None)
    assert again.step == whole.step
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name
    assert again.history == whole.history


def test_the_best_weights_are_a_file_that_loads_as_the_model(tiny: Options, tmp_path: Path) -> None:
    trainer = finished(tiny, tmp_path)
    model = runs.load_model(tmp_path)
    for name, value in trainer.best.model.items():
        assert torch.equal(value, model.state_dict()[name])
    assert (tmp_path / "samples").is_dir()


def spoil(trainer: Trainer, times: int) -> None:
    for _ in range(times):
        with torch.no_grad():
            next(trainer.model.encoder.parameters()).fill_(math.nan)
        trainer.advance()


def test_a_loss_that_is_not_finite_goes_back_to_the_last_good_weights(tiny: Options, tmp_path: Path) -> None:
    _, trainer = begun(dataclasses.replace(tiny, mend=False), tmp_path)
    while trainer.epoch < 2:
        trainer.advance()
    spoil(trainer, 1)
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())
    assert trainer.rate_factor == 0.5
    assert "not finite" in trainer.notes[-1]
    with pytest.raises(FloatingPointError, match="in a row"):
        spoil(trainer, 20)


def test_a_collapsed_codebook_is_seen_and_begun_anew(tiny: Options, tmp_path: Path) -> None:
    options = dataclasses.replace(tiny, epochs=12, restart=0.0)
    _, trainer = begun(options, tmp_path)
    while trainer.epoch < 6:
        trainer.advance()
    step = trainer.step
    with torch.no_grad():
        trainer.model.quantiser.vectors[1:] += 1e4  # one code is left
        trainer.model.quantiser.total[1:] += 1e6
    while trainer.epoch < 7:
        trainer.advance()
    assert trainer.history[-1]["collapsed"]
    assert any("begun anew" in note for note in trainer.notes)
    while trainer.epoch < 8:
        trainer.advance()
    assert trainer.step > step
    assert trainer.history[-1]["validation"]["perplexity"] > 2.0


def test_the_first_steps_are_no_collapse(tiny: Options, tmp_path: Path) -> None:
    _, trainer = begun(dataclasses.replace(tiny, batch=64, restart=0.0), tmp_path)
    while trainer.epoch < 2:
        trainer.advance()
    with torch.no_grad():
        trainer.model.quantiser.vectors[1:] += 1e4
        trainer.model.quantiser.total[1:] += 1e6
    while trainer.epoch < 3:
        trainer.advance()
    assert trainer.history[-1]["validation"]["perplexity"] < 2.0
    assert trainer.rate_factor == 1.0, "running statistics that are not there yet cost no rate"


def test_the_last_epoch_counts_however_time_cuts_it(tiny: Options, tmp_path: Path) -> None:
    _, trainer = begun(dataclasses.replace(tiny, epochs=1000, minutes=1.0, batch=8), tmp_path)
    while trainer.step < 2 * trainer.epoch_steps + 3:
        trainer.advance()
    trainer.spent = 60.0
    assert trainer.advance() is not None
    assert trainer.done
    assert trainer.history[-1]["step"] == 2 * trainer.epoch_steps + 4


def test_weights_that_give_up_are_the_last_good_ones(tiny: Options, tmp_path: Path) -> None:
    run, trainer = begun(tiny, tmp_path)
    while trainer.epoch < 2:
        trainer.advance()

    healthy = trainer.advance

    def spoilt() -> dict | None:
        with torch.no_grad():
            next(trainer.model.encoder.parameters()).fill_(math.nan)
        return healthy()

    trainer.advance = spoilt
    assert not runs.train(run, trainer, lambda: False, lambda t, r: None)
    assert "in a row" in trainer.notes[-1]
    kept = runs.read_checkpoint(tmp_path / "checkpoint.pt")["trainer"]["model"]
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
    assert math.isfinite(trainer.best.objective)


def test_nothing_held_out_is_said_and_measured_on_training(tiny: Options, tmp_path: Path, loops: Path) -> None:
    run = runs.open_run(tmp_path, dataclasses.replace(tiny, epochs=1))
    run.validation = run.validation[:0]
    trainer = Trainer.begin(run.options, run.train, run.validation)
    while not trainer.done:
        record = trainer.advance()
    assert record["validation"]["objective"] > 0


@pytest.mark.parametrize("quantiser", ["gradient", "cosine", "fsq", "vae"])
@pytest.mark.parametrize("gradient", ["straight", "rotation"])
def test_every_quantiser_trains(tiny: Options, tmp_path: Path, quantiser: str, gradient: str) -> None:
    options = dataclasses.replace(tiny, quantiser=quantiser, gradient=gradient, epochs=2, inner=3, mend=False)
    trainer = finished(options, tmp_path)
    assert math.isfinite(trainer.best.objective)
    assert ("perplexity" in trainer.best.scores) == (quantiser != "vae")


def test_colour_and_another_shape(tiny: Options, tmp_path: Path) -> None:
    options = dataclasses.replace(tiny, mode="128", size="64x32", epochs=2, blocks=1)
    trainer = finished(options, tmp_path)
    assert trainer.train.shape[1:] == (32, 64, 3)
    assert (trainer.model.spec.rows, trainer.model.spec.columns) == (4, 8)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "512"}, "--mode"),
        ({"size": "60x64"}, "--size"),
        ({"lr": 0.0}, "--lr"),
        ({"codes": 999}, "--codes"),
        ({"quantiser": "fsq", "codes": 100}, "--codes"),
        ({"widths": (1,)}, "--widths"),
    ],
)
def test_options_that_cannot_be(wrong: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Options(**wrong)


def test_options_survive_their_file_and_refuse_what_they_do_not_know(tiny: Options, tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text(tiny.to_json())
    assert Options.read(tmp_path / "options.json") == tiny
    for text, said in (
        ('{"wobble": 1}', "wobble"),
        ('{"lr": "fast"}', "key lr"),
        ("[]", "no table"),
        ("{", "not valid JSON"),
    ):
        (tmp_path / "options.json").write_text(text)
        with pytest.raises(UserError, match=said):
            Options.read(tmp_path / "options.json")


class _Hostile:
    def __reduce__(self):
        return os.system, ("touch hostile-code-ran",)


def test_checkpoints_that_are_damaged_foreign_or_hostile_are_refused(
    tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finished(tiny, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.pt"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(UserError, match=r"damaged|no table"):
        begun(tiny, tmp_path / "run")
    hostile = io.BytesIO()
    torch.save({"trainer": _Hostile(), "data": ""}, hostile)
    path.write_bytes(hostile.getvalue())
    with pytest.raises(UserError, match="could run code"):
        begun(tiny, tmp_path / "run")
    assert not (tmp_path / "hostile-code-ran").exists()
    path.write_bytes(good)
    with pytest.raises(UserError, match="another architecture"):
        begun(dataclasses.replace(tiny, codes=32), tmp_path / "run")
    state = torch.load(path, weights_only=True)
    torch.save(state | {"data": "0" * 64}, path)
    with pytest.raises(UserError, match="other data"):
        begun(tiny, tmp_path / "run")
    torch.save({"model": 1}, path)
    with pytest.raises(UserError, match="another program"):
        begun(tiny, tmp_path / "run")
    (tmp_path / "run" / "best.safetensors").write_bytes(b"junk")
    with pytest.raises(UserError, match="weights are damaged"):
        runs.load_model(tmp_path / "run")


def test_a_full_disk_ends_the_writing_not_the_training(
    tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        if path.name != "options.json":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("phosphene.tools.runs.files.write_atomic", full)
    monkeypatch.setattr("phosphene.tools.runs.files._disk", RateLimitedLog(logging.getLogger("runs"), 20.0))
    trainer = finished(tiny, tmp_path)
    assert trainer.best is not None
    assert "No space left" in caplog.text


def test_one_thread_by_default(tiny: Options, tmp_path: Path) -> None:
    runs.open_run(tmp_path, tiny)
    assert torch.get_num_threads() == 1


def test_batches_show_every_picture_once_an_epoch(tiny: Options, tmp_path: Path) -> None:
    _, trainer = begun(dataclasses.replace(tiny, batch=7), tmp_path)
    seen = []
    for step in range(trainer.epoch_steps):
        trainer.step = step
        seen.append(trainer._draw())
    counted = torch.cat(seen)
    assert len(counted) == len(trainer.train)
    assert counted.mean().item() == pytest.approx(np.asarray(trainer.train).mean() / 255, rel=1e-4)

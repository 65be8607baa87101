"""The prior and its dreams: time is a circle, seams are steps like any other, copies are not kept."""

from __future__ import annotations

import dataclasses
import io
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from phosphene.engine.core.errors import UserError
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.vqvae.dreaming import (
    decode_codes,
    distance,
    dream_loops,
    encode_loop,
    nearest,
    random_loops,
    signature,
    steps_of,
)
from phosphene.tools.vqvae.network import VqVae
from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.prior import Prior, PriorTrainer, Shape, circle, dream
from phosphene.tools.vqvae.prior_run import Coded, chosen_kinds, encode_data, guessing_by_use, token_of, train_prior, varied

SHAPE = Shape(frames=8, rows=2, columns=3, codes=4, classes=2, width=32, layers=2, heads=2)


def turning(start: int, frames: int = 8) -> np.ndarray:
    """A loop that shows code 0 for half of its time and code 2 for the other, from `start` on."""
    codes = (np.arange(frames) + start) % frames // 4 * 2
    return np.broadcast_to(codes[:, None, None], (frames, 2, 3)).astype(np.uint8)


def trained(steps: int = 300, seed: int = 0) -> PriorTrainer:
    torch.set_num_threads(1)
    loops = np.stack([turning(0), turning(3)])
    trainer = PriorTrainer(SHAPE, loops, np.array([0, 1]), loops[:1], seed=seed, steps=steps, lr=5e-3)
    while trainer.progress < 1.0:
        trainer.advance()
    return trainer


@pytest.fixture(scope="module")
def turner() -> PriorTrainer:
    return trained()


def test_time_is_a_circle() -> None:
    told = circle(12)
    gaps = (told - told.roll(1, 0)).norm(dim=1)
    assert torch.allclose(gaps, gaps[:1].expand(12), atol=1e-5), "the step over the seam is a step like any other"
    assert len(told.unique(dim=0)) == 12


def test_turning_the_time_of_a_loop_turns_what_is_told_of_it() -> None:
    prior = Prior(SHAPE).eval()
    with torch.no_grad():
        prior.when.weight.zero_()  # all else does not know where a loop begins
    codes = torch.randint(0, 5, (1, 8, 2, 3), generator=torch.Generator().manual_seed(1))
    kind = torch.tensor([2])
    assert torch.allclose(prior(codes.roll(3, 1), kind), prior(codes, kind).roll(3, 1), atol=1e-5)


def test_it_learns_what_a_loop_does(turner: PriorTrainer) -> None:
    assert turner.history[-1]["held_out"] < 0.35 * np.log(4)


def test_a_dreamt_loop_goes_on_over_its_seam_as_everywhere(turner: PriorTrainer) -> None:
    changes = []
    for seed in range(16):
        codes = dream(turner.prior, seed, temperature=0.7)
        assert codes.shape == (8, 2, 3)
        assert set(np.unique(codes)) == {0, 2}, "both halves, and nothing is left hidden"
        changes.append((codes != np.roll(codes, -1, 0)).mean((1, 2)))
    by_step = np.mean(changes, 0)
    assert by_step.sum() < 2.7, "real loops change twice in a turn, codes at random four times"
    assert by_step[-1] < 0.55, "and no oftener from the last frame to the first"


def test_the_same_seed_dreams_the_same_loop_and_another_another(turner: PriorTrainer) -> None:
    assert np.array_equal(dream(turner.prior, 1, (0, 1)), dream(turner.prior, 1, (0, 1)))
    assert len({dream(turner.prior, seed).tobytes() for seed in range(6)}) > 1


def test_a_prior_that_was_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    coded = Coded([turning(0), turning(3)], [0, 1], [turning(1)], ["a", "b"])
    spec = Options(codes=4, widths=(8, 8, 8)).spec().model_copy(update={"rows": 2, "columns": 3})
    small = {"width": 16, "layers": 1, "heads": 2}

    def go(folder: Path, stop) -> Prior:
        folder.mkdir(exist_ok=True)
        return train_prior(folder, coded, spec, 0, 30, 0.0, stop, lambda text: None, **small)

    whole = go(tmp_path / "whole", lambda: False)
    asked = iter(range(100))
    go(tmp_path / "halves", lambda: next(asked) >= 11)
    again = go(tmp_path / "halves", lambda: False)
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))
    with pytest.raises(UserError, match="another shape"):
        train_prior(
            tmp_path / "halves", coded, spec, 0, 30, 0.0, lambda: False, lambda text: None, **(small | {"layers": 2})
        )
    hostile = io.BytesIO()
    torch.save({"shape": _Hostile()}, hostile)
    (tmp_path / "halves" / "prior.pt").write_bytes(hostile.getvalue())
    with pytest.raises(UserError, match="could run code"):
        go(tmp_path / "halves", lambda: False)


def test_a_token_of_four_codes_is_laid_out_and_back() -> None:
    shape = Shape(frames=3, rows=4, columns=6, codes=9, classes=1, width=8, layers=1, heads=2, high=2, wide=2)
    codes = torch.arange(24).reshape(1, 4, 6)
    tokens = shape.tokens(codes)
    assert tokens.shape == (1, 6, 4)
    assert tokens[0, 0].tolist() == [0, 1, 6, 7]
    assert torch.equal(shape.grid(tokens), codes)
    # Logits come back at the place of their code: what is told of one place changes with its token's input alone.
    prior = Prior(shape).eval()
    told = prior(torch.zeros(1, 3, 4, 6, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
    assert told.shape == (1, 3, 24, 9)
    with torch.no_grad():
        prior.tell.bias.copy_(torch.arange(36.0))
        prior.tell.weight.zero_()
    told = prior(torch.zeros(1, 3, 4, 6, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))[0, 0].reshape(4, 6, 9)
    assert told[:, :, 0].reshape(2, 2, 3, 2)[0, :, 0].tolist() == [[0.0, 9.0], [18.0, 27.0]]
    loop = dream(prior, 3, rounds=4)
    assert loop.shape == (3, 4, 6)
    assert loop.max() < 9
    with pytest.raises(UserError, match="high, wide"):
        Shape(frames=3, rows=5, columns=6, codes=9, classes=1, high=2)
    assert token_of(8, 8) == {"high": 1, "wide": 1}
    assert token_of(9, 16) == {"high": 1, "wide": 2}
    assert token_of(18, 32) == {"high": 2, "wide": 2}


class _Hostile:
    def __reduce__(self):
        return os.system, ("false",)


def spoil(trainer: PriorTrainer, times: int) -> None:
    for _ in range(times):
        with torch.no_grad():
            trainer.prior.tell.weight.fill_(np.nan)
        trainer.advance()


def test_a_loss_that_is_not_finite_goes_back(turner: PriorTrainer) -> None:
    trainer = trained(steps=60)
    spoil(trainer, 1)
    assert all(torch.isfinite(p).all() for p in trainer.prior.parameters())
    with pytest.raises(FloatingPointError):
        spoil(trainer, 8)


def test_distance_knows_a_loop_shifted_and_backwards() -> None:
    rng = np.random.default_rng(0)
    a = signature(rng.random((8, 3, 36, 64)).astype(np.float32))
    assert distance(a, np.roll(a, 3, 0)) < 1e-3
    assert distance(a, a[::-1]) < 1e-3
    other = signature(rng.random((8, 3, 36, 64)).astype(np.float32))
    assert distance(a, other) > 0.1
    assert nearest(a, [other, np.roll(a, 1, 0)]) < 1e-3


def test_the_last_step_is_the_seam() -> None:
    pictures = np.zeros((5, 1, 4, 4), np.float32)
    pictures[:, 0] = np.arange(5)[:, None, None] * 0.1
    assert steps_of(pictures) == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.4])


def test_dreams_are_kept_by_seam_and_distance(turner: PriorTrainer, tiny: Options) -> None:
    options = dataclasses.replace(tiny, codes=4, size="24x16")
    model = VqVae.begin(options).eval()
    assert (model.spec.rows, model.spec.columns) == (2, 3)
    with torch.no_grad():
        model.quantiser.vectors.copy_(torch.randn(4, 8, generator=torch.Generator().manual_seed(1)) * 3)
    training = [turning(0), turning(3)]
    near = dream_loops(model, turner.prior, training, [], ["a", "b"], 3, 0)
    assert near.bound == 0.0
    assert near.drawn == len(near.beside[0].nearest)
    assert [each.name for each in near.beside][1:] == ["codes at random", "codes at random, by their use"]
    for each in near.kept:
        assert each.seam <= each.step_most
        assert each.nearest > 0.0, "a copy of a training loop is no dream"
    backwards = np.random.default_rng(3).integers(0, 4, (8, 2, 3)).astype(np.uint8)
    far = dream_loops(model, turner.prior, training, [backwards], ["a", "b"], 3, 0)
    assert far.bound == pytest.approx(far.beside[1].nearest[0]), "of one held-out loop every percentile is its own"
    assert all(each.nearest > far.bound for each in far.kept)
    assert (far.refused is None) == bool(far.kept), "where none is kept there is one to look at"


def test_a_dream_moves_as_real_loops_do_and_random_codes_do_not(turner: PriorTrainer, tiny: Options) -> None:
    model = VqVae.begin(dataclasses.replace(tiny, codes=4, size="24x16")).eval()
    with torch.no_grad():
        model.quantiser.vectors.copy_(torch.randn(4, 8, generator=torch.Generator().manual_seed(1)) * 3)
    training = [turning(0), turning(3)]
    found = dream_loops(model, turner.prior, training, training[:1], ["a", "b"], 2, 0, temperature=0.7)
    dreams, real, even, by_use = found.beside
    assert real.nearest == [pytest.approx(0.0, abs=1e-4)], "a copy of a training loop is known as one"
    assert dreams.step < 0.75 * even.step
    assert dreams.step < 0.75 * by_use.step
    assert real.step < found.most < by_use.step
    assert all(each.step < found.most for each in found.kept)
    assert f"ordinary step {dreams.step:.4f}" in dreams.line()


def test_what_a_prior_that_learned_nothing_dreams_is_not_kept(tiny: Options) -> None:
    model = VqVae.begin(dataclasses.replace(tiny, codes=4, size="24x16")).eval()
    with torch.no_grad():
        model.quantiser.vectors.copy_(torch.randn(4, 8, generator=torch.Generator().manual_seed(1)) * 3)
    found = dream_loops(model, Prior(SHAPE), [turning(0), turning(3)], [turning(1)], ["a", "b"], 3, 0)
    assert found.drawn == 12
    assert not found.kept, "flicker has no seam either, and is far from every loop"
    assert found.refused is not None


def test_random_loops_are_drawn_evenly_and_as_training_uses_its_codes() -> None:
    loops = random_loops([turning(0), turning(3)], 4, seed=1)
    even, by_use = (np.stack(found) for found in loops.values())
    assert even.shape == by_use.shape == (4, 8, 2, 3)
    assert np.bincount(even.reshape(-1), minlength=4).min() > 192 / 4 * 0.6
    assert set(np.unique(by_use)) == {0, 2}, "codes 1 and 3 are in no loop"


def test_who_knows_the_use_of_codes_alone_guesses_its_entropy() -> None:
    coded = Coded([turning(0)], [0], [turning(3)], ["a"])
    assert guessing_by_use(coded, 2 + 1) == pytest.approx(np.log(2), abs=0.05)


def test_a_prior_without_held_out_loops_still_goes_back_to_what_it_learned() -> None:
    torch.set_num_threads(1)
    loops = np.stack([turning(0), turning(3)])
    trainer = PriorTrainer(SHAPE, loops, np.array([0, 1]), loops[:0], steps=60)
    while trainer.step < 50:
        trainer.advance()
    learned = trainer.prior.tell.weight.clone()
    spoil(trainer, 1)
    assert torch.equal(trainer.prior.tell.weight, learned)


def test_a_prior_that_cannot_be_mended_keeps_its_last_good_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: PriorTrainer, *given: object, **more: object) -> torch.Tensor:
        return self.prior.tell.weight.sum() * math.nan

    monkeypatch.setattr(PriorTrainer, "_guess", broken)
    coded = Coded([turning(0), turning(3)], [0, 1], [], ["a", "b"])
    spec = Options(codes=4, widths=(8, 8, 8)).spec().model_copy(update={"rows": 2, "columns": 3})
    said: list[str] = []
    prior = train_prior(tmp_path, coded, spec, 0, 30, 0.0, lambda: False, said.append, width=16, layers=1, heads=2)
    assert all(torch.isfinite(p).all() for p in prior.parameters())
    assert "last good weights are kept" in said[-1]


def test_loops_are_encoded_evenly_and_keep_their_sketch(tiny: Options, loops: Path) -> None:
    model = VqVae.begin(tiny).eval()
    manifest = load_manifest(loops, "variant")
    coded = encode_data(model, manifest, 6)
    assert len(coded.training) + len(coded.held_out) == 10
    assert len(coded.held_out) >= 1
    assert coded.training[0].shape == (6, 8, 8)
    loop = next(each for each in manifest.loops if each.split == "train")
    every = encode_loop(model, loop, loop.frames)
    assert np.array_equal(coded.training[0], every[::2])
    assert decode_codes(model, every).shape == (12, 1, 64, 64)
    some = varied(coded, 5)
    assert len(some) == 5
    assert len(varied(coded, 99)) == len(coded.training)
    chosen = chosen_kinds(coded, [coded.names[1]])
    assert chosen == [1]
    mine = [codes for codes, kind in zip(coded.training, coded.kinds, strict=True) if kind == 1]
    assert all(np.array_equal(a, b) for a, b in zip(varied(coded, 99, chosen), mine, strict=True))
    with pytest.raises(UserError, match="no such sketch"):
        chosen_kinds(coded, ["wobble"])

"""The towers, their files, and what the shipped weights know."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from phosphene.engine.core.errors import UserError
from phosphene.tools.motif.captions import SEVEN, caption
from phosphene.tools.motif.evaluate import embed_pictures, embed_texts, fresh, retrieval, seven, seven_pictures, structure
from phosphene.tools.motif.model import WEIGHTS, load_motif, save_motif, untrained, weights_path

NAMES = ("guide", "judge")


@pytest.fixture(scope="module")
def held_out():
    pictures, subjects = fresh(seed=4321, count=128)
    rng = np.random.default_rng(8)
    return (
        pictures,
        [caption(s, rng, full=True) for s in subjects],
        [caption(s, rng, held_out=True, full=True) for s in subjects],
    )


@pytest.mark.parametrize("n", [1, 3])
def test_both_towers_end_in_unit_vectors(n):
    model = untrained("guide")
    images = model.image(torch.rand(n, 3, 64, 64))
    texts = model.text(["blue waves"] * n)
    assert images.shape == texts.shape == (n, 256)
    torch.testing.assert_close(images.norm(dim=1), torch.ones(n))
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(n))


def test_any_text_gives_finite_numbers_and_neighbours_change_nothing():
    model = load_motif("guide")
    odd = ["", "???", "zzyzx qwrt", "wave " * 2000, "\u7d2b\u8272\u306e\u6ce2", "a"]
    together = model.text(odd)
    assert together.isfinite().all()
    for row, text in zip(together, odd, strict=True):
        torch.testing.assert_close(model.text([text])[0], row, atol=1e-5, rtol=0)


def test_the_gradient_reaches_pictures_even_flat_ones_and_no_weight():
    model = load_motif("guide")
    target = model.text(["red flames"])[0]
    for pictures in (torch.rand(2, 3, 64, 64), torch.full((1, 3, 64, 64), 0.5), torch.zeros(1, 3, 64, 64)):
        pictures.requires_grad_()
        (model.image(pictures) @ target).sum().backward()
        assert pictures.grad.isfinite().all()
        assert pictures.grad.abs().max() > 0
    assert all(not p.requires_grad and p.grad is None for p in model.parameters())


def test_the_picture_may_be_changed_a_little_without_another_answer(held_out):
    pictures = held_out[0][:32]
    torch.manual_seed(0)
    for name in NAMES:
        model = load_motif(name)
        moved = embed_pictures(model, (pictures + 0.02 * torch.randn_like(pictures)).clamp(0, 1))
        assert (embed_pictures(model, pictures) * moved).sum(1).median() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_weights_beat_chance_by_far_and_an_untrained_tower_does_not(name, held_out):
    pictures, seen, kept = held_out
    model, stranger = load_motif(name), untrained(name)
    images = embed_pictures(model, pictures)
    assert min(retrieval(images, embed_texts(model, seen)).values()) > 0.5
    assert min(retrieval(images, embed_texts(model, kept)).values()) > 0.25
    assert max(retrieval(embed_pictures(stranger, pictures), embed_texts(stranger, seen)).values()) < 0.12


@pytest.mark.parametrize("name", NAMES)
def test_each_of_the_seven_prompts_is_nearest_to_its_own_pictures(name):
    model = load_motif(name)
    texts = embed_texts(model, list(SEVEN.values()))
    for i, mood in enumerate(SEVEN):
        means = (embed_pictures(model, seven_pictures(mood, 8)) @ texts.T).mean(0)
        assert int(means.argmax()) == i, mood


@pytest.mark.parametrize("name", NAMES)
def test_the_right_pattern_counts_and_not_the_colours_alone(name):
    own, other = ({mood: seven_pictures(mood, 12, rival) for mood in SEVEN} for rival in (False, True))
    assert seven(load_motif(name), own, other)["right_pattern"] > 0.75
    assert 0.3 < seven(untrained(name), own, other)["right_pattern"] < 0.65


def test_the_right_structure_is_nearer_than_its_colours_alone():
    for name in NAMES:
        known, unknown = structure((load_motif(name), untrained(name)), 256)
        assert known["other"] > 0.93
        assert known["camouflage"] > 0.86
        assert all(0.35 < unknown[key] < 0.65 for key in ("other", "camouflage"))


def test_guide_and_judge_share_nothing_and_are_small():
    guide, judge = (load_motif(name) for name in NAMES)
    assert guide.shape != judge.shape
    pictures = torch.rand(16, 3, 64, 64)
    a, b = (embed_pictures(m, pictures) for m in (guide, judge))
    assert (a * b).sum(1).abs().mean() < 0.5
    assert sum(weights_path(name).stat().st_size for name in NAMES) <= 12_000_000
    trained = [json.loads((WEIGHTS / f"{name}.json").read_text())["trained"] for name in NAMES]
    assert trained[0]["seed"] != trained[1]["seed"]


def test_weights_survive_the_file(tmp_path):
    model = untrained("judge", seed=5)
    save_motif(model, tmp_path / "judge.safetensors")
    again = load_motif("judge", tmp_path / "judge.safetensors")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value.half().float())
    assert not (tmp_path / "judge.part").exists()


def test_missing_and_damaged_weights_say_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"no weights.*train_motif\.py --output guide"):
        load_motif("guide", tmp_path / "none.safetensors")
    whole = weights_path("guide").read_bytes()
    for i, data in enumerate((b"", b"no tensors", whole[: len(whole) // 2], whole[:8] + b"x" * 64 + whole[72:])):
        path = tmp_path / f"{i}.safetensors"
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"damaged.*train_motif"):
            load_motif("guide", path)
    model = untrained("guide")
    with torch.no_grad():
        model.log_scale.fill_(float("nan"))
    save_motif(model, tmp_path / "nan.safetensors")
    with pytest.raises(UserError, match="not finite"):
        load_motif("guide", tmp_path / "nan.safetensors")

"""`motif` as a guide and as a judge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.motif import MotifGuide
from phosphene.tools.motif import model as model_module
from phosphene.tools.motif.evaluate import seven_pictures
from phosphene.tools.motif.model import load_motif, untrained


@pytest.fixture(scope="module")
def flames() -> torch.Tensor:
    return seven_pictures("fire", 6)


@pytest.fixture(scope="module")
def clouds() -> torch.Tensor:
    return seven_pictures("pastel", 6)


@pytest.mark.parametrize("role", ["guide", "judge"])
def test_words_find_their_pictures(role, flames, clouds):
    guide = MotifGuide(Request("flowing flames in oranges, reds and yellows"), role)
    assert guide.score(flames).shape == (6,)
    assert guide.score(flames).min() > guide.score(clouds).max()
    prompts = ["flowing flames in oranges, reds and yellows", "soft pastel clouds in pinks and lavenders"]
    table = guide.similarities(torch.cat((flames, clouds)), prompts)
    assert table.shape == (12, 2)
    torch.testing.assert_close(table[:6, 0], guide.score(flames))
    assert (table[:6].argmax(1) == 0).all()
    assert (table[6:].argmax(1) == 1).all()
    assert guide.similarities(flames, []).shape == (6, 0)


def test_any_size_and_any_number(flames):
    guide = MotifGuide(Request("fire"), "guide")
    wide = torch.nn.functional.interpolate(flames, (180, 180), mode="bicubic", antialias=True).clamp(0, 1)
    assert (guide.score(wide) - guide.score(flames)).abs().mean() < 0.15
    assert guide.score(torch.zeros(0, 3, 64, 64)).shape == (0,)
    assert guide.score(torch.rand(1, 3, 31, 55)).isfinite().all()


def test_following_the_gradient_raises_the_score_under_the_judge_too():
    request = Request("blue and teal waves")
    guide, judge = MotifGuide(request, "guide"), MotifGuide(request, "judge")
    torch.manual_seed(3)
    coarse = torch.zeros(2, 3, 8, 8, requires_grad=True)  # few numbers, as a small network has: no room for tricks
    optimizer = torch.optim.Adam([coarse], lr=0.1)

    def picture() -> torch.Tensor:
        return torch.sigmoid(torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic"))

    before = judge.score(picture()).mean().item(), guide.score(picture()).mean().item()
    for _ in range(25):
        optimizer.zero_grad()
        (-guide.score(picture()).mean()).backward()
        optimizer.step()
    after = judge.score(picture()).mean().item(), guide.score(picture()).mean().item()
    assert after[1] > before[1] + 0.2
    assert after[0] > before[0] + 0.05


def test_a_negative_prompt_pushes_away(flames):
    plain = MotifGuide(Request("orange and red picture"), "guide")
    without = MotifGuide(Request("orange and red picture", negative="flames"), "guide")
    assert without.score(flames).mean() < plain.score(flames).mean() - 0.05


def test_pictures_as_the_request(tmp_path, flames, clouds):
    paths = []
    for i, picture in enumerate(flames[:3]):
        pixels = (picture.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(pixels).save(paths[-1])
    for request in (Request(images=tuple(paths)), Request("flames", images=tuple(paths))):
        guide = MotifGuide(request, "guide")
        assert guide.score(flames[3:]).mean() > guide.score(clouds).mean() + 0.3
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG no")
    with pytest.raises(UserError, match="cannot read a picture"):
        MotifGuide(Request(images=(broken,)), "guide")


@pytest.mark.parametrize("prompt", ["wave " * 2000, "\u7d2b\u8272\u306e\u6ce2", "zzyzx"])
def test_odd_prompts_serve(prompt, clouds):
    assert MotifGuide(Request(prompt), "guide").score(clouds).isfinite().all()


@pytest.mark.parametrize("prompt", ["", "  ", "?!"])
def test_nothing_to_aim_at_is_said(prompt):
    with pytest.raises(UserError, match="needs words or pictures"):
        MotifGuide(Request(prompt), "guide")


def test_missing_weights_are_said(monkeypatch, tmp_path):
    load_motif.cache_clear()
    monkeypatch.setattr(model_module, "WEIGHTS", tmp_path)
    with pytest.raises(UserError, match=r"no weights.*train_motif"):
        MotifGuide(Request("waves"), "judge")


def test_an_untrained_model_scores_as_a_null(flames):
    stranger = MotifGuide.with_model(untrained("judge"), Request("flames"), "judge")
    known = MotifGuide(Request("flames"), "judge")
    assert known.score(flames).mean() > stranger.score(flames).mean() + 0.2
    assert known.score(flames).grad_fn is None

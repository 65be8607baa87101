"""The optimiser's step: it climbs, goes on after an interruption to the bit, and survives a loss that is not a number."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.growth import draw_recipe, grow
from phosphene.tools.cppn import terms
from phosphene.tools.cppn.cutouts import cutouts
from phosphene.tools.cppn.network import TorchCppn
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.trainer import Trainer, trainer_of
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.choose import Pull
from phosphene.tools.guides.palette import PaletteGuide

PROMPT = "pink and blue neon"


def options(**more) -> Options:
    return Options(
        **{"output": "t", "prompt": PROMPT, "hidden_dim": 16, "layers": 3, "iterations": 20, "resolutions": (48, 64),
           "starts": 3, "lr": 4e-4} | more
    )  # fmt: skip


def trainer(music, guide=None, **more) -> Trainer:
    told = options(**more)
    return trainer_of(told).begin(told, music, [Pull(guide or PaletteGuide(Request(PROMPT)))], "cpu")


class Poisoned(PaletteGuide):
    """Answers NaN from its `after`-th call on, `times` times."""

    def __init__(self, after: int, times: int) -> None:
        super().__init__(Request(PROMPT))
        self.calls, self.after, self.times = 0, after, times

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        poison = self.after < self.calls <= self.after + self.times
        return super().score(pictures) * (float("nan") if poison else 1.0)


def test_it_climbs_towards_its_guide(music):
    run = trainer(music, iterations=30)
    before = run.evaluate()
    records = []
    while not run.done:
        records.append(run.advance())
    assert run.best.objective > before + 0.03
    assert [r["step"] for r in records] == list(range(1, 61))
    assert {r["resolution"] for r in records} == {48, 64}
    assert set(records[0]["terms"]) == {"palette", "reactivity", "smoothness", "contrast"}
    assert records[-1]["rate"] == pytest.approx(3.2e-4, rel=0.1), "the rate falls to a tenth"


def test_an_interrupted_run_goes_on_to_the_same_bits(music):
    whole = trainer(music)
    for _ in range(30):
        whole.advance()
    first = trainer(music)
    for _ in range(17):
        first.advance()
    second = trainer(music)
    second.restore(first.state())
    for _ in range(13):
        second.advance()
    for (w, b), (w2, b2) in zip(whole.network.weights(), second.network.weights(), strict=True):
        assert np.array_equal(w, w2)
        assert np.array_equal(b, b2)
    assert whole.best.objective == second.best.objective


def test_a_loss_that_is_not_a_number_steps_back_and_says_so(music):
    calm, hurt = trainer(music), trainer(music, Poisoned(after=3 + 25 + 4, times=2))
    while not hurt.done:
        calm.advance()
        hurt.advance()
    assert hurt.rate_factor < 1.0
    assert any("not finite" in note for note in hurt.notes)
    assert all(np.isfinite(w).all() and np.isfinite(b).all() for w, b in hurt.network.weights())
    assert hurt.best is not None
    assert calm.rate_factor == 1.0


def test_a_loss_that_is_never_a_number_gives_up_and_keeps_the_best(music):
    run = trainer(music, Poisoned(after=3 + 24 + 4, times=10**9))

    def finish() -> None:
        while not run.done:
            run.advance()

    with pytest.raises(FloatingPointError):
        finish()
    assert run.best is not None
    assert run.best.step == 20


def test_a_loss_that_fails_at_once_goes_on_from_the_beginning(music):
    run = trainer(music, Poisoned(after=3, times=2))
    first = run.network.weights()
    run.advance()
    for (w, b), (w2, b2) in zip(first, run.network.weights(), strict=True):
        assert np.array_equal(w, w2)
        assert np.array_equal(b, b2)
    while not run.done:
        run.advance()
    assert all(np.isfinite(w).all() for w, _ in run.network.weights())


def test_the_plain_recipe_sees_one_frame_and_nothing_else(music):
    run = trainer(music, recipe="plain", resolutions=(48,))
    record = run.advance()
    assert set(record["terms"]) == {"palette"}
    assert run.scales == {}
    assert record["rate"] == pytest.approx(3.2e-3), "8 times that of 128 neurons"


@pytest.mark.parametrize("term", ["reactivity", "smoothness", "contrast"])
def test_a_term_with_weight_zero_is_left_out(music, term):
    assert term not in trainer(music, **{term: 0.0}).advance()["terms"]


def test_cutouts_are_of_their_pictures_and_differ(music):
    picture = torch.zeros(1, 3, 72, 128)
    picture[:, 0] = 1.0
    views = cutouts(picture, 6, 32, np.random.default_rng(0))
    assert views.shape == (6, 3, 32, 32)
    assert views.min() >= 0.0
    assert views.max() <= 1.0
    assert (views[:, 0].mean((1, 2)) > 0.8).all(), "red stays red"
    assert (views[:, 1:].mean((1, 2, 3)) < 0.2).all()
    ramp = torch.linspace(0, 1, 128).expand(1, 3, 72, 128)
    means = cutouts(ramp, 8, 32, np.random.default_rng(0)).mean((1, 2, 3))
    assert means.std() > 0.02
    same = cutouts(ramp, 8, 32, np.random.default_rng(0)).mean((1, 2, 3))
    assert torch.equal(means, same)


def test_cutouts_pass_gradients_where_a_picture_is_clipped():
    picture = torch.ones(1, 3, 72, 128, requires_grad=True)
    cutouts(picture, 4, 32, np.random.default_rng(0)).sum().backward()
    assert picture.grad.abs().sum() > 0


def test_a_deaf_network_pays_for_it_and_a_lively_one_does_not(music):
    spec = CppnSpec(width=24, layers=3)
    weights, scales = grow(spec, draw_recipe(3), 3)
    deaf = dict.fromkeys(scales, 0.0)

    def cost(scale) -> dict[str, float]:
        with torch.no_grad():
            found = [terms.liveliness(TorchCppn(spec, weights), music, scale, np.random.default_rng(i)) for i in range(12)]
        return {name: float(np.mean([f[name].item() for f in found])) for name in found[0]}

    lively, still = cost(scales), cost(deaf)
    assert lively["reactivity"] < 0.7 * still["reactivity"]
    assert lively["smoothness"] < 0.5 * still["smoothness"]


def test_a_closed_loop_has_no_seam(music):
    spec = CppnSpec(width=24, layers=3)
    weights, scales = grow(spec, draw_recipe(3), 3)
    scales["time"] = 0.4
    period = 8.0

    def seam() -> float:
        at = [music.uniforms(spec.uniform, scales, 5, t) for t in (1.0, 1.0 + period)]
        with torch.no_grad():
            a, b = TorchCppn(spec, weights).paint(np.stack(at), terms.SMALL)
        return (a - b).abs().max().item()

    open_seam, open_cost = seam(), terms.loop(TorchCppn(spec, weights), scales["time"], period).item()
    terms.close_loop(weights, spec, scales["time"], period)
    assert open_seam > 0.05
    assert open_cost > 0.1
    assert seam() < 1e-4
    assert terms.loop(TorchCppn(spec, weights), scales["time"], period).item() < 1e-6


def test_contrast_wants_a_range():
    flat = torch.full((1, 3, 8, 16), 0.5)
    ramp = torch.linspace(0, 1, 16).expand(1, 3, 8, 16)
    assert terms.contrast(flat).item() > 0.9
    assert terms.contrast(ramp).item() == 0.0

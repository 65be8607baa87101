"""Scores are of the show's own frames; nulls are what chance and no training give; the same seed gives the same numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from phosphene.engine.generators.still import still
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.style import Style
from phosphene.tools.cppn import nulls, scores
from phosphene.tools.cppn.footage import Music
from phosphene.tools.guides.choose import Pull

SPEC = CppnSpec(width=16, layers=2)


@dataclass
class Redness:
    """A guide that can be computed in the head: how much more red than blue, 0..1; counts the pictures it has seen."""

    cutouts: bool = False
    side: int = 18
    name: str = "redness"
    seen: int = 0

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        self.seen += len(pictures)
        assert pictures.shape[2] == self.side
        assert not self.cutouts or pictures.shape[3] == self.side
        return (pictures[:, 0] - pictures[:, 2]).mean((1, 2))

    def similarities(self, pictures: torch.Tensor, prompts: list[str]) -> torch.Tensor:
        channels = {"red": 0, "green": 1, "blue": 2}
        return torch.stack([pictures[:, channels[p]].mean((1, 2)) for p in prompts], 1)


@pytest.fixture(scope="module")
def music() -> Music:
    rng = np.random.default_rng(2)
    names = ("bass", "mid", "treble", "centroid", "rolloff", "onset", "beat", "rms", "flux", "onset_strength")
    rows = []
    for k in range(14 * 24):
        row = dict(zip(names, rng.random(len(names)), strict=True))
        rows.append(row | {"beat_phase": k / 12 % 1, "bar_phase": k / 48 % 1, "phrase_phase": k / 768 % 1})
    return Music.of("noise", rows)


@pytest.fixture(scope="module")
def style() -> Style:
    return nulls.untrained(SPEC, 7)["grown"]


def test_rendered_frames_are_the_stills_of_the_show(style: Style, music: Music) -> None:
    moments = scores.draw_moments(music, 3, 4)
    pictures = scores.rendered(style, music, moments)
    assert pictures.shape == (4, 3, 144, 256)
    assert pictures.dtype == torch.float32
    time, k = moments[2]
    phases = {name: music.signals[k][name] for name in ("beat_phase", "bar_phase", "phrase_phase")}
    expected = still(style, scores.RENDERED, time, {**music.levels[k], **phases})
    assert np.array_equal(pictures[2].permute(1, 2, 0).numpy(), expected)


def test_moments_are_spread_and_the_same_for_the_same_seed(music: Music) -> None:
    first = scores.draw_moments(music, 1)
    assert first == scores.draw_moments(music, 1)
    assert first != scores.draw_moments(music, 2)
    times, frames = zip(*first, strict=True)
    assert max(np.diff(sorted(times))) < 110.0
    assert max(np.diff(sorted(frames))) < len(music.signals) / 5
    assert np.corrcoef(times, frames)[0, 1] < 0.9  # late in the set is not late in the track


def test_three_squares_cover_left_centre_and_right() -> None:
    picture = torch.zeros(1, 3, 36, 64)
    picture[:, 0, :, :16] = 1.0
    seen = scores.view(Redness(cutouts=True), picture)
    assert seen.shape == (3, 3, 18, 18)
    assert seen[:, 0].mean((1, 2)).tolist() == pytest.approx([16 / 36, 2 / 36, 0.0], abs=0.01)
    assert scores.view_scores(Redness(cutouts=True), picture)[0] == pytest.approx(18 / 36 / 3, abs=0.01)
    assert scores.view(Redness(cutouts=True), picture, squares=1).shape[0] == 1


def test_a_whole_picture_guide_sees_it_whole_once(style: Style, music: Music) -> None:
    pictures = scores.rendered(style, music, scores.draw_moments(music, 0, 2))
    guide = Redness()
    assert scores.view(guide, pictures).shape == (2, 3, 18, 32)
    found = scores.view_scores(guide, pictures)
    assert found == pytest.approx((pictures[:, 0] - pictures[:, 2]).mean((1, 2)).numpy(), abs=1e-3)
    assert guide.seen == 2


def test_guides_are_weighted(style: Style, music: Music) -> None:
    pictures = scores.rendered(style, music, scores.draw_moments(music, 0, 2))
    one = scores.view_scores(Redness(), pictures)
    both = scores.guide_scores([Pull(Redness(), 2.0), Pull(Redness(), 0.5)], pictures)
    assert both == pytest.approx(2.5 * one)


def test_scores_are_flat_finite_floats_and_do_not_vary(style: Style, music: Music) -> None:
    found = scores.score_style(style, [Pull(Redness())], Redness(cutouts=True), music, seed=1, loop_s=30.0)
    wanted = {"judge", "guide", "reactivity", "reactivity_null", "flicker", "flicker_music", "loop", "loop_step", "range"}
    assert wanted <= set(found)
    assert all(isinstance(value, float) and math.isfinite(value) for value in found.values())
    again = scores.score_style(style, [Pull(Redness())], Redness(cutouts=True), list(music.signals), seed=1, loop_s=30.0)
    assert found == again
    assert "loop" not in scores.score_style(style, [Pull(Redness())], Redness(), music)


def test_the_right_prompt_first_is_rank_one_and_ties_count_against() -> None:
    red = torch.zeros(2, 3, 36, 64)
    red[:, 0], red[:, 2] = 0.9, 0.3
    prompts = ["blue", "red", "green"]
    judge = Redness(cutouts=True)
    assert [scores.retrieval(judge, red, prompts, own) for own in range(3)] == [2, 1, 3]
    assert scores.retrieval(judge, torch.full((1, 3, 36, 64), 0.5), prompts, 0) == 3


def test_the_untrained_null_is_the_better_of_both_kinds(music: Music) -> None:
    found = nulls.score_untrained(SPEC, [Pull(Redness())], Redness(), music, seed=4, draws=2)
    for what in ("judge", "guide"):
        kinds = [found[f"{what}_untrained_{kind}"] for kind in nulls.KINDS]
        assert found[f"{what}_untrained"] == max(kinds)
        assert kinds[0] != kinds[1]


def test_the_best_of_many_random_networks_beats_an_untrained_one_and_more_draws_do_not_hurt(music: Music) -> None:
    pulls = [Pull(Redness())]
    untrained = nulls.score_untrained(SPEC, pulls, Redness(), music, seed=4, draws=2)
    few = nulls.random_search(SPEC, 1, pulls, Redness(), music, seed=4)
    many = nulls.random_search(SPEC, 40, pulls, Redness(), music, seed=4)
    assert many["guide_random"] > untrained["guide_untrained"]
    assert many["guide_random"] > few["guide_random"]
    assert many == nulls.random_search(SPEC, 40, pulls, Redness(), music, seed=4)


def test_untrained_networks_have_the_architecture_and_repeat() -> None:
    spec = CppnSpec(("fold3_x", "fold3_y", "time", "bass"), 24, 3, ("sin", "tanh"))
    one, two = nulls.untrained(spec, 5), nulls.untrained(spec, 5)
    assert set(one) == set(nulls.KINDS)
    for kind in nulls.KINDS:
        assert one[kind].spec == spec
        assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(one[kind].weights, two[kind].weights, strict=True))
    assert one["xavier"].scales == {}
    assert one["grown"].scales["bass"] > 0

"""Boards that are painted for words: the same for the same words and seed, light where a light ground was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.tools.guides.base import Request
from phosphene.tools.guides.board import divided, read_board, textured
from phosphene.tools.guides.painted import COUNT, board_of, notes_of, others, painted

HONEY = Request("a honeycomb of gold and orange on black")


def lightness(request: Request) -> float:
    return float(np.median(read_board(board_of(request), 72, COUNT)))


def test_a_board_is_the_same_for_the_same_words_and_seed():
    first, again, other = board_of(HONEY), board_of(HONEY), board_of(replace(HONEY, seed=1))
    assert len(first) == COUNT
    assert first == again
    pictures = [np.asarray(painted(each)) for each in first]
    painted.cache_clear()
    np.testing.assert_array_equal(pictures[0], np.asarray(painted(again[0])))
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 5
    assert np.abs(pictures[0].astype(int) - np.asarray(painted(other[0]))).mean() > 5
    assert pictures[0].shape == (256, 456, 3)


def test_all_of_a_board_has_a_texture_and_a_quarter_is_held_out():
    good, notes = textured(board_of(HONEY))
    trained, held = divided(good)
    assert (len(trained), len(held), notes) == (6, 2, ())
    assert read_board(trained, 180, 4).shape == (4, 180, 320, 3)


def test_of_two_structures_each_has_half_of_what_trains_and_of_what_judges():
    trained, held = divided(board_of(Request("hexagons and waves in red")))
    assert [each.subject.family for each in trained].count("waves") == 3
    assert {each.subject.family for each in held} == {"hexagons", "waves"}


def test_a_light_ground_is_light_and_a_dark_one_dark():
    assert lightness(Request("blue dots on a white background")) > 0.8
    assert lightness(Request("blue dots on black")) < 0.2


def test_the_null_is_of_other_structures_in_the_same_colours():
    board = board_of(HONEY)
    nulls = others(board)
    assert len(nulls) == 3
    assert all(each.subject.family != "hexagons" for null in nulls for each in null)
    assert {each.subject.colours for null in nulls for each in null} == {("gold", "orange")}


def test_files_are_the_board_where_there_are_files(tmp_path):
    request = Request("honeycomb", images=(tmp_path / "a.png",))
    assert board_of(request) == request.images
    assert notes_of(request) == ()
    assert notes_of(HONEY) == ("painted for: hexagons in gold, orange on black",)


@pytest.mark.parametrize("prompt", ["pink and blue", "", "qwx zzyp"])
def test_words_that_cannot_be_painted_are_said(prompt):
    with pytest.raises(UserError, match=r"no structure that can be painted.*hexagons.*--guide motif"):
        board_of(Request(prompt))

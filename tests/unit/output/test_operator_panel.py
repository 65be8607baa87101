"""What the operator's window says, and where: nothing lies over anything, and only what has changed is drawn again."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.output.operator_panel import OperatorModel, frames, layout, panel, pieces
from phosphene.engine.output.pen import BAD, CALM, Rect

HUD = HudModel(scene="Tide", bpm=128.0, deck_a="manta", deck_b="velvet", fps_target=60.0, errors=("the disk is slow",))
MODEL = OperatorModel(
    HUD, "Tide", "Glass", "scenes wait for TAKE (Tab)", "3 of 12: Tide, " + "slowly " * 40, "4 of 12: Glass",
    "the music leads", ("MIDI nanoKONTROL2",), "http://192.168.1.20:8800/", "http://192.168.1.20:8800/#abcdefghijkl",
)  # fmt: skip
SIZES = [Size(1440, 900), Size(1280, 720), Size(1920, 1080), Size(720, 480), Size(900, 1400)]


def apart(a: Rect, b: Rect) -> bool:
    return a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("aspect", [16 / 9, 4 / 3, 1.0, 32 / 9])
def test_all_is_in_the_window_and_nothing_lies_over_anything(size: Size, aspect: float) -> None:
    places = layout(size, aspect)
    drawn = panel(MODEL, places)
    height, width = drawn.image.shape[:2]
    there = {"wall picture": places.wall, "picture of a": places.a, "picture of b": places.b}
    there["panel"] = (*places.panel[:2], width, height)
    there |= {name: piece.place for name, piece in pieces(MODEL, places).items()}
    for name, (x, y, w, h) in there.items():
        assert min(x, y) >= 0, name
        assert min(w, h) > 0, name
        assert x + w <= size.width, name
        assert y + h <= size.height, name
    for (name, a), (other, b) in combinations(there.items(), 2):
        assert apart(a, b), (name, other)
    for picture in (places.wall, places.a, places.b):
        assert picture[2] / picture[3] == pytest.approx(aspect, rel=0.03)


def test_each_text_is_as_large_as_its_place_and_is_not_empty() -> None:
    places = layout(SIZES[0], 16 / 9)
    for name, piece in pieces(MODEL, places).items():
        image = piece.draw()
        assert image.shape == (piece.place[3], piece.place[2], 4), name
        assert image[..., :3].max() > 120, name


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"standby": "Fog"}, {"b"}),
        ({"scene": "Fog"}, {"wall"}),
        ({"next_cue": "5 of 12: Fog"}, {"lines"}),
        ({"plays": ""}, {"lines"}),
        ({"invitation": "http://10.0.0.1:8800/#k"}, {"qr"}),
        ({"hud": dataclasses.replace(HUD, frame_p50_ms=9.0, messages=("news",))}, set()),
        ({"hud": dataclasses.replace(HUD, blackout=True)}, {"wall"}),
        ({"hud": dataclasses.replace(HUD, crossfade=1.0)}, {"a", "b"}),
        ({"hud": dataclasses.replace(HUD, bpm=130.0)}, {"lines"}),
    ],
)
def test_only_what_has_changed_is_drawn_again(change: dict, again: set[str]) -> None:
    places = layout(SIZES[0], 16 / 9)
    before, after = pieces(MODEL, places), pieces(dataclasses.replace(MODEL, **change), places)
    assert {name for name in before if before[name].about != after[name].about} == again


def test_red_is_what_the_audience_sees_and_green_is_what_is_prepared() -> None:
    places = layout(SIZES[0], 16 / 9)
    colours = {picture: colour for picture, colour, _ in frames(MODEL, places)}
    assert colours == {places.wall: BAD, places.a: BAD, places.b: CALM}
    half = dataclasses.replace(MODEL, hud=dataclasses.replace(HUD, crossfade=0.5))
    assert {colour for _, colour, _ in frames(half, places)} == {BAD}


def test_without_a_key_there_is_no_code_to_scan_and_the_panel_has_its_room() -> None:
    places = layout(SIZES[0], 16 / 9)
    alone = dataclasses.replace(MODEL, invitation="")
    assert {"qr", "phone"} & pieces(alone, places).keys() == set()
    many = dataclasses.replace(HUD, messages=tuple(f"line {n}" for n in range(60)))
    taller = panel(dataclasses.replace(alone, hud=many), places).image.shape[0]
    assert taller > panel(dataclasses.replace(MODEL, hud=many), places).image.shape[0]


def test_a_long_cue_does_not_run_into_what_stands_beside_it() -> None:
    places = layout(Size(1280, 720), 16 / 9)
    image = pieces(MODEL, places)["lines"].draw()
    short = pieces(dataclasses.replace(MODEL, cue="3 of 12: Tide"), places)["lines"].draw()
    columns = np.flatnonzero((short[: places.px] == (*CALM, 255)).all(axis=2).any(axis=0))
    assert len(columns)
    assert np.array_equal(image[: places.px, columns[0] :], short[: places.px, columns[0] :])


@pytest.mark.parametrize("size", [Size(1, 1), Size(60, 900), Size(300, 200), Size(4000, 60)], ids=str)
def test_a_window_of_any_size_is_drawn(size: Size) -> None:
    places = layout(size, 16 / 9)
    for piece in pieces(MODEL, places).values():
        assert piece.draw().shape[2] == 4
    assert panel(MODEL, places).image.size

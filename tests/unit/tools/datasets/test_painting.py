"""Painted data sets: repeatable, of any shape, dark without black, varied, and divided by recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.datasets.painting import BUCKETS, FIVE, paint
from phosphene.tools.datasets.procedural import make_pictures
from phosphene.tools.datasets.writer import Writer


@pytest.mark.parametrize("bucket", BUCKETS)
def test_pictures_are_lit_dark_and_alike_only_within_a_recipe(bucket: str) -> None:
    pictures = {(r, v): paint(bucket, r, v, Size(32, 32))[0] for r in range(8) for v in range(2)}
    for picture in pictures.values():
        assert picture.dtype == np.uint8
        assert picture.shape == (32, 32, 3)
        assert (picture.max(-1) <= 2).mean() < 0.01, "no forced black"
        assert picture.std() > 6, "no flat picture"
    values = np.stack(list(pictures.values())).astype(float)
    assert values.mean() < 130
    assert np.quantile(values.max(-1), 0.98) > 180
    flat = {key: picture.mean((0, 1)).astype(float) for key, picture in pictures.items()}
    kin = np.mean([np.abs(flat[r, 0] - flat[r, 1]).mean() for r in range(8)])
    strangers = np.mean([np.abs(flat[r, 0] - flat[(r + 1) % 8, 1]).mean() for r in range(8)])
    assert kin < strangers, "views share their palette"
    assert all(not np.array_equal(pictures[r, 0], pictures[r, 1]) for r in range(8))


def test_the_same_arguments_give_the_same_picture_and_others_another() -> None:
    first, caption = paint("flux", 3, 1, Size(48, 27), seed=5)
    assert first.shape == (27, 48, 3)
    again, same = paint("flux", 3, 1, Size(48, 27), seed=5)
    assert np.array_equal(first, again)
    assert caption == same
    assert caption.startswith("abstract flux")
    for other in (("silk", 3, 1, 5), ("flux", 4, 1, 5), ("flux", 3, 0, 5), ("flux", 3, 1, 6)):
        bucket, recipe, view, seed = other
        assert not np.array_equal(paint(bucket, recipe, view, Size(48, 27), seed)[0], first)


def test_a_data_set_is_divided_by_recipe_in_every_bucket(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "d", "procedural", {})
    make_pictures(writer, 100, Size(32, 18), buckets=FIVE)
    writer.finish(0)
    data = load_manifest(tmp_path / "d")
    assert (len(data.train), len(data.validation)) == (90, 10)
    assert data.buckets == tuple(sorted(FIVE))
    assert not {e.group for e in data.train} & {e.group for e in data.validation}
    assert {e.bucket for e in data.validation} == set(FIVE)
    assert data.train.array(Size(32, 18)).shape == (90, 18, 32, 3)
    first = paint(FIVE[0], 0, 0, Size(32, 18))[0]
    path = tmp_path / "d" / "images" / FIVE[0] / f"{FIVE[0]}-00000-0.png"
    entry = next(i for i, e in enumerate(data.entries) if e.path == path)
    part = data.train if data.entries[entry].split == "train" else data.validation
    assert np.array_equal(part.read([[e.path for e in part].index(path)], Size(32, 18))[0], first)


@pytest.mark.parametrize(
    ("more", "said"), [({"buckets": ["cats"]}, "no such bucket"), ({"views": 0}, "--views"), ({"seed": -1}, "--seed")]
)
def test_bad_options_are_named(tmp_path: Path, more: dict, said: str) -> None:
    writer = Writer(tmp_path / "d", "procedural", {})
    with pytest.raises(UserError, match=said):
        make_pictures(writer, 1, Size(32, 32), **more)
    with pytest.raises(UserError, match="--size"):
        make_pictures(writer, 1, Size(8, 32))
    assert not (tmp_path / "d").exists()

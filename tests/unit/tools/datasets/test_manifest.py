"""The manifest: what it refuses, how it divides, and that no neighbours lie on both sides."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.manifest import MANIFEST, divide, load_manifest
from phosphene.tools.datasets.pictures import grey
from phosphene.tools.datasets.rows import Rows
from phosphene.tools.datasets.writer import Writer

FRAMES = 40


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sketches of two variants, 40 frames each; a frame's value says which it is."""
    writer = Writer(tmp_path_factory.mktemp("data") / "loops", "test", {})
    for sketch in range(10):
        for variant in range(2):
            frames = np.zeros((FRAMES, 8, 8, 3), np.uint8)
            frames[..., 0], frames[..., 1], frames[..., 2] = sketch, variant, np.arange(FRAMES)[:, None, None]
            name = f"s{sketch}"
            writer.loop(f"{name}-{variant}", frames, {}, group=name, bucket=name, fps=30, variant=variant)
    writer.finish(0)
    return writer.folder


def where(entries) -> set[tuple[str, int]]:
    return {(e.loop, e.frame) for e in entries}


def test_whole_sketches_are_held_out(loops: Path) -> None:
    data = load_manifest(loops)
    assert len(data.train) == 9 * 2 * FRAMES
    assert len(data.validation) == 2 * FRAMES
    assert not {e.group for e in data.train} & {e.group for e in data.validation}
    assert [loop.split for loop in data.loops].count("validation") == 2


def test_variants_are_held_out_whole(loops: Path) -> None:
    data = load_manifest(loops, "variant")
    held = {e.loop for e in data.validation}
    assert len(held) == 2
    assert not held & {e.loop for e in data.train}
    assert len(data.train) + len(data.validation) == 20 * FRAMES


def test_an_arc_is_held_out_with_gaps_around_it(loops: Path) -> None:
    data = load_manifest(loops, "arc")
    assert {loop.split for loop in data.loops} == {"both"}
    train = where(data.train)
    for loop, frame in where(data.validation):
        for away in (-2, -1, 0, 1, 2):
            assert (loop, (frame + away) % FRAMES) not in train
    assert len(data.validation) == 20 * 4


def test_the_leaky_split_is_random_frames_of_the_first_variants(loops: Path) -> None:
    data = load_manifest(loops, "leaky", variants=1)
    assert (len(data.train), len(data.validation)) == (360, 40)
    train = where(data.train)
    assert not train & where(data.validation)
    twins = [(loop, frame) for loop, frame in where(data.validation) if (loop, (frame + 1) % FRAMES) in train]
    assert len(twins) > 30, "that is what makes it leak"
    assert where(load_manifest(loops, "leaky", variants=1).validation) == where(data.validation)
    assert where(load_manifest(loops, "leaky", variants=1, seed=1).validation) != where(data.validation)


def test_pixels_are_those_of_the_entries(loops: Path) -> None:
    part = load_manifest(loops).validation
    size = Size(8, 8)
    array = part.array(size)
    assert array.dtype == np.uint8
    assert array.shape == (len(part), 8, 8, 3)
    assert isinstance(array, Rows)
    for i in (0, 7, len(part) - 1):
        sketch, variant = part[i].loop[1:].split("-")
        assert array[i, 0, 0].tolist() == [int(sketch), int(variant), part[i].frame]
    assert np.array_equal(part.read([3, 1], size), array[[3, 1]])
    assert np.array_equal(array[3:40:7], np.asarray(array)[3:40:7])
    assert np.array_equal(array[-2:, 1, :, 0], np.asarray(array)[-2:, 1, :, 0])
    assert array[5:5].shape == (0, 8, 8, 3)
    with pytest.raises(IndexError):
        array[len(array)]
    assert np.array_equal(part.array(size, gray=True), grey(np.asarray(array)))
    together = np.concatenate(list(part.batches(32, size, np.random.default_rng(0))))
    assert not np.array_equal(together, array)
    assert sorted(together[:, 0, 0, 2]) == sorted(array[:, 0, 0, 2])


def test_a_packed_array_follows_its_files(loops: Path) -> None:
    part = load_manifest(loops).validation
    before = np.array(part.array(Size(4, 4)))
    path = part[0].path
    frames = np.load(path)
    np.save(path, frames[::-1])
    try:
        assert not np.array_equal(load_manifest(loops).validation.array(Size(4, 4)), before)
    finally:
        np.save(path, frames)


def test_a_loop_is_grey_and_scaled(loops: Path) -> None:
    loop = load_manifest(loops).loops[3]
    assert loop.array().shape == (FRAMES, 8, 8, 3)
    assert loop.array(gray=True).shape == (FRAMES, 8, 8)
    assert loop.array(Size(4, 2)).shape == (FRAMES, 2, 4, 3)
    assert np.array_equal(loop.array(gray=True), grey(loop.array()))


def test_an_array_that_is_shortened_while_it_is_open_ends_nothing(tmp_path: Path) -> None:
    """Mapped, the program would end by a bus error at the next look."""
    np.save(tmp_path / "a.npy", np.arange(200_000, dtype=np.uint8).reshape(100, 2000))
    rows = Rows(tmp_path / "a.npy")
    assert rows[99].tolist() == (np.arange(198_000, 200_000) % 256).tolist()
    os.truncate(tmp_path / "a.npy", 100_000)
    assert rows[3, 0] == 6000 % 256
    with pytest.raises(UserError, match="became shorter"):
        rows[99]
    with pytest.raises(UserError, match="cut off"):
        Rows(tmp_path / "a.npy")


def test_headers_that_lie_and_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for shape, said in (((2**40, 2**20), "of another kind"), ((2**20, 2**20), "cut off")):
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        with pytest.raises(UserError, match=said):
            Rows(path)
    for data in (b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16, b"\x93NUMPY\x09\x00" + bytes(20)):
        path.write_bytes(data)
        with pytest.raises(UserError, match="cannot be read"):
            Rows(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="no regular file"):
        Rows(path)


def test_every_bucket_gives_its_share() -> None:
    groups = [f"{b}/{k}" for b in "abc" for k in range(20)]
    sides = divide(groups, [g[0] for g in groups], 0.1, 3)
    assert {b: sum(sides[f"{b}/{k}"] == "validation" for k in range(20)) for b in "abc"} == {"a": 2, "b": 2, "c": 2}
    assert divide(["a", "a"], ["x", "x"]) == {"a": "train"}
    assert set(divide(groups, [g[0] for g in groups], 0.0).values()) == {"train"}
    assert sorted(divide(["a", "b"], ["x", "y"]).values()) == ["train", "validation"]
    assert set(divide(["a", "b"], ["x", "x"], 0.9).values()) == {"train", "validation"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line"),
        ('{"id": "a", "path": "../a.png", "group": "a", "width": 1, "height": 1}', "path"),
        ('{"id": "a", "path": "/a.png", "group": "a", "width": 1, "height": 1}', "path"),
        ('{"id": "a", "path": "a.png", "group": "a", "width": 0, "height": 1}', "width"),
        ('{"id": "a", "path": "a.png", "group": "a", "width": 1, "height": 1, "code": "x"}', "code"),
        ('{"id": "a", "path": "a.png", "group": "a", "width": 1, "height": 1}', "missing"),
        (f'{{"id": "a", "path": "{"x" * 900}", "group": "a", "width": 1, "height": 1}}', "missing"),
        (f'{{"id": "a", "path": "{"x" * 9000}", "group": "a", "width": 1, "height": 1}}', "path"),
        ('{"id": "a", "path": "a.npy", "group": "a", "width": 1, "height": 1, "frames": 99999999999}', "frames"),
        ('{"id": "a", "path": "a\\u0000.npy", "group": "a", "width": 1, "height": 1}', "missing"),
        ('{"id": ' + "[" * 100_000 + "]" * 100_000 + "}", "line"),
        ('{"id": "' + "x" * 200_000 + '"}', "too long"),
    ],
)
def test_a_bad_line_is_refused_by_name(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / MANIFEST).write_text(line + "\n")
    with pytest.raises(UserError, match=said):
        load_manifest(tmp_path)


def test_no_data_set_an_empty_one_and_a_wrong_split(tmp_path: Path, loops: Path) -> None:
    with pytest.raises(UserError, match="no data set here"):
        load_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text("")
    with pytest.raises(UserError, match="empty"):
        load_manifest(tmp_path)
    with pytest.raises(UserError, match="no such split"):
        load_manifest(loops, "frames")  # type: ignore[arg-type]


def test_arrays_of_another_kind_are_refused(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "d", "test", {})
    frames = np.zeros((4, 8, 8, 3), np.uint8)
    writer.loop("a", frames, {}, group="a", bucket="a", fps=30)
    writer.finish(0)
    path = tmp_path / "d" / "loops" / "a.npy"
    for wrong in (frames[:2], frames.astype(np.float32)):
        np.save(path, wrong)
        with pytest.raises(UserError, match="of another kind"):
            load_manifest(tmp_path / "d").loops[0].array()
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(UserError, match="of another kind"):
        load_manifest(tmp_path / "d").loops[0].array()


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "d", "test", {})
    writer.picture("a", np.zeros((8, 8, 3), np.uint8), {"k": 1}, group="a", bucket="b")
    writer.finish(0)
    assert json.loads((tmp_path / "d" / "images" / "b" / "a.json").read_text())["k"] == 1
    path = tmp_path / "d" / "images" / "b" / "a.png"
    with Image.open(path) as image:
        assert image.size == (8, 8)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"a\.png"):
        load_manifest(tmp_path / "d").train.array(Size(8, 8))


def test_a_folder_of_something_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="something else"):
        Writer(tmp_path, "test", {})
    Writer(tmp_path / "d", "test", {}).picture("a", np.zeros((8, 8, 3), np.uint8), {}, group="a", bucket="b")
    again = Writer(tmp_path / "d", "test", {})  # interrupted: no manifest
    again.picture("c", np.zeros((8, 8, 3), np.uint8), {}, group="a", bucket="b")
    again.finish(0)
    assert [p.stem for p in (tmp_path / "d" / "images").rglob("*.png")] == ["c"]
    assert [p.stem for p in (tmp_path / "d" / "images-1").rglob("*.png")] == ["a"], "set aside, and kept"
    with pytest.raises(UserError, match="already"):
        Writer(tmp_path / "d", "test", {})
    forced = Writer(tmp_path / "d", "test", {}, force=True)
    assert (tmp_path / "d" / MANIFEST).is_file(), "what is there goes with the first new picture, not before"
    with pytest.raises(UserError, match="nothing was made"):
        forced.finish(0)


def test_a_dataset_json_of_another_program_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.png").write_bytes(b"mine")
    ours = {"version": 1, "command": "images", "options": {}, "phosphene": "0.1", "finished": False}
    others = ({"photos": 3}, [], ours | {"version": 2}, {k: v for k, v in ours.items() if k != "phosphene"})
    for foreign in others:
        (tmp_path / "dataset.json").write_text(json.dumps(foreign))
        for force in (False, True):
            with pytest.raises(UserError, match="something else"):
                Writer(tmp_path, "test", {}, force)
    (tmp_path / "dataset.json").write_text(json.dumps(ours | {"finished": True}))  # its manifest was removed
    with pytest.raises(UserError, match="something else"):
        Writer(tmp_path, "test", {})
    (tmp_path / "dataset.json").write_text(json.dumps(ours))
    Writer(tmp_path, "test", {}).picture("a", np.zeros((8, 8, 3), np.uint8), {}, group="a", bucket="b")
    assert (tmp_path / "images-1" / "holiday.png").read_bytes() == b"mine"


def test_a_data_set_that_gives_way_is_kept(tmp_path: Path) -> None:
    for name in "abc":
        writer = Writer(tmp_path / "d", "test", {"n": name}, force=True)
        writer.picture(name, np.zeros((8, 8, 3), np.uint8), {}, group=name, bucket="b")
        writer.finish(0)
    for number, name in (("-1", "a"), ("-2", "b"), ("", "c")):
        assert [p.stem for p in (tmp_path / "d" / f"images{number}").rglob("*.png")] == [name]
        assert json.loads((tmp_path / "d" / f"dataset{number}.json").read_text())["options"] == {"n": name}
        assert json.loads((tmp_path / "d" / f"manifest{number}.jsonl").read_text())["id"] == name

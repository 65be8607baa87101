"""Pictures of a folder and frames of films, as they are found: turned, transparent, broken, alike, alone, many."""

from __future__ import annotations

import io
import json
import os
import struct
import tracemalloc
import zlib
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from phosphene.engine.core import metrics
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools import make_dataset
from phosphene.tools.datasets.films import GAP_S, collect_frames, frames_of
from phosphene.tools.datasets.folder import collect_pictures, find_pictures
from phosphene.tools.datasets.left_out import LeftOut
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.datasets.near import NEAR, Seen, distance, thumbnail
from phosphene.tools.datasets.painting import paint
from phosphene.tools.datasets.pictures import fit, load_picture
from phosphene.tools.datasets.writer import Writer

GREEN, RED = (0, 200, 0), (200, 0, 0)


def painted(recipe: int, view: int = 0, side: int = 64) -> np.ndarray:
    return paint("spectral-cells", recipe, view, Size(side, side))[0]


def halves(width: int, height: int) -> Image.Image:
    """Green on the left, red on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (0, 0, width // 2, height))
    return image


def test_exif_is_obeyed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn a quarter clockwise to see it upright
    halves(64, 32).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = load_picture(tmp_path / "a.jpg")
    assert picture.shape == (64, 32, 3)
    assert picture[8, 16, 1] > 150, "left is now above"
    assert picture[56, 16, 0] > 150


def test_transparent_is_black_and_other_modes_are_rgb(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (16, 16), (255, 255, 255, 0))
    clear.paste((255, 0, 0, 128), (0, 0, 8, 16))
    clear.save(tmp_path / "a.png")
    picture = load_picture(tmp_path / "a.png")
    assert picture[4, 12].tolist() == [0, 0, 0]
    assert picture[4, 4].tolist() == [128, 0, 0]
    deep = Image.fromarray(np.full((16, 16), 32768, np.uint16))
    deep.save(tmp_path / "b.png")
    assert abs(int(load_picture(tmp_path / "b.png")[0, 0, 0]) - 127) <= 1
    Image.new("CMYK", (16, 16)).save(tmp_path / "c.jpg")
    Image.new("1", (16, 16), 1).save(tmp_path / "d.png")
    indexed = Image.new("P", (16, 16), 0)
    indexed.putpalette([0, 200, 0])
    indexed.save(tmp_path / "e.gif", transparency=0)
    assert load_picture(tmp_path / "c.jpg").shape == (16, 16, 3)
    assert load_picture(tmp_path / "d.png")[0, 0].tolist() == [255, 255, 255]
    assert load_picture(tmp_path / "e.gif")[0, 0].tolist() == [0, 0, 0]


def test_fitting_crops_and_never_squashes() -> None:
    disc = np.zeros((100, 200, 3), np.uint8)
    y, x = np.mgrid[:100, :200]
    disc[(x - 100) ** 2 + (y - 50) ** 2 < 40**2] = 255
    for size in (Size(64, 64), Size(128, 64), Size(32, 64)):
        bright = fit(disc, size)[..., 0] > 127
        assert bright.shape == (size.height, size.width)
        tall = bright.any(1).sum()
        assert tall == pytest.approx(0.8 * 64, abs=2)
        assert bright.any(0).sum() == pytest.approx(min(tall, size.width), abs=2)


def test_near_is_the_same_picture_and_not_its_kin() -> None:
    for recipe in range(4):
        picture = painted(recipe, side=128)
        file = io.BytesIO()
        Image.fromarray(picture).resize((64, 64)).save(file, "JPEG", quality=60)
        again = np.asarray(Image.open(file))
        assert distance(thumbnail(picture), thumbnail(again)) < NEAR / 2
        assert distance(thumbnail(picture), thumbnail(painted(recipe, 1, side=128))) > NEAR
    seen = Seen()
    noise = np.random.default_rng(0)
    many = noise.integers(0, 256, (600, 8, 8, 3), np.uint8)
    assert all(seen.add(picture) for picture in many)
    assert not any(seen.add(np.clip(picture.astype(int) + 3, 0, 255).astype(np.uint8)) for picture in many[::50])


def test_a_folder_is_collected_with_its_faults_named(tmp_path: Path) -> None:
    place = tmp_path / "in"
    (place / "forest").mkdir(parents=True)
    for k in range(12):
        Image.fromarray(painted(k)).resize((80 + 9 * k, 60 + 5 * k)).save(place / "forest" / f"{k:02d}.png")
    Image.fromarray(painted(0)).resize((80, 60)).save(place / "copy.jpg", quality=60)
    Image.fromarray(painted(90)).resize((2048, 1024)).save(place / "large.jpg")
    (place / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (place / "short.jpg").write_bytes((place / "large.jpg").read_bytes()[:4000])
    (place / "text.jpg").write_text("no picture")
    (place / "notes.txt").write_text("not asked for")
    Image.new("RGB", (4, 4)).save(place / "tiny.png")
    Image.new("RGB", (64, 64)).save(place / ".hidden.png")
    writer = Writer(tmp_path / "d", "images", {})
    collect_pictures(writer, place)
    writer.finish(0)
    data = load_manifest(tmp_path / "d")
    assert len(data.entries) == 13
    assert data.buckets == ("forest", "pictures")
    notes = " ".join(writer.notes)
    assert "3 files cannot be read" in notes
    assert "1 pictures are smaller" in notes
    assert "1 pictures are like another" in notes
    sizes = {(r.width, r.height) for r in writer.records}
    assert (1024, 512) in sizes, "the large one is made smaller"
    assert data.train.array(Size(48, 32)).shape == (len(data.train), 32, 48, 3)
    assert len(data.validation) == 1


def test_neighbours_by_name_that_are_alike_stay_on_one_side(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    for shot in range(10):
        a, b = painted(shot).astype(float), painted(shot + 40).astype(float)
        for k in range(4):  # a slow dissolve: each is like the one before
            Image.fromarray((a + (b - a) * k * 0.2).astype(np.uint8)).save(place / f"{shot}-{k}.png")
    writer = Writer(tmp_path / "d", "images", {})
    collect_pictures(writer, place, Size(32, 32))
    assert len(writer.records) == 40
    groups = {r.group for r in writer.records}
    assert len(groups) < 20
    for shot in range(10):
        assert len({r.group for r in writer.records[4 * shot : 4 * shot + 4]}) == 1


def test_one_picture_none_and_no_folder(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    writer = Writer(tmp_path / "d", "images", {})
    with pytest.raises(UserError, match="no readable picture"):
        collect_pictures(writer, place)
    with pytest.raises(UserError, match="no such folder"):
        collect_pictures(writer, place / "nowhere")
    assert not (tmp_path / "d").exists()
    Image.fromarray(painted(0)).save(place / "a.png")
    collect_pictures(writer, place)
    writer.finish(0)
    assert "nothing is held out" in writer.notes[0]
    data = load_manifest(tmp_path / "d")
    assert (len(data.train), len(data.validation)) == (1, 0)
    assert data.validation.array(Size(8, 8)).shape == (0, 8, 8, 3)


def test_many_pictures_are_streamed(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)).save(file, "PNG")
    for k in range(300):
        (place / f"{k:04d}.png").write_bytes(file.getvalue())
    writer = Writer(tmp_path / "d", "images", {})
    tracemalloc.start()
    collect_pictures(writer, place, near=0)
    writer.finish(0)
    part = load_manifest(tmp_path / "d").train
    assert part.array(Size(128, 128)).shape[0] == len(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All of them at once would be 15 MB; a batch of 64 is 3.
    assert peak < 8e6
    assert len(writer.records) == 300


def test_what_was_made_is_not_read_again(tmp_path: Path) -> None:
    Image.fromarray(painted(0)).save(tmp_path / "a.png")
    (tmp_path / "d").mkdir()
    Image.fromarray(painted(1)).save(tmp_path / "d" / "b.png")
    assert [p.name for p in find_pictures(tmp_path, tmp_path / "d")] == ["a.png"]


def film(path: Path, recipes: range, each_s: float = 1.0, fps: int = 10, side: int = 64) -> Path:
    """A film that shows one still after another."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"crf": "12"})
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for recipe in recipes:
            picture = painted(recipe, side=side) if recipe >= 0 else np.zeros((side, side, 3), np.uint8)
            for _ in range(round(each_s * fps)):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


def test_frames_that_are_alike_come_once_and_films_are_held_out_whole(tmp_path: Path) -> None:
    films = [
        film(tmp_path / "a.mp4", range(4)),
        film(tmp_path / "b.mp4", range(-1, 3)),
        film(tmp_path / "c.mp4", range(9, 12)),
    ]
    writer = Writer(tmp_path / "d", "video", {})
    sides = collect_frames(writer, films, Size(32, 32))
    assert sides is None
    writer.finish(0)
    data = load_manifest(tmp_path / "d")
    assert len(data.entries) == 4 + 0 + 3, "b shows what a has shown, and black"
    assert {e.group for e in data.entries} == {"000-a", "002-c"}
    assert len({e.group for e in data.validation}) == 1
    assert not {e.group for e in data.train} & {e.group for e in data.validation}
    assert any("b.mp4 has no frame" in note for note in writer.notes)
    assert any("of one colour" in note for note in writer.notes)
    about = json.loads(data.entries[1].path.with_suffix(".json").read_text())
    assert about["source"] == "a.mp4"
    assert about["seconds"] == pytest.approx(1.0, abs=0.21)


def test_one_film_is_held_out_by_its_end_after_a_gap(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "d", "video", {})
    sides = collect_frames(writer, [film(tmp_path / "a.mp4", range(20), 0.5)], Size(32, 32), every_s=0.5, held_out=0.2)
    writer.finish(0, sides=sides)
    train = [r.seconds for r in writer.records if r.group == "000-a"]
    held = [r.seconds for r in writer.records if r.group == "000-a/end"]
    assert len(held) >= 2
    assert min(held) - max(train) >= GAP_S
    data = load_manifest(tmp_path / "d")
    assert (len(data.train), len(data.validation)) == (len(train), len(held))
    assert len(list((tmp_path / "d").rglob("*.png"))) == len(train) + len(held)


def test_a_broken_film_gives_what_it_has_and_no_film_is_refused(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mkv", range(30), 0.5)
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "text.mp4").write_text("no film")
    writer = Writer(tmp_path / "d", "video", {})
    with pytest.raises(UserError, match="not a film"):
        collect_frames(writer, [tmp_path / "text.mp4"])
    collect_frames(writer, [tmp_path / "text.mp4", tmp_path / "cut.mkv"], every_s=0.5)
    assert 5 < len(writer.records) < 25
    assert any("text.mp4" in note for note in writer.notes)
    with pytest.raises(UserError, match="no such film"):
        collect_frames(writer, [tmp_path / "nowhere.mp4"])


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    for k in range(3):
        Image.fromarray(painted(k)).save(place / f"{k}.png")
    for k in range(7):
        (place / f"cut-{k}.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
        (place / f"shot{k}.heic").write_bytes(b"a camera's own")
    os.mkfifo(place / "pipe.png")
    (place / "gone.jpg").symlink_to(place / "nowhere.jpg")
    large = tmp_path / "large.png"
    Image.new("L", (12_000, 12_000)).save(large)
    (place / "large.png").write_bytes(large.read_bytes())
    writer = Writer(tmp_path / "d", "images", {})
    collect_pictures(writer, place)
    writer.finish(0)
    notes = json.loads((tmp_path / "d" / "dataset.json").read_text())["notes"]
    assert notes == writer.notes
    found = {note.partition(":")[0]: note.partition(":")[2] for note in notes}
    assert found["7 files cannot be read as pictures"].endswith("and 4 more")
    assert "cut-0.png" in found["7 files cannot be read as pictures"]
    assert "shot0.heic" in found["7 files are no pictures by their names"]
    assert "pipe.png" in found["1 files are pipes, sockets or devices"]
    assert "gone.jpg" in found["1 files and folders cannot be looked at"]
    assert "large.png (12000 x 12000)" in found["1 pictures are too large"]
    assert len(writer.records) == 3


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    (place / "own").mkdir(parents=True)
    elsewhere.mkdir()
    Image.fromarray(painted(0)).save(place / "own" / "a.png")
    Image.fromarray(painted(1)).save(elsewhere / "b.png")
    (place / "linked").symlink_to(elsewhere)
    (place / "linked again").symlink_to(elsewhere)
    (place / "own" / "round").symlink_to(place)
    (elsewhere / "back").symlink_to(place / "own")
    (place / "same.png").symlink_to(place / "own" / "a.png")
    (place / "other.png").symlink_to(place / "own" / "a.png")
    os.link(elsewhere / "b.png", place / "hard.png")
    writer = Writer(tmp_path / "d", "images", {})
    collect_pictures(writer, place, near=0)
    assert len(writer.records) == 2, [r.path for r in writer.records]
    assert sum(int(note.split()[0]) for note in writer.notes if "links lead" in note) == 6
    link = tmp_path / "link"
    link.symlink_to(place)
    assert len(list(find_pictures(link))) == 2


def test_a_folder_deeper_than_python_goes(tmp_path: Path) -> None:
    place, made = tmp_path / "in", []
    here = str(place)
    try:
        for _ in range(1200):
            os.mkdir(here)
            made.append(here)
            here += "/d"
        Image.fromarray(painted(0)).save(place / "a.png")
        assert [path.name for path in find_pictures(place)] == ["a.png"]
        (place / "a.png").unlink()
    finally:
        for folder in reversed(made):  # pytest's own way of clearing up is a recursion
            os.rmdir(folder)


@pytest.mark.parametrize(
    "name", [b"no\xfftext", b"a\nb", b"Artist: Set", b"per%20cent", b"n" * 249, "Bäume".encode(), b"back\\slash"]
)
def test_names_are_any_bytes(tmp_path: Path, name: bytes) -> None:
    place = os.path.join(os.fsencode(tmp_path), b"in")
    os.makedirs(os.path.join(place, name))
    for k in range(3):
        Image.fromarray(painted(k)).save(os.fsdecode(os.path.join(place, name, name[:240] + b"%d.png" % k)))
    with open(os.path.join(place, name + b".x"), "wb"):
        pass
    result = CliRunner().invoke(make_dataset.app, ["images", os.fsdecode(place), "--out", str(tmp_path / "d")])
    assert result.exit_code == 0, result.output
    data = load_manifest(tmp_path / "d")
    assert len(data.entries) == 3
    assert all(entry.path.is_file() for entry in data.entries)
    result.output.encode()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may open every folder")
def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "in" / "shut").mkdir(parents=True)
    Image.fromarray(painted(0)).save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "shut").chmod(0)
    left_out = LeftOut()
    try:
        assert [path.name for path in find_pictures(tmp_path / "in", left_out=left_out)] == ["a.png"]
    finally:
        (tmp_path / "in" / "shut").chmod(0o700)
    assert left_out.lines() == ["1 files and folders cannot be looked at: shut (no permission)"]


def test_what_is_left_out_stays_short() -> None:
    left_out = LeftOut()
    for k in range(100_000):
        left_out.add("files cannot be read", f"{k}" + "x" * 300, "why " * 100)
    (line,) = left_out.lines()
    assert line.startswith("100000 files")
    assert line.endswith("and 99997 more")
    assert len(line) < 500


@pytest.mark.parametrize("name", [b"Live: set.mp4", b"no\xfftext.mp4", b"http:x.mp4", b"-i.mp4", b"100 %d.mp4"])
def test_a_film_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    film(tmp_path / "a.mp4", range(4))
    os.rename(tmp_path / "a.mp4", os.path.join(os.fsencode(tmp_path), name))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(make_dataset.app, ["video", "--out", "d", "--size", "32", "--", os.fsdecode(name)])
    assert result.exit_code == 0, result.output
    assert len(load_manifest(tmp_path / "d").entries) >= 3
    result.output.encode()


def bomb_film(path: Path, told: int, side: int) -> Path:
    """Write a film of one PNG of `side` px that says it has `told` px."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * side)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("png", rate=1)
        stream.width = stream.height = told
        stream.pix_fmt = "rgb24"
        packet = av.Packet(png)
        packet.stream, packet.pts, packet.dts, packet.time_base, packet.is_keyframe = stream, 0, 0, Fraction(1), True
        out.mux(packet)
    return path


@pytest.mark.parametrize("told", [64, 12_000])
def test_a_film_of_monstrous_pictures_is_refused_before_they_are_decoded(tmp_path: Path, told: int) -> None:
    """One picture would take 430 MB, whatever the file says of it."""
    path = bomb_film(tmp_path / "bomb.mov", told, 12_000)
    writer = Writer(tmp_path / "d", "video", {})
    before = metrics.peak_rss_mb()
    with suppress(UserError):
        collect_frames(writer, [path])
    assert not writer.records
    assert metrics.peak_rss_mb() < before + 150


def test_a_film_is_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.mp4")
    writer = Writer(tmp_path / "d", "video", {})
    for name in ("film.mp4", "/dev/zero", "."):
        with pytest.raises(UserError, match="no regular file"):
            collect_frames(writer, [tmp_path / name])


def test_pixels_of_a_shape_that_no_camera_has_are_taken_as_square(tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(60_000, 1)
        for recipe in range(5):
            frame = av.VideoFrame.from_ndarray(paint("spectral-cells", recipe, 0, Size(64, 48))[0], format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert {picture.shape for _, picture in frames_of(path, 0.0)} == {(48, 64, 3)}

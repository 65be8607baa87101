"""Films are checked for flashes: made ones of known rates, sizes and colours, and what is no film."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.output.flash_check import check_film
from phosphene.engine.output.flash_graph import draw_graph

FPS, SIZE = 30, (64, 112)


def film(
    path: Path, hz: float, area: float = 1.0, colour: tuple = (255, 255, 255), back: tuple = (0, 0, 0), corner: bool = False
) -> Path:
    """Write four seconds of a rectangle of that share of the picture, which flashes."""
    rows, columns = (round(n * area**0.5) for n in SIZE)
    top, left = (0, 0) if corner else ((SIZE[0] - rows) // 2, (SIZE[1] - columns) // 2)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"crf": "8", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv444p"
        for k in range(4 * FPS):
            picture = np.tile(np.uint8(back), (*SIZE, 1))
            if (k * hz / FPS + 1e-9) % 1.0 < 0.5:
                picture[top : top + rows, left : left + columns] = colour
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("hz", "fails"), [(1.0, False), (2.5, False), (3.0, False), (3.5, True), (5.0, True), (10.0, True)])
@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 0, 0)], ids=["white", "red"])
@pytest.mark.parametrize("area", [0.2, 0.3, 1.0])
def test_made_flashes_are_counted(tmp_path, hz, fails, colour, area):
    report = check_film(film(tmp_path / "made.mp4", hz, area, colour))
    assert report.fails == fails
    assert report.flashes["luminance"] == pytest.approx(hz, abs=0.51)
    assert report.flashes["red"] == pytest.approx(hz if colour == (255, 0, 0) else 0.0, abs=0.51)
    assert report.frames == 4 * FPS
    if fails:
        assert {stretch.kind for stretch in report.stretches} >= {"luminance" if colour[1] else "red"}
        assert report.stretches[0].start < 1.0
        assert report.stretches[-1].end > 3.0


def test_what_is_no_flash_is_none(tmp_path):
    faint = film(tmp_path / "faint.mp4", 8.0, colour=(150, 150, 150), back=(135, 135, 135))  # less than a tenth of white
    bright = film(tmp_path / "bright.mp4", 8.0, colour=(255, 255, 255), back=(232, 232, 232))  # both above 0.8
    tiny = film(tmp_path / "tiny.mp4", 8.0, area=0.01)
    assert not any(check_film(path).fails for path in (faint, bright, tiny))


def test_it_says_where(tmp_path):
    (stretch,) = check_film(film(tmp_path / "corner.mp4", 6.0, area=0.04, corner=True)).stretches
    assert (stretch.kind, stretch.where) == ("luminance", "top left")
    assert stretch.flashes == pytest.approx(6.0)


def test_the_graph_shows_limit_course_and_what_fails(tmp_path):
    fine, bad = (draw_graph(check_film(film(tmp_path / f"{hz}.mp4", hz))) for hz in (2.0, 6.0))

    def count(image, colour):
        return int((np.asarray(image) == colour).all(axis=2).sum())

    assert count(fine, (70, 22, 24)) == 0
    assert count(bad, (70, 22, 24)) > 10_000
    assert count(bad, (242, 200, 120)) > 200


@pytest.mark.parametrize("name", ["Live: set.mp4", "100 %d.mp4", os.fsdecode(b"no\xfftext.mp4")])
def test_a_film_of_any_name_is_read(tmp_path, name):
    (film(tmp_path / "plain.mp4", 2.0)).rename(tmp_path / name)
    assert not check_film(tmp_path / name).fails


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "sound", "folder", "pipe", "cut"])
def test_what_is_no_film_is_one_line(tmp_path, kind):
    path = tmp_path / "x.mp4"
    if kind == "text":
        path.write_text("no film\n" * 100)
    elif kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "cut":
        path.write_bytes(film(tmp_path / "whole.mp4", 2.0).read_bytes()[:900])
    elif kind == "sound":
        import wave

        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 48_000, 0, "NONE", ""))
            file.writeframes(bytes(9600))
    with pytest.raises(UserError) as told:
        check_film(path)
    assert told.value.line().isprintable()

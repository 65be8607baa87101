"""`vj flash`: the verdict whatever becomes of the graph, and no file that was there is lost."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
import typer
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from phosphene.engine.cli.flash_command import flash_command
from phosphene.engine.core.errors import UserError

app = typer.Typer()
app.command()(flash_command)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def film(path: Path, hz: float = 0.0) -> Path:
    """Write two seconds of black, which turn white so often."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for k in range(60):
            picture = np.full((48, 64, 3), 255 * ((k * hz / 30 + 1e-9) % 1.0 >= 0.5), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    path.write_bytes(data.getvalue())
    return path


def is_graph(path: Path) -> bool:
    with Image.open(path) as image:
        return image.format == "PNG"


def test_the_film_itself_is_refused_as_the_graph(tmp_path: Path) -> None:
    given = film(tmp_path / "set.mp4")
    before = given.read_bytes()
    (tmp_path / "link.png").symlink_to(given)
    os.link(given, tmp_path / "same.png")
    for graph in (given, tmp_path / "link.png", tmp_path / "same.png", tmp_path):
        done = run(given, "--graph", graph)
        assert isinstance(done.exception, UserError)
        assert "made of" in str(done.exception)
        assert not done.output
    assert given.read_bytes() == before


def test_what_has_the_name_of_the_graph_is_kept(tmp_path: Path) -> None:
    given = film(tmp_path / "set.mp4")
    for graph in (tmp_path / "holiday.png", tmp_path / "set.mp4.flash.png"):
        graph.write_bytes(b"mine")
        arguments = ["--graph", graph] if graph.name == "holiday.png" else []
        done = run(given, *arguments)
        assert done.exit_code == 0, done.output
        assert f"graph: {graph}" in done.output
        assert is_graph(graph)
        assert graph.with_stem(graph.stem + "-1").read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_said_before_the_film_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for graph in (tmp_path / "file" / "x.png", tmp_path / f"{'x' * 300}.png"):
        done = run(tmp_path / "no film.mp4", "--graph", graph)
        assert isinstance(done.exception, UserError)
        assert "the graph cannot be written" in str(done.exception)


@pytest.mark.parametrize(("hz", "code"), [(0.0, 0), (8.0, 1)])
def test_a_graph_that_cannot_be_written_does_not_cost_the_verdict(tmp_path, monkeypatch, hz, code) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    given = film(tmp_path / "set.mp4", hz)
    monkeypatch.setattr("phosphene.engine.core.placing.claim", refuse)
    said = "too many flashes" if code else "at most three flashes"
    done = run(given)
    assert done.exit_code == code
    assert said in done.stdout
    assert done.stderr.splitlines()[-1].startswith("vj: the graph cannot be written")
    asked = run(given, "--graph", tmp_path / "x.png")
    assert said in asked.stdout, "the verdict comes first"
    if code:
        assert asked.exit_code == 1, "and a film that fails is not made one that does not"
    else:
        assert isinstance(asked.exception, UserError)
    document = json.loads(run(given, "--json").stdout)
    assert (document["fails"], document["graph"]) == (bool(code), None)


def test_a_name_as_long_as_names_can_be_has_a_graph(tmp_path: Path) -> None:
    given = film(tmp_path / f"{'s' * 247}.mp4")
    done = run(given)
    assert done.exit_code == 0, done.output
    (graph,) = tmp_path.glob("*.flash.png")
    assert is_graph(graph)


def test_a_name_of_any_bytes_is_printed_on_one_line(tmp_path: Path) -> None:
    given = film(tmp_path / "a\n\udcff.mp4")
    done = run(given)
    assert done.exit_code == 0, done.exception
    assert "a\\n\\udcff.mp4: at most three" in done.stdout
    assert len(done.stdout.splitlines()) == 2
    assert json.loads(run(given, "--json").stdout)["film"] == str(given)


def test_a_pipe_of_that_name_is_set_aside(tmp_path: Path) -> None:
    given = film(tmp_path / "set.mp4")
    os.mkfifo(tmp_path / "x.png")
    assert run(given, "--graph", tmp_path / "x.png").exit_code == 0
    assert is_graph(tmp_path / "x.png")
    assert (tmp_path / "x-1.png").is_fifo()

"""The commands: what they make, and one line and exit code 2 for what a person can mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools import make_dataset
from phosphene.tools.datasets.manifest import DATASET, MANIFEST, load_manifest


def run(*arguments: object):
    return CliRunner().invoke(make_dataset.app, [str(a) for a in arguments])


def test_procedural_is_repeatable_and_says_what_made_it(tmp_path: Path) -> None:
    for name in "ab":
        result = run("procedural", "--out", tmp_path / name, "--images", 14, "--size", "32x18", "--seed", 5)
        assert result.exit_code == 0, result.output
    first, again = ((tmp_path / name / MANIFEST).read_text() for name in "ab")
    assert first == again
    data = load_manifest(tmp_path / "a")
    assert len(data.entries) == 14
    assert len(data.buckets) == 7
    for entry in data.entries:
        assert entry.path.read_bytes() == (tmp_path / "b" / entry.path.relative_to(tmp_path / "a")).read_bytes()
        with Image.open(entry.path) as image:
            assert image.size == (32, 18)
    made = json.loads((tmp_path / "a" / DATASET).read_text())
    assert made["command"] == "procedural"
    assert made["options"]["seed"] == 5
    assert made["finished"] is True


def test_images_of_images(tmp_path: Path) -> None:
    run("procedural", "--out", tmp_path / "a", "--images", 10, "--size", 32, "--buckets", "silk, flux")
    result = run("images", tmp_path / "a" / "images", "--out", tmp_path / "b", "--size", 24)
    assert result.exit_code == 0, result.output
    data = load_manifest(tmp_path / "b")
    assert data.buckets == ("flux", "silk")
    assert len(data.validation) > 0
    again = run("images", tmp_path / "a" / "images", "--out", tmp_path / "b")
    assert isinstance(again.exception, UserError)
    assert "--force" in str(again.exception)
    assert run("images", tmp_path / "a" / "images", "--out", tmp_path / "b", "--force").exit_code == 0


def test_ctrl_c_keeps_a_smaller_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from phosphene.tools.datasets import procedural

    painted = procedural.paint

    def paint_five(bucket: str, recipe: int, view: int, size: Size, seed: int):
        if recipe >= 1:
            raise KeyboardInterrupt
        return painted(bucket, recipe, view, size, seed)

    monkeypatch.setattr(procedural, "paint", paint_five)
    result = run("procedural", "--out", tmp_path / "a", "--images", 100, "--size", 32)
    assert result.exit_code == 0, result.output
    assert len(load_manifest(tmp_path / "a").entries) == 14
    assert "stopped before the end" in json.loads((tmp_path / "a" / DATASET).read_text())["notes"]


@pytest.mark.parametrize("text", ["0", "big", "128x", "-4", "9000x9000"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="--size"):
        make_dataset.parse_size(text)


def test_a_fault_is_one_line_and_code_2(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["make_dataset", "images", str(tmp_path / "none"), "--out", str(tmp_path / "d")])
    with pytest.raises(SystemExit) as ended:
        make_dataset.main()
    assert ended.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("make_dataset: no such folder")


def test_a_data_set_does_not_give_way_to_what_is_made_of_it(tmp_path: Path) -> None:
    run("procedural", "--out", tmp_path / "d", "--images", 10, "--size", 32, "--buckets", "silk, flux")
    before = {path: path.read_bytes() for path in (tmp_path / "d").rglob("*") if path.is_file()}
    (tmp_path / "link").symlink_to(tmp_path / "d")
    for given in (tmp_path / "d" / "images", tmp_path / "d", tmp_path / "link" / "images"):
        done = run("images", given, "--out", tmp_path / "d", "--force")
        assert isinstance(done.exception, UserError)
        assert "made of" in str(done.exception)
    assert isinstance(run("video", tmp_path / "d" / "a.mp4", "--out", tmp_path / "d", "--force").exception, UserError)
    assert {path: path.read_bytes() for path in (tmp_path / "d").rglob("*") if path.is_file()} == before

"""Pictures as they are found: none, one, broken, of other sizes and shapes, fifty thousand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.tools.datasets.rows import Rows  # noqa: E402
from phosphene.tools.gan.options import Options  # noqa: E402
from phosphene.tools.gan.run import open_run  # noqa: E402
from phosphene.tools.gan.trainer import Trainer  # noqa: E402
from phosphene.tools.train_gan import main  # noqa: E402


def said(data: Path, tmp_path: Path, small: list[str], capsys) -> str:
    """Return the line with which a run on `data` is refused."""
    given = ["--data", str(data), "--out", str(tmp_path / "s"), "--run", str(tmp_path / "r"), "--images", "8"]
    assert main([*given, *small]) == 2
    assert not (tmp_path / "s").exists()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_an_empty_folder(tmp_path, small, capsys):
    (tmp_path / "d").mkdir()
    assert "vj dataset" in said(tmp_path / "d", tmp_path, small, capsys)


def test_one_picture(make_data, tmp_path, small, capsys):
    data = make_data(tmp_path / "d", [np.zeros((36, 64, 3), np.uint8)])
    line = said(data, tmp_path, small, capsys)
    assert "too few pictures" in line
    assert "16 or more" in line
    assert "got: 1;" in line


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_broken_picture_is_named(make_data, tmp_path, small, capsys, content):
    data = make_data(tmp_path / "d", [np.full((36, 64, 3), k, np.uint8) for k in range(20)])
    path = data / "images" / "p7.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    assert "p7.png" in said(data, tmp_path, small, capsys)
    assert not list((data / "packed").glob("*.part"))


def disc(width: int, height: int, radius: float) -> np.ndarray:
    """Return a white disc in the middle, on gray."""
    y, x = np.mgrid[:height, :width]
    inside = (x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2 < radius**2
    return np.where(inside[..., None], 255, 90).astype(np.uint8).repeat(3, 2)


@pytest.mark.parametrize("size", ["128x72", "72x128", "128"])
def test_pictures_of_any_shape_are_cropped_and_never_squashed(make_data, tmp_path, size):
    shapes = [(128, 128), (128, 128), (256, 144), (144, 256), (100, 300), (64, 64)]
    pictures = [disc(w, h, 0.2 * min(w, h)) for w, h in shapes] * 3
    options = Options(size=size, images=8)
    run = open_run(tmp_path / "r", options, make_data(tmp_path / "d", pictures))
    assert run.train.shape[1:3] == (options.picture.height, options.picture.width)
    for picture in run.train:
        white = picture[..., 0] > 170
        assert white.any(0).sum() == pytest.approx(white.any(1).sum(), abs=1), "a disc stays a disc"
    if size == "128x72":  # the middle of a square, pixel for pixel
        assert np.array_equal(run.train[0], pictures[0][28:100])


def test_square_pictures_train_and_their_style_is_square(make_data, tmp_path):
    pytest.importorskip("onnxruntime")
    from phosphene.engine.models.style import load_style

    data = make_data(tmp_path / "d", [disc(128, 128, 20 + k) for k in range(16)])
    given = [
        "--data",
        str(data),
        "--out",
        str(tmp_path / "s"),
        "--run",
        str(tmp_path / "r"),
        "--size",
        "128",
        "--judge",
        "4",
    ]
    given += ["--widths", "8", "8", "4", "4", "--batch", "2", "--images", "4", "--no-video", "--no-scores"]
    assert main(given) == 0
    style = load_style(tmp_path / "s")
    assert (style.spec.grid, style.spec.factor) == ((16, 16), 8)


def memory() -> int:
    """Return what this process holds, bytes: mapped pages of files included."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_fifty_thousand_pictures(tmp_path):
    shape = (50_000, 32, 64, 3)  # 307 MB, a sparse file
    np.lib.format.open_memmap(tmp_path / "many.npy", "w+", np.uint8, shape).flush()
    many = Rows(tmp_path / "many.npy")
    trainer = Trainer(Options(size="64x32", widths=(8, 8), judge=4, batch=64, images=1e6, mirror=False), many)
    for k in range(20):
        trainer._reals(torch.Generator().manual_seed(k))
    before = memory()
    for k in range(400):  # 20,000 of them come up: 120 MB, and what lies beside them
        trainer._reals(torch.Generator().manual_seed(k))
    assert memory() - before < 40e6


def test_what_is_measured_is_taken_from_all_buckets(monkeypatch):
    from phosphene.tools.gan import results

    monkeypatch.setattr(results, "_MEASURED", 10)
    buckets = np.repeat(np.arange(5, dtype=np.uint8), 20)[:, None]
    assert np.unique(results._spread_out(buckets)).tolist() == [0, 1, 2, 3, 4]
    assert len(results._spread_out(buckets[:4])) == 4
    assert results._spread_out(buckets[:0]).shape == (0, 1)


def test_a_data_set_without_such_a_bucket(data, tmp_path):
    with pytest.raises(UserError, match="no such bucket"):
        open_run(tmp_path, Options(images=8, buckets=("flux",)), data)

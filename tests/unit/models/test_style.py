"""Styles on disk: what is refused, in which words; that writing is atomic; that the shipped library is sound."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from phosphene.engine.core.errors import UserError
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.gan import GanNetwork
from phosphene.engine.models.graph import MOST_PRODUCTS, MOST_VALUES, cost
from phosphene.engine.models.style import (
    Network,
    StyleMeta,
    list_styles,
    load_meta,
    load_style,
    load_weights,
    style_folder,
    write_atomic,
    write_style,
)
from phosphene.engine.models.vqvae import VqvaeNetwork

SPEC = CppnSpec(width=16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    meta = StyleMeta(
        version=1, name="Test", kind="cppn", seed=1, licence="CC0-1.0", tags=("dark",), palette=("#102030",),
        network=Network(inputs=SPEC.inputs, width=16, layers=4, activations=SPEC.activations), normalisation={"bass": 0.3},
    )  # fmt: skip
    write_style(tmp_path / "test", meta, random_weights(SPEC, 1))
    return tmp_path / "test"


def refusal(path: Path) -> UserError:
    with pytest.raises(UserError) as error:
        load_style(path)
    return error.value


def test_round_trip(folder):
    style = load_style(folder)
    assert (style.slug, style.name, style.kind, style.spec) == ("test", "Test", "cppn", SPEC)
    assert style.scales == {"bass": 0.3}
    assert style.palette == ("#102030",)
    assert style.tags == ("dark",)
    for (w, b), (w2, b2) in zip(style.weights, random_weights(SPEC, 1), strict=True):
        assert np.array_equal(w, w2)
        assert np.array_equal(b, b2)
        assert not w.flags.writeable


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.0, 0.999))
def test_a_truncated_file_is_refused_wherever_it_ends(share, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "weights.safetensors"
    save_file({f"layers.0.{k}": np.zeros(3, np.float32) for k in ("weight", "bias")}, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError) as error:
        load_weights(path, SPEC)
    assert error.value.where == str(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(folder, value):
    tensors = load_file(folder / "weights.safetensors")
    tensors["layers.2.weight"][3, 4] = value
    save_file(tensors, folder / "weights.safetensors")
    error = refusal(folder)
    assert error.what == "weights are not finite"
    assert "layers.2.weight" in error.where
    assert error.got == "1 NaN or Inf"


def test_wrong_shapes_missing_and_surplus_tensors(folder):
    good = load_file(folder / "weights.safetensors")
    save_file(good | {"layers.1.weight": np.zeros((16, 15), np.float32)}, folder / "weights.safetensors")
    assert refusal(folder).allowed == "(16, 16)"
    save_file({k: v for k, v in good.items() if k != "layers.4.bias"}, folder / "weights.safetensors")
    assert "layers.4.bias" in refusal(folder).where
    save_file(good | {"extra": np.zeros(1, np.float32)}, folder / "weights.safetensors")
    assert refusal(folder).got == "extra"
    save_file(good | {"layers.0.bias": np.zeros(16, np.int32)}, folder / "weights.safetensors")
    assert refusal(folder).what == "wrong number type"


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_is_refused_and_not_run(folder, tmp_path):
    sprung = tmp_path / "sprung"
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Trap(str(sprung))))
    assert "pickle" in refusal(folder).what
    assert not sprung.exists()
    (folder / "weights.safetensors").write_bytes(b"PK\x03\x04" + bytes(100))
    assert "pickle" in refusal(folder).what


def test_a_file_whose_length_begins_like_a_pickle_is_none(folder):
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    for padding in range(0, 600, 8):
        save_file(tensors, path, {"note": "x" * padding})
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert load_style(folder).weights[0][0].shape == (16, 12)


def test_an_empty_tensor_with_sides_beyond_memory_is_refused(folder):
    """No bytes are missing for it, and no array can be made of it."""
    header = {"layers.0.weight": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}
    text = json.dumps(header).encode()
    (folder / "weights.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert "are damaged" in refusal(folder).line()


def test_half_precision_is_widened(folder):
    tensors = {k: v.astype(np.float16) for k, v in load_file(folder / "weights.safetensors").items()}
    save_file(tensors, folder / "weights.safetensors")
    assert load_style(folder).weights[0][0].dtype == np.float32


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "Test"', 'nmae = "Test"', "name"),
        ("width = 16", "width = 7", "network.width"),
        ("width = 16", 'width = "wide"', "network.width"),
        ("bass = 0.3", "bass = nan", "normalisation.bass"),
        ("bass = 0.3", "bas = 0.3", "normalisation"),
        ('"sin"', '"sine"', "network.activations"),
        ('kind = "cppn"', 'kind = "tv"', "kind"),
        ("version = 1", "version = 2", "version"),
        ("version = 1", "version = 1\nspeed = 3", "speed"),
        ('"#102030"', '"red"', "palette.0"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(folder, old, new, key):
    path = folder / "style.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    error = refusal(folder)
    assert str(path) in error.where
    assert f"key {key}" in error.where


def test_broken_toml_and_missing_files(folder):
    (folder / "style.toml").write_text("name = [")
    assert refusal(folder).what == "not valid TOML"
    (folder / "style.toml").write_bytes(b"name = '\xff'")
    assert refusal(folder).what == "the style.toml is not UTF-8 text"
    (folder / "style.toml").unlink()
    assert refusal(folder).what == "no such style"


def test_missing_weights(folder):
    (folder / "weights.safetensors").unlink()
    assert refusal(folder).what == "no such weights"


def test_the_library_follows_the_environment(folder, monkeypatch):
    monkeypatch.setenv("PHOSPHENE_STYLES", str(folder.parent))
    assert list_styles() == ["test"]
    assert load_style("test").slug == "test"
    assert style_folder("test") == folder


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_outside_the_library_loads_by_path(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "elsewhere" / "other")
    assert load_style(tmp_path / "elsewhere" / "other").slug == "other"


def test_the_fingerprint_is_of_what_is_painted(folder):
    before = load_style(folder).sha256
    assert len(before) == 64
    text = (folder / "style.toml").read_text()
    (folder / "style.toml").write_text(text.replace("dark", "bright"))
    assert load_style(folder).sha256 == before, "tags paint nothing"
    (folder / "style.toml").write_text(text.replace("bass = 0.3", "bass = 0.31"))
    assert load_style(folder).sha256 != before
    (folder / "style.toml").write_text(text)
    assert load_style(folder).sha256 == before
    write_style(folder, load_meta(folder), random_weights(SPEC, 2))
    assert load_style(folder).sha256 != before


def test_a_slug_is_of_the_library_whatever_lies_here(folder, tmp_path, monkeypatch):
    """A stranger's folder that a show is started in never stands for a style of the library."""
    monkeypatch.setenv("PHOSPHENE_STYLES", str(folder.parent))
    here = tmp_path / "here"
    for name in ("test", "mine"):
        shutil.copytree(folder, here / name)
    write_style(here / "test", load_meta(folder), random_weights(SPEC, 2))
    monkeypatch.chdir(here)
    assert load_style("test").sha256 == load_style(folder).sha256
    assert load_style("./test").sha256 != load_style(folder).sha256
    assert load_style(Path("mine")).slug == "mine"
    with pytest.raises(UserError, match=r"name a folder by its path: \./mine"):
        load_style("mine")
    with pytest.raises(UserError, match="did you mean 'test'"):
        load_style("tets")
    for name in ("..", ".", "", "x" * 5000, "a\0b", "nobody/../test/x"):
        with pytest.raises(UserError, match="no such style"):
            load_style(name)


def test_what_is_no_file_is_not_opened(folder):
    """A named pipe would wait for its writer for ever."""
    weights = folder / "weights.safetensors"
    weights.unlink()
    os.mkfifo(weights)
    assert "no regular file" in refusal(folder).what
    (folder / "style.toml").unlink()
    os.mkfifo(folder / "style.toml")
    assert refusal(folder).what == "no such style"


def test_sizes_are_looked_at_before_anything_is_read(folder):
    with (folder / "weights.safetensors").open("ab") as file:
        file.truncate(1 << 40)
    assert "too large" in refusal(folder).what
    with (folder / "style.toml").open("ab") as file:
        file.truncate(1 << 40)
    assert "too large" in refusal(folder).what


def test_a_style_that_is_written_over_while_it_is_loaded_is_refused_or_whole(folder):
    """Mapped, a file that shrinks ends the program by a bus error."""
    path = folder / "weights.safetensors"
    data, stop = path.read_bytes(), threading.Event()

    def copier():
        while not stop.is_set():
            with path.open("wb") as file:
                file.write(data[: len(data) // 3])
                file.flush()
                file.write(data[len(data) // 3 :])

    thread = threading.Thread(target=copier)
    thread.start()
    seen = {"whole": 0, "refused": 0}
    try:
        for _ in range(3000):
            try:
                assert load_style(folder).slug == "test"
                seen["whole"] += 1
            except UserError as error:
                seen["refused"] += "damaged" in error.what
            if min(seen.values()) >= 20:
                break
    finally:
        stop.set()
        thread.join()
    assert min(seen.values()) > 0, seen


GAN_TABLE = 'kind = "gan"\n[network]\nlatent = {}\ngrid = [{}, {}]\nstyle = {}\nmapped = {}\nwidths = {}\n'
VQVAE_TABLE = (
    'kind = "vqvae"\n[network]\nrows = {}\ncolumns = {}\nchannels = 3\ncodes = 2\ndim = {}\nwidths = {}\nblocks = 0\n'
    "loops = {}\nframes = {}\nbeats = 8\n"
)


@pytest.mark.parametrize(
    "table",
    [
        GAN_TABLE.format(1, 64, 64, 4, 4, [4, 4, 4, 4, 4, 4, 64]),
        GAN_TABLE.format(1, 64, 64, 4, 4, [512] * 7),
        GAN_TABLE.format(64, 2, 2, 512, 512, [512] * 7),
        GAN_TABLE.format(1, 40, 40, 4, 4, [4, 4, 4, 4, 4, 4, 16]),
        VQVAE_TABLE.format(128, 128, 1, [4, 4, 4, 4, 4, 64], 1, 2),
        VQVAE_TABLE.format(128, 128, 1, [4], 256, 1024),
        VQVAE_TABLE.format(128, 128, 512, [4], 1, 2),
        VQVAE_TABLE.format(60, 60, 4, [512, 512, 512], 1, 2),
    ],
)
def test_products_of_sizes_that_are_each_allowed_are_refused(folder, table):
    """A style of 25 KB would take gigabytes for one picture."""
    head = 'version = 1\nname = "Bomb"\nseed = 1\nlicence = "CC0-1.0"\n'
    (folder / "style.toml").write_text(head + table)
    error = refusal(folder)
    assert "too large" in error.what or "too many" in error.what
    assert len(error.line()) < 600


@pytest.mark.parametrize("size", ["60000x60000", "abc", "0x10", "2049x4", "-1x5", "320", "9" * 5000])
def test_previews_have_sizes_that_can_be_painted(folder, size):
    text = (folder / "style.toml").read_text()
    (folder / "style.toml").write_text(text.replace('"320x180"', f'"{size}"'))
    assert "size of a preview" in refusal(folder).what


def test_texts_and_lists_have_lengths(folder):
    text = (folder / "style.toml").read_text()
    for old, new in (
        ('licence = "CC0-1.0"', f'licence = "{"x" * 201}"'), ('description = ""', f'description = "{"x" * 4001}"'),
        ('tags = [\n    "dark",\n]', f"tags = {['x'] * 257}"), ("seed = 1", "seed = 9223372036854775808"),
        ("bass = 0.3", "bass = 1e10"), ("bass = 0.3", "bass = nan"),
    ):  # fmt: skip
        assert old in text
        (folder / "style.toml").write_text(text.replace(old, new))
        assert len(refusal(folder).line()) < 1500


def test_a_byte_order_mark_and_the_line_ends_of_other_systems(folder):
    path = folder / "style.toml"
    text = path.read_text()
    for data in (
        b"\xef\xbb\xbf" + text.encode(), text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode(),
        text.encode("utf-16"),
    ):  # fmt: skip
        path.write_bytes(data)
        assert load_style(folder).name == "Test"


def test_a_bad_style_takes_no_list_down(folder, monkeypatch):
    monkeypatch.setenv("PHOSPHENE_STYLES", str(folder.parent))
    (folder.parent / "bad").mkdir()
    (folder.parent / "bad" / "style.toml").write_text("x = " + "[" * 3000)
    assert list_styles() == ["bad", "test"]
    assert list_styles("cppn") == ["test"]


def test_the_library_and_the_networks_that_are_trained_are_affordable():
    for slug in list_styles("gan") + list_styles("vqvae"):
        net = load_meta(style_folder(slug)).network
        rows, columns = net.grids[1]
        found = cost(net.graph, {"h": rows, "w": columns})
        assert found.values < MOST_VALUES / 10
        assert found.products < MOST_PRODUCTS / 10
    assert GanNetwork(grid=(9, 16), widths=(512, 256, 128, 64, 32, 16, 8)).told == "GAN, 1024x576"
    assert VqvaeNetwork(rows=72, columns=128, widths=(128, 96, 48), loops=24, frames=24).told.startswith("VQ-VAE, 1024x576")

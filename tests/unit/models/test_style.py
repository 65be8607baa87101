"""Styles on disk: what is refused, in which words; that writing is atomic; that the shipped library is sound."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from engine.core.errors import UserError
from engine.models.cppn import CppnSpec, random_weights
from engine.models.style import (
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

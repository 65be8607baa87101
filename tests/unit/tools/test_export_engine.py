"""`tools/export_engine.py`: files are written, how far they are off is told, a picture that differs fails it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import driver_refusal
from phosphene.engine.models.encoding import View, coordinates
from phosphene.engine.models.style import load_style, write_style
from phosphene.kernels.cppn.reference import forward
from phosphene.tools import export_engine
from tests.decoded_styles import small_gan, small_vqvae

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def run(*arguments: object) -> int:
    return export_engine.main([str(a) for a in arguments])


def test_onnx_only_writes_both_files_and_tells_how_far_they_are_off(tmp_path, capsys):
    assert run("aurora-rain", "--onnx-only", "--out", tmp_path) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert all(line.endswith("holds") for line in told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aurora-rain-half.onnx", "aurora-rain.onnx"]
    kinds = {}
    for path in tmp_path.iterdir():
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        kinds[path.name] = model.graph.output[0].type.tensor_type.elem_type
    assert kinds == {"aurora-rain.onnx": onnx.TensorProto.FLOAT, "aurora-rain-half.onnx": onnx.TensorProto.FLOAT16}


def test_a_file_of_that_name_is_kept_and_the_same_is_not_written_twice(tmp_path, capsys):
    (tmp_path / "aurora-rain-half.onnx").write_bytes(b"mine")
    for _ in range(2):
        assert run("aurora-rain", "--onnx-only", "--half", "--out", tmp_path) == 0
    assert (tmp_path / "aurora-rain-half-1.onnx").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 2
    assert run("aurora-rain", "--onnx-only", "--out", tmp_path / "aurora-rain-half.onnx") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_half_alone(tmp_path, capsys):
    assert run("aurora-rain", "--onnx-only", "--half", "--out", tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["aurora-rain-half.onnx"]


def test_a_picture_that_differs_fails(tmp_path, capsys, monkeypatch):
    real = export_engine.graph

    def wrong(style, full_layers):
        weights = [(w, b) for w, b in style.weights]
        weights[-1] = (weights[-1][0], weights[-1][1] + np.float32(0.05))
        return real(type(style)(style.slug, style.name, style.kind, style.spec, weights, style.meta), full_layers)

    monkeypatch.setattr(export_engine, "graph", wrong)
    assert run("aurora-rain", "--onnx-only", "--out", tmp_path) == 1
    assert capsys.readouterr().out.count("BROKEN") == 2


def test_the_reference_is_the_plain_forward_pass():
    style = load_style("aurora-rain")
    spec, size = style.spec, Size(48, 27)
    uniforms = np.linspace(-1, 1, len(spec.uniform))
    inputs = np.empty((size.pixels, len(spec.inputs)))
    inputs[:, spec.columns(spec.spatial)] = coordinates(size, View(), spec.spatial)
    inputs[:, spec.columns(spec.uniform)] = uniforms
    want = forward(inputs, style.weights, spec.layer_activations)
    np.testing.assert_array_equal(export_engine.reference(style, uniforms, size), want)


@pytest.mark.skipif(driver_refusal() is None, reason="there is an NVIDIA driver here")
def test_without_a_gpu_nothing_is_written_and_the_way_out_is_named(tmp_path, capsys):
    assert run("aurora-rain", "--out", tmp_path / "out") == 2
    assert "--onnx-only" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--onnx-only"], "no style is named"),
        (["no-such-style", "--onnx-only"], "no such style"),
        (["aurora-rain", "--onnx-only", "--size", "wide"], "WIDTHxHEIGHT"),
        (["aurora-rain", "--onnx-only", "--size", "64x36", "--sizes", "64x36..128x72"], "one size or a range"),
    ],
)
def test_wrong_arguments_are_told(arguments, words, capsys):
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("make", "code"), [(small_vqvae, 0), (small_gan, 1)], ids=["half holds", "half is too coarse"])
def test_a_decoded_style_is_held_against_torch(make, code, tmp_path, capsys):
    pytest.importorskip("torch")
    style = make()
    folder, out = tmp_path / "style", tmp_path / "out"
    write_style(folder, style.meta, style.weights)
    assert run(folder, "--onnx-only", "--out", out) == code
    full, half = capsys.readouterr().out.splitlines()
    assert full.endswith("holds")
    assert half.endswith("holds" if code == 0 else "BROKEN; float32 is used")
    assert ": 0 of " in half
    assert sorted(path.name for path in out.iterdir()) == ["style-half.onnx", "style.onnx"]
    halves = {
        name: {tensor.data_type for tensor in onnx.load(out / name).graph.initializer} & {onnx.TensorProto.FLOAT16}
        for name in ("style-half.onnx", "style.onnx")
    }
    assert halves == {"style-half.onnx": {onnx.TensorProto.FLOAT16}, "style.onnx": set()}


def test_a_float32_file_of_a_decoded_style_that_differs_fails(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    style, real = small_vqvae(), export_engine.decoded_onnx.graph

    def wrong(style, full_layers):
        weights = style.weights | {"levels.1.bias": style.weights["levels.1.bias"] + np.float32(0.1)}
        return real(dataclasses.replace(style, weights=weights), full_layers)

    monkeypatch.setattr(export_engine.decoded_onnx, "graph", wrong)
    write_style(tmp_path / "style", style.meta, style.weights)
    assert run(tmp_path / "style", "--onnx-only", "--out", tmp_path) == 1
    assert capsys.readouterr().out.count("BROKEN") == 2

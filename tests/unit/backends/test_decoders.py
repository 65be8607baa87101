"""Decoders: torch and ONNX say the same for every operation, the same inputs give the same bits, faults are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.backends import decoders
from phosphene.engine.backends.decoders import OnnxDecoder
from phosphene.engine.backends.select import installed_backends, open_style
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.models.graph import OUTPUT, Graph

onnxruntime = pytest.importorskip("onnxruntime")
torch = pytest.importorskip("torch")

from phosphene.engine.backends.graph_onnx import _EMIT, onnx_model  # noqa: E402
from phosphene.engine.backends.graph_torch import operations, run_graph  # noqa: E402


def every_operation() -> Graph:
    g = Graph()
    codes = g.input("codes", "h", "w", integer=True)
    z, style = g.input("z", 4, "h", "w"), g.input("style", 2, 6)
    x = g.add(g.embed(codes, "book", 9, 4), z)
    x = g.silu(g.group_norm(g.conv(x, "in", 4, 8), "in.norm", 8, 2))
    x = g.leaky(g.upsample(x))
    x = g.relu(g.add(x, g.conv(x, "mid", 8, 8, 1)))
    w = g.linear(g.pick(style, 1, 1), "map", 6, 12)
    gate = g.sigmoid(g.add(g.cut(w, 1, 2, 10), g.mean(x)))
    x = g.mul(x, g.column(g.affine(gate, 2.0, -0.5)))
    x = g.upsample(g.shuffle(g.conv(x, "wide", 8, 12, 5, edge=True)), linear=False)
    g.output(g.tanh(g.grow(x, "grow", 3, 3)))
    return g


def numbers(g: Graph) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: (rng.standard_normal(shape) * 0.4).astype(np.float32) for name, shape in g.tensors.items()}


@pytest.mark.parametrize(("batch", "h", "w"), [(1, 3, 5), (2, 4, 4), (1, 9, 16)])
def test_torch_and_onnx_agree_on_every_operation(batch, h, w):
    g, rng = every_operation(), np.random.default_rng(0)
    assert {op.kind for op in g.ops} == operations().keys() == _EMIT.keys()
    tensors = numbers(g)
    inputs = {
        "codes": rng.integers(0, 9, (batch, h, w)),
        "z": rng.standard_normal((batch, 4, h, w)).astype(np.float32),
        "style": rng.standard_normal((batch, 2, 6)).astype(np.float32),
    }
    session = onnxruntime.InferenceSession(onnx_model(g, tensors), providers=["CPUExecutionProvider"])
    (ours,) = session.run([OUTPUT], inputs)
    with torch.inference_mode():
        theirs = run_graph(
            g, {k: torch.from_numpy(v) for k, v in tensors.items()}, {k: torch.from_numpy(v) for k, v in inputs.items()}
        )
    assert ours.shape == (batch, 3, 16 * h, 16 * w)
    assert np.abs(ours - theirs.numpy()).max() < 1e-5
    assert ours.std() > 0.01


@pytest.mark.parametrize("name", ["onnx", "torch-decode"])
def test_a_gan_is_decoded_within_a_step_of_the_other_and_repeats(tiny_gan, name):
    backends = installed_backends("llvmpipe")
    decoder, selection = open_style(tiny_gan, Size(64, 36), backends, prefer=name)
    assert selection.name == decoder.name == name
    inputs = tiny_gan.spec.trial(np.random.default_rng(8))
    picture = decoder.decode(inputs)
    assert (picture.shape, picture.dtype) == ((36, 64, 3), np.float32)
    assert 0.0 <= picture.min() < picture.max() <= 1.0
    assert np.array_equal(picture, decoder.decode(inputs))
    other = OnnxDecoder(tiny_gan, threads=1).decode(inputs)
    assert np.abs(picture - other).max() < 0.5 / 255
    decoder.close()
    decoder.close()


def test_threads_change_no_bit(tiny_gan):
    inputs = tiny_gan.spec.trial(np.random.default_rng(8))
    assert np.array_equal(OnnxDecoder(tiny_gan, 1).decode(inputs), OnnxDecoder(tiny_gan, 3).decode(inputs))


def test_a_picture_that_is_not_finite_is_refused_before_it_is_seen(tiny_gan):
    weights = tiny_gan.weights | {"out.bias": np.full(3, np.nan, np.float32)}
    with pytest.raises(UserError) as error:
        open_style(replace(tiny_gan, weights=weights), Size(64, 36), installed_backends(""))
    assert "not finite" in error.value.got


def test_a_missing_package_is_named_with_its_remedy(tiny_gan, monkeypatch):
    monkeypatch.setattr(decoders.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as error:
        open_style(tiny_gan, Size(64, 36), installed_backends(""))
    assert install("nets") in error.value.got
    assert "cpu" not in {r.split(":")[0] for r in error.value.got.split("; ")}, "a CPPN's backend is not asked"

"""What plans of decoded networks are built of: half that is half, digests that tell styles apart, and a build of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.backends import plan_build
from phosphene.engine.backends.decoded_onnx import (
    all_layers,
    architecture_digest,
    distance,
    free_shapes,
    graph,
    half_error,
    needed_full_layers,
    pixels,
    run,
    weights_digest,
)
from phosphene.engine.backends.onnx_graph import LIMIT
from phosphene.engine.backends.plan_build import Order, build
from phosphene.engine.backends.plans import Machine, PlanStore, is_for, recipe_of
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import Style, load_style
from tests.decoded_styles import small_gan, small_vqvae
from tests.unit.backends.test_plan_build import SAY_DONE, script

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

HERE = Machine(tensorrt="11.4.0", gpu="NVIDIA RTX 4070", capability="8.9", driver="580.1", system="Linux x86_64")
STYLES = [small_gan(), small_vqvae()]


def with_weights(style: Style, **changed: np.ndarray) -> Style:
    return replace(style, weights=style.weights | changed)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.kind)
def test_half_is_half_between_float32_inputs_and_a_float32_picture(style):
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph(style, 0, packed=True)), strict_mode=True)
    elem = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    reals = {name: kind for name, kind in elem.items() if kind != onnx.TensorProto.INT64}
    assert set(reals.values()) == {onnx.TensorProto.FLOAT16}
    assert len(reals) > len(style.spec.graph.ops)
    outside = (*model.graph.input, *model.graph.output)
    assert {value.type.tensor_type.elem_type for value in outside} == {onnx.TensorProto.FLOAT}
    assert {value.type.tensor_type.shape.dim[0].dim_value for value in model.graph.input} == {1}
    stored = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    read = {name for op in style.spec.graph.ops for name in op.ins}
    assert {stored[name] for name in style.spec.graph.tensors if name in read} == {onnx.TensorProto.FLOAT16}
    assert not {"loops", "codebook"} & set(stored), "what no operation reads stays outside"


def test_half_holds_where_the_picture_does_and_not_where_it_is_steep():
    gan, vqvae = STYLES
    assert 0.05 / 255 < half_error(vqvae) <= LIMIT
    assert needed_full_layers(vqvae) == 0
    assert half_error(gan) > LIMIT
    assert needed_full_layers(gan) == all_layers(gan) > 10
    assert all_layers(vqvae) == 2 + 2 * vqvae.spec.blocks + 1


def test_what_half_cannot_hold_is_infinitely_wrong():
    style = with_weights(STYLES[1], **{"in.bias": np.full(16, 1e6, np.float32)})
    assert half_error(style) == np.inf
    assert recipe_of(style, 1, 2, 3).numbers == "float32"


def test_every_result_is_rounded():
    """By itself onnxruntime goes on in float32, and half looks better than it is."""
    style = STYLES[0]
    inputs = style.spec.trial(np.random.default_rng(0))
    half, full = graph(style, 0), run(graph(style, all_layers(style)), style, inputs)
    each, some = (distance(run(half, style, inputs, rounded=rounded), full)[0] for rounded in (True, False))
    assert each > 1.2 * some > 0.0


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("phosphene.engine.backends.decoders.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"onnxruntime and onnx not installed.*onnx>=1.17"):
        recipe_of(STYLES[1], 1, 2, 3)


def test_digests():
    gan, vqvae = STYLES
    other = with_weights(gan, **{"out.bias": gan.weights["out.bias"] + 1})
    assert weights_digest(gan, 0) != weights_digest(other, 0)
    assert architecture_digest(gan, 0) == architecture_digest(other, 0)
    assert len({architecture_digest(style, full) for style in STYLES for full in (0, 5)}) == 4
    played = with_weights(vqvae, loops=np.zeros_like(vqvae.weights["loops"]))
    assert weights_digest(vqvae, 0) == weights_digest(played, 0), "loops are played, the plan does not hold them"


def test_sizes_are_the_networks_own():
    gan, vqvae = STYLES
    assert free_shapes(gan, (1, 2, 3)) == ("z", ((1, 8, 2, 2), (1, 8, 9, 16), (1, 8, 27, 27)))
    assert free_shapes(vqvae, (1, 2, 3)) == ("z", ((1, 8, 9, 16),) * 3)
    assert pixels(gan, 1, 2) == (8 * 8, 36 * 64, 108 * 108)


@pytest.mark.parametrize("grid", [(9, 16), (4, 4), (16, 9), (5, 7)])
def test_the_latent_of_every_screen_up_to_four_to_one_fits(grid):
    net = STYLES[0].spec.model_copy(update={"grid": grid})
    least, _, most = net.grids
    for aspect in np.geomspace(0.25, 4.0, 81):
        sides = zip(least, net.grid_for(aspect), most, strict=True)
        assert all(low <= side <= high for low, side, high in sides), aspect


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.kind)
def test_a_plan_is_built_stored_and_found_as_a_cppns_is(style, tmp_path, monkeypatch):
    orders, models = [], []

    def command(order: Order) -> list[str]:
        orders.append(order)
        models.append(Path(order.onnx).read_bytes())
        return script(f"open({order.plan!r}, 'wb').write(b'plan')", SAY_DONE.replace("True", "False"))

    monkeypatch.setattr(plan_build, "worker_command", command)
    store, recipe = PlanStore(tmp_path), recipe_of(style, 2304, 921_600, 4)
    header = build(style, recipe, HERE, store)
    assert (orders[0].grid, orders[0].shapes) == free_shapes(style, recipe.pixels)
    assert orders[0].weights == ()
    assert models[0] == graph(style, recipe.full_layers, packed=True)
    assert (header.refit, store.load(header)) == (False, b"plan")
    assert store.find(style, HERE, Size(3840, 2160)) == header, "its picture is scaled to any screen"
    assert is_for(header, style)
    again = with_weights(style, **{name: 2 * array for name, array in style.weights.items() if name.startswith("levels")})
    assert store.find(again, HERE, Size(64, 36)) is None
    assert store.outgrown(again) == header
    assert store.find(load_style("aurora-rain"), HERE, Size(64, 36)) is None

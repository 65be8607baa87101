"""The worker process of a build: what it says is heard, it is killed in time, and each way to fail has its own words."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

from phosphene.engine.backends import plan_build
from phosphene.engine.backends.onnx_graph import GRID, initializers
from phosphene.engine.backends.plan_build import Order, build, run_worker, worker_command
from phosphene.engine.backends.plan_worker import write_beside
from phosphene.engine.backends.plans import Machine, PlanStore, recipe_of
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import load_style

onnx = pytest.importorskip("onnx")

HERE = Machine(tensorrt="11.4.0", gpu="NVIDIA RTX 4070", capability="8.9", driver="580.1", system="Linux x86_64")


def script(*lines: str) -> list[str]:
    """A worker that is a real process and does what `lines` say."""
    return [sys.executable, "-c", "\n".join(("import json, os, sys, time", *lines))]


SAY_DONE = "print(json.dumps({'refit': True}))"


def test_a_worker_is_heard():
    steps = []
    said = [f"print(json.dumps({{'phase': 'p', 'done': {n}, 'steps': 3}}))" for n in range(4)]
    assert run_worker(script(*said, SAY_DONE), "s", 60.0, lambda *step: steps.append(step)) is True
    assert steps == [("p", n, 3) for n in range(4)]
    assert run_worker(script("print(json.dumps({'refit': False}))"), "s", 60.0) is False


def test_a_worker_that_takes_too_long_is_killed(tmp_path):
    pid = tmp_path / "pid"
    lines = (f"open({str(pid)!r}, 'w').write(str(os.getpid()))", "time.sleep(600)")
    with pytest.raises(UserError, match=r"takes too long.*allowed: 1\.5 s.*--limit"):
        run_worker(script(*lines), "slow-style", 1.5)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_worker_is_killed_when_the_waiting_is_broken_off(tmp_path):
    pid = tmp_path / "pid"

    def broken_off(phase: str, done: int, steps: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    lines = (
        f"open({str(pid)!r}, 'w').write(str(os.getpid()))",
        "print(json.dumps({'phase': 'p', 'done': 0, 'steps': 1}), flush=True)",
        "time.sleep(600)",
    )
    with pytest.raises(KeyboardInterrupt):
        run_worker(script(*lines), "s", 60.0, broken_off)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["print(json.dumps({'error': 'the parser says no'}))", "sys.exit(1)"], "the parser says no"),
        (["print(json.dumps({'note': 'cuMemAlloc: out of memory', 'grave': True}))", "sys.exit(1)"], "smaller size"),
        (["print(json.dumps({'note': 'only a warning', 'grave': False}))", "sys.exit(3)"], "exit code 3"),
        (["os.kill(os.getpid(), 9)"], "killed by signal 9.*memory ran out"),
        (["raise RuntimeError('a traceback of its own')"], "a traceback of its own"),
        (["print('{\"refit\": tr')"], "the plan was not built"),
        ([""], "the plan was not built"),
    ],
)
def test_each_failure_has_its_words(lines, words):
    with pytest.raises(UserError, match=words):
        run_worker(script(*lines), "some-style", 60.0)


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is installed")
def test_the_worker_itself_says_that_tensorrt_is_missing(tmp_path):
    (tmp_path / "network.onnx").write_bytes(b"")
    order = Order(
        onnx=str(tmp_path / "network.onnx"), plan=str(tmp_path / "plan"), timing_cache=str(tmp_path / "t"), grid=GRID,
        weights=(), shapes=((1, 3), (2, 3), (2, 3)), level=0, workspace_bytes=1 << 20,
    )  # fmt: skip
    with pytest.raises(UserError, match=r"TensorRT is not installed.*pip install"):
        run_worker(worker_command(order), "some-style", 60.0)
    style = load_style("aurora-rain")
    with pytest.raises(UserError, match="TensorRT is not installed"):
        build(style, recipe_of(style, 1, 4, 0), HERE, PlanStore(tmp_path / "plans"), limit_s=60.0)
    assert not (tmp_path / "plans").exists()


def test_what_a_worker_builds_lies_in_the_store(tmp_path, monkeypatch):
    style, orders, models = load_style("aurora-rain"), [], []

    def command(order: Order) -> list[str]:
        orders.append(order)
        models.append(onnx.load(order.onnx))
        copy = f"open({order.plan!r}, 'wb').write(open({order.onnx!r}, 'rb').read()[:100])"
        return script(copy, SAY_DONE)

    monkeypatch.setattr(plan_build, "worker_command", command)
    store = PlanStore(tmp_path)
    recipe = recipe_of(style, 2304, 921_600, 4)
    header = build(style, recipe, HERE, store)
    assert store.find(style, HERE, Size(1280, 720)) == header
    assert len(store.load(header)) == 100
    assert header.refit
    (order,) = orders
    (model,) = models
    # The one input of a free size gets the shapes; everything the worker may exchange is in the model.
    free = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    assert [name for name, shape in free.items() if 0 in shape] == [order.grid]
    assert list(order.shapes) == [(pixels, free[order.grid][1]) for pixels in recipe.pixels]
    assert set(order.weights) < {tensor.name for tensor in model.graph.initializer}
    assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert order.level == 4
    assert set(order.weights) == set(initializers(style, recipe.full_layers))
    assert not Path(order.onnx).exists(), "nothing is left behind"


def test_a_worker_without_a_plan_is_no_success(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_build, "worker_command", lambda order: script(SAY_DONE))
    style = load_style("aurora-rain")
    with pytest.raises(UserError, match="left no plan"):
        build(style, recipe_of(style, 1, 4, 0), HERE, PlanStore(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_timing_cache_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "new" / "x.timing"
    write_beside(path, b"one")
    write_beside(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]

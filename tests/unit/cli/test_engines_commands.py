"""`vj engines` without a GPU: what lies in the cache is listed and pruned, and building says why it cannot."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from phosphene.engine.backends import onnx_graph
from phosphene.engine.backends.plans import Header, Machine, PlanStore, recipe_of
from phosphene.engine.backends.tensorrt import TensorRTBackend
from phosphene.engine.cli.main import app
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import load_style

HERE = Machine(tensorrt="11.4.0", gpu="NVIDIA RTX 4070", capability="8.9", driver="580.1", system="Linux x86_64")


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Header:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path))
    style = load_style("aurora-rain")
    recipe = recipe_of(style, 2304, 921_600, 3)
    return PlanStore().save(style.slug, recipe, HERE, b"p" * 2_500_000, refit=True, built="2026-11-25", seconds=31.0)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["engines", *arguments], catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def no_gpu(self) -> Machine:
    raise UserError("no NVIDIA driver")


def test_list_without_a_gpu_says_what_a_plan_is_for(plan, monkeypatch):
    monkeypatch.setattr(TensorRTBackend, "machine", no_gpu)
    told = json.loads(run("list", "--json"))
    assert told["refusal"] == "no NVIDIA driver"
    assert told["machine"] is None
    (row,) = told["plans"]
    assert row["style"] == "aurora-rain"
    assert row["key"] == plan.key
    assert row["state"] == f"for {HERE.line()}"
    assert "no NVIDIA driver" in run("list")


@pytest.mark.parametrize(
    ("machine", "state"),
    [(HERE, "ready"), (HERE.model_copy(update={"driver": "590.2"}), "foreign: driver 580.1 instead of 590.2")],
)
def test_list_tells_what_is_ready_from_what_is_foreign(plan, monkeypatch, machine, state):
    monkeypatch.setattr(TensorRTBackend, "machine", lambda self: machine)
    assert json.loads(run("list", "--json"))["plans"][0]["state"] == state
    assert "2.5" in run("list")


def test_prune_deletes_what_is_foreign_or_everything(plan, monkeypatch):
    monkeypatch.setattr(TensorRTBackend, "machine", no_gpu)
    assert "0 files deleted" in run("prune")
    monkeypatch.setattr(TensorRTBackend, "machine", lambda self: HERE)
    assert "0 files deleted" in run("prune")
    monkeypatch.setattr(TensorRTBackend, "machine", lambda self: HERE.model_copy(update={"gpu": "another"}))
    assert "1 files deleted" in run("prune")
    assert "no plans" in run("list")


def test_prune_all_needs_no_gpu(plan, monkeypatch):
    monkeypatch.setattr(TensorRTBackend, "machine", no_gpu)
    assert "1 files deleted" in run("prune", "--all")


def test_build_keeps_what_is_there_and_counts_what_fails(plan, monkeypatch):
    monkeypatch.setattr(TensorRTBackend, "machine", lambda self: HERE)
    assert "aurora-rain: there already" in run("build", "aurora-rain")
    result = CliRunner().invoke(app, ["engines", "build", "aurora-rain", "no-such-style"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "no such style" in result.output


def test_build_makes_one_plan_for_an_architecture(plan, monkeypatch):
    monkeypatch.setattr(TensorRTBackend, "machine", lambda self: HERE)
    built = []

    def build(style, recipe, machine, store, **options) -> Header:
        built.append(style.slug)
        return store.save(style.slug, recipe, machine, b"p", refit=True, built="2026", seconds=1.0)

    monkeypatch.setattr("phosphene.engine.backends.plan_build.build", build)
    # All of one shape, but the last one is taken to need float32 in one layer more.
    needed = onnx_graph.needed_full_layers
    monkeypatch.setattr(onnx_graph, "needed_full_layers", lambda style: needed(style) + (style.slug == "zellige"))
    told = run("build", "neon-geometry", "dune-sea", "digital-glitch", "zellige")
    assert built == ["neon-geometry", "zellige"]
    assert told.count("its weights go into the plan of neon-geometry") == 2
    built.clear()
    run("build", "dune-sea", "--size", "1920x1080")
    assert built == ["dune-sea"], "a larger picture needs another plan"
    built.clear()
    run("build", "aurora-rain", "--again")
    assert built == ["aurora-rain"]


def test_build_without_a_gpu_says_why_not(plan, monkeypatch):
    monkeypatch.setattr(TensorRTBackend, "machine", no_gpu)
    with pytest.raises(UserError, match=r"no plan can be built here.*no NVIDIA driver"):
        CliRunner().invoke(app, ["engines", "build"], catch_exceptions=False)

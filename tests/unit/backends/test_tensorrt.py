"""The TensorRT backend where there is none: a reason, the next backend, and what a plan is keyed by."""

from __future__ import annotations

import importlib.util

import pytest

from phosphene.engine.backends.cpu import CpuBackend
from phosphene.engine.backends.plans import PlanStore, recipe_of
from phosphene.engine.backends.select import open_style
from phosphene.engine.backends.tensorrt import TensorRTBackend, driver_version, machine_of
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.cuda import driver_refusal
from phosphene.engine.gpu.cuda_base import DeviceInfo
from phosphene.engine.models.style import load_style

SIZE = Size(64, 36)
ADA = DeviceInfo(0, "NVIDIA GeForce RTX 4070", (8, 9), 46, 2475, 12 << 30, 13020)


@pytest.mark.skipif(driver_refusal() is None, reason="there is an NVIDIA driver here")
def test_without_a_driver_the_next_backend_plays_and_the_reason_is_kept(tmp_path):
    backend = TensorRTBackend("llvmpipe", PlanStore(tmp_path))
    style = load_style("aurora-rain")
    assert backend.refusal() == backend.refusal(style) == driver_refusal()
    with pytest.raises(UserError, match=r"NVIDIA driver|CUDA"):
        backend.open(style, SIZE)
    program, selection = open_style(style, SIZE, {"tensorrt": backend, "cpu": CpuBackend()}, prefer="tensorrt")
    assert selection.name == program.name == "cpu"
    assert selection.refused == [{"name": "tensorrt", "reason": driver_refusal()}]
    program.close()
    backend.close()


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is installed")
def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("phosphene.engine.backends.tensorrt.driver_refusal", lambda: None)
    assert TensorRTBackend().refusal() == f"TensorRT is not installed; {install('rtx', 'tensorrt')}"


def test_a_library_that_does_not_load_is_a_reason(tmp_path, monkeypatch):
    # What the bindings do where libnvinfer is missing: their import raises.
    package = tmp_path / "tensorrt"
    package.mkdir()
    text = "raise ImportError('libnvinfer.so.11: cannot open shared object file')\n"
    (package / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("phosphene.engine.backends.tensorrt.driver_refusal", lambda: None)
    monkeypatch.setattr(TensorRTBackend, "_cuda", lambda self: None)
    assert "libnvinfer.so.11" in TensorRTBackend().refusal()


def test_a_style_without_a_plan_is_refused_with_the_command_that_builds_one(tmp_path, monkeypatch):
    here = machine_of("11.4.0.106", ADA)
    monkeypatch.setattr(TensorRTBackend, "machine", lambda self: here)
    store = PlanStore(tmp_path)
    backend = TensorRTBackend("", store)
    style = load_style("aurora-rain")
    assert backend.refusal() is None
    assert backend.refusal(style) == "no plan was built for aurora-rain (vj engines build aurora-rain)"
    old = here.model_copy(update={"driver": "1"})
    store.save(style.slug, recipe_of(style, 2304, 921_600, 3), old, b"plan", refit=True, built="2026", seconds=1.0)
    assert backend.refusal(style) is None, "a plan that was outgrown is built again when the style is opened"


def test_a_plan_that_could_not_be_built_is_not_tried_again(tmp_path, monkeypatch):
    here, style, tries = machine_of("11.4.0.106", ADA), load_style("aurora-rain"), []

    def build(*arguments, **options):
        tries.append(options["limit_s"])
        raise UserError("building the plan takes too long")

    monkeypatch.setattr("phosphene.engine.backends.tensorrt.build", build)
    store = PlanStore(tmp_path)
    old = here.model_copy(update={"driver": "1"})
    store.save(style.slug, recipe_of(style, 2304, 4096, 3), old, b"plan", refit=True, built="2026", seconds=1.0)
    backend = TensorRTBackend("", store)
    for words in ("takes too long", "could not be built before"):
        with pytest.raises(UserError, match=words):
            backend._load(style, None, here, SIZE, None)
    assert len(tries) == 1
    with pytest.raises(UserError, match="takes too long"):
        backend._load(style, None, here, Size(1280, 720), None)  # another plan
    with pytest.raises(UserError, match=r"no plan was built.*vj engines build deep-caustics --sizes 64x36\.\.64x36"):
        backend._load(load_style("deep-caustics"), None, here, SIZE, None)


def test_what_a_plan_is_keyed_by():
    machine = machine_of("11.4.0.106", ADA)
    assert (machine.tensorrt, machine.gpu, machine.capability) == ("11.4.0.106", "NVIDIA GeForce RTX 4070", "8.9")
    assert machine.driver.endswith("CUDA 13.2)") or machine.driver == "CUDA 13.2"
    assert len(machine.system.split()) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27\nGCC version: 13.2.0\n",
            "580.65.06 (CUDA 13.0)",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  590.44.01  Release Build\nGCC version:  gcc 14.2\n",
            "590.44.01 (CUDA 13.0)",
        ),
        ("something else\n", "CUDA 13.0"),
        (None, "CUDA 13.0"),
    ],
)
def test_the_drivers_version(tmp_path, text, told):
    path = tmp_path / "version"
    if text is not None:
        path.write_text(text)
    assert driver_version(13000, path) == told

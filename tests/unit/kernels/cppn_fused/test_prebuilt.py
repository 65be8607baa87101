"""The kernels compiled beforehand are those of today's source and library, and are taken where nothing compiles."""

from __future__ import annotations

import pytest

from phosphene.engine.gpu import compile as compiling
from phosphene.engine.gpu.compile import compile_cubin
from phosphene.kernels.cppn_fused import prebuilt
from phosphene.kernels.cppn_fused.shape import Shape
from phosphene.kernels.cppn_fused.source import PAINT, build
from phosphene.tools.lab.prebuild_kernels import programs

AGAIN = "run tools/lab/prebuild_kernels.py"


def test_every_kernel_of_the_library_is_there_and_none_besides() -> None:
    assert set(prebuilt._read()) == set(programs()), AGAIN


def test_they_are_ptx_of_the_kernel_for_the_first_gpu_that_runs_it() -> None:
    for key, (_, variant) in programs().items():
        text = prebuilt.ptx(key).decode()
        assert f".entry {PAINT}" in text
        assert f".target sm_{75 if variant == 'fp32' else 80}" in text
        assert ("mma.sync" in text) == (variant != "fp32")


def test_another_shape_has_none() -> None:
    assert prebuilt.ptx(build(Shape(("x",), 16, ("tanh",) * 7), "fp32").key) is None


def test_where_nothing_compiles_what_was_built_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "package_found", lambda name: False)
    key, (program, _) = next(iter(programs().items()))
    assert compile_cubin(program.source, "sm_89", prebuilt=lambda arch: prebuilt.ptx(key)) == prebuilt.ptx(key)


def test_an_archive_is_the_same_for_the_same_kernels(tmp_path) -> None:
    images = {"b": b"two", "a": b"one"}
    for name in ("first", "second"):
        prebuilt.write(images, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()

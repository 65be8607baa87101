"""Render targets keep what they are given, the right way up; passes compile, cache, blend and explain their errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu import shader
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.gpu.shader import Pass, Passes, load_source
from phosphene.engine.gpu.texture import FORMATS, RenderTarget

SIZE = Size(24, 10)
COPY = """#version 330 core
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float gain;
void main() { colour = texture(source, uv) * gain; }
"""
GRADIENT = """#version 330 core
in vec2 uv;
out vec4 colour;
void main() { colour = vec4(uv, 0.0, 1.0); }
"""


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(1).random((SIZE.height, SIZE.width, 4), np.float32)


def test_context_is_core_3_3_or_later(gl) -> None:
    said = info()
    assert said["renderer"]
    major, minor = (int(n) for n in said["version"].split()[0].split(".")[:2])
    assert (major, minor) >= (3, 3)


@pytest.mark.parametrize(("format", "tolerance"), [("rgba16f", 1e-3), ("rgba8", 0.503 / 255), ("rgba32f", 0.0)])
def test_upload_reads_back(gl, picture, format, tolerance) -> None:
    target = RenderTarget(SIZE, format)
    target.upload(picture)
    assert np.abs(target.read() - picture).max() <= tolerance
    target.close()
    target.close()


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_upload_without_alpha_is_opaque(gl, dtype) -> None:
    target = RenderTarget(Size(1, 1))
    target.upload(np.ones((5, 7, 3), dtype))
    assert target.size == Size(7, 5)
    assert (target.read()[..., 3] == 1.0).all()
    target.close()


def test_upload_refuses_what_it_cannot_read(gl) -> None:
    target = RenderTarget(SIZE)
    for wrong in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.float32), np.zeros((4, 4, 4), np.float64)):
        with pytest.raises(ValueError, match="cannot upload"):
            target.upload(wrong)
    target.close()


def test_row_zero_is_the_top(gl) -> None:
    target = RenderTarget(SIZE, "rgba32f")
    gradient = Pass(GRADIENT)
    gradient.draw(target)
    pixels = target.read()
    assert pixels[0, 0, 1] == pytest.approx(1 - 0.5 / SIZE.height, abs=1e-4)
    assert pixels[-1, 0, 1] == pytest.approx(0.5 / SIZE.height, abs=1e-4)
    assert pixels[0, -1, 0] == pytest.approx(1 - 0.5 / SIZE.width, abs=1e-4)
    target.close()
    gradient.close()


def test_resize_clears_and_keeps_working(gl, picture) -> None:
    target = RenderTarget(SIZE)
    target.upload(picture)
    assert not target.resize(SIZE)
    assert target.resize(Size(5, 9))
    assert target.read().shape == (9, 5, 4)
    assert not target.read().any()
    target.close()


def test_pass_draws_textures_uniforms_region_and_blend(gl, picture) -> None:
    source, target, copy = RenderTarget(SIZE, "rgba32f"), RenderTarget(SIZE, "rgba32f"), Pass(COPY)
    source.upload(picture)
    for gain in (0.5, 0.5, 2.0):
        copy.draw(target, textures={"source": source}, gain=gain)
        np.testing.assert_allclose(target.read(), picture * gain, atol=1e-5)
    target.clear(1.0, 1.0, 1.0, 1.0)
    copy.draw(target, textures={"source": source}, gain=1.0, blend=True)
    np.testing.assert_allclose(target.read(), picture + (1 - picture[..., 3:]), atol=1e-5)
    target.clear()
    copy.draw(target, textures={"source": source}, gain=1.0, region=(0, 0, SIZE.width, 5))
    pixels = target.read()
    assert not pixels[:5].any()
    assert pixels[5:].any()
    for each in (source, target, copy):
        each.close()


def test_array_uniforms(gl) -> None:
    lookup = Pass(
        "#version 330 core\nin vec2 uv; out vec4 colour; uniform vec4 table[3];\n"
        "void main() { colour = table[int(uv.x * 3.0)]; }\n"
    )
    target = RenderTarget(Size(3, 1), "rgba32f")
    table = np.random.default_rng(2).random((3, 4), np.float32)
    lookup.draw(target, table=table)
    np.testing.assert_array_equal(target.read()[0], table)
    target.close()
    lookup.close()


def test_unknown_uniform_is_an_error(gl) -> None:
    copy, target = Pass(COPY), RenderTarget(SIZE)
    with pytest.raises(ValueError, match="no uniform 'gian'"):
        copy.draw(target, gian=1.0)
    copy.close()
    target.close()


def test_compile_error_names_the_line(gl) -> None:
    with pytest.raises(UserError, match=r"does not compile.*shader text:4") as caught:
        Pass("#version 330 core\nout vec4 colour;\nvoid main() {\n colour = missing;\n}\n")
    assert "missing" in str(caught.value)


def test_missing_shader_is_a_user_error(gl) -> None:
    with pytest.raises(UserError, match=r"no such shader.*kernels/effects/nothing\.frag"):
        Passes()["effects/nothing.frag"]


def test_includes_are_put_in_once_with_line_numbers(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.glsl").write_text('#include "b.glsl"\nfloat a;\n')
    (tmp_path / "b.glsl").write_text("float b;\n")
    (tmp_path / "main.frag").write_text('#version 330 core\n#include "a.glsl"\n#include "b.glsl"\nfloat m;\n')
    monkeypatch.setattr("phosphene.engine.gpu.shader._KERNELS", tmp_path)
    text, files = load_source("main.frag")
    assert files == ["main.frag", "a.glsl", "b.glsl"]
    assert text.count("float b;") == 1
    assert "float a;\n\n#line 3 0\nfloat m;" in text


def test_passes_compile_once_and_stay_apart_between_contexts(gl) -> None:
    other = HeadlessContext()
    copy, target = Pass(GRADIENT), RenderTarget(SIZE)
    copy.draw(target)
    theirs = target.read()
    target.close()
    copy.close()
    other.close()
    gl.make_current()
    copy, target = Pass(GRADIENT), RenderTarget(SIZE)
    copy.draw(target)
    np.testing.assert_array_equal(target.read(), theirs)
    target.close()
    copy.close()


def test_every_format_is_drawable(gl) -> None:
    gradient = Pass(GRADIENT)
    for format in FORMATS:
        target = RenderTarget(SIZE, format)
        gradient.draw(target)
        assert target.read()[0, -1, 0] > 0.9
        target.close()
    gradient.close()
    with pytest.raises(ValueError, match="unknown format"):
        RenderTarget(SIZE, "rgb")


def test_importing_gl_makes_no_context() -> None:
    code = "from phosphene.engine.gpu.gl import GL; import OpenGL.platform as p; assert not p.GetCurrentContext()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_points_are_placed_by_their_number_and_added(gl, tmp_path, monkeypatch) -> None:
    vertex = """#version 330 core
uniform float step;
void main() { gl_Position = vec4(-1.0 + step * (2.0 * float(gl_VertexID) + 1.0), 0.0, 0.0, 1.0); gl_PointSize = 1.0; }
"""
    (tmp_path / "place.vert").write_text(vertex)
    fragment = "#version 330 core\nout vec4 c;\nuniform vec3 light;\nvoid main() { c = vec4(light, 0.0); }"
    (tmp_path / "light.frag").write_text(fragment)
    (tmp_path / "broken.frag").write_text("#version 330 core\nvoid main() { nonsense; }")
    monkeypatch.setattr(shader, "_KERNELS", tmp_path)
    passes, target = Passes(), RenderTarget(Size(8, 1))
    target.clear(0.25, 0.0, 0.0, 1.0)
    points = passes.points("place.vert", "light.frag")
    assert points is passes.points("place.vert", "light.frag")
    for _ in range(2):
        points.add(target, 3, {}, step=0.125, light=(0.5, 0.0, 0.0))
    np.testing.assert_allclose(target.read()[0, :, 0], [1.25] * 3 + [0.25] * 5)
    np.testing.assert_allclose(target.read()[0, :, 3], 1.0)
    with pytest.raises(ValueError, match="no uniform 'missing'"):
        points.add(target, 1, {}, missing=1.0)
    with pytest.raises(UserError, match=r"broken\.frag"):
        passes.points("place.vert", "broken.frag")
    target.close()
    passes.close()

"""ISF shaders on the GPU: uniforms, macros, passes, buffers, vertex shaders, and whose line a compiler's error is in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.backends.isf_program import IsfProgram, Moment
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.isf import imported_pictures, read_isf
from phosphene.engine.models.shaders import files_in

SIZE = Size(16, 8)
Play = Callable[..., list[np.ndarray]]


@pytest.fixture
def play(gl: object, tmp_path: Path) -> Play:
    """Return what plays a shader: frames float32 [h, w, 4], row 0 at the top."""

    def played(body: str, header: dict | None = None, frames: int = 1, size: Size = SIZE, vertex: str = "", **more) -> list:
        path = tmp_path / "one.fs"
        path.write_text(f"/*{json.dumps({'INPUTS': []} | (header or {}))}*/\n{body}")
        if vertex:
            (tmp_path / "one.vs").write_text(vertex)
        isf = read_isf(path)
        program, target = IsfProgram(isf, imported_pictures(isf)), RenderTarget(size, "rgba32f")
        found = []
        for k in range(frames):
            program.render(target, Moment(0.5 * k, 0.5), more.get("values", {}), more.get("pictures", {}))
            found.append(target.read())
        program.close()
        target.close()
        return found

    return played


def test_the_automatic_uniforms(play: Play) -> None:
    body = """void main() {
        if (gl_FragCoord.x < 1.0) gl_FragColor = vec4(TIME, TIMEDELTA, float(FRAMEINDEX), float(PASSINDEX));
        else if (gl_FragCoord.x < 2.0) gl_FragColor = vec4(RENDERSIZE, isf_FragNormCoord);
        else gl_FragColor = DATE;
    }"""
    first, second, third = play(body, frames=3)
    assert first[-1, 0].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert second[-1, 0].tolist() == [0.5, 0.5, 1.0, 0.0]
    assert third[-1, 0].tolist() == [1.0, 0.5, 2.0, 0.0]
    np.testing.assert_allclose(first[-1, 1], [16.0, 8.0, 1.5 / 16.0, 0.5 / 8.0])
    np.testing.assert_allclose(third[-1, 2], [1999.0, 12.0, 31.0, 1.0])


def test_inputs_reach_the_shader(play: Play) -> None:
    header = {
        "INPUTS": [
            {"NAME": "size", "TYPE": "float", "DEFAULT": 0.25},
            {"NAME": "target", "TYPE": "long", "VALUES": [3, 5]},
            {"NAME": "on", "TYPE": "bool", "DEFAULT": True},
            {"NAME": "place", "TYPE": "point2D", "DEFAULT": [0.1, 0.9]},
            {"NAME": "tint", "TYPE": "color", "DEFAULT": [0.2, 0.4, 0.6, 0.8]},
        ]
    }
    body = """void main() {
        gl_FragColor = gl_FragCoord.x < 1.0 ? vec4(size, float(target), on ? 1.0 : 0.0, place.y) : tint;
    }"""
    (plain,) = play(body, header)
    np.testing.assert_allclose(plain[0, 0], [0.25, 3.0, 1.0, 0.9], rtol=1e-6)
    np.testing.assert_allclose(plain[0, 5], [0.2, 0.4, 0.6, 0.8], rtol=1e-6)
    (moved,) = play(body, header, values={"size": (0.5,), "target": (5.0,), "on": (0.0,)})
    np.testing.assert_allclose(moved[0, 0], [0.5, 5.0, 0.0, 0.9], rtol=1e-6)


def test_pictures_are_read_by_pixel_and_by_share(play: Play) -> None:
    picture = np.zeros((4, 8, 4), np.uint8)
    picture[..., 3] = 255
    picture[0, 0] = (255, 0, 0, 255)  # top left
    picture[3, 7] = (0, 0, 255, 255)  # bottom right
    source = RenderTarget(Size(1, 1), "rgba8")
    source.upload(picture)
    header = {"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}, {"NAME": "other", "TYPE": "image"}]}
    body = """void main() {
        vec4 pixel = IMG_PIXEL(inputImage, vec2(7.5, 0.5)), share = IMG_NORM_PIXEL(inputImage, vec2(0.0625, 0.875));
        if (gl_FragCoord.x < 1.0) gl_FragColor = vec4(pixel.b, share.r, IMG_SIZE(inputImage));
        else if (gl_FragCoord.x < 2.0) gl_FragColor = texture2D(inputImage, vec2(0.0625, 0.875)) + _inputImage_imgRect;
        else if (gl_FragCoord.x < 3.0) gl_FragColor = IMG_THIS_PIXEL(other) + IMG_THIS_NORM_PIXEL(other);
        else gl_FragColor = IMG_THIS_PIXEL(inputImage);
    }"""
    (frame,) = play(body, header, pictures={"inputImage": source}, size=Size(8, 4))
    source.close()
    assert frame[0, 0].tolist() == [1.0, 1.0, 8.0, 4.0]
    assert frame[0, 1].tolist() == [1.0, 0.0, 1.0, 2.0]
    assert frame[0, 2].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert frame[3, 7].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_passes_draw_into_buffers_of_their_sizes(play: Play) -> None:
    header = {
        "INPUTS": [{"NAME": "part", "TYPE": "float", "MIN": 1, "MAX": 8, "DEFAULT": 4}],
        "PASSES": [{"TARGET": "small", "WIDTH": "$WIDTH / $part", "HEIGHT": "1", "FLOAT": True}, {}],
    }
    body = """void main() {
        if (PASSINDEX == 0) gl_FragColor = vec4(RENDERSIZE, -3.0, 1.0);
        else gl_FragColor = IMG_THIS_PIXEL(small);
    }"""
    (frame,) = play(body, header)
    np.testing.assert_array_equal(frame, np.broadcast_to([4.0, 1.0, -3.0, 1.0], frame.shape))
    (frame,) = play(body, header, values={"part": (8.0,)})
    assert frame[0, 0, 0] == 2.0


@pytest.mark.parametrize(("persistent", "after"), [(True, [1.0, 2.0, 3.0]), (False, [1.0, 1.0, 1.0])])
def test_persistent_buffers_remember(play: Play, persistent: bool, after: list[float]) -> None:
    header = {"PASSES": [{"TARGET": "count", "WIDTH": "1", "HEIGHT": "1", "FLOAT": True, "PERSISTENT": persistent}, {}]}
    body = """void main() {
        vec4 before = IMG_NORM_PIXEL(count, vec2(0.5));
        gl_FragColor = PASSINDEX == 0 ? before + 1.0 : before;
    }"""
    assert [frame[0, 0, 0] for frame in play(body, header, frames=3)] == after


def test_two_passes_may_share_a_buffer(play: Play) -> None:
    header = {"PASSES": [{"TARGET": "b", "FLOAT": True, "PERSISTENT": True}] * 3 + [{}]}
    body = "void main() { gl_FragColor = IMG_THIS_PIXEL(b) * 2.0 + (PASSINDEX < 3 ? 1.0 : 0.0); }"
    (frame,) = play(body, header)
    assert frame[0, 0, 0] == 14.0


def test_a_last_pass_into_a_buffer_is_the_picture(play: Play) -> None:
    header = {"PASSES": [{"TARGET": "only", "WIDTH": "$WIDTH / 2", "PERSISTENT": True, "FLOAT": True}]}
    body = "void main() { gl_FragColor = IMG_THIS_PIXEL(only) + vec4(RENDERSIZE.x, 0.0, 0.0, 1.0); }"
    assert [frame[2, 3].tolist() for frame in play(body, header, frames=2)] == [[8.0, 0, 0, 1.0], [16.0, 0, 0, 2.0]]


def test_buffers_keep_their_content_when_the_picture_takes_another_size(gl: object, tmp_path: Path) -> None:
    path = tmp_path / "one.fs"
    header = {"INPUTS": [], "PASSES": [{"TARGET": "b", "PERSISTENT": True, "FLOAT": True}, {}]}
    drawn = "PASSINDEX == 1 || FRAMEINDEX > 0 ? IMG_THIS_PIXEL(b) : vec4(isf_FragNormCoord, 0, 1)"
    body = f"void main() {{ gl_FragColor = {drawn}; }}"
    path.write_text(f"/*{json.dumps(header)}*/{body}")
    program, target = IsfProgram(read_isf(path), {}), RenderTarget(SIZE, "rgba32f")
    program.render(target, Moment(0.0, 0.0), {}, {})
    target.resize(Size(32, 32))
    program.render(target, Moment(0.1, 0.1), {}, {})
    frame = target.read()
    program.close()
    target.close()
    assert frame[-1, -1, 0] > 0.95 > 0.05 > frame[-1, 0, 0]
    assert frame[0, 0, 1] > 0.9


def test_a_vertex_shader_is_used(play: Play) -> None:
    vertex = """varying vec2 there;
    void main() {
        isf_vertShaderInit();
        there = clamp(isf_FragNormCoord - 0.25, 0.0, 1.0);
    }"""
    (frame,) = play("varying vec2 there;\nvoid main() { gl_FragColor = vec4(there, 0.0, 1.0); }", vertex=vertex)
    # At the corners it is clamped to 0 and 0.75, and runs straight in between.
    np.testing.assert_allclose(frame[0, :, 0], (np.arange(16) + 0.5) / 16 * 0.75, atol=1e-5)


def test_errors_name_the_authors_line(play: Play, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        play("\n\nvoid main() {\n  gl_FragColor = vec4(nothing);\n}")
    assert refused.value.where == f"{tmp_path / 'one.fs'}:5"
    with pytest.raises(UserError) as refused:
        play("void main() { gl_FragColor = vec4(1.0); }", vertex="void main() {\n  isf_vertShaderInit();\n  wrong();\n}")
    assert refused.value.where == f"{tmp_path / 'one.vs'}:3"


def test_what_older_compilers_convert_is_converted(play: Play) -> None:
    body = "float two() { return 2; }\nvoid main() { uint n = 1; gl_FragColor = vec4(two(), float(n), n < 2 ? 1 : 0, 1); }"
    (frame,) = play(body)
    assert frame[0, 0].tolist() == [2.0, 1.0, 1.0, 1.0]


def test_buffers_have_a_bound(play: Play) -> None:
    each = [{"TARGET": f"b{n}", "WIDTH": "4096", "HEIGHT": "4096", "FLOAT": True, "PERSISTENT": True} for n in range(8)]
    with pytest.raises(UserError, match="too much memory"):
        play("void main() { gl_FragColor = vec4(1.0); }", {"PASSES": [*each, {}]})


@pytest.mark.parametrize("path", files_in(PACKAGE / "shaders"), ids=lambda path: path.stem)
def test_our_own_repeat_to_the_bit(gl: object, path: Path) -> None:
    isf = read_isf(path)
    program, target = IsfProgram(isf, imported_pictures(isf)), RenderTarget(Size(48, 27), "rgba32f")
    runs = []
    for _ in range(2):
        program.reset()
        for k in range(4):
            program.render(target, Moment(k / 30, 1 / 30), {}, {})
        runs.append(target.read())
    program.close()
    target.close()
    assert np.isfinite(runs[0]).all()
    assert np.array_equal(*runs)

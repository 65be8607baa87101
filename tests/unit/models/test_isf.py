"""ISF files: what is read of them, which line a fault is in, and what strangers try."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.models.isf import imported_pictures, read_isf
from phosphene.engine.models.isf_glsl import fragment_text, vertex_text
from phosphene.engine.models.shaders import files_in, find_shader, list_shaders, shader_files, slug_of

MAIN = "void main() { gl_FragColor = vec4(isf_FragNormCoord, 0.0, 1.0); }\n"


def write(folder: Path, header: object, body: str = MAIN, name: str = "one.fs") -> Path:
    path = folder / name
    text = header if isinstance(header, str) else json.dumps(header, indent=1)
    path.write_text(f"/*{text}*/\n{body}", encoding="utf-8")
    return path


def refusal(path: Path) -> UserError:
    with pytest.raises(UserError) as refused:
        read_isf(path)
    return refused.value


def test_a_header_is_read(tmp_path: Path) -> None:
    header = {
        "ISFVSN": "2",
        "DESCRIPTION": "Rings",
        "CREDIT": "somebody",
        "CATEGORIES": ["Generator"],
        "INPUTS": [
            {"NAME": "rate", "TYPE": "float", "LABEL": "Rate", "MIN": -1, "MAX": 3, "DEFAULT": 0.5},
            {"NAME": "on", "TYPE": "bool", "DEFAULT": True},
            {"NAME": "go", "TYPE": "event"},
            {"NAME": "mode", "TYPE": "long", "VALUES": [0, 4, 9], "LABELS": ["a", "b", "c"], "DEFAULT": 4},
            {"NAME": "place", "TYPE": "point2D", "MIN": [0, 0], "MAX": [1, 2], "DEFAULT": [0.5, 1]},
            {"NAME": "tint", "TYPE": "color", "DEFAULT": [1, 0.5, 0]},
            {"NAME": "sound", "TYPE": "audioFFT", "MAX": 32},
        ],
        "PASSES": [
            {"TARGET": "small", "WIDTH": "$WIDTH / 4", "HEIGHT": "floor($HEIGHT * $rate)", "PERSISTENT": 1, "FLOAT": True},
            {},
        ],
    }
    isf = read_isf(write(tmp_path, header))
    assert (isf.kind, isf.description, isf.credit, isf.categories) == ("generator", "Rings", "somebody", ("Generator",))
    rate, on, go, mode, place, tint, sound = isf.inputs
    assert (rate.minimum, rate.default, rate.maximum, rate.label) == ((-1.0,), (0.5,), (3.0,), "Rate")
    assert (on.default, go.default, mode.values, mode.default) == ((1.0,), (0.0,), (0, 4, 9), (4.0,))
    assert place.maximum == (1.0, 2.0)
    assert tint.default == (1.0, 0.5, 0.0, 1.0)
    assert sound.samples == 32
    first, last = isf.passes
    assert (first.persistent, first.floats, last.target) == (True, True, "")
    assert first.size(Size(1280, 720), {"rate": 0.5}) == Size(320, 360)
    assert first.size(Size(2, 2), {"rate": 0.0}) == Size(1, 1)
    assert last.size(Size(1280, 720), {}) == Size(1280, 720)


def test_inputs_go_from_their_default_to_their_ends(tmp_path: Path) -> None:
    header = {
        "INPUTS": [
            {"NAME": "rate", "TYPE": "float", "MIN": -1, "MAX": 3, "DEFAULT": 0},
            {"NAME": "on", "TYPE": "bool", "DEFAULT": 1},
            {"NAME": "mode", "TYPE": "long", "VALUES": [0, 4, 9], "DEFAULT": 4},
            {"NAME": "go", "TYPE": "event"},
        ]
    }
    rate, on, mode, go = read_isf(write(tmp_path, header)).inputs
    assert [rate.at((p,))[0] for p in (-1.0, -0.5, 0.0, 0.5, 1.0, 7.0)] == [-1.0, -0.5, 0.0, 1.5, 3.0, 3.0]
    assert [on.at((p,))[0] for p in (-1.0, -0.4, 0.0, 1.0)] == [0.0, 1.0, 1.0, 1.0]
    assert [mode.at((p,))[0] for p in (-1.0, 0.0, 0.4, 1.0)] == [0.0, 4.0, 4.0, 9.0]
    assert [go.at((p,))[0] for p in (-1.0, 0.5, 0.6)] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["inputImage"], "effect"),
        (["startImage", "endImage", "progress"], "transition"),
        (["startImage", "endImage"], "generator"),
        ([], "generator"),
    ],
)
def test_what_a_shader_is_follows_from_its_inputs(tmp_path: Path, names: list[str], kind: str) -> None:
    inputs = [{"NAME": name, "TYPE": "float" if name == "progress" else "image"} for name in names]
    assert read_isf(write(tmp_path, {"INPUTS": inputs})).kind == kind


def test_isf_1_is_read_too(tmp_path: Path) -> None:
    header = {
        "INPUTS": [{"NAME": "inputImage", "TYPE": "image"}],
        "PERSISTENT_BUFFERS": {"trail": {"WIDTH": "$WIDTH/2", "FLOAT": True}},
        "PASSES": [{"TARGET": "trail"}, {}],
    }
    first = read_isf(write(tmp_path, header)).passes[0]
    assert (first.persistent, first.floats, first.width) == (True, True, "$WIDTH/2")


def test_lines_are_the_authors(tmp_path: Path) -> None:
    path = write(
        tmp_path, {"INPUTS": []}, "\n\nvoid main() { gl_FragColor = vec4(gl_FragData[0].x); }\n// gl_FragColor stays\n"
    )
    isf = read_isf(path)
    text = fragment_text(isf)
    line = path.read_text().splitlines().index("void main() { gl_FragColor = vec4(gl_FragData[0].x); }") + 1
    after = text[text.index(f"#line {isf.line} 0\n") :].splitlines()[1:]
    assert after[line - isf.line] == "void main() { isf_FragColor = vec4(isf_FragColor.x); }"
    assert "// gl_FragColor stays" in text
    assert "#version 330" in vertex_text(isf)
    assert "isf_vertShaderInit();" in vertex_text(isf)


def test_versions_of_the_authors_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, {"INPUTS": []}, "#version 120\n#extension GL_OES_standard_derivatives : enable\n" + MAIN)
    text = fragment_text(read_isf(path))
    assert len(re.findall(r"^#version", text, re.MULTILINE)) == 1
    assert "GL_OES" not in text


def test_the_content_is_what_is_remembered(tmp_path: Path) -> None:
    one = read_isf(write(tmp_path, {"INPUTS": []}))
    other_name = read_isf(write(tmp_path, {"INPUTS": []}, name="two.fs"))
    (tmp_path / "two.vs").write_text("void main() { isf_vertShaderInit(); }")
    with_vertex = read_isf(tmp_path / "two.fs")
    assert one.sha256 == other_name.sha256 != with_vertex.sha256
    assert with_vertex.vertex_path == tmp_path / "two.vs"


def test_pictures_are_imported(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 5, 3), 80, np.uint8)).save(tmp_path / "noise.png")
    isf = read_isf(write(tmp_path, {"INPUTS": [], "IMPORTED": {"noise": {"PATH": "./noise.png"}}}))
    picture = imported_pictures(isf)["noise"]
    assert picture.shape == (3, 5, 4)
    assert picture[0, 0].tolist() == [80, 80, 80, 255]


@pytest.mark.parametrize("path", ["../secret.png", "a/../../secret.png", "/etc/passwd", "..\\secret.png", "C:\\x.png", "."])
def test_imported_paths_stay_in_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "shaders"
    folder.mkdir()
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "secret.png")
    error = refusal(write(folder, {"INPUTS": [], "IMPORTED": {"secret": {"PATH": path}}}))
    assert "out of the shader's folder" in error.what or "no such imported" in error.what


def test_links_do_not_lead_out_either(tmp_path: Path) -> None:
    folder = tmp_path / "shaders"
    folder.mkdir()
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "secret.png")
    (folder / "inside.png").symlink_to(tmp_path / "secret.png")
    assert (
        "out of the shader's folder"
        in refusal(write(folder, {"INPUTS": [], "IMPORTED": {"p": {"PATH": "inside.png"}}})).what
    )


def inputs(*given: dict) -> dict:
    return {"INPUTS": list(given)}


HOSTILE = {
    "no header": ("void main() {}", "no ISF header", 1),
    "a comment that is none": ("/* a shader of mine */ void main() {}", "no ISF header", 1),
    "a header behind code": ("void main() {}\n/*{}*/", "no ISF header", 1),
    "never closed": ('/*{"INPUTS": []', "no ISF header", 1),
    "a list": ("/*[1]*/", "no ISF header", 1),
    "broken JSON": ('/*{\n"INPUTS": [\n}*/', "not valid JSON", 3),
    "a JSON bomb": ("/*{" + '"a":[' * 60_000 + "*/", "too large", 1),
    "a deep one": ('/*{"INPUTS":' + "[" * 2000 + "]" * 2000 + "}*/", "nested too deeply", 1),
    "a huge number": ('/*{"INPUTS": [], "x": 1' + "0" * 5000 + "}*/", "not valid JSON", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_has_no_header_is_refused(tmp_path: Path, name: str) -> None:
    text, said, line = HOSTILE[name]
    path = tmp_path / "one.fs"
    path.write_text(text)
    error = refusal(path)
    assert said in error.what
    assert error.where.startswith(f"{path}:{line}")


def test_junk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.fs"
    path.write_bytes(bytes(range(256)) * 40)
    assert "not UTF-8" in refusal(path).what
    path.write_bytes(b"/*{}*/" + b"\0" * 100)
    assert "no text" in refusal(path).what
    path.write_bytes(b"/*{}*/" + b" " * (1 << 21))
    assert "too large" in refusal(path).what


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (inputs({"NAME": "float", "TYPE": "float"}), "word of GLSL"),
        (inputs({"NAME": "sample", "TYPE": "float"}), "word of GLSL"),
        (inputs({"NAME": "TIME", "TYPE": "float"}), "taken by ISF"),
        (inputs({"NAME": "gl_FragCoord", "TYPE": "float"}), "taken by ISF"),
        (inputs({"NAME": "isf_FragNormCoord", "TYPE": "float"}), "taken by ISF"),
        (inputs({"NAME": "a__b", "TYPE": "float"}), "taken by ISF"),
        (inputs({"NAME": "x; void main(){}", "TYPE": "float"}), "not a name"),
        (inputs({"NAME": "x" * 65, "TYPE": "float"}), "not a name"),
        (inputs({"TYPE": "float"}), "not a name"),
        (inputs({"NAME": "x", "TYPE": "cube"}), "unknown type"),
        (inputs({"NAME": "x", "TYPE": "float"}, {"NAME": "x", "TYPE": "bool"}), "two inputs have one name"),
        (inputs({"NAME": "x", "TYPE": "float", "DEFAULT": "much"}), "not a number"),
        (inputs({"NAME": "x", "TYPE": "point2D", "DEFAULT": [1]}), "not so many numbers"),
        (inputs({"NAME": "x", "TYPE": "long", "VALUES": list(range(1000))}), "too many"),
        (inputs({"NAME": "x", "TYPE": "long", "VALUES": [2**40]}), "too large"),
        (inputs(*({"NAME": f"x{n}", "TYPE": "float"} for n in range(100))), "too many inputs"),
        (inputs(*({"NAME": f"x{n}", "TYPE": "image"} for n in range(20))), "too many pictures"),
        ({"INPUTS": 3}, "INPUTS is a list"),
        ({"INPUTS": ["x"]}, "an input is a table"),
        ({"PASSES": [{"TARGET": f"p{n}", "WIDTH": "16384", "HEIGHT": "16384"} for n in range(40)]}, "too many passes"),
        ({"PASSES": [{"TARGET": "p", "WIDTH": "16384"}]}, "buffer is too large"),
        ({"PASSES": [{"TARGET": "p", "WIDTH": "$WIDTH * 1e9"}]}, "buffer is too large"),
        ({"PASSES": [{"TARGET": "p", "WIDTH": "__import__('os')"}]}, "not an expression"),
        ({"PASSES": [{"TARGET": "p", "WIDTH": ["1"]}]}, "not an expression"),
        ({"PASSES": [{"TARGET": "vec3"}]}, "word of GLSL"),
        ({"PASSES": [7]}, "a pass is a table"),
        ({"INPUTS": [{"NAME": "p", "TYPE": "float"}], "PASSES": [{"TARGET": "p"}]}, "two things have one name"),
        ({"IMPORTED": {"p": {"PATH": ["a.png"] * 6}}}, "one PATH"),
        ({"IMPORTED": {f"p{n}": {"PATH": "a.png"} for n in range(40)}}, "too many imported"),
    ],
)
def test_headers_that_cannot_be_played_are_refused(tmp_path: Path, header: dict, said: str) -> None:
    error = refusal(write(tmp_path, header))
    assert said in error.what
    assert re.search(r"one\.fs:\d+", error.where)


def test_a_fault_names_the_line_of_the_input(tmp_path: Path) -> None:
    path = write(
        tmp_path, '{\n "INPUTS": [\n  {"NAME": "fine", "TYPE": "bool"},\n  {"NAME": "wrong", "TYPE": "flot"}\n ]\n}'
    )
    error = refusal(path)
    assert error.where.startswith(f"{path}:4")
    assert "did you mean 'float'" in error.line()


def test_shaders_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path))
    write(tmp_path, {"INPUTS": []}, name="My Rings!.fs")
    (tmp_path / "more").mkdir()
    write(tmp_path / "more", {"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}, name="Blur.fs")
    (tmp_path / "broken.fs").write_text("no")
    assert slug_of(tmp_path / "My Rings!.fs") == "shader:my-rings"
    assert set(shader_files()) == {"shader:my-rings", "shader:blur", "shader:broken"}
    assert list_shaders() == ["shader:my-rings"]
    assert list_shaders("effect") == ["shader:blur"]
    assert find_shader("shader:blur").name == "Blur.fs"
    with pytest.raises(UserError, match="my-rings"):
        find_shader("shader:my-ring")


def test_our_own_are_in_order() -> None:
    read = {path.stem: read_isf(path) for path in files_in(PACKAGE / "shaders")}
    assert sum(isf.kind == "generator" for isf in read.values()) >= 5
    assert {isf.kind for isf in read.values()} == {"generator", "effect", "transition"}
    assert all(isf.credit and isf.description for isf in read.values())

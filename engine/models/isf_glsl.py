"""ISF's dialect (GLSL 1.20 with macros for pictures) as the GLSL 3.30 that the engine draws with. Pure text, any thread.

The author's lines stay where they are, `#line` gives them their own numbers: what the compiler says names the author's
line. What ISF promises (uniforms, `IMG_PIXEL`, ...) is declared in front of them.
"""

from __future__ import annotations

import re

from phosphene.engine.models.isf import Isf
from phosphene.engine.models.isf_input import KINDS

# Changes whenever the same file would be translated or judged in another way: what is remembered of it is then stale.
TRANSLATION = 1

# Authors' compilers convert a returned int to float, and an int to uint, which plain 3.30 does not. Where a driver lacks
# these, `enable` is a warning.
_VERSION_LINES = """#version 330 core
#extension GL_ARB_shading_language_420pack : enable
#extension GL_ARB_gpu_shader5 : enable
"""
_UNIFORMS = """uniform int PASSINDEX;
uniform vec2 RENDERSIZE;
uniform float TIME;
uniform float TIMEDELTA;
uniform vec4 DATE;
uniform int FRAMEINDEX;
"""
_MACROS = """#define vv_FragNormCoord isf_FragNormCoord
#define vv_vertShaderInit isf_vertShaderInit
#define IMG_SIZE(image) vec2(textureSize(image, 0))
#define IMG_PIXEL(image, at) texture(image, (at) / IMG_SIZE(image))
#define IMG_NORM_PIXEL(image, at) texture(image, at)
#define IMG_THIS_PIXEL(image) texture(image, isf_FragNormCoord)
#define IMG_THIS_NORM_PIXEL(image) texture(image, isf_FragNormCoord)
#define texture2D texture
#define texture2DLod textureLod
#define texture2DProj textureProj
#define texture2DRect IMG_PIXEL
"""
# A quad and no triangle that reaches beyond the picture: authors clamp what they compute at the corners.
_VERTEX_HEAD = """#define varying out
#define attribute in
out vec2 isf_FragNormCoord;
void isf_vertShaderInit() {
    isf_FragNormCoord = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
    gl_Position = vec4(isf_FragNormCoord * 2.0 - 1.0, 0.0, 1.0);
}
"""
_FRAGMENT_HEAD = """#define varying in
in vec2 isf_FragNormCoord;
layout(location = 0) out vec4 isf_FragColor;
"""
# Comments, then words; a line that is a directive of the header's own version is taken out.
_WORDS = re.compile(r"//[^\n]*|/\*.*?\*/|\bgl_FragColor\b|\bgl_FragData\s*\[\s*0\s*\]", re.DOTALL)
_VERSION = re.compile(r"^[ \t]*#[ \t]*(?:version|extension)\b[^\n]*", re.MULTILINE)
_ASKED = re.compile(r"\b_(\w+?)_(imgRect|imgSize|flip)\b")
_ASKED_AS = {"imgRect": "vec4(0.0, 0.0, 1.0, 1.0)", "imgSize": "IMG_SIZE({0})", "flip": "false"}


def samplers(isf: Isf) -> tuple[str, ...]:
    """Return the names of all textures that the shader knows: picture inputs, imported pictures, buffers; each once."""
    names = [each.name for each in isf.inputs if each.is_picture]
    names += [*isf.imported, *(each.target for each in isf.passes if each.target)]
    return tuple(dict.fromkeys(names))


def fragment_text(isf: Isf) -> str:
    """Return the fragment shader, GLSL 3.30 core, whose source 0 is the author's file."""
    body = _WORDS.sub(_renamed, _VERSION.sub("", isf.body))
    return f"{_VERSION_LINES}{_FRAGMENT_HEAD}{_shared(isf, isf.body)}#line {isf.line} 0\n{body}\n"


def vertex_text(isf: Isf) -> str:
    """Return the vertex shader, GLSL 3.30 core, of four corners by `gl_VertexID`: the author's, or a plain one."""
    if not isf.vertex:
        return f"{_VERSION_LINES}{_VERTEX_HEAD}void main() {{ isf_vertShaderInit(); }}\n"
    body = _VERSION.sub("", isf.vertex)
    return f"{_VERSION_LINES}{_VERTEX_HEAD}{_shared(isf, isf.vertex)}#line 1 0\n{body}\n"


def _shared(isf: Isf, text: str) -> str:
    lines = [f"uniform {KINDS[each.kind]} {each.name};" for each in isf.inputs if not each.is_picture]
    names = samplers(isf)
    lines += [f"uniform sampler2D {name};" for name in names]
    asked = sorted({(m[1], m[2]) for m in _ASKED.finditer(text) if m[1] in names})
    lines += [f"#define _{name}_{what} {_ASKED_AS[what].format(name)}" for name, what in asked]
    return _UNIFORMS + _MACROS + "\n".join(lines) + "\n"


def _renamed(match: re.Match[str]) -> str:
    return "isf_FragColor" if match[0].startswith("gl_") else match[0]

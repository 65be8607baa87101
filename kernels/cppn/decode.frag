#version 330 core
// A network's sRGB picture becomes linear light, and is lit. alpha: 1, or what is left of it where decks below full level are
// in it.
#include "common/colour.glsl"
#include "cppn/lit.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture;
uniform float alpha;
uniform vec2 extent; // as in cppn.frag
uniform vec4 view;

void main() {
    vec2 g = (uv * 2.0 - 1.0) * extent;
    vec2 p = vec2(view.x * g.x - view.y * g.y, view.y * g.x + view.x * g.y) + view.zw;
    colour = vec4(lit(to_linear(texture(picture, uv).rgb), p), alpha);
}

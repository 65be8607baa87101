#version 330 core
// A soft edge that crosses the picture. Both decks have their weights from one mask, so nothing is lost in between.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D a;
uniform sampler2D b;
uniform vec2 gains; // of the decks, before the mask
uniform vec2 direction; // uv -> 0..1 along the way of the edge
uniform float start; // of that way at uv (0, 0)
uniform float edge; // place of the far side of the soft edge
uniform float softness;

void main() {
    float place = dot(uv, direction) + start;
    float mask = smoothstep(0.0, 1.0, (edge - place) / softness);
    colour = mix(gains.x * read_here(a), gains.y * read_here(b), mask);
}

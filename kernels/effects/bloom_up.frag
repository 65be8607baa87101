#version 330 core
// Widen the glow by one level: a 3x3 tent over the coarser level, mixed with this one.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D fine;
uniform sampler2D coarse;
uniform vec2 texel; // of the coarse level
uniform float spread;

void main() {
    vec2 h = 0.5 * texel;
    vec4 wide = read(coarse, uv + h) + read(coarse, uv - h);
    wide += read(coarse, uv + vec2(h.x, -h.y)) + read(coarse, uv + vec2(-h.x, h.y));
    colour = mix(read_here(fine), 0.25 * wide, spread);
}

#version 330 core
// Bend space: a flow of waves that are bent by waves, or rings from the middle.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float aspect;
uniform float reach; // longest shift, in picture heights
uniform float scale; // waves over the picture's height
uniform float ripple; // 0 flow .. 1 rings
uniform vec4 phase; // radians
uniform float ring_phase;

void main() {
    vec2 p = centred(uv, aspect);
    vec2 q = p * scale;
    vec2 first = sin(q.yx * vec2(1.9, 2.3) + phase.xy);
    vec2 second = sin((q + 0.9 * first).yx * vec2(3.1, 2.7) + phase.zw);
    float radius = length(p);
    vec2 ring = p / (radius + 0.05) * sin(6.2831853 * scale * radius - ring_phase);
    vec2 shift = reach * mix(0.6 * first + 0.4 * second, ring, ripple);
    colour = read(source, fold(uncentred(p + shift, aspect)));
}

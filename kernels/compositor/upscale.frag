#version 330 core
#include "common/dither.glsl"
// One axis of a Catmull-Rom upscale. Two passes of four texel reads each instead of one pass of sixteen.
out vec4 colour;
in vec2 uv;
uniform sampler2D source;
uniform ivec2 axis; // (1, 0) or (0, 1): along which the source has another size
uniform float dither; // amplitude; 0 where another pass follows
uniform float seed;

vec3 tap(ivec2 at, ivec2 last) {
    return texelFetch(source, clamp(at, ivec2(0), last), 0).rgb;
}

void main() {
    ivec2 size = textureSize(source, 0);
    ivec2 here = ivec2(gl_FragCoord.xy);
    float place = dot(uv * vec2(size), vec2(axis)) - 0.5;
    float below = floor(place);
    float t = place - below;
    ivec2 at = here * (ivec2(1) - axis) + int(below) * axis;
    ivec2 last = size - 1;
    vec3 p0 = tap(at - axis, last);
    vec3 p1 = tap(at, last);
    vec3 p2 = tap(at + axis, last);
    vec3 p3 = tap(at + 2 * axis, last);
    vec3 x = p1 + 0.5 * t * (p2 - p0 + t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + t * (3.0 * (p1 - p2) + p3 - p0)));
    colour = vec4(clamp(x, 0.0, 1.0) + dither * dither_noise(seed), 1.0);
}

#version 330 core
// Where a particle is, by its number alone: born at a random place, it has drifted along the slopes of the picture's lightness
// as it is now. Nothing is kept from frame to frame, so any frame can be drawn by itself.
#include "common/reading.glsl"
#include "common/colour.glsl"
#include "common/hash.glsl"
flat out vec2 middle; // pixels from the bottom left
flat out float radius; // pixels
flat out vec3 light;
uniform sampler2D source;
uniform sampler2D palettes; // one palette a row, lightness from left to right, linear light
uniform float aspect;
uniform vec2 pixels; // size of the target
uniform int born; // lives that every particle has had
uniform float time; // 0..1, part of one more life
uniform float reach; // how far a particle drifts in its life, in picture heights
uniform vec2 course; // cos and sin of the way's angle to the slope; (1, 0) is uphill, to the light
uniform float size; // mean radius, in picture heights
uniform float strength;
uniform float painted; // 0: the picture's own colour, 1: the palette's
uniform float row; // place of the palette, 0..1
uniform float entries; // colours in a row

const int STEPS = 6; // with 3, particles on tight curves leave them
const float NEAR = 0.012; // picture heights over which a slope is measured
const float FLAT = 0.02; // slope below which a particle drifts slower

vec4 seen(vec2 p) {
    return read(source, fold(uncentred(p, aspect)));
}

float level(vec4 here) {
    return sqrt(min(luminance(here.rgb) / max(here.a, 1e-4), 1.0));
}

void main() {
    vec3 own = hash3(uvec3(gl_VertexID, 0, 0));
    float clock = time + own.x; // each is born at another moment
    float age = fract(clock);
    vec3 dice = hash3(uvec3(gl_VertexID, 1, born + int(clock)));
    vec2 p = centred(dice.xy, aspect);
    for (int k = 0; k < STEPS; k++) {
        vec2 slope = vec2(level(seen(p + vec2(NEAR, 0.0))) - level(seen(p - vec2(NEAR, 0.0))),
                          level(seen(p + vec2(0.0, NEAR))) - level(seen(p - vec2(0.0, NEAR))));
        vec2 way = vec2(course.x * slope.x - course.y * slope.y, course.y * slope.x + course.x * slope.y);
        p += reach * age / float(STEPS) * way / (length(slope) + FLAT);
    }
    vec2 at = fold(uncentred(p, aspect));
    vec4 here = read(source, at);
    vec3 there = straight(here);
    float lightness = level(here);
    vec3 hue = there / max(max(there.r, max(there.g, there.b)), 0.02);
    float shade = ((0.5 + 0.45 * lightness) * (entries - 1.0) + 0.5) / entries;
    vec3 ink = mix(hue, textureLod(palettes, vec2(shade, row), 0.0).rgb, painted);
    float fade = 4.0 * age * (1.0 - age); // none appears or goes at once
    light = strength * fade * (0.25 + lightness) * here.a * ink;
    radius = size * (0.5 + 1.5 * own.y * own.y) * pixels.y;
    middle = at * pixels;
    gl_Position = vec4(2.0 * at - 1.0, 0.0, 1.0);
    gl_PointSize = 2.0 * ceil(radius + 1.0);
}

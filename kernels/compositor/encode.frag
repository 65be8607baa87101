#version 330 core
// Linear light -> sRGB, with master and blackout, and what the flash guard holds back.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "common/dither.glsl"
#include "guard/rules.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D cells; // the guard's
uniform float gain;
uniform float dither; // amplitude; 0 where another pass follows
uniform float seed;

void main() {
    vec3 light = held_back(to_white(gain * read_here(source).rgb), at_place(cells, uv));
    colour = vec4(to_srgb(light) + dither * dither_noise(seed), 1.0);
}

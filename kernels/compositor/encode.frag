#version 330 core
// Linear light -> sRGB, with master and blackout.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "common/dither.glsl"
out vec4 colour;
uniform sampler2D source;
uniform float gain;
uniform float dither; // amplitude; 0 where another pass follows
uniform float seed;

void main() {
    vec3 light = to_white(gain * read_here(source).rgb);
    colour = vec4(to_srgb(light) + dither * dither_noise(seed), 1.0);
}

#version 330 core
// Linear light -> sRGB, with master and blackout. Light above white turns white as it does on film; up to white, exact.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "common/dither.glsl"
out vec4 colour;
uniform sampler2D source;
uniform float gain;
uniform float dither; // amplitude; 0 where another pass follows
uniform float seed;

void main() {
    vec3 light = gain * read_here(source).rgb;
    float peak = max(light.r, max(light.g, light.b));
    if (peak > 1.0) {
        float over = (peak - 1.0) * (peak - 1.0); // squared: no edge is seen where white begins
        light = mix(light / peak, vec3(1.0), over / (over + 2.0));
    }
    colour = vec4(to_srgb(light) + dither * dither_noise(seed), 1.0);
}

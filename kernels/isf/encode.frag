#version 330 core
// The deck's picture as an ISF effect wants it: sRGB, straight alpha, opaque. What is left of its alpha comes back in mix.frag.
#include "common/colour.glsl"
#include "common/picture.glsl"

out vec4 colour;
uniform sampler2D source;

void main() {
    vec4 seen = read_here(source);
    colour = vec4(to_srgb(seen.a > 0.0 ? seen.rgb / seen.a : vec3(0.0)), 1.0);
}

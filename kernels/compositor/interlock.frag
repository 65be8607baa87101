#version 330 core
// Two decks in complementary pieces: each place shows one of them whole, except on soft seams. Ghosts are what a dissolve
// shows; here both pictures stay crisp, and only the share of the area moves.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D a;
uniform sampler2D b;
uniform sampler2D field; // every value 0..1 equally often, so that a threshold is a share of the area
uniform vec2 gains;
uniform vec2 drift; // of the field, which repeats
uniform float threshold;
uniform float softness;

void main() {
    float mask = clamp((threshold - texture(field, uv + drift).r) / softness + 0.5, 0.0, 1.0);
    colour = mix(gains.x * read_here(a), gains.y * read_here(b), mask);
}

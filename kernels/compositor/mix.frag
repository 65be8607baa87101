#version 330 core
// The sum of two decks, each with its own weight: dissolve, through-black, and a single deck below full level.
#include "common/picture.glsl"
out vec4 colour;
uniform sampler2D a;
uniform sampler2D b;
uniform vec2 gains;

void main() {
    colour = gains.x * read_here(a) + gains.y * read_here(b);
}

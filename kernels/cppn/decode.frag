#version 330 core
// A network's sRGB picture becomes linear light. alpha: 1, or what is left of it where decks below full level are in it.
#include "common/colour.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture;
uniform float alpha;

void main() {
    colour = vec4(to_linear(texture(picture, uv).rgb), alpha);
}

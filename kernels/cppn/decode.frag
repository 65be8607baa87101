#version 330 core
// A network's sRGB picture becomes linear light, opaque.
#include "common/colour.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture;

void main() {
    colour = vec4(to_linear(texture(picture, uv).rgb), 1.0);
}

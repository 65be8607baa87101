#version 330 core
// Resample a picture to the target's size, bilinear.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;

void main() {
    colour = read(source, uv);
}

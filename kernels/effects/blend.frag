#version 330 core
// Mix two pictures of the target's size.
#include "common/picture.glsl"
out vec4 colour;
uniform sampler2D source;
uniform sampler2D other;
uniform float amount;

void main() {
    colour = mix(read_here(source), read_here(other), amount);
}

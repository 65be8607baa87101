#version 330 core
// A deck's picture as an ISF transition wants it: sRGB, opaque, over black, as bright as the deck's level.
// What is above white turns white as it does in the output pass: nothing jumps where the transition begins.
#include "common/colour.glsl"
#include "common/picture.glsl"

out vec4 colour;
uniform sampler2D source;
uniform float gain;

void main() {
    colour = vec4(to_srgb(to_white(gain * read_here(source).rgb)), 1.0);
}

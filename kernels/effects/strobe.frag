#version 330 core
// Dim the picture and add white where there is picture.
#include "common/picture.glsl"
out vec4 colour;
uniform sampler2D source;
uniform float gain;
uniform float white;

void main() {
    vec4 here = read_here(source);
    colour = vec4(here.rgb * gain + white * here.a, here.a);
}

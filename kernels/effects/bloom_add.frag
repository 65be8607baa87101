#version 330 core
// Add the glow. It is light without matter: alpha stays.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D glow;
uniform float gain;

void main() {
    vec4 here = read_here(source);
    colour = vec4(here.rgb + gain * read(glow, uv).rgb, here.a);
}

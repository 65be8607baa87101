#version 330 core
// The picture, dimmed and its red faded where that is asked; everywhere else untouched to the bit.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "guard/rules.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D cells;
uniform float gain; // what the output pass will multiply with

void main() {
    colour = read_here(source);
    vec2 held = at_place(cells, uv);
    if (gain <= 0.0 || (held.x >= 1.0 && held.y <= 0.0)) return;
    vec3 light = to_white(gain * colour.rgb); // as it would be shown: light above white would outshine the factor
    light = held.x * mix(light, vec3(luminance(light)), held.y);
    colour.rgb = min(light / gain, vec3(LIGHT_MAX));
}

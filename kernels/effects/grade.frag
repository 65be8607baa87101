#version 330 core
// Saturation and hue (one matrix), contrast, then a palette by lightness. Works on a square-root scale: near enough to
// how light is seen, and a fraction of the price of pow.
#include "common/picture.glsl"
#include "common/colour.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D palettes; // one palette a row, lightness from left to right, linear light
uniform float amount;
uniform float row; // place of the palette, 0..1
uniform float entries; // colours in a row
uniform float tint;
uniform float contrast;
uniform vec3 matrix[3]; // rows; keeps grey

void main() {
    vec4 here = read_here(source);
    vec3 light = here.rgb / max(here.a, 1e-4);
    vec3 seen = sqrt(light);
    seen = max(vec3(dot(matrix[0], seen), dot(matrix[1], seen), dot(matrix[2], seen)), 0.0);
    seen = max(0.5 + (seen - 0.5) * contrast, 0.0);
    vec3 graded = seen * seen;
    float lightness = sqrt(luminance(graded));
    float at = (min(lightness, 1.0) * (entries - 1.0) + 0.5) / entries;
    vec3 painted = texture(palettes, vec2(at, row)).rgb * max(1.0, lightness * lightness);
    graded = mix(graded, painted, tint);
    colour = vec4(min(mix(here.rgb, graded * here.a, amount), LIGHT_MAX), here.a);
}

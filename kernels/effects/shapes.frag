#version 330 core
// Geometry over, behind and through the picture: added light, light where the picture is dark, a mask, or opposite colours.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "effects/shapes.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D palettes; // one palette a row, lightness from left to right, linear light
uniform float amount;
uniform int mode;
uniform float glow;
uniform float painted; // 0: lines have the picture's own colour, 1: the palette's
uniform float row; // place of the palette, 0..1
uniform float entries; // colours in a row

// Each colour's opposite at its own lightness, on a scale even to the eye. Light greys, which have none, turn to the
// negative; black stays black.
vec3 opposite(vec3 light) {
    vec3 seen = sqrt(min(light, 1.0));
    float most = max(seen.r, max(seen.g, seen.b)), least = min(seen.r, min(seen.g, seen.b));
    float grey = smoothstep(0.1, 0.6, most) * (1.0 - sqrt((most - least) / max(most, 1e-4)));
    vec3 turned = mix(vec3(most + least) - seen, 1.0 - seen, grey);
    return turned * turned;
}

void main() {
    vec4 here = read_here(source);
    vec3 light = here.rgb / max(here.a, 1e-4);
    float lightness = sqrt(min(luminance(light), 1.0));
    Lines lines = lines_at(uv);
    float reach = reach_of(lines, lightness);
    float cover = covered(lines, reach);
    float away = nearest_of(lines);

    if (mode <= 2) {
        vec3 own = light / max(max(light.r, max(light.g, light.b)), 0.02);
        float at = ((0.5 + 0.45 * lightness) * (entries - 1.0) + 0.5) / entries;
        vec3 ink = mix(own, texture(palettes, vec2(at, row)).rgb, painted);
        float halo = max(away - reach, 0.0) / max(0.3 * lines.apart, 1e-6);
        float lit = cover + glow * (1.0 - cover) * 0.35 / (1.0 + halo * halo);
        lit *= mode == 1 ? 0.4 + lightness : 0.5 * (1.0 - lightness) * (1.0 - lightness);
        colour = vec4(min(here.rgb + amount * lit * ink * here.a, LIGHT_MAX), here.a);
    } else if (mode == 3) {
        colour = here * mix(1.0, cover, amount);
    } else {
        colour = vec4(mix(here.rgb, opposite(light) * here.a, amount * cover), here.a);
    }
}

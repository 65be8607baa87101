#version 330 core
// Geometry over, behind and through the picture: added light, light where the picture is dark, a mask, opposite colours, or
// glass whose edges bend what is seen.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "effects/shapes.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D palettes; // one palette a row, lightness from left to right, linear light
uniform float aspect;
uniform float amount;
uniform int mode;
uniform vec2 turn; // cos and sin of the pattern's angle
uniform float scale; // periods over the height of the picture
uniform float pixel; // width of a pixel in periods
uniform float width; // share of the pattern that is line
uniform float glow;
uniform float painted; // 0: lines have the picture's own colour, 1: the palette's
uniform float row; // place of the palette, 0..1
uniform float entries; // colours in a row

const float BEND = 0.35; // periods by which glass shifts at its edges
const float THICKEST = 1.6; // scanlines: how much thicker than the width in the lightest places; in the darkest 0.4

vec3 straight(vec4 here) {
    return here.rgb / max(here.a, 1e-4);
}

float lightness_of(vec3 light) {
    return sqrt(min(luminance(light), 1.0));
}

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
    vec3 light = straight(here);
    float lightness = lightness_of(light);
    vec2 p = centred(uv, aspect) * scale;
    Lines lines = lines_at(vec2(turn.x * p.x + turn.y * p.y, turn.x * p.y - turn.y * p.x), p);
    float share = form == 8 ? min(width * mix(0.4, THICKEST, lightness), 1.0) : width;
    float reach = share * lines.apart;
    float cover = union_of(covered(lines.away, reach, lines.apart, pixel));
    float away = min(lines.away.x, min(lines.away.y, lines.away.z));

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
    } else if (mode == 4) {
        colour = vec4(mix(here.rgb, opposite(light) * here.a, amount * cover), here.a);
    } else {
        float within = clamp(away / max(reach, 1e-6), 0.0, 1.0);
        float bevel = form == 4 ? within : 1.0 - within; // dots are lenses, steepest at their rim
        vec2 n = lines.normal;
        vec2 normal = form == 8 ? n : vec2(turn.x * n.x - turn.y * n.y, turn.y * n.x + turn.x * n.y);
        vec2 shift = -amount * BEND * bevel * bevel / scale * normal / vec2(aspect, 1.0);
        vec4 seen = read(source, fold(uv + shift));
        float other = max(0.5 - away / pixel, 0.0); // beyond the middle of the edge the glass leans the other way
        if (other > 0.0 && form != 4) seen = mix(seen, read(source, fold(uv - shift)), other);
        float gleam = 1.0 + amount * bevel * dot(normal, vec2(-0.35, 0.6)); // light from above, a little from the left
        seen = vec4(min(seen.rgb * gleam, LIGHT_MAX), seen.a);
        colour = form == 4 ? mix(here, seen, cover) : seen;
    }
}

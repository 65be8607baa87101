#version 330 core
// Geometry of glass: its edges bend what is seen through it. A shader of its own, because software GL would read the picture
// twice more in the other modes, too.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "effects/shapes.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float amount;

const float BEND = 0.35; // periods by which glass shifts at its edges

void main() {
    vec4 here = read_here(source);
    Lines lines = lines_at(uv);
    float reach = reach_of(lines, sqrt(min(luminance(here.rgb / max(here.a, 1e-4)), 1.0)));
    float away = nearest_of(lines);
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
    colour = form == 4 ? mix(here, seen, covered(lines, reach)) : seen;
}

#version 330 core
// At each cell the least factor and the most fading of all regions that touch it: whatever lies between cells is a mean of
// four of them, so no place of a region is held back less than the region asks.
#include "guard/rules.glsl"
out vec4 colour;
uniform sampler2D decided;
uniform sampler2D plan; // cells: what is held back anyway

void main() {
    ivec2 cell = ivec2(gl_FragCoord.xy);
    vec2 held = texelFetch(decided, ivec2(0, WINDOWS * WINDOWS), 0).xy;
    ivec2 first = max(cell - 2, ivec2(0));
    ivec2 last = min(cell + 1, ivec2(WINDOWS - 1));
    for (int y = first.y; y <= last.y; y++) {
        for (int x = first.x; x <= last.x; x++) {
            vec2 region = texelFetch(decided, ivec2(0, y * WINDOWS + x), 0).xy;
            held = vec2(min(held.x, region.x), max(held.y, region.y));
        }
    }
    vec2 planned = texelFetch(plan, cell, 0).xy;
    colour = vec4(held.x * planned.x, max(held.y, planned.y), 0.0, 1.0);
}

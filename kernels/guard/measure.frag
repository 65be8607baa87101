#version 330 core
// Mean relative luminance, saturated red and nearly saturated red of each tile of the picture, held back as the cells say.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "common/hash.glsl"
#include "guard/rules.glsl"
out vec4 colour;
uniform sampler2D source;
uniform sampler2D cells;
uniform float gain; // master and blackout
uniform bool scattered; // whether the picture has sharp lines

void main() {
    ivec2 size = textureSize(source, 0);
    ivec2 tile = ivec2(gl_FragCoord.xy);
    ivec2 first = tile * size / TILES;
    ivec2 last = max(first + 1, (tile + 1) * size / TILES);
    // Of a large picture every second, third ... pixel of each row and column: a region has 3,000 of them at least.
    // Evenly spaced ones may all fall on the lines of a fine pattern, or all between them: then they lie scattered.
    int stride = max(1, (last.y - first.y) / 7);
    bool scatter = scattered && stride > 1;
    vec3 sum = vec3(0.0);
    int count = 0;
    for (int y = first.y + stride / 2; y < last.y; y += stride) {
        for (int x = first.x + stride / 2; x < last.x; x += stride) {
            ivec2 at = ivec2(x, y);
            if (scatter) at = min(at - stride / 2 + ivec2(hash3(uvec3(at, 0)).xy * float(stride)), size - 1);
            vec2 held = at_place(cells, (vec2(at) + 0.5) / vec2(size));
            vec3 light = held_back(to_white(gain * finite(texelFetch(source, at, 0)).rgb), held);
            float rest = light.g + light.b;
            vec2 red = max(light.r - rest, 0.0) * step(vec2(SATURATED, NEARLY_SATURATED) * (light.r + rest), vec2(light.r));
            sum += vec3(luminance(light), red);
            count++;
        }
    }
    colour = vec4(sum / float(count), 1.0);
}

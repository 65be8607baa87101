#version 330 core
// The picture as a print: dots, squares, lines or crossed lines whose size is its light. A cell is painted with the picture's
// own colours at full light, over as much of its area as it was light, so the eye, and a preview whose pixels are larger than
// a cell, sees what was there before.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float aspect;
uniform float amount;
uniform int form; // 1 dots, 2 squares, 3 lines, 4 crossed lines
uniform float rows; // cells over the height of the picture
uniform vec2 turn; // cos and sin of the direction in which rows lie
uniform float ink; // 0 white, 1 the picture's own colours

const float HALF_DIAGONAL = 0.70710678;
const float QUARTER_PI = 0.78539816; // area of a dot that touches its neighbours

float tone(vec3 here) {
    return mix(dot(here, vec3(0.2126, 0.7152, 0.0722)), max(here.r, max(here.g, here.b)), ink);
}

// How light the picture is at a place of the pattern: what its ink has to make up for.
float light(vec2 at) {
    vec2 p = vec2(turn.x * at.x - turn.y * at.y, turn.y * at.x + turn.x * at.y) / rows;
    return min(tone(straight(read(source, fold(uncentred(p, aspect))))), 1.0);
}

// Part of a pixel within `reach` of a line's middle, and of the next line's, one cell further on.
float line(float off, float reach, float pixel) {
    vec3 share = clamp(vec3(reach - off, reach + off, reach + off - 1.0) / pixel + 0.5, 0.0, 1.0);
    return share.x + share.y - 1.0 + share.z;
}

// Part of a pixel within a dot. A round edge that is blurred over a pixel has more light than the dot: that is taken off.
float dot_at(vec2 off, float radius, float pixel) {
    vec2 edge = clamp((radius + vec2(-1.0, 1.0) * length(off)) / pixel + 0.5, 0.0, 1.0);
    float square = radius * radius, blur = pixel * pixel;
    float keep = radius < 0.5 * pixel ? 0.5 * radius * pixel / (0.25 * blur + square / 3.0) : square / (square + blur / 12.0);
    return keep * (edge.x + edge.y - 1.0);
}

// Light along a line through the middle of a row: the mean over its height, so that what is thinner than a row is not missed.
float along(vec2 at, vec2 middle) {
    return (light(at) + light(at - 0.3 * middle) + light(at + 0.3 * middle)) / 3.0;
}

void main() {
    vec4 here = read_here(source);
    vec2 p = centred(uv, aspect);
    float pixel = rows / float(textureSize(source, 0).y); // of one, in cells
    vec2 at = vec2(turn.x * p.x + turn.y * p.y, turn.x * p.y - turn.y * p.x) * rows;
    vec2 off = abs(at - floor(at) - 0.5);
    vec2 cell = floor(at) + 0.5;
    float share, area;
    if (form <= 2) {
        area = 0.2 * (light(cell) + light(cell + vec2(0.3, 0.0)) + light(cell - vec2(0.3, 0.0)) + light(cell + vec2(0.0, 0.3))
            + light(cell - vec2(0.0, 0.3)));
        if (form == 1) {
            // Above a quarter of pi dots run into each other; what is left between four of them is fitted within 0.6 %.
            float gap = clamp((1.0 - area) / (1.0 - QUARTER_PI), 0.0, 1.0);
            float joined = HALF_DIAGONAL - (HALF_DIAGONAL - 0.5) * pow(gap, 0.45);
            float radius = area < QUARTER_PI ? sqrt(area / (4.0 * QUARTER_PI)) : joined;
            float beside = dot_at(vec2(1.0 - off.x, off.y), radius, pixel) + dot_at(vec2(off.x, 1.0 - off.y), radius, pixel);
            share = min(dot_at(off, radius, pixel) + beside, 1.0);
        } else {
            float side = 0.5 * sqrt(area);
            share = line(off.x, side, pixel) * line(off.y, side, pixel);
        }
    } else {
        area = along(vec2(at.x, cell.y), vec2(0.0, 1.0));
        if (form == 3) {
            share = line(off.y, 0.5 * area, pixel);
        } else {
            // Two layers of lines; where both let through (1 - a)(1 - b), light is what one of them covers.
            float other = along(vec2(cell.x, at.y), vec2(1.0, 0.0));
            float a = line(off.y, 0.5 - 0.5 * sqrt(1.0 - area), pixel), b = line(off.x, 0.5 - 0.5 * sqrt(1.0 - other), pixel);
            share = 1.0 - (1.0 - a) * (1.0 - b);
            area = 1.0 - sqrt((1.0 - area) * (1.0 - other));
        }
    }
    // Cells of less than three pixels would be noise: they fade into the light that they stand for.
    share = mix(share, area, smoothstep(0.33, 0.66, pixel));
    vec3 seen = straight(here);
    vec3 paint = mix(vec3(1.0), seen / max(max(seen.r, max(seen.g, seen.b)), 1e-4), ink) * max(tone(seen), 1.0);
    colour = vec4(mix(here.rgb, here.a * share * paint, amount), here.a);
}

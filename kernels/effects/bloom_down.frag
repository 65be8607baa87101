#version 330 core
// Halve a picture: the middle four times and four diagonal neighbours, eight texels wide after bilinear reading.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform vec2 texel; // of the source
uniform float threshold; // light below it does not glow; negative: everything passes
uniform float knee;

void main() {
    vec4 sum = 4.0 * read(source, uv);
    sum += read(source, uv + texel) + read(source, uv - texel);
    sum += read(source, uv + vec2(texel.x, -texel.y)) + read(source, uv + vec2(-texel.x, texel.y));
    sum *= 0.125;
    if (threshold >= 0.0) {
        float brightest = max(sum.r, max(sum.g, sum.b)) / max(sum.a, 1e-4);
        sum *= smoothstep(threshold - knee, threshold + knee, brightest);
    }
    colour = sum;
}

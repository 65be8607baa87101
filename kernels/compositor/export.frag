#version 330 core
// Linear light as a file wants it: many texels to a pixel, sRGB or linear light, opaque or with alpha.
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "common/dither.glsl"
#include "guard/rules.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source; // `factor` texels for every pixel along each side
uniform sampler2D cells; // the guard's
uniform int factor;
uniform float gain;
uniform int transfer; // 0 sRGB, 1 linear light, premultiplied, highlights kept
uniform int alpha; // 0 opaque, 1 the picture's, 2 as bright as the picture: black is clear
uniform float dither;
uniform float seed;

void main() {
    ivec2 corner = ivec2(gl_FragCoord.xy) * factor;
    vec2 held = at_place(cells, uv);
    bool holds = held.x < 1.0 || held.y > 0.0;
    vec4 sum = vec4(0.0);
    for (int y = 0; y < factor; y++) {
        for (int x = 0; x < factor; x++) {
            vec4 texel = finite(texelFetch(source, corner + ivec2(x, y), 0));
            texel.rgb *= gain;
            // Before the mean: one texel of a hundred times white must not make its neighbours' edge jagged again.
            // Linear light keeps its highlights, unless something is held back: they would outshine that.
            vec3 light = transfer == 0 || holds ? to_white(texel.rgb) : texel.rgb;
            sum += vec4(held_back(light, held), texel.a);
        }
    }
    vec4 mean = sum / float(factor * factor);
    float cover = alpha == 0 ? 1.0 : mean.a;
    if (transfer == 1) {
        if (alpha == 2) cover = clamp(max(mean.r, max(mean.g, mean.b)), 0.0, 1.0);
        colour = vec4(mean.rgb, cover);
        return;
    }
    vec3 light = alpha == 1 && mean.a > 0.0 ? mean.rgb / mean.a : mean.rgb;
    vec3 code = to_srgb(light);
    if (alpha == 2) {
        // Straight alpha whose product over black is this picture again, in the encoded values that players blend.
        cover = max(code.r, max(code.g, code.b));
        code = cover > 0.0 ? code / cover : vec3(0.0);
    }
    colour = vec4(code + dither * dither_noise(seed), cover);
}

#version 330 core
// Lines of equal light, as on a map, and flat steps between them. A line is as wide where the picture is steep as where it is
// not: what lies between two levels is divided by the slope. Where there is no slope at all there is no line, so a flat
// picture that becomes lighter does not light up as one whole line.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float amount;
uniform float levels; // steps from black to white
uniform float width; // of a line, in picture heights
uniform float line; // -1 black lines, 0 none, 1 lines in the picture's own colours at full light
uniform float fill; // 0 the picture between the lines, 1 flat steps
uniform float ground; // how much is left of what lies between the lines

const float LEVEL = 1.0; // steps over the height of the picture: where it rises by less, it is flat

// Lightness as the eye has it, in steps. Above white there are no more of them.
float height(vec2 at) {
    return levels * sqrt(min(dot(straight(read(source, at)), vec3(0.2126, 0.7152, 0.0722)), 1.0));
}

void main() {
    vec4 here = read_here(source);
    vec3 seen = straight(here);
    vec2 size = vec2(textureSize(source, 0));
    // Half a line to each side, and not less than a pixel: slopes of single pixels are those of noise.
    float reach = max(0.5 * width * size.y, 1.0);
    vec2 x = vec2(reach / size.x, 0.0), y = vec2(0.0, reach / size.y);
    float left = height(uv - x), right = height(uv + x), below = height(uv - y), above = height(uv + y);
    float level = 0.25 * (left + right + below + above);
    float slope = length(vec2(right - left, above - below)) / (2.0 * reach); // steps a pixel
    float within = level - floor(level);
    float edge = max(slope, 1e-6);
    float steps = floor(level) + clamp((within - 1.0) / edge + 0.5, 0.0, 1.0) + clamp(within / edge + 0.5, 0.0, 1.0) - 1.0;
    // The darkest step is black, the lightest white; between them a step has the light of its middle.
    float flat_light = clamp(steps / max(levels - 1.0, 1.0), 0.0, 1.0);
    float tone = dot(seen, vec3(0.2126, 0.7152, 0.0722));
    vec3 stepped = seen * (flat_light * flat_light / max(tone, 1e-4));
    vec3 between = mix(seen, min(stepped, vec3(LIGHT_MAX)), fill) * ground;
    // Level 0 is the edge of what is black, and no line.
    float away = floor(level + 0.5) < 0.5 ? 1e6 : abs(within - floor(within + 0.5)) / edge;
    float share = clamp(0.5 * width * size.y - away + 0.5, 0.0, 1.0) - clamp(-0.5 * width * size.y - away + 0.5, 0.0, 1.0);
    share *= smoothstep(0.5, 1.0, slope * size.y / LEVEL) * abs(line);
    vec3 ink = line > 0.0 ? seen / max(max(seen.r, max(seen.g, seen.b)), 1e-4) : vec3(0.0);
    vec3 drawn = mix(between, ink, share);
    colour = vec4(mix(here.rgb, drawn * here.a, amount), here.a);
}

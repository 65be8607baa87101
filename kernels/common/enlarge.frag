#version 330 core
// One axis of a Catmull-Rom upscale in linear light, premultiplied. Filtered on a scale that is even to the eye: square root
// up to white, and ever flatter above it, so that no dark ring lies around what is very bright.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform ivec2 axis; // (1, 0): across, from light to the scale; (0, 1): upwards, and from the scale to light

vec4 to_scale(vec4 x) {
    x = finite(x);
    vec3 seen = sqrt(x.rgb);
    return vec4(mix(seen, 2.0 - 1.0 / max(seen, 1.0), greaterThan(seen, vec3(1.0))), x.a);
}

vec4 to_light(vec4 x) {
    x = clamp(x, vec4(0.0), vec4(vec3(1.9921875), 1.0)); // the scale of 128, which is the square root of LIGHT_MAX
    vec3 seen = mix(x.rgb, 1.0 / (2.0 - x.rgb), greaterThan(x.rgb, vec3(1.0)));
    return vec4(seen * seen, x.a);
}

vec4 tap(ivec2 at, ivec2 last) {
    vec4 x = texelFetch(source, clamp(at, ivec2(0), last), 0);
    return axis.x == 1 ? to_scale(x) : x;
}

void main() {
    ivec2 size = textureSize(source, 0);
    float place = dot(uv * vec2(size), vec2(axis)) - 0.5;
    float below = floor(place);
    float t = place - below;
    ivec2 at = ivec2(gl_FragCoord.xy) * (ivec2(1) - axis) + int(below) * axis;
    ivec2 last = size - 1;
    vec4 p0 = tap(at - axis, last);
    vec4 p1 = tap(at, last);
    vec4 p2 = tap(at + axis, last);
    vec4 p3 = tap(at + 2 * axis, last);
    vec4 x = p1 + 0.5 * t * (p2 - p0 + t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + t * (3.0 * (p1 - p2) + p3 - p0)));
    colour = axis.x == 1 ? x : to_light(x);
}

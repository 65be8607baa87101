#version 330 core
// Light on a surface whose height is the picture's lightness: shade, one highlight, and a mirror of the picture itself.
// What is flat keeps its light, and what is black stays black.
#include "common/picture.glsl"
#include "common/colour.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float amount;
uniform vec2 reach; // of a slope, in uv
uniform float height;
uniform float gloss;
uniform float metal;
uniform vec3 light; // to the light, unit
uniform vec3 halfway; // between light and eye, unit
uniform float aspect;

float level(vec4 here) {
    return sqrt(min(luminance(here.rgb) / max(here.a, 1e-4), 1.0));
}

void main() {
    vec4 here = read_here(source);
    vec2 x = vec2(reach.x, 0.0), y = vec2(0.0, reach.y);
    // Four neighbours are enough: networks paint smoothly, and eight (Sobel) would cost half as much again.
    vec2 slope = vec2(level(read(source, uv + x)) - level(read(source, uv - x)),
                      level(read(source, uv + y)) - level(read(source, uv - y)));
    vec3 normal = normalize(vec3(-height * slope, 1.0));
    float shade = max(dot(normal, light), 0.0) / light.z;
    float shine = max(pow(max(dot(normal, halfway), 0.0), 40.0) - pow(halfway.z, 40.0), 0.0);
    float there = smoothstep(0.02, 0.3, level(here));
    vec3 body = here.rgb;
    if (metal > 0.0) { // a mirror shows what lies where it leans to, folded at the edges of the picture
        vec4 seen = read(source, fold(uv + 0.35 * normal.xy / vec2(aspect, 1.0)));
        body = mix(body, seen.rgb / max(seen.a, 1e-4) * here.a, metal * there);
    }
    vec3 lit = body * shade + gloss * shine * there * here.a * mix(vec3(1.0), here.rgb / max(here.a, 1e-4), 0.3);
    colour = vec4(min(mix(here.rgb, lit, amount), LIGHT_MAX), here.a);
}

#version 330 core
// Film grain: triangular noise per pixel and frame, even to the eye (its size follows the square root of the light).
#include "common/picture.glsl"
#include "common/colour.glsl"
#include "common/hash.glsl"
out vec4 colour;
uniform sampler2D source;
uniform float strength;
uniform float chroma;
uniform int seed;

void main() {
    vec4 here = read_here(source);
    vec3 noise = hash3(uvec3(uvec2(gl_FragCoord.xy), uint(seed)));
    vec3 grey = vec3(noise.x + noise.y - 1.0);
    float level = sqrt(luminance(here.rgb / max(here.a, 1e-4)));
    float size = strength * here.a * level / (1.0 + level);
    colour = vec4(max(here.rgb + size * mix(grey, 2.0 * noise - 1.0, chroma), 0.0), here.a);
}

#version 330 core
// What an ISF effect made of a picture, over black, mixed with the picture and as transparent as that.
#include "common/colour.glsl"
#include "common/picture.glsl"

out vec4 colour;
uniform sampler2D source;
uniform sampler2D other;
uniform float opaque; // 1 where the shader never says how much it covers
uniform float amount;

void main() {
    vec4 before = read_here(source);
    vec4 after = texelFetch(other, ivec2(gl_FragCoord.xy), 0);
    after = clamp(mix(after, vec4(0.0), isnan(after)), 0.0, 1.0);
    vec3 light = to_linear(after.rgb) * max(after.a, opaque);
    colour = mix(before, vec4(light, 1.0) * before.a, amount);
}

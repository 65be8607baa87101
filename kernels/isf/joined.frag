#version 330 core
// What an ISF transition made of two decks: linear light over black, with as much alpha as a dissolve of the two would have.
#include "common/colour.glsl"
#include "common/picture.glsl"

out vec4 colour;
uniform sampler2D made;
uniform sampler2D a;
uniform sampler2D b;
uniform vec2 gains; // of the decks' alpha
uniform float opaque; // 1 where the shader never says how much it covers

void main() {
    vec4 seen = texelFetch(made, ivec2(gl_FragCoord.xy), 0);
    seen = clamp(mix(seen, vec4(0.0), isnan(seen)), 0.0, 1.0);
    colour = vec4(to_linear(seen.rgb) * max(seen.a, opaque), dot(gains, vec2(read_here(a).a, read_here(b).a)));
}

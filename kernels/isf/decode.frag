#version 330 core
// An ISF shader's picture (sRGB, straight alpha) becomes linear light over black, seen through the deck's view.
#include "common/colour.glsl"
#include "common/picture.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture;
uniform float aspect;
uniform float opaque; // 1 where the shader never says how much it covers
uniform vec4 view; // a, b, tx, ty: the turn, and the way in half heights

void main() {
    vec2 at = uv;
    if (view != vec4(1.0, 0.0, 0.0, 0.0)) {
        // Half of the short side is 1, as for networks; beyond the picture it goes on mirrored.
        vec2 wide = vec2(max(aspect, 1.0), max(1.0 / aspect, 1.0));
        vec2 p = (uv * 2.0 - 1.0) * wide;
        p = vec2(view.x * p.x - view.y * p.y, view.y * p.x + view.x * p.y) + view.zw;
        at = fold(p / wide * 0.5 + 0.5);
    }
    vec4 seen = texture(picture, at);
    // As the 8 bits of other hosts have it: 0 to 1, and what is no number is nothing.
    seen = clamp(mix(seen, vec4(0.0), isnan(seen)), 0.0, 1.0);
    colour = vec4(to_linear(seen.rgb) * max(seen.a, opaque), 1.0);
}

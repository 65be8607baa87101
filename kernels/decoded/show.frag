#version 330 core
// A decoded sRGB picture of its own size fills the screen without being squashed, and becomes linear light, opaque.
#include "common/colour.glsl"
#include "common/cubic.glsl"
#include "cppn/lit.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture;
uniform vec2 pixels; // of the picture
uniform vec2 half_screen; // half of the screen, in halves of its short side
uniform vec2 cover;   // half of the picture, likewise
uniform vec4 view;    // a, b, tx, ty: see encoding.view_matrix, pans in halves of the short side

void main() {
    vec2 p = (2.0 * uv - 1.0) * half_screen;
    p = vec2(view.x * p.x - view.y * p.y + view.z, view.y * p.x + view.x * p.y + view.w);
    vec2 plane = PI * p;
    if (!is_flat()) p = project(plane) / PI;
    vec3 seen = cubic(picture, pixels, (0.5 + 0.5 * p / cover) * pixels);
    colour = vec4(lit(to_linear(seen), plane), 1.0);
}

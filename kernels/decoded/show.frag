#version 330 core
// A decoded sRGB picture of its own size fills the screen without being squashed, and becomes linear light, opaque.
// Catmull-Rom (Mitchell and Netravali 1988, B = 0, C = 1/2) in nine bilinear reads: from 128 pixels to 1280, bilinear alone
// shows the grid. Beyond its edges the picture is mirrored.
#include "common/colour.glsl"
#include "cppn/lit.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture;
uniform vec2 pixels; // of the picture
uniform vec2 half_screen; // half of the screen, in halves of its short side
uniform vec2 cover;   // half of the picture, likewise
uniform vec4 view;    // a, b, tx, ty: see encoding.view_matrix, pans in halves of the short side

vec3 read(vec2 pixel) {
    vec2 at = pixel / pixels;
    return texture(picture, 1.0 - abs(1.0 - mod(at, 2.0))).rgb;
}

void main() {
    vec2 p = (2.0 * uv - 1.0) * half_screen;
    p = vec2(view.x * p.x - view.y * p.y + view.z, view.y * p.x + view.x * p.y + view.w);
    vec2 plane = PI * p;
    if (!is_flat()) p = project(plane) / PI;
    vec2 at = (0.5 + 0.5 * p / cover) * pixels;
    vec2 centre = floor(at - 0.5) + 0.5;
    vec2 f = at - centre;
    vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    vec2 w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
    vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    vec2 w3 = f * f * (-0.5 + 0.5 * f);
    vec2 w12 = w1 + w2;
    vec2 near = centre - 1.0, middle = centre + w2 / w12, far = centre + 2.0;
    vec3 sum = w0.y * (w0.x * read(near) + w12.x * read(vec2(middle.x, near.y)) + w3.x * read(vec2(far.x, near.y)))
             + w12.y * (w0.x * read(vec2(near.x, middle.y)) + w12.x * read(middle) + w3.x * read(vec2(far.x, middle.y)))
             + w3.y * (w0.x * read(vec2(near.x, far.y)) + w12.x * read(vec2(middle.x, far.y)) + w3.x * read(far));
    colour = vec4(lit(to_linear(clamp(sum, 0.0, 1.0)), plane), 1.0);
}

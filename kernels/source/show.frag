#version 330 core
// A picture from outside fills the screen, looked at through a window that wanders over it; where it is seen through a codebook,
// what the codebook makes of it lies over it, cell by cell. Linear light, opaque. `reference.py` says the same in numpy.
#include "common/colour.glsl"
#include "common/cubic.glsl"
#include "cppn/lit.glsl"

in vec2 uv;
out vec4 colour;
uniform sampler2D picture; // sRGB that the card makes linear; its first row is the top one; mirrored beyond its edges
uniform vec2 pixels;       // of it
uniform vec2 half_screen;  // half of the screen, in halves of its short side
uniform vec2 cover;        // half of the picture, likewise
uniform vec4 view;         // a, b, tx, ty: see encoding.view_matrix, pans in halves of the short side
uniform vec3 window;       // its middle, 0..1 from the top left, and how much larger than the whole it is seen
uniform float through;     // 0: nothing is seen through the codebook
uniform sampler2D seen;    // what the codebook makes of the screen, sRGB
uniform sampler2D share;   // how much of it each cell shows, 0..1
uniform vec2 seen_pixels;
uniform vec2 seen_cover;   // half of it, in halves of the screen's short side

void main() {
    vec2 screen = (2.0 * uv - 1.0) * half_screen;
    vec2 p = vec2(view.x * screen.x - view.y * screen.y + view.z, view.y * screen.x + view.x * screen.y + view.w);
    vec2 plane = PI * p;
    if (!is_flat()) p = project(plane) / PI;
    vec2 at = window.xy + vec2(0.5, -0.5) * p / (cover * window.z);
    // Where a projection folds, two neighbours look at places far apart: no more than 2 levels of blur come of that.
    float across = length(dFdx(at) * pixels), down = length(dFdy(at) * pixels);
    float level = clamp(log2(max(max(across, down), 1e-6)), 0.0, log2(max(min(across, down), 1.0)) + 2.0);
    vec3 light = textureLod(picture, at, level).rgb;
    if (through > 0.0) {
        vec2 place = 0.5 + 0.5 * screen / seen_cover;
        light = mix(light, to_linear(cubic(seen, seen_pixels, place * seen_pixels)), texture(share, place).r);
    }
    colour = vec4(lit(light, plane), 1.0);
}

#version 330 core
// Fold the picture over a line, and over its perpendicular where both are wanted.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float aspect;
uniform float amount;
uniform vec2 normal; // unit vector across the line, towards the side that is kept
uniform float offset; // of the line from the middle, in picture heights
uniform float quad; // 1: the perpendicular too

void main() {
    vec2 p = centred(uv, aspect);
    vec2 along = vec2(-normal.y, normal.x);
    p -= 2.0 * amount * min(dot(p, normal) - offset, 0.0) * normal;
    p -= 2.0 * amount * quad * min(dot(p, along), 0.0) * along;
    colour = read(source, fold(uncentred(p, aspect)));
}
